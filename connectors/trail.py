"""The gateway's own ledger, asked like any source. What a search is bounded by goes to whoever keeps the ledger; the
rest is done by the reference connector, on no more rows than the budget."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import reduce
from typing import Any

from connectors.memory import answer, matching
from schema.fetch import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Fetch,
    Fixed,
    RowBudgetExceeded,
    Rows,
    SourceTimeout,
    SourceUnavailable,
)
from schema.relations import relation_name
from schema.sources import Source
from schema.trail import Sought, Trail, TrailUnavailable

ACCESSES, CHAIN = "accesses", "chain"
IN_ORDER = ("id", "entry")
"""Columns that grow with the entries' numbers."""


class TrailConnector:
    """Relations ``accesses`` and ``chain``."""

    def __init__(self, source: Source, trail: Trail) -> None:
        self.source = source
        self._trail = trail

    async def fetch(self, fetch: Fetch, /) -> Rows:
        try:
            async with asyncio.timeout_at(fetch.deadline):
                if relation_name(fetch.shape.relation) == CHAIN:
                    return Rows(answer(fetch, [await self._trail.chain(fetch.deadline)]))
                rows = await self._found(fetch)
                return Rows(await asyncio.to_thread(answer, fetch, rows))
        except TimeoutError as error:
            raise SourceTimeout(f"{self.source.name}: not read in time") from error
        except TrailUnavailable as error:
            raise SourceUnavailable(f"{self.source.name}: {error}") from error

    async def _found(self, fetch: Fetch) -> list[dict[str, Any]]:
        """The rows that satisfy the fetch; no more than it needs where they come in the order it wants."""
        budget = self.source.limits.row_budget
        rows: list[dict[str, Any]] = []
        sought = sought_by(fetch)
        enough = _enough(fetch)
        if sought is None:
            return rows
        async for batch in self._trail.accesses(sought):
            rows += await asyncio.to_thread(matching, fetch, batch)
            if enough is not None and len(rows) >= enough:
                break
            if len(rows) > budget:
                raise RowBudgetExceeded(f"{self.source.name}: more than {budget} rows")
        return rows

    async def aclose(self) -> None:
        await self._trail.aclose()


def _enough(fetch: Fetch) -> int | None:
    """How many rows are enough; None: all of them have to be seen."""
    shape = fetch.shape
    if not shape.limited or shape.per_key or shape.measures:
        return None
    first = shape.order[0].cell if shape.order else None
    if first is None or (first.when is None and first.column.name in IN_ORDER):
        return fetch.limit
    return None


def sought_by(fetch: Fetch) -> Sought | None:
    """What bounds the fetch; None: no row can satisfy it."""
    shape = fetch.shape
    found = _bounds(shape.where, fetch.params)
    if shape.key is not None:
        found = _both(found, _among(shape.key.name, fetch.keys))
    if found is None:
        return None
    newest = bool(shape.order) and shape.order[0].descending and _enough(fetch) is not None
    return replace(found, newest_first=newest)


EVERYTHING = Sought()


def _bounds(condition: Condition, params: tuple[Any, ...]) -> Sought | None:
    match condition:
        case Fixed(value=False):
            return None
        case AllOf(parts=parts) if parts:
            return reduce(_both, (_bounds(part, params) for part in parts))
        case AnyOf(parts=parts) if parts:
            return reduce(_either, (_bounds(part, params) for part in parts))
        case Comparison(column=column, op=op, param=param):
            return _compared(column.name, op, params[param.index])
    return EVERYTHING


def _compared(name: str, op: str, value: Any) -> Sought | None:
    if op in ("eq", "in"):
        return _among(name, (value,) if op == "eq" else value)
    if name == "entry" and op in ("gt", "gte"):
        return Sought(first=value)
    if name == "entry" and op in ("lt", "lte"):
        return Sought(last=value)
    if name == "id" and op in ("gt", "gte") and (number := _number(value)) is not None:
        return Sought(first=number)
    if name == "id" and op in ("lt", "lte") and (number := _number(value)) is not None:
        return Sought(last=number)
    if name == "at" and op in ("gt", "gte"):
        return Sought(since_ms=_ms(value))
    if name == "at" and op in ("lt", "lte"):
        return Sought(until_ms=_ms(value) + 1)
    return EVERYTHING


def _among(name: str, values: Iterable[Any]) -> Sought | None:
    """What holds where the column has one of the values."""
    several = tuple(values)
    if not several:
        return None
    if name == "coordinate":
        return Sought(coordinates=frozenset(several))
    if name == "at":
        return Sought(since_ms=_ms(min(several)), until_ms=_ms(max(several)) + 1)
    numbers: list[int] = list(several) if name == "entry" else []
    if name == "id":
        numbers = [number for value in several if (number := _number(value)) is not None]
        if len(numbers) < len(several):
            return EVERYTHING
    if not numbers:
        return EVERYTHING
    return Sought(first=min(numbers), last=max(numbers))


def _number(told: str) -> int | None:
    """The entry that an access's id tells."""
    number = told.partition(".")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) == 12 else None


def _ms(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1000)


def _both(one: Sought | None, other: Sought | None) -> Sought | None:
    if one is None or other is None:
        return None
    names = one.coordinates if other.coordinates is None else other.coordinates
    if one.coordinates is not None and other.coordinates is not None:
        names = one.coordinates & other.coordinates
    return Sought(
        max(one.first, other.first), _near(min, one.last, other.last), _near(max, one.since_ms, other.since_ms),
        _near(min, one.until_ms, other.until_ms), names,
    )  # fmt: skip


def _either(one: Sought | None, other: Sought | None) -> Sought | None:
    if one is None or other is None:
        return other if one is None else one
    names = None
    if one.coordinates is not None and other.coordinates is not None:
        names = one.coordinates | other.coordinates
    return Sought(
        min(one.first, other.first), _far(max, one.last, other.last), _far(min, one.since_ms, other.since_ms),
        _far(max, one.until_ms, other.until_ms), names,
    )  # fmt: skip


def _near(nearer: Callable[[int, int], int], one: int | None, other: int | None) -> int | None:
    """Of two bounds the one that holds for both."""
    return (one if other is None else other) if one is None or other is None else nearer(one, other)


def _far(further: Callable[[int, int], int], one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else further(one, other)

