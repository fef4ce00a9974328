"""The chain in PostgreSQL: one statement a commit; writers of several gateways take turns by an advisory lock."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from auth.ledger.chain import Link, chained, genesis
from auth.ledger.heads import Head, HeadFile

TABLE = """
CREATE TABLE IF NOT EXISTS ledger (
    seq bigint PRIMARY KEY, previous text NOT NULL, hash text NOT NULL UNIQUE, body bytea NOT NULL)
"""
LOCK = 7_210_451_903


class PostgresStore:
    """``url``: postgresql://...; the connection is opened at the first commit and again after a failure."""

    def __init__(self, url: str, heads: HeadFile | None = None) -> None:
        self._url = url
        self._heads = heads
        self._connection: Any = None

    async def commit(self, bodies: list[bytes]) -> list[Link]:
        try:
            connection = await self._open()
            async with connection.transaction():
                await connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
                last = await connection.fetchrow("SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1")
                seq, previous = (last["seq"], last["hash"]) if last else (0, genesis())
                links = chained(previous, seq, bodies)
                await connection.execute(
                    "INSERT INTO ledger SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[])",
                    [link.seq for link in links], [link.previous for link in links],
                    [link.hash for link in links], [link.body for link in links],
                )  # fmt: skip
            if self._heads is not None:
                now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
                head = Head(links[-1].seq, links[-1].hash, now)
                await asyncio.get_running_loop().run_in_executor(None, self._heads.append, head)
        except BaseException:
            await self._forget()
            raise
        return links

    async def _open(self) -> Any:
        if self._connection is None:
            self._connection = await asyncpg.connect(
                self._url, server_settings={"synchronous_commit": "on", "application_name": "gateway-ledger"}
            )
            async with self._connection.transaction():  # two gateways that start at once must not both make it
                await self._connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
                await self._connection.execute(TABLE)
        return self._connection

    async def _forget(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.terminate()

    async def read(self, after: int = 0) -> AsyncIterator[Link]:
        """Entries in order, in batches of a thousand."""
        connection = await asyncpg.connect(self._url)
        try:
            while True:
                rows = await connection.fetch(
                    "SELECT seq, previous, hash, body FROM ledger WHERE seq > $1 ORDER BY seq LIMIT 1000", after
                )
                for row in rows:
                    yield Link(row["seq"], row["previous"], row["hash"], row["body"])
                if not rows:
                    return
                after = rows[-1]["seq"]
        finally:
            await connection.close()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[PostgresReading]:
        """A connection of its own; what runs is broken off at the end."""
        connection = await asyncpg.connect(self._url, timeout=5, server_settings={"application_name": "gateway-ledger"})
        try:
            yield PostgresReading(connection)
        finally:
            connection.terminate()

    async def aclose(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()
        if self._heads is not None:
            self._heads.close()


@dataclass(frozen=True, slots=True)
class PostgresReading:
    connection: Any

    async def last(self) -> int:
        if await self.connection.fetchval("SELECT to_regclass('ledger')") is None:
            return 0  # nothing was ever written
        return await self.connection.fetchval("SELECT max(seq) FROM ledger") or 0

    async def window(self, first: int, last: int, holding: tuple[bytes, ...]) -> list[tuple[int, bytes]]:
        held = " OR ".join(f"position(${number}::bytea IN body) > 0" for number in range(3, len(holding) + 3)) or "true"
        rows = await self.connection.fetch(
            f"SELECT seq, body FROM ledger WHERE seq BETWEEN $1 AND $2 AND ({held}) ORDER BY seq", first, last, *holding
        )
        return [(row["seq"], row["body"]) for row in rows]
