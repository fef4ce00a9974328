"""The steps of a derived record's query that look at rows of one group side by side: the latest of them, how long each
holds, the months it spreads over, a quantile of them. A row at a time; few rows come this far."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeAlias

from gateway.table import WITHHELD, PastBound
from gateway.working import day_of
from schema.derive.nodes import Gaps, Held, Latest, Node, Quantile, Spread
from schema.derive.shape import cells

Row: TypeAlias = tuple[Any, ...]


def _places(node: Node) -> Mapping[str, int]:
    return {name: at for at, name in enumerate(cells(node))}


def latest(node: Latest, rows: list[Any]) -> list[Any]:
    places = _places(node.of)
    by = [places[name] for name in node.by]
    order = [places[name] for name in (node.on, *node.then)]
    best: dict[Row, Any] = {}
    for row in rows:
        if row[order[0]] is None:
            continue
        key = tuple(row[at] for at in by)
        if key not in best or _rank(row, order) > _rank(best[key], order):
            best[key] = row
    return list(best.values())


def _rank(row: Row, order: list[int]) -> tuple[Any, ...]:
    return tuple((row[at] is not None, row[at]) if row[at] is not None else (False, 0) for at in order)


def held(node: Held, rows: list[Any], most: int) -> list[Any]:
    places = _places(node.of)
    by, on = [places[name] for name in node.by], places[node.on]
    groups: dict[Row, list[Any]] = {}
    for row in rows:
        if row[on] is not None:
            groups.setdefault(tuple(row[at] for at in by), []).append(row)
    found = []
    for members in groups.values():
        members.sort(key=lambda row: day_of(row[on]))
        for number, row in enumerate(members):
            if number + 1 < len(members):
                until = day_of(members[number + 1][on])
            else:
                until = _next_month(day_of(row[on]))
                for _ in range(node.months):
                    until = _next_month(until)
            found += [(*row, month, days) for month, days in _months(day_of(row[on]), until)]
            if len(found) > most:
                raise PastBound
    return found


def spread(node: Spread, rows: list[Any], most: int) -> list[Any]:
    places = _places(node.of)
    first, last = places[node.first], places[node.last]
    found = []
    for row in rows:
        if row[first] is not None and row[last] is not None:
            after = day_of(row[last]) + dt.timedelta(days=1)
            found += [(*row, month) for month, _ in _months(day_of(row[first]), after)]
            if len(found) > most:
                raise PastBound
    return found


def gaps(node: Gaps, rows: list[Any]) -> list[Any]:
    places = _places(node.of)
    by, on = [places[name] for name in node.by], places[node.on]
    groups: dict[Row, set[int]] = {}
    for row in rows:
        if row[on] is not None:
            groups.setdefault(tuple(row[at] for at in by), set()).add(row[on])
    found = []
    for key, known in groups.items():
        years = sorted(known)
        found += [(*key, one + 1, other - 1) for one, other in pairwise(years) if other - one > 1]
    return found


@lru_cache(4096)
def _next_month(day: dt.date) -> dt.date:
    return day.replace(day=1) + dt.timedelta(days=calendar.monthrange(day.year, day.month)[1])


@lru_cache(4096)  # thousands of rows hold from one count to the next, which are on the same days
def _months(start: dt.date, until: dt.date) -> tuple[tuple[str, int], ...]:
    """How many of the days from ``start`` to before ``until`` are in each month."""
    found = []
    while start < until:
        end = min(until, _next_month(start))
        found.append((start.isoformat()[:7], (end - start).days))
        start = end
    return tuple(found)


def quantile(node: Quantile, rows: list[Any]) -> list[Any]:
    places = _places(node.of)
    by, value = [places[name] for name in node.by], places[node.value]
    groups: dict[Row, list[Any]] = {}
    for row in rows:
        if row[value] is not None:
            groups.setdefault(tuple(row[at] for at in by), []).append(row[value])
    found = {
        key: WITHHELD if WITHHELD in values else _at_fraction(sorted(values), Fraction(node.fraction))
        for key, values in groups.items()
    }
    return [(*row, found.get(tuple(row[at] for at in by))) for row in rows]


def _at_fraction(values: list[Any], fraction: Fraction) -> Decimal:
    """Linear between the two nearest ranks, exact, six places at most."""
    place = fraction * (len(values) - 1)
    low = place.numerator // place.denominator
    high = min(low + 1, len(values) - 1)
    share = place - low
    exact = Fraction(values[low]) * (1 - share) + Fraction(values[high]) * share
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(Decimal("0.000001"), ROUND_HALF_EVEN)
