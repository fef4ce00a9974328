"""Group commit: entries that wait while a commit runs go into the next one together. An entry's receipt comes only when
its commit and the commit's signed head are durable. An entry may say how long it can wait for others to share its
commit: what a commit costs is the same for one as for fifty."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import msgspec
import structlog

from auth.errors import LedgerUnavailable
from auth.ledger.chain import Link

log = structlog.get_logger("ledger")


class Reading(Protocol):
    """Looks into the chain without keeping anybody from writing. ``last``: the number of the last entry, 0 when there
    is none. ``window``: number and body of the entries ``first`` to ``last`` whose body holds any of ``holding`` (all
    of them when it is empty), in order."""

    async def last(self) -> int: ...

    async def window(self, first: int, last: int, holding: tuple[bytes, ...]) -> list[tuple[int, bytes]]: ...


class Store(Protocol):
    """Keeps the chain. ``commit`` makes the bodies durable, all or none, and returns their links; it raises when it
    cannot. It connects by itself and again after a failure."""

    async def commit(self, bodies: list[bytes]) -> list[Link]: ...

    def read(self, after: int = 0) -> AsyncIterator[Link]: ...

    def reading(self) -> AbstractAsyncContextManager[Reading]: ...

    async def aclose(self) -> None: ...


Waiting = tuple[bytes, "asyncio.Future[Link]"]
"""An entry and what its receipt is waited for with."""


class Ledger:
    """Writes entries through one store. One lives as long as the process."""

    def __init__(self, store: Store, timeout_s: float = 5.0) -> None:
        self._store = store
        self._timeout_s = timeout_s
        self._waiting: list[Waiting] = []
        self._until = math.inf
        """When the most impatient of the waiting entries wants to be written, by the loop's clock."""
        self._alarm: asyncio.Handle | None = None
        self._writer: asyncio.Task[None] | None = None
        self.commits = 0

    async def append(self, body: bytes, patience_s: float = 0.0) -> str:
        """The receipt ``seq-hash`` of the entry, once it is durable; its commit begins within ``patience_s``, or after
        the one that runs. Raises LedgerUnavailable."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Link] = loop.create_future()
        self._waiting.append((body, future))
        until = loop.time() + patience_s
        if until < self._until:
            self._until = until
            self._wind(loop)
        link = await future
        return f"{link.seq}-{link.hash[:16]}"

    def _wind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Sets the alarm for the next commit, unless one runs: at its end this is called again."""
        if self._writer is not None:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        soon = self._until <= loop.time()
        self._alarm = loop.call_soon(self._begin) if soon else loop.call_at(self._until, self._begin)

    def _begin(self) -> None:
        batch, self._waiting = self._waiting, []
        self._alarm, self._until = None, math.inf
        self._writer = asyncio.create_task(self._write(batch))

    async def _write(self, batch: list[Waiting]) -> None:
        try:
            await self._commit(batch)
        finally:
            self._writer = None
            if self._waiting:
                self._wind(asyncio.get_running_loop())

    async def _commit(self, batch: list[Waiting]) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                links = await self._store.commit([body for body, _ in batch])
        except Exception as error:
            log.error("ledger commit failed", kind=type(error).__name__, entries=len(batch))
            for _, future in batch:
                if not future.done():
                    future.set_exception(LedgerUnavailable())
            return
        self.commits += 1
        for (_, future), link in zip(batch, links, strict=True):
            if not future.done():
                future.set_result(link)

    def read(self, after: int = 0) -> AsyncIterator[Link]:
        """Stored entries in order."""
        return self._store.read(after)

    async def aclose(self) -> None:
        """Writes what is waiting, then closes the store."""
        while self._waiting or self._writer is not None:
            if self._writer is None:
                if self._alarm is not None:
                    self._alarm.cancel()
                self._begin()
            assert self._writer is not None
            await asyncio.gather(self._writer, return_exceptions=True)
        await self._store.aclose()


_encode = msgspec.json.Encoder(order="deterministic").encode


def entry_body(entry: Any) -> bytes:
    """Canonical bytes of an entry: the same content always gives the same bytes."""
    return _encode(entry)
