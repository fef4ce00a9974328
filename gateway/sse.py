"""GraphQL over server-sent events, in the distinct connections mode of graphql-sse: one operation a request, its
results as ``next`` events, then ``complete``. Whatever is wrong with the operation is a result too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import orjson
from starlette.types import Receive, Send

from gateway.house import House
from gateway.http import HttpProblem
from gateway.live.stream import Stream, StreamEnded, open_stream
from gateway.operation import operation_kind
from gateway.pipeline import answer
from gateway.request import Incoming

STREAM = b"text/event-stream; charset=utf-8"
COMPLETE = b"event: complete\ndata:\n\n"
PING = b": ping\n\n"
STATUS = {"unauthenticated": 401, "ledger_unavailable": 503}
"""Where no stream is opened at all."""


async def serve_events(
    house: House, incoming: Incoming, who: str, headers: list[tuple[bytes, bytes]], receive: Receive, send: Send
) -> str:
    """One operation from its request to its end; its outcome."""
    if not house.live.enter(who):
        raise HttpProblem(503, "too many connections; try again later")
    try:
        return await _serve(house, incoming, headers, receive, send)
    finally:
        house.live.exit(who)


async def _serve(
    house: House, incoming: Incoming, headers: list[tuple[bytes, bytes]], receive: Receive, send: Send
) -> str:
    first: bytes | None = None
    stream: Stream | None = None
    outcome = "ok"
    if operation_kind(incoming.request) == "subscription":
        try:
            stream = await open_stream(house, incoming)
        except StreamEnded as end:
            first, outcome = orjson.dumps({"errors": end.errors}), end.outcome
    else:
        told = await answer(house, incoming)
        first, outcome = told.body, told.outcome
    status = STATUS.get(outcome, 200)
    await send({"type": "http.response.start", "status": status, "headers": [
        (b"content-type", STREAM), (b"x-accel-buffering", b"no"), *headers,
    ]})  # fmt: skip
    if stream is None:
        assert first is not None
        await _write(send, _event(first) + COMPLETE, more=False)
        return outcome
    pumping = asyncio.create_task(_pump(house, stream, send))
    leaving = [asyncio.create_task(_gone(receive)), asyncio.create_task(house.live.closed())]
    try:
        await asyncio.wait([pumping, *leaving], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (pumping, *leaving):
            task.cancel()
        await asyncio.gather(pumping, *leaving, return_exceptions=True)
        with suppress(Exception):
            await _write(send, b"", more=False)
    return outcome


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _pump(house: House, stream: Stream, send: Send) -> None:
    batches = stream.batches()
    try:
        async for written in _with_pings(batches, house.live.limits.ping_s):
            await _write(send, written)
    except StreamEnded as end:
        await _write(send, _event(orjson.dumps({"errors": end.errors})) + COMPLETE)
    finally:
        stream.close()


async def _with_pings(batches: AsyncIterator[list[bytes]], ping_s: float) -> AsyncIterator[bytes]:
    """The batches as events; a comment where nothing came for a while, so that no proxy takes the line for dead."""
    yield PING
    waiting: asyncio.Task[Any] | None = None
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(anext(batches))
            done, _ = await asyncio.wait([waiting], timeout=ping_s)
            if not done:
                yield PING
                continue
            finished, waiting = waiting, None
            try:
                payloads = finished.result()
            except StopAsyncIteration:
                return
            yield b"".join(map(_event, payloads))
    finally:
        if waiting is not None:
            waiting.cancel()
            with suppress(BaseException):
                await waiting


def _event(payload: bytes) -> bytes:
    return b"event: next\ndata: " + payload + b"\n\n"


async def _write(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})
