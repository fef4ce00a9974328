"""How keys and pushed conditions become arguments of a REST collection or SOAP operation, and pages become rows.

What a service gives is checked against what it was asked for: one that ignores an argument, or compares more loosely
than we do, must not widen an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

from connectors.picking import Picker, bound, make_picker
from schema.fetch import (
    AllOf,
    Column,
    Comparison,
    Condition,
    Fetch,
    FetchShape,
    Fixed,
    RowBudgetExceeded,
    Rows,
    SourceUnavailable,
)
from schema.recent import Recent
from schema.relations import Parameter
from schema.sources import Source

T = TypeVar("T")
Arguments = tuple[tuple[Parameter, tuple[Any, ...]], ...]
MOST_PAGES = 10_000
"""Pages of one request; a source that says there are more is not believed."""


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: its rows and how many there are in all (None when the source does not page)."""

    rows: list[dict[str, Any]]
    total: int | None


Ask = Callable[[int], Coroutine[Any, Any, Page]]


def arguments_of(fetch: Fetch, offered: Sequence[Parameter]) -> Arguments:
    """The arguments that what is asked for stands for, and its keys."""
    told, key = _told(fetch.shape.where, fetch.params, offered), fetch.shape.key
    if key is None:
        return told
    keyed = next(one for one in offered if one.column == key.name and one.operator in ("in", "eq"))
    return (*told, (keyed, fetch.keys))


def _told(condition: Condition, params: tuple[Any, ...], offered: Sequence[Parameter]) -> Arguments:
    """The arguments a conjunction of comparisons stands for. The caller promised to push nothing else."""
    match condition:
        case Fixed(value=True):
            return ()
        case AllOf(parts=parts):
            return tuple(found for part in parts for found in _told(part, params, offered))
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
    """Several requests where an argument has more values than one request takes; none where a list is empty."""
    requests: list[Arguments] = [()]
    for parameter, values in arguments:
        parts = [values[at : at + parameter.many] for at in range(0, len(values), parameter.many)]
        requests = [(*request, (parameter, part)) for request in requests for part in parts]
    return requests


def intersected(arguments: Arguments) -> Arguments:
    """Each parameter once: a key and a condition on the same column leave the values both allow, of two bounds the
    nearer one."""
    met: dict[str, tuple[Parameter, tuple[Any, ...]]] = {}
    for parameter, values in arguments:
        if parameter.name in met:
            before = met[parameter.name][1]
            if parameter.operator in NEARER:
                values = (NEARER[parameter.operator](*before, *values),)
            else:
                values = tuple(value for value in values if value in set(before))
        met[parameter.name] = (parameter, values)
    return tuple(met.values())


NEARER: dict[str, Callable[..., Any]] = {"gt": max, "gte": max, "lt": min, "lte": min}


async def read_all(
    source: Source,
    fetch: Fetch,
    arguments: Arguments,
    page_size: int,
    ask: Callable[[Arguments, int], Coroutine[Any, Any, Page]],
) -> tuple[list[dict[str, Any]], int]:
    """Rows of every request and page, and the number of calls. ``ask`` takes arguments and the page's number from 0.

    A collection that changes while its pages are read is read once more; when it changes again, or does not hold what
    it says, SourceUnavailable is raised: an answer that lacks rows is worse than none. Raises RowBudgetExceeded as soon
    as the source says that there are more rows than the budget.
    """
    requests = chunked(intersected(arguments))
    rows, calls = [], 0
    for answer in await together([_read(source, fetch, page_size, _of(request, ask)) for request in requests]):
        rows += answer[0]
        calls += answer[1]
        if fetch.max_rows is not None and len(rows) > fetch.max_rows:
            raise RowBudgetExceeded(f"{source.name}: more than {fetch.max_rows} rows")
    return rows, calls


def _of(request: Arguments, ask: Callable[[Arguments, int], Coroutine[Any, Any, Page]]) -> Ask:
    return lambda number: ask(request, number)


async def _read(source: Source, fetch: Fetch, page_size: int, ask: Ask) -> tuple[list[dict[str, Any]], int]:
    """The rows of one request, and how many calls it took."""
    calls = 0
    for _ in range(2):
        first = await ask(0)
        total = first.total
        if total is None:
            return first.rows, calls + 1
        if fetch.max_rows is not None and total > fetch.max_rows:
            raise RowBudgetExceeded(f"{source.name}: more than {fetch.max_rows} rows")
        if total > MOST_PAGES * page_size:
            raise SourceUnavailable(f"{source.name}: says that it has {total} rows")
        pages = [first, *await together([ask(number) for number in range(1, -(-total // page_size))])]
        calls += len(pages)
        if _whole(pages, total):
            return [row for page in pages for row in page.rows], calls
    raise SourceUnavailable(f"{source.name}: its pages do not hold the rows it says it has")


def _whole(pages: list[Page], total: int) -> bool:
    """Whether the pages are parts of one state of the collection: all tell one total, hold that many rows together,
    and none ends with a row that stands on the next one too, as when a row came in before it."""
    if any(page.total != total for page in pages) or sum(len(page.rows) for page in pages) != total:
        return False
    return not any(page.rows and page.rows[-1] in following.rows for page, following in pairwise(pages))


async def together(waiting: list[Coroutine[Any, Any, T]]) -> list[T]:
    """What they give, in order; when one fails the others are given up and its error is raised."""
    if len(waiting) == 1:
        return [await waiting[0]]
    tasks = [asyncio.ensure_future(one) for one in waiting]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def shaped(fetch: Fetch, rows: list[dict[str, Any]], calls: int) -> Rows:
    """The rows that satisfy the fetch, as tuples in the order of its cells."""
    picker = PICKERS.get(fetch.shape)
    if picker is None:
        picker = PICKERS[fetch.shape] = make_picker(fetch.shape, _access, {"plain": _plain, "below": _below})
    return Rows(picker(rows, *bound(fetch)), calls)


PICKERS: Recent[FetchShape, Picker] = Recent(512)
PLAIN = {"text": "str", "int": "int", "float": "float", "bool": "bool"}


def _access(column: Column) -> str:
    """A value in a JSON object: objects and lists are no values, and what is declared as text is told as text."""
    path = column.name.split(".")
    read = f"r.get({path[0]!r})" if len(path) == 1 else f"below(r, {path!r})"
    plain = PLAIN.get(column.kind, "str")
    return f"v if (v := {read}) is None or v.__class__ is {plain} else plain(v, {column.kind!r})"


def _plain(value: Any, kind: str) -> Any:
    if isinstance(value, (dict, list)):
        return None
    return str(value) if kind == "text" and not isinstance(value, str) else value


def _below(row: dict[str, Any], path: list[str]) -> Any:
    value: Any = row
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
