"""Which cells of a published table are withheld, so that no cell under k can be read or worked out from others.

A grant of totals publishes, for each set of fields, **one** table over everything the grant covers; a filter only picks
cells of it (see docs/access.md). So what is withheld depends on the fields alone, never on the filter, and two requests
cannot be subtracted to get a cell that neither shows. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Key = tuple[Any, ...]
Line = tuple[int, Key]
"""The cells that differ in one field only: its place, and the values of the others."""
Row = dict[int, int]
"""An equation: place of each unknown cell -> its factor, modulo PRIME."""
PRIME = 2**61 - 1
MOST_UNKNOWN = 2000
"""Withheld cells up to which a table is checked against equations; a larger one is checked line by line only."""


@dataclass(frozen=True, slots=True)
class Table:
    """``fields`` in an order that does not depend on the request; ``weights``: how many persons' figures each cell
    holds; ``unsafe``: cells that may not be shown for themselves; ``within``: (finer, coarser) fields, where a table
    with the finer has the coarser too."""

    fields: tuple[str, ...]
    weights: Mapping[Key, int]
    unsafe: frozenset[Key]
    k: int
    within: tuple[tuple[str, str], ...] = ()

    @property
    def axes(self) -> tuple[int, ...]:
        """Places of the fields another table may leave out: the lines along them add up to cells of that table."""
        implied = {coarser for finer, coarser in self.within if finer in self.fields}
        return tuple(at for at, name in enumerate(self.fields) if name not in implied)

    def without(self, axis: int) -> Table:
        """The table that leaves the field out: another request may have it."""
        weights: dict[Key, int] = {}
        parts: dict[Key, list[Key]] = {}
        for key, weight in self.weights.items():
            rest = key[:axis] + key[axis + 1 :]
            weights[rest] = weights.get(rest, 0) + weight
            parts.setdefault(rest, []).append(key)
        unsafe = frozenset(
            rest for rest, keys in parts.items()
            if weights[rest] < self.k or (len(keys) == 1 and keys[0] in self.unsafe)
        )  # fmt: skip
        return Table(self.fields[:axis] + self.fields[axis + 1 :], weights, unsafe, self.k, self.within)

    def smaller(self) -> Iterator[tuple[tuple[int, ...], Table]]:
        """Every table with some of the fields, and which fields it has, by place; this one first."""
        waiting: dict[tuple[int, ...], Table] = {tuple(range(len(self.fields))): self}
        while waiting:
            kept = next(iter(waiting))
            table = waiting.pop(kept)
            yield kept, table
            for axis in table.axes:
                fewer = kept[:axis] + kept[axis + 1 :]
                if fewer not in waiting:
                    waiting[fewer] = table.without(axis)


def withheld(table: Table) -> set[Key] | None:
    """The cells to withhold. In each line they are at least two and hold at least k persons together, and no sum or
    difference of figures of this table and of those with fewer fields gives a count under k. None where that cannot be
    had: then not even which cells there are may be told."""
    hidden = _by_lines(table)
    if hidden and len(hidden) <= MOST_UNKNOWN and _gives_away(table, hidden):
        return None
    return hidden


def _by_lines(table: Table) -> set[Key] | None:
    weights, unsafe = table.weights, table.unsafe
    lines: dict[Line, list[Key]] = {}
    ranked = sorted(weights, key=lambda key: (weights[key], repr(key)))
    for key in ranked:
        for line in _lines(key, table.axes):
            lines.setdefault(line, []).append(key)
    hidden = set(unsafe)
    alone = {cells[0] for cells in lines.values() if len(cells) == 1}
    pending = [line for key in ranked if key in hidden for line in _lines(key, table.axes)]
    while pending:
        cells = lines[pending.pop()]
        if len(cells) == 1:
            if cells[0] not in unsafe:
                return None
            continue
        gone = [key for key in cells if key in hidden]
        left = [key for key in cells if key not in hidden]
        while left and (len(gone) < 2 or sum(weights[key] for key in gone) < table.k):
            pick = next((key for key in left if key not in alone), None)
            if pick is None:
                return None
            left.remove(pick)
            gone.append(pick)
            hidden.add(pick)
            pending += _lines(pick, table.axes)
    return hidden


def _lines(key: Key, axes: tuple[int, ...]) -> list[Line]:
    return [(axis, key[:axis] + key[axis + 1 :]) for axis in axes]


def _gives_away(table: Table, hidden: set[Key]) -> bool:
    """Whether the figures shown here and in every table with fewer fields, each with what it withholds, determine an
    unsafe cell of one of them."""
    known = _Equations()
    secret: list[Row] = []
    place = {key: at for at, key in enumerate(sorted(hidden, key=repr))}
    for kept, part in table.smaller():
        gone = hidden if part is table else withheld(part)
        rows: dict[Key, Row] = {}
        for key, at in place.items():
            rows.setdefault(tuple(key[axis] for axis in kept), {})[at] = 1
        for key, row in rows.items():
            if gone is not None and key not in gone:
                known.add(row)
            elif key in part.unsafe:
                secret.append(row)
    return any(known.implies(row) for row in secret)


class _Equations:
    """Linear equations in echelon form. Modulo a prime: numbers stay small and nothing is rounded."""

    def __init__(self) -> None:
        self._by_pivot: dict[int, Row] = {}

    def _reduced(self, row: Row) -> Row:
        row = dict(row)
        while row and (known := self._by_pivot.get(pivot := min(row))) is not None:
            factor = row[pivot]
            for at, value in known.items():
                rest = (row.get(at, 0) - factor * value) % PRIME
                if rest:
                    row[at] = rest
                else:
                    row.pop(at, None)
        return row

    def add(self, row: Row) -> None:
        reduced = self._reduced(row)
        if reduced:
            pivot = min(reduced)
            inverse = pow(reduced[pivot], PRIME - 2, PRIME)
            self._by_pivot[pivot] = {at: value * inverse % PRIME for at, value in reduced.items()}

    def implies(self, row: Row) -> bool:
        return not self._reduced(row)
