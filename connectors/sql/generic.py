"""Oracle and SQL Server through SQLAlchemy's own engines, a thread a call. Their statements are covered by compile-only
golden tests; no server of either is at hand here, so nothing more is claimed."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from connectors.address import Address
from connectors.sql.compiled import Compiler
from connectors.sql.dialects import MSSQL, ORACLE
from schema.fetch import Fetch, RowBudgetExceeded, Rows, SourceTimeout, SourceUnavailable
from schema.sources import Source


class GenericConnector:
    """``url``: oracle+oracledb://... or mssql+pymssql://...; the driver comes with the extras of the same names."""

    def __init__(self, source: Source, address: Address) -> None:
        self.source = source
        self._url = address.url
        dialect = ORACLE if address.url.startswith("oracle") else MSSQL
        self._compiler = Compiler(dialect, lambda name, position: f":{name}", repeats=False)
        self._threads = ThreadPoolExecutor(source.limits.concurrency, thread_name_prefix=source.name)
        self._engine: sa.Engine | None = None

    async def fetch(self, fetch: Fetch, /) -> Rows:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(fetch.deadline):
                rows = await loop.run_in_executor(self._threads, self._run, fetch)
        except TimeoutError as error:
            raise SourceTimeout(f"{self.source.name}: no answer in time") from error
        except (DBAPIError, SQLAlchemyError, OSError, ImportError) as error:
            raise SourceUnavailable(f"{self.source.name}: {type(error).__name__}") from error
        if fetch.max_rows is not None and len(rows) > fetch.max_rows:
            raise RowBudgetExceeded(f"{self.source.name}: more than {fetch.max_rows} rows")
        return Rows(rows)

    def _run(self, fetch: Fetch) -> list[Any]:
        if self._engine is None:
            limits = self.source.limits
            self._engine = sa.create_engine(
                self._url, pool_size=limits.concurrency, max_overflow=0, isolation_level="AUTOCOMMIT"
            )
        compiled = self._compiler.compiled(fetch.shape)
        values = dict(zip(compiled.names, compiled.values(fetch), strict=True))
        statement = sa.text(compiled.text).bindparams(
            *(sa.bindparam(name, expanding=True) for name in compiled.lists if name in values)
        )
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(statement, values)]

    async def aclose(self) -> None:
        self._threads.shutdown(wait=False)
        if self._engine is not None:
            self._engine.dispose()
