"""The ledger as a source: it keeps the connector's contract, looks only where something can be, and stops in time."""

from __future__ import annotations

import asyncio
import datetime as dt
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest

from auth.ledger import HeadFile, Ledger, PostgresStore, SqliteStore, Store, trail
from auth.ledger.trail import LedgerTrail
from connectors.conformance import check_connector
from connectors.guard import guarded
from connectors.trail import TrailConnector, sought_by
from gateway.opening import open_catalog
from gateway.settings import load
from schema.fetch import (
    AllOf,
    AnyOf,
    Cell,
    Column,
    Comparison,
    Complement,
    Condition,
    Fetch,
    FetchShape,
    Ordering,
    Param,
    SourceTimeout,
)
from schema.trail import Sought
from tests.auth.ledgers import KEY, postgres_store
from tests.connectors.test_conformance import promised
from tests.houses import DEMO
from tests.servers import need_postgres

CATALOG = open_catalog(load(DEMO, {"PATH": ""}))
ACCESS, LEDGER = CATALOG.records["oversight.Access"], CATALOG.records["oversight.Ledger"]
MINUTE_MS = 60_000
FIRST_MS = 1_760_000_000_000
COORDINATES = ("Student.bForm", "Student.name", "Teacher.cnic", "Mutation.payBill")
DEPARTMENTS = {"Student.bForm": "education", "Student.name": "education", "Teacher.cnic": "education",
               "Mutation.payBill": "finance"}  # fmt: skip


def body(number: int) -> bytes:
    """An entry a minute; what it names and how goes round."""
    kind = ("shown", "masked", "used", "refused", "done")[number % 5]
    names = COORDINATES[: 1 + number % len(COORDINATES)]
    values: dict[str, Any] = {"refused": "REFUSED", "used": ["filter"]}
    value = values.get(kind, [f"education/rules.py:{number % 7}"])
    entry = {
        "format": 1, "requestInTs": FIRST_MS + number * MINUTE_MS, "messageUserId": f"person-{number % 9}",
        "roles": ["auditor"] if number % 3 else [], "outcome": "ok", "rowsGiven": {"education.Student": number % 11},
        kind: dict.fromkeys(names, value), "owners": {"Student": "Director EMIS"},
    }  # fmt: skip
    if number % 4:
        entry |= {"purpose": "LegalCompliance", "messageIssue": f"ACE-{number % 3}", "office": "Anti-Corruption"}
    return orjson.dumps(entry)


async def fill(store: Store, count: int) -> None:
    ledger = Ledger(store)
    await asyncio.gather(*(ledger.append(body(number)) for number in range(1, count + 1)))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "sqlite":
        return SqliteStore(tmp_path / "ledger.sqlite", HeadFile(tmp_path / "heads.jsonl", KEY))
    return await postgres_store(await asyncio.to_thread(need_postgres), tmp_path)


@pytest.fixture
async def kept(store: Store, tmp_path: Path) -> AsyncIterator[LedgerTrail]:
    made = LedgerTrail(store, tmp_path / "heads.jsonl", KEY.public_key(), DEPARTMENTS)
    yield made
    await made.aclose()


async def test_the_ledger_keeps_the_contract(kept: LedgerTrail, store: Store) -> None:
    await fill(store, 90)
    connector = guarded(TrailConnector(ACCESS.source, kept))
    report = await check_connector(connector, ACCESS, timeout_s=30)
    assert report.ok, str(report)
    assert report.rows > 150
    assert report.checks.keys() >= promised(ACCESS), str(report)
    chain = await connector.fetch(Fetch(FetchShape(LEDGER.relation, cells(LEDGER, "intact", "entries")), soon()))
    assert chain.rows == [(True, 90)]


def cells(record: Any, *names: str) -> tuple[Cell, ...]:
    return tuple(Cell(Column(record.fields[name].column, record.fields[name].scalar.kind)) for name in names)


def soon() -> float:
    return asyncio.get_running_loop().time() + 20


def column(name: str) -> Column:
    return cells(ACCESS, name)[0].column


def compares(name: str, op: str, at: int = 0) -> Comparison:
    return Comparison(column(name), op, Param(at))





def moment(ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)


BOUNDS: dict[str, tuple[Condition, tuple[Any, ...], Sought | None]] = {
    "one coordinate": (compares("coordinate", "eq"), ("A.b",), Sought(coordinates=frozenset({"A.b"}))),
    "since a moment": (compares("at", "gte"), (moment(5_000),), Sought(since_ms=5_000)),
    "a moment within a millisecond": (compares("at", "lt"), (moment(5_000.5),), Sought(until_ms=5_001)),
    "both": (AllOf((compares("at", "gte"), compares("coordinate", "in", 1))), (moment(5_000), ("A.b", "C.d")),
             Sought(since_ms=5_000, coordinates=frozenset({"A.b", "C.d"}))),
    "either": (AnyOf((compares("coordinate", "eq"), compares("coordinate", "eq", 1))), ("A.b", "C.d"),
               Sought(coordinates=frozenset({"A.b", "C.d"}))),
    "either of different things": (AnyOf((compares("coordinate", "eq"), compares("who", "eq", 1))), ("A.b", "x"),
                                   Sought()),
    "what is not": (Complement(compares("coordinate", "eq")), ("A.b",), Sought()),
    "entries": (AllOf((compares("entry", "gt"), compares("entry", "lte", 1))), (7, 9), Sought(first=7, last=9)),
    "an id": (compares("id", "eq"), ("000000000007.shown.A.b",), Sought(first=7, last=7)),
    "ids after one": (compares("id", "gt"), ("000000000007.shown.A.b",), Sought(first=7)),
    "no id at all": (compares("id", "eq"), ("x",), Sought()),
    "two days that do not meet": (AllOf((compares("at", "lt"), compares("at", "gt", 1))),
                                  (moment(1_000), moment(9_000)),
                                  Sought(since_ms=9_000, until_ms=1_001)),
    "of nothing": (compares("coordinate", "in"), ((),), None),
}  # fmt: skip


@pytest.mark.parametrize("what", BOUNDS)
def test_conditions_bound_what_is_looked_at(what: str) -> None:
    where, params, expected = BOUNDS[what]
    assert sought_by(Fetch(FetchShape(ACCESS.relation, where=where), 0.0, params=params)) == expected


class Counting:
    """How many entries were looked at."""

    def __init__(self, kept: LedgerTrail, monkeypatch: pytest.MonkeyPatch) -> None:
        self.windows: list[tuple[int, int]] = []
        original = kept._windows

        def windows(sought: Sought, last: int) -> Any:
            for window in original(sought, last):
                self.windows.append(window)
                yield window

        monkeypatch.setattr(kept, "_windows", windows)


async def test_only_the_days_asked_for_are_looked_at_once_the_chain_was_walked(
    kept: LedgerTrail, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "SPAN", 50)
    await fill(store, 1_020)
    counting = Counting(kept, monkeypatch)
    connector = TrailConnector(ACCESS.source, kept)
    where = AllOf((compares("at", "gte"), compares("at", "lt", 1)))
    span = (moment(FIRST_MS + 605 * MINUTE_MS), moment(FIRST_MS + 640 * MINUTE_MS))
    asked = Fetch(FetchShape(ACCESS.relation, cells(ACCESS, "id", "entry"), where), soon(), params=span)
    before = await connector.fetch(asked)
    assert sum(last - first + 1 for first, last in counting.windows) == 1_020, "nothing is known of the times yet"
    await kept.chain(soon())
    counting.windows.clear()
    after = await connector.fetch(asked)
    assert after == before
    assert {row[1] for row in after.rows} == set(range(605, 640))
    assert counting.windows == [(601, 650), (1_001, 1_020)], "and what may still be added to"
    await fill(store, 30)  # the same entries again: told at earlier times, after the end
    assert len((await connector.fetch(asked)).rows) == len(after.rows)
    counting.windows.clear()
    everything = Fetch(FetchShape(ACCESS.relation, cells(ACCESS, "entry")), soon())
    assert len({row[0] for row in (await connector.fetch(everything)).rows}) == 1_050


async def test_a_clock_that_was_wrong_hides_nothing(
    kept: LedgerTrail, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times need not grow with the entries: what was written under a wrong clock is found by the time it tells."""
    monkeypatch.setattr(trail, "SPAN", 10)
    ledger = Ledger(store)
    for number in (*range(1, 31), 5_000, 2, *range(31, 60)):
        await ledger.append(body(number))
    await kept.chain(soon())
    connector = TrailConnector(ACCESS.source, kept)
    for number, expected in ((2, {2, 32}), (5_000, {31}), (40, {42})):
        where = AllOf((compares("at", "gte"), compares("at", "lte", 1)))
        at = moment(FIRST_MS + number * MINUTE_MS)
        shape = FetchShape(ACCESS.relation, cells(ACCESS, "entry"), where)
        found = await connector.fetch(Fetch(shape, soon(), params=(at, at)))
        assert {row[0] for row in found.rows} == expected


@pytest.mark.parametrize("descending", [False, True])
async def test_a_page_reads_no_more_than_it_needs(
    kept: LedgerTrail, store: Store, monkeypatch: pytest.MonkeyPatch, descending: bool
) -> None:
    monkeypatch.setattr(trail, "SPAN", 20)
    await fill(store, 500)
    counting = Counting(kept, monkeypatch)
    order = (Ordering(cells(ACCESS, "entry")[0], descending),)
    shape = FetchShape(ACCESS.relation, cells(ACCESS, "entry"), order=order, limited=True)
    rows = (await TrailConnector(ACCESS.source, kept).fetch(Fetch(shape, soon(), limit=5))).rows
    whole = (await TrailConnector(ACCESS.source, kept).fetch(Fetch(shape, soon(), limit=5_000))).rows
    assert rows == whole[:5]
    assert counting.windows[0] == ((481, 500) if descending else (1, 20))
    assert len(counting.windows) > 3, "the whole of it was looked at in parts"


async def test_a_ledger_nobody_has_written_to_is_empty(kept: LedgerTrail) -> None:
    connector = TrailConnector(ACCESS.source, kept)
    assert (await connector.fetch(Fetch(FetchShape(ACCESS.relation, cells(ACCESS, "id")), soon()))).rows == []
    assert (await kept.chain(soon()))["entries"] == 0


async def test_a_search_ends_at_its_deadline_and_keeps_nobody_from_writing(
    kept: LedgerTrail, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(store, 50)
    slow = asyncio.Event()

    async def never(*_: Any) -> None:
        await slow.wait()

    monkeypatch.setattr(asyncio, "to_thread", never)
    connector = TrailConnector(ACCESS.source, kept)
    fetch = Fetch(FetchShape(ACCESS.relation, cells(ACCESS, "id")), asyncio.get_running_loop().time() + 0.2)
    search = asyncio.create_task(connector.fetch(fetch))
    await asyncio.sleep(0.05)
    assert (await Ledger(store).append(body(51))).startswith("51-")
    with pytest.raises(SourceTimeout):
        await search


async def test_a_long_walk_is_told_as_far_as_it_has_come(
    kept: LedgerTrail, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "SPAN", 10)
    monkeypatch.setattr(trail, "WAIT_S", 0.05)
    original = store.read

    async def slowly(after: int = 0) -> AsyncIterator[Any]:
        async for link in original(after):
            if link.seq == 35:
                await asyncio.sleep(0.4)
            yield link

    await fill(store, 60)
    monkeypatch.setattr(store, "read", slowly)
    first = await kept.chain(soon())
    assert (first["intact"], first["entries"]) == (None, 60)
    assert first["verified_up_to"] <= 34
    assert "so far; ask again" in first["message"]
    monkeypatch.setattr(trail, "WAIT_S", 5.0)
    whole = await kept.chain(soon())
    assert (whole["intact"], whole["verified_up_to"], whole["proven_up_to"]) == (True, 60, 60)
    assert whole["verified_at"] == first["verified_at"], "the same walk"


async def test_a_long_chain_is_gone_on_with_and_a_cut_is_found_all_the_same(
    kept: LedgerTrail, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "QUICK_S", -1.0)
    monkeypatch.setattr(trail, "FRESH", 1e9)
    await fill(store, 20)
    first = await kept.chain(soon())
    await fill(store, 10)
    second = await kept.chain(soon())
    assert (second["verified_up_to"], second["verified_at"]) == (30, first["verified_at"])
    assert second["intact"] is True
    await cut(store, 25)
    third = await kept.chain(soon())
    assert (third["intact"], third["bad_entry"]) == (False, 26)


async def cut(store: Store, after: int) -> None:
    """Takes away the entries after one."""
    if isinstance(store, SqliteStore):
        connection = sqlite3.connect(store._path, isolation_level=None)
        connection.execute("DELETE FROM ledger WHERE seq > ?", (after,))
        connection.close()
        return
    assert isinstance(store, PostgresStore)
    other = await asyncpg.connect(store._url)
    await other.execute("DELETE FROM ledger WHERE seq > $1", after)
    await other.close()
