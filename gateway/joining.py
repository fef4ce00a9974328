"""Joins of tables, a column at a time. A null matches nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import compress
from typing import Any

from gateway.table import Column, PastBound, Table
from schema.derive.nodes import Joined
from schema.derive.shape import cells


def join(node: Joined, left: Table, right: Table, most: int) -> Table:
    """Raises PastBound where several rows of the right match and more than ``most`` rows come of it."""
    ours = [cells(node.left).index(one) for one, _ in node.on]
    theirs = [cells(node.right).index(other) for _, other in node.on]
    keys, others = _keys(left, ours), _keys(right, theirs)
    if node.kind == "without":
        known = set(others)
        known.discard(None)
        return left.kept([key not in known for key in keys])
    more = [column for at, column in enumerate(right.columns) if at not in theirs]
    withheld = left.withheld or right.withheld
    here, there = _matched(keys, others, most, outer=node.kind != "inner")
    size, gaps = len(there), None in there
    columns = [column if here is None else _taken(column, here, gaps=False) for column in left.columns]
    columns += [_taken(column, there, gaps=gaps) for column in more]
    if node.kind != "full":
        return Table(tuple(columns), size, withheld)
    met = set(keys)
    met.discard(None)
    rest = [at for at, key in enumerate(others) if key not in met]
    joined_on = dict(zip(ours, theirs, strict=True))
    alone: list[Column] = [
        _taken(right.columns[joined_on[at]], rest, gaps=False) if at in joined_on else [None] * len(rest)
        for at in range(len(left.columns))
    ]
    alone += [_taken(column, rest, gaps=False) for column in more]
    both = tuple([*one, *other] for one, other in zip(columns, alone, strict=True))
    return Table(both, size + len(rest), withheld)


def _keys(table: Table, places: Sequence[int]) -> list[Any]:
    """The key of each row: the cell itself where there is one; None where it matches nothing, because a cell of it is
    null. Without places all rows have one key."""
    if not places:
        return [()] * table.size
    columns = [table.columns[at] for at in places]
    if len(columns) == 1:
        return list(columns[0])
    if any(None in column for column in columns):
        return [None if None in key else key for key in zip(*columns, strict=True)]
    return list(zip(*columns, strict=True))


def _taken(column: Column, places: list[Any], *, gaps: bool) -> Column:
    """The column's cells at these places; ``gaps``: None among them stands for a null."""
    if gaps:
        return [None if at is None else column[at] for at in places]
    return list(map(column.__getitem__, places))


def _matched(keys: list[Any], others: list[Any], most: int, *, outer: bool) -> tuple[list[int] | None, list[Any]]:
    """The rows of the left that have matches, each as often as it has (None: all as they stand), and beside them those
    of the right. ``outer``: also those that have none, with None beside them. Only where several rows of the right have
    one key can they be more than the left's: they are counted before they are made."""
    single = dict(zip(others, range(len(others)), strict=True))
    single.pop(None, None)
    if len(single) + others.count(None) == len(others):
        there: list[Any] = list(map(single.get, keys))
        if outer or None not in there:
            return None, there
        found = [at is not None for at in there]
        return list(compress(range(len(keys)), found)), list(compress(there, found))
    index: defaultdict[Any, list[int]] = defaultdict(list)
    for at, key in enumerate(others):
        index[key].append(at)
    index.pop(None, None)
    several = [index.get(key, (None,) if outer else ()) for key in keys]
    if sum(map(len, several)) > most:
        raise PastBound
    here = [at for at, some in enumerate(several) for _ in some]
    return here, [at for some in several for at in some]
