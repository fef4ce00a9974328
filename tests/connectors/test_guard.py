"""A department is never asked for more than it allows, and is left alone while it is down."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from connectors.guard import Bounded, Breaker, Observed, Retrying, guarded
from schema.fetch import (
    ConnectorError,
    Fetch,
    Function,
    Measure,
    RowBudgetExceeded,
    Rows,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
)
from schema.relations import Table
from tests.connectors.standins import Scripted, a_fetch, a_source, in_time

DOWN = SourceUnavailable("down")
ROWS: list[Any] = [("a",)]


def fetch(**bound: Any) -> Fetch:
    return a_fetch(Table("t"), "a", **bound)


class Gate(Scripted):
    """Holds every fetch until it is opened, and counts how many are inside."""

    def __init__(self, concurrency: int) -> None:
        super().__init__(a_source(concurrency=concurrency), ROWS)
        self.opened = asyncio.Event()
        self.inside = self.most = 0

    async def fetch(self, fetch: Fetch, /) -> Rows:
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self.opened.wait()
            return await super().fetch(fetch)
        finally:
            self.inside -= 1


async def turns(times: int = 5) -> None:
    """Lets everything that can go on go on."""
    for _ in range(times):
        await asyncio.sleep(0)


async def test_a_source_is_asked_no_more_at_once_than_it_allows() -> None:
    gate = Gate(3)
    bounded = Bounded(gate)
    waiting = [asyncio.ensure_future(bounded.fetch(fetch())) for _ in range(10)]
    await turns()
    assert gate.inside == 3
    gate.opened.set()
    assert [answer.rows for answer in await asyncio.gather(*waiting)] == [ROWS] * 10
    assert gate.most == 3


async def test_waiting_for_a_turn_counts_against_the_deadline() -> None:
    gate = Gate(1)
    bounded = Bounded(gate)
    first = asyncio.ensure_future(bounded.fetch(fetch()))
    await turns()
    with pytest.raises(SourceTimeout):
        await bounded.fetch(fetch(deadline=in_time(-1)))
    gate.opened.set()
    await first
    assert gate.fetches == 1


async def test_a_source_has_no_longer_than_its_own_timeout() -> None:
    """The operation would wait; the source's limit says no."""
    gate = Gate(1)
    gate.source = a_source(timeout_s=0.0)
    with pytest.raises(SourceTimeout, match="rtsm: no answer in time"):
        await Bounded(gate).fetch(fetch())


async def test_totals_have_the_time_that_the_source_allows_them() -> None:
    gate = Gate(2)
    gate.source = a_source(timeout_s=0.0, totals_timeout_s=20.0)
    bounded, rows = Bounded(gate), fetch()
    counting = replace(rows, shape=replace(rows.shape, cells=(), measures=(Measure(Function.COUNT),)))
    counted = asyncio.ensure_future(bounded.fetch(counting))
    with pytest.raises(SourceTimeout):
        await bounded.fetch(rows)
    gate.opened.set()
    assert (await counted).rows == ROWS


async def test_a_turn_given_up_is_free_again() -> None:
    gate = Gate(1)
    bounded = Bounded(gate)
    first = asyncio.ensure_future(bounded.fetch(fetch()))
    await turns()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    gate.opened.set()
    assert (await bounded.fetch(fetch())).rows == ROWS


class Pauses:
    """A sleep that only remembers."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


async def test_a_source_out_of_reach_is_asked_again_after_growing_pauses() -> None:
    inner, pauses = Scripted(a_source(retries=2), DOWN, DOWN, ROWS), Pauses()
    assert (await Retrying(inner, pauses).fetch(fetch())).rows == ROWS
    assert inner.fetches == 3
    assert 0.025 <= pauses.slept[0] <= 0.05 <= pauses.slept[1] <= 0.1


async def test_retries_end() -> None:
    inner = Scripted(a_source(retries=2), DOWN)
    with pytest.raises(SourceUnavailable):
        await Retrying(inner, Pauses()).fetch(fetch())
    assert inner.fetches == 3


@pytest.mark.parametrize("error", [SourceTimeout("late"), RowBudgetExceeded("many"), SourceRefused("HTTP 400")])
async def test_what_asking_again_cannot_mend_is_not_asked_again(error: ConnectorError) -> None:
    inner = Scripted(a_source(retries=3), error)
    with pytest.raises(type(error)):
        await Retrying(inner, Pauses()).fetch(fetch())
    assert inner.fetches == 1


async def test_nothing_is_asked_again_past_the_deadline() -> None:
    inner, pauses = Scripted(a_source(retries=3), DOWN), Pauses()
    with pytest.raises(SourceUnavailable):
        await Retrying(inner, pauses).fetch(fetch(deadline=in_time(0.01)))
    assert (inner.fetches, pauses.slept) == (1, [])


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def breaker(*script: Any) -> tuple[Breaker, Scripted, Clock]:
    inner, clock = Scripted(a_source(breaker_failures=3, breaker_pause_s=5.0), *script), Clock()
    return Breaker(inner, clock), inner, clock


async def fail(around: Any, times: int, **bound: Any) -> None:
    for _ in range(times):
        with pytest.raises(ConnectorError):
            await around.fetch(fetch(**bound))


async def test_a_source_that_keeps_failing_is_left_alone() -> None:
    around, inner, clock = breaker(DOWN)
    await fail(around, 3)
    with pytest.raises(SourceUnavailable, match="left alone after 3 failures"):
        await around.fetch(fetch())
    clock.now += 4.99
    await fail(around, 1)
    assert inner.fetches == 3


async def test_after_the_pause_one_fetch_tries_and_a_good_answer_lets_all_in_again() -> None:
    around, inner, clock = breaker(DOWN, DOWN, DOWN, ROWS)
    await fail(around, 3)
    clock.now += 5.0
    assert (await around.fetch(fetch())).rows == ROWS
    assert (await around.fetch(fetch())).rows == ROWS
    assert (inner.fetches, around.state.failures, around.state.opened_at) == (5, 0, None)


async def test_a_failed_try_starts_the_pause_anew() -> None:
    around, inner, clock = breaker(DOWN)
    await fail(around, 3)
    clock.now += 5.0
    await fail(around, 1)
    clock.now += 4.0
    await fail(around, 1)
    assert inner.fetches == 4


async def test_only_one_fetch_tries_at_a_time() -> None:
    gate = Gate(8)
    gate.source = a_source(breaker_failures=1, breaker_pause_s=5.0)
    clock = Clock()
    around = Breaker(gate, clock)
    around.state.failures, around.state.opened_at = 1, clock.now
    clock.now += 6
    trying = asyncio.ensure_future(around.fetch(fetch()))
    await turns()
    await fail(around, 2)
    gate.opened.set()
    assert (await trying).rows == ROWS
    assert gate.fetches == 1


async def test_a_try_given_up_lets_another_try() -> None:
    """Else a cancelled request would leave the source alone for ever."""
    gate = Gate(8)
    gate.source = a_source(breaker_failures=1, breaker_pause_s=0.0)
    around = Breaker(gate, Clock())
    around.state.failures, around.state.opened_at = 1, 100.0
    trying = asyncio.ensure_future(around.fetch(fetch()))
    await turns()
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying
    gate.opened.set()
    assert (await around.fetch(fetch())).rows == ROWS


async def test_failures_count_only_in_a_row() -> None:
    around, inner, _ = breaker(DOWN, DOWN, ROWS, DOWN, DOWN, ROWS)
    await fail(around, 2)
    await around.fetch(fetch())
    await fail(around, 2)
    assert (await around.fetch(fetch())).rows == ROWS
    assert inner.fetches == 6


@pytest.mark.parametrize("error", [RowBudgetExceeded("many"), SourceRefused("HTTP 400")])
async def test_a_request_at_fault_does_not_shut_a_department_out(error: ConnectorError) -> None:
    """Somebody who asks nonsense again and again must not close the source for everybody."""
    around, inner, _ = breaker(error)
    await fail(around, 10)
    assert (inner.fetches, around.state.opened_at) == (10, None)


async def test_a_deadline_nearly_spent_elsewhere_does_not_shut_a_department_out() -> None:
    around, inner, _ = breaker(SourceTimeout("late"))
    await fail(around, 10, deadline=in_time(0.5))
    assert (inner.fetches, around.state.opened_at) == (10, None)
    await fail(around, 3)
    assert around.state.opened_at is not None


async def test_an_observer_is_told_of_every_fetch_and_how_it_ended() -> None:
    told: list[tuple[str, int, int, str]] = []

    def observer(source: str, seconds: float, rows: int, calls: int, outcome: str, /) -> None:
        assert seconds >= 0
        told.append((source, rows, calls, outcome))

    observed = Observed(Scripted(a_source(), ROWS, DOWN, SourceTimeout(""), RowBudgetExceeded("")), observer)
    await observed.fetch(fetch())
    await fail(observed, 3)
    assert told == [
        ("rtsm", 1, 1, "ok"), ("rtsm", 0, 1, "SOURCE_UNAVAILABLE"), ("rtsm", 0, 1, "DEADLINE"),
        ("rtsm", 0, 1, "BUDGET_EXCEEDED"),
    ]  # fmt: skip


async def test_guards_stand_around_one_another_observer_outermost() -> None:
    outcomes: list[str] = []
    inner = Scripted(a_source(retries=1, breaker_failures=1), DOWN)
    around: Any = guarded(inner, lambda *told: outcomes.append(told[-1]))
    kinds = []
    while around is not inner:
        kinds.append(type(around).__name__)
        around = around.inner
    assert kinds == ["Observed", "Breaker", "Retrying", "Bounded"]


async def test_a_source_without_retries_is_asked_once() -> None:
    inner = Scripted(a_source(), DOWN)
    with pytest.raises(SourceUnavailable):
        await guarded(inner).fetch(fetch())
    assert inner.fetches == 1
