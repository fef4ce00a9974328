"""Counts over everything a relation has, made without a join where the source can tell that it would leave nothing out
(see ``schema.relations.Whole``)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from schema.fetch import EVERYTHING, Connector, ConnectorError, Fetch, FetchShape, Function, Measure, Rows
from schema.relations import Select
from schema.sources import Source


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
            return replace(found, calls=calls)
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
    """The shape over the relation without its join, and the count of rows which that would leave out; None where some
    of the rows are asked for, or a column that only the join brings."""
    relation = shape.relation
    if not isinstance(relation, Select) or relation.whole is None or shape.key is not None or shape.where != EVERYTHING:
        return None
    cells = [*shape.groups, *(measure.cell for measure in shape.measures if measure.cell is not None)]
    if any(cell.when is not None or cell.column.name not in relation.whole.columns for cell in cells):
        return None
    bare = replace(relation, sql=relation.whole.sql)
    lacking = FetchShape(Select(relation.whole.lacking, relation.name), measures=(Measure(Function.COUNT),))
    return replace(shape, relation=bare), lacking
