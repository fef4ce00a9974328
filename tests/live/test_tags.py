"""Changes of services that say by a tag whether anything changed: while it says no, no row is read."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from connectors.address import Address
from connectors.tags import Tag, TagReader
from gateway.live.tags import TagWatch
from gateway.live.watch import now
from gateway.opening import open_house
from gateway.settings import HookSettings, LedgerSettings, LiveSettings, Settings, SourceSettings
from schema.fetch import SourceUnavailable
from tests.connectors.standins import in_time, service
from tests.houses import Remembered, Systems
from tests.live.board import Board, board
from tests.live.desks import LiveDesk, Register, live_desk
from tests.live.sockets import Depot
from tests.live.test_boards import VISITS, stamp
from tests.live.test_logs import begun, told

FEED = "subscription { noticeChanged { change key node { text } } }"


@asynccontextmanager
async def board_desk(state: Path, hook: HookSettings | None = None) -> AsyncIterator[tuple[LiveDesk, Board]]:
    notices = Board()
    async with service(notices.answer) as served:
        settings = Settings(
            departments=("tests.live.board",), state=str(state),
            sources={"board": SourceSettings(served.url, hook=hook)},
            ledger=LedgerSettings(f"sqlite:///{state / 'ledger.sqlite'}", str(state / "heads.jsonl")),
            live=LiveSettings(kept=str(state / "live.sqlite"), recheck_s=0.2, every_s=3_600.0),
        )  # fmt: skip
        async with open_house(settings) as house:
            register, ledger = Register(), Remembered()
            house.authenticator = register  # type: ignore[assignment]
            house.ledger = ledger
            yield LiveDesk(house, register, ledger), notices


def watch_of(desk: LiveDesk) -> TagWatch:
    watch = desk.house.live.watches["office.Notice"]
    assert isinstance(watch, TagWatch)
    return watch


async def until(watch: TagWatch, times: int) -> None:
    async with asyncio.timeout(20):
        start = watch.asked
        while watch.asked < start + times:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("tagging", ["etag", "modified"])
async def test_nothing_is_read_while_the_tag_stands(tmp_path: Path, tagging: str) -> None:
    async with board_desk(tmp_path) as (desk, notices):
        notices.tagging = tagging
        async with desk.watch(FEED) as seat:
            await begun(seat)
            lists = notices.lists
            await until(watch_of(desk), 10)
            assert notices.lists == lists
            assert notices.unchanged >= 9
            notices.put("n2", "New")
            assert await told(seat) == [("INSERTED", "n2")]
            del notices.notices["n1"]
            notices.put("n2", "Newer")
            assert sorted(await told(seat, 2)) == [("DELETED", "n1"), ("UPDATED", "n2")]
            assert watch_of(desk).interval_s == 900.0


async def test_a_service_that_gives_no_tag_is_compared_as_often_as_declared(tmp_path: Path) -> None:
    async with board_desk(tmp_path) as (desk, notices):
        notices.tagging = "none"
        async with desk.watch(FEED) as seat:
            await begun(seat)
            assert watch_of(desk).interval_s == 0.3
            notices.put("n2", "New")
            assert await told(seat) == [("INSERTED", "n2")]
            notices.tagging = "etag"
            await until(watch_of(desk), 3)
            assert watch_of(desk).interval_s == 900.0
            notices.put("n2", "Newer")
            assert await told(seat) == [("UPDATED", "n2")]


async def test_a_service_that_was_down_loses_nothing(tmp_path: Path) -> None:
    async with board_desk(tmp_path) as (desk, notices), desk.watch(FEED) as seat:
        await begun(seat)
        notices.broken = True
        notices.put("n2", "New")
        await until(watch_of(desk), 3)
        notices.broken = False
        assert await told(seat) == [("INSERTED", "n2")]


async def test_a_service_that_is_down_when_somebody_comes(tmp_path: Path) -> None:
    async with board_desk(tmp_path) as (desk, notices):
        notices.broken = True
        (error,) = await desk.refused(FEED)
        assert error["extensions"]["code"] == "SOURCE_UNAVAILABLE"
        notices.broken = False
        async with desk.watch(FEED) as seat:
            await begun(seat)
            notices.put("n2", "New")
            assert await told(seat) == [("INSERTED", "n2")]


async def test_a_stamp_of_this_very_second_is_no_tag() -> None:
    """Two states of one second have the same Last-Modified: the second would never be asked for."""
    notices = Board(tagging="modified", modified="Wed, 01 Oct 2025 10:00:00 GMT", date="Wed, 01 Oct 2025 10:00:01 GMT")
    async with service(notices.answer) as served:
        reader = TagReader(board, Address(served.url))
        assert await reader.ask("notices", (), None, in_time()) == (True, None)
        notices.date = "Wed, 01 Oct 2025 10:00:02 GMT"
        another, tag = await reader.ask("notices", (), None, in_time())
        assert (another, tag) == (True, Tag("If-Modified-Since", "Wed, 01 Oct 2025 10:00:00 GMT"))
        assert await reader.ask("notices", (), tag, in_time()) == (False, tag)
        notices.broken = True
        with pytest.raises(SourceUnavailable):
            await reader.ask("notices", (), tag, in_time())
        await reader.aclose()


async def test_visits_are_not_read_while_rtsm_says_that_nothing_changed(working: Systems, tmp_path: Path) -> None:
    rtsm = Depot(working.folder / "rtsm.sqlite")
    ((last,),) = rtsm.rows("SELECT max(visit_id) FROM visits")
    async with live_desk(working, tmp_path) as desk, desk.watch(VISITS) as seat:
        await seat.event()
        watch = desk.house.live.watches["education.Visit"]
        assert isinstance(watch, TagWatch)
        before = await asyncio.to_thread(lists_of, working.services["LEGACY_RTSM_URL"])
        await until(watch, 4)
        after = await asyncio.to_thread(lists_of, working.services["LEGACY_RTSM_URL"])
        # One that is on its way counts as a list until it is answered.
        assert after["rows"] <= before["rows"] + 1
        assert after["unchanged"] >= before["unchanged"] + 3
        moment = now().replace(tzinfo=None)
        rtsm.write(
            "INSERT INTO visits (visit_id, school_code, school_key, visit_ts, synced_ts, monitor, lat, lon, open_flag, "
            "teachers_present, students_present, device_seq) "
            "VALUES (?, 'KEC-00002', 'KEC-00002', ?, ?, 'MON-001', '', '', 'N', 0, 0, 1)",
            last + 1, stamp(now()), stamp(moment),
        )  # fmt: skip
        assert (await seat.event())["key"] == str(last + 1)


def lists_of(url: str) -> dict[str, int]:
    """How often RTSM told visits, and how often that they are the same."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    connection.request("GET", "/_stats")
    by_path: dict[str, Any] = orjson.loads(connection.getresponse().read())["by_path"]
    connection.close()
    return {"rows": by_path.get("/api/v2/visits", 0), "unchanged": by_path.get("/api/v2/visits unchanged", 0)}
