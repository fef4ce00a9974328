"""Connectors around a connector: a department is never asked for more than it allows, and is left alone while down.

Each keeps one promise; ``guarded`` puts them together, outermost first: observed, breaker, retry, bounded.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from schema.fetch import (
    Connector,
    ConnectorError,
    Fetch,
    RowBudgetExceeded,
    Rows,
    SourceBusy,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
)
from schema.sources import Source


class Observer(Protocol):
    """Is told of every fetch: how long it took, what it brought, and ``ok`` or the error's code."""

    def __call__(self, source: str, seconds: float, rows: int, calls: int, outcome: str, /) -> None: ...


class _Around:
    """A connector around ``inner``."""

    def __init__(self, inner: Connector) -> None:
        self.inner = inner
        self.source: Source = inner.source

    async def fetch(self, fetch: Fetch, /) -> Rows:
        return await self.inner.fetch(fetch)

    async def aclose(self) -> None:
        await self.inner.aclose()


class Bounded(_Around):
    """At most ``limits.concurrency`` fetches at once, each within the time of the source's limits and the fetch's own
    deadline; waiting for a turn counts."""

    def __init__(self, inner: Connector, turns: asyncio.Semaphore | None = None) -> None:
        super().__init__(inner)
        self._turns = turns or asyncio.Semaphore(self.source.limits.concurrency)

    async def fetch(self, fetch: Fetch, /) -> Rows:
        deadline = min(fetch.deadline, asyncio.get_running_loop().time() + _time_s(fetch, self.source))
        try:
            async with asyncio.timeout_at(deadline), self._turns:
                return await self.inner.fetch(fetch)
        except TimeoutError as error:
            raise SourceTimeout(f"{self.source.name}: no answer in time") from error


class Retrying(_Around):
    """Asks again up to ``limits.retries`` times when the source could not be reached; never after a timeout, and never
    what the source has called wrong or asked us to wait with."""

    def __init__(self, inner: Connector, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        super().__init__(inner)
        self._sleep = sleep

    async def fetch(self, fetch: Fetch, /) -> Rows:
        for attempt in range(self.source.limits.retries + 1):
            try:
                return await self.inner.fetch(fetch)
            except (SourceBusy, SourceRefused):
                raise
            except SourceUnavailable:
                pause = random.uniform(0.5, 1.0) * 0.05 * 2**attempt
                late = asyncio.get_running_loop().time() + pause >= fetch.deadline
                if attempt == self.source.limits.retries or late:
                    raise
                await self._sleep(pause)
        raise AssertionError("unreachable")


@dataclass(slots=True)
class BreakerState:
    """``opened_at`` None: closed. ``probing``: one fetch is finding out whether the source is back."""

    failures: int = 0
    opened_at: float | None = None
    probing: bool = False


class Breaker(_Around):
    """After ``limits.breaker_failures`` failures in a row the source is left alone for ``limits.breaker_pause_s``; then
    one fetch at a time may try. What is the request's own fault is no failure of the source: a refused budget or
    request, one that came too soon, or a deadline that left less than half of the source's time."""

    def __init__(self, inner: Connector, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(inner)
        self._clock = clock
        self.state = BreakerState()

    async def fetch(self, fetch: Fetch, /) -> Rows:
        state = self.state
        if state.opened_at is not None:
            waiting = self._clock() - state.opened_at < self.source.limits.breaker_pause_s
            if waiting or state.probing:
                raise SourceUnavailable(f"{self.source.name}: left alone after {state.failures} failures")
            state.probing = True
        hurried = fetch.deadline - asyncio.get_running_loop().time() < _time_s(fetch, self.source) / 2
        try:
            rows = await self.inner.fetch(fetch)
        except (RowBudgetExceeded, SourceBusy, SourceRefused):
            self._close()
            raise
        except ConnectorError as error:
            if hurried and isinstance(error, SourceTimeout):
                raise
            state.failures += 1
            if state.failures >= self.source.limits.breaker_failures:
                state.opened_at = self._clock()
            raise
        finally:
            state.probing = False
        self._close()
        return rows

    def _close(self) -> None:
        self.state.failures = 0
        self.state.opened_at = None


class Observed(_Around):
    """Tells an observer of every fetch."""

    def __init__(self, inner: Connector, observer: Observer) -> None:
        super().__init__(inner)
        self._observer = observer

    async def fetch(self, fetch: Fetch, /) -> Rows:
        started = time.perf_counter()
        try:
            rows = await self.inner.fetch(fetch)
        except ConnectorError as error:
            self._observer(self.source.name, time.perf_counter() - started, 0, 1, str(error.code))
            raise
        self._observer(self.source.name, time.perf_counter() - started, len(rows.rows), rows.calls, "ok")
        return rows


def _time_s(fetch: Fetch, source: Source) -> float:
    return source.limits.time_s(totals=bool(fetch.shape.measures))


def guarded(
    connector: Connector, observer: Observer | None = None, turns: asyncio.Semaphore | None = None
) -> Connector:
    """The connector with all its guards. ``turns``: those it shares with others who call the source."""
    inner: Connector = Bounded(connector, turns)
    if connector.source.limits.retries:
        inner = Retrying(inner)
    inner = Breaker(inner)
    return inner if observer is None else Observed(inner, observer)
