"""The cells a derived record's query works out, a column at a time. Null in, null out, but where the expression says
otherwise; what is worked out of a withheld cell is withheld, whatever else is there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

from gateway import standing
from gateway.judging import passing
from gateway.table import WITHHELD, Column, Table
from schema.derive.cell_tests import CellRef
from schema.derive.expressions import Expression
from schema.periods import last_day
from schema.scalars import KARACHI


def worked_out(expression: Expression, names: Sequence[str], table: Table) -> Column:
    """The expression's column over a table with columns ``names``."""
    read = [table.columns[names.index(name)] for name in expression.reads]
    if expression.function == "withheld":
        return [cell is WITHHELD for cell in read[0]]
    hidden = _hidden(read) if table.withheld else []
    if not hidden:
        return _column(expression, read, table.size)
    seen = Table(tuple(read), table.size, True).told()
    found = list(_column(expression, list(seen.columns), table.size))
    for at in hidden:
        found[at] = WITHHELD
    return found


def _hidden(columns: list[Column]) -> list[int]:
    return sorted({at for column in columns for at, cell in enumerate(column) if cell is WITHHELD})


def _column(expression: Expression, read: list[Column], size: int) -> Column:
    options = expression.options
    match expression.function:
        case "fixed":
            return [options[0]] * size
        case "cases":
            return _cases(expression, Table(tuple(read), size))
        case "or_else":
            return [options[0] if cell is None else cell for cell in read[0]]
        case "less_if":
            amounts, reversals = read
            return [
                amount if reversal is None or amount is None else -amount
                for amount, reversal in zip(amounts, reversals, strict=True)
            ]
        case "kept_back":
            return [
                WITHHELD if counted is not None and 0 < counted < options[0] else kept
                for kept, counted in zip(*read, strict=True)
            ]
        case "first_of":
            return [next((cell for cell in cells if cell is not None), None) for cells in zip(*read, strict=True)]
        case "plus":
            return [sum_of([cell for cell in cells if cell is not None]) for cells in zip(*read, strict=True)]
    function = FUNCTIONS[expression.function]
    if expression.function in OF_DAYS:
        known = {cell: None if cell is None else function(cell, *options) for cell in set(read[0])}
        return [known[cell] for cell in read[0]]
    return [None if None in cells else function(*cells, *options) for cells in zip(*read, strict=True)]


def _cases(expression: Expression, table: Table) -> Column:
    """The value of the first test that a row passes."""
    choices, otherwise = expression.options

    def column(value: Any) -> Column:
        if isinstance(value, CellRef):
            return table.columns[expression.reads.index(value.name)]
        return [value] * table.size

    found = list(column(otherwise))
    for test, value in reversed(choices):
        own = column(value)
        for at, passes in enumerate(passing((test,), expression.reads, table)):
            if passes:
                found[at] = own[at]
    return found


def sum_of(found: list[Any]) -> Any:
    """Exact; null over nothing."""
    if not found:
        return None
    with localcontext() as context:
        context.prec = 60
        every = iter(found)
        return sum(every, next(every))


def _ratio(part: Any, whole: Any, times: int, places: int) -> Decimal | None:
    if whole == 0:
        return None
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(part) * times / Decimal(whole)
        return exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)


def day_of(value: Any) -> dt.date:
    """The day of a day or moment, by Karachi's calendar."""
    if isinstance(value, dt.datetime):
        return (value.astimezone(KARACHI) if value.tzinfo is not None else value).date()
    assert isinstance(value, dt.date)
    return value


def _month(value: Any) -> str:
    return value if isinstance(value, str) else day_of(value).isoformat()[:7]


def _fiscal_year(value: Any) -> str:
    year, month = (int(part) for part in _month(value).split("-"))
    first = year if month >= 7 else year - 1
    return f"{first}-{(first + 1) % 100:02d}"


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ratio": _ratio,
    "added": lambda *parts: sum_of(list(parts)),
    "minus": lambda one, other: one - other,
    "month_of": _month,
    "day_of": day_of,
    "fiscal_year_of": _fiscal_year,
    "year_of": lambda day: day_of(day).isoformat()[:4],
    "date_of": lambda day: day_of(day).isoformat(),
    "bound": standing.bound,
    "exactly": Decimal,
    "days_after": lambda day, days: day + dt.timedelta(days=days),
    "head_of": lambda text, length: text[:length],
    "last_day_of": last_day,
    "day_in": lambda year, month, day: dt.date(year, month, day),
    "worded": lambda *parts: parts[-1].format(*parts[:-1]),
    "joined": lambda *parts: parts[-1].join(map(str, parts[:-1])),
}


OF_DAYS = frozenset({"last_day_of", "month_of", "day_of", "fiscal_year_of", "year_of", "date_of", "days_after"})
"""Functions of one cell that has few different values, each worked out once."""
