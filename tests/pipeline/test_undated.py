"""Rows without a recorded date: what is asked as it was known leaves them out, and provenance says how many."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from auth.credentials import Authenticator
from auth.principal import Principal
from connectors.memory import MemoryConnector
from gateway.cursors import Sealer
from gateway.house import make_house
from gateway.run import Reach
from schema.catalog import Declared
from schema.classification import open_
from schema.codecs import iso_stamp
from schema.declare import column, derived, many, record, taken
from schema.derive import rows, total
from schema.predicates import principal, row
from schema.resolve import resolve
from schema.rules import allow
from schema.sources import SQL, Capabilities, Department, Source
from tests.houses import AnyPrincipal, Desk, Remembered, person

treasury = Department("treasury", "Treasury", "Treasury Officer")
stamped = Source("stamped", "treasury", "sql", "Stamps of a database's own type", SQL)
written = Source("written", "treasury", "sql", "Stamps written as text", SQL)
listed = Source("listed", "treasury", "rest", "A service that only lists", Capabilities(key_columns=frozenset()))
worked_out = Source("worked_out", "treasury", "derived", "Worked out", Capabilities(key_columns=frozenset()))


@record(stamped, "entries", key="code", size=10, recorded="recorded_at")
class Entry:
    """A line of a book that says when it was written."""

    code: str = column("code", open_)
    office: str | None = column("office", open_)
    amount: int | None = column("amount", open_)
    recorded_at: dt.datetime | None = column("at", open_)
    slips = many("treasury.Slip", on="entry")


@record(written, "slips", key="code", size=10, recorded="recorded_at")
class Slip:
    """The same, its stamps as text."""

    code: str = column("code", open_)
    office: str | None = column("office", open_)
    entry: str | None = column("entry", open_)
    recorded_at: dt.datetime | None = column("at", open_, codec=iso_stamp)


@record(listed, "notes", key="code", size=10, recorded="recorded_at")
class Note:
    """The same, from a service that filters nothing."""

    code: str = column("code", open_)
    office: str | None = column("office", open_)
    recorded_at: dt.datetime | None = column("at", open_, codec=iso_stamp)


@derived(
    worked_out, rows("treasury.Entry", office="office", amount="amount").group("office", amount=total("amount")),
    key="office", size=10,
)  # fmt: skip
class OfficeSum:
    """What an office wrote down."""

    office: str = taken("office")
    amount: int | None = taken("amount")


STAMPS = ("2025-07-01T00:00:00+00:00", "2025-07-02T00:00:00+00:00", "2025-07-09T00:00:00+00:00", None, None, None)
"""Known then, known then, known later, and three that nobody dated."""
OFFICES = ("KEC", "QUE", "KEC", "KEC", "KEC", "QUE")
CLERK = person("auditor")
THEN = "2025-07-05T00:00:00+05:00"


def _rows(stamp: Any, **more: Any) -> list[dict[str, Any]]:
    return [
        {"code": f"C{at}", "office": office, "at": None if told is None else stamp(told),
         **{name: value(at) for name, value in more.items()}}
        for at, (told, office) in enumerate(zip(STAMPS, OFFICES, strict=True))
    ]  # fmt: skip


@pytest.fixture
def desk() -> Desk:
    records = (Entry, Slip, Note, OfficeSum)
    rules = tuple(allow("auditor", one, up_to=open_) for one in records) + tuple(
        allow("district_officer", one, up_to=open_, where=row.office == principal.district) for one in records[:3]
    )
    catalog = resolve([Declared(treasury, records, rules)])
    held = {
        "stamped": {"entries": _rows(dt.datetime.fromisoformat, amount=lambda at: 10**at)},
        "written": {"slips": _rows(str, entry=lambda at: "C0")},
        "listed": {"notes": _rows(str)},
    }
    connectors = {name: MemoryConnector(catalog.sources[name], tables) for name, tables in held.items()}
    believer, ledger = AnyPrincipal(), Remembered()
    authenticator: Authenticator = believer  # type: ignore[assignment]
    return Desk(make_house(catalog, authenticator, ledger, Reach(connectors, Sealer(b"k" * 64))), believer, ledger)


async def undated(desk: Desk, query: str, who: Principal = CLERK) -> tuple[Any, dict[str, int]]:
    """The data, and by record what provenance says of rows without a recorded date."""
    answer = await desk.ask(query, who, provenance=True)
    assert "errors" not in answer, answer
    sources = [source for told in answer["extensions"]["provenance"] for source in told["sources"]]
    return answer["data"], {one["record"]: one["undated"] for one in sources if "undated" in one}


@pytest.mark.parametrize(("root", "record_name"), [("entries", "Entry"), ("slips", "Slip"), ("notes", "Note")])
async def test_they_are_left_out_and_counted_on_every_kind_of_source(root: str, record_name: str, desk: Desk) -> None:
    data, left = await undated(desk, f'{{ {root}(asKnownAt: "{THEN}") {{ totalCount nodes {{ code }} }} }}')
    assert data[root] == {"totalCount": 2, "nodes": [{"code": "C0"}, {"code": "C1"}]}
    assert left == {record_name: 3}
    data, left = await undated(desk, f"{{ {root} {{ totalCount }} }}")
    assert data[root] == {"totalCount": 6}
    assert left == {}


@pytest.mark.parametrize("root", ["entries", "slips", "notes"])
async def test_only_those_are_counted_that_would_be_in_the_answer(root: str, desk: Desk) -> None:
    query = f'{{ {root}(asKnownAt: "{THEN}", where: {{office: {{eq: "QUE"}}}}) {{ nodes {{ code }} }} }}'
    data, left = await undated(desk, query)
    assert data[root]["nodes"] == [{"code": "C1"}]
    assert set(left.values()) == {1}


@pytest.mark.parametrize("root", ["entries", "slips", "notes"])
async def test_the_count_tells_nothing_of_rows_that_a_rule_hides(root: str, desk: Desk) -> None:
    query = f'{{ {root}(asKnownAt: "{THEN}") {{ nodes {{ code }} }} }}'
    data, left = await undated(desk, query, person("district_officer", district="KEC"))
    assert data[root]["nodes"] == [{"code": "C0"}]
    assert set(left.values()) == {2}


async def test_links_and_derived_records_count_what_they_leave_out(desk: Desk) -> None:
    data, left = await undated(
        desk, f'{{ entries(asKnownAt: "{THEN}") {{ nodes {{ slips {{ nodes {{ code }} }} }} }} }}'
    )
    assert data["entries"]["nodes"] == [
        {"slips": {"nodes": [{"code": "C0"}, {"code": "C1"}]}},
        {"slips": {"nodes": []}},
    ]
    assert left == {"Entry": 3, "Slip": 3}
    data, left = await undated(desk, f'{{ officeSums(asKnownAt: "{THEN}") {{ nodes {{ office amount }} }} }}')
    assert data["officeSums"]["nodes"] == [{"office": "KEC", "amount": 1}, {"office": "QUE", "amount": 10}]
    assert left == {"Entry": 3}
