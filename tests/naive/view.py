"""The world as one principal sees it: cells, references, linked rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from auth.principal import Principal
from schema.catalog import Field, Link, Record
from tests.naive.rights import Right, Rights, Shown
from tests.naive.world import Row, World

Reader = Callable[[Row], Any]
"""A value of a row, None where it is hidden."""


class Refused(Exception):
    """The field that carries the argument is null, with this code."""


@dataclass(slots=True)
class View:
    """``right`` in what follows: None where rows are read, else the right under which they are counted."""

    world: World
    principal: Principal
    _rights: dict[str, Rights] = field(default_factory=dict)
    _joined: dict[tuple[str, str], dict[Any, list[Row]]] = field(default_factory=dict)

    def record(self, name: str) -> Record:
        return self.world.catalog.records[name]

    def rights(self, record: Record) -> Rights:
        if record.name not in self._rights:
            self._rights[record.name] = Rights(self.world.catalog, record, self.principal)
        return self._rights[record.name]

    def rows_by(self, record: Record, name: str) -> dict[Any, list[Row]]:
        """All rows by their value of a field."""
        if (record.name, name) not in self._joined:
            index: dict[Any, list[Row]] = {}
            for row in self.world.rows[record.name]:
                index.setdefault(row[name], []).append(row)
            self._joined[record.name, name] = index
        return self._joined[record.name, name]

    def linked(self, link: Link, value: Any) -> list[Row]:
        """The visible rows a reference leads to."""
        target = self.record(link.target)
        rights = self.rights(target)
        found = [] if value is None else self.rows_by(target, link.remote).get(value, [])
        return [row for row in found if rights.visible(row)]

    def one(self, link: Link, value: Any) -> Row | None:
        """The only row it leads to: of several none is right."""
        found = self.linked(link, value)
        return found[0] if len(found) == 1 else None

    def keys_are_open(self, record: Record) -> bool:
        """Whether every row exists and shows its key: then nothing is told by asking about keys alone."""
        shown = self.rights(record).shown(record.key_field)
        return self.rights(record).sees_all and isinstance(shown, Shown) and shown.always

    def cell(self, record: Record, part: Field, right: Right | None) -> Reader:
        name = part.name
        if right is not None and right.by is not None:
            links = record.links.values()
            if name in right.by or any(one.name in right.by and one.local == name and not one.many for one in links):
                return lambda row: row[name]
            raise Refused("REFUSED")
        shown = self.rights(record).shown(part)
        if not isinstance(shown, Shown):
            raise Refused("REFUSED")
        return lambda row: row[name] if shown.test(row) else None

    def reference(self, record: Record, link: Link, right: Right | None, *, key_only: bool = False) -> Reader:
        """``key_only``: nothing of the target is read."""
        shown = self.rights(record).shown(link)
        granted = False
        if right is not None and right.by is not None:
            granted = link.name in right.by or link.local in right.by
            if not granted:
                raise Refused("REFUSED")
        if not granted and not isinstance(shown, Shown):
            raise Refused("REFUSED")
        if not self.rights(self.record(link.target)).allowed and not (granted and key_only):
            raise Refused("REFUSED")
        if granted:
            return lambda row: row[link.local]
        assert isinstance(shown, Shown)
        return lambda row: row[link.local] if shown.test(row) else None

    def through(self, record: Record, links: tuple[Link, ...], part: Field, right: Right | None) -> Reader:
        """A cell of the record that to-one links lead to."""
        if not links:
            return self.cell(record, part, right)
        link = links[0]
        reference = self.reference(record, link, right)
        beyond = self.through(self.record(link.target), links[1:], part, None)
        known: dict[Any, Any] = {}

        def read(row: Row) -> Any:
            value = reference(row)
            if value not in known:
                found = self.one(link, value)
                known[value] = None if found is None else beyond(found)
            return known[value]

        return read
