"""SQLite files, opened read-only, a few threads with one connection each. Lists travel as one JSON value."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import orjson

from connectors.address import Address
from connectors.sql.compiled import Compiled, Compiler, to_bool, to_date, to_datetime, to_decimal
from connectors.sql.dialects import SQLITE
from schema.fetch import Fetch, RowBudgetExceeded, Rows, SourceTimeout, SourceUnavailable
from schema.sources import Source

ENCODERS: dict[str, Any] = {
    "decimal": str,
    "date": lambda value: value.isoformat(),
    "datetime": lambda value: value.isoformat(sep=" "),
    "bool": int,
}
DECODERS: dict[str, Any] = {"decimal": to_decimal, "date": to_date, "datetime": to_datetime, "bool": to_bool}


class SqliteConnector:
    """A fetch past its deadline is interrupted inside SQLite."""

    def __init__(self, source: Source, address: Address) -> None:
        self.source = source
        path = unquote(urlsplit(address.url).path)
        self._path = path[1:]
        self._compiler = Compiler(
            SQLITE, lambda name, position: f":{name}", repeats=False, encoders=ENCODERS, decoders=DECODERS
        )
        self._threads = ThreadPoolExecutor(min(4, source.limits.concurrency), thread_name_prefix=source.name)
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []

    async def fetch(self, fetch: Fetch, /) -> Rows:
        compiled = self._compiler.compiled(fetch.shape)
        loop = asyncio.get_running_loop()
        seconds = fetch.deadline - loop.time()
        if seconds <= 0:
            raise SourceTimeout(f"{self.source.name}: the deadline has passed")
        rows = await loop.run_in_executor(self._threads, self._run, compiled, fetch, seconds)
        if fetch.max_rows is not None and len(rows) > fetch.max_rows:
            raise RowBudgetExceeded(f"{self.source.name}: more than {fetch.max_rows} rows")
        return Rows(rows if compiled.convert is None else compiled.convert(rows))

    def _run(self, compiled: Compiled, fetch: Fetch, seconds: float) -> list[Any]:
        values = {
            name: orjson.dumps(value).decode() if name in compiled.lists else value
            for name, value in zip(compiled.names, compiled.values(fetch), strict=True)
        }
        rows: list[Any] = self._guarded(
            seconds, lambda connection: connection.execute(compiled.text, values).fetchall()
        )
        return rows

    def _guarded(self, seconds: float, work: Any) -> Any:
        timer: threading.Timer | None = None
        try:
            connection = self._connection()
            timer = threading.Timer(seconds, connection.interrupt)
            timer.daemon = True
            timer.start()
            return work(connection)
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                raise SourceTimeout(f"{self.source.name}: no answer in time") from error
            raise SourceUnavailable(f"{self.source.name}: {error}") from error
        except sqlite3.Error as error:
            raise SourceUnavailable(f"{self.source.name}: {error}") from error
        finally:
            if timer is not None:
                timer.cancel()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(f"file:{quote(self._path)}?mode=ro", uri=True, check_same_thread=False)
            self._local.connection = connection
            self._connections.append(connection)
        return connection

    async def describe(self, relation_sql: str) -> list[str]:
        """Names of the columns a table or select has. Raises SourceUnavailable."""

        def columns(connection: sqlite3.Connection) -> list[str]:
            return [part[0] for part in connection.execute(f"SELECT * FROM {relation_sql} LIMIT 0").description]

        found: list[str] = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._guarded, self.source.limits.timeout_s, columns
        )
        return found

    async def aclose(self) -> None:
        self._threads.shutdown(wait=True)
        for connection in self._connections:
            connection.close()
        self._connections.clear()


def url_of(path: Any) -> str:
    """The address of a SQLite file."""
    return f"sqlite:///{path}"
