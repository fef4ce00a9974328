"""Keys that a derived record joins of several cells, as ``NOS/2014/All``: whoever asks for one has named the cells, and
what is read is narrowed by them as if they had been asked for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gateway.allowed import FieldTest
from gateway.templates import Worked
from schema.catalog import Record
from schema.derive.expressions import Expression
from schema.derive.nodes import Computed, Node, Parts
from schema.predicates import TRUE

MOST_SPARE = 8
"""Separators that the cells of one key may hold themselves; no row has a key with more."""


def with_pieces(record: Record, query: Node, tests: Iterable[FieldTest]) -> list[FieldTest]:
    """The tests, and what those of a joined key say of the record's other fields."""
    found = list(tests)
    columns = {part.column: part for part in record.fields.values() if part.column is not None}
    for test in tuple(found):
        key = None if test.field.column is None or test.condition != TRUE else _joined(query, test.field.column)
        if key is None or test.op not in ("eq", "in"):
            continue
        (between,) = key.options
        for at, name in enumerate(key.reads):
            part = columns.get(name)
            if part is not None and part.scalar.kind in ("text", "int"):
                piece = Piece(at, len(key.reads), between, part.scalar.kind)
                listed = 1 if test.op == "eq" else None
                found.append(FieldTest(part, "in", Worked(test.value, piece, test.field.scalar.parse, listed), TRUE))
    return found


def _joined(query: Node, name: str) -> Expression | None:
    """How the cell is joined, where the cells that it is of stand in the rows as they were joined."""
    later: set[str] = set()
    while isinstance(query, Computed):
        names = [cell for cell, _ in query.cells]
        if name in names:
            expression = query.cells[names.index(name)][1]
            later.update(names[names.index(name) :])
            return expression if expression.function == "joined" and later.isdisjoint(expression.reads) else None
        later.update(names)
        query = query.of
    if isinstance(query, Parts):
        first, *others = [_joined(part, name) for _, part in query.parts]
        return first if not later and all(other == first for other in others) else None
    return None


@dataclass(frozen=True, slots=True)
class Piece:
    """From keys what the cell ``at`` of the ``of`` that they are joined of may be."""

    at: int
    of: int
    between: str
    kind: str

    def __call__(self, keys: Any) -> tuple[Any, ...]:
        told = (keys,) if isinstance(keys, str) else keys or ()
        return tuple(dict.fromkeys(piece for key in told if key is not None for piece in self._pieces(key)))

    def _pieces(self, key: str) -> Iterator[Any]:
        parts = key.split(self.between)
        spare = len(parts) - self.of
        if not 0 <= spare <= MOST_SPARE:
            return
        for first in range(self.at, self.at + spare + 1):
            for last in range(first + 1, self.at + spare + 2):
                piece = self.between.join(parts[first:last])
                if self.kind == "text":
                    yield piece
                elif len(piece) < 10 and piece.isascii() and piece.removeprefix("-").isdecimal():
                    yield int(piece)
