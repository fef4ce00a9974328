"""Several gateways write one chain in one SQLite file."""

from __future__ import annotations

from pathlib import Path

import pytest

from auth.ledger import SqliteStore, verify
from auth.ledger import sqlite as sqlite_store


@pytest.mark.parametrize("at_once", [1000, 2])
async def test_writers_that_take_turns_continue_one_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(sqlite_store, "AT_ONCE", at_once)
    one, other = (SqliteStore(tmp_path / "ledger.sqlite") for _ in range(2))
    for turn in range(4):
        await one.commit([f"one {turn} {part}".encode() for part in range(3)])
        await other.commit([f"other {turn}".encode()])
    report = await verify(one.read(), None)
    assert (report.sound, report.entries) == (True, 16)
    assert [link.body async for link in other.read(12)] == [b"one 3 0", b"one 3 1", b"one 3 2", b"other 3"]
    await one.aclose()
    await other.aclose()


async def test_a_tail_removed_behind_a_writers_back_is_found(tmp_path: Path) -> None:
    import sqlite3

    store = SqliteStore(tmp_path / "ledger.sqlite")
    await store.commit([b"a", b"b", b"c"])
    with sqlite3.connect(tmp_path / "ledger.sqlite") as vandal:
        vandal.execute("DELETE FROM ledger WHERE seq = 3")
    vandal.close()
    await store.commit([b"d"])
    report = await verify(store.read(), None)
    assert (report.sound, report.bad_seq) == (False, 3)
    await store.aclose()
