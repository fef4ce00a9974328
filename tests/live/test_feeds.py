"""What a feed tells, and when: over an LMIS that its own programs write into."""

from __future__ import annotations

from tests.live.sockets import Depot, event_stream, socket
from tests.serving import Served

FEED = """subscription ($where: StockWhere, $after: String) {
  stockChanged(where: $where, after: $after) { change cursor key node { code quantity countedOn } }
}"""
ZERO = {"isTracer": {"eq": True}, "quantity": {"eq": 0}}
DAY = "2025-10-02"


async def test_a_tracer_drug_that_reaches_zero_is_told(live: Served, depot: Depot) -> None:
    card, gloves = depot.card("HF-KEC-0001", "ORS"), depot.card("HF-KEC-0001", "GLV")
    async with socket(live.address) as one:
        await one.subscribe(FEED, where=ZERO)
        (begun,) = await one.events(1)
        assert (begun["change"], begun["key"], begun["node"]) == ("BEGUN", None, None)
        depot.count(card, 12, DAY)
        depot.count(gloves, 0, DAY)
        out = depot.count(card, 0, DAY)
        (told,) = await one.events(1)
        assert (told["change"], told["key"]) == ("INSERTED", out)
        assert told["node"] == {"code": out, "quantity": 0, "countedOn": DAY}


async def test_a_count_entered_late_is_told_all_the_same(live: Served, depot: Depot) -> None:
    card = depot.card("HF-KEC-0002", "ORS")
    async with socket(live.address) as one:
        await one.subscribe(FEED, where={"facilityCode": {"eq": "HF-KEC-0002"}})
        await one.events(1)
        late = depot.count(card, 3, "2025-09-25")
        soon = depot.count(card, 2, DAY)
        assert {told["key"] for told in await one.events(2)} == {late, soon}


async def test_a_cursor_goes_on_where_the_connection_broke(live: Served, depot: Depot) -> None:
    card = depot.card("HF-KEC-0003", "ORS")
    where = {"facilityCode": {"eq": "HF-KEC-0003"}}
    async with socket(live.address) as one:
        await one.subscribe(FEED, where=where)
        (begun,) = await one.events(1)
        first = depot.count(card, 9, DAY)
        (told,) = await one.events(1)
        assert told["key"] == first
    missed = depot.count(card, 8, DAY)
    async with socket(live.address) as one:
        await one.subscribe(FEED, where=where, after=told["cursor"])
        (again,) = await one.events(1)
        assert (again["change"], again["key"]) == ("INSERTED", missed)
    async with event_stream(live.place, FEED, where=where, after=begun["cursor"]) as stream:
        keys = [(await stream.next())[1]["data"]["stockChanged"]["key"] for _ in range(2)]
        assert keys == [first, missed]


async def test_a_live_query_is_answered_anew_when_its_answer_is_another(live: Served, depot: Depot) -> None:
    card = depot.card("HF-KEC-0004", "ORS")
    query = """subscription { live { __typename
      stocks(where: {facilityCode: {eq: "HF-KEC-0004"}, drugCode: {eq: "ORS"}}, orderBy: [{countedOn: DESC}], first: 1)
      { nodes { quantity } } } }"""
    async with socket(live.address) as one:
        await one.subscribe(query)
        first = (await one.next())["data"]["live"]
        assert first["__typename"] == "Query"
        depot.count(card, 77, "2025-10-09")
        then = (await one.next())["data"]["live"]
        assert then["stocks"]["nodes"] == [{"quantity": 77}]
