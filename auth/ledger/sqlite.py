"""The chain in a SQLite file: ``synchronous=FULL``, written by one thread; several processes take turns."""

from __future__ import annotations

import asyncio
import datetime as dt
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auth.ledger.chain import Link, chained, genesis
from auth.ledger.heads import Head, HeadFile

TABLE = """
CREATE TABLE IF NOT EXISTS ledger (
    seq INTEGER PRIMARY KEY, previous TEXT NOT NULL, hash TEXT NOT NULL, body BLOB NOT NULL
)
"""
LOG_PAGES = 200
"""The log is written over again after this many pages: syncing a file that does not grow costs half the processor time
and a fifth of the waiting."""
AT_ONCE = 1000
"""Entries a statement. The usual commit is one statement: each is a point at which this thread waits for its turn among
Python's threads."""
TRIES = 1000


class SqliteStore:
    """``heads`` gets a signed head a commit, in the same thread, before the commit counts as durable."""

    def __init__(self, path: Path, heads: HeadFile | None = None) -> None:
        self._path = path
        self._heads = heads
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._connection: sqlite3.Connection | None = None
        self._last: tuple[int, str] | None = None
        """Number and hash of the last entry, as far as this process knows."""

    async def commit(self, bodies: list[bytes]) -> list[Link]:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._commit, bodies)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, isolation_level=None, timeout=4.0, check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
            connection.execute(TABLE)
            self._connection = connection
        return self._connection

    def _commit(self, bodies: list[bytes]) -> list[Link]:
        try:
            links = self._append(self._open(), bodies)
            if self._heads is not None:
                now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
                self._heads.append(Head(links[-1].seq, links[-1].hash, now))
        except Exception:
            self._forget()
            raise
        return links

    def _append(self, connection: sqlite3.Connection, bodies: list[bytes]) -> list[Link]:
        """Writes the links after the last one known here. Where another process has written meanwhile, the number is
        taken: then the last one is read again."""
        for _ in range(TRIES):
            if self._last is None:
                last = connection.execute("SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1").fetchone()
                self._last = last or (0, genesis())
            seq, previous = self._last
            links = chained(previous, seq, bodies)
            try:
                _insert(connection, links)
            except sqlite3.IntegrityError:
                self._last = None
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                continue
            self._last = (links[-1].seq, links[-1].hash)
            return links
        raise sqlite3.OperationalError("other processes always came first")

    def _forget(self) -> None:
        """Drops the connection, and with it any open transaction; the next commit opens a new one."""
        self._last = None
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    async def read(self, after: int = 0) -> AsyncIterator[Link]:
        """Entries in order, in batches of a thousand."""
        connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)
        try:
            while True:
                # Who changed an entry may have changed its type as well; it must be read to be found changed.
                rows = connection.execute(
                    "SELECT seq, CAST(previous AS TEXT), CAST(hash AS TEXT), CAST(body AS BLOB) FROM ledger "
                    "WHERE seq > ? ORDER BY seq LIMIT 1000", (after,)
                ).fetchall()  # fmt: skip
                for row in rows:
                    yield Link(*row)
                if not rows:
                    return
                after = rows[-1][0]
        finally:
            connection.close()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqliteReading]:
        """A connection of its own; what runs is broken off at the end."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="ledger-reading")
        connection: sqlite3.Connection | None = None
        try:
            if self._path.exists():
                connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, check_same_thread=False)
            yield SqliteReading(connection, thread)
        finally:
            if connection is not None:
                connection.interrupt()
                thread.submit(connection.close)
            thread.shutdown(wait=False)

    async def aclose(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._forget)
        self._thread.shutdown()
        if self._heads is not None:
            self._heads.close()


@dataclass(frozen=True, slots=True)
class SqliteReading:
    """``connection`` None: nothing was ever written."""

    connection: sqlite3.Connection | None
    thread: ThreadPoolExecutor

    async def last(self) -> int:
        found = await self._rows("SELECT max(seq) FROM ledger", ())
        return (found[0][0] or 0) if found else 0

    async def window(self, first: int, last: int, holding: tuple[bytes, ...]) -> list[tuple[int, bytes]]:
        held = " OR ".join(["instr(CAST(body AS BLOB), ?) > 0"] * len(holding)) or "1"
        return await self._rows(
            f"SELECT seq, CAST(body AS BLOB) FROM ledger WHERE seq BETWEEN ? AND ? AND ({held}) ORDER BY seq",
            (first, last, *holding),
        )

    async def _rows(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        connection = self.connection
        if connection is None:
            return []
        run = asyncio.get_running_loop().run_in_executor
        return await run(self.thread, lambda: connection.execute(statement, values).fetchall())


def _insert(connection: sqlite3.Connection, links: list[Link]) -> None:
    """All of them or none."""
    if len(links) > AT_ONCE:
        connection.execute("BEGIN IMMEDIATE")
    for at in range(0, len(links), AT_ONCE):
        some = links[at : at + AT_ONCE]
        values = [part for link in some for part in (link.seq, link.previous, link.hash, link.body)]
        connection.execute(f"INSERT INTO ledger VALUES {', '.join(['(?, ?, ?, ?)'] * len(some))}", values)
    if len(links) > AT_ONCE:
        connection.execute("COMMIT")
