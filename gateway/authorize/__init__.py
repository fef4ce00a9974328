"""Operation to Allowed: resolves every field against the catalog and takes out what the principal may not use, before
anything is planned. Pure; looks at no row and at no value of a variable beyond the shape the plan's key holds.

Here are the roots; what is selected beneath them is in ``objects``, totals are in ``totals``.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from auth.access import Access
from auth.decisions import RecordAccess
from gateway import filters
from gateway.allowed import (
    Allowed,
    ConnectionPart,
    ConnectionRoot,
    FeedPart,
    FieldTest,
    KeyRoot,
    NodesPart,
    NullPart,
    ObjectPart,
    Root,
)
from gateway.authorize.asking import Asking
from gateway.authorize.notes import Notes
from gateway.authorize.objects import Asked, connection_of, object_of
from gateway.filters import ArgumentRefused
from gateway.naming import Namer
from gateway.presets import preset_arguments
from gateway.selection import Collector, Picked
from gateway.templates import Leaf, Literal, Template
from schema.catalog import Catalog, Record
from schema.predicates import TRUE


def roots_of(catalog: Catalog) -> dict[str, tuple[Record, bool]]:
    """Root field -> its record and whether it is the connection."""
    roots: dict[str, tuple[Record, bool]] = {}
    for record in catalog.records.values():
        if not record.has_root:
            continue
        roots[record.singular] = (record, False)
        roots[record.plural] = (record, True)
    roots |= {name: (record, True) for name, (_, record) in catalog.presets.items()}
    return roots


def authorize(access: Access, picked: tuple[Picked, ...], collector: Collector) -> Allowed:
    """The planned roots among ``picked``, authorized."""
    known, notes = roots_of(access.catalog), Notes()
    asking = Asking(access, collector, notes)
    return notes.allowed(access, [_root(asking, pick, *known[pick.name]) for pick in picked if pick.name in known])


def authorize_feed(
    access: Access, pick: Picked, record: Record, collector: Collector
) -> tuple[Allowed, FeedPart | None]:
    """A feed of changes of ``record``; None when the rows it is about are refused, or its arguments."""
    notes = Notes()
    feed = _feed(Asking(access, collector, notes), pick, access.record(record.name))
    return notes.allowed(access, () if feed is None else (ConnectionRoot(pick.key, feed.connection),)), feed


def _root(asking: Asking, pick: Picked, record: Record, connection: bool) -> Root:
    arguments = pick.arguments(asking.variables)
    asking = replace(asking, known_at=_given(arguments.get("asKnownAt")))
    if not connection:
        _name(asking, pick, record, arguments)
        return _by_key(asking, pick, asking.access.record(record.name), arguments)
    presets = asking.access.catalog.presets
    if pick.name in presets:
        arguments = preset_arguments(presets[pick.name][0], record, arguments)
    _name(asking, pick, record, arguments)
    access = asking.access.record(record.name)
    part = connection_of(asking, Asked(pick, access, arguments, (pick.key,), f"Query.{pick.name}"))
    return NullPart(pick.key) if part is None else ConnectionRoot(pick.key, part, asking.known_at)


def _by_key(asking: Asking, pick: Picked, access: RecordAccess, arguments: dict[str, Template]) -> Root:
    record, path, coordinate, notes = access.record, (pick.key,), f"Query.{pick.name}", asking.notes
    if not access.allowed:
        notes.refuse_record(path, coordinate, record, access.refusal)
        return NullPart(pick.key)
    value = arguments[record.key_field.api_name]
    assert not isinstance(value, (dict, list))
    key_decision = access.fields[record.key]
    if not key_decision.shown:
        notes.refuse(path, coordinate, key_decision, record, record.key_field.owner)
        return NullPart(pick.key)
    if asking.forgets(record, path, coordinate):
        return NullPart(pick.key)
    refused = asking.settle(access, FieldTest(record.key_field, "eq", value, TRUE), path)
    if refused is not None:
        notes.refuse_record(path, coordinate, refused.record, refused.decision)
        return NullPart(pick.key)
    return KeyRoot(pick.key, access, value, object_of(asking, pick, access, path), asking.known_at)


def _feed(asking: Asking, pick: Picked, access: RecordAccess) -> FeedPart | None:
    path, record, notes = (pick.key,), access.record, asking.notes
    coordinate = f"Subscription.{pick.name}"
    _name(asking, pick, record, pick.arguments(asking.variables))
    if not access.allowed:
        notes.refuse_record(path, coordinate, record, access.refusal)
        return None
    where_argument = pick.arguments(asking.variables).get("where")
    try:
        where = asking.where(where_argument, filters.Rights.of_rows(access), path)
    except ArgumentRefused as problem:
        notes.bad_argument(path, coordinate, problem)
        return None
    notes.narrows(path, access)
    picks = asking.picks(pick)
    nodes = tuple(
        NodesPart(inner.key, object_of(asking, inner, access, (*path, inner.key)))
        for inner in picks
        if inner.name == "node"
    ) or (NodesPart("node", ObjectPart(access, (), path)),)
    key = filters.field_decision(access, record.key_field)
    if any(inner.name == "key" for inner in picks):
        key_coordinate = f"{record.type_name}.{record.key_field.api_name}"
        if key.unconditional:
            notes.shown[key_coordinate] = key.rules
        else:
            notes.refuse((*path, "key"), key_coordinate, key, record, record.key_field.owner)
    digest = hashlib.sha256(repr((coordinate, where_argument)).encode()).hexdigest()
    connection = ConnectionPart(access, where, (), filters.window({}, asking.variables), nodes, path, digest)
    return FeedPart(pick.key, connection, tuple((inner.key, inner.name) for inner in picks), key.unconditional)


def _name(asking: Asking, pick: Picked, record: Record, arguments: dict[str, Template]) -> None:
    """Notes what the operation names, answered or not."""
    asking.notes.named.extend(Namer(asking.access.catalog, asking.collector).root(pick, record, arguments))


def _given(argument: Template | None) -> Leaf | None:
    """A scalar argument; None where it is absent or null."""
    if argument is None or argument == Literal(None):
        return None
    assert not isinstance(argument, (dict, list))
    return argument
