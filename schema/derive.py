"""Derived records: a declared query over other records, by name. What no ``where`` can say (a ratio, two fields
compared, a median, the last value carried forward, a full match of two lists) is said here as data, and planned,
authorized and explained like any record.

A query is written from the rows up and every step names its cells::

    enrolled = rows("education.Student", district="district_code").group("district", pupils=count())
    query = rows("finance.District", code="code", children="school_age_children").join(enrolled, code="district")
        .compute(per_thousand=ratio("pupils", "children", times=1000, places=1))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from schema.predicates import TRUE, Condition, Predicate, predicate_of

# Tests on cells


@dataclass(frozen=True, slots=True)
class CellRef:
    name: str


@dataclass(frozen=True, slots=True)
class CellTest:
    """``op``: eq ne lt lte gt gte. Null passes none."""

    cell: str
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class Lacking:
    """The cell is null."""

    cell: str


@dataclass(frozen=True, slots=True)
class Either:
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Opposite:
    test: Test


Test: TypeAlias = CellTest | Lacking | Either | Opposite


class _Cell:
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def _test(self, op: str, value: Any) -> CellTest:
        if value is None:
            raise TypeError(f"cell.{self._name} is compared with None; use lacks({self._name!r})")
        return CellTest(self._name, op, CellRef(value._name) if isinstance(value, _Cell) else value)

    def __eq__(self, other: object) -> CellTest:  # type: ignore[override]
        return self._test("eq", other)

    def __ne__(self, other: object) -> CellTest:  # type: ignore[override]
        return self._test("ne", other)

    def __lt__(self, other: object) -> CellTest:
        return self._test("lt", other)

    def __le__(self, other: object) -> CellTest:
        return self._test("lte", other)

    def __gt__(self, other: object) -> CellTest:
        return self._test("gt", other)

    def __ge__(self, other: object) -> CellTest:
        return self._test("gte", other)

    __hash__ = object.__hash__


class _Cells:
    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        return _Cell(name)


cell: Any = _Cells()
"""``cell.<name>`` in a test: ``cell.seen > 0``, ``cell.paid != cell.settled``."""


def lacks(name: str) -> Test:
    return Lacking(name)


def has(name: str) -> Test:
    return Opposite(Lacking(name))


def either(*tests: Test) -> Test:
    return Either(tests)


def opposite(test: Test) -> Test:
    return Opposite(test)


def both(*tests: Test) -> Test:
    """All of them."""
    return Opposite(Either(tuple(Opposite(test) for test in tests)))


# Measures and expressions


@dataclass(frozen=True, slots=True)
class Measured:
    """``function``: count values sum min max distinct, or ``counted``, the sum of counts. ``only``: the rows that
    count; all without it."""

    function: str
    cell: str | None = None
    only: Test | None = None


def count(only: Test | None = None) -> Measured:
    return Measured("count", None, only)


def values(name: str) -> Measured:
    """How many rows have the cell."""
    return Measured("values", name)


def total(name: str, only: Test | None = None) -> Measured:
    return Measured("sum", name, only)


def least(name: str) -> Measured:
    return Measured("min", name)


def most(name: str) -> Measured:
    return Measured("max", name)


def distinct(name: str) -> Measured:
    return Measured("distinct", name)


@dataclass(frozen=True, slots=True)
class Expression:
    """``function`` of the cells in ``reads`` (see ``schema.compute``), with fixed ``options``. Null in, null out, but
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
    told = tuple((test, _told(value)) for test, value in choices)
    names = [name for test, _ in told for name in cells_of(test)]
    names += [value.name for _, value in (*told, (None, _told(otherwise))) if isinstance(value, CellRef)]
    return Expression("cases", tuple(dict.fromkeys(names)), (told, _told(otherwise)))


def _told(value: Any) -> Any:
    return CellRef(value._name) if isinstance(value, _Cell) else value


# Steps


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


Node: TypeAlias = (
    RowsOf | Given | Kept | Grouped | Joined | Computed | Latest | Held | Spread | Gaps | Published | Together
    | Quantile | Parts | Ranked | Compared | Listed | Described
)


@dataclass(frozen=True, slots=True)
class Query:
    """A query being written; each method gives a longer one."""

    node: Node

    def keep(self, *tests: Test) -> Query:
        return Query(Kept(self.node, tests))

    def group(self, *by: str, **measures: Measured) -> Query:
        return Query(Grouped(self.node, by, tuple(measures.items())))

    def join(self, other: Query, **on: str) -> Query:
        """Rows of both that match: ``join(pay, cnic="cnic")``, left cell = right cell."""
        return Query(Joined(self.node, other.node, tuple(on.items()), "inner"))

    def left_join(self, other: Query, **on: str) -> Query:
        return Query(Joined(self.node, other.node, tuple(on.items()), "left"))

    def without(self, other: Query, **on: str) -> Query:
        """Rows that match nothing of the other."""
        return Query(Joined(self.node, other.node, tuple(on.items()), "without"))

    def match(self, other: Query, **on: str) -> Query:
        """All rows of both, side by side where they match; the cells joined on hold whichever is there."""
        return Query(Joined(self.node, other.node, tuple(on.items()), "full"))

    def compute(self, **cells: Expression) -> Query:
        return Query(Computed(self.node, tuple(cells.items())))

    def latest(self, *by: str, on: str, then: tuple[str, ...] = ()) -> Query:
        return Query(Latest(self.node, by, on, then))

    def held(self, *by: str, on: str, months: int = 0) -> Query:
        return Query(Held(self.node, by, on, months))

    def spread(self, first: str, last: str) -> Query:
        return Query(Spread(self.node, first, last))

    def gaps(self, *by: str, on: str) -> Query:
        return Query(Gaps(self.node, by, on))

    def published(
        self, *table: str, part: str, population: str, counts: tuple[str, ...],
        chains: tuple[tuple[str, ...], ...] = (), k: int = 10, nearest: int = 1,
    ) -> Query:
        return Query(Published(self.node, table, part, population, counts, chains, k, nearest))

    def together(self, *others: Query) -> Query:
        return Query(Together((self.node, *(other.node for other in others))))

    def quantile(self, name: str, value: str, fraction: str = "0.5", by: tuple[str, ...] = ()) -> Query:
        return Query(Quantile(self.node, by, value, fraction, name))

    def ranked(self, *by: str, low: str, high: str, better: str) -> Query:
        return Query(Ranked(self.node, by, low, high, better))

    def compared(
        self, *by: str, period: str, value: str, low: str, high: str, better: str, back: int
    ) -> Query:
        return Query(Compared(self.node, by, period, value, low, high, better, back))


def rows(record: str, where: Condition | None = None, **cells: str) -> Query:
    """Rows of a record: ``rows("finance.Payslip", cnic="cnic", month="month", where=row.cadre == "Teaching")``."""
    return Query(RowsOf(record, tuple(cells.items()), TRUE if where is None else predicate_of(where)))


def in_parts(parts: Mapping[str, Query]) -> Query:
    """The rows of several queries with the same cells, each of which may be missing by itself."""
    first = next(iter(parts.values()))
    return Query(Parts(cells(first.node), tuple((name, part.node) for name, part in parts.items())))


def listed(*names: str, rows: Iterable[tuple[Any, ...]]) -> Query:
    """Rows written here."""
    return Query(Listed(names, tuple(rows)))


def described(*names: str, rows: Iterable[tuple[Any, ...]]) -> Query:
    """What the catalogue says of fields, beside the cells given; see ``Described``."""
    return Query(Described(names, tuple(rows)))


@dataclass(frozen=True, slots=True)
class Derivation:
    """The relation of a derived record. ``requires_all``: records all of whose rows one must see; where a rule hides
    some, the derived record is refused: it accuses somebody, or a part of it would pass for the whole. ``kept``: its
    rows may be told again for as long as every source they come from says."""

    query: Node
    requires_all: tuple[str, ...] = ()
    name: str = ""
    kept: bool = False


# What a query reads


def cells_of(test: Test) -> tuple[str, ...]:
    """The cells a test reads."""
    match test:
        case CellTest(cell=name, value=value):
            return (name, value.name) if isinstance(value, CellRef) else (name,)
        case Lacking(cell=name):
            return (name,)
        case Either(tests=tests):
            return tuple(name for inner in tests for name in cells_of(inner))
        case Opposite(test=inner):
            return cells_of(inner)


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case RowsOf() | Given() | Listed() | Described():
            return ()
        case Joined(left=left, right=right):
            return (left, right)
        case Together(parts=parts):
            return parts
        case Parts(parts=named):
            return tuple(part for _, part in named)
    return (node.of,)


def leaves(node: Node) -> tuple[RowsOf, ...]:
    """The records a query reads, left to right; a record read twice stands twice."""
    if isinstance(node, RowsOf):
        return (node,)
    return tuple(leaf for child in children(node) for leaf in leaves(child))


def parts_of(node: Node) -> Parts | None:
    """The parts a query is made of, where each of them may be missing by itself."""
    while not isinstance(node, Parts):
        below = children(node)
        if len(below) != 1:
            return None
        (node,) = below
    return node


def cells(node: Node) -> tuple[str, ...]:
    """The names of a step's cells, in order."""
    match node:
        case RowsOf(cells=named):
            return tuple(name for name, _ in named)
        case Given(names=names) | Parts(cells=names) | Listed(names=names):
            return names
        case Described(names=names):
            return (*names, *DESCRIBED)
        case Ranked(of=of):
            return (*cells(of), "rank_from", "rank_to", "band", "peers")
        case Compared(of=of):
            return (*cells(of), "previous_period", "previous", "trend")
        case Grouped(by=by, measures=measures):
            return (*by, *(name for name, _ in measures))
        case Joined(left=left, right=right, on=on, kind=kind):
            taken = {there for _, there in on}
            more = () if kind == "without" else tuple(name for name in cells(right) if name not in taken)
            return (*cells(left), *more)
        case Computed(of=of, cells=added):
            below = cells(of)
            return (*below, *(name for name, _ in added if name not in below))
        case Held(of=of):
            return (*cells(of), "month", "days")
        case Spread(of=of):
            return (*cells(of), "month")
        case Gaps(by=by):
            return (*by, "first", "last")
        case Published(table=table, part=part, population=population, counts=counts):
            return (*table, part, population, *counts, "suppressed")
        case Together(parts=parts):
            shared = frozenset[str](cells(parts[0])).intersection(*map(cells, parts[1:]))
            return tuple(name for name in cells(parts[0]) if name in shared)
        case Quantile(of=of, name=name):
            return (*cells(of), name)
    return cells(node.of)
