"""Group commit: entries that wait while a commit runs go into the next one together. An entry's receipt comes only when
its commit and the commit's signed head are durable. While several come at once, a commit waits a moment for more: what
it costs is shared by all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Protocol

import msgspec
import structlog

from auth.errors import LedgerUnavailable
from auth.ledger.chain import Link

log = structlog.get_logger("ledger")


class Store(Protocol):
    """Keeps the chain. ``commit`` makes the bodies durable, all or none, and returns their links; it raises when it
    cannot. It connects by itself and again after a failure."""

    async def commit(self, bodies: list[bytes]) -> list[Link]: ...

    def read(self, after: int = 0) -> AsyncIterator[Link]: ...

    async def aclose(self) -> None: ...


class Ledger:
    """Writes entries through one store. One lives as long as the process."""

    def __init__(self, store: Store, timeout_s: float = 5.0, gather_s: float = 0.002) -> None:
        self._store = store
        self._timeout_s = timeout_s
        self._gather_s = gather_s
        self._waiting: list[tuple[bytes, asyncio.Future[Link]]] = []
        self._writer: asyncio.Task[None] | None = None
        self.commits = 0

    async def append(self, body: bytes) -> str:
        """The receipt ``seq-hash`` of the entry, once it is durable. Raises LedgerUnavailable."""
        future: asyncio.Future[Link] = asyncio.get_running_loop().create_future()
        self._waiting.append((body, future))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        link = await future
        return f"{link.seq}-{link.hash[:16]}"

    async def _write(self) -> None:
        try:
            busy = False
            while self._waiting:
                if busy and self._gather_s:
                    await asyncio.sleep(self._gather_s)
                batch, self._waiting = self._waiting, []
                await self._commit(batch)
                busy = len(self._waiting) > 1
        finally:
            self._writer = None

    async def _commit(self, batch: list[tuple[bytes, asyncio.Future[Link]]]) -> None:
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
        """Waits for what is being written, then closes the store."""
        if self._writer is not None:
            await asyncio.gather(self._writer, return_exceptions=True)
        await self._store.aclose()


_encode = msgspec.json.Encoder(order="deterministic").encode


def entry_body(entry: Any) -> bytes:
    """Canonical bytes of an entry: the same content always gives the same bytes."""
    return _encode(entry)
