"""The steps a query is made of, as data: each over the rows of the ones below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from schema.derive.cell_tests import Test
from schema.derive.expressions import Expression
from schema.derive.measures import Measured
from schema.predicates import Predicate


@dataclass(frozen=True, slots=True)
class RowsOf:
    """Rows of a record. ``cells``: name -> field, or links and a field (``school.district_code``)."""

    record: str
    cells: tuple[tuple[str, str], ...]
    where: Predicate


@dataclass(frozen=True, slots=True)
class Kept:
    of: Node
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Grouped:
    of: Node
    by: tuple[str, ...]
    measures: tuple[tuple[str, Measured], ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """``on``: pairs of cells, left and right. ``kind``: inner, left, without (rows of the left that match nothing) or
    full. A null matches nothing. The right's cells that are not joined on come behind the left's."""

    left: Node
    right: Node
    on: tuple[tuple[str, str], ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Computed:
    of: Node
    cells: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class Latest:
    """Of each group the row with the greatest ``on``; of several with the same one, the one with the greatest ``then``
    cells."""

    of: Node
    by: tuple[str, ...]
    on: str
    then: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """Each row holds from its day ``on`` until the next row of its group: a row becomes one a month it holds in, with
    cells ``month`` and ``days`` (how many days of that month it held). The last one of a group is carried on to the end
    of its month and of ``months`` more."""

    of: Node
    by: tuple[str, ...]
    on: str
    months: int


@dataclass(frozen=True, slots=True)
class Spread:
    """A row becomes one for each month from day ``first`` to day ``last``, both included, with the cell ``month``."""

    of: Node
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Gaps:
    """Of each group's whole numbers ``on`` (years), the runs that are missing between two that are there: a row each,
    with the group's cells, ``first`` and ``last``."""

    of: Node
    by: tuple[str, ...]
    on: str


@dataclass(frozen=True, slots=True)
class Published:
    """Counts of persons made fit to be published (see ``gateway.publishing``). A table for each ``table`` cells: a row
    for each ``part`` and one for all of them, whose part is ``whole``. ``population``: how many persons; ``counts``:
    of them, the ones to be shown first coming first. ``chains``: counts of which each lies within the one before.
    ``nearest``: figures are told to a multiple of it, where tables of other records may hold the same persons. Adds the
    cell ``suppressed``: something of the row is withheld. Only whole tables can be picked beneath it."""

    of: Node
    table: tuple[str, ...]
    part: str
    population: str
    counts: tuple[str, ...]
    chains: tuple[tuple[str, ...], ...]
    k: int = 10
    nearest: int = 1
    whole: str = "All"

    def comparable(self, one: str, other: str) -> bool:
        """Whether one of them lies within the other: their difference is a count of persons too."""
        return self.population in (one, other) or any(one in chain and other in chain for chain in self.chains)


@dataclass(frozen=True, slots=True)
class Together:
    """The rows of several parts, one after the other, with the cells that all of them have."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Quantile:
    """Adds cell ``name``: the quantile of ``value`` over the rows with the same ``by``, interpolated linearly."""

    of: Node
    by: tuple[str, ...]
    value: str
    fraction: str
    name: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The rows of several parts with the same ``cells``, one after the other. Each part stands or is missing by itself:
    one that may not be read whole, or whose source does not answer, is left out and named."""

    cells: tuple[str, ...]
    parts: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Among the rows with the same ``by`` adds where each stands: ``rank_from`` and ``rank_to``, ``band`` (rows whose
    intervals ``low`` to ``high`` overlap, one after the other, share one) and ``peers``, the rows ranked. ``better``:
    a cell that says whether more is better. A row without a value, or one that is withheld, has no rank."""

    of: Node
    by: tuple[str, ...]
    low: str
    high: str
    better: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Beside each row the one of its ``by`` in the nearest of the ``back`` periods before it: ``previous_period``,
    ``previous`` (its value) and ``trend``: Improving, Worsening, or Steady where the intervals of both overlap."""

    of: Node
    by: tuple[str, ...]
    period: str
    value: str
    low: str
    high: str
    better: str
    back: int


@dataclass(frozen=True, slots=True)
class Listed:
    """Rows that stand in the declaration itself."""

    names: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Described:
    """What the catalogue says of fields: ``rows`` hold the cells ``names`` and then a record and a path of links and a
    field; where that record is derived, the fields it is worked out from. Adds ``DESCRIBED``. The fields beside the
    same first cell are told once for each time in which none of them changed its owner; ``owners`` tells the times
    apart: the first cell itself for today's, with ``until`` behind it for an earlier one (see ``owners_then``)."""

    names: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


DESCRIBED = (
    "coordinate", "department", "owner", "classification", "system", "source", "relation", "column", "owners", "until",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Given:
    """Cells that a step of a plan brought in place of a part of the query."""

    step: int
    names: tuple[str, ...]


SideBySide: TypeAlias = Latest | Held | Spread | Gaps | Quantile | Published | Ranked | Compared
"""Steps that look at rows of one group side by side."""

Node: TypeAlias = (
    RowsOf | Given | Kept | Grouped | Joined | Computed | Together | Parts | Listed | Described | SideBySide
)


@dataclass(frozen=True, slots=True)
class Derivation:
    """The relation of a derived record. ``requires_all``: records all of whose rows one must see; where a rule hides
    some, the derived record is refused: it accuses somebody, or a part of it would pass for the whole. ``kept``: its
    rows may be told again for as long as every source they come from says."""

    query: Node
    requires_all: tuple[str, ...] = ()
    name: str = ""
    kept: bool = False
