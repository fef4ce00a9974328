"""A changed, removed, reordered, inserted, cut-off or rewritten entry is found; commits are shared; what cannot be
written is not answered."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth.errors import LedgerUnavailable
from auth.ledger import HeadFile, Ledger, Link, SqliteStore, Store, verify
from auth.ledger.chain import GENESIS, link_hash
from auth.ledger.heads import Head, read_heads
from tests.auth.ledgers import KEY, body, checked, entries, filled, postgres_store, rewrite, store_of, tamper
from tests.servers import need_postgres

BOTH = ("sqlite", pytest.param("postgres", marks=pytest.mark.postgres))


@pytest.fixture(params=BOTH)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Each kind of store in turn, empty, with a head file."""
    made: Store
    if request.param == "sqlite":
        made = store_of(tmp_path)
    else:
        made = await postgres_store(await asyncio.to_thread(need_postgres), tmp_path)
    yield made
    await made.aclose()


async def test_an_untouched_ledger_is_intact_and_proven(store: Store, tmp_path: Path) -> None:
    ledger = Ledger(store)
    receipts = [await ledger.append(body(number)) for number in range(1, 6)]
    heads = list(read_heads(tmp_path / "heads.jsonl", KEY.public_key()))
    report = await verify(store.read(), heads)
    assert (report.sound, report.entries, report.tail_proven) == (True, 5, True)
    assert [receipt.split("-")[0] for receipt in receipts] == ["1", "2", "3", "4", "5"]
    last = (await entries(store))[-1]
    assert receipts[-1] == f"5-{last.hash[:16]}"
    assert last.hash == link_hash(last.previous, 5, body(5))


async def test_without_heads_the_tail_is_unproven(tmp_path: Path) -> None:
    await filled(tmp_path)
    report = await checked(tmp_path, heads=False)
    assert report.sound
    assert not report.tail_proven
    assert "tail unproven" in report.message


TAMPERED = {
    "changed": ("UPDATE ledger SET body = CAST(replace(body, '4', '5') AS BLOB) WHERE seq = 4", 4),
    "first changed": ("UPDATE ledger SET body = x'7b7d' WHERE seq = 1", 1),
    "hash changed": ("UPDATE ledger SET hash = 'f' || substr(hash, 2) || '0' WHERE seq = 4", 4),
    "body and hash changed": (None, 5),
    "removed": ("DELETE FROM ledger WHERE seq = 4", 4),
    "first removed": ("DELETE FROM ledger WHERE seq = 1", 1),
    "inserted": (None, 4),
    "reordered": (None, 4),
}


@pytest.mark.parametrize("heads", [False, True], ids=["without heads", "with heads"])
@pytest.mark.parametrize("how", TAMPERED)
async def test_tampering_is_found_where_it_is(tmp_path: Path, how: str, heads: bool) -> None:
    await filled(tmp_path)
    statement, bad = TAMPERED[how]
    if statement is not None:
        tamper(tmp_path, statement)
    elif how == "body and hash changed":
        links = {link.seq: link for link in await entries(store_of(tmp_path))}
        forged = link_hash(links[4].previous, 4, b"{}")
        tamper(tmp_path, f"UPDATE ledger SET body = x'7b7d', hash = '{forged}' WHERE seq = 4")
    elif how == "reordered":
        tamper(
            tmp_path, "UPDATE ledger SET seq = -4 WHERE seq = 4", "UPDATE ledger SET seq = 4 WHERE seq = 5",
            "UPDATE ledger SET seq = 5 WHERE seq = -4",
        )  # fmt: skip
    else:
        tamper(
            tmp_path, "UPDATE ledger SET seq = -seq - 1 WHERE seq >= 4", "UPDATE ledger SET seq = -seq WHERE seq < 0",
            "INSERT INTO ledger SELECT 4, previous, 'forged', body FROM ledger WHERE seq = 5",
        )  # fmt: skip
    report = await checked(tmp_path, heads=heads)
    assert not report.sound
    expected = 4 if how == "body and hash changed" and heads else bad
    assert report.bad_seq == expected


async def test_a_cut_off_end_is_found_with_the_heads(tmp_path: Path) -> None:
    await filled(tmp_path)
    tamper(tmp_path, "DELETE FROM ledger WHERE seq > 7")
    assert (await checked(tmp_path, heads=False)).sound, "nothing in the chain itself tells"
    report = await checked(tmp_path, heads=True)
    assert (report.sound, report.bad_seq) == (False, 8)
    tamper(tmp_path, "DELETE FROM ledger")
    assert not (await checked(tmp_path, heads=True)).sound


@pytest.mark.parametrize("kept", [10, 12, 9], ids=["as long", "longer", "shorter"])
async def test_a_chain_written_anew_is_found_with_the_heads(tmp_path: Path, kept: int) -> None:
    """Every hash holds; only the heads, which cannot be signed anew, tell."""
    await filled(tmp_path)
    rewrite(tmp_path, lambda bodies: [*bodies[:3], b'{"entry": "innocent"}', *bodies[4:], b"{}", b"{}"][:kept])
    assert (await checked(tmp_path, heads=False)).sound
    report = await checked(tmp_path, heads=True)
    assert (report.sound, report.bad_seq) == (False, 4)


async def test_a_chain_cut_off_and_gone_on_with_is_found(tmp_path: Path) -> None:
    """The gateway itself goes on after the cut and signs new heads for the same numbers: the old ones stand beside."""
    await filled(tmp_path)
    tamper(tmp_path, "DELETE FROM ledger WHERE seq > 7")
    ledger = Ledger(store_of(tmp_path))
    for number in range(20, 26):
        await ledger.append(body(number))
    await ledger.aclose()
    assert (await checked(tmp_path, heads=False)).sound
    report = await checked(tmp_path, heads=True)
    assert (report.sound, report.bad_seq) == (False, 8)


def forged_line(count: int, digest: str) -> str:
    head = Head(count, digest, "2025-10-09T00:00:00.000+00:00")
    signature = Ed25519PrivateKey.generate().sign(head.signed_bytes()).hex()
    return json.dumps({"count": count, "hash": digest, "at": head.at, "signature": signature})


async def test_forged_and_damaged_head_lines_prove_nothing_and_are_told(tmp_path: Path) -> None:
    """Who cuts off entries and spoils their heads must not end up with a proven tail."""
    await filled(tmp_path)
    tamper(tmp_path, "DELETE FROM ledger WHERE seq > 7")
    file = tmp_path / "heads.jsonl"
    lines = file.read_text().splitlines()
    last = (await entries(store_of(tmp_path)))[-1]
    for spoilt in (forged_line(7, last.hash), lines[9][:40], "", "null", "[]", '{"count": "x"}', "\u0000"):
        file.write_text("\n".join([*lines[:7], spoilt]) + "\n")
        report = await checked(tmp_path, heads=True)
        assert not report.sound
        assert "damaged or forged" in report.message
        assert not report.tail_proven


async def test_a_head_whose_count_or_hash_was_changed_is_forged(tmp_path: Path) -> None:
    await filled(tmp_path, 3)
    file = tmp_path / "heads.jsonl"
    file.write_text(file.read_text().replace('"count": 3', '"count": 2'))
    assert not (await checked(tmp_path, heads=True)).sound


async def test_an_empty_head_file_proves_nothing(tmp_path: Path) -> None:
    await filled(tmp_path, 3)
    (tmp_path / "heads.jsonl").write_text("")
    assert not (await checked(tmp_path, heads=True)).sound


async def test_a_head_line_cut_off_by_a_crash_does_not_spoil_the_next(tmp_path: Path) -> None:
    await filled(tmp_path, 2)
    file = tmp_path / "heads.jsonl"
    file.write_text(file.read_text()[:-20])
    ledger = Ledger(store_of(tmp_path))
    await ledger.append(body(3))
    await ledger.aclose()
    heads = list(read_heads(file, KEY.public_key()))
    assert [head and head.count for head in heads] == [1, None, 3]


async def test_a_head_written_after_the_last_commit_is_told_as_unproven_tail(tmp_path: Path) -> None:
    await filled(tmp_path, 3)
    file = tmp_path / "heads.jsonl"
    file.write_text("".join(line + "\n" for line in file.read_text().splitlines()[:2]))
    report = await checked(tmp_path, heads=True)
    assert (report.sound, report.tail_proven) == (True, False)
    assert "proven up to 2" in report.message


# Commits


async def test_requests_at_the_same_time_share_commits(store: Store) -> None:
    ledger = Ledger(store)
    receipts = await asyncio.gather(*(ledger.append(body(number)) for number in range(100)))
    assert len(set(receipts)) == 100
    assert ledger.commits <= 3, "the first goes alone or with those that came at once; the rest together"
    assert len(await entries(store)) == 100


async def test_an_entry_that_can_wait_shares_the_commit_of_one_that_cannot(store: Store) -> None:
    ledger = Ledger(store)
    patient = asyncio.create_task(ledger.append(body(1), 3600.0))
    await asyncio.sleep(0)
    assert (await ledger.append(body(2)))[0] == "2"
    assert (await patient)[0] == "1"
    assert ledger.commits == 1


async def test_closing_writes_what_still_waits_for_others(tmp_path: Path) -> None:
    ledger = Ledger(store_of(tmp_path))
    patient = asyncio.create_task(ledger.append(body(1), 3600.0))
    await asyncio.sleep(0)
    await ledger.aclose()
    assert (await patient)[0] == "1"


async def test_two_gateways_write_one_chain(tmp_path: Path) -> None:
    ledgers = [Ledger(store_of(tmp_path)) for _ in range(2)]
    await asyncio.gather(*(ledgers[at % 2].append(body(at)) for at in range(60)))
    for ledger in ledgers:
        await ledger.aclose()
    report = await checked(tmp_path, heads=True)
    assert (report.sound, report.entries, report.tail_proven) == (True, 60, True)


@pytest.mark.postgres
async def test_two_gateways_write_one_chain_on_postgresql(tmp_path: Path) -> None:
    from auth.ledger import PostgresStore

    first = await postgres_store(await asyncio.to_thread(need_postgres), tmp_path)
    await first.commit([body(0)])
    second = PostgresStore(first._url, HeadFile(tmp_path / "heads.jsonl", KEY))
    ledgers = [Ledger(first), Ledger(second)]
    await asyncio.gather(*(ledgers[at % 2].append(body(at)) for at in range(60)))
    heads = list(read_heads(tmp_path / "heads.jsonl", KEY.public_key()))
    report = await verify(first.read(), heads)
    assert (report.sound, report.entries, report.tail_proven) == (True, 61, True)
    for ledger in ledgers:
        await ledger.aclose()


# When it cannot write


async def test_a_locked_database_is_unavailable_and_then_writes_again(tmp_path: Path) -> None:
    await filled(tmp_path, 1)
    ledger = Ledger(store_of(tmp_path), timeout_s=0.05)
    lock = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerUnavailable):
        await ledger.append(body(2))
    lock.execute("ROLLBACK")
    lock.close()
    ledger._timeout_s = 10.0
    await ledger.append(body(3))
    await ledger.aclose()
    assert (await checked(tmp_path, heads=True)).sound


async def test_a_full_disk_is_unavailable_and_loses_nothing_before(tmp_path: Path) -> None:
    """``PRAGMA max_page_count`` is SQLite's own full disk."""
    await filled(tmp_path, 3)
    store = store_of(tmp_path)
    connection = store._open()
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    ledger = Ledger(store)
    with pytest.raises(LedgerUnavailable):
        await ledger.append(b'"' + b"x" * 100_000 + b'"')
    await ledger.append(body(4))
    await ledger.aclose()
    report = await checked(tmp_path, heads=True)
    assert (report.sound, report.entries) == (True, 4)


async def test_a_second_place_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    store = SqliteStore(tmp_path / "ledger.sqlite", HeadFile(tmp_path / "place", KEY))
    ledger = Ledger(store)
    with pytest.raises(LedgerUnavailable):
        await ledger.append(body(1))
    await ledger.aclose()


async def test_a_folder_that_is_a_file_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    ledger = Ledger(SqliteStore(tmp_path / "state" / "ledger.sqlite"))
    with pytest.raises(LedgerUnavailable):
        await ledger.append(body(1))
    await ledger.aclose()


async def test_a_head_line_the_disk_takes_only_a_part_of_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = HeadFile(tmp_path / "heads.jsonl", KEY)
    write = os.write
    monkeypatch.setattr("os.write", lambda file, data: write(file, data[:10]))
    with pytest.raises(OSError, match="only a part"):
        heads.append(Head(1, GENESIS, "now"))
    monkeypatch.undo()
    heads.append(Head(1, GENESIS, "now"))
    heads.close()
    assert list(read_heads(tmp_path / "heads.jsonl", KEY.public_key())) == [None, Head(1, GENESIS, "now")]


@pytest.mark.postgres
async def test_a_postgresql_that_is_gone_is_unavailable_and_then_writes_again(tmp_path: Path) -> None:
    import asyncpg

    store = await postgres_store(await asyncio.to_thread(need_postgres), tmp_path)
    ledger = Ledger(store)
    await ledger.append(body(1))
    url = store._url
    killer = await asyncpg.connect(url.rsplit("/", 1)[0] + "/postgres")
    await killer.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", url.rsplit("/", 1)[1]
    )
    await killer.close()
    with pytest.raises(LedgerUnavailable):
        await ledger.append(body(2))
    await ledger.append(body(3))
    found: list[Link] = await entries(store)
    assert [json.loads(link.body)["entry"] for link in found] == [1, 3]
    await ledger.aclose()
