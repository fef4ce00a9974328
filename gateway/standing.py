"""Where a figure stands: within which bounds it is certain, among its peers, and beside its own past. Pure; figures
whose bounds overlap are never told apart."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

from schema.derive.nodes import Compared, Ranked
from schema.periods import before

Z = Decimal("1.959963985")
"""Of 95 % certainty, both sides."""
IMPROVING, WORSENING, STEADY = "Improving", "Worsening", "Steady"


def bound(part: Any, whole: Any, side: str, kind: str, times: int, places: int) -> Decimal | None:
    """One end of the interval part / whole * times lies in, rounded outwards; the ratio itself where it is exact. Null
    over nothing."""
    if whole == 0:
        return None
    count, size = Decimal(part), Decimal(whole)
    with localcontext() as context:
        context.prec = 28
        share = count / size
        if kind == "proportion" and 0 <= share <= 1 and size > 0:
            share = _wilson(share, size, side)
        elif kind == "rate" and count >= 0 and size > 0:
            share = _byar(count, side) / size
        rounding = ROUND_HALF_EVEN if kind == "exact" else ROUND_FLOOR if side == "low" else ROUND_CEILING
        return (share * times).quantize(Decimal(1).scaleb(-places), rounding)


def _wilson(share: Decimal, size: Decimal, side: str) -> Decimal:
    """Wilson's score interval (1927): good for small numbers, and for shares near nothing and near all."""
    squared = Z * Z / size
    middle = share + squared / 2
    reach = Z * (share * (1 - share) / size + squared / (4 * size)).sqrt()
    found = (middle + (reach if side == "high" else -reach)) / (1 + squared)
    return min(max(found, Decimal(0)), Decimal(1))


def _byar(count: Decimal, side: str) -> Decimal:
    """Byar's approximation to the exact Poisson limits of a count of events."""
    events = count + 1 if side == "high" else count
    if events == 0:
        return Decimal(0)
    reach = Z / (3 * events.sqrt())
    found = 1 - 1 / (9 * events) + (reach if side == "high" else -reach)
    return max(Decimal(0), events * found * found * found)


def ranked(node: Ranked, rows: list[Any], places: Mapping[str, int], withheld: Any) -> list[Any]:
    """Each row with rank_from, rank_to, band and peers. Where all are told apart, rank_from is rank_to."""
    by = [places[name] for name in node.by]
    low, high, better = places[node.low], places[node.high], places[node.better]
    groups: defaultdict[tuple[Any, ...], dict[int, tuple[Any, Any]]] = defaultdict(dict)
    for number, row in enumerate(rows):
        ends = row[low], row[high]
        if all(end is not None and end is not withheld for end in ends):
            worst_best = ends if row[better] else (-ends[1], -ends[0])
            groups[tuple(row[at] for at in by)][number] = worst_best
    standing: dict[int, tuple[int, int, int, int]] = {}
    for members in groups.values():
        standing |= _standing(members)
    nowhere = (None,) * 4
    return [(*row, *standing.get(number, nowhere)) for number, row in enumerate(rows)]


def _standing(members: Mapping[int, tuple[Any, Any]]) -> dict[int, tuple[int, int, int, int]]:
    """By row: from which to which rank it may stand, its band, and how many there are. ``members``: the ends of its
    interval, the worse one first."""
    peers = len(members)
    worse_ends = sorted(worse for worse, _ in members.values())
    better_ends = sorted(best for _, best in members.values())
    bands: dict[int, int] = {}
    band, lowest = 0, None
    for number, (worse, best) in sorted(members.items(), key=lambda item: (item[1][1], item[1][0]), reverse=True):
        if lowest is None or best < lowest:
            band, lowest = band + 1, worse
        lowest = min(lowest, worse)
        bands[number] = band
    return {
        number: (
            1 + peers - bisect_right(worse_ends, best), peers - bisect_left(better_ends, worse), bands[number], peers
        )
        for number, (worse, best) in members.items()
    }  # fmt: skip


def compared(node: Compared, rows: list[Any], places: Mapping[str, int], withheld: Any) -> list[Any]:
    """Each row with the nearest earlier one of its own."""
    by, period, value = [places[name] for name in node.by], places[node.period], places[node.value]
    low, high, better = places[node.low], places[node.high], places[node.better]
    known = {(tuple(row[at] for at in by), row[period]): row for row in rows if row[period] is not None}
    earlier = {row[period]: before(row[period], node.back) for row in rows if row[period] is not None}
    found = []
    for row in rows:
        own = tuple(row[at] for at in by)
        past = next((known[own, one] for one in earlier.get(row[period], ()) if (own, one) in known), None)
        if past is None:
            found.append((*row, None, None, None))
        else:
            ends = (row[low], row[high], past[low], past[high])
            found.append((*row, past[period], past[value], _trend(ends, row[better], withheld)))
    return found


def _trend(ends: tuple[Any, Any, Any, Any], more_is_better: bool, withheld: Any) -> Any:
    if withheld in ends:
        return withheld
    if None in ends:
        return None
    low, high, past_low, past_high = ends
    if low <= past_high and past_low <= high:
        return STEADY
    return IMPROVING if (low > past_high) == more_is_better else WORSENING
