"""Many who watch the same cost one poll; those who do not keep up are let go; nobody takes all the room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.exceptions import InvalidStatus

from gateway.live.cohort import Event
from gateway.live.pace import Pace
from gateway.live.stream import StreamEnded
from schema.fetch import Fetch, Rows, SourceUnavailable
from tests.houses import Systems
from tests.live.desks import LiveDesk, live_desk, named
from tests.live.sockets import Depot, event_stream, socket
from tests.serving import serving

FEED = "subscription ($f: String!, $a: String) { stockChanged(where: {facilityCode: {eq: $f}}, after: $a) { change key cursor node { quantity } } }"  # fmt: skip  # noqa: E501
DAY = "2025-10-02"


@pytest.fixture
async def desk(working: Systems, tmp_path: Path) -> AsyncIterator[LiveDesk]:
    async with live_desk(working, tmp_path) as one:
        yield one


class Counting:
    """A connector that counts, and breaks when told to."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.source = inner, inner.source
        self.fetches, self.broken = 0, False

    async def fetch(self, fetch: Fetch, /) -> Rows:
        self.fetches += 1
        if self.broken:
            raise SourceUnavailable("down")
        rows: Rows = await self.inner.fetch(fetch)
        return rows

    async def aclose(self) -> None:
        await self.inner.aclose()


def counted(desk: LiveDesk, source: str) -> Counting:
    reach = desk.house.reach
    counting = Counting(reach.connectors[source])
    desk.house.reach = replace(reach, connectors={**reach.connectors, source: counting})
    return counting


async def test_a_hundred_subscribers_cost_the_fetches_of_one(desk: LiveDesk, depot: Depot) -> None:
    card = depot.card("HF-CHG-0001", "ORS")
    fetches = []
    for crowd in (1, 100):
        lmis = counted(desk, "lmis")
        async with AsyncExitStack() as stack:
            seats = [
                await stack.enter_async_context(desk.watch(FEED, named(f"s{n}"), f="HF-CHG-0001"))
                for n in range(crowd)
            ]
            for seat in seats:
                await seat.event()
            ready = lmis.fetches
            written = depot.count(card, crowd, DAY)
            told = [await seat.event() for seat in seats]
            assert {event["key"] for event in told} == {written}
            assert len({event["cursor"] for event in told}) == crowd, "a cursor is one subject's own"
            fetches.append((ready, lmis.fetches - ready))
        assert len(desk.house.live.cohorts) == 0
        desk.house.live.watches.clear()
    assert fetches[0][0] == fetches[1][0]
    assert abs(fetches[0][1] - fetches[1][1]) <= 2


async def test_polling_stops_with_the_last_subscriber(desk: LiveDesk) -> None:
    lmis = counted(desk, "lmis")
    async with desk.watch(FEED, f="HF-CHG-0001") as one:
        await one.event()
        async with desk.watch(FEED, f="HF-CHG-0001") as two:
            await two.event()
        watch = desk.house.live.watches["health.Stock"]
        assert watch.looking.is_on
    assert not watch.looking.is_on
    asked = lmis.fetches
    await asyncio.sleep(1.2)
    assert lmis.fetches == asked


async def test_a_department_that_is_down_loses_nothing(desk: LiveDesk, depot: Depot) -> None:
    lmis = counted(desk, "lmis")
    card = depot.card("HF-CHG-0002", "ORS")
    async with desk.watch(FEED, f="HF-CHG-0002") as seat:
        await seat.event()
        lmis.broken = True
        written = depot.count(card, 4, DAY)
        asked = lmis.fetches
        async with asyncio.timeout(10):
            while lmis.fetches == asked:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        lmis.broken = False
        assert (await seat.event())["key"] == written


async def test_who_does_not_read_gets_each_entity_once_and_is_let_go_in_the_end(desk: LiveDesk) -> None:
    desk.house.live.limits = msgspec.structs.replace(desk.house.live.limits, pending=3)
    async with desk.watch(FEED, f="HF-CHG-0001") as seat:
        await seat.event()
        stream = seat.stream

        def event(seq: int, key: str, change: str) -> Event:
            return Event(seq, key, change, None if change == "DELETED" else (b'{"quantity":%d}' % seq,))

        stream.take([event(1, "a", "INSERTED"), event(2, "b", "UPDATED")])
        stream.take([event(3, "a", "UPDATED"), event(4, "b", "DELETED"), event(5, "c", "INSERTED")])
        stream.take([event(6, "c", "DELETED")])
        told = [await seat.event(), await seat.event()]
        assert [(one["key"], one["change"]) for one in told] == [("a", "INSERTED"), ("b", "DELETED")]
        assert told[0]["node"] == {"quantity": 3}
        stream.take([event(7, "a", "UPDATED")])
        stream.take([event(8 + n, f"k{n}", "INSERTED") for n in range(3)])
        with pytest.raises(StreamEnded) as end:
            await seat.next()
        assert end.value.slow
        assert not stream._waiting


async def test_a_feed_may_watch_so_many_rows_and_all_feeds_so_many(desk: LiveDesk) -> None:
    desk.house.live.limits = msgspec.structs.replace(desk.house.live.limits, members=10)
    (error,) = await desk.refused("subscription { stockChanged { key } }")
    assert error["extensions"]["code"] == "BUDGET_EXCEEDED"
    assert "10 stocks" in error["message"], "the declared limit, not what was found"
    desk.house.live.limits = msgspec.structs.replace(desk.house.live.limits, members=50_000, all_members=15)
    async with desk.watch(FEED, f="HF-CHG-0001"):
        (error,) = await desk.refused(FEED, f="HF-CHG-0002")
        assert error["extensions"]["code"] == "BUDGET_EXCEEDED"


async def test_so_many_different_things_are_watched_at_once(desk: LiveDesk) -> None:
    desk.house.live.limits = msgspec.structs.replace(desk.house.live.limits, cohorts=1)
    async with desk.watch(FEED, named("one"), f="HF-CHG-0001"):
        (error,) = await desk.refused(FEED, f="HF-CHG-0002")
        assert error["extensions"]["code"] == "BUDGET_EXCEEDED"
        async with desk.watch(FEED, named("another"), f="HF-CHG-0001"):
            pass


async def test_connections_are_bounded_and_their_places_come_free(working: Systems, tmp_path: Path) -> None:
    with serving(working, tmp_path, "[live]\nconnections = 2\n") as gateway:
        async with socket(gateway.address), event_stream(gateway.place, FEED, f="HF-CHG-0001") as stream:
            assert (await stream.next())[0] == "next"
            with pytest.raises(InvalidStatus) as refused:
                async with socket(gateway.address):
                    pass
            assert refused.value.response.status_code == 503
            async with event_stream(gateway.place, FEED, f="HF-CHG-0001") as third:
                assert third.status == 503
            assert gateway.ask("{ __typename }").status == 200
        for _ in range(100):
            try:
                async with socket(gateway.address):
                    return
            except InvalidStatus:
                await asyncio.sleep(0.05)
        raise AssertionError("the places never came free")


async def test_a_source_is_looked_at_as_often_as_it_allows() -> None:
    loop = asyncio.get_running_loop()
    pace, started = Pace(50.0), loop.time()
    await asyncio.gather(*(pace.turn() for _ in range(70)))
    assert loop.time() - started >= 20 / 50 - 0.05
