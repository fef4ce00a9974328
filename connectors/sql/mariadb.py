"""MariaDB and MySQL on asyncmy's own pool: read-only sessions in UTC, lists written out by the driver (why, see Note
[long lists])."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncmy

from connectors.address import Address
from connectors.sql.compiled import Compiler, to_bool
from connectors.sql.dialects import MARIADB
from schema.fetch import (
    EVERYTHING,
    Fetch,
    FetchShape,
    RowBudgetExceeded,
    Rows,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
)
from schema.relations import Select
from schema.sources import Source

INTERRUPTED = frozenset({1969, 1317, 3024})
"""Server error numbers of a statement that ran out of its time."""
LONG = 1_000
"""Values in a list from which on the statement is measured before it is sent: the server hangs up on one that is larger
than its max_allowed_packet."""


def _joins_everything(shape: FetchShape) -> bool:
    """Whether it counts over all rows of a relation that says it is large. A small one joined with a large table is
    quicker looked up row by row."""
    large = isinstance(shape.relation, Select) and shape.relation.whole is not None
    return large and shape.key is None and shape.where == EVERYTHING


class MariaConnector:
    """A connection on which anything went wrong is closed, never put back."""

    def __init__(self, source: Source, address: Address) -> None:
        self.source = source
        self._login = login_of(address, address.user, address.password)
        self._compiler = Compiler(
            MARIADB, lambda name, position: f"%({name})s", repeats=False, decoders={"bool": to_bool},
            escape=lambda text: text.replace("%", "%%"),
        )  # fmt: skip
        self._pool: Any = None
        self._packet_bytes: int | None = None
        self._lock = asyncio.Lock()

    async def _opened(self) -> Any:
        async with self._lock:
            if self._pool is None:
                limits = self.source.limits
                setup = (
                    "SET SESSION tx_read_only = 1, time_zone = '+00:00', sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT', "
                    f"max_statement_time = {limits.timeout_s:.3f}"
                )
                self._pool = await asyncmy.create_pool(
                    **self._login, minsize=0, maxsize=limits.concurrency, autocommit=True, charset="utf8mb4",
                    connect_timeout=limits.timeout_s, init_command=setup, pool_recycle=600,
                )  # fmt: skip
        return self._pool

    async def fetch(self, fetch: Fetch, /) -> Rows:
        compiled = self._compiler.compiled(fetch.shape)
        values = dict(zip(compiled.names, compiled.values(fetch), strict=True))
        for name in compiled.lists:
            if name in values:
                values[name] = tuple(values[name]) or (None,)
        rows = await self._run(self._allowed(compiled.text, fetch.shape), values, fetch.deadline)
        if fetch.max_rows is not None and len(rows) > fetch.max_rows:
            raise RowBudgetExceeded(f"{self.source.name}: more than {fetch.max_rows} rows")
        return Rows(rows if compiled.convert is None else compiled.convert(rows))

    def _allowed(self, text: str, shape: FetchShape) -> str:
        """The statement with the time and memory that totals have, where those are not the session's. Time: the server
        goes on with a statement whose client has gone. Memory: it joins a million rows one by one otherwise."""
        limits, allowed = self.source.limits, []
        if not shape.measures:
            return text
        if limits.totals_timeout_s is not None:
            allowed.append(f"max_statement_time = {limits.totals_timeout_s:.3f}")
        if limits.totals_memory_mb is not None and _joins_everything(shape):
            size_bytes = limits.totals_memory_mb << 20
            allowed.append(
                f"join_cache_level = 4, join_buffer_size = {size_bytes}, join_buffer_space_limit = {2 * size_bytes}"
            )
        return f"SET STATEMENT {', '.join(allowed)} FOR {text}" if allowed else text

    async def _run(self, text: str, values: dict[str, Any] | None, deadline: float) -> list[Any]:
        try:
            async with asyncio.timeout_at(deadline):
                pool = self._pool or await self._opened()
                connection = await pool.acquire()
                try:
                    async with connection.cursor() as cursor:
                        if values and any(isinstance(one, tuple) and len(one) > LONG for one in values.values()):
                            text, values = await self._written(cursor, text, values), None
                        await cursor.execute(text, values)
                        rows: list[Any] = await cursor.fetchall()
                except BaseException:
                    connection.close()
                    raise
                finally:
                    pool.release(connection)
        except TimeoutError as error:
            raise SourceTimeout(f"{self.source.name}: no answer in time") from error
        except SourceRefused:
            raise
        except Exception as error:
            if error.args and error.args[0] in INTERRUPTED:
                raise SourceTimeout(f"{self.source.name}: no answer in time") from error
            raise SourceUnavailable(f"{self.source.name}: {type(error).__name__}: {error}") from error
        return rows

    async def _written(self, cursor: Any, text: str, values: dict[str, Any]) -> str:
        """The statement with its values. Raises SourceRefused when the server would not take it."""
        if self._packet_bytes is None:
            await cursor.execute("SELECT @@max_allowed_packet")
            (self._packet_bytes,) = await cursor.fetchone()
        written: str = cursor.mogrify(text, values)
        size_bytes = len(written.encode()) + 1
        if size_bytes > self._packet_bytes:
            raise SourceRefused(
                f"{self.source.name}: a statement of {size_bytes:,} bytes is more than the server's max_allowed_packet "
                f"of {self._packet_bytes:,}; lower max_filter_keys in the source's limits"
            )
        return written

    async def describe(self, relation_sql: str) -> list[str]:
        """Names of the columns a table or select has. Raises SourceUnavailable."""
        try:
            pool = await self._opened()
            async with pool.acquire() as connection, connection.cursor() as cursor:
                await cursor.execute(f"SELECT * FROM {relation_sql} LIMIT 0")
                return [column[0] for column in cursor.description]
        except Exception as error:
            raise SourceUnavailable(f"{self.source.name}: {type(error).__name__}: {error}") from error

    async def aclose(self) -> None:
        if self._pool is not None:
            pool, self._pool = self._pool, None
            pool.close()
            await pool.wait_closed()


def login_of(address: Address, user: str | None, password: str | None) -> dict[str, Any]:
    """Where the server is and who asks, as asyncmy takes it; ``user`` and ``password``: where they are given."""
    parts = urlsplit(address.url)
    return {
        "host": parts.hostname or "127.0.0.1",
        "port": parts.port or 3306,
        "user": user or address.user or unquote(parts.username or ""),
        "password": password or address.password or unquote(parts.password or ""),
        "database": parts.path.lstrip("/"),
    }
