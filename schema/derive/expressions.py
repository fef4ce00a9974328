"""Cells worked out from others of the same row. What each function does is said here, and done in
``gateway.working``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from schema.derive.cell_tests import CellRef, Test, cells_of, told


@dataclass(frozen=True, slots=True)
class Expression:
    """``function`` of the cells in ``reads`` (see ``gateway.working``), with fixed ``options``. Null in, null out, but
    for ``first_of``, ``cases`` and ``plus``."""

    function: str
    reads: tuple[str, ...]
    options: tuple[Any, ...] = ()


def ratio(part: str, whole: str, *, times: int = 1, places: int = 2) -> Expression:
    """part / whole * times, half-even; null over nothing or zero."""
    return Expression("ratio", (part, whole), (times, places))


def minus(one: str, other: str) -> Expression:
    return Expression("minus", (one, other))


def plus(*names: str) -> Expression:
    """The sum of those that are there; null when none is."""
    return Expression("plus", names)


def added(*names: str) -> Expression:
    """The sum; null when one of them is."""
    return Expression("added", names)


def less_if(amount: str, reversal: str) -> Expression:
    """The amount, negative where the other cell is there: a reversal takes back what it names."""
    return Expression("less_if", (amount, reversal))


def or_else(name: str, value: Any) -> Expression:
    """The cell, or a fixed value where it is null."""
    return Expression("or_else", (name,), (value,))


def month_of(name: str) -> Expression:
    """2025-09 of a day or moment, by Karachi's calendar."""
    return Expression("month_of", (name,))


def day_of(name: str) -> Expression:
    """The day of a moment, by Karachi's calendar."""
    return Expression("day_of", (name,))


def fiscal_year_of(name: str) -> Expression:
    """2025-26 of a day, a moment or a month: July to June."""
    return Expression("fiscal_year_of", (name,))


def year_of(name: str) -> Expression:
    """2025 of a day or moment, by Karachi's calendar."""
    return Expression("year_of", (name,))


def date_of(name: str) -> Expression:
    """A day or moment as text, 2025-09-30, by Karachi's calendar."""
    return Expression("date_of", (name,))


def bound(part: str, whole: str, side: str, kind: str, *, times: int = 1, places: int = 2) -> Expression:
    """The ``low`` or ``high`` end of where part / whole * times lies with 95 % certainty. ``kind``: ``proportion``
    (Wilson's score), ``rate`` (a count of events over a size: Byar's approximation to Poisson) or ``exact`` (no
    chance in it: the ratio itself)."""
    return Expression("bound", (part, whole), (side, kind, times, places))


def exactly(name: str) -> Expression:
    """The number as a decimal."""
    return Expression("exactly", (name,))


def withheld(name: str) -> Expression:
    """Whether the cell is withheld."""
    return Expression("withheld", (name,))


def kept_back(name: str, count: str, k: int) -> Expression:
    """The cell, withheld where the count beside it is more than none and under ``k``."""
    return Expression("kept_back", (name, count), (k,))


def days_after(name: str, days: int) -> Expression:
    return Expression("days_after", (name,), (days,))


def first_of(*names: str) -> Expression:
    """The first cell that is there."""
    return Expression("first_of", names)


def head_of(name: str, length: int) -> Expression:
    """The first characters of a text: the major of a function code."""
    return Expression("head_of", (name,), (length,))


def joined(*names: str, between: str = "/") -> Expression:
    """Cells as one text, for keys made of several; null when one is."""
    return Expression("joined", names, (between,))


def last_day_of(name: str) -> Expression:
    """The last day of a period as it is written; null of what is only known now."""
    return Expression("last_day_of", (name,))


def fixed(value: Any) -> Expression:
    return Expression("fixed", (), (value,))


def day_in(year: str, month: int, day: int) -> Expression:
    """The day of a year that is a whole number."""
    return Expression("day_in", (year,), (month, day))


def worded(pattern: str, *names: str) -> Expression:
    """The cells put into a text: ``worded("Class {}, {}", "class", "status")``."""
    return Expression("worded", names, (pattern,))


def owner_of(record: str) -> Expression:
    """Who answers for the record, as its department declares it."""
    return Expression("owner_of", (), (record,))


def owners_then(day: str, name: str, reads: Iterable[tuple[str, str]]) -> Expression:
    """The text that ``Described`` calls the owners of a day by: ``name`` itself for those of today, which a day that is
    null stands for. ``reads``: the records and paths of fields whose owners those are."""
    return Expression("owners_then", (day,), (name, tuple(reads)))


def system_of(record: str) -> Expression:
    """The name of the system the record stands in."""
    return Expression("system_of", (), (record,))


def cases(*choices: tuple[Test, Any], otherwise: Any = None) -> Expression:
    """The value of the first test that holds; ``cell.<name>`` as a value is that cell."""
    chosen = tuple((test, told(value)) for test, value in choices)
    names = [name for test, _ in chosen for name in cells_of(test)]
    names += [value.name for _, value in (*chosen, (None, told(otherwise))) if isinstance(value, CellRef)]
    return Expression("cases", tuple(dict.fromkeys(names)), (chosen, told(otherwise)))
