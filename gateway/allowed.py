"""An operation after authorization: a tree of what may be answered, every field resolved against the catalog, with the
condition under which each cell is shown. What was refused is not in the tree any more; it is among ``refusals``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from auth.access import Access
from auth.decisions import Decision, RecordAccess, Totals
from gateway.templates import Leaf
from schema.catalog import Field, Link, Record
from schema.errors import Code
from schema.predicates import Predicate

Path: TypeAlias = tuple[str, ...]
"""Response keys from the root; ``LIST`` stands where list elements begin."""
LIST = "[]"


def cut(path: Path) -> Path:
    """The path up to the first list: what stands inside its elements has no position in a plan."""
    return path[: path.index(LIST)] if LIST in path else path


@dataclass(frozen=True, slots=True)
class Refusal:
    """A field the answer holds null for, decided without reading a row. ``path`` ends at the first list."""

    path: Path
    coordinate: str
    code: Code
    message: str
    department: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A row rule hides some rows of ``record`` from what stands at ``path``."""

    path: Path
    record: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MissingPart:
    """A part of a derived record that is not in the answer: because of whose records, and why."""

    path: Path
    record: str
    part: str
    code: str
    why: str
    department: str
    owner: str


@dataclass(frozen=True, slots=True)
class FieldTest:
    """``op`` as clients write it. The cell counts as null where ``condition`` does not hold."""

    field: Field
    op: str
    value: Leaf
    condition: Predicate


@dataclass(frozen=True, slots=True)
class Settled:
    """A test of what is the same in all rows of each part of a record, made before planning: of the ``constants``
    declared there, those that pass."""

    test: FieldTest
    constants: frozenset[Any]
    passing: frozenset[Any]


@dataclass(frozen=True, slots=True)
class RuleTest:
    """A condition the rules put on rows."""

    condition: Predicate


@dataclass(frozen=True, slots=True)
class LinkTest:
    """Some visible ``target`` row that passes ``where`` is joined to this row."""

    link: Link
    local: Field
    condition: Predicate
    target: RecordAccess
    where: Filter


@dataclass(frozen=True, slots=True)
class AllTests:
    parts: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class AnyTest:
    parts: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class NoTest:
    """The exact complement."""

    part: Filter


Filter: TypeAlias = FieldTest | RuleTest | LinkTest | AllTests | AnyTest | NoTest


@dataclass(frozen=True, slots=True)
class Hop:
    """A to-one link on the way to a linked record's field. ``condition``: where the reference itself is shown."""

    link: Link
    local: Field
    condition: Predicate
    target: RecordAccess


Via: TypeAlias = tuple[Hop, ...]
"""The links from a record to the one whose field is used; empty for its own fields."""


def via_names(via: Via) -> tuple[str, ...]:
    return tuple(hop.link.name for hop in via)


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """``field`` of the record that ``via`` leads to; null where it leads to no visible record."""

    field: Field
    descending: bool
    condition: Predicate
    via: Via = ()


@dataclass(frozen=True, slots=True)
class ValuePart:
    key: str
    field: Field
    decision: Decision


@dataclass(frozen=True, slots=True)
class TypeNamePart:
    key: str
    type_name: str


@dataclass(frozen=True, slots=True)
class NullPart:
    """A refused field: its key stays, its value is null."""

    key: str


@dataclass(frozen=True, slots=True)
class OnePart:
    """A to-one link. ``condition``: where the reference itself is shown."""

    key: str
    link: Link
    local: Field
    condition: Predicate
    target: RecordAccess
    part: ObjectPart
    path: Path


@dataclass(frozen=True, slots=True)
class ManyPart:
    key: str
    link: Link
    local: Field
    condition: Predicate
    connection: ConnectionPart


@dataclass(frozen=True, slots=True)
class ObjectPart:
    """The selection on one record. ``path`` ends where errors of its fields are told."""

    access: RecordAccess
    parts: tuple[Part, ...]
    path: Path


Part: TypeAlias = ValuePart | TypeNamePart | NullPart | OnePart | ManyPart


@dataclass(frozen=True, slots=True)
class NodesPart:
    key: str
    object: ObjectPart


@dataclass(frozen=True, slots=True)
class EdgesPart:
    """``fields``: (response key, what), where what is ``cursor``, a type name or the node's object."""

    key: str
    fields: tuple[tuple[str, str | ObjectPart], ...]


@dataclass(frozen=True, slots=True)
class PageInfoPart:
    """``fields``: (response key, field of PageInfo or ``__typename``)."""

    key: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CountPart:
    """``where`` is the caller's filter alone; the rows counted are those of ``totals.population`` that pass it."""

    key: str
    totals: Totals
    where: Filter


@dataclass(frozen=True, slots=True)
class MeasureTerm:
    """``function``: sum avg min max countDistinct of ``field``."""

    function: str
    field: Field
    condition: Predicate


@dataclass(frozen=True, slots=True)
class GroupTerm:
    """``name``: the api name in ``key``, of a field, of a to-one link whose local field is grouped by, or of a field
    of the record that ``via`` leads to."""

    name: str
    field: Field
    condition: Predicate
    link: Link | None = None
    via: Via = ()


@dataclass(frozen=True, slots=True)
class GroupValuePart:
    """A value of the group's key: that of the term at ``index``."""

    key: str
    index: int
    field: Field


@dataclass(frozen=True, slots=True)
class HavingTerm:
    """A test of ``count`` (no measure) or of a measure."""

    measure: MeasureTerm | None
    op: str
    value: Leaf


@dataclass(frozen=True, slots=True)
class KeyPart:
    """What ``key { ... }`` shows: group fields by response key, and linked objects."""

    key: str
    parts: tuple[Part | GroupValuePart, ...]


@dataclass(frozen=True, slots=True)
class MeasuresPart:
    """``sum { ... }`` and alike."""

    key: str
    function: str
    type_name: str
    fields: tuple[tuple[str, MeasureTerm | None], ...]
    """(response key, term); None is ``__typename``."""


@dataclass(frozen=True, slots=True)
class PlainPart:
    """``count``, ``suppressed`` or ``__typename`` of an aggregate row."""

    key: str
    what: str


@dataclass(frozen=True, slots=True)
class AggregatePart:
    """``where`` as in CountPart."""

    key: str
    type_name: str
    totals: Totals
    where: Filter
    groups: tuple[GroupTerm, ...]
    having: tuple[HavingTerm, ...]
    parts: tuple[KeyPart | MeasuresPart | PlainPart, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """The page asked for. None where not given."""

    first: Leaf | None = None
    last: Leaf | None = None
    after: Leaf | None = None
    before: Leaf | None = None

    @property
    def backward(self) -> bool:
        return self.last is not None or (self.before is not None and self.first is None)


ConnectionField: TypeAlias = NodesPart | EdgesPart | PageInfoPart | CountPart | AggregatePart | TypeNamePart | NullPart


@dataclass(frozen=True, slots=True)
class ConnectionPart:
    """``where`` holds the caller's filter and the rules' condition. ``digest``: what cursors are bound to."""

    access: RecordAccess
    where: Filter
    order: tuple[OrderTerm, ...]
    window: Window
    parts: tuple[ConnectionField, ...]
    path: Path
    digest: str

    @property
    def record(self) -> Record:
        return self.access.record

    @property
    def reads_rows(self) -> bool:
        return any(isinstance(part, (NodesPart, EdgesPart, PageInfoPart)) for part in self.parts)


@dataclass(frozen=True, slots=True)
class KeyRoot:
    """``school(code: ...)``."""

    key: str
    access: RecordAccess
    value: Leaf
    object: ObjectPart
    known_at: Leaf | None = None
    """Only what the sources knew at this moment."""


@dataclass(frozen=True, slots=True)
class ConnectionRoot:
    key: str
    connection: ConnectionPart
    known_at: Leaf | None = None


@dataclass(frozen=True, slots=True)
class FeedPart:
    """``stockChanged { change cursor key node { ... } }``. ``connection`` reads the rows it is about, one ``NodesPart``
    for each response key that ``node`` has. ``fields``: (response key, field of the change or ``__typename``).
    ``tells_key``: the record's key may always be shown."""

    key: str
    connection: ConnectionPart
    fields: tuple[tuple[str, str], ...]
    tells_key: bool


Root: TypeAlias = KeyRoot | ConnectionRoot | NullPart | TypeNamePart


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be planned: make_plan takes nothing else. ``shown``: coordinate -> rule ids; ``masked`` likewise."""

    access: Access
    roots: tuple[Root, ...]
    refusals: tuple[Refusal, ...]
    narrowed: tuple[Narrowed, ...]
    shown: dict[str, tuple[str, ...]]
    masked: dict[str, tuple[str, ...]]
    purpose_free: bool = True
    missing: tuple[MissingPart, ...] = ()
    settled: tuple[Settled, ...] = ()
    """What the plan depends on of the request's values."""
    named: tuple[tuple[Path, str], ...] = ()
    """Where something was refused: every coordinate the operation names, with the path up to the first list."""
    sought: tuple[Leaf, ...] = ()
    """Values that fields whose values are coordinates are tested by."""
