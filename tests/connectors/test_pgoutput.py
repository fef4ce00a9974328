"""What is read of PostgreSQL's replication messages, made here as the protocol describes them."""

from __future__ import annotations

from struct import pack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sql.pgoutput import Decoder, Unreadable
from connectors.sql.postgres_log import is_running
from schema.changelog import LoggedTable

BEDS = LoggedTable("beds", "bed_cd")
NUMBERS = LoggedTable("beds", "id", "int")
WARDS = LoggedTable("wards")


def begin(transaction: int = 7) -> bytes:
    return b"B" + pack("!qqI", 1, 2, transaction)


COMMIT = b"C" + pack("!bqqq", 0, 1, 2, 3)


def relation(oid: int, *columns: str) -> bytes:
    told = b"".join(b"\0" + name.encode() + b"\0" + pack("!Ii", 25, -1) for name in columns)
    return b"R" + pack("!I", oid) + b"public\0beds\0d" + pack("!h", len(columns)) + told


def row(*cells: str | bytes | None) -> bytes:
    """Text cells; None: null; bytes: a kind without value."""
    told = b""
    for cell in cells:
        if isinstance(cell, str):
            told += b"t" + pack("!i", len(cell.encode())) + cell.encode()
        else:
            told += b"n" if cell is None else cell
    return pack("!h", len(cells)) + told


def change(kind: bytes, oid: int, *parts: bytes) -> bytes:
    return kind + pack("!I", oid) + b"".join(parts)


def seen_after(*messages: bytes, most: int = 100) -> dict[LoggedTable, Any]:
    decoder = Decoder({1: [BEDS, NUMBERS], 2: [WARDS]}, most)
    for message in (relation(1, "id", "nm", "bed_cd"), relation(2, "ward_cd"), *messages):
        decoder.take(message)
    return decoder.take_seen()[0]


def test_nothing_is_told_before_its_commit() -> None:
    inserted = change(b"I", 1, b"N", row("5", "Gul", "A/1"))
    assert seen_after(begin(), inserted) == {}
    assert seen_after(begin(), inserted, begin(), COMMIT) == {}, "a transaction that never ended"
    assert seen_after(begin(), inserted, COMMIT) == {BEDS: {"A/1"}, NUMBERS: {5}}


def test_an_altered_key_is_told_as_the_old_one_and_the_new_one() -> None:
    told = change(b"U", 1, b"K", row(None, None, "A/1"), b"N", row("5", "Gul", "A/2"))
    assert seen_after(begin(), told, COMMIT) == {BEDS: {"A/1", "A/2"}, NUMBERS: None}
    told = change(b"U", 1, b"O", row("5", "Gul", "A/1"), b"N", row("5", "Gul", "A/2"))
    assert seen_after(begin(), told, COMMIT) == {BEDS: {"A/1", "A/2"}, NUMBERS: {5}}


def test_a_key_that_is_not_told_may_be_any() -> None:
    struck = change(b"D", 1, b"K", row("5", None, None))
    assert seen_after(begin(), struck, COMMIT) == {BEDS: None, NUMBERS: {5}}
    long = change(b"U", 1, b"N", row("5", "Gul", b"u"))
    assert seen_after(begin(), long, COMMIT) == {BEDS: None, NUMBERS: {5}}


def test_a_row_without_a_key_is_none_that_could_be_shown() -> None:
    assert seen_after(begin(), change(b"I", 1, b"N", row("5", "Gul", None)), COMMIT) == {BEDS: set(), NUMBERS: {5}}


def test_a_joined_table_tells_only_that_it_changed() -> None:
    assert seen_after(begin(), change(b"I", 2, b"N", row("A")), COMMIT) == {WARDS: None}


def test_a_table_emptied_at_once() -> None:
    emptied = b"T" + pack("!ibII", 2, 0, 1, 2)
    assert seen_after(begin(), emptied, COMMIT) == {BEDS: None, NUMBERS: None, WARDS: None}


def test_more_keys_than_are_kept() -> None:
    rows = [change(b"I", 1, b"N", row(str(number), "n", "A/1")) for number in range(11)]
    assert seen_after(begin(), *rows, COMMIT, most=10) == {BEDS: {"A/1"}, NUMBERS: None}
    each = [part for one in rows for part in (begin(), one, COMMIT)]
    assert seen_after(*each, most=10) == {BEDS: {"A/1"}, NUMBERS: None}


def test_a_relation_nobody_named_is_remembered_once() -> None:
    decoder = Decoder({})
    for message in (begin(), relation(9, "id"), change(b"I", 9, b"N", row("1")), COMMIT):
        decoder.take(message)
    assert decoder.strange == {9}
    assert decoder.take_seen() == ({}, set())


@given(st.binary(max_size=80), st.sampled_from([b"", b"I", b"U", b"D", b"T", b"R", b"B"]))
def test_whatever_comes_it_is_read_or_refused(rest: bytes, kind: bytes) -> None:
    decoder = Decoder({1: [BEDS]})
    decoder.take(relation(1, "bed_cd"))
    try:
        decoder.take(kind + rest)
        decoder.take(kind + pack("!I", 1) + rest)
    except Unreadable:
        pass


@pytest.mark.parametrize(
    ("transaction", "snapshot", "runs"),
    [
        (9, "10:12:", False), (11, "10:12:", False), (11, "10:12:11", True), (12, "10:12:", True), (13, "10:12:", True),
        (2**32 - 1, f"{2**32 + 3}:{2**32 + 5}:", False), (2, f"{2**33 + 2}:{2**33 + 5}:{2**33 + 2}", True),
        (4, f"{2**33 - 2}:{2**33 - 1}:", True),
    ],
)  # fmt: skip
def test_who_still_runs_in_a_snapshot(transaction: int, snapshot: str, runs: bool) -> None:
    """Ids of transactions begin anew every four thousand million."""
    assert is_running(transaction, snapshot) == runs
