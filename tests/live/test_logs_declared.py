"""The departments' own records over databases whose owner lets the log be read: what each declares is what is told."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from gateway.live.logs import LogWatch
from gateway.live.watch import now
from gateway.settings import LogSettings, Settings, SourceSettings
from legacy.build import Plan, build
from tests.houses import Systems
from tests.live.desks import LiveDesk, live_desk
from tests.live.sockets import socket
from tests.own_servers import own_postgres
from tests.serving import serving

pytestmark = pytest.mark.postgres
FEED = 'subscription { stockChanged(where: {facilityCode: {eq: "HF-KEC-0001"}}) { change key node { drug quantity } } }'
BEDS = 'subscription { bedStateChanged(where: {facilityCode: {eq: "HF-KEC-0002"}}) { change key node { occupied } } }'
SHIFTS = """subscription { shiftPresenceChanged(where: {facilityCode: {eq: "HF-KEC-0002"}}) {
  change key node { present } } }"""
PUBLISHED = {
    "lmis": "lmis.calculated_stocks_on_hand, lmis.stock_cards, lmis.facility_map, lmis.orderables",
    "hmis": "hmis.bed_states",
    "hr": "hr.posts",
}


@dataclass(frozen=True, slots=True)
class Moved(Systems):
    """Some sources are elsewhere."""

    sources: dict[str, SourceSettings] = field(default_factory=dict)

    def settings(self, state: Path) -> Settings:
        told = Systems.settings(self, state)
        return msgspec.structs.replace(told, sources={**told.sources, **self.sources})


@pytest.fixture(scope="module")
def health(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with own_postgres(wal_level="logical") as server:
        build(Plan("demo", 1, tmp_path_factory.mktemp("logged"), f"{server}/health"), quiet=True)
        yield f"{server}/health"


@pytest.fixture
async def connection(health: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(health)
    for name, tables in PUBLISHED.items():
        await connection.execute(f"DROP PUBLICATION IF EXISTS gateway_{name}")
        await connection.execute(f"CREATE PUBLICATION gateway_{name} FOR TABLE {tables}")
    yield connection
    await connection.close()


@asynccontextmanager
async def desk_over(files: Systems, health: str, state: Path) -> AsyncIterator[LiveDesk]:
    sources = {
        name: SourceSettings(f"{health}?schema={name}", log=LogSettings(publication=f"gateway_{name}"))
        for name in PUBLISHED
    }
    async with live_desk(Moved(files.folder, files.services, sources=sources), state) as desk:
        yield desk


async def test_stock_is_told_by_the_log_of_lmis(files: Systems, health: str, connection: Any, tmp_path: Path) -> None:
    find = (
        "SELECT s.id FROM lmis.calculated_stocks_on_hand s JOIN lmis.stock_cards c ON c.id = s.stockcardid "
        "JOIN lmis.facility_map m ON m.facilityid = c.facilityid WHERE m.hmis_code = 'HF-KEC-0001' LIMIT 1"
    )
    old = await connection.fetchval(find)
    card = await connection.fetchval("SELECT stockcardid FROM lmis.calculated_stocks_on_hand WHERE id = $1", old)
    async with desk_over(files, health, tmp_path) as desk, desk.watch(FEED) as seat:
        assert (await seat.event())["change"] == "BEGUN"
        watch = desk.house.live.watches["health.Stock"]
        assert isinstance(watch, LogWatch)
        assert watch.reason is None
        # A count entered a year late, an old one corrected, one struck: marks would find none of the three.
        new = str(uuid.uuid4())
        await connection.execute(
            "INSERT INTO lmis.calculated_stocks_on_hand VALUES ($1, 3, '2024-01-01', $2)", new, card
        )
        event = await seat.event()
        assert (event["change"], event["key"], event["node"]["quantity"]) == ("INSERTED", new, 3)
        await connection.execute("UPDATE lmis.calculated_stocks_on_hand SET stockonhand = 4321 WHERE id = $1", old)
        event = await seat.event()
        assert (event["change"], event["key"], event["node"]["quantity"]) == ("UPDATED", old, 4321)
        await connection.execute("DELETE FROM lmis.calculated_stocks_on_hand WHERE id = $1", new)
        event = await seat.event()
        assert (event["change"], event["key"]) == ("DELETED", new)
        assert watch.otherwise is not None
        assert watch.otherwise.polls == 0


RESUMED = """subscription ($after: String) { stockChanged(where: {facilityCode: {eq: "HF-KEC-0004"}}, after: $after) {
  change key cursor node { quantity } } }"""


async def test_a_feed_goes_on_after_the_gateway_was_killed(
    files: Systems, health: str, connection: Any, tmp_path: Path
) -> None:
    """A gateway as it is served, killed without a word: its slot goes with its connection, and what was struck
    meanwhile is told to whoever comes back."""
    services = {
        **files.services, "GATEWAY_SOURCES__LMIS__URL": f"{health}?schema=lmis",
        "GATEWAY_SOURCES__LMIS__LOG": '{"publication": "gateway_lmis"}',
    }  # fmt: skip
    systems = Systems(files.folder, services)
    find = (
        "SELECT s.id FROM lmis.calculated_stocks_on_hand s JOIN lmis.stock_cards c ON c.id = s.stockcardid "
        "JOIN lmis.facility_map m ON m.facilityid = c.facilityid WHERE m.hmis_code = 'HF-KEC-0004' LIMIT 2"
    )
    first, second = [row["id"] for row in await connection.fetch(find)]
    strike = "DELETE FROM lmis.calculated_stocks_on_hand WHERE id = $1"
    with serving(systems, tmp_path) as gateway:
        async with socket(gateway.address) as one:
            await one.subscribe(RESUMED)
            (begun,) = await one.events(1)
            await connection.execute("UPDATE lmis.calculated_stocks_on_hand SET stockonhand = 77 WHERE id = $1", first)
            (told,) = await one.events(1)
            assert (told["change"], told["key"], told["node"]) == ("UPDATED", first, {"quantity": 77})
            gateway.process.kill()
            gateway.process.wait(20)
    async with asyncio.timeout(20):
        while await connection.fetchval("SELECT count(*) FROM pg_replication_slots"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await connection.execute(strike, first)
    with serving(systems, tmp_path) as gateway:
        async with socket(gateway.address) as one:
            await one.subscribe(RESUMED, after=told["cursor"])
            (gone,) = await one.events(1)
            assert (gone["change"], gone["key"]) == ("DELETED", first)
            await connection.execute(strike, second)
            (gone,) = await one.events(1)
            assert (gone["change"], gone["key"]) == ("DELETED", second)
        assert "not read" not in gateway.written
    assert begun["change"] == "BEGUN"


async def test_one_database_of_three_systems_has_a_reader_for_each_that_is_watched(
    files: Systems, health: str, connection: Any, tmp_path: Path
) -> None:
    slots = "SELECT count(*) FROM pg_replication_slots"
    async with desk_over(files, health, tmp_path) as desk, desk.watch(FEED) as stock, desk.watch(BEDS) as beds:
        await stock.event()
        await beds.event()
        assert await connection.fetchval(slots) == 2
        await connection.execute("UPDATE hmis.bed_states SET occupied = occupied + 1 WHERE ou_code = 'HF-KEC-0002'")
        event = await beds.event()
        assert (event["change"], event["key"]) == ("UPDATED", "HF-KEC-0002"), "without its stamp moving on"
    assert await connection.fetchval(slots) == 0


async def test_attendance_has_no_key_and_is_told_by_its_stamp(
    files: Systems, health: str, connection: Any, tmp_path: Path
) -> None:
    async with desk_over(files, health, tmp_path) as desk, desk.watch(SHIFTS) as seat:
        await seat.event()
        watch = desk.house.live.watches["health.ShiftPresence"]
        assert isinstance(watch, LogWatch)
        assert "shift_presence is not in publication gateway_hr" in (watch.reason or "")
        await connection.execute(
            "UPDATE hr.shift_presence SET present = present + 1, updated_at = $1 WHERE facility_cd = 'HF-KEC-0002'",
            now().replace(microsecond=0).isoformat(),
        )
        event = await seat.event()
        assert (event["change"], event["key"]) == ("UPDATED", "HF-KEC-0002")
