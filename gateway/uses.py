"""Fields an operation uses without showing them: what rows are chosen, ordered, grouped or measured by. Pure.

Who filters pupils by a B-Form number has accessed it as much as who selects it, and the ledger says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from auth.decisions import RecordAccess
from gateway.allowed import (
    AggregatePart,
    Allowed,
    AllTests,
    AnyTest,
    ConnectionPart,
    ConnectionRoot,
    CountPart,
    EdgesPart,
    FieldTest,
    Filter,
    KeyPart,
    KeyRoot,
    LinkTest,
    ManyPart,
    MeasuresPart,
    NodesPart,
    NoTest,
    ObjectPart,
    OnePart,
    Via,
)
from schema.catalog import Field, Link, Record

Use = tuple[str, str]
"""Coordinate and kind: filter, order, group, measure, or derive (a derived record is worked out from it)."""


def used(allowed: Allowed) -> dict[str, list[str]]:
    """Coordinate -> how it is used."""
    found: dict[str, list[str]] = {}
    for coordinate, kind in sorted(set(_of_roots(allowed))):
        found.setdefault(coordinate, []).append(kind)
    return found


def _of_roots(allowed: Allowed) -> Iterator[Use]:
    for root in allowed.roots:
        match root:
            case KeyRoot(access=access, object=inner):
                yield _coordinate(access.record, access.record.key_field), "filter"
                yield from _of_object(inner)
            case ConnectionRoot(connection=connection):
                yield from _of_connection(connection)


def _coordinate(record: Record, part: Field | Link) -> str:
    return f"{record.type_name}.{part.api_name}"


def _linked(record: Record, via: Via, part: Field, kind: str) -> Iterator[Use]:
    """The field, and the links that lead to it."""
    for hop in via:
        yield _coordinate(record, hop.link), kind
        record = hop.target.record
    yield _coordinate(record, part), kind


def _derived(access: RecordAccess) -> Iterator[Use]:
    """What a derived record is worked out from."""
    for leaf in () if access.query is None else access.query.leaves:
        for cell in leaf.cells.values():
            record = cell.hops[-1][2].record if cell.hops else leaf.access.record
            yield _coordinate(record, cell.field), "derive"
        yield from _derived(leaf.access)


def _of_object(part: ObjectPart) -> Iterator[Use]:
    yield from _derived(part.access)
    for inner in part.parts:
        match inner:
            case OnePart(part=target):
                yield from _of_object(target)
            case ManyPart(connection=connection):
                yield from _of_connection(connection)


def _of_connection(connection: ConnectionPart) -> Iterator[Use]:
    record = connection.record
    yield from _derived(connection.access)
    yield from _of_filter(connection.where, record)
    for term in connection.order:
        yield from _linked(record, term.via, term.field, "order")
    for part in connection.parts:
        match part:
            case NodesPart(object=inner):
                yield from _of_object(inner)
            case EdgesPart(fields=fields):
                for _, what in fields:
                    if isinstance(what, ObjectPart):
                        yield from _of_object(what)
            case CountPart(where=where):
                yield from _of_filter(where, record)
            case AggregatePart():
                yield from _of_aggregate(part, record)


def _of_aggregate(part: AggregatePart, record: Record) -> Iterator[Use]:
    yield from _of_filter(part.where, record)
    for term in part.groups:
        yield from _linked(record, term.via, term.field, "group")
    for test in part.having:
        if test.measure is not None:
            yield _coordinate(record, test.measure.field), "measure"
    for inner in part.parts:
        match inner:
            case MeasuresPart(fields=fields):
                for _, measure in fields:
                    if measure is not None:
                        yield _coordinate(record, measure.field), "measure"
            case KeyPart(parts=parts):
                for key_part in parts:
                    if isinstance(key_part, OnePart):
                        yield from _of_object(key_part.part)


def _of_filter(where: Filter, record: Record) -> Iterator[Use]:
    match where:
        case FieldTest(field=part):
            yield _coordinate(record, part), "filter"
        case LinkTest(link=link, target=target, where=inner):
            yield _coordinate(record, link), "filter"
            yield from _derived(target)
            yield from _of_filter(inner, target.record)
        case AllTests(parts=parts) | AnyTest(parts=parts):
            for part_of in parts:
                yield from _of_filter(part_of, record)
        case NoTest(part=negated):
            yield from _of_filter(negated, record)
