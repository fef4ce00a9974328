"""What an operation names, answered or not: every field it selects, tests, orders, groups or measures by. Pure.

A refused list is not looked into when it is authorized, but who asked for what is in it has been refused all of that,
and the ledger says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from gateway.allowed import LIST, Path, cut
from gateway.filters import enum_names
from gateway.paths import linked_fields
from gateway.selection import Collector, Picked
from gateway.templates import Leaf, Literal, Template, as_list, known_now
from schema.catalog import Catalog, Link, Record

Arguments: TypeAlias = dict[str, Template]


@dataclass(frozen=True, slots=True)
class Named:
    """``path``: of the field that carries it, up to the first list. ``sought``: values a noted field is tested by."""

    path: Path
    coordinate: str
    sought: tuple[Leaf, ...] = ()


@dataclass(frozen=True, slots=True)
class Namer:
    catalog: Catalog
    collector: Collector

    def root(self, pick: Picked, record: Record, arguments: Arguments) -> Iterator[Named]:
        """Of a root field; ``arguments`` in the words of the record's list."""
        path = (pick.key,)
        key = arguments.get(record.key_field.api_name)
        if key is not None:
            yield _named(path, record, record.key)
        yield from self._selected(pick, record, arguments, path)

    def _selected(self, pick: Picked, record: Record, arguments: Arguments, path: Path) -> Iterator[Named]:
        yield from self._where(arguments.get("where"), record, path)
        for item in as_list(arguments.get("orderBy", Literal(None))):
            yield from self._ordered(item, record, path)
        yield from self._fields(pick, record, path)

    def _fields(self, pick: Picked, record: Record, path: Path) -> Iterator[Named]:
        """Fields of the record and, of its connection and aggregate, those that name fields of it."""
        for inner in self.collector.collect(pick.selections):
            part = record.by_api_name.get(inner.name)
            own = (*path, inner.key)
            if isinstance(part, Link):
                yield _named(own, record, part.name)
                target = self.catalog.records[part.target]
                yield from self._selected(inner, target, inner.arguments(self.collector.variables), own)
            elif part is not None:
                yield _named(own, record, part.name)
            elif inner.name == "aggregate":
                yield from self._aggregate(inner, record, own)
            elif inner.selections:
                yield from self._fields(inner, record, (*own, LIST))

    def _aggregate(self, pick: Picked, record: Record, path: Path) -> Iterator[Named]:
        arguments = pick.arguments(self.collector.variables)
        names = {name.upper(): name for name in (*record.fields, *record.links)}
        for item in as_list(arguments.get("groupBy", Literal(None))):
            for value in enum_names(known_now(item, self.collector.variables)):
                if value in names:
                    yield _named(path, record, names[value])
                elif (wanted := linked_fields(self.catalog, record).get(value)) is not None:
                    yield from self._through(wanted.links, record, path)
                    yield _named(path, self.catalog.records[wanted.links[-1].target], wanted.field.name)
        having = arguments.get("having")
        for tests in having.values() if isinstance(having, dict) else ():
            for name in tests if isinstance(tests, dict) else ():
                if (part := record.by_api_name.get(name)) is not None:
                    yield _named(path, record, part.name)
        yield from self._fields(pick, record, path)

    def _through(self, links: tuple[Link, ...], record: Record, path: Path) -> Iterator[Named]:
        for link in links:
            yield _named(path, record, link.name)
            record = self.catalog.records[link.target]

    def _where(self, where: Template | None, record: Record, path: Path) -> Iterator[Named]:
        if not isinstance(where, dict):
            return
        for name, tests in where.items():
            part = record.by_api_name.get(name)
            if name in ("and", "or", "not"):
                for item in as_list(tests):
                    yield from self._where(item, record, path)
            elif isinstance(part, Link):
                yield _named(path, record, part.name)
                target = self.catalog.records[part.target]
                inner = tests.values() if part.many and isinstance(tests, dict) else (tests,)
                for one in inner:
                    yield from self._where(one, target, path)
            elif part is not None:
                yield Named(cut(path), f"{record.type_name}.{name}", _leaves(tests) if part.noted else ())

    def _ordered(self, item: Template, record: Record, path: Path) -> Iterator[Named]:
        for name, further in item.items() if isinstance(item, dict) else ():
            part = record.by_api_name.get(name)
            if part is not None:
                yield _named(path, record, part.name)
            if isinstance(part, Link):
                yield from self._ordered(further, self.catalog.records[part.target], path)


def _named(path: Path, record: Record, name: str) -> Named:
    part = record.fields.get(name) or record.links[name]
    return Named(cut(path), f"{record.type_name}.{part.api_name}")


def _leaves(tests: Template) -> tuple[Leaf, ...]:
    values = tests.values() if isinstance(tests, dict) else ()
    several = [one for value in values for one in (value if isinstance(value, list) else [value])]
    return tuple(one for one in several if not isinstance(one, (dict, list)))
