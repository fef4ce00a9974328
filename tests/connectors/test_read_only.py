"""Nothing the gateway sends can change a department's data: the server itself refuses, not our good manners."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from connectors.address import Address
from connectors.sql import open_sql
from connectors.sql.mariadb import MariaConnector
from schema.fetch import Cell, Column, Fetch, FetchShape, Function, Measure
from schema.relations import Table
from schema.sources import SQL, Limits, Source
from tests.houses import Systems

WRITES = (
    "INSERT INTO {table} SELECT * FROM {table}", "UPDATE {table} SET {column} = NULL", "DELETE FROM {table}",
    "DROP TABLE {table}", "CREATE TABLE {table}_2 (a int)", "ALTER TABLE {table} ADD COLUMN extra int",
)  # fmt: skip
SYSTEMS = {"hmis": ("organisationunit", "name"), "fabs": ("zpayroll", "gross"), "emis": ("institutions", "name")}


def connector(name: str, systems: Systems, state: Path) -> Any:
    told = systems.settings(state).sources[name]
    source = Source(name, "test", "sql", "A system", SQL, limits=Limits(concurrency=2))
    return open_sql(source, Address(told.url or ""))


async def send(opened: Any, statement: str) -> None:
    """Runs it on the connection that fetches use."""
    if hasattr(opened, "_guarded"):
        await asyncio.get_running_loop().run_in_executor(
            opened._threads, opened._guarded, 5.0, lambda connection: connection.execute(statement)
        )
    elif hasattr(opened, "_run"):
        await opened._run(statement, None, asyncio.get_running_loop().time() + 5)
    else:
        pool = await opened._opened()
        async with pool.acquire() as connection:
            await connection.execute(statement)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("name", SYSTEMS)
async def test_the_server_refuses_to_write(name: str, write: str, systems: Systems, tmp_path: Path) -> None:
    table, column = SYSTEMS[name]
    opened = connector(name, systems, tmp_path)
    shape = FetchShape(Table(table), (Cell(Column(column, "text")),))
    fetch = Fetch(shape, asyncio.get_running_loop().time() + 10)
    before = sorted(map(str, map(tuple, (await opened.fetch(fetch)).rows)))
    with pytest.raises(Exception, match=r"read.?only|READ ONLY"):
        await send(opened, write.format(table=table, column=column))
    after = sorted(map(str, map(tuple, (await opened.fetch(fetch)).rows)))
    assert before == after
    assert before
    await opened.aclose()


@pytest.mark.parametrize("name", SYSTEMS)
async def test_sessions_of_servers_run_in_utc(name: str, servers: Systems, tmp_path: Path) -> None:
    opened = connector(name, servers, tmp_path)
    statement = "SELECT @@session.time_zone" if name == "emis" else "SHOW timezone"
    if name == "emis":
        found = await opened._run(statement, None, asyncio.get_running_loop().time() + 5)
        assert found[0][0] == "+00:00"
    else:
        async with (await opened._opened()).acquire() as connection:
            assert await connection.fetchval(statement) == "UTC"
    await opened.aclose()


async def test_a_server_gives_totals_their_own_time(servers: Systems, tmp_path: Path) -> None:
    """And nothing else: the next statement of the session has the source's."""
    told = servers.settings(tmp_path).sources["emis"]
    limits = Limits(timeout_s=5.0, totals_timeout_s=20.0)
    opened = MariaConnector(Source("emis", "test", "sql", "A system", SQL, limits=limits), Address(told.url or ""))
    shape = FetchShape(Table("areas"), (), measures=(Measure(Function.COUNT),))
    counted = Fetch(shape, asyncio.get_running_loop().time() + 10)
    assert "max_statement_time = 20.000 FOR" in opened._allowed("SELECT 1", shape)
    assert (await opened.fetch(counted)).rows[0][0] > 30
    found = await opened._run("SELECT @@max_statement_time", None, counted.deadline)
    assert float(found[0][0]) == 5.0
    await opened.aclose()
