"""Oracle and SQL Server through SQLAlchemy's own engines, a thread a call. Their statements are covered by compile-only
golden tests; no server of either is at hand here, so nothing more is claimed.

Where they cannot keep the semantics: Oracle has no empty text (it is null), and SQL Server groups and orders texts that
differ only in blanks at their end as one. Oracle needs 12.1 or newer (FETCH FIRST), SQL Server 2017 or newer (TRIM).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from connectors.address import Address
from connectors.sql.compiled import Compiled, Compiler, to_bool, to_decimal
from connectors.sql.dialects import MSSQL, ORACLE
from schema.fetch import Fetch, RowBudgetExceeded, Rows, SourceTimeout, SourceUnavailable
from schema.sources import Source

MOST_KEYS = 1000
"""Oracle's IN takes 1,000 values. SQL Server takes 2,100 parameters a statement, and a text key stands twice; inside a
grouped select it stands four times: such a source declares fewer keys at once."""
MOST_PARAMETERS = {"oracle": 65_535, "mssql": 2_100}
SESSION = {
    "oracle": ("ALTER SESSION SET NLS_COMP = BINARY NLS_SORT = BINARY TIME_ZONE = '+00:00'",),
    "mssql": ("SET ANSI_NULLS ON", "SET QUOTED_IDENTIFIER ON"),
}
COLON = re.compile(r":(?!gp_)")


class GenericConnector:
    """``url``: oracle+oracledb://... or mssql+pymssql://...; the driver comes with the extras of the same names. Raises
    ValueError when the source's limits ask for more keys at once than the database takes."""

    def __init__(self, source: Source, address: Address) -> None:
        self.source = source
        self._url = address.url
        self._dialect = ORACLE if address.url.startswith("oracle") else MSSQL
        if source.limits.max_keys > MOST_KEYS:
            raise ValueError(f"source {source.name}: {self._dialect.name} takes max_keys={MOST_KEYS} at most")
        self._compiler = Compiler(
            self._dialect, lambda name, position: f":{name}", repeats=False, encoders={"bool": int},
            decoders={"decimal": to_decimal, "date": _to_day, "bool": to_bool},
            escape=lambda text: COLON.sub(r"\\:", text),
        )  # fmt: skip
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

    def statement(self, fetch: Fetch) -> tuple[Compiled, sa.TextClause, dict[str, Any]]:
        """The statement with its values, every list written out by SQLAlchemy. Raises RowBudgetExceeded when it has
        more parameters than the database takes."""
        compiled = self._compiler.compiled(fetch.shape, parts=self._compiler.parts(fetch))
        values = dict(zip(compiled.names, compiled.values(fetch), strict=True))
        most = MOST_PARAMETERS[self._dialect.name]
        beside = "+pymssql" not in self._url.partition(":")[0]  # that driver writes values into the text
        if beside and sum(_times(name, compiled.text, values[name]) for name in values) > most:
            raise RowBudgetExceeded(f"{self.source.name}: more than {most} values in one statement")
        lists: list[Any] = [sa.bindparam(name, expanding=True) for name in compiled.lists if name in values]
        return compiled, sa.text(compiled.text).bindparams(*lists), values

    def _run(self, fetch: Fetch) -> list[Any]:
        compiled, statement, values = self.statement(fetch)
        with self._opened().connect() as connection:
            rows = [tuple(row) for row in connection.execute(statement, values)]
        return rows if compiled.convert is None else compiled.convert(rows)

    def _opened(self) -> sa.Engine:
        if self._engine is None:
            engine = sa.create_engine(
                self._url, pool_size=self.source.limits.concurrency, max_overflow=0, isolation_level="AUTOCOMMIT"
            )
            sa.event.listen(engine, "connect", self._prepare)
            self._engine = engine
        return self._engine

    def _prepare(self, connection: Any, record: Any) -> None:
        """What a new session is told: text by code point, stamps in UTC."""
        cursor = connection.cursor()
        for command in SESSION[self._dialect.name]:
            cursor.execute(command)
        cursor.close()

    async def aclose(self) -> None:
        self._threads.shutdown(wait=False)
        if self._engine is not None:
            self._engine.dispose()


def _times(name: str, text: str, value: Any) -> int:
    """How many parameters a named one becomes in the statement that is sent."""
    return len(re.findall(rf":{name}\b", text)) * (len(value) if isinstance(value, list) else 1)


def _to_day(value: Any) -> Any:
    """Oracle's DATE carries a time of day."""
    return value.date() if isinstance(value, dt.datetime) else value
