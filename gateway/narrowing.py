"""The caller's filter on a derived record, carried down to the records it is derived from, so that they are asked for
no more than the answer needs. What is carried down is tested again on the derived rows: here it only has to keep every
row that could pass."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from auth.policy import LeafAccess
from gateway.allowed import FieldTest
from gateway.templates import Worked
from schema.catalog import Field
from schema.derive import (
    Computed,
    Expression,
    Grouped,
    Held,
    Joined,
    Kept,
    Latest,
    Node,
    Quantile,
    RowsOf,
    Spread,
    Together,
    cells,
    leaves,
)
from schema.predicates import TRUE
from schema.scalars import KARACHI


def narrowed(query: Node, asked: list[FieldTest], access: tuple[LeafAccess, ...]) -> dict[int, list[FieldTest]]:
    """Tests by the number of the leaf they narrow. A test that passes nulls is not carried: a row may have got its
    null on the way."""
    found: dict[int, list[FieldTest]] = {}
    for test in asked:
        name = test.field.column
        if test.op == "isNull" or test.condition != TRUE or name is None:
            continue
        for number, cell_name, expression in _origins(query, name, 0, None):
            cell = access[number].cells.get(cell_name)
            if cell is None or cell.hops or cell.condition != TRUE:
                continue
            totals = access[number].totals
            if totals is not None and totals.by is not None and cell.field.name not in totals.by:
                continue
            found.setdefault(number, []).extend(_carried(test, cell.field, expression))
    return found


def _origins(
    node: Node, name: str, first: int, expression: Expression | None
) -> Iterator[tuple[int, str, Expression | None]]:
    """Leaves and cells whose rows may be narrowed by a test of this cell, and what is worked out of them."""
    match node:
        case RowsOf():
            yield first, name, expression
        case Grouped(of=of, by=by) | Latest(of=of, by=by) | Quantile(of=of, by=by) | Held(of=of, by=by):
            if name in by:
                yield from _origins(of, name, first, expression)
        case Together(parts=parts):
            for part in parts:
                yield from _origins(part, name, first, expression)
                first += len(leaves(part))
        case Spread(of=of, first=first_day, last=last_day):
            if name != "month":
                yield from _origins(of, name, first, expression)
            elif expression is None:
                yield from _origins(of, first_day, first, BEGUN)
                yield from _origins(of, last_day, first, NOT_OVER)
        case Kept(of=of):
            yield from _origins(of, name, first, expression)
        case Computed(of=of, cells=added):
            worked = dict(added).get(name)
            if worked is None:
                yield from _origins(of, name, first, expression)
            elif expression is None and worked.function in CARRIED:
                yield from _origins(of, worked.reads[0], first, worked)
        case Joined(left=left, right=right, on=on):
            second = first + len(leaves(left))
            for one, other in on:
                if one == name:
                    yield from _origins(right, other, second, expression)
            if name in cells(left):
                yield from _origins(left, name, first, expression)
            else:
                yield from _origins(right, name, second, expression)


BEGUN = Expression("begun_in", ())
NOT_OVER = Expression("not_over_before", ())
"""Of what lasts from one day to another: it can only touch a month it has begun in, and in which it is not over."""
CARRIED = frozenset({"month_of", "fiscal_year_of", "day_of", "days_after"})


def _carried(test: FieldTest, part: Field, expression: Expression | None) -> list[FieldTest]:
    """The test told of the field itself; nothing where it cannot be told exactly enough."""
    if expression is None:
        return [FieldTest(part, test.op, test.value, TRUE)] if part.scalar is test.field.scalar else []
    if test.op == "in" and expression.function == "fiscal_year_of":
        return _in_years(test, part)
    if test.op != "eq":
        return []
    if expression.function == "days_after":
        if part.scalar.kind != "date":
            return []
        (days,) = expression.options
        shifted = Worked(test.value, lambda day: day - dt.timedelta(days=days), test.field.scalar.parse)
        return [FieldTest(part, "eq", shifted, TRUE)]
    if expression.function == "month_of" and part.scalar.kind == "text":
        return [FieldTest(part, "eq", test.value, TRUE)]

    def worked(function: Callable[[Any], Any]) -> Worked:
        return Worked(test.value, function, test.field.scalar.parse)

    if expression in (BEGUN, NOT_OVER):
        if part.scalar.kind != "date":
            return []
        if expression is BEGUN:
            return [FieldTest(part, "lt", worked(lambda value: _month(value)[1]), TRUE)]
        return [FieldTest(part, "gte", worked(lambda value: _month(value)[0]), TRUE)]
    if expression.function == "fiscal_year_of" and part.scalar.kind == "text":
        return [FieldTest(part, "in", worked(_months_of_year), TRUE)]
    bounds = BOUNDS[expression.function]
    moment: Callable[[dt.date], dt.date] = _moment if part.scalar.kind == "datetime" else _same
    if part.scalar.kind not in ("date", "datetime"):
        return []
    return [
        FieldTest(part, "gte", worked(lambda value: moment(bounds(value)[0])), TRUE),
        FieldTest(part, "lt", worked(lambda value: moment(bounds(value)[1])), TRUE),
    ]


def _in_years(test: FieldTest, part: Field) -> list[FieldTest]:
    """One of several fiscal years, told of a month or day: of a day from the first of them to the last."""

    def worked(function: Callable[[Any], Any]) -> Worked:
        def of_all(values: Any) -> Any:
            return function([_fiscal_year(value) for value in values or ()] or [NEVER])

        return Worked(test.value, of_all, test.field.scalar.parse)

    if part.scalar.kind == "text":
        return [FieldTest(part, "in", worked(lambda years: tuple(m for y in years for m in _months_between(*y))), TRUE)]
    if part.scalar.kind not in ("date", "datetime"):
        return []
    moment: Callable[[dt.date], dt.date] = _moment if part.scalar.kind == "datetime" else _same
    return [
        FieldTest(part, "gte", worked(lambda years: moment(min(first for first, _ in years))), TRUE),
        FieldTest(part, "lt", worked(lambda years: moment(max(after for _, after in years))), TRUE),
    ]


def _same(day: dt.date) -> dt.date:
    return day


def _moment(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), KARACHI)


NEVER = (dt.date.min, dt.date.min)
"""What is no month, year or day holds no moment."""


def _month(value: str) -> tuple[dt.date, dt.date]:
    try:
        first = dt.date.fromisoformat(f"{value}-01")
    except ValueError:
        return NEVER
    return first, (first + dt.timedelta(days=31)).replace(day=1)


def _day(value: dt.date) -> tuple[dt.date, dt.date]:
    return value, value + dt.timedelta(days=1)


def _fiscal_year(value: str) -> tuple[dt.date, dt.date]:
    try:
        year = int(value[:4])
        return dt.date(year, 7, 1), dt.date(year + 1, 7, 1)
    except ValueError:
        return NEVER


BOUNDS: dict[str, Callable[[Any], tuple[dt.date, dt.date]]] = {
    "month_of": _month, "fiscal_year_of": _fiscal_year, "day_of": _day,
}  # fmt: skip


def _months_of_year(value: str) -> tuple[str, ...]:
    return _months_between(*_fiscal_year(value))


def _months_between(first: dt.date, last: dt.date) -> tuple[str, ...]:
    """The months of a fiscal year; none of what is no year."""
    return tuple(f"{first.year + (month > 12)}-{(month - 1) % 12 + 1:02d}" for month in range(7, 19) if last > first)
