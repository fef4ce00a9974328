"""The queries that indicators stand for: a row for each indicator, level, place and period, in parts of which each may
be missing by itself."""

from __future__ import annotations

from collections.abc import Iterable

from schema.derive import (
    Expression,
    Query,
    bound,
    cases,
    cell,
    count,
    exactly,
    first_of,
    fixed,
    has,
    in_parts,
    joined,
    kept_back,
    lacks,
    last_day_of,
    minus,
    or_else,
    owners_then,
    ratio,
    withheld,
)
from schema.indicators import SITES, Direction, Figure, Indicator, lineage
from schema.owners import tenures
from schema.periods import CURRENT, Frequency

PROVINCE, DISTRICT = "PROVINCE", "DISTRICT"
WHOLE = "PK-BA"
"""The place of the province itself."""
PLACES = ("district", "facility", "school")


def values(indicators: Iterable[Indicator]) -> Query:
    """All values of the indicators, each with what it is made of, its bounds, target, past and rank."""
    parts = {
        f"{one.code} {level}": _part(one, level, by) for one in indicators for level, by in levels(one).items()
    }
    return in_parts(parts)


def levels(one: Indicator) -> dict[str, tuple[str, ...]]:
    """The levels the indicator can be told at, with the cells that name a place there."""
    have = frozenset.intersection(*(made.cells for made in one.figures.values()))
    found: dict[str, tuple[str, ...]] = {PROVINCE: ()}
    if "district" in have:
        found[DISTRICT] = ("district",)
    for level, site in SITES.items():
        if site in have and "district" in have:
            found[level] = (site, "district")
    return found


def _part(one: Indicator, level: str, by: tuple[str, ...]) -> Query:
    query = _beside(one.numerator, one.denominator, by, ("numerator", "denominator"))
    query = _complete(one, query, by)
    if one.frequency is Frequency.CURRENT:
        query = query.compute(period=fixed(CURRENT))
    absent: dict[str, Expression] = {place: fixed(None) for place in PLACES if place not in by}
    query = query.compute(
        **absent, indicator=fixed(one.code), department=fixed(one.department), frequency=fixed(one.frequency.value),
        level=fixed(level), better=fixed(one.direction is Direction.HIGHER_IS_BETTER),
        place=first_of("facility", "school", "district") if by else fixed(WHOLE),
        numerator=exactly("numerator"), denominator=exactly("denominator"),
    )  # fmt: skip
    if by:
        query = query.keep(*(has(name) for name in by))
    if one.k:
        query = _kept_back(query, one.k)
    figures = {"times": one.times, "places": one.places}
    query = query.compute(
        value=ratio("numerator", "denominator", **figures),
        low=bound("numerator", "denominator", "low", one.certainty, **figures),
        high=bound("numerator", "denominator", "high", one.certainty, **figures),
        target=_target(one),
    )
    query = query.compared(
        "place", period="period", value="value", low="low", high="high", better="better", back=one.back
    )
    return query.ranked("period", low="low", high="high", better="better").compute(
        met=_met(one), change=minus("value", "previous"), suppressed=withheld("value"),
        code=joined("indicator", "level", "place", "period"),
        owners_on=last_day_of("period"), owner=_owner(one),
        owners=owners_then("owners_on", one.code, dict.fromkeys(read[1:] for read in lineage(one))),
    )  # fmt: skip


def _beside(part: Figure, whole: Figure, by: tuple[str, ...], names: tuple[str, str]) -> Query:
    """Both figures in one row, for each place and period of the whole."""
    one, other = names
    over = _grouped(whole, by, other)
    under = _grouped(part, by, one)
    if "period" in part.cells and "period" not in whole.cells:
        every = f"every_{other}"
        periods = part.query.group("period", **{f"met_{other}": count()}).compute(**{every: fixed(1)})
        over = over.compute(**{every: fixed(1)}).join(periods, **{every: every})
    on = (*by, "period") if "period" in part.cells else by
    found = over.left_join(under, **{name: name for name in on})
    rows = {f"{one}_rows": or_else(f"{one}_rows", 0)}
    if part.zero:
        rows[one] = or_else(one, 0)
    return found.compute(**rows)


def _grouped(made: Figure, by: tuple[str, ...], name: str) -> Query:
    cells = (*by, "period") if "period" in made.cells else by
    measures = {name: made.measure, f"{name}_rows": made.rows}
    return made.query.group(*cells, **measures)


def _complete(one: Indicator, query: Query, by: tuple[str, ...]) -> Query:
    """Beside it how many of those expected have reported."""
    if one.reported is None or one.expected is None:
        return query.compute(completeness=fixed(None))
    beside = _beside(one.reported, one.expected, by, ("reported", "expected"))
    on = (*by, "period") if "period" in one.reported.cells else by
    beside = beside.compute(completeness=ratio("reported", "expected", times=100, places=1))
    return query.left_join(beside, **{name: name for name in on})


def _kept_back(query: Query, k: int) -> Query:
    """The numerator, and so the value, is withheld where it, what is left of the denominator, or that itself is
    small."""
    query = query.compute(rest=minus("denominator", "numerator"), kept=first_of("numerator"))
    for counted in ("denominator", "rest", "kept"):
        query = query.compute(
            numerator=kept_back("numerator", counted, k), numerator_rows=kept_back("numerator_rows", counted, k)
        )
    return query


def _target(one: Indicator) -> Expression:
    held = tuple((cell.period >= since, target) for since, target in reversed(one.targets))
    return cases(*held) if held else fixed(None)


def _owner(one: Indicator) -> Expression:
    """Who answered for the figure on the day it is of."""
    *former, now = tenures(one.owner)
    if not former:
        return fixed(now.post)
    return cases(*((cell.owners_on <= held.until, held.post) for held in former), otherwise=now.post)


def _met(one: Indicator) -> Expression:
    better = cell.value >= cell.target if one.direction is Direction.HIGHER_IS_BETTER else cell.value <= cell.target
    return cases((lacks("value"), None), (lacks("target"), None), (better, True), otherwise=False)
