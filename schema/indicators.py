"""How an indicator is declared: what it means, of which figures it is made, who answers for it and what it should be.
Data only; ``schema.evaluation`` makes queries of it, and the catalog tells what is wrong, with file and line."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from schema.derive import Measured, Query, count
from schema.derive.shape import cells, leaves
from schema.errors import meant
from schema.lineage import trace
from schema.owners import Owner, owner_problems
from schema.periods import Frequency
from schema.predicates import fields_of


class Direction(StrEnum):
    HIGHER_IS_BETTER = "HIGHER_IS_BETTER"
    LOWER_IS_BETTER = "LOWER_IS_BETTER"


class Certainty(StrEnum):
    """What chance there is in a figure, so that it is not ranked beyond it."""

    PROPORTION = "proportion"
    """So many of so many: Wilson's interval."""
    RATE = "rate"
    """Events in a population: Poisson's limits."""
    EXACT = "exact"
    """Money, or a ratio of two whole registers: no chance in it."""


COUNTS = ("count", "values", "distinct")
SITES = {"FACILITY": "facility", "SCHOOL": "school"}
"""Level -> the cell that names a place smaller than a district."""


@dataclass(frozen=True, slots=True)
class Figure:
    """``measure`` over the rows of ``query``, whose cells ``period``, ``district`` and ``facility`` or ``school``, as
    far as it has them, say when and where each row counts. ``rows``: how many rows of the source that is.
    ``zero``: where there is no row, it is 0; else it is not known."""

    query: Query
    measure: Measured
    rows: Measured
    zero: bool

    @property
    def cells(self) -> frozenset[str]:
        return frozenset(cells(self.query.node))


@dataclass(frozen=True, slots=True)
class Indicator:
    """numerator / denominator * ``times``, with ``places``. ``targets``: (period from which it holds, target), the
    earliest first. ``k``: nothing is told over a denominator under it, nor of parts smaller than it. ``reported`` and
    ``expected``: how complete the figures are."""

    code: str
    name: str
    meaning: str
    department: str
    owner: Owner
    unit: str
    direction: Direction
    frequency: Frequency
    numerator: Figure
    denominator: Figure
    times: int
    places: int
    certainty: Certainty
    targets: tuple[tuple[str, Decimal], ...]
    k: int
    reported: Figure | None
    expected: Figure | None
    back: int
    """With how many earlier periods it is compared."""
    file: str
    line: int

    @property
    def figures(self) -> dict[str, Figure]:
        found = {"numerator": self.numerator, "denominator": self.denominator}
        if self.reported is not None and self.expected is not None:
            found |= {"reported": self.reported, "expected": self.expected}
        return found


def figure(query: Query, measure: Measured, rows: Measured | None = None, *, zero: bool | None = None) -> Figure:
    """``rows``: where the query has grouped rows already, how many they were: ``total("rows")``. ``zero``: whether no
    row means 0; left out, it does for what is counted, and for a sum it means that nobody knows."""
    counts = measure.function in COUNTS
    return Figure(query, measure, rows or count(), counts if zero is None else zero)


def indicator(
    code: str,
    name: str,
    *,
    meaning: str,
    department: str,
    owner: Owner,
    unit: str,
    direction: Direction,
    frequency: Frequency,
    numerator: Figure,
    denominator: Figure,
    times: int = 100,
    places: int = 1,
    certainty: Certainty = Certainty.PROPORTION,
    targets: Mapping[str, str] | None = None,
    k: int = 0,
    reported: Figure | None = None,
    expected: Figure | None = None,
    back: int = 2,
) -> Indicator:
    """Declares an indicator; see ``Indicator``. ``targets``: year from which a target holds -> the target."""
    frame = sys._getframe(1)
    held = tuple((since, Decimal(target)) for since, target in (targets or {}).items())
    return Indicator(
        code, name, meaning, department, owner, unit, direction, frequency, numerator, denominator, times, places,
        certainty, held, k, reported, expected, back, frame.f_code.co_filename, frame.f_lineno,
    )  # fmt: skip


def lineage(one: Indicator) -> Iterator[tuple[str, str, str]]:
    """(figure, record, path of the field) of everything the indicator reads, conditions included."""
    for role, made in one.figures.items():
        for leaf in leaves(made.query.node):
            for path in dict.fromkeys((*(path for _, path in leaf.cells), *fields_of(leaf.where))):
                yield role, leaf.record, path


def problems(
    one: Indicator, departments: Mapping[str, object], records: Mapping[str, object], today: dt.date | None = None
) -> Iterator[str]:
    """What is wrong with the declaration, in words that say what to do."""
    for what in ("code", "name", "meaning", "unit"):
        if not getattr(one, what).strip():
            yield f"has no {what}; say it"
    yield from owner_problems(one.owner, outermost=True, today=today)
    if one.department not in departments:
        yield f"is of unknown department {one.department!r}{meant(one.department, departments)}"
    if (one.reported is None) is not (one.expected is None):
        yield "says one of reported and expected; say both, or neither"
    if one.times < 1 or one.places < 0 or one.k < 0:
        yield "needs times of at least 1, and places and k of at least 0"
    if any(later[0] <= earlier[0] for earlier, later in pairwise(one.targets)):
        yield "names its targets out of order; the earliest first"
    if one.frequency is not Frequency.CURRENT and "period" not in one.numerator.cells:
        yield "has no cell 'period' in its numerator; compute one, or say Frequency.CURRENT"
    for role, made in one.figures.items():
        yield from (f"{role}: {told}" for told in _figure_problems(made, records))
        if one.frequency is Frequency.CURRENT and "period" in made.cells:
            yield f"{role}: has a cell 'period', and is said to be CURRENT; say how often it is known"


def _figure_problems(made: Figure, records: Mapping[str, object]) -> Iterator[str]:
    for leaf in leaves(made.query.node):
        if leaf.record not in records:
            yield f"reads unknown record {leaf.record!r}{meant(leaf.record, records)}"
    told = trace(made.query.node)
    for name in told.unknown:
        yield f"a step names the cell {name!r}, which the step below it has not"
    for name in told.twice:
        yield f"both sides of a join have a cell {name!r}; name one of them otherwise"
    for measured in (made.measure.cell, made.rows.cell):
        if measured is not None and measured not in made.cells:
            yield f"measures the cell {measured!r}, which its query has not{meant(measured, made.cells)}"
