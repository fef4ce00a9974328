"""MariaDB's binary log events (row format), read for keys alone: what else a row holds is skipped, never kept. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from struct import error as struct_error
from struct import unpack_from
from typing import Any
from zlib import crc32

from schema.changelog import MOST, LoggedTable, note

QUERY, ROTATE, XID, TABLE_MAP = 2, 4, 16, 19
WRITES, UPDATES, DELETES = (23, 30), (24, 31), (25, 32)
LATER = (30, 31, 32)
"""Events of rows in their second version, which have room for more in front."""
COMPRESSED = range(165, 172)
SIZES = {1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 6: 0, 7: 4, 8: 8, 9: 3, 10: 3, 11: 3, 12: 8, 13: 1, 14: 3}
"""Bytes of a value by the type's number: those that are always as long."""
FRACTIONS = {17: 4, 18: 5, 19: 3}
BLOBS = (140, 245, 249, 250, 251, 252, 255)
STRINGS = (15, 141, 253)
TWO_BYTES_TOLD = (15, 16, 141, 246, 247, 248, 253, 254)
ONE_BYTE_TOLD = (4, 5, *FRACTIONS, *BLOBS)
SPARE_DIGITS = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
WITHOUT_ROWS = ("begin", "savepoint", "release", "flush", "analyze", "grant", "revoke", "set", "#")
EMPTYING = ("truncate", "insert", "update", "delete", "replace", "load")


class Unreadable(Exception):
    """No event of this form."""


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """``place``: among the table's columns; ``read``: a value's bytes to what the connector would bring."""

    place: int
    read: Callable[[bytes], Any]


@dataclass(slots=True)
class Decoder:
    """``wanted``: (schema, table) -> what is told of it, with the column of its key. ``seen``: what is committed;
    ``place``: (file, position) up to where it is. ``altered``: a table that is told of was defined anew."""

    wanted: Mapping[tuple[str, str], Sequence[tuple[LoggedTable, KeyColumn | None]]]
    file: str
    most: int = MOST
    seen: dict[LoggedTable, set[Any] | None] = field(default_factory=dict)
    place: tuple[str, int] = ("", 0)
    altered: bool = False
    _open: dict[LoggedTable, set[Any] | None] = field(default_factory=dict)
    _maps: dict[int, tuple[tuple[str, str], bytes, tuple[int, ...]]] = field(default_factory=dict)
    """By table number: name, types, what is told of each type."""

    def take_seen(self) -> tuple[dict[LoggedTable, set[Any] | None], tuple[str, int]]:
        seen, self.seen = self.seen, {}
        return seen, self.place

    def take(self, event: bytes) -> None:
        """Reads one event, header included. Raises Unreadable."""
        # A server that keeps checksums sends most events with one, and some of its own making without.
        if int.from_bytes(event[-4:], "little") == crc32(event[:-4]):
            event = event[:-4]
        try:
            kind, _, _, end = unpack_from("<BIII", event, 4)
            self._take(kind, event[19:], end)
        except (IndexError, ValueError, LookupError, struct_error) as error:
            raise Unreadable(f"an event of {len(event)} bytes cannot be read") from error

    def _take(self, kind: int, body: bytes, end: int) -> None:
        if kind == ROTATE:
            self.file = body[8:].decode()
            self._maps.clear()
        elif kind == TABLE_MAP:
            self._map(body)
        elif kind in WRITES or kind in UPDATES or kind in DELETES:
            self._rows(kind, body)
        elif kind == XID:
            self._commit(end)
        elif kind == QUERY:
            self._query(body, end)
        elif kind in COMPRESSED:
            raise Unreadable("its events are compressed")

    def _commit(self, end: int) -> None:
        if self._open:
            self.place = (self.file, end)
        for table, keys in self._open.items():
            note(self.seen, table, keys, self.most)
        self._open.clear()

    def _query(self, body: bytes, end: int) -> None:
        """The end of a transaction, or a statement that is written down as it was said: one that defines tables, or
        empties them, or of a session that does not log rows."""
        schema_size, _, status_size = unpack_from("<BHH", body, 8)
        at = 13 + status_size
        schema = body[at : at + schema_size].decode(errors="replace").lower()
        text = body[at + schema_size + 1 :].decode(errors="replace").lower()
        word = text.split(maxsplit=1)[0].rstrip(";") if text.split() else ""
        if word in ("commit", "rollback"):
            self._commit(end)
        elif word == "xa":
            if "commit" in text:  # its rows stood in the log since it was prepared
                self._open.update({table: None for tables in self.wanted.values() for table, _ in tables})
                self._commit(end)
        elif word not in WITHOUT_ROWS:
            for (of, name), tables in self.wanted.items():
                if (of == schema or of in text) and (name in text or "database" in text or "schema" in text):
                    self._open.update({table: None for table, _ in tables})
                    self.altered = self.altered or word not in EMPTYING
            if self._open:
                self._commit(end)

    def _map(self, body: bytes) -> None:
        number = int.from_bytes(body[:6], "little")
        at = 8
        size = body[at]
        schema = body[at + 1 : at + 1 + size].decode().lower()
        at += size + 2
        size = body[at]
        name = (schema, body[at + 1 : at + 1 + size].decode().lower())
        if name not in self.wanted:
            self._maps.pop(number, None)
            return
        count, at = _length(body, at + size + 2)
        types = body[at : at + count]
        _, at = _length(body, at + count)
        told = []
        for kind in types:
            width = 2 if kind in TWO_BYTES_TOLD else 1 if kind in ONE_BYTE_TOLD else 0
            told.append(int.from_bytes(body[at : at + width], "little"))
            at += width
        self._maps[number] = name, types, tuple(told)

    def _rows(self, kind: int, body: bytes) -> None:
        mapped = self._maps.get(int.from_bytes(body[:6], "little"))
        if mapped is None:
            return
        name, types, told = mapped
        at = 8
        if kind in LATER:
            at += int.from_bytes(body[8:10], "little")
        count, at = _length(body, at)
        width = (count + 7) // 8
        images = [_marked(body[at : at + width], count)]
        at += width
        if kind in UPDATES:
            images.append(_marked(body[at : at + width], count))
            at += width
        tables = self.wanted[name]
        for table, column in tables:
            if column is None:
                self._open[table] = None
        keyed = [(table, column) for table, column in tables if column is not None]
        places = {column.place for _, column in keyed}
        rows = _cells(body, at, images, types, told, places) if keyed else ()
        for row in rows:
            for table, column in keyed:
                note(self._open, table, _keys(row, column), self.most)


def _keys(row: Mapping[int, bytes | None], column: KeyColumn) -> set[Any] | None:
    """The key in a row; none where it is null, None where it is not told."""
    if column.place not in row:
        return None
    value = row[column.place]
    return set() if value is None else {column.read(value)}


def _length(body: bytes, at: int) -> tuple[int, int]:
    """A packed number and where it ends."""
    first = body[at]
    if first < 251:
        return first, at + 1
    size = {252: 2, 253: 3, 254: 8}[first]
    return int.from_bytes(body[at + 1 : at + 1 + size], "little"), at + 1 + size


def _marked(bits: bytes, count: int) -> list[int]:
    return [place for place in range(count) if bits[place // 8] >> (place % 8) & 1]


def _cells(
    body: bytes, at: int, images: list[list[int]], types: bytes, told: Sequence[int], places: set[int]
) -> Iterator[dict[int, bytes | None]]:
    """Each row's cells at ``places``, null as None; those that are not in the image are left out."""
    turn = 0
    while at < len(body):
        present = images[turn % len(images)]
        turn += 1
        width = (len(present) + 7) // 8
        nulls = set(_marked(body[at : at + width], len(present)))
        at += width
        row: dict[int, bytes | None] = {}
        for order, place in enumerate(present):
            if order in nulls:
                if place in places:
                    row[place] = None
                continue
            prefix, size = _size(types[place], told[place], body, at)
            if place in places:
                row[place] = body[at + prefix : at + prefix + size]
            at += prefix + size
        if at > len(body):
            raise ValueError("a row goes on beyond its event")
        yield row


def _size(kind: int, told: int, body: bytes, at: int) -> tuple[int, int]:
    """Bytes before a value that say how long it is, and its own."""
    if kind in SIZES:
        return 0, SIZES[kind]
    if kind in FRACTIONS:
        return 0, FRACTIONS[kind] + (told + 1) // 2
    if kind in STRINGS:
        return _prefixed(body, at, 1 if told < 256 else 2)
    if kind in BLOBS:
        return _prefixed(body, at, told)
    first, second = told & 0xFF, told >> 8
    if kind == 246:
        whole = first - second
        digits = 4 * (whole // 9) + SPARE_DIGITS[whole % 9] + 4 * (second // 9) + SPARE_DIGITS[second % 9]
        return 0, digits
    if kind == 16:
        return 0, second + (first > 0)
    if kind == 254:
        if first in (247, 248):
            return 0, second
        longest = second if first & 0x30 == 0x30 else second | ((first & 0x30) ^ 0x30) << 4
        return _prefixed(body, at, 1 if longest < 256 else 2)
    if kind in (247, 248):
        return 0, second
    raise ValueError(f"a column of type {kind}")


def _prefixed(body: bytes, at: int, width: int) -> tuple[int, int]:
    return width, int.from_bytes(body[at : at + width], "little")
