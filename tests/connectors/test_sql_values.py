"""The values that databases disagree about: case, accents, blanks at the end, wild cards, decimals, nulls, days.

Every SQL connector answers them as the reference does, from a table of its own with each database's usual collation.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncmy
import asyncpg
import pytest

from connectors.address import Address
from connectors.conformance import check_connector
from connectors.sql import open_sql
from schema.catalog import Declared, Record
from schema.classification import open_
from schema.codecs import decimal, stripped
from schema.declare import column, record
from schema.resolve import resolve
from schema.sources import SQL, Department, Source
from tests.servers import PREFIX, need_mariadb, need_postgres

source = Source("till", "test", "sql", "A till", SQL)
NAMES = (
    "ant", "Ant", "ANT", "ant ", " ant", "\u00e4nt", "e\u0301t\u00e9", "\u00e9t\u00e9", "zebra", "Zebra", "a%b", "a_b",
    "a\\b", "a'b", "", " ", "\u06a9\u0648\u0626\u0679\u06c1", "\U0001f42b", "\uff21nt", "stra\u00dfe", "strasse",
    'a"b', "a:b", "a\tb", "%s", ":gp_0", "-- x",
)  # fmt: skip
PRICES = (None, "0.10", "0.20", "9999999999999.99", "-0.01", "0.00", "12.50", "1000000000000.01")
ROWS = [
    (f"s{number:03d}", NAMES[number % len(NAMES)] if number % 9 else None, PRICES[number % len(PRICES)],
     number % 5 - 2 if number % 4 else None,
     f"2025-{1 + number % 12:02d}-{1 + number % 28:02d}" if number % 5 else None,
     f"2025-09-{1 + number % 28:02d} 14:05:{number % 60:02d}" if number % 6 else None)
    for number in range(1, 81)
]  # fmt: skip
TABLE = (
    "CREATE TABLE sales (code varchar(8) PRIMARY KEY, name varchar(20), price decimal(15,2), pieces int, sold date, "
    "stamp {stamp})"
)


@record(source, "sales", key="code")
class Sale:
    """A sale."""

    code: str = column("code", open_)
    name: str | None = column("name", open_)
    trimmed: str | None = column("name", open_, codec=stripped)
    price: Decimal | None = column("price", open_, codec=decimal(2))
    pieces: int | None = column("pieces", open_)
    sold: dt.date | None = column("sold", open_)
    stamp: dt.datetime | None = column("stamp", open_)


SALE: Record = resolve([Declared(Department("test", "A", "B"), (Sale,), ())]).records["test.Sale"]
KNOWN = [
    {"code": code, "name": name, "price": None if price is None else Decimal(price), "pieces": pieces,
     "sold": None if sold is None else dt.date.fromisoformat(sold),
     "stamp": None if stamp is None else dt.datetime.fromisoformat(stamp)}
    for code, name, price, pieces, sold, stamp in ROWS
]  # fmt: skip


async def on_sqlite(folder: Path) -> str:
    with sqlite3.connect(folder / "sales.sqlite") as connection:
        connection.execute(TABLE.format(stamp="datetime"))
        connection.executemany("INSERT INTO sales VALUES (?, ?, ?, ?, ?, ?)", ROWS)
    connection.close()
    return f"sqlite:///{folder}/sales.sqlite"


async def on_postgres(server: str) -> str:
    root = await asyncpg.connect(f"{server}/postgres")
    await root.execute(f'DROP DATABASE IF EXISTS "{PREFIX}_values"')
    await root.execute(f'CREATE DATABASE "{PREFIX}_values"')
    await root.close()
    inside = await asyncpg.connect(f"{server}/{PREFIX}_values")
    await inside.execute(TABLE.format(stamp="timestamp"))
    rows = [tuple(row.values()) for row in KNOWN]
    await inside.executemany("INSERT INTO sales VALUES ($1, $2, $3, $4, $5, $6)", rows)
    await inside.close()
    return f"{server}/{PREFIX}_values"


async def on_mariadb(server: str) -> str:
    """In the collation most installations have: blind to case, accents and blanks at the end."""
    parts = urlsplit(server)
    connection = await asyncmy.connect(
        host=parts.hostname, port=parts.port or 3306, user=parts.username or "", password=parts.password or "",
        autocommit=True, charset="utf8mb4",
    )  # fmt: skip
    async with connection.cursor() as cursor:
        await cursor.execute(f"CREATE OR REPLACE DATABASE {PREFIX}_values COLLATE utf8mb4_general_ci")
        await cursor.execute(f"USE {PREFIX}_values")
        await cursor.execute(TABLE.format(stamp="datetime"))
        await cursor.executemany("INSERT INTO sales VALUES (%s, %s, %s, %s, %s, %s)", ROWS)
    connection.close()
    return f"{server}/{PREFIX}_values"


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ]
)
def server(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The database's kind and where its server is."""
    kind: str = request.param
    return kind, {"postgres": need_postgres, "mariadb": need_mariadb, "sqlite": str}[kind]()


@pytest.fixture
async def connector(server: tuple[str, str], tmp_path: Path) -> AsyncIterator[Any]:
    kind, address = server
    match kind:
        case "sqlite":
            url = await on_sqlite(tmp_path)
        case "postgres":
            url = await on_postgres(address)
        case _:
            url = await on_mariadb(address)
    opened = open_sql(source, Address(url))
    yield opened
    await opened.aclose()


async def test_values_that_databases_disagree_about_are_answered_as_the_reference_does(connector: Any) -> None:
    """The rows are known here, so that not even a plain read is believed."""
    report = await check_connector(connector, SALE, rows=KNOWN)
    assert report.ok, str(report)
    assert report.checks["exact sum"] == 1
