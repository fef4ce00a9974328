"""Rows held a column at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

Column = Sequence[Any]
FEW = 4
"""Rows that are one in so many are taken by their places."""
TURNED = 1000
"""Rows turned into columns at once: more of them do not stay in the processor's memory from one column to the next."""


class PastBound(Exception):
    """More rows would be made than may be held here, or cells are such that an engine cannot hold them exactly."""


class _Withheld:
    """A figure that a grant of totals withholds. What is worked out of it is withheld too: never a part of it."""

    def __repr__(self) -> str:
        return "WITHHELD"


WITHHELD: Any = _Withheld()


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of ``size`` cells each. ``withheld``: there may be cells that are WITHHELD; elsewhere nobody looks."""

    columns: tuple[Column, ...]
    size: int
    withheld: bool = False

    @classmethod
    def of(cls, rows: Sequence[Any], width: int, withheld: bool = False) -> Table:
        """``width``: cells of a row, where there is none; a row that is there may have more behind them."""
        size = len(rows)
        if 0 < size <= TURNED:
            return cls(tuple(zip(*rows, strict=True)), size, withheld)
        columns: tuple[list[Any], ...] = tuple([] for _ in range(len(rows[0]) if size else width))
        for at in range(0, size, TURNED):
            for column, part in zip(columns, zip(*rows[at : at + TURNED], strict=True), strict=True):
                column.extend(part)
        return cls(columns, size, withheld)

    def rows(self) -> list[Any]:
        """As tuples."""
        return list(zip(*self.columns, strict=True)) if self.columns else [()] * self.size

    def told(self) -> Table:
        """As it is answered: what is withheld is null."""
        if not self.withheld:
            return self
        return Table(
            tuple([None if cell is WITHHELD else cell for cell in column] for column in self.columns), self.size
        )

    def taking(self, places: Iterable[int]) -> Table:
        """These columns; -1 stands for one of nulls."""
        columns = tuple([None] * self.size if at < 0 else self.columns[at] for at in places)
        return Table(columns, self.size, self.withheld)

    def kept(self, passing: list[bool]) -> Table:
        """The rows that pass."""
        size = passing.count(True)
        if size == self.size:
            return self
        if size * FEW > self.size:
            columns = (list(compress(column, passing)) for column in self.columns)
        else:
            places = list(compress(range(self.size), passing))
            return self.at(places)
        return Table(tuple(columns), size, self.withheld)

    def at(self, places: Sequence[int]) -> Table:
        """The rows at these places, in this order."""
        columns = tuple(list(map(column.__getitem__, places)) for column in self.columns)
        return Table(columns, len(places), self.withheld)

    def first(self, many: int) -> Table:
        """So many rows at most."""
        if many >= self.size:
            return self
        return Table(tuple(column[:many] for column in self.columns), many, self.withheld)
