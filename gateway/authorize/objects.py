"""What is selected on rows, authorized: fields, links, and connections with their pages. Their totals are authorized in
``totals``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from auth.decisions import RecordAccess, State
from gateway import filters
from gateway.allowed import (
    LIST,
    AllTests,
    ConnectionField,
    ConnectionPart,
    EdgesPart,
    Filter,
    ManyPart,
    NodesPart,
    NullPart,
    ObjectPart,
    OnePart,
    OrderTerm,
    PageInfoPart,
    Part,
    Path,
    TypeNamePart,
    ValuePart,
    cut,
)
from gateway.authorize.asking import Asking
from gateway.authorize.totals import ConnectionTotals
from gateway.filters import ArgumentRefused
from gateway.presets import WRITTEN
from gateway.selection import Picked
from gateway.templates import Template
from schema.catalog import Field, Link


def object_of(asking: Asking, pick: Picked, access: RecordAccess, path: Path) -> ObjectPart:
    """The selection on one row."""
    return ObjectPart(access, tuple(_part(asking, inner, access, path) for inner in asking.picks(pick)), path)


def _part(asking: Asking, pick: Picked, access: RecordAccess, path: Path) -> Part:
    record = access.record
    if pick.name == "__typename":
        return TypeNamePart(pick.key, record.type_name)
    part = record.by_api_name[pick.name]
    if isinstance(part, Field):
        return _value(asking, pick, part, access, (*path, pick.key))
    return _link(asking, pick, part, access, (*path, pick.key))


def _value(asking: Asking, pick: Picked, part: Field, access: RecordAccess, path: Path) -> Part:
    coordinate = f"{access.record.type_name}.{part.api_name}"
    decision = filters.field_decision(access, part)
    match decision.state:
        case State.REFUSED:
            asking.notes.refuse(cut(path), coordinate, decision, access.record, part.owner)
            return NullPart(pick.key)
        case State.MASKED:
            asking.notes.masked[coordinate] = decision.rules
        case State.SHOWN:
            asking.notes.shown[coordinate] = decision.rules
    return ValuePart(pick.key, part, decision)


def _link(asking: Asking, pick: Picked, link: Link, access: RecordAccess, path: Path) -> Part:
    coordinate = f"{access.record.type_name}.{link.api_name}"
    decision = access.links[link.name]
    target = asking.access.record(link.target)
    if not decision.shown:
        asking.notes.refuse(cut(path), coordinate, decision, link, link.owner)
        return NullPart(pick.key)
    asking.notes.shown[coordinate] = decision.rules
    local = access.record.fields[link.local]
    if link.many:
        asked = Asked(pick, target, pick.arguments(asking.variables), path, coordinate, link)
        connection = connection_of(asking, asked)
        if connection is None:
            return NullPart(pick.key)
        return ManyPart(pick.key, link, local, decision.condition, connection)
    if not target.allowed:
        asking.notes.refuse_record(cut(path), coordinate, target.record, target.refusal)
        return NullPart(pick.key)
    if asking.forgets(target.record, path, coordinate):
        return NullPart(pick.key)
    asking.notes.narrows(path, target)
    part = object_of(asking, pick, target, path)
    return OnePart(pick.key, link, local, decision.condition, target, part, path)


@dataclass(frozen=True, slots=True)
class Asked:
    """A connection as it is asked for. ``link``: that leads to it, None at a root."""

    pick: Picked
    access: RecordAccess
    arguments: dict[str, Template]
    path: Path
    coordinate: str
    link: Link | None = None

    @property
    def digest(self) -> str:
        """What cursors are bound to: the list as it is written."""
        written = self.arguments.get(WRITTEN, self.arguments.get("where"))
        return hashlib.sha256(repr((self.coordinate, written, self.arguments.get("orderBy"))).encode()).hexdigest()


def connection_of(asking: Asking, asked: Asked) -> ConnectionPart | None:
    """None when the whole connection is refused: by its arguments, or because its rows are."""
    access, arguments, path, notes = asked.access, asked.arguments, asked.path, asking.notes
    record, picks = access.record, asking.picks(asked.pick)
    wants_rows = any(inner.name in ("nodes", "edges", "pageInfo") for inner in picks)
    wants_totals = any(inner.name in ("totalCount", "aggregate") for inner in picks)
    if not access.allowed and (wants_rows or not (wants_totals and access.totals)):
        notes.refuse_record(cut(path), asked.coordinate, record, access.refusal)
        return None
    if asking.forgets(record, path, asked.coordinate):
        return None
    try:
        where: Filter = AllTests()
        order: tuple[OrderTerm, ...] = ()
        if wants_rows:
            rights = filters.Rights.of_rows(access)
            where = asking.where(arguments.get("where"), rights, path)
            order = filters.order_terms(arguments.get("orderBy"), asking.scope(rights, path))
        window = filters.window(arguments, asking.variables)
    except ArgumentRefused as problem:
        notes.bad_argument(cut(path), asked.coordinate, problem)
        return None
    if wants_rows:
        notes.narrows(path, access)
        refused = asking.settle(access, where, path)
        if refused is not None:
            notes.refuse_record(cut(path), asked.coordinate, refused.record, refused.decision)
            return None
    parts = tuple(_connection_field(asking, inner, asked) for inner in picks)
    if any(isinstance(part, NullPart) and inner.name == "nodes" for part, inner in zip(parts, picks, strict=True)):
        return None
    return ConnectionPart(access, where, order, window, parts, path, asked.digest)


def _connection_field(asking: Asking, pick: Picked, asked: Asked) -> ConnectionField:
    path = (*asked.path, pick.key)
    match pick.name:
        case "__typename":
            return TypeNamePart(pick.key, f"{asked.access.record.type_name}Connection")
        case "nodes":
            return NodesPart(pick.key, object_of(asking, pick, asked.access, (*path, LIST)))
        case "edges":
            return _edges(asking, pick, asked.access, path)
        case "pageInfo":
            return PageInfoPart(pick.key, tuple((inner.key, inner.name) for inner in asking.picks(pick)))
    return ConnectionTotals(asking, asked.access, asked.link, object_of).part(pick, asked.arguments.get("where"), path)


def _edges(asking: Asking, pick: Picked, access: RecordAccess, path: Path) -> EdgesPart:
    fields: list[tuple[str, str | ObjectPart]] = []
    for inner in asking.picks(pick):
        match inner.name:
            case "cursor":
                fields.append((inner.key, "cursor"))
            case "__typename":
                fields.append((inner.key, f"{access.record.type_name}Edge"))
            case _:
                fields.append((inner.key, object_of(asking, inner, access, (*path, LIST, inner.key))))
    return EdgesPart(pick.key, tuple(fields))
