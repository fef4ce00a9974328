"""graphql-transport-ws and graphql-sse, spoken by real clients."""

from __future__ import annotations

import asyncio

import orjson
import pytest
from websockets.exceptions import InvalidStatus

from tests.live.sockets import event_stream, raw, socket
from tests.serving import Served

FEED = """subscription ($where: StockWhere, $after: String) {
  stockChanged(where: $where, after: $after) { change cursor key node { quantity } }
}"""


async def test_a_query_is_answered_over_a_websocket(live: Served) -> None:
    async with socket(live.address) as one:
        id = await one.subscribe('{ school(code: "KEC-00001") { level } }')
        told = await one.receive()
        assert told == {"id": id, "type": "next", "payload": {"data": {"school": {"level": "Secondary"}}}}
        assert await one.receive() == {"id": id, "type": "complete"}


async def test_a_ping_is_answered_with_its_payload(live: Served) -> None:
    async with raw(live.address) as one:
        await one.send(type="ping", payload={"a": 1})
        assert await one.receive() == {"type": "pong", "payload": {"a": 1}}


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }"}}], 4401),
        ([{"type": "connection_init"}, {"type": "connection_init"}], 4429),
        ([{"type": "connection_init", "payload": 3}], 4400),
        ([{"type": "connection_init", "payload": {"Authorization": ["Bearer"]}}], 4400),
        ([{"type": "connection_init", "payload": {"Authorization": "Bearer nonsense"}}], 4403),
        ([{"type": "connection_init", "payload": {"X-Api-Key": "nobody's"}}], 4403),
        ([{"type": "connection_init", "payload": {"X-Case": "ACE-2025-014"}}], 4403),
        ([{"type": "nonsense"}], 4400),
        ([{"kind": "ping"}], 4400),
        ([{"type": "connection_init"}, {"type": "subscribe", "payload": {"query": "{ __typename }"}}], 4400),
        ([{"type": "connection_init"}, {"type": "subscribe", "id": "1", "payload": {"query": 3}}], 4400),
        ([], 4408),
    ],
)  # fmt: skip
async def test_every_fault_closes_with_its_code(messages: list[dict[str, object]], code: int, live: Served) -> None:
    async with raw(live.address) as one:
        for message in messages:
            await one.send(**message)
        assert (await one.closed())[0] == code


async def test_what_is_no_json_closes_the_connection(live: Served) -> None:
    async with raw(live.address) as one:
        await one.connection.send("{")
        assert (await one.closed())[0] == 4400


async def test_an_id_in_use_closes_the_connection(live: Served) -> None:
    async with socket(live.address) as one:
        for _ in range(2):
            await one.send(id="1", type="subscribe", payload={"query": FEED})
        assert (await one.closed())[0] == 4409


async def test_a_completed_id_may_be_used_again(live: Served) -> None:
    async with socket(live.address) as one:
        for _ in range(2):
            await one.send(id="1", type="subscribe", payload={"query": FEED})
            assert (await one.events(1))[0]["change"] == "BEGUN"
            await one.send(id="1", type="complete")


async def test_operations_of_a_connection_are_bounded(live: Served) -> None:
    async with socket(live.address) as one:
        for _ in range(50):
            await one.subscribe(FEED)
        await one.events(50)
        await one.subscribe(FEED)
        (error,) = await one.errors()
        assert error["extensions"]["code"] == "BUDGET_EXCEEDED"


async def test_another_subprotocol_is_not_spoken(live: Served) -> None:
    from websockets.asyncio.client import connect

    with pytest.raises(InvalidStatus) as refused:
        async with connect(live.address.replace("http", "ws") + "/graphql"):
            pass
    assert refused.value.response.status_code == 400


async def test_an_invalid_subscription_is_an_error_and_the_connection_stands(live: Served) -> None:
    async with socket(live.address) as one:
        await one.subscribe("subscription { nothingChanged { change } }")
        (error,) = await one.errors()
        assert error["extensions"]["code"] == "BAD_INPUT"
        await one.subscribe("subscription { live { catalog { departments { name } } } }")
        assert "does not change" in (await one.errors())[0]["message"]
        await one.subscribe("{ __typename }")
        assert await one.next() == {"data": {"__typename": "Query"}}


async def test_a_subscription_cannot_be_asked_by_plain_http(live: Served) -> None:
    reply = live.ask("subscription { stockChanged { change } }")
    assert reply.codes == ["BAD_INPUT"]
    assert "WebSocket" in reply.told["errors"][0]["message"]


async def test_a_query_is_answered_as_events_where_nothing_else_is_accepted(live: Served) -> None:
    async with event_stream(live.place, '{ school(code: "KEC-00001") { level } }') as stream:
        assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert await stream.next() == ("next", {"data": {"school": {"level": "Secondary"}}})
        assert (await stream.next())[0] == "complete"


async def test_a_client_that_takes_json_too_gets_json_for_queries(live: Served) -> None:
    accept = "application/graphql-response+json, application/json, text/event-stream"
    reply = live.ask("{ __typename }", accept=accept)
    assert reply.told == {"data": {"__typename": "Query"}}
    async with event_stream(live.place, FEED, {"accept": accept}) as stream:
        assert (await stream.next())[1]["data"]["stockChanged"]["change"] == "BEGUN"


async def test_what_is_wrong_with_an_operation_is_told_as_an_event(live: Served) -> None:
    async with event_stream(live.place, "subscription { nothingChanged { change } }") as stream:
        event, told = await stream.next()
        assert (stream.status, event) == (200, "next")
        assert told["errors"][0]["extensions"]["code"] == "BAD_INPUT"
        assert (await stream.next())[0] == "complete"


async def test_a_wrong_token_opens_no_stream(live: Served) -> None:
    async with event_stream(live.place, FEED, {"authorization": "Bearer nonsense"}) as stream:
        assert stream.status == 401
        assert (await stream.next())[1]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_silence_is_broken_by_comments(live: Served) -> None:
    async with event_stream(live.place, FEED) as stream:
        assert (await stream.next())[0] == "next"
        async with asyncio.timeout(10):
            assert await stream._line() == ": ping"


async def test_the_message_of_a_websocket_is_bounded(live: Served) -> None:
    async with socket(live.address) as one:
        await one.connection.send(orjson.dumps({"type": "ping", "payload": "x" * 2_000_000}).decode())
        assert (await one.closed())[0] == 1009
