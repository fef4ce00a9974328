"""Counts over everything a relation has: grouped before they are joined, and made without a join where the source can
tell that it would leave nothing out (see ``schema.relations.Whole``)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from schema.fetch import EVERYTHING, Cell, Column, Connector, ConnectorError, Fetch, FetchShape, Function, Measure, Rows
from schema.relations import Select, Whole
from schema.sources import Source

COUNTED = Cell(Column("counted", "int"))


class WholeCounts:
    """Around a guarded connector: each statement counts as one of the source's."""

    def __init__(self, inner: Connector) -> None:
        self.inner = inner
        self.source: Source = inner.source

    async def fetch(self, fetch: Fetch, /) -> Rows:
        quick = unjoined(fetch.shape) if fetch.shape.measures else None
        if quick is None:
            return await self.inner.fetch(fetch)
        shape, lacking = quick
        found, left_out = await self._both(replace(fetch, shape=shape), replace(fetch, shape=lacking))
        calls = found.calls + left_out.calls
        if left_out.rows[0][0] == 0:
            return replace(found, rows=_numbers(found.rows), calls=calls)
        exact = await self.inner.fetch(fetch)
        return replace(exact, calls=calls + exact.calls)

    async def _both(self, one: Fetch, other: Fetch) -> tuple[Rows, Rows]:
        try:
            async with asyncio.TaskGroup() as tasks:
                found, left_out = [tasks.create_task(self.inner.fetch(each)) for each in (one, other)]
        except BaseExceptionGroup as failed:
            raise next((e for e in failed.exceptions if isinstance(e, ConnectorError)), failed.exceptions[0]) from None
        return found.result(), left_out.result()

    async def aclose(self) -> None:
        await self.inner.aclose()


def unjoined(shape: FetchShape) -> tuple[FetchShape, FetchShape] | None:
    """The shape over the relation grouped first and without its costly join, and the count of rows which that would
    leave out; None where some of the rows are asked for, something else than their number, or a column that only the
    join brings."""
    relation = shape.relation
    if not isinstance(relation, Select) or relation.whole is None or shape.key is not None or shape.where != EVERYTHING:
        return None
    whole = relation.whole
    if shape.measures != (Measure(Function.COUNT),):
        return None
    if any(cell.when is not None or cell.column.name not in whole.columns for cell in shape.groups):
        return None
    needed = frozenset(cell.column.name for cell in shape.groups)
    grouped = Select(grouped_first(whole, needed), relation.name)
    lacking = FetchShape(Select(whole.lacking, relation.name), measures=(Measure(Function.COUNT),))
    return replace(shape, relation=grouped, measures=(Measure(Function.SUM, COUNTED),)), lacking


def grouped_first(whole: Whole, columns: Collection[str]) -> str:
    """The select over rows that are counted by those of their keys which ``columns`` come by; the others are null."""
    needed = {whole.columns[column] for column in columns}
    keys = [f"{expression if name in needed else 'NULL'} AS {name}" for name, expression in whole.keys.items()]
    by = ", ".join(expression for name, expression in whole.keys.items() if name in needed)
    rows = f"SELECT {', '.join(keys)}, COUNT(*) AS {COUNTED.column.name} {whole.rows}"
    return whole.sql.format(rows=f"({rows} GROUP BY {by})" if by else f"({rows})")


def _numbers(rows: list[Any]) -> list[Any]:
    """Sums of counts as the counts they are: nothing summed is none."""
    return [(*row[:-1], int(row[-1] or 0)) for row in rows]
