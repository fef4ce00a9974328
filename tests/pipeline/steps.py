"""A department of tests with one derived record for each kind of step of a query, over few random rows."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from auth.credentials import Authenticator
from connectors.memory import MemoryConnector
from gateway.allowed import FieldTest
from gateway.cursors import Sealer
from gateway.house import make_house
from gateway.run import Reach
from gateway.templates import Literal
from schema.catalog import Declared, Field, Record
from schema.classification import open_
from schema.declare import column, derived, record, taken
from schema.derive import Query, cell, count, days_after, fiscal_year_of, has, joined, month_of, or_else, rows, total
from schema.derive.shape import cells
from schema.predicates import TRUE
from schema.resolve import resolve
from schema.rules import allow
from schema.sources import SQL, Capabilities, Department, Source
from tests.houses import AnyPrincipal, Desk, Remembered

office = Department("office", "Office", "Head of office")
paper = Source("paper", "office", "sql", "Papers", SQL)
table = Source("table", "office", "derived", "Worked out", Capabilities(key_columns=frozenset()))


@record(paper, "ones", key="code", size=40)
class One:
    """One side."""

    code: str = column("code", open_)
    kind: str | None = column("kind", open_)
    day: dt.date | None = column("day", open_)
    number: int | None = column("number", open_)


@record(paper, "others", key="code", size=40)
class Other:
    """The other side."""

    code: str = column("code", open_)
    kind: str | None = column("kind", open_)
    day: dt.date | None = column("day", open_)
    number: int | None = column("number", open_)


one = rows("office.One", code="code", kind="kind", day="day", number="number")
other = rows("office.Other", code="code", kind="kind", day="day", number="number")
counts = rows("office.Other", kind="kind", number="number").group("kind", many=count(), sum=total("number"))
named = rows("office.Other", other="code", kind="kind", size="number")
QUERIES: dict[str, Query] = {
    "kept": one.keep(has("kind"), cell.number > 3),
    "grouped": one.group("kind", "day", many=count(), sum=total("number")).compute(code=joined("kind", "day")),
    "inner": one.join(named, kind="kind").compute(code=joined("code", "other")),
    "left": one.left_join(counts, kind="kind"),
    "without": one.without(named, kind="kind", number="size"),
    "matched": rows("office.One", code="code", day="day", size="number").match(
        rows("office.Other", there="code", day="day"), day="day"
    ).compute(code=joined("code", "there")).keep(has("code")),
    "computed": one.compute(month=month_of("day"), year=fiscal_year_of("day"), later=days_after("day", 2)),
    "recomputed": one.compute(day=days_after("day", 40), month=month_of("day"), number=or_else("number", 5)),
    "latest": one.latest("kind", on="day", then=("code",)),
    "held": one.held("kind", on="day", months=1).compute(code=joined("code", "month")),
    "spread": one.compute(last=days_after("day", 50)).spread("day", "last").compute(code=joined("code", "month")),
    "together": one.together(rows("office.Other", number="number", day="day", kind="kind", code="code")),
    "quantile": one.quantile("median", "number"),
    "quantile_by": one.quantile("median", "number", by=("kind",)),
}  # fmt: skip
TYPES: dict[str, Any] = dict.fromkeys(("number", "size", "many", "sum", "days"), int)
TYPES |= dict.fromkeys(("day", "later", "last"), dt.date)


def _declared(name: str, query: Query) -> type[Any]:
    names = [one for one in cells(query.node) if one != "median"]
    members: dict[str, Any] = {cell_name: taken(cell_name) for cell_name in names}
    members |= {
        "__doc__": "Worked out.", "__module__": __name__,
        "__annotations__": {one: TYPES.get(one, str) | None if one != "code" else str for one in names},
    }  # fmt: skip
    declare = derived(table, query, key=names[0] if "code" not in names else "code", size=40, plural=f"{name}Rows")
    return declare(type(name.title().replace("_", ""), (), members))


RECORDS = {name: _declared(name, query) for name, query in QUERIES.items()}
declared = Declared(
    office, (One, Other, *RECORDS.values()),
    tuple(allow("public", each, up_to=open_) for each in (One, Other, *RECORDS.values())),
)  # fmt: skip


DAYS = [None, *(dt.date(2025, *day) for day in ((5, 31), (6, 30), (7, 1), (7, 3), (8, 15)))]


def random_rows(seed: int, prefix: str) -> list[dict[str, Any]]:
    """Few kinds, days and numbers, with nulls and ties."""
    chance = random.Random(f"{seed}{prefix}")
    return [
        {
            "code": f"{prefix}{at:02d}", "kind": chance.choice([None, "a", "b", "c"]),
            "day": chance.choice(DAYS),
            "number": chance.choice([None, 1, 2, 5, 5, 8]),
        }
        for at in range(24)
    ]  # fmt: skip


def desk(seed: int) -> Desk:
    """The office over random rows."""
    believer, ledger = AnyPrincipal(), Remembered()
    authenticator: Authenticator = believer  # type: ignore[assignment]
    papers = {"ones": random_rows(seed, "A"), "others": random_rows(seed, "B")}
    reach = Reach({"paper": MemoryConnector(paper, papers)}, Sealer(b"k" * 64))
    return Desk(make_house(resolve([declared]), authenticator, ledger, reach), believer, ledger)


def record_of(desk: Desk, name: str) -> Record:
    type_name = RECORDS[name].__name__
    return desk.house.catalog.records[f"office.{type_name}"]


def equal(part: Field, value: Any) -> FieldTest:
    return FieldTest(part, "eq", Literal(value), TRUE)


__all__ = ["QUERIES", "RECORDS", "desk", "equal", "record_of"]
