"""The reference connector: rows in memory, every part of the contract done the slow, obvious way.

Other connectors are checked against it, and file drops use it to answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from schema.fetch import (
    AllOf,
    Among,
    AnyOf,
    Cell,
    Column,
    Comparison,
    Complement,
    Condition,
    Fetch,
    FetchShape,
    Fixed,
    Function,
    Measure,
    NullCheck,
    Param,
    RowBudgetExceeded,
    Rows,
    SourceTimeout,
)
from schema.relations import Relation, relation_name
from schema.sources import Source

RawRow = Mapping[str, Any]
RowsOf = Callable[[Relation], Iterable[RawRow]]
"""The rows of a relation of the source."""
BLANKS = " \t\r\n"


@dataclass(slots=True)
class MemoryConnector:
    """``relations``: relation name -> rows as column -> raw value."""

    source: Source
    relations: dict[str, list[RawRow]] = field(default_factory=dict)

    async def fetch(self, fetch: Fetch, /) -> Rows:
        if fetch.deadline < asyncio.get_running_loop().time():
            raise SourceTimeout(f"{self.source.name}: the deadline has passed")
        return Rows(answer(fetch, self._rows(fetch.shape.relation), self._rows))

    def _rows(self, relation: Relation) -> list[RawRow]:
        return self.relations.get(relation_name(relation), [])

    async def aclose(self) -> None:
        return None


def answer(fetch: Fetch, rows: Iterable[RawRow], others: RowsOf | None = None) -> list[tuple[Any, ...]]:
    """What a source holding ``rows`` answers; ``others`` gives those of further relations, without it there is only
    the fetch's own. Raises RowBudgetExceeded."""
    rows = list(rows)
    params = tuple(frozenset(value) if isinstance(value, (tuple, list)) else value for value in fetch.params)
    where, params = _told(fetch.shape.where, params, others or (lambda relation: rows))
    shape = replace(fetch.shape, where=where)
    keys = frozenset(fetch.keys)
    kept = [row for row in rows if holds(shape.where, row, params) and _has_key(shape, row, keys)]
    if shape.measures:
        found = _grouped(shape, kept, params)
    else:
        ordered = _ordered(shape, kept, params)
        if shape.limited and fetch.limit is not None:
            ordered = _limited(shape, ordered, fetch.limit)
        found = [tuple(_shown(cell, row, params) for cell in shape.cells) for row in ordered]
    if fetch.max_rows is not None and len(found) > fetch.max_rows:
        raise RowBudgetExceeded(f"more than {fetch.max_rows} rows")
    return found


def matching(fetch: Fetch, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that satisfy the fetch's condition and keys, whatever their source thought of them."""
    keys = frozenset(fetch.keys)
    shape = fetch.shape
    return [row for row in rows if holds(shape.where, row, fetch.params) and _has_key(shape, row, keys)]


def _has_key(shape: FetchShape, row: RawRow, keys: frozenset[Any]) -> bool:
    if shape.key is None:
        return True
    value = compared(shape.key, row)
    return value is not None and value in keys


def compared(column: Column, row: RawRow) -> Any:
    """The value a column is compared, ordered and grouped by."""
    value = row.get(column.name)
    if column.normaliser == "trim" and isinstance(value, str):
        return value.strip(BLANKS)
    if column.normaliser == "upper_trim" and isinstance(value, str):
        return value.strip(BLANKS).upper()
    return value


def holds(condition: Condition, row: RawRow, params: tuple[Any, ...]) -> bool:
    """Whether the row satisfies the condition: two-valued, a comparison with null is false."""
    match condition:
        case Fixed(value=value):
            return value
        case AllOf(parts=parts):
            return all(holds(part, row, params) for part in parts)
        case AnyOf(parts=parts):
            return any(holds(part, row, params) for part in parts)
        case Complement(part=part):
            return not holds(part, row, params)
        case NullCheck(column=column):
            return row.get(column.name) is None
        case Comparison(column=column, op=op, param=param):
            value = compared(column, row)
            return value is not None and _compare(op, value, params[param.index])
        case Among():
            raise TypeError("what another relation holds has to be told first")


def _told(condition: Condition, params: tuple[Any, ...], rows_of: RowsOf) -> tuple[Condition, tuple[Any, ...]]:
    """The condition with what it asks of other relations told as lists of values, behind the other parameters."""
    match condition:
        case AllOf(parts=parts) | AnyOf(parts=parts):
            told = []
            for part in parts:
                inner, params = _told(part, params, rows_of)
                told.append(inner)
            return type(condition)(tuple(told)), params
        case Complement(part=part):
            inner, params = _told(part, params, rows_of)
            return Complement(inner), params
        case Among(column=column, relation=relation, remote=remote, where=where):
            inner, params = _told(where, params, rows_of)
            values = frozenset(compared(remote, row) for row in rows_of(relation) if holds(inner, row, params))
            return Comparison(column, "in", Param(len(params))), (*params, values)
    return condition, params


def _compare(op: str, value: Any, other: Any) -> bool:
    match op:
        case "eq":
            return bool(value == other)
        case "ne":
            return bool(value != other)
        case "in":
            return value in other
        case "notIn":
            return value not in other
        case "lt":
            return bool(value < other)
        case "lte":
            return bool(value <= other)
        case "gt":
            return bool(value > other)
        case "gte":
            return bool(value >= other)
        case "startsWith":
            return bool(value.startswith(other))
        case "contains":
            return other in value
    raise ValueError(f"no operator {op!r}")


def _shown(cell: Cell, row: RawRow, params: tuple[Any, ...]) -> Any:
    if cell.when is not None and not holds(cell.when, row, params):
        return None
    return row.get(cell.column.name)


def used(cell: Cell, row: RawRow, params: tuple[Any, ...]) -> Any:
    """The value a cell is ordered, grouped and measured by."""
    if cell.when is not None and not holds(cell.when, row, params):
        return None
    return compared(cell.column, row)


def _ordered(shape: FetchShape, rows: list[RawRow], params: tuple[Any, ...]) -> list[RawRow]:
    for ordering in reversed(shape.order):
        present = [row for row in rows if used(ordering.cell, row, params) is not None]
        absent = [row for row in rows if used(ordering.cell, row, params) is None]
        present.sort(key=lambda row, cell=ordering.cell: used(cell, row, params), reverse=ordering.descending)  # type: ignore[misc]
        rows = absent + present if ordering.descending else present + absent
    return rows


def _limited(shape: FetchShape, rows: list[RawRow], limit: int) -> list[RawRow]:
    if not shape.per_key or shape.key is None:
        return rows[:limit]
    taken: dict[Any, int] = {}
    kept = []
    for row in rows:
        key = compared(shape.key, row)
        taken[key] = taken.get(key, 0) + 1
        if taken[key] <= limit:
            kept.append(row)
    return kept


def _grouped(shape: FetchShape, rows: list[RawRow], params: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    groups: dict[tuple[Any, ...], list[RawRow]] = {} if shape.groups else {(): []}
    for row in rows:
        groups.setdefault(tuple(used(cell, row, params) for cell in shape.groups), []).append(row)
    return [
        (*key, *(_measured(measure, members, params) for measure in shape.measures)) for key, members in groups.items()
    ]


def _measured(measure: Measure, rows: list[RawRow], params: tuple[Any, ...]) -> Any:
    if measure.cell is None:
        return len(rows)
    values = [value for row in rows if (value := used(measure.cell, row, params)) is not None]
    match measure.function:
        case Function.COUNT:
            return len(values)
        case Function.SUM:
            if not values:
                return None
            return sum(values, Decimal(0)) if isinstance(values[0], Decimal) else sum(values)
        case Function.MIN:
            return min(values, default=None)
        case Function.MAX:
            return max(values, default=None)
