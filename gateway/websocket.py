"""GraphQL over WebSocket: the graphql-transport-ws protocol. Who asks is said once, in ``connection_init``, never in
the address; queries are answered too. Every way to close has its code."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import structlog
from starlette.types import Receive, Scope, Send

from auth.errors import AuthError
from gateway.house import House
from gateway.http import HttpProblem, request_of
from gateway.live.limits import LiveLimits
from gateway.live.stream import StreamEnded, open_stream
from gateway.operation import operation_kind
from gateway.pipeline import answer, claims
from gateway.request import GraphQLRequest, Incoming
from schema.errors import Code

log = structlog.get_logger("live")
PROTOCOL = "graphql-transport-ws"
INVALID, UNAUTHORIZED, FORBIDDEN, LATE = 4400, 4401, 4403, 4408
TAKEN, INITIALISED = 4409, 4429
BUSY = 1013
"""The registered code for "try again later"."""
GOING = 1001
NAMES = {
    "authorization": "authorization", "xapikey": "api_key", "apikey": "api_key", "xpurpose": "purpose",
    "purpose": "purpose", "xcase": "case", "case": "case", "xonbehalfof": "on_behalf_of",
    "onbehalfof": "on_behalf_of",
}  # fmt: skip


class Closed(Exception):
    """The connection ends with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


def who_from(scope: Scope) -> str:
    """Whom connections are counted by before it is known who asks."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


async def serve_websocket(house: House, scope: Scope, receive: Receive, send: Send) -> None:
    """One WebSocket from its handshake to its end."""
    await receive()
    who = who_from(scope)
    if PROTOCOL not in scope.get("subprotocols", ()):
        await _denied(scope, send, 400, f"offer the subprotocol {PROTOCOL}")
        return
    if not house.live.enter(who):
        await _denied(scope, send, 503, "too many connections; try again later")
        return
    try:
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        await _Connection(house, receive, send, house.live.limits).run()
    finally:
        house.live.exit(who)


async def _denied(scope: Scope, send: Send, status: int, message: str) -> None:
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": BUSY if status == 503 else INVALID})
        return
    body = orjson.dumps({"errors": [{"message": message, "extensions": {"code": Code.BAD_INPUT}}]})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


@dataclass(slots=True)
class _Connection:
    house: House
    receive: Receive
    send: Send
    limits: LiveLimits
    who: Incoming | None = None
    acknowledged: bool = False
    operations: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    closing: asyncio.Future[Closed] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def run(self) -> None:
        """Until either side ends it."""
        watching = [asyncio.create_task(self._read()), asyncio.create_task(self._end_with_the_house())]
        try:
            end = await self.closing
            if end.code:
                with suppress(Exception):
                    async with asyncio.timeout(self.limits.init_s):
                        await self.send({"type": "websocket.close", "code": end.code, "reason": end.reason})
        finally:
            tasks = [*watching, *self.operations.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _close(self, code: int, reason: str) -> None:
        if not self.closing.done():
            self.closing.set_result(Closed(code, reason))

    async def _end_with_the_house(self) -> None:
        await self.house.live.closed()
        self._close(GOING, "the gateway is closing; connect again")

    async def _read(self) -> None:
        """The first message must come in time, the others at leisure."""
        try:
            try:
                async with asyncio.timeout(self.limits.init_s):
                    while not self.acknowledged:
                        await self._message(await self.receive())
            except TimeoutError:
                raise Closed(LATE, "Connection initialisation timeout") from None
            while True:
                await self._message(await self.receive())
        except Closed as end:
            self._close(end.code, end.reason)
        except Exception:
            self._close(1011, "something went wrong here")
            raise

    async def _message(self, event: Any) -> None:
        if event["type"] == "websocket.disconnect":
            raise Closed(0, "")
        text = event.get("text")
        try:
            told = orjson.loads(text) if text is not None else None
        except (orjson.JSONDecodeError, RecursionError):
            told = None
        if not isinstance(told, dict) or not isinstance(told.get("type"), str):
            raise Closed(INVALID, "a message is a JSON object with a type")
        payload = told.get("payload")
        match told["type"]:
            case "connection_init":
                await self._init(payload)
            case "ping":
                await self._send({"type": "pong", **({} if payload is None else {"payload": payload})})
            case "pong":
                pass
            case "subscribe":
                self._subscribe(told.get("id"), payload)
            case "complete":
                task = self.operations.pop(str(told.get("id")), None)
                if task is not None:
                    task.cancel()
            case _:
                raise Closed(INVALID, "there is no such type of message")

    async def _init(self, payload: Any) -> None:
        if self.who is not None:
            raise Closed(INITIALISED, "Too many initialisation requests")
        if not isinstance(payload, (dict, type(None))):
            raise Closed(INVALID, "the payload of connection_init must be an object")
        given: dict[str, str] = {}
        for name, value in (payload or {}).items():
            attribute = NAMES.get(name.lower().replace("-", ""))
            if attribute is not None and value is not None:
                if not isinstance(value, str) or given.get(attribute, value) != value:
                    raise Closed(INVALID, f"{name} must be text, and said once")
                given[attribute] = value
        self.who = replace(Incoming(GraphQLRequest("")), **given)  # type: ignore[arg-type]
        try:
            await self.house.authenticator.authenticate(*claims(self.who))
        except AuthError as error:
            raise Closed(FORBIDDEN, f"Forbidden: {error.message}"[:120]) from None
        self.acknowledged = True
        await self._send({"type": "connection_ack"})

    def _subscribe(self, id: Any, payload: Any) -> None:
        if not self.acknowledged or self.who is None:
            raise Closed(UNAUTHORIZED, "Unauthorized")
        if not isinstance(id, str) or not id:
            raise Closed(INVALID, "subscribe needs an id")
        try:
            request = request_of(payload)
        except HttpProblem as problem:
            raise Closed(INVALID, problem.message) from None
        if id in self.operations:
            raise Closed(TAKEN, f"Subscriber for {id[:50]} already exists")
        if len(self.operations) >= self.limits.operations:
            self.operations[id] = asyncio.create_task(self._refuse(id))
        else:
            incoming = replace(self.who, request=request, request_id=secrets.token_hex(8))
            self.operations[id] = asyncio.create_task(self._operate(id, incoming))

    async def _refuse(self, id: str) -> None:
        message = f"a connection may have {self.limits.operations} operations at once; complete one first"
        await self._errors(id, [{"message": message, "extensions": {"code": Code.BUDGET_EXCEEDED}}])
        self.operations.pop(id, None)

    async def _operate(self, id: str, incoming: Incoming) -> None:
        try:
            if operation_kind(incoming.request) == "subscription":
                await self._stream(id, incoming)
            else:
                await self._answer(id, incoming)
        except OSError:
            self._close(0, "")
        except Exception as error:
            log.error("an operation failed", request=incoming.request_id, kind=type(error).__name__)
            self._close(1011, "something went wrong here")
        finally:
            if self.operations.get(id) is asyncio.current_task():
                del self.operations[id]

    async def _answer(self, id: str, incoming: Incoming) -> None:
        told = await answer(self.house, incoming)
        if told.outcome == "ok":
            await self._next(id, told.body)
            await self._send({"type": "complete", "id": id})
        else:
            await self._errors(id, orjson.loads(told.body)["errors"])

    async def _stream(self, id: str, incoming: Incoming) -> None:
        try:
            stream = await open_stream(self.house, incoming)
        except StreamEnded as end:
            await self._errors(id, end.errors)
            return
        try:
            async for payloads in stream.batches():
                for payload in payloads:
                    await self._next(id, payload)
        except StreamEnded as end:
            if end.slow:
                self._close(BUSY, "too slow: go on from your last cursor")
            else:
                await self._errors(id, end.errors)
            if end.outcome == "unauthenticated":
                self._close(FORBIDDEN, f"Forbidden: {end.errors[0]['message']}"[:120])
        finally:
            stream.close()

    async def _next(self, id: str, payload: bytes) -> None:
        text = b'{"id":%b,"type":"next","payload":%b}' % (orjson.dumps(id), payload)
        await self.send({"type": "websocket.send", "text": text.decode()})

    async def _errors(self, id: str, errors: list[dict[str, Any]]) -> None:
        await self._send({"id": id, "type": "error", "payload": errors})

    async def _send(self, message: dict[str, Any]) -> None:
        await self.send({"type": "websocket.send", "text": orjson.dumps(message).decode()})

