"""The caller's filter on a derived record, carried down to the records it is derived from, so that they are asked for
no more than the answer needs. What is carried down is tested again on the derived rows: here it only has to keep every
row that could pass."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from auth.decisions import LeafAccess
from gateway.allowed import FieldTest
from gateway.templates import Worked
from schema.catalog import Field
from schema.derive import nodes
from schema.derive.expressions import Expression
from schema.derive.nodes import Node
from schema.derive.shape import cells, leaves
from schema.periods import Frequency, frequency_of, with_earlier
from schema.predicates import TRUE
from schema.scalars import KARACHI


def narrowed(query: Node, asked: list[FieldTest], access: tuple[LeafAccess, ...]) -> dict[int, list[FieldTest]]:
    """Tests by the number of the leaf they narrow. A test that passes nulls is not carried: a row may have got its
    null on the way. Leaves that are narrowed alike get the same tests, not only equal ones."""
    found: dict[int, list[FieldTest]] = {}
    known: dict[tuple[int, Field, Expression | None, int], list[FieldTest]] = {}
    past: dict[tuple[int, int], FieldTest | None] = {}
    for test in asked:
        name = test.field.column
        if test.op == "isNull" or test.condition != TRUE or name is None:
            continue
        for number, cell_name, expression, back in origins(query, name, Way(0)):
            cell = access[number].cells.get(cell_name)
            if cell is None or cell.hops or cell.condition != TRUE:
                continue
            totals = access[number].totals
            if totals is not None and totals.by is not None and cell.field.name not in totals.by:
                continue
            alike = (id(test), cell.field, expression, back)
            if alike not in known:
                if (id(test), back) not in past:
                    past[id(test), back] = _with_past(test, back)
                widened = past[id(test), back]
                known[alike] = [] if widened is None else _carried(widened, cell.field, expression)
            found.setdefault(number, []).extend(known[alike])
    return found


def _with_past(test: FieldTest, back: int) -> FieldTest | None:
    """Where rows are compared with earlier ones, those have to be read too."""
    if not back:
        return test
    if test.op not in ("eq", "in"):
        return None

    def periods(value: Any) -> tuple[str, ...]:
        return with_earlier([value] if test.op == "eq" else value or (), back)

    return FieldTest(test.field, "in", Worked(test.value, periods, test.field.scalar.parse), TRUE)


@dataclass(frozen=True, slots=True)
class Way:
    """Down a query: the number of its leftmost leaf here, what the cell is worked out as on the way, and with how many
    earlier periods rows are compared."""

    first: int
    expression: Expression | None = None
    back: int = 0

    def past(self, node: Node) -> Way:
        """The way to what stands right of ``node``."""
        return replace(self, first=self.first + len(leaves(node)))


def origins(node: Node, name: str, way: Way) -> Iterator[tuple[int, str, Expression | None, int]]:
    """Leaves and cells whose rows may be narrowed by a test of this cell, what is worked out of them, and how many
    earlier periods they need."""
    match node:
        case nodes.RowsOf():
            yield way.first, name, way.expression, way.back
        case (
            nodes.Grouped(of=of, by=by) | nodes.Latest(of=of, by=by) | nodes.Quantile(of=of, by=by)
            | nodes.Held(of=of, by=by) | nodes.Gaps(of=of, by=by) | nodes.Ranked(of=of, by=by)
        ):  # fmt: skip
            if name in by:
                yield from origins(of, name, way)
        case nodes.Published(of=of, table=table):
            if name in table:
                yield from origins(of, name, way)
        case nodes.Compared(of=of, by=by, period=period, back=back):
            if name in by:
                yield from origins(of, name, way)
            elif name == period:
                yield from origins(of, name, replace(way, back=way.back + back))
        case nodes.Parts(parts=named):
            for _, part in named:
                yield from origins(part, name, way)
                way = way.past(part)
        case nodes.Together(parts=parts):
            for part in parts:
                yield from origins(part, name, way)
                way = way.past(part)
        case nodes.Spread(of=of, first=first_day, last=last_day):
            if name != "month":
                yield from origins(of, name, way)
            elif way.expression is None:
                yield from origins(of, first_day, replace(way, expression=BEGUN))
                yield from origins(of, last_day, replace(way, expression=NOT_OVER))
        case nodes.Kept(of=of):
            yield from origins(of, name, way)
        case nodes.Computed(of=of, cells=added):
            names = [one for one, _ in added]
            if name not in names:
                yield from origins(of, name, way)
            elif way.expression is None:
                at = names.index(name)
                worked = added[at][1]
                if worked.function in CARRIED and worked.reads[0] not in names[:at]:
                    yield from origins(of, worked.reads[0], replace(way, expression=worked))
        case nodes.Joined(left=left, right=right, on=on):
            for one, other in on:
                if one == name:
                    yield from origins(right, other, way.past(left))
            if name in cells(left):
                yield from origins(left, name, way)
            else:
                yield from origins(right, name, way.past(left))


BEGUN = Expression("begun_in", ())
NOT_OVER = Expression("not_over_before", ())
"""Of what lasts from one day to another: it can only touch a month it has begun in, and in which it is not over."""
CARRIED = frozenset({"month_of", "fiscal_year_of", "day_of", "days_after", "year_of", "date_of"})


def _carried(test: FieldTest, part: Field, expression: Expression | None) -> list[FieldTest]:
    """The test told of the field itself; nothing where it cannot be told exactly enough."""
    if expression is None:
        return [FieldTest(part, test.op, test.value, TRUE)] if part.scalar is test.field.scalar else []
    if test.op == "in" and expression.function in SPANS:
        return _in_spans(test, part, *SPANS[expression.function])
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


def _in_spans(
    test: FieldTest, part: Field, frequency: Frequency, span: Callable[[str], tuple[dt.date, dt.date]]
) -> list[FieldTest]:
    """One of several months, years or fiscal years, told of a month or day: of a day from the first of them to the
    last. What is written as another kind of period is none of them."""

    def spans(values: Any) -> list[tuple[dt.date, dt.date]]:
        return [span(value) for value in values or () if frequency_of(value) is frequency] or [NEVER]

    def worked(function: Callable[[Any], Any]) -> Worked:
        return Worked(test.value, lambda values: function(spans(values)), test.field.scalar.parse)

    match part.scalar.kind:
        case "text":
            months = worked(lambda found: tuple(month for span in found for month in _months_between(*span)))
            return [FieldTest(part, "in", months, TRUE)]
        case "date":
            return [
                FieldTest(part, "gte", worked(lambda found: min(first for first, _ in found)), TRUE),
                FieldTest(part, "lte", worked(lambda found: max(last for _, last in found)), TRUE),
            ]
        case "datetime":
            return [
                FieldTest(part, "gte", worked(lambda found: _moment(min(first for first, _ in found))), TRUE),
                FieldTest(part, "lt", worked(lambda found: _moment(_before(max(last for _, last in found), -1))), TRUE),
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


def _year(value: str) -> tuple[dt.date, dt.date]:
    try:
        year = int(value)
        return dt.date(year, 1, 1), dt.date(year, 12, 31)
    except ValueError:
        return NEVER


def _written_day(value: str) -> tuple[dt.date, dt.date]:
    try:
        day = dt.date.fromisoformat(value)
    except ValueError:
        return NEVER
    return day, day


BOUNDS: dict[str, Callable[[Any], tuple[dt.date, dt.date]]] = {
    "month_of": _month, "fiscal_year_of": _fiscal_year, "day_of": _day, "year_of": _year, "date_of": _written_day,
}  # fmt: skip
SPANS: dict[str, tuple[Frequency, Callable[[str], tuple[dt.date, dt.date]]]] = {
    "month_of": (Frequency.MONTHLY, _month), "fiscal_year_of": (Frequency.FISCAL_YEAR, _fiscal_year),
    "year_of": (Frequency.ANNUAL, _year), "date_of": (Frequency.DAILY, _written_day),
}  # fmt: skip


def _months_of_year(value: str) -> tuple[str, ...]:
    return _months_between(*_fiscal_year(value))


def _months_between(first: dt.date, last: dt.date) -> tuple[str, ...]:
    """The months from one day's to the other's; none where the last is before the first."""
    found = []
    while first <= last:
        found.append(first.isoformat()[:7])
        if (first.year, first.month) == (dt.MAXYEAR, 12):
            break
        first = (first.replace(day=1) + dt.timedelta(days=31)).replace(day=1)
    return tuple(found)
