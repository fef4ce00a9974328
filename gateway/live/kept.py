"""What is kept of feeds so that they can be resumed after a dropped connection or a restart: for each feed the digests
of its rows and its latest events. Keys are sealed; nothing of a row is here. Feeds nobody takes up again within the
window go."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from gateway.cursors import BadCursor, Sealer
from gateway.live.view import Told, View

T = TypeVar("T")
TABLES = """
CREATE TABLE IF NOT EXISTS feed (id BLOB PRIMARY KEY, incarnation TEXT, seq INTEGER, forgotten INTEGER, used REAL);
CREATE TABLE IF NOT EXISTS member (feed BLOB, key TEXT, digest BLOB, PRIMARY KEY (feed, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS told (feed BLOB, seq INTEGER, key TEXT, change TEXT, at REAL, PRIMARY KEY (feed, seq))
  WITHOUT ROWID;
"""


class Kept:
    """One file, written by one thread: a batch of events is durable before anybody is told of it."""

    def __init__(
        self, path: Path, sealer: Sealer, window_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._path, self._sealer, self._window_s, self._clock = path, sealer, window_s, clock
        self._thread = ThreadPoolExecutor(1, "live")
        self._opened: sqlite3.Connection | None = None

    async def load(self, feed: bytes, most: int) -> tuple[str, View] | None:
        """The feed as it was left, unless nobody has used it for as long as the window."""
        return await self._run(lambda: self._load(feed, most))

    async def begin(self, feed: bytes, incarnation: str, view: View) -> None:
        members = [(feed, self._seal(feed, key), digest) for key, digest in view.members.items()]
        await self._run(lambda: self._begin(feed, incarnation, view.seq, members))

    async def add(self, feed: bytes, view: View, told: list[Told]) -> None:
        """The events, and what is there after them."""
        changed = {one.key: view.members.get(one.key) for one in told}
        seq, forgotten = view.seq, view.forgotten
        await self._run(lambda: self._add(feed, seq, forgotten, told, changed))

    async def touch(self, feeds: list[bytes]) -> None:
        """These feeds are in use; those that are not for long are forgotten."""
        await self._run(lambda: self._touch(feeds))

    async def aclose(self) -> None:
        def close() -> None:
            if self._opened is not None:
                self._opened.close()

        await self._run(close)
        self._thread.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._opened = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            self._opened.execute("PRAGMA journal_mode=WAL")
            self._opened.execute("PRAGMA synchronous=FULL")
            self._opened.executescript(TABLES)
            self._path.chmod(0o600)
        return self._opened

    def _seal(self, feed: bytes, key: Any) -> str:
        return self._sealer.seal((key,), b"kept" + feed)

    def _open(self, feed: bytes, sealed: str) -> Any:
        return self._sealer.open(sealed, b"kept" + feed)[0]

    def _load(self, feed: bytes, most: int) -> tuple[str, View] | None:
        connection = self._connection
        row = connection.execute("SELECT incarnation, seq, forgotten, used FROM feed WHERE id = ?", (feed,)).fetchone()
        if row is None or self._clock() - row[3] > self._window_s:
            return None
        members = connection.execute("SELECT key, digest FROM member WHERE feed = ?", (feed,)).fetchall()
        told = connection.execute("SELECT seq, key, change FROM told WHERE feed = ? ORDER BY seq", (feed,)).fetchall()
        try:
            view = View(
                most, {self._open(feed, key): digest for key, digest in members},
                deque(Told(seq, self._open(feed, key), change) for seq, key, change in told), row[1], row[2],
            )  # fmt: skip
        except BadCursor:  # kept with another key: as good as forgotten
            return None
        return row[0], view

    def _begin(self, feed: bytes, incarnation: str, seq: int, members: list[tuple[bytes, str, bytes]]) -> None:
        with self._transaction() as connection:
            for table in ("member", "told"):
                connection.execute(f"DELETE FROM {table} WHERE feed = ?", (feed,))
            connection.execute(
                "INSERT OR REPLACE INTO feed VALUES (?, ?, ?, 0, ?)", (feed, incarnation, seq, self._clock())
            )
            connection.executemany("INSERT INTO member VALUES (?, ?, ?)", members)

    def _add(
        self, feed: bytes, seq: int, forgotten: int, told: list[Told], changed: dict[Any, bytes | None]
    ) -> None:
        sealed = {key: self._seal(feed, key) for key in changed}
        at = self._clock()
        with self._transaction() as connection:
            connection.executemany(
                "INSERT INTO told VALUES (?, ?, ?, ?, ?)",
                [(feed, one.seq, sealed[one.key], one.change, at) for one in told],
            )
            connection.executemany(
                "DELETE FROM member WHERE feed = ? AND key = ?",
                [(feed, sealed[key]) for key, digest in changed.items() if digest is None],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO member VALUES (?, ?, ?)",
                [(feed, sealed[key], digest) for key, digest in changed.items() if digest is not None],
            )
            connection.execute("DELETE FROM told WHERE feed = ? AND seq <= ?", (feed, forgotten))
            connection.execute(
                "UPDATE feed SET seq = ?, forgotten = ?, used = ? WHERE id = ?", (seq, forgotten, at, feed)
            )

    def _touch(self, feeds: list[bytes]) -> None:
        at = self._clock()
        with self._transaction() as connection:
            connection.executemany("UPDATE feed SET used = ? WHERE id = ?", [(at, feed) for feed in feeds])
            old = connection.execute("SELECT id FROM feed WHERE used < ?", (at - self._window_s,)).fetchall()
            for (feed,) in old:
                for table in ("member", "told"):
                    connection.execute(f"DELETE FROM {table} WHERE feed = ?", (feed,))
                connection.execute("DELETE FROM feed WHERE id = ?", (feed,))

    def _transaction(self) -> _Transaction:
        return _Transaction(self._connection)


class _Transaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> sqlite3.Connection:
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection

    def __exit__(self, kind: object, *_: object) -> None:
        self._connection.execute("ROLLBACK" if kind else "COMMIT")
