"""What cannot be read in rows somebody may not see is not told to them, though the source could not leave them out."""

from __future__ import annotations

import datetime as dt

from auth.credentials import Authenticator
from connectors.memory import MemoryConnector
from gateway.cursors import Sealer
from gateway.house import make_house
from gateway.run import Reach
from schema.catalog import Declared
from schema.classification import open_
from schema.codecs import yyyymmdd
from schema.declare import column, record
from schema.predicates import principal, row
from schema.resolve import resolve
from schema.rules import allow
from schema.sources import Capabilities, Department, Source
from tests.houses import AnyPrincipal, Desk, Remembered, person

archive = Department("archive", "Archives", "Archivist")
boxes = Source("boxes", "archive", "memory", "Boxes", Capabilities(key_columns=frozenset()))


@record(boxes, "files", key="code", size=10)
class File:
    """A file in a box that can only be emptied whole."""

    code: str = column("code", open_)
    district: str | None = column("dist", open_)
    opened_on: dt.date | None = column("opened", open_, codec=yyyymmdd)


ROWS = [
    {"code": "1", "dist": "KEC", "opened": "20250101"}, {"code": "2", "dist": "QUE", "opened": "no day"},
]  # fmt: skip
rules = (
    allow("auditor", File, up_to=open_),
    allow("district_officer", File, up_to=open_, where=row.district == principal.district),
)


def desk() -> Desk:
    believer, ledger = AnyPrincipal(), Remembered()
    authenticator: Authenticator = believer  # type: ignore[assignment]
    reach = Reach({"boxes": MemoryConnector(boxes, {"files": ROWS})}, Sealer(b"k" * 64))
    catalog = resolve([Declared(archive, (File,), rules)])
    return Desk(make_house(catalog, authenticator, ledger, reach), believer, ledger)


QUERY = "{ files { totalCount nodes { code openedOn } } }"


async def test_it_is_told_to_who_sees_the_row() -> None:
    for who in (person("auditor"), person("district_officer", district="QUE")):
        (error,) = (await desk().ask(QUERY, who))["errors"]
        assert error["message"] == "File.openedOn: a value of boxes.files.opened cannot be read"


async def test_it_is_not_told_to_who_does_not() -> None:
    data = await desk().data(QUERY, person("district_officer", district="KEC"))
    assert data == {"files": {"totalCount": 1, "nodes": [{"code": "1", "openedOn": "2025-01-01"}]}}


async def test_it_is_told_where_the_callers_own_filter_left_the_row_out() -> None:
    """Otherwise a filter would pass for complete though a value of the caller's own rows could not be compared."""
    query = '{ files(where: {openedOn: {gte: "2020-01-01"}}) { nodes { code } } }'
    answer = await desk().ask(query, person("district_officer", district="QUE"))
    assert answer["data"]["files"]["nodes"] == []
    assert len(answer["errors"]) == 1
