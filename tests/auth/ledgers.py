"""Ledgers of tests: on SQLite and PostgreSQL, and the hand of somebody who changes them behind the gateway's back."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth.ledger import HeadFile, Ledger, Link, PostgresStore, Report, SqliteStore, Store, verify
from auth.ledger.heads import read_heads
from tests.servers import PREFIX

KEY = Ed25519PrivateKey.generate()


def body(number: int) -> bytes:
    return json.dumps({"format": 1, "entry": number}).encode()


async def filled(folder: Path, count: int = 10) -> None:
    """A ledger of ``count`` entries in ``folder``, a commit and a signed head each."""
    ledger = Ledger(store_of(folder))
    for number in range(1, count + 1):
        await ledger.append(body(number))
    await ledger.aclose()


def store_of(folder: Path) -> SqliteStore:
    return SqliteStore(folder / "ledger.sqlite", HeadFile(folder / "heads.jsonl", KEY))


def tamper(folder: Path, *statements: str) -> None:
    connection = sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def rewrite(folder: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Somebody who knows how the chain is made writes it anew, every hash in order."""
    from auth.ledger.chain import GENESIS, chained

    connection = sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)
    bodies = [row[0] for row in connection.execute("SELECT body FROM ledger ORDER BY seq")]
    connection.execute("DELETE FROM ledger")
    for link in chained(GENESIS, 0, change(bodies)):
        row = (link.seq, link.previous, link.hash, link.body)
        connection.execute("INSERT INTO ledger VALUES (?, ?, ?, ?)", row)
    connection.close()


async def checked(folder: Path, *, heads: bool) -> Report:
    store = store_of(folder)
    told = list(read_heads(folder / "heads.jsonl", KEY.public_key())) if heads else None
    try:
        return await verify(store.read(), told)
    finally:
        await store.aclose()


async def entries(store: Store) -> list[Link]:
    return [link async for link in store.read()]


async def fresh_database(postgres: str, name: str) -> str:
    """The address of an empty PostgreSQL database."""
    connection = await asyncpg.connect(f"{postgres}/postgres")
    await connection.execute(f'DROP DATABASE IF EXISTS "{PREFIX}_{name}" WITH (FORCE)')
    await connection.execute(f'CREATE DATABASE "{PREFIX}_{name}"')
    await connection.close()
    return f"{postgres}/{PREFIX}_{name}"


def database(postgres: str, name: str) -> str:
    return asyncio.run(fresh_database(postgres, name))


async def postgres_store(postgres: str, folder: Path) -> PostgresStore:
    url = await fresh_database(postgres, "ledger")
    return PostgresStore(url, HeadFile(folder / "heads.jsonl", KEY))
