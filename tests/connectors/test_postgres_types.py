"""PostgreSQL's texts that are none: each is read and compared by code point all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from connectors.address import Address
from connectors.conformance import check_connector
from connectors.sql import open_sql
from schema.catalog import Declared, Record
from schema.classification import open_
from schema.declare import column, record
from schema.fetch import Cell, Column, Fetch, FetchShape
from schema.relations import Table
from schema.resolve import resolve
from schema.sources import SQL, Department, Source
from tests.servers import PREFIX, need_postgres

DATABASE = f"{PREFIX}_types"
source = Source("erp", "test", "sql", "A system", SQL)
SETUP = """
CREATE TYPE mood AS ENUM ('Zebra', 'ant', 'Ant');
CREATE DOMAIN short AS varchar(9);
CREATE TABLE mixed (id uuid PRIMARY KEY, padded char(5), kind mood, spoken short, whole int);
INSERT INTO mixed
SELECT ('00000000-0000-4000-8000-00000000ab' || to_char(n, 'FM00'))::uuid,
       CASE WHEN n % 7 = 0 THEN NULL ELSE (ARRAY['AB', 'ab', 'AB1', '', 'abcde'])[n % 5 + 1] END,
       (ARRAY['Zebra', 'ant', 'Ant', NULL])[n % 4 + 1]::mood,
       (ARRAY['Quetta', 'quetta ', NULL])[n % 3 + 1], n
FROM generate_series(1, 60) n;
"""


@record(source, "mixed", key="id")
class Mixed:
    """A row."""

    id: str = column("id", open_)
    padded: str | None = column("padded", open_)
    kind: str | None = column("kind", open_)
    spoken: str | None = column("spoken", open_)
    whole: int = column("whole", open_)


MIXED: Record = resolve([Declared(Department("test", "A", "B"), (Mixed,), ())]).records["test.Mixed"]


@pytest.fixture
def server() -> str:
    return need_postgres()


@pytest.fixture
async def connector(server: str) -> AsyncIterator[Any]:
    root = await asyncpg.connect(f"{server}/postgres")
    await root.execute(f'DROP DATABASE IF EXISTS "{DATABASE}"')
    await root.execute(f'CREATE DATABASE "{DATABASE}"')
    inside = await asyncpg.connect(f"{server}/{DATABASE}")
    await inside.execute(SETUP)
    await inside.close()
    opened = open_sql(source, Address(f"{server}/{DATABASE}"))
    yield opened
    await opened.aclose()
    await root.execute(f'DROP DATABASE "{DATABASE}"')
    await root.close()


@pytest.mark.postgres
async def test_char_uuid_enum_and_domain_columns_keep_the_contract(connector: Any) -> None:
    report = await check_connector(connector, MIXED)
    assert report.ok, str(report)
    assert report.rows == 60


@pytest.mark.postgres
async def test_a_key_that_is_no_uuid_has_no_row_and_is_no_failure(connector: Any) -> None:
    """A client's nonsense would otherwise count against the department's system."""
    shape = FetchShape(Table("mixed"), (Cell(Column("whole", "int")),), key=Column("id", "text"))
    deadline = asyncio.get_running_loop().time() + 20
    known = "00000000-0000-4000-8000-00000000ab07"
    answer = await connector.fetch(Fetch(shape, deadline, ("nonsense", known, known.upper())))
    assert [tuple(row) for row in answer.rows] == [(7,)]
