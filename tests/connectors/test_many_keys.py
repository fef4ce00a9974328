"""Fifty thousand keys are one statement on every database, and joins of as many rows are hashed there, not repeated for
each row: without an index, both would take minutes otherwise and meet the deadline."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncmy
import asyncpg
import pytest

from connectors.address import Address
from connectors.sql import open_sql
from connectors.sql.mariadb import MariaConnector
from schema.fetch import (
    EVERYTHING,
    Among,
    Column,
    Comparison,
    Complement,
    Condition,
    Fetch,
    FetchShape,
    Function,
    Measure,
    Param,
    SourceRefused,
)
from schema.relations import Relation, Select, Table
from schema.sources import SQL, Limits, Source
from tests.servers import PREFIX, need_mariadb, need_postgres

SOURCE = Source("roll", "test", "sql", "A roll", SQL, limits=Limits(timeout_s=30.0, max_keys=50_000))
PEOPLE, PAID = Table("people"), Table("paid")
GROUPED = Select("SELECT p.person AS person, COUNT(*) AS times FROM paid p GROUP BY p.person", "paid")
CODE, PERSON, BADGE = Column("code", "text"), Column("person", "text"), Column("badge", "int")
ROWS = 20_000
PERSONS = [(f"p{number:05d}", number) if number % 10 else (None, None) for number in range(ROWS)]
PAYMENTS = [(f"{'Pp'[number % 2]}{number:05d}", number) for number in range(0, 3 * ROWS, 3)]
KEYS = tuple(f"p{number:05d}" for number in range(5_000, 55_000))
NUMBERS = tuple(range(5_000, 55_000))
TABLES = (
    "CREATE TABLE people (code varchar(20), badge int)",
    "CREATE TABLE paid (person varchar(20) {other}, badge int)",
)


async def on_sqlite(folder: Path) -> str:
    with sqlite3.connect(folder / "roll.sqlite") as connection:
        for table in TABLES:
            connection.execute(table.format(other=""))
        connection.executemany("INSERT INTO people VALUES (?, ?)", PERSONS)
        connection.executemany("INSERT INTO paid VALUES (?, ?)", PAYMENTS)
    connection.close()
    return f"sqlite:///{folder}/roll.sqlite"


async def on_postgres(server: str) -> str:
    root = await asyncpg.connect(f"{server}/postgres")
    await root.execute(f'DROP DATABASE IF EXISTS "{PREFIX}_roll"')
    await root.execute(f'CREATE DATABASE "{PREFIX}_roll"')
    await root.close()
    inside = await asyncpg.connect(f"{server}/{PREFIX}_roll")
    for table in TABLES:
        await inside.execute(table.format(other='COLLATE "C"'))
    await inside.copy_records_to_table("people", records=PERSONS)
    await inside.copy_records_to_table("paid", records=PAYMENTS)
    await inside.close()
    return f"{server}/{PREFIX}_roll"


async def on_mariadb(server: str) -> str:
    """The two tables compare texts in two ways, which the server refuses to mix by itself."""
    parts = urlsplit(server)
    connection = await asyncmy.connect(
        host=parts.hostname, port=parts.port or 3306, user=parts.username or "", password=parts.password or "",
        autocommit=True, charset="utf8mb4",
    )  # fmt: skip
    async with connection.cursor() as cursor:
        await cursor.execute(f"CREATE OR REPLACE DATABASE {PREFIX}_roll COLLATE utf8mb4_general_ci")
        await cursor.execute(f"USE {PREFIX}_roll")
        for table in TABLES:
            await cursor.execute(table.format(other="COLLATE utf8mb4_unicode_ci"))
        await cursor.executemany("INSERT INTO people VALUES (%s, %s)", PERSONS)
        await cursor.executemany("INSERT INTO paid VALUES (%s, %s)", PAYMENTS)
    connection.close()
    return f"{server}/{PREFIX}_roll"


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ]
)
async def roll(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    match request.param:
        case "sqlite":
            url = await on_sqlite(tmp_path)
        case "postgres":
            url = await on_postgres(await asyncio.to_thread(need_postgres))
        case _:
            url = await on_mariadb(await asyncio.to_thread(need_mariadb))
    opened = open_sql(SOURCE, Address(url))
    yield opened
    await opened.aclose()


async def counted(
    roll: Any, where: Condition = EVERYTHING, *params: Any, of: Relation = PEOPLE, key: Column | None = None
) -> int:
    shape = FetchShape(of, where=where, key=key, measures=(Measure(Function.COUNT),))
    deadline = asyncio.get_running_loop().time() + SOURCE.limits.timeout_s
    found = await roll.fetch(Fetch(shape, deadline, KEYS if shape.key else (), params))
    assert found.calls == 1
    return int(found.rows[0][0])


BELOW = sum(1 for code, _ in PERSONS if code is not None and code < KEYS[0])
WITHIN = sum(1 for code, _ in PERSONS if code is not None and code >= KEYS[0])
NOBODY = sum(1 for code, _ in PERSONS if code is None)


async def test_rows_with_one_of_many_keys(roll: Any) -> None:
    assert await counted(roll, key=CODE) == WITHIN
    assert await counted(roll, Comparison(CODE, "in", Param(0)), KEYS) == WITHIN
    assert await counted(roll, Comparison(BADGE, "in", Param(0)), NUMBERS) == WITHIN


async def test_rows_with_none_of_many_keys(roll: Any) -> None:
    """A complement holds for nulls, ``notIn`` does not."""
    for column, keys in ((CODE, KEYS), (BADGE, NUMBERS)):
        listed = Comparison(column, "in", Param(0))
        assert await counted(roll, Complement(listed), keys) == BELOW + NOBODY
        assert await counted(roll, Comparison(column, "notIn", Param(0)), keys) == BELOW


async def test_many_rows_joined_without_an_index(roll: Any) -> None:
    """Text exactly: half of the payments name the person with a capital."""
    names, badges = {name for name, _ in PAYMENTS}, {badge for _, badge in PAYMENTS}
    by_name = sum(1 for code, _ in PERSONS if code in names)
    by_badge = sum(1 for _, badge in PERSONS if badge in badges)
    assert 2_000 < by_name < by_badge < 7_000
    for relation, column, remote, expected in (
        (PAID, CODE, PERSON, by_name), (GROUPED, CODE, PERSON, by_name), (PAID, BADGE, BADGE, by_badge),
    ):  # fmt: skip
        among = Among(column, relation, remote, EVERYTHING)
        assert await counted(roll, among) == expected
        assert await counted(roll, Complement(among)) == ROWS - expected
    paid = Among(PERSON, PEOPLE, CODE, EVERYTHING)
    assert await counted(roll, paid, of=PAID) == by_name
    assert await counted(roll, Complement(paid), of=PAID) == len(PAYMENTS) - by_name


@pytest.mark.mariadb
async def test_a_statement_that_the_server_would_not_take_is_refused_before_it_is_sent() -> None:
    """MariaDB hangs up on one larger than its max_allowed_packet, which would look like a server that is down."""
    url = await on_mariadb(await asyncio.to_thread(need_mariadb))
    connector = MariaConnector(SOURCE, Address(url))
    connector._packet_bytes = 500_000
    with pytest.raises(SourceRefused, match="max_allowed_packet"):
        await counted(connector, Comparison(CODE, "in", Param(0)), KEYS)
    assert await counted(connector, Comparison(CODE, "in", Param(0)), KEYS[:2_000]) > 1_000
    await connector.aclose()
