"""The databases an outbox may stand in. A statement is durable when it returns; ``?`` marks a value."""

from __future__ import annotations

import asyncio
import itertools
import re
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import asyncpg

LOCK = 7_210_451_904


class OutboxUnavailable(Exception):
    """The database does not do what it was asked."""


class Engine(Protocol):
    """Opens at the first statement and again after a failure. Raises OutboxUnavailable."""

    async def run(self, statement: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """One statement, a transaction of its own; the rows it returns."""
        ...

    async def aclose(self) -> None: ...


class SqliteEngine:
    """One file, one thread, ``synchronous=FULL``; several processes take turns."""

    def __init__(self, path: Path, tables: Sequence[str]) -> None:
        self._path, self._tables = path, tables
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._connection: sqlite3.Connection | None = None

    async def run(self, statement: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, statement, values)

    def _run(self, statement: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        try:
            return [dict(row) for row in self._open().execute(statement, values).fetchall()]
        except (sqlite3.Error, OSError) as error:
            self._close()
            raise OutboxUnavailable from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, isolation_level=None, timeout=10.0, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            for table in self._tables:
                connection.execute(table)
            self._path.chmod(0o600)
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    async def aclose(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()


class PostgresEngine:
    """``synchronous_commit=on``; several gateways share the tables."""

    def __init__(self, url: str, tables: Sequence[str]) -> None:
        self._url, self._tables = url, tables
        self._connection: Any = None
        self._turn = asyncio.Lock()

    async def run(self, statement: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        number = itertools.count(1)
        text = re.sub(r"\?", lambda _: f"${next(number)}", statement)
        async with self._turn:
            try:
                connection = await self._open()
                return [dict(row) for row in await connection.fetch(text, *values)]
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                self._forget()
                raise OutboxUnavailable from error
            except BaseException:
                self._forget()
                raise

    def _forget(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.terminate()

    async def _open(self) -> Any:
        if self._connection is None:
            self._connection = await asyncpg.connect(
                self._url, timeout=5, command_timeout=10,
                server_settings={"synchronous_commit": "on", "application_name": "gateway-outbox"},
            )  # fmt: skip
            async with self._connection.transaction():  # two gateways that start at once must not both make them
                await self._connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
                for table in self._tables:
                    await self._connection.execute(table)
        return self._connection

    async def aclose(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()


def open_engine(url: str, tables: Sequence[str]) -> Engine:
    """The engine of ``sqlite:///path`` or ``postgresql://...``. Raises ValueError."""
    if url.startswith(("postgresql:", "postgres:")):
        return PostgresEngine(url, tables)
    if not url.startswith("sqlite:///"):
        raise ValueError("actions.url: write sqlite:///path or postgresql://...")
    return SqliteEngine(Path(url.removeprefix("sqlite:///")), tables)
