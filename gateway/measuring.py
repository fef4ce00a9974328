"""Groups of a table's rows, counted and measured a column at a time. What is made of anything withheld is withheld."""

from __future__ import annotations

import operator
from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import localcontext
from itertools import compress, count
from typing import Any

from gateway.judging import passing
from gateway.table import WITHHELD, Column, Table
from schema.derive.cell_tests import cells_of
from schema.derive.measures import Measured
from schema.derive.nodes import Grouped
from schema.derive.shape import cells

COUNTED = "#0"
"""The cell of groups that a source has counted."""


def group(node: Grouped, table: Table) -> Table:
    """Each measure goes once over its column, whatever the number of groups."""
    names = cells(node.of)
    by = [table.columns[names.index(name)] for name in node.by]
    number: defaultdict[Any, int] = defaultdict(count().__next__)
    keys: Iterable[Any] = by[0] if len(by) == 1 else zip(*by, strict=True) if by else [()] * table.size
    groups = [number[key] for key in keys]
    if not by:
        number[()]
    grouping = _Grouping(names, table, groups, len(number))
    told: Iterable[Column] = [()] * len(by)
    if number:
        told = [list(number)] if len(by) == 1 else zip(*number, strict=True)
    columns = (*told, *(grouping.measured(measure) for _, measure in node.measures))
    return Table(columns, len(number), table.withheld)


class _Grouping:
    """``groups``: the number of each row's group, of ``many``."""

    def __init__(self, names: tuple[str, ...], table: Table, groups: list[int], many: int) -> None:
        self._names = names
        self._table = table
        self._groups = groups
        self._many = many

    def measured(self, measure: Measured) -> Column:
        """By the group's number; withheld where anything it is made of is."""
        table, groups = self._table, self._groups
        withheld: set[int] = set()
        if measure.only is not None:
            if table.withheld:
                withheld |= self._withheld(table, groups, cells_of(measure.only))
            kept = passing((measure.only,), self._names, table)
            table, groups = table.kept(kept), list(compress(groups, kept))
        own = [name for name in (COUNTED, measure.cell) if name in self._names]
        if table.withheld:
            withheld |= self._withheld(table, groups, own)
        values = None if measure.cell is None else table.columns[self._names.index(measure.cell)]
        found = _measured(measure.function, groups, values, self._many)
        return [WITHHELD if at in withheld else value for at, value in enumerate(found)] if withheld else found

    def _withheld(self, table: Table, groups: list[int], names: Iterable[Any]) -> set[int]:
        """The groups that have a withheld cell in one of these columns."""
        return {
            group
            for name in names
            for group, cell in zip(groups, table.columns[self._names.index(name)], strict=True)
            if cell is WITHHELD
        }


def _measured(function: str, groups: list[int], values: Column | None, many: int) -> list[Any]:
    if function == "count":
        return _counts(groups, many)
    assert values is not None
    if any(cell is None or cell is WITHHELD for cell in values):
        there = [cell is not None and cell is not WITHHELD for cell in values]
        groups, values = list(compress(groups, there)), list(compress(values, there))
    match function:
        case "values":
            return _counts(groups, many)
        case "distinct":
            return _counts([group for group, _ in dict.fromkeys(zip(groups, values, strict=True))], many)
        case "sum":
            return _totals(groups, values, many)
        case "counted":
            return [0 if total is None else total for total in _totals(groups, values, many)]
    better = operator.lt if function == "min" else operator.gt
    best: list[Any] = [None] * many
    for group, value in zip(groups, values, strict=True):
        if best[group] is None or better(value, best[group]):
            best[group] = value
    return best


def _counts(groups: list[int], many: int) -> list[Any]:
    counts = Counter(groups)
    return [counts[group] for group in range(many)]


def _totals(groups: list[int], values: Column, many: int) -> list[Any]:
    """Exact; null over nothing."""
    totals: list[Any] = [None] * many
    with localcontext() as context:
        context.prec = 60
        for group, value in zip(groups, values, strict=True):
            known = totals[group]
            totals[group] = value if known is None else known + value
    return totals
