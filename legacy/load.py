"""Where generated rows go: SQLite files, PostgreSQL by COPY, MariaDB by large INSERTs. Indexes come after the rows."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import asyncmy
import asyncpg

from legacy.tables import DATABASES, Table

BATCH = 5_000


class Target(Protocol):
    """Takes the rows of one database."""

    def create(self, tables: Iterable[Table]) -> None: ...

    def write(self, table: Table, rows: list[tuple[Any, ...]]) -> None: ...

    def finish(self, tables: Iterable[Table]) -> None: ...


class SqliteTarget:
    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=OFF")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.execute("BEGIN")

    def create(self, tables: Iterable[Table]) -> None:
        for table in tables:
            self._connection.execute(table.ddl("sqlite"))

    def write(self, table: Table, rows: list[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * len(table.columns))
        dates = [at for at, kind in enumerate(table.columns.values()) if kind == "date"]
        if dates:
            rows = [tuple(str(v) if i in dates and v is not None else v for i, v in enumerate(row)) for row in rows]
        self._connection.executemany(f"INSERT INTO {table.name} VALUES ({marks})", rows)

    def finish(self, tables: Iterable[Table]) -> None:
        for table in tables:
            for statement in table.index_ddl():
                self._connection.execute(statement)
        self._connection.execute("COMMIT")
        self._connection.execute("ANALYZE")
        self._connection.close()


class PostgresTarget:
    """One schema of a database, named like the legacy database."""

    def __init__(self, url: str, schema: str, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._schema = schema
        self._connection = loop.run_until_complete(_connect_postgres(url))

    def _run(self, statement: str) -> None:
        self._loop.run_until_complete(self._connection.execute(statement))

    def create(self, tables: Iterable[Table]) -> None:
        self._run(f"DROP SCHEMA IF EXISTS {self._schema} CASCADE")
        self._run(f"CREATE SCHEMA {self._schema}")
        self._run(f"SET search_path = {self._schema}")
        self._run("SET synchronous_commit = off")
        for table in tables:
            self._run(table.ddl("postgresql"))

    def write(self, table: Table, rows: list[tuple[Any, ...]]) -> None:
        from decimal import Decimal

        exact = [at for at, kind in enumerate(table.columns.values()) if kind.startswith("decimal")]
        if exact:
            rows = [tuple(Decimal(v) if i in exact and v is not None else v for i, v in enumerate(row)) for row in rows]
        self._loop.run_until_complete(
            self._connection.copy_records_to_table(
                table.name, records=rows, schema_name=self._schema, columns=[name.lower() for name in table.columns]
            )
        )

    def finish(self, tables: Iterable[Table]) -> None:
        for table in tables:
            for statement in table.index_ddl():
                self._run(statement)
            self._run(f"ANALYZE {table.name}")
        self._loop.run_until_complete(self._connection.close())


async def _connect_postgres(url: str) -> Any:
    """The database, made first when it is not there."""
    try:
        return await asyncpg.connect(url)
    except asyncpg.InvalidCatalogNameError:
        name = urlsplit(url).path.lstrip("/")
        base = urlsplit(url)._replace(path="/postgres").geturl()
        maker = await asyncpg.connect(base)
        await maker.execute(f'CREATE DATABASE "{name}"')
        await maker.close()
        return await asyncpg.connect(url)


class MariaTarget:
    """One database, made anew."""

    def __init__(self, url: str, loop: asyncio.AbstractEventLoop) -> None:
        parts = urlsplit(url)
        self._loop = loop
        self._name = parts.path.lstrip("/")
        self._connection = loop.run_until_complete(
            asyncmy.connect(
                host=parts.hostname or "127.0.0.1", port=parts.port or 3306, user=unquote(parts.username or "root"),
                password=unquote(parts.password or ""), charset="utf8mb4", autocommit=False,
            )
        )  # fmt: skip

    async def _execute(self, statement: str) -> None:
        async with self._connection.cursor() as cursor:
            await cursor.execute(statement)

    def _run(self, statement: str) -> None:
        self._loop.run_until_complete(self._execute(statement))

    def create(self, tables: Iterable[Table]) -> None:
        self._loop.run_until_complete(self._drop())
        self._run(f"CREATE DATABASE `{self._name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        self._run(f"USE `{self._name}`")
        self._run("SET unique_checks = 0, foreign_key_checks = 0")
        for table in tables:
            self._run(table.ddl("mariadb"))

    async def _drop(self) -> None:
        """Asked first, because the server notes on standard error when there is nothing to drop."""
        async with self._connection.cursor() as cursor:
            await cursor.execute("SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", (self._name,))
            there = await cursor.fetchone()
        if there:
            await self._execute(f"DROP DATABASE `{self._name}`")

    def write(self, table: Table, rows: list[tuple[Any, ...]]) -> None:
        marks = ", ".join(["%s"] * len(table.columns))
        self._loop.run_until_complete(self._insert(f"INSERT INTO {table.name} VALUES ({marks})", rows))

    async def _insert(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        async with self._connection.cursor() as cursor:
            await cursor.executemany(statement, rows)
        await self._connection.commit()

    def finish(self, tables: Iterable[Table]) -> None:
        for table in tables:
            for statement in table.index_ddl():
                self._run(statement)
        self._run("COMMIT")
        self._connection.close()
        self._loop.run_until_complete(asyncio.sleep(0))  # the loop takes leave of it


class Loader:
    """Gathers rows and hands them on in batches."""

    def __init__(self, targets: dict[str, Target]) -> None:
        self._targets = targets
        self._tables = {(name, table.name): table for name, tables in DATABASES.items() for table in tables}
        self._waiting: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
        self.rows = 0
        for name, target in targets.items():
            target.create(DATABASES[name])

    def put(self, database: str, table: str, row: tuple[Any, ...]) -> None:
        key = (database, table)
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = []
        waiting.append(row)
        self.rows += 1
        if len(waiting) >= BATCH:
            self._targets[database].write(self._tables[key], waiting)
            self._waiting[key] = []

    def finish(self) -> None:
        for (database, name), rows in self._waiting.items():
            if rows:
                self._targets[database].write(self._tables[database, name], rows)
        for name, target in self._targets.items():
            target.finish(DATABASES[name])
