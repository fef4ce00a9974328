"""How keys and pushed conditions become arguments of a REST collection or SOAP operation, and pages become rows.

What a service gives is checked against what it was asked for: one that ignores an argument, or compares more loosely
than we do, must not widen an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.memory import matching
from schema.fetch import AllOf, Column, Comparison, Condition, Fetch, Fixed, RowBudgetExceeded, Rows
from schema.relations import Parameter

Arguments = tuple[tuple[Parameter, tuple[Any, ...]], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: its rows and how many there are in all (None when the source does not page)."""

    rows: list[dict[str, Any]]
    total: int | None


def arguments_of(condition: Condition, params: tuple[Any, ...], offered: Sequence[Parameter]) -> Arguments:
    """The arguments a conjunction of comparisons stands for. The caller promised to push nothing else."""
    match condition:
        case Fixed(value=True):
            return ()
        case AllOf(parts=parts):
            return tuple(found for part in parts for found in arguments_of(part, params, offered))
        case Comparison(column=column, op=op, param=param):
            value = params[param.index]
            for parameter in offered:
                if parameter.column == column.name and parameter.operator == op:
                    return ((parameter, tuple(value) if op == "in" else (value,)),)
            for parameter in offered:
                if parameter.column == column.name and parameter.operator == "in" and op == "eq":
                    return ((parameter, (value,)),)
    raise ValueError(f"{condition!r} cannot be asked of this source")


def chunked(arguments: Arguments) -> list[Arguments]:
    """Several requests where an argument has more values than one request takes; none where a list is empty. A value
    that holds the separator would arrive as two others; no row has it, by the parameter's declaration."""
    requests: list[Arguments] = [()]
    for parameter, given in arguments:
        values = tuple(one for one in given if parameter.many == 1 or parameter.separator not in str(one))
        parts = [values[at : at + parameter.many] for at in range(0, len(values), parameter.many)]
        requests = [(*request, (parameter, part)) for request in requests for part in parts]
    return requests


def intersected(arguments: Arguments) -> Arguments:
    """Each parameter once: a key and a condition on the same column leave the values both allow."""
    met: dict[str, tuple[Parameter, tuple[Any, ...]]] = {}
    for parameter, values in arguments:
        if parameter.name in met:
            allowed = set(met[parameter.name][1])
            values = tuple(value for value in values if value in allowed)
        met[parameter.name] = (parameter, values)
    return tuple(met.values())


async def read_all(
    fetch: Fetch,
    arguments: Arguments,
    page_size: int,
    ask: Callable[[Arguments, int], Awaitable[Page]],
) -> tuple[list[dict[str, Any]], int]:
    """Rows of every request and page, and the number of calls. ``ask`` takes arguments and the page's number from 0.
    Raises RowBudgetExceeded as soon as the source says that there are more rows than the budget."""
    requests = chunked(intersected(arguments))
    firsts = await asyncio.gather(*(ask(request, 0) for request in requests))
    if fetch.max_rows is not None and sum(page.total or len(page.rows) for page in firsts) > fetch.max_rows:
        raise RowBudgetExceeded(f"more than {fetch.max_rows} rows")
    rest = [
        (request, number)
        for request, page in zip(requests, firsts, strict=True)
        for number in range(1, -(-(page.total or 0) // page_size))
    ]
    later = await asyncio.gather(*(ask(request, number) for request, number in rest))
    rows = [row for page in (*firsts, *later) for row in page.rows]
    return rows, len(requests) + len(rest)


def shaped(fetch: Fetch, rows: list[dict[str, Any]], calls: int) -> Rows:
    """The rows that satisfy the fetch, as tuples in the order of its cells."""
    shape = fetch.shape
    tested = [*_columns(shape.where), *([shape.key] if shape.key is not None else [])]
    cells = [cell.column for cell in shape.cells]
    columns = list(dict.fromkeys(cells + tested))
    read = [(column.name, tuple(column.name.split(".")), column.kind) for column in columns]
    named = [{name: _value(row, path, kind) for name, path, kind in read} for row in rows]
    kept = matching(fetch, named) if tested else named
    return Rows([tuple(row[column.name] for column in cells) for row in kept], calls)


def _columns(condition: Condition) -> list[Column]:
    match condition:
        case AllOf(parts=parts):
            return [column for part in parts for column in _columns(part)]
        case Comparison(column=column):
            return [column]
    return []


def _value(row: dict[str, Any], path: tuple[str, ...], kind: str) -> Any:
    value: Any = row
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if value is None or isinstance(value, (dict, list)):
        return None
    if kind == "text" and not isinstance(value, str):
        return str(value)
    return value
