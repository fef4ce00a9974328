"""Every coordinate of the catalog that an entry of the ledger may name, whose it is, and whether it may be told of."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.surface.roots import feed_name
from schema.catalog import Catalog, Field, Link, Record
from schema.classification import Classification

OF_LISTS = ("totalCount", "aggregate")
"""Fields of a connection that an entry names."""


@dataclass(frozen=True, slots=True)
class Coordinate:
    """``secret``: for nearly everybody it does not exist."""

    department: str
    secret: bool


@functools.lru_cache(maxsize=4)
def coordinates(catalog: Catalog) -> Mapping[str, Coordinate]:
    """By name: ``Student.bForm``, ``StudentConnection.totalCount``, ``Query.students``, ``Mutation.payBill``; a record
    too."""
    found = {f"Mutation.{action.api_name}": _of(action.department.name) for action in catalog.actions.values()}
    for record in catalog.records.values():
        found.update(_of_record(record))
    found |= {f"Query.{name}": _of(record.department.name) for name, (_, record) in catalog.presets.items()}
    return found


def _of(department: str, secret: bool = False) -> Coordinate:
    return Coordinate(department, secret)


def _of_record(record: Record) -> Iterator[tuple[str, Coordinate]]:
    own = record.department.name
    parts: list[Field | Link] = [*record.fields.values(), *record.links.values()]
    for part in parts:
        department = part.department if isinstance(part, Link) else own
        yield f"{record.type_name}.{part.api_name}", _of(department, part.classification is Classification.SECRET)
    hidden = all(part.classification is Classification.SECRET for part in record.fields.values())
    roots = (f"Query.{record.singular}", f"Query.{record.plural}", f"Subscription.{feed_name(record)}")
    for name in (record.type_name, *roots):
        yield name, _of(own, hidden)
    for name in OF_LISTS:
        yield f"{record.type_name}Connection.{name}", _of(own, hidden)


def departments_of(catalog: Catalog) -> dict[str, str]:
    """Whose each coordinate is, without what is Secret."""
    return {name: one.department for name, one in coordinates(catalog).items() if not one.secret}
