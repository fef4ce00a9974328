"""A database's log of what was committed, as the gateway reads it: which rows changed, by key, and nothing else of
them. What reads one promises what ``ChangeLog`` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from schema.catalog import Record
from schema.changes import Logged
from schema.relations import relation_name

MOST = 10_000
"""Keys of one table that are told one by one; of more it is told only that any of its rows may have changed."""


@dataclass(frozen=True, slots=True)
class LoggedTable:
    """A table to be told of, named as the source's own session would find it. ``column`` holds the key (``kind``: text
    or int); None: only that something in it changed."""

    name: str
    column: str | None = None
    kind: str = "text"


Seen: TypeAlias = Mapping[LoggedTable, set[Any] | None]
"""Raw keys of rows that were added, altered (the old key and the new one) or struck; None: any row may have been."""


class LogRefused(Exception):
    """The log is not to be had as things are. The message says for what reason and what whoever runs the database can
    do; it holds no value of any row."""


class ChangeLog(Protocol):
    """``open``: from when it returns, every change committed is told by ``read``; it answers which of the tables cannot
    be told of, and why. Raises LogRefused and SourceUnavailable. ``read`` waits for the next change; what is rolled
    back is never told. Raises SourceUnavailable when it has lost its place: whoever opens anew must compare. Nothing is
    left behind in the database once the connection is gone. ``harm``: what the owner's own programs suffer from how the
    log is offered, a line each."""

    async def open(self, tables: tuple[LoggedTable, ...]) -> Mapping[LoggedTable, str]: ...

    async def read(self) -> Seen: ...

    async def harm(self) -> list[str]: ...

    async def aclose(self) -> None: ...


def note(seen: dict[LoggedTable, set[Any] | None], table: LoggedTable, keys: set[Any] | None, most: int) -> None:
    """Adds keys to what was seen of a table; past ``most`` of them, or where they are not told, any row may have
    changed."""
    known = seen.setdefault(table, set())
    if known is None:
        return
    if keys is None or len(known) + len(keys) > most:
        seen[table] = None
    else:
        known |= keys


def tables_of(record: Record) -> tuple[LoggedTable, ...]:
    """What a record declared by ``logged`` is told of: first the table that tells its keys, then those it is joined
    from. Empty for any other."""
    changes, key = record.changes, record.key_field
    if not isinstance(changes, Logged):
        return ()
    assert key.codec is not None
    name, column = changes.table or relation_name(record.relation), changes.column or key.column
    first = LoggedTable(name, column, key.codec.kind or key.scalar.kind)
    return (first, *(LoggedTable(one) for one in changes.joined))
