"""A run of changes through broken connections and a killed gateway: every one is told, none twice, in order."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from gateway.live.watch import now
from tests.conftest import start_services, stop
from tests.houses import Systems
from tests.live.desks import live_desk
from tests.live.sockets import Depot, Socket, socket
from tests.serving import Served, serving

FEED = """subscription ($after: String) {
  stockChanged(where: {facilityCode: {eq: "HF-KEC-0001"}}, after: $after) { change cursor key node { quantity } } }"""
BEDS = """subscription ($after: String) {
  bedStateChanged(where: {facilityCode: {in: ["HF-KEC-0002", "HF-GWA-0001", "HF-GWA-0002"]}}, after: $after) {
    change cursor key node { occupied } } }"""
DAY = "2025-10-02"
SETTINGS = "[live]\nrecheck_s = 0.5\nwindow_s = 120\n"


@pytest.fixture
def own(demo_folder: Path, tmp_path: Path) -> Iterator[Systems]:
    """Departments nobody else writes to."""
    folder = tmp_path / "demo"
    shutil.copytree(demo_folder, folder)
    process, urls = start_services(folder)
    yield Systems(folder, urls)
    stop(process)


async def until(holds: Callable[[], bool]) -> None:
    """Waits a minute at most."""
    for _ in range(1_200):
        if holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never came to that")


class Reader:
    """A client that loses its connection now and then, and goes on from the last cursor it saw."""

    def __init__(self, query: str, name: str, rng: random.Random) -> None:
        self.query, self.name, self.rng = query, name, rng
        self.cursor: str | None = None
        self.told: list[tuple[str, str, int | None]] = []
        self.connections = 0

    async def read(self, address: str, done: asyncio.Event, drops: list[int]) -> None:
        """Until ``done`` and everything is read; the connection is cut each time as many were told as ``drops`` says.
        A gateway that is killed ends it too."""
        while True:
            try:
                async with socket(address) as one:
                    self.connections += 1
                    await one.subscribe(self.query, after=self.cursor)
                    if await self._follow(one, done, drops):
                        return
                    one.connection.transport.abort()
            except ConnectionClosed:
                continue  # killed, or let go for reading too slowly
            except OSError:
                return

    async def _follow(self, one: Socket, done: asyncio.Event, drops: list[int]) -> bool:
        while not done.is_set():
            try:
                async with asyncio.timeout(0.2):
                    told = await one.next()
            except TimeoutError:
                continue
            event = told["data"][self.name]
            self.cursor = event["cursor"]
            if event["change"] != "BEGUN":
                value = None if event["node"] is None else next(iter(event["node"].values()))
                self.told.append((event["change"], event["key"], value))
            if drops and len(self.told) >= drops[0]:
                drops.pop(0)
                return False
        return True


async def run(own: Systems, folder: Path, count: int, reconnects: int) -> tuple[Reader, list[str]]:
    """``count`` counts of stock, read through so many cut connections and one killed gateway."""
    depot, rng = Depot(own.folder / "lmis.sqlite"), random.Random(count)
    reader, written = Reader(FEED, "stockChanged", rng), []
    card = depot.card("HF-KEC-0001", "ORS")
    drops = sorted(rng.sample(range(1, count - 1), reconnects))
    first, second = asyncio.Event(), asyncio.Event()

    async def work(numbers: range) -> None:
        for number in numbers:
            written.append(await asyncio.to_thread(depot.count, card, number, DAY))
            if number % 20 == 0:
                await asyncio.sleep(rng.random() * 0.1)

    def served(address: str, done: asyncio.Event, upto: int) -> asyncio.Task[None]:
        own_drops = [drop for drop in drops if len(reader.told) <= drop < upto]
        return asyncio.create_task(reader.read(address, done, own_drops))

    with serving(own, folder, SETTINGS) as gateway:
        reading = served(gateway.address, first, count // 2)
        await until(lambda: reader.cursor is not None)
        await work(range(count // 2))
        await asyncio.sleep(0.3)
        gateway.process.kill()
        gateway.process.wait(20)
        await reading
    await work(range(count // 2, count // 2 + count // 10))
    with serving(own, folder, SETTINGS) as gateway:
        reading = served(gateway.address, second, count)
        await work(range(count // 2 + count // 10, count))
        await until(lambda: len(reader.told) >= count)  # what is told twice is found below
        await asyncio.sleep(1.5)
        second.set()
        await reading
    return reader, written


def check(reader: Reader, written: list[str], count: int, reconnects: int) -> None:
    assert len(reader.told) == count, "none lost, none repeated"
    assert {change for change, _, _ in reader.told} == {"INSERTED"}
    assert {key for _, key, _ in reader.told} == set(written)
    assert sorted(value for _, _, value in reader.told if value is not None) == list(range(count))
    assert reader.connections >= reconnects // 2


async def test_a_run_of_changes_through_cuts_and_a_killed_gateway(own: Systems, tmp_path: Path) -> None:
    reader, written = await run(own, tmp_path, 400, 6)
    check(reader, written, 400, 6)


@pytest.mark.long
async def test_ten_thousand_changes_through_twenty_cuts_and_a_killed_gateway(own: Systems, tmp_path: Path) -> None:
    reader, written = await run(own, tmp_path, 10_000, 20)
    check(reader, written, 10_000, 20)


async def test_what_changes_again_and_again_is_told_in_order_to_its_end(live: Served, working: Systems) -> None:
    """Several changes between two looks are one event; it never goes back."""
    hmis = Depot(working.folder / "hmis.sqlite")
    codes = ["HF-KEC-0002", "HF-GWA-0001", "HF-GWA-0002"]
    reader = Reader(BEDS, "bedStateChanged", random.Random(1))
    hmis.write("UPDATE bed_states SET occupied = 0 WHERE ou_code LIKE 'HF-%-0002' OR ou_code LIKE 'HF-%-0001'")
    done = asyncio.Event()
    reading = asyncio.create_task(reader.read(live.address, done, [3, 6, 9]))
    await until(lambda: reader.cursor is not None)
    for number in range(1, 61):
        at = now().replace(microsecond=0).isoformat()
        hmis.write(
            "UPDATE bed_states SET occupied = ?, updated_at = ? WHERE ou_code = ?", number, at, codes[number % 3]
        )
        await asyncio.sleep(0.06)
    await until(lambda: {value for _, _, value in reader.told if value is not None} >= {58, 59, 60})
    done.set()
    await reading
    for code in codes:
        values = [value for _, key, value in reader.told if key == code and value is not None]
        assert values == sorted(set(values))
    assert len(reader.told) > 6


async def test_a_cursor_older_than_the_window_is_told_to_begin_anew(working: Systems, tmp_path: Path) -> None:
    async with live_desk(working, tmp_path, window_s=0.2) as desk:
        async with desk.watch(FEED) as seat:
            cursor = (await seat.event())["cursor"]
        await asyncio.sleep(0.4)
        (error,) = await desk.refused(FEED, after=cursor)
        assert error["extensions"]["code"] == "BAD_CURSOR"


async def test_a_gateway_that_stops_tells_its_clients_to_come_back(own: Systems, tmp_path: Path) -> None:
    with serving(own, tmp_path) as gateway:
        async with socket(gateway.address) as one:
            await one.subscribe(FEED)
            await one.events(1)
            gateway.process.terminate()
            assert (await one.closed())[0] in (1001, 1012)
        assert gateway.process.wait(10) == 0 or gateway.process.returncode == -15
