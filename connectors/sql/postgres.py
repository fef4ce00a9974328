"""PostgreSQL on asyncpg's own pool: prepared statements, keys as one array, reads without a transaction block."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import asyncpg

from connectors.address import Address
from connectors.sql.compiled import Compiled, Compiler
from connectors.sql.dialects import POSTGRES
from connectors.sql.statement import relation_text
from schema.conditions import relations_of
from schema.fetch import Fetch, FetchShape, RowBudgetExceeded, Rows, SourceTimeout, SourceUnavailable
from schema.sources import Source

TEXT = frozenset({"text", "varchar"})
"""Types whose equality is by code point (under every deterministic collation) and takes any text."""


LONG = 1_000
"""Values in a list that the server has to see when it plans: only then it looks them up by hash, and after five runs of
a prepared statement it would plan without them and compare every row with every value."""


async def _keep(connection: Any) -> None:
    """Our sessions hold nothing that would have to be reset between fetches."""


class PostgresConnector:
    """``?schema=`` in the address becomes the session's search path. The server itself refuses writes.

    A column declared as text that the server has as uuid or an enum is compared as the text it shows, which only an
    index over that text serves.
    """

    def __init__(self, source: Source, address: Address) -> None:
        self.source = source
        self._url, self._login, self._schema = login_of(address, address.user, address.password)
        self._compiler = Compiler(POSTGRES, lambda name, position: f"${position}", repeats=False)
        self._types: dict[str, dict[str, str]] = {}
        self._pool: Any = None
        self._lock = asyncio.Lock()

    async def _opened(self) -> Any:
        async with self._lock:
            if self._pool is None:
                limits = self.source.limits
                settings = {
                    "default_transaction_read_only": "on",
                    "timezone": "UTC",
                    # Of any statement. What needs less is cancelled here, and asyncpg tells the server.
                    "statement_timeout": str(int(max(limits.timeout_s, limits.time_s(totals=True)) * 1000)),
                    "application_name": "gateway",
                    "jit": "off",
                }
                if self._schema:
                    settings["search_path"] = self._schema
                self._pool = await asyncpg.create_pool(
                    self._url, **self._login, min_size=0, max_size=limits.concurrency, server_settings=settings,
                    timeout=limits.timeout_s, reset=_keep, max_inactive_connection_lifetime=60.0,
                )  # fmt: skip
        return self._pool

    async def fetch(self, fetch: Fetch, /) -> Rows:
        try:
            async with asyncio.timeout_at(fetch.deadline):
                pool = self._pool or await self._opened()
                async with pool.acquire() as connection:
                    try:
                        compiled = self._compiler.known(fetch.shape) or await self._compiled(connection, fetch.shape)
                        values = compiled.values(fetch)
                        long = any(isinstance(value, list) and len(value) > LONG for value in values)
                        if long:
                            await connection.execute("SET plan_cache_mode = force_custom_plan")
                        rows = await connection.fetch(compiled.text, *values)
                        if long:
                            await connection.execute("RESET plan_cache_mode")
                    except asyncio.CancelledError:
                        # Given back as it is, the pool would wait for a server that may never say a word again.
                        connection.terminate()
                        raise
        except (TimeoutError, asyncpg.QueryCanceledError) as error:
            raise SourceTimeout(f"{self.source.name}: no answer in time") from error
        except Exception as error:
            raise SourceUnavailable(f"{self.source.name}: {type(error).__name__}: {error}") from error
        if fetch.max_rows is not None and len(rows) > fetch.max_rows:
            raise RowBudgetExceeded(f"{self.source.name}: more than {fetch.max_rows} rows")
        return Rows(rows)

    async def _compiled(self, connection: Any, shape: FetchShape) -> Compiled:
        """The statement; what types the columns have is asked once a relation."""
        for relation in (shape.relation, *relations_of(shape.where)):
            if repr(relation) not in self._types:
                text = relation_text(relation, POSTGRES)
                prepared = await connection.prepare(f"SELECT * FROM {text} LIMIT 0")
                told = {one.name: one.type.name for one in prepared.get_attributes()}
                self._types[repr(relation)] = {name: kind for name, kind in told.items() if kind not in TEXT}
        return self._compiler.compiled(shape, lambda relation: self._types[repr(relation)])

    async def describe(self, relation_sql: str) -> list[str]:
        """Names of the columns a table or select has. Raises SourceUnavailable."""
        try:
            pool = await self._opened()
            async with pool.acquire() as connection:
                prepared = await connection.prepare(f"SELECT * FROM {relation_sql} LIMIT 0")
                return [attribute.name for attribute in prepared.get_attributes()]
        except Exception as error:
            raise SourceUnavailable(f"{self.source.name}: {type(error).__name__}: {error}") from error

    async def aclose(self) -> None:
        if self._pool is not None:
            pool, self._pool = self._pool, None
            try:
                async with asyncio.timeout(5.0):
                    await pool.close()
            except TimeoutError:
                pool.terminate()


def login_of(
    address: Address, user: str | None, password: str | None
) -> tuple[str, dict[str, str], str | None]:
    """The address without what is ours, user and password where they are not in it, and the schema."""
    url, schema = _without_schema(address.url)
    login = {"user": user or address.user, "password": password or address.password}
    return url, {name: value for name, value in login.items() if value is not None}, schema


def _without_schema(url: str) -> tuple[str, str | None]:
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    schema = query.pop("schema", [None])[0]
    rest = "&".join(f"{name}={value}" for name, values in query.items() for value in values)
    return urlunsplit(parts._replace(query=rest)), schema
