"""Runs a plan: every step starts as soon as what it needs is there. The only stage that waits on a department.

What a failed step would have given is missing, never guessed: the problem names department, owner and code, and
whatever does not depend on it stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiodataloader import DataLoader

from gateway import grouping
from gateway.allowed import MeasureTerm
from gateway.evaluating import derived, work_ahead
from gateway.keeping import keep_list, take_up, tell_figures_again
from gateway.listing import binding, listed
from gateway.plan import (
    AggregateStep,
    DeriveStep,
    KeySetStep,
    LookupStep,
    RowsStep,
    ScanStep,
    Step,
)
from gateway.pushdown import COMPARE
from gateway.reading import count_undated, scanned, with_keys
from gateway.results import Failed, Result, RowsResult
from gateway.run import Run, Stop
from gateway.templates import Leaf
from schema.catalog import Field
from schema.errors import Code
from schema.scalars import DECIMAL, INT, LONG, Scalar


@dataclass(slots=True)
class Execution(Run):
    """One run of a plan, from its first steps to its last."""

    _waiting: dict[int, int] = field(default_factory=dict)

    async def run(self) -> None:
        """Brings every step's result."""
        prepared = self.prepared
        self._waiting = dict(prepared.needs)
        take_up(self)
        tell_figures_again(self)
        await self._start([step for step in prepared.plan.steps if not prepared.needs[step.id]])

    async def _start(self, steps: list[Step]) -> None:
        while len(steps) == 1:
            steps = await self._finish(steps[0])
        if steps:
            await asyncio.gather(*(self._run_from(step) for step in steps))

    async def _run_from(self, step: Step) -> None:
        await self._start(await self._finish(step))

    async def _finish(self, step: Step) -> list[Step]:
        """Runs the step; the steps that were waiting only for it."""
        if step.id not in self.results:
            try:
                self.results[step.id] = await self._result(step)
            except Stop as stop:
                self.results[step.id] = Failed(stop.code)
        followers = [self.prepared.plan.steps[number] for number in self.prepared.followers[step.id]]
        for follower in followers:
            self._waiting[follower.id] -= 1
        ready = [follower for follower in followers if not self._waiting[follower.id]]
        for follower in followers:
            if isinstance(follower, DeriveStep) and follower.parts and not ready:
                work_ahead(self, follower)
        return ready

    async def _result(self, step: Step) -> Result:
        match step:
            case ScanStep():
                return with_keys(self, step, await scanned(self, step))
            case RowsStep():
                found = await listed(self, step)
                keep_list(self, step, found)
                return found
            case AggregateStep():
                return await self._groups(step)
            case KeySetStep():
                return await self._key_set(step)
            case DeriveStep():
                return await derived(self, step)
            case LookupStep():
                return await self._lookup(step)

    async def _groups(self, step: AggregateStep) -> grouping.Groups:
        reading = step.reading
        table = await scanned(self, step)
        if with_keys(self, step, table).size < table.size:
            raise Stop(Code.SOURCE_UNAVAILABLE)
        local_params = self.params(reading.local_params, step.path)
        finer = None if step.merges is None or reading.scan is None else self.results[reading.scan]
        return grouping.group(
            step, table.rows(), local_params, lambda part: self.unreadable(step.path, part, reading),
            finer if isinstance(finer, grouping.Groups) else None,
        )  # fmt: skip

    async def _key_set(self, step: KeySetStep) -> frozenset[Any]:
        table = with_keys(self, step, await scanned(self, step))
        return frozenset(table.columns[0]) - {None}

    async def _lookup(self, step: LookupStep) -> dict[Any, Any]:
        above = self.results[step.parent]
        if not isinstance(above, RowsResult):
            raise Stop(Code.SOURCE_UNAVAILABLE)
        keys = [key for key in dict.fromkeys(above.table.columns[step.position]) if key is not None]
        batch = step.field.batch
        assert batch is not None

        async def load(wanted: list[Any]) -> list[Any]:
            found = await batch(wanted)
            return [found.get(key) for key in wanted]

        try:
            async with asyncio.timeout_at(self.deadline):
                loader: DataLoader[Any, Any] = DataLoader(load, max_batch_size=step.record.source.limits.max_keys)
                return dict(zip(keys, await loader.load_many(keys), strict=True))
        except Exception as error:
            code = Code.DEADLINE if isinstance(error, TimeoutError) else Code.SOURCE_UNAVAILABLE
            message = f"{step.record.type_name}.{step.field.api_name} could not be looked up"
            raise self.fail(step.path, code, message, step.record) from None

    async def count_undated(self) -> None:
        """Rows that sources left out because they have no recorded date, into ``undated``."""
        await count_undated(self)

    # What the answer is put together with

    def binding(self, step: RowsStep, parent: Any) -> bytes:
        """What cursors of this step are bound to."""
        return binding(self, step, parent)

    def report_computed(self, part: Field, type_name: str) -> None:
        """A computed field whose function failed on a row: null, told once."""
        self.tell(
            (), Code.INTERNAL, f"{type_name}.{part.api_name} could not be worked out", None, f"{type_name}.{part.name}"
        )

    def having(self, op: str, leaf: Leaf, measure: MeasureTerm | None) -> Callable[[Any], bool]:
        """A ``having`` test with its value bound; null passes no comparison."""
        scalar = INT if measure is None else _measured_as(measure)
        value = self.read(leaf, scalar.parse if op != "isNull" else None)
        if op == "isNull":
            return lambda measured: (measured is None) is value
        value = tuple(value) if isinstance(value, list) else value
        compare = COMPARE[op]
        return lambda measured: measured is not None and compare(measured, value)


def _measured_as(measure: MeasureTerm) -> Scalar:
    """The scalar a measure is told and compared in: averages are decimal, sums of whole numbers long."""
    if measure.function == "avg":
        return DECIMAL
    if measure.function == "countDistinct":
        return INT
    return LONG if measure.function == "sum" and measure.field.scalar.kind == "int" else measure.field.scalar
