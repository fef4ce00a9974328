"""The check finds what a connector does wrong: each of these is right but for one thing."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors import memory
from connectors.conformance import Report, check_connector
from schema.catalog import Declared, Record
from schema.classification import open_
from schema.codecs import Codec, decimal, identity, stripped
from schema.declare import column, record
from schema.fetch import (
    EVERYTHING,
    AllOf,
    Among,
    AnyOf,
    Column,
    Comparison,
    Complement,
    Condition,
    Fetch,
    Function,
    NullCheck,
    RowBudgetExceeded,
    Rows,
    SourceUnavailable,
)
from schema.resolve import resolve
from schema.sources import SQL, Department, Source

department = Department("test", "A department", "Its secretary")
source = Source("till", "test", "memory", "A till", SQL)


@record(source, "sales", key="code")
class Sale:
    """A sale."""

    code: str = column("code", open_)
    place: str | None = column("place", open_, codec=stripped)
    pieces: int | None = column("pieces", open_)
    price: Decimal | None = column("price", open_, codec=decimal(2))
    sold_on: dt.date | None = column("sold_on", open_)
    note: str | None = column("note", open_)


SALE = resolve([Declared(department, (Sale,), ())]).records["test.Sale"]
NOTES = ("ant", "Ant", "Zebra", "zebra", "a%b", "a_b", "a\\b", "it's", "", "\N{LATIN SMALL LETTER E WITH ACUTE}t\u00e9")
ROWS: list[dict[str, Any]] = [
    {
        "code": f"S{number:03d}",
        "place": None if number % 11 == 0 else (f" Kech{number % 4} ", f"Kech{number % 4}")[number % 2],
        "pieces": None if number % 5 == 0 else number % 7,
        "price": None if number % 6 == 0 else Decimal("0.10") * (number % 9) + Decimal("1000000000000.01"),
        "sold_on": None if number % 4 == 0 else dt.date(2025, 1 + number % 12, 1 + number % 28),
        "note": None if number % 7 == 0 else NOTES[number % len(NOTES)],
    }
    for number in range(1, 91)
]
Answer = Callable[[Fetch], list[Any]]


class Told:
    """A connector that gives what the function says."""

    def __init__(self, answer: Callable[[Fetch], Any]) -> None:
        self.source = source
        self._answer = answer

    async def fetch(self, fetch: Fetch, /) -> Rows:
        if fetch.deadline < asyncio.get_running_loop().time():
            raise memory.SourceTimeout("late")
        return Rows(self._answer(fetch))

    async def aclose(self) -> None:
        return None


def right(fetch: Fetch) -> list[Any]:
    return memory.answer(fetch, ROWS)


def over(rows: Callable[[dict[str, Any]], dict[str, Any]]) -> Answer:
    """Answers right over rows that are not quite these."""
    return lambda fetch: memory.answer(fetch, [rows(row) for row in ROWS])


def reshaped(change: Callable[[Fetch], Fetch]) -> Answer:
    """Answers right what was not quite asked."""
    return lambda fetch: right(change(fetch))


def conditions(condition: Condition, change: Callable[[Condition], Condition]) -> Condition:
    match condition:
        case AllOf(parts=parts):
            return change(AllOf(tuple(conditions(part, change) for part in parts)))
        case AnyOf(parts=parts):
            return change(AnyOf(tuple(conditions(part, change) for part in parts)))
        case Complement(part=part):
            return change(Complement(conditions(part, change)))
    return change(condition)


def with_where(change: Callable[[Condition], Condition]) -> Answer:
    def asked(fetch: Fetch) -> Fetch:
        return replace(fetch, shape=replace(fetch.shape, where=conditions(fetch.shape.where, change)))

    return reshaped(asked)


def three_valued(condition: Condition) -> Condition:
    """NOT as SQL has it: unknown stays unknown."""
    if isinstance(condition, Complement) and isinstance(condition.part, Comparison):
        return AllOf((condition, Complement(NullCheck(condition.part.column))))
    return condition


def lower(value: Any) -> Any:
    if isinstance(value, (tuple, frozenset)):
        return tuple(map(lower, value))
    return value.lower() if isinstance(value, str) else value


def case_blind(fetch: Fetch) -> list[Any]:
    """Compares like a database with a loose collation: the rows are right, there are too many of them."""
    found = memory.answer(
        replace(fetch, keys=lower(fetch.keys), params=lower(fetch.params)),
        [{name: lower(value) for name, value in row.items()} | {"_": row} for row in ROWS],
    )
    if fetch.shape.measures:
        return found
    by_lower = {tuple(lower(row[cell.column.name]) for cell in fetch.shape.cells): row for row in ROWS}
    return [
        tuple(by_lower[row][cell.column.name] for cell in fetch.shape.cells) if row in by_lower else row
        for row in found
    ]  # fmt: skip


def patterns(fetch: Fetch) -> list[Any]:
    """LIKE without escapes: a per cent sign in the search text matches anything."""
    return right(replace(fetch, params=tuple("" if value == "%" else value for value in fetch.params)))


def float_sums(fetch: Fetch) -> list[Any]:
    sums = [measure.function is Function.SUM for measure in fetch.shape.measures]
    start = len(fetch.shape.groups)
    return [
        tuple(
            Decimal(str(float(value))) + Decimal("0.001")
            if at >= start and sums[at - start] and isinstance(value, Decimal) else value
            for at, value in enumerate(row)
        )
        for row in right(fetch)
    ]  # fmt: skip


def no_normaliser(fetch: Fetch) -> Fetch:
    def plain(column: Column) -> Column:
        return replace(column, normaliser=None)

    key = fetch.shape.key
    return replace(fetch, shape=replace(fetch.shape, key=None if key is None else plain(key)))


def ordered_by_locale(fetch: Fetch) -> list[Any]:
    """As a dictionary has it: capitals beside small letters."""
    shape = fetch.shape
    if not shape.order or shape.limited or shape.order[0].cell.column.kind != "text":
        return right(fetch)
    names = [cell.column.name for cell in shape.cells]
    found = right(replace(fetch, shape=replace(shape, order=())))
    place = names.index(shape.order[0].cell.column.name)
    return sorted(found, key=lambda row: (row[place] is None, str(row[place]).casefold()))


def nulls_first(fetch: Fetch) -> list[Any]:
    shape = fetch.shape
    found = right(fetch)
    if not shape.order or shape.limited or shape.measures or shape.order[0].descending:
        return found
    place = [cell.column.name for cell in shape.cells].index(shape.order[0].cell.column.name)
    return [row for row in found if row[place] is None] + [row for row in found if row[place] is not None]


def one_row_lost(fetch: Fetch) -> list[Any]:
    found = right(fetch)
    return found[:-1] if fetch.shape.key is not None and len(found) > 3 and not fetch.shape.limited else found


def null_keys(fetch: Fetch) -> list[Any]:
    if fetch.shape.key is None or fetch.shape.measures:
        return right(fetch)
    return right(fetch) + [
        tuple(row[cell.column.name] for cell in fetch.shape.cells) for row in ROWS
        if row[fetch.shape.key.name] is None
    ]  # fmt: skip


def budget_ignored(fetch: Fetch) -> list[Any]:
    return right(replace(fetch, max_rows=None))


def budget_too_small(fetch: Fetch) -> list[Any]:
    if fetch.max_rows is not None:
        raise RowBudgetExceeded("never enough")
    return right(fetch)


def strings(fetch: Fetch) -> list[Any]:
    return [tuple(str(value) if type(value) is dt.date else value for value in row) for row in right(fetch)]


def foreign_error(fetch: Fetch) -> list[Any]:
    if fetch.shape.groups:
        raise KeyError("driver")
    return right(fetch)


def never_grouped(fetch: Fetch) -> list[Any]:
    if fetch.shape.groups:
        raise SourceUnavailable("cannot group")
    return right(fetch)


def empty_total_missing(fetch: Fetch) -> list[Any]:
    whole = fetch.shape.measures and not fetch.shape.groups
    return [row for row in right(fetch) if not (whole and row[0] == 0)]


class Writing(Told):
    """Takes a row away at each key it is asked for."""

    def __init__(self) -> None:
        self.rows = list(ROWS)
        super().__init__(self._take)

    def _take(self, fetch: Fetch) -> list[Any]:
        found = memory.answer(fetch, self.rows)
        if fetch.max_rows is not None:
            self.rows = self.rows[:-1]
        return found


def unlimited(fetch: Fetch) -> Fetch:
    return replace(fetch, shape=replace(fetch.shape, limited=False, per_key=False))


def limited_over_all_keys(fetch: Fetch) -> Fetch:
    return replace(fetch, shape=replace(fetch.shape, per_key=False))


def shown(fetch: Fetch) -> Fetch:
    return replace(fetch, shape=replace(fetch.shape, cells=tuple(replace(c, when=None) for c in fetch.shape.cells)))


def turned(fetch: Fetch) -> Fetch:
    cells = tuple(sorted(fetch.shape.cells, key=lambda cell: cell.column.name))
    return replace(fetch, shape=replace(fetch.shape, cells=cells))


def greater_for_at_least(condition: Condition) -> Condition:
    if isinstance(condition, Comparison) and condition.op == "gte":
        return replace(condition, op="gt")
    return condition


def either_for_both(condition: Condition) -> Condition:
    return AnyOf(condition.parts) if isinstance(condition, AllOf) and len(condition.parts) > 1 else condition


def every_row_of_the_other(condition: Condition) -> Condition:
    return replace(condition, where=EVERYTHING) if isinstance(condition, Among) else condition


def null_joined_to_null(condition: Condition) -> Condition:
    return AnyOf((condition, NullCheck(condition.column))) if isinstance(condition, Among) else condition


WRONG: dict[str, tuple[Answer, str]] = {
    "joins to every row": (with_where(every_row_of_the_other), "join"),
    "joins null to null": (with_where(null_joined_to_null), "join"),
    "loses a row": (one_row_lost, "keys"),
    "matches null with a key": (null_keys, "keys"),
    "does not trim keys": (reshaped(no_normaliser), "keys"),
    "ignores case": (case_blind, "operator eq"),
    "reads patterns": (patterns, "operator contains"),
    "takes > for >=": (with_where(greater_for_at_least), "operator gte"),
    "knows a third truth": (with_where(three_valued), "complement"),
    "takes or for and": (with_where(either_for_both), "combination"),
    "orders like a dictionary": (ordered_by_locale, "order"),
    "puts nulls first": (nulls_first, "order"),
    "gives more than the limit": (reshaped(unlimited), "limit"),
    "limits all keys together": (reshaped(limited_over_all_keys), "per-key limit"),
    "adds floats": (float_sums, "exact sum"),
    "has no row for no rows": (empty_total_missing, "group"),
    "shows every cell": (reshaped(shown), "conditional cell"),
    "turns columns round": (reshaped(turned), "projection"),
    "gives text for dates": (strings, "projection"),
    "ignores the budget": (budget_ignored, "row budget"),
    "refuses a full budget": (budget_too_small, "row budget"),
    "lets a driver's error through": (foreign_error, "group"),
    "cannot do what it declares": (never_grouped, "group"),
}


async def checked(connector: Any, about: Record = SALE) -> Report:
    return await check_connector(connector, about, rows=ROWS)


async def test_a_right_connector_passes() -> None:
    report = await checked(Told(right))
    assert report.ok, str(report)


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_connector_is_caught(name: str) -> None:
    answer, promise = WRONG[name]
    report = await checked(Told(answer))
    assert promise in report.broken, str(report)


async def test_a_connector_that_changes_its_source_is_caught() -> None:
    report = await checked(Writing())
    assert "nothing changed" in report.broken


async def test_a_connector_that_answers_after_its_deadline_is_caught() -> None:
    class Late(Told):
        async def fetch(self, fetch: Fetch, /) -> Rows:
            return Rows(right(fetch))

    assert (await checked(Late(right))).broken == {"deadline"}


async def test_answers_of_fetches_at_once_must_not_be_mixed_up() -> None:
    class Mixing(Told):
        last: Fetch | None = None

        async def fetch(self, fetch: Fetch, /) -> Rows:
            self.last = fetch
            await asyncio.sleep(0)
            assert self.last is not None
            return await super().fetch(self.last)

    assert "fetches at once" in (await checked(Mixing(right))).broken


async def test_every_violation_is_told_with_no_value_of_a_row() -> None:
    report = await checked(Told(ordered_by_locale))
    assert len(report.violations) > 1
    assert str(report).startswith("test.Sale: 90 rows, ")
    assert "  order: note ascending: the rows are not in the order asked for" in str(report)
    for value in ("S001", "Zebra", "Kech1"):
        assert value not in str(report)


BROKEN_CODECS: dict[str, tuple[Codec, str]] = {
    "spelling left out": (
        Codec("half", lambda raw: raw.lower(), lambda value: (value,), kind="text", total=True),
        "spellings hold the raw itself",
    ),
    "spelling that means something else": (
        Codec("two", lambda raw: raw, lambda value: (value, value + "!"), kind="text", total=True),
        "every spelling means the value",
    ),
    "order lost": (
        Codec("back", lambda raw: raw[::-1], lambda value: (value[::-1],), kind="text", total=True, ordered=True),
        "ordered: raws sort as their values do",
    ),
    "not total": (
        Codec("holes", lambda raw: raw or None, lambda value: (value,), kind="text", total=True),
        "total: every raw has a value",
    ),
    "raises what it must not": (
        Codec("crash", lambda raw: {}[raw], lambda value: (value,), kind="text"),
        "decode answers or calls the value unreadable",
    ),
    "another inline": (replace(identity, kind="text", inline="{v}.upper()"), "inline says what decode says"),
    "another factor": (
        replace(identity, kind="int", factor=Decimal(2)),
        "factor: the value is the raw times the factor",
    ),
    "another normaliser": (
        replace(stripped, decode=str.upper, inline=None),
        "the normalised raw is the value",
    ),
}


@pytest.mark.parametrize("name", BROKEN_CODECS)
async def test_a_codec_that_breaks_its_word_is_caught(name: str) -> None:
    codec, told = BROKEN_CODECS[name]
    field = "pieces" if codec.kind == "int" else "note"
    parts = {**SALE.fields, field: replace(SALE.fields[field], codec=codec)}
    report = await checked(Told(right), replace(SALE, fields=parts))
    broken = [violation.case for violation in report.violations if violation.promise == "codec"]
    assert any(told in case for case in broken), str(report)
