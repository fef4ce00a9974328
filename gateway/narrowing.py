"""The caller's filter on a derived record, carried down to the records it is derived from, so that they are asked for
no more than the answer needs. What is carried down is tested again on the derived rows: here it only has to keep every
row that could pass."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from auth.decisions import LeafAccess
from gateway.allowed import FieldTest
from gateway.templates import Worked
from schema.catalog import Field
from schema.derive import (
    Computed,
    Expression,
    Gaps,
    Grouped,
    Held,
    Joined,
    Kept,
    Latest,
    Node,
    Published,
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
        for number, cell_name, expression in origins(query, name, 0):
            cell = access[number].cells.get(cell_name)
            if cell is None or cell.hops or cell.condition != TRUE:
                continue
            totals = access[number].totals
            if totals is not None and totals.by is not None and cell.field.name not in totals.by:
                continue
            found.setdefault(number, []).extend(_carried(test, cell.field, expression))
    return found


def origins(
    node: Node, name: str, first: int, expression: Expression | None = None
) -> Iterator[tuple[int, str, Expression | None]]:
    """Leaves and cells whose rows may be narrowed by a test of this cell, and what is worked out of them."""
    match node:
        case RowsOf():
            yield first, name, expression
        case (
            Grouped(of=of, by=by) | Latest(of=of, by=by) | Quantile(of=of, by=by) | Held(of=of, by=by)
            | Gaps(of=of, by=by)
        ):  # fmt: skip
            if name in by:
                yield from origins(of, name, first, expression)
        case Published(of=of, table=table):
            if name in table:
                yield from origins(of, name, first, expression)
        case Together(parts=parts):
            for part in parts:
                yield from origins(part, name, first, expression)
                first += len(leaves(part))
        case Spread(of=of, first=first_day, last=last_day):
            if name != "month":
                yield from origins(of, name, first, expression)
            elif expression is None:
                yield from origins(of, first_day, first, BEGUN)
                yield from origins(of, last_day, first, NOT_OVER)
        case Kept(of=of):
            yield from origins(of, name, first, expression)
        case Computed(of=of, cells=added):
            names = [one for one, _ in added]
            if name not in names:
                yield from origins(of, name, first, expression)
            elif expression is None:
                at = names.index(name)
                worked = added[at][1]
                if worked.function in CARRIED and worked.reads[0] not in names[:at]:
                    yield from origins(of, worked.reads[0], first, worked)
        case Joined(left=left, right=right, on=on):
            second = first + len(leaves(left))
            for one, other in on:
                if one == name:
                    yield from origins(right, other, second, expression)
            if name in cells(left):
                yield from origins(left, name, first, expression)
            else:
                yield from origins(right, name, second, expression)


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
        shifted = Worked(test.value, lambda day: _before(day, days), test.field.scalar.parse)
        return [FieldTest(part, "eq", shifted, TRUE)]
    if expression.function == "month_of" and part.scalar.kind == "text":
        return [FieldTest(part, "eq", test.value, TRUE)]

    def worked(function: Callable[[Any], Any]) -> Worked:
        return Worked(test.value, function, test.field.scalar.parse)

    if expression in (BEGUN, NOT_OVER):
        if part.scalar.kind != "date":
            return []
        if expression is BEGUN:
            return [FieldTest(part, "lte", worked(lambda value: _month(value)[1]), TRUE)]
        return [FieldTest(part, "gte", worked(lambda value: _month(value)[0]), TRUE)]
    if expression.function == "fiscal_year_of" and part.scalar.kind == "text":
        return [FieldTest(part, "in", worked(_months_of_year), TRUE)]
    bounds = BOUNDS[expression.function]
    match part.scalar.kind:
        case "date":
            return [
                FieldTest(part, "gte", worked(lambda value: bounds(value)[0]), TRUE),
                FieldTest(part, "lte", worked(lambda value: bounds(value)[1]), TRUE),
            ]
        case "datetime":
            return [
                FieldTest(part, "gte", worked(lambda value: _moment(bounds(value)[0])), TRUE),
                FieldTest(part, "lt", worked(lambda value: _moment(_before(bounds(value)[1], -1))), TRUE),
            ]
    return []


def _in_years(test: FieldTest, part: Field) -> list[FieldTest]:
    """One of several fiscal years, told of a month or day: of a day from the first of them to the last."""

    def worked(function: Callable[[Any], Any]) -> Worked:
        def of_all(values: Any) -> Any:
            return function([_fiscal_year(value) for value in values or ()] or [NEVER])

        return Worked(test.value, of_all, test.field.scalar.parse)

    match part.scalar.kind:
        case "text":
            months = Worked(
                test.value, lambda values: tuple(month for value in values or () for month in _months_of_year(value)),
                test.field.scalar.parse,
            )  # fmt: skip
            return [FieldTest(part, "in", months, TRUE)]
        case "date":
            return [
                FieldTest(part, "gte", worked(lambda years: min(first for first, _ in years)), TRUE),
                FieldTest(part, "lte", worked(lambda years: max(last for _, last in years)), TRUE),
            ]
        case "datetime":
            after = worked(lambda years: _moment(_before(max(last for _, last in years), -1)))
            return [
                FieldTest(part, "gte", worked(lambda years: _moment(min(first for first, _ in years))), TRUE),
                FieldTest(part, "lt", after, TRUE),
            ]
    return []


def _moment(day: dt.date) -> dt.datetime:
    """The day's first moment, as far as it can be told in UTC too."""
    return dt.datetime.combine(max(day, dt.date(1, 1, 2)), dt.time(), KARACHI)


def _before(day: dt.date, days: int) -> dt.date:
    """The calendar's last or first day where there is none before it."""
    try:
        return day - dt.timedelta(days=days)
    except OverflowError:
        return dt.date.max if days < 0 else dt.date.min


NEVER = (dt.date(1900, 1, 2), dt.date(1900, 1, 1))
"""First and last day of what is no month, year or day."""


def _month(value: str) -> tuple[dt.date, dt.date]:
    try:
        first = dt.date.fromisoformat(f"{value}-01")
    except ValueError:
        return NEVER
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])


def _day(value: dt.date) -> tuple[dt.date, dt.date]:
    return value, value


def _fiscal_year(value: str) -> tuple[dt.date, dt.date]:
    try:
        year = int(value[:4])
        return dt.date(year, 7, 1), dt.date.max if year == dt.MAXYEAR else dt.date(year + 1, 6, 30)
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
