"""Names of linked records' fields in ``groupBy`` and in a group's ``key``: the links' names and the field's, joined
(``DISTRICT_DIVISION``, ``districtDivision``), at most two links away. A record's own names come first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schema.catalog import Catalog, Field, Link, Record

DEPTH = 2


@dataclass(frozen=True, slots=True)
class FieldPath:
    """``enum_name`` in ``groupBy``, ``api_name`` in ``key``."""

    enum_name: str
    api_name: str
    links: tuple[Link, ...]
    field: Field


def linked_fields(catalog: Catalog, record: Record) -> dict[str, FieldPath]:
    """Every field that can be grouped by through links, by its name in ``groupBy``."""
    own = {name.upper() for name in (*record.fields, *record.links)}
    own_api = set(record.by_api_name)
    paths: dict[str, FieldPath] = {}
    for path in sorted(_paths(catalog, record, ()), key=lambda path: len(path.links)):
        if path.enum_name not in own and path.api_name not in own_api:
            paths.setdefault(path.enum_name, path)
    return paths


def _paths(catalog: Catalog, record: Record, links: tuple[Link, ...]) -> Iterator[FieldPath]:
    if links:
        names = [link.name for link in links]
        api = [link.api_name for link in links]
        for part in record.fields.values():
            if part.column is not None and part.scalar.name != "Float":
                enum_name = "_".join([*names, part.name]).upper()
                yield FieldPath(enum_name, api[0] + "".join(map(_capital, [*api[1:], part.api_name])), links, part)
    if len(links) < DEPTH:
        for link in record.links.values():
            if not link.many:
                yield from _paths(catalog, catalog.records[link.target], (*links, link))


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
