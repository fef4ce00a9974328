"""Rows held a column at a time: what derived records are worked out of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import itemgetter
from typing import Any

Column = Sequence[Any]
FEW = 4
"""Rows that are one in so many are taken by their places."""


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
    def of(cls, rows: list[Any], width: int, withheld: bool = False) -> Table:
        """``width``: cells of a row, told also where there is none."""
        return cls(tuple(list(map(itemgetter(at), rows)) for at in range(width)), len(rows), withheld)

    def rows(self) -> list[Any]:
        """As tuples."""
        return list(zip(*self.columns, strict=True)) if self.columns else [()] * self.size

    def told(self) -> list[Any]:
        """Rows as they are answered: what is withheld is null."""
        return self.without_withheld().rows() if self.withheld else self.rows()

    def without_withheld(self) -> Table:
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
            columns = (list(map(column.__getitem__, places)) for column in self.columns)
        return Table(tuple(columns), size, self.withheld)
