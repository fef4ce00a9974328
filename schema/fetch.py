"""What a connector is asked and what it answers: the contract every source shares. Columns and raw values only.

A ``FetchShape`` is everything that stays the same for a plan; connectors may compile and keep it (it is hashable, its
hash is computed once). A ``Fetch`` binds a shape to values. Conditions are two-valued: a comparison with a null is
false and Not is the exact complement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from schema.relations import Relation
from schema.sources import Source


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the relation. ``kind``: text int decimal float bool date datetime; ``scale``: places of a decimal.
    ``normaliser``: compare, order and group by the normalised raw (``trim``); a selected cell is never normalised."""

    name: str
    kind: str
    scale: int | None = None
    normaliser: str | None = None


@dataclass(frozen=True, slots=True)
class Param:
    """Position of a value in ``Fetch.params``."""

    index: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """``op``: eq ne lt lte gt gte startsWith contains with one value; in notIn with a tuple of values."""

    column: Column
    op: str
    param: Param


@dataclass(frozen=True, slots=True)
class NullCheck:
    column: Column


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Complement:
    part: Condition


@dataclass(frozen=True, slots=True)
class Fixed:
    value: bool


@dataclass(frozen=True, slots=True)
class Among:
    """The column holds a value that ``remote`` holds in some row of ``relation`` satisfying ``where``: two tables of
    one source joined without a row of the other being read. A null matches nothing, on either side. Stands in
    ``FetchShape.where`` alone; ``where`` takes its values from the same ``Fetch.params``."""

    column: Column
    relation: Relation
    remote: Column
    where: Condition

    def __hash__(self) -> int:
        return hash((self.column, repr(self.relation), self.remote, self.where))


Condition: TypeAlias = Comparison | NullCheck | AllOf | AnyOf | Complement | Fixed | Among
EVERYTHING = Fixed(True)
NOTHING = Fixed(False)


@dataclass(frozen=True, slots=True)
class Cell:
    """A value to bring. With ``when``, the cell is null in rows where the condition does not hold, in every position:
    selected, ordered by, grouped by, measured. ``as_text``: a selected decimal is only shown; a source may give it as
    text with its column's places."""

    column: Column
    when: Condition | None = None
    as_text: bool = False


@dataclass(frozen=True, slots=True)
class Ordering:
    """Text by Unicode code point; nulls last when ascending, first when descending."""

    cell: Cell
    descending: bool = False


class Function(StrEnum):
    COUNT = "count"
    """Rows, or with a cell its non-null values."""
    SUM = "sum"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class Measure:
    """Sums of decimals are exact. An empty sum, min or max is null, an empty count 0."""

    function: Function
    cell: Cell | None = None


@dataclass(frozen=True, slots=True)
class FetchShape:
    """Rows of ``relation`` that satisfy ``where`` and, when ``key`` is set, whose key column holds one of the keys.

    Plain fetch: the answer's values stand in the order of ``cells``. With ``measures`` it is an aggregate: the
    answer's values are the ``groups`` cells followed by the measures, one row a group, no row for an empty group,
    except that an aggregate without groups is always one row. ``limited``: ``Fetch.limit`` applies; ``per_key``: it
    applies to the rows of each key by itself (the key column is then among the cells), in ``order`` within each key;
    rows of different keys may come in any order. Without ``order`` rows come in any order.
    """

    relation: Relation
    cells: tuple[Cell, ...] = ()
    where: Condition = EVERYTHING
    key: Column | None = None
    order: tuple[Ordering, ...] = ()
    limited: bool = False
    per_key: bool = False
    groups: tuple[Cell, ...] = ()
    measures: tuple[Measure, ...] = ()
    _hash: int = field(default=0, init=False, repr=False, compare=False)

    def __hash__(self) -> int:
        known = self._hash
        if known == 0:
            known = hash(
                (type(self.relation), repr(self.relation), self.cells, self.where, self.key, self.order,
                 self.limited, self.per_key, self.groups, self.measures)
            ) or 1  # fmt: skip
            object.__setattr__(self, "_hash", known)
        return known


@dataclass(frozen=True, slots=True)
class Fetch:
    """``keys``: distinct raw values, at most ``source.limits.max_keys``, never None inside. ``params``: the values of
    the shape's conditions, raw, never None. ``deadline``: in the running loop's time (``loop.time()``)."""

    shape: FetchShape
    deadline: float
    keys: tuple[Any, ...] = ()
    params: tuple[Any, ...] = ()
    limit: int | None = None
    max_rows: int | None = None
    """The row budget: bringing more rows than this raises RowBudgetExceeded instead; None where ``limit`` bounds it."""


Row: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """``rows``: tuples (or tuple-like rows indexable by position) in the shape's order of cells. ``calls``: requests
    or statements it took; ``as_of``: ISO 8601 moment the answer was true at, when not now; ``stale``: kept from
    earlier because the source could not be asked."""

    rows: list[Any]
    calls: int = 1
    as_of: str | None = None
    stale: bool = False


class Connector(Protocol):
    """Reads one source.

    The caller promises: columns are declared; keys are distinct, raw, at most ``source.limits.max_keys``; only what
    ``source.capabilities`` offers is used. The connector promises: every row satisfies the condition and the keys;
    values stand in the shape's order and are of their column's kind (text str, int int, decimal Decimal, float float,
    bool bool, date date, datetime datetime) or None, undecoded otherwise; absent keys have no row; it returns or
    raises a ConnectorError before ``fetch.deadline``; it changes nothing in the source.
    """

    @property
    def source(self) -> Source: ...

    async def fetch(self, fetch: Fetch, /) -> Rows: ...

    async def aclose(self) -> None: ...


class ConnectorError(Exception):
    """A fetch that failed. The message is for operators' logs; clients see department, owner and code only."""

    code = "SOURCE_UNAVAILABLE"


class SourceUnavailable(ConnectorError):
    """The source cannot be reached, refused us, answered nonsense, or its breaker is open."""


class SourceRefused(SourceUnavailable):
    """The source is up and does not take this request, e.g. a value longer than it allows. Nothing is to be gained by
    asking again, and the next request may well be taken."""


class SourceBusy(SourceUnavailable):
    """The source is up and has asked to be left alone for longer than there is time. Asking again sooner is what it
    asked us not to do."""


class SourceTimeout(ConnectorError):
    """No complete answer before the deadline."""

    code = "DEADLINE"


class RowBudgetExceeded(ConnectorError):
    """More rows than the declared budget would have to be read."""

    code = "BUDGET_EXCEEDED"
