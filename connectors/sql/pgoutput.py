"""PostgreSQL's ``pgoutput`` messages (protocol version 1), read for keys alone: what else a row holds is skipped, never
kept. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from struct import error as struct_error
from struct import unpack_from
from typing import Any

from schema.changelog import MOST, LoggedTable, note

NULL, UNCHANGED = b"nu"
"""Kinds of a cell without its value: null, and what is too long to be told and did not change."""


class Unreadable(Exception):
    """No message of this protocol."""


@dataclass(slots=True)
class Decoder:
    """``wanted``: what is told of each relation, by its OID. ``seen`` holds what is committed and ``take_seen`` empties
    it, answering the transactions (their 32-bit ids) with it; ``strange``: relations written to that nobody named."""

    wanted: Mapping[int, Sequence[LoggedTable]]
    most: int = MOST
    seen: dict[LoggedTable, set[Any] | None] = field(default_factory=dict)
    strange: set[int] = field(default_factory=set)
    transactions: set[int] = field(default_factory=set)
    _open: dict[LoggedTable, set[Any] | None] = field(default_factory=dict)
    _transaction: int = 0
    _cells: dict[int, list[tuple[LoggedTable, int | None]]] = field(default_factory=dict)
    """By OID: where in a row the key of each table stands; None: it is not sent."""

    def take_seen(self) -> tuple[dict[LoggedTable, set[Any] | None], set[int]]:
        taken = self.seen, self.transactions
        self.seen, self.transactions = {}, set()
        return taken

    def take(self, message: bytes) -> bool:
        """Reads one message; True when it ended a transaction. Raises Unreadable."""
        try:
            return self._take(message)
        except (IndexError, ValueError, OverflowError, struct_error) as error:
            raise Unreadable(f"a pgoutput message of {len(message)} bytes cannot be read") from error

    def _take(self, message: bytes) -> bool:
        match message[:1]:
            case b"B":
                self._open.clear()
                (self._transaction,) = unpack_from("!I", message, 17)
            case b"C":
                if self._open:
                    self.transactions.add(self._transaction)
                for table, keys in self._open.items():
                    note(self.seen, table, keys, self.most)
                self._open.clear()
                return True
            case b"R":
                self._relation(message)
            case b"I" | b"U" | b"D":
                self._row(message)
            case b"T":
                (count,) = unpack_from("!i", message, 1)
                for oid in unpack_from(f"!{count}I", message, 6):
                    for table in self._named(oid):
                        self._open[table] = None
            case b"O" | b"Y" | b"M":
                pass
            case _:
                raise Unreadable("a pgoutput message of a kind that is not known")
        return False

    def _named(self, oid: int) -> Sequence[LoggedTable]:
        named = self.wanted.get(oid)
        if named is None:
            self.strange.add(oid)
            return ()
        return named

    def _relation(self, message: bytes) -> None:
        (oid,) = unpack_from("!I", message, 1)
        at = message.index(b"\0", 5) + 1  # past the schema's name
        at = message.index(b"\0", at) + 1 + 1  # past its own, and the replica identity
        (count,) = unpack_from("!h", message, at)
        at += 2
        names = []
        for _ in range(count):
            end = message.index(b"\0", at + 1)
            names.append(message[at + 1 : end].decode())
            at = end + 1 + 8
        self._cells[oid] = [
            (table, names.index(table.column) if table.column in names else None) for table in self._named(oid)
        ]

    def _row(self, message: bytes) -> None:
        (oid,) = unpack_from("!I", message, 1)
        cells = self._cells.get(oid)
        if cells is None:
            raise Unreadable("a row of a relation that was not described")
        if not cells:
            return
        rows = list(_rows(message, {at for _, at in cells if at is not None}))
        for table, at in cells:
            if table.column is None or at is None:
                self._open[table] = None
                continue
            for row in rows:
                note(self._open, table, _keys(row, at, table.kind), self.most)


def _keys(row: Mapping[int, bytes | None], at: int, kind: str) -> set[Any] | None:
    """The key in a row; none where it is null, None where it is not told."""
    if at not in row:
        return None
    cell = row[at]
    return set() if cell is None else {int(cell) if kind == "int" else cell.decode()}


def _rows(message: bytes, places: set[int]) -> Iterator[dict[int, bytes | None]]:
    """The old and the new row of a change, only the cells at ``places``; those that are not told are left out."""
    at = 5
    while at < len(message):
        only_identity = message[at : at + 1] == b"K"
        (count,) = unpack_from("!h", message, at + 1)
        at += 3
        row: dict[int, bytes | None] = {}
        for place in range(count):
            kind = message[at]
            at += 1
            if kind == NULL and place in places and not only_identity:
                row[place] = None
            if kind in (NULL, UNCHANGED):
                continue
            (size,) = unpack_from("!i", message, at)
            at += 4
            if place in places:
                row[place] = message[at : at + size]
            at += size
        yield row
