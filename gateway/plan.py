"""A plan: a small closed set of frozen steps and, for each root, how the answer is put together from their rows. Made
once per operation, variable shape and class of principals; values are bound later."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from gateway.allowed import (
    AggregatePart,
    Allowed,
    ConnectionPart,
    FieldTest,
    MeasureTerm,
    ObjectPart,
    Path,
    Window,
)
from gateway.templates import Leaf
from schema.catalog import Field, Record
from schema.codecs import Codec
from schema.derive.nodes import Node
from schema.fetch import FetchShape, Ordering


@dataclass(frozen=True, slots=True)
class Binding:
    """How one parameter gets its value: from a leaf, or from the keys another step found; ``encode`` turns the decoded
    value (or values) into raw ones."""

    leaf: Leaf | KeysOf
    encode: Callable[[Any], Any]
    parse: Callable[[Any], Any] | None = None
    """For literals: the scalar's reading of one value."""


@dataclass(frozen=True, slots=True)
class KeysOf:
    """The distinct decoded values that key-set step ``step`` found."""

    step: int


class LocalTest(Protocol):
    """What the gateway itself asks of decoded rows, given the step's local parameters."""

    def kept(self, rows: list[Any], params: tuple[Any, ...], /) -> list[Any]:
        """The rows that pass."""

    def judged(self, rows: Iterable[Any], params: tuple[Any, ...], /) -> list[bool]:
        """Of each row, whether it passes."""

    def judged_columns(self, columns: Sequence[Sequence[Any]], size: int, params: tuple[Any, ...], /) -> list[bool]:
        """The same of ``size`` rows that are held a column at a time."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """Rows are asked for by the values in column ``position`` of step ``parent``'s rows, or by ``value`` for a root.
    ``codec`` encodes them for the column they are matched on; ``pushed`` False: the source cannot be asked by this
    column, so everything is read and matched here. ``about``: keys expected."""

    codec: Codec
    parent: int | None = None
    position: int = 0
    value: Leaf | None = None
    parse: Callable[[Any], Any] | None = None
    pushed: bool = True
    about: float = 1.0


@dataclass(frozen=True, slots=True)
class CellUse:
    """One value of a row: the field it is, and whether it must be blanked here where ``when`` fails."""

    field: Field
    blank_unless: LocalTest | None = None


@dataclass(frozen=True, slots=True)
class SortTerm:
    """``name``: the field as clients write it, behind the links that lead to it."""

    position: int
    descending: bool
    name: str


@dataclass(frozen=True, slots=True)
class Paging:
    """``order`` completed by the key. ``pushed``: order, seek and limit happen in the source; else here."""

    window: Window
    order: tuple[SortTerm, ...]
    orderings: tuple[Ordering, ...]
    codecs: tuple[Codec, ...]
    pushed: bool
    digest: str
    extra: bool
    """One row more is read to know whether the page has a neighbour."""


@dataclass(frozen=True, slots=True)
class JoinIn:
    """Puts the cells of a linked row behind each row: of the row that step ``step`` brought for the value at
    ``position``, or ``width`` nulls."""

    step: int
    position: int
    width: int


@dataclass(frozen=True, slots=True)
class Joined:
    """A record whose rows the source itself looks at, for the filter through the link with the coordinate ``into``."""

    record: Record
    into: str


@dataclass(frozen=True, slots=True)
class Undated:
    """How the rows are counted that no moment knows because they have no recorded date: by the source, with ``shape``
    and ``params``; or, where the source cannot tell, among the rows read: those with nothing at ``position`` that pass
    ``test``."""

    shape: FetchShape | None = None
    params: tuple[Binding, ...] = ()
    position: int = -1
    test: LocalTest | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What every reading step shares. ``local`` runs on decoded rows, with ``local_params``. ``scan``: the rows are
    those another step brought, already decoded, and ``shape`` says only what they are; ``joins`` widen them first.
    ``about``: rows expected, from declared sizes."""

    record: Record
    shape: FetchShape
    params: tuple[Binding, ...]
    cells: tuple[CellUse, ...]
    local: LocalTest | None
    local_params: tuple[Binding, ...]
    keyed: Keyed | None
    join: int
    """Position of the cell rows are matched to their parents by; -1 for roots."""
    waits_on: tuple[int, ...]
    """Key-set steps whose keys are parameters here."""
    scan: int | None = None
    joins: tuple[JoinIn, ...] = ()
    about: float = 0.0
    derived: int | None = None
    """The step that works out a derived record's rows, which are read here instead of a source's."""
    taken: tuple[int, ...] = ()
    """Where its cells stand in those rows."""
    joined: tuple[Joined, ...] = ()
    seen: LocalTest | None = None
    """The rules' condition on rows, where the source does not apply it: of a row that fails, nothing is told."""
    undated: Undated | None = None
    """Set where only rows known at a moment are read."""
    told: tuple[tuple[int, FieldTest], ...] = ()
    """Cells whose value a filter says that the source applies: it is not asked for them."""
    quiet: bool = False
    """Read by rights that hold only beneath a derived record: what cannot be read in it is null, and not told."""


@dataclass(frozen=True, slots=True)
class ScanStep:
    """Rows that a later step filters, joins, orders or groups here. ``key``: position of the record's key where rows
    without a readable one are left out here already."""

    id: int
    path: Path
    reading: Reading
    key: int = -1


@dataclass(frozen=True, slots=True)
class RowsStep:
    id: int
    path: Path
    reading: Reading
    key: int
    paging: Paging | None
    single: bool
    """To-one or root by key: two rows for one key are an error."""
    joined_as: str = ""
    """The link whose rows are only read to be joined in behind others; it is in no answer."""


@dataclass(frozen=True, slots=True)
class Partial:
    """A measured part: ``count`` (of rows when no term) values sum min max distinct."""

    function: str
    term: MeasureTerm | None


@dataclass(frozen=True, slots=True)
class Protection:
    """How a published table keeps its small cells. Its fields are the first cells of the reading; ``order`` are their
    places by name, as in ``fields``: what is withheld must not depend on the order they were asked for in.
    ``within``: (finer, coarser) fields. ``asked``: the caller's filter, which picks whole cells.
    ``measured``: places among the partials of (values, sum, max) of each measure granted: all of them, so that what
    is withheld does not depend on what was asked for."""

    k: int
    fields: tuple[str, ...]
    order: tuple[int, ...]
    within: tuple[tuple[str, str], ...]
    asked: LocalTest | None
    measured: tuple[tuple[int, int, int], ...]
    places: tuple[int, ...] = ()
    """Where the table is made of a finer one's groups: where the fields stand in those."""


@dataclass(frozen=True, slots=True)
class AggregateStep:
    """``pushed``: the source groups; else rows are grouped here. ``cells`` of the reading hold the join cell when there
    is a parent and the groups, whose positions ``groups`` gives; when not pushed, the measured cells as well.
    ``merges``: ``reading.scan`` is itself an aggregate whose groups (their keys, then their values, then the parent and
    whether they are withheld, at this place) are merged into coarser ones; ``measured`` gives each partial's place, or
    that of a key that is counted for ``distinct``.
    ``protection``: the table is read whole, without the caller's filter and parents, and small cells are withheld."""

    id: int
    path: Path
    reading: Reading
    groups: tuple[int, ...]
    partials: tuple[Partial, ...]
    measured: tuple[int, ...]
    """Not pushed: position of each partial's cell, -1 for rows."""
    pushed: bool
    merges: int | None
    protection: Protection | None
    key: int = -1
    """Not pushed: position of the record's key. Nothing is told over rows whose key cannot be read."""


@dataclass(frozen=True, slots=True)
class KeySetStep:
    """The distinct values of one column in the rows that pass: what a filter through a link needs to know. Without
    ``reading.keyed`` all of them (the keys come first); with it only those the rows to be filtered have (rows
    first)."""

    id: int
    path: Path
    reading: Reading
    pushed: bool
    into: str
    """Coordinate of the link filtered through."""
    key: int = -1
    """Not pushed: position of the record's key. Rows whose key cannot be read are left out."""


@dataclass(frozen=True, slots=True)
class DeriveInput:
    """What a part of a derived record's query was read as: these places of a step's rows or groups."""

    step: int
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Keeping:
    """Rows that may be told again for ``for_s``. ``told``: the query, its parts and the tests that choose its rows,
    without values; those are in ``values``. What else they depend on is who asks."""

    for_s: float
    told: Hashable
    values: tuple[tuple[Leaf, Callable[[Any], Any] | None], ...]


@dataclass(frozen=True, slots=True)
class DeriveStep:
    """Works out a derived record's ``query`` over its inputs; ``Given.step`` there is the number of an input.
    ``shown``: the cells that are asked for, in the order they have in the step's rows; ``places``: where they stand in
    the query's. ``parts``: of a query in parts, the inputs each of them needs. ``kept``: whether its rows may be
    told again."""

    id: int
    path: Path
    record: Record
    query: Node
    inputs: tuple[DeriveInput, ...]
    shown: tuple[str, ...]
    places: tuple[int, ...]
    about: float
    parts: tuple[tuple[str, frozenset[int]], ...] = ()
    kept: Keeping | None = None


@dataclass(frozen=True, slots=True)
class LookupStep:
    """Values brought by a record's ``looked_up`` function for the distinct values in a column of step ``parent``."""

    id: int
    path: Path
    parent: int
    position: int
    field: Field
    record: Record


ReadingStep: TypeAlias = ScanStep | RowsStep | AggregateStep | KeySetStep
Step: TypeAlias = ReadingStep | DeriveStep | LookupStep


@dataclass(frozen=True, slots=True)
class ObjectLayout:
    """How a step's rows become objects: positions of values, and which steps its links read."""

    step: int
    part: ObjectPart
    positions: Mapping[tuple[str, Any], int]
    links: Mapping[str, ObjectLayout | ConnectionLayout]
    """By response key."""
    lookups: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class AggregateLayout:
    step: int
    part: AggregatePart
    partials: tuple[Partial, ...]
    links: Mapping[str, ObjectLayout]


@dataclass(frozen=True, slots=True)
class ConnectionLayout:
    """``rows``: the step of nodes, edges and page info, None when none is asked for; ``objects`` and ``counts`` by
    response key of the connection's field, ``aggregates`` likewise."""

    part: ConnectionPart
    rows: int | None
    objects: Mapping[tuple[str, str], ObjectLayout]
    counts: Mapping[str, int]
    aggregates: Mapping[str, AggregateLayout]
    parent_position: int


@dataclass(frozen=True, slots=True)
class KeyRootLayout:
    key: str
    object: ObjectLayout


@dataclass(frozen=True, slots=True)
class ConnectionRootLayout:
    key: str
    connection: ConnectionLayout


@dataclass(frozen=True, slots=True)
class NullRootLayout:
    key: str


RootLayout: TypeAlias = KeyRootLayout | ConnectionRootLayout | NullRootLayout


@dataclass(frozen=True, slots=True)
class Plan:
    allowed: Allowed
    steps: tuple[Step, ...]
    roots: tuple[RootLayout, ...]
    departments: frozenset[str]
    turned: frozenset[str] = frozenset()
    """Links whose keys do not come first because they turned out to be too many."""
