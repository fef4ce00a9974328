"""GraphQL over HTTP: bytes to request and answer to bytes, as the specification says, both media types.

A plain ASGI endpoint: nothing is parsed twice and nothing is built that a request does not need.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.types import Receive, Scope, Send

from gateway.metrics import Metrics
from gateway.operation import operation_kind
from gateway.request import Answer, GraphQLRequest, Incoming
from schema.errors import Code

RESPONSE_JSON = b"application/graphql-response+json; charset=utf-8"
PLAIN_JSON = b"application/json; charset=utf-8"
STATUS = {
    "ok": 200, "request_error": 400, "unauthenticated": 401, "ledger_unavailable": 503, "internal": 500,
    "not_allowed": 405, "late": 504,
}  # fmt: skip
FIXED_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"vary", b"Accept, Authorization, X-Api-Key"),
]
CONTEXT_HEADERS = {b"authorization": "authorization", b"x-api-key": "api_key", b"x-purpose": "purpose",
                   b"x-case": "case", b"x-on-behalf-of": "on_behalf_of"}  # fmt: skip


CLOSE = ((b"connection", b"close"),)
"""What is still to come of a request is not waited for."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    body_bytes: int = 1_000_000
    body_time_s: float = 10.0


class HttpProblem(Exception):
    """The bytes are no GraphQL request."""

    def __init__(self, status: int, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


Ask = Callable[[Incoming], Awaitable[Answer]]
Stream = Callable[[Incoming, str, list[tuple[bytes, bytes]], Receive, Send], Awaitable[str]]
"""Answers somebody by server-sent events; gives the outcome. Raises HttpProblem where there is no room for more."""


class GraphQLEndpoint:
    """``/graphql``. ``ask`` answers a request that could be read, ``stream`` one whose answer comes as events."""

    def __init__(self, ask: Ask, stream: Stream, limits: HttpLimits, metrics: Metrics) -> None:
        self._ask = ask
        self._stream = stream
        self._limits = limits
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        media: bytes | None = PLAIN_JSON
        request_id = secrets.token_hex(8)
        extra: list[tuple[bytes, bytes]] = [(b"x-request-id", request_id.encode())]
        try:
            headers = dict(scope["headers"])
            accept = headers.get(b"accept")
            events, media = _media(accept)
            request = await self._read(scope, headers, receive)
            given = {name: headers[key].decode("latin-1") for key, name in CONTEXT_HEADERS.items() if key in headers}
            incoming = Incoming(request, request_id=request_id, read_only=scope["method"] == "GET", **given)
            if events and (media is None or operation_kind(request) == "subscription"):
                client = scope.get("client")
                who = str(client[0]) if client else "unknown"
                await self._stream(incoming, who, [*FIXED_HEADERS, *extra], receive, send)
                return
            media = media or PLAIN_JSON
            answer = await self._ask(incoming)
            status, body = self._status(answer, media), answer.body
            if answer.ledger_entry is not None:
                extra.append((b"x-ledger-entry", answer.ledger_entry.encode()))
            if answer.outcome == "not_allowed":
                extra.append((b"allow", b"POST"))
            if answer.outcome == "unauthenticated":
                extra.append((b"www-authenticate", b"Bearer"))
            outcome = answer.outcome
        except HttpProblem as problem:
            status, outcome = problem.status, "bad_request"
            extra += problem.headers
            body = orjson.dumps({"errors": [{"message": problem.message, "extensions": {"code": Code.BAD_INPUT}}]})
        self._metrics.answered(outcome, time.perf_counter() - started)
        start = {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", media or PLAIN_JSON), (b"content-length", str(len(body)).encode()), *FIXED_HEADERS,
                *extra,
            ],
        }  # fmt: skip
        await send(start)
        await send({"type": "http.response.body", "body": body})

    def _status(self, answer: Answer, media: bytes) -> int:
        """With application/json a GraphQL request error is told as 200, as older clients expect."""
        if answer.outcome == "request_error" and media is PLAIN_JSON:
            return 200
        return STATUS[answer.outcome]

    async def _read(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> GraphQLRequest:
        if scope["method"] == "GET":
            return _from_query(scope["query_string"])
        if scope["method"] != "POST":
            raise HttpProblem(405, "send a GraphQL request by POST, or a query by GET", ((b"allow", b"GET, POST"),))
        _check_content(headers)
        declared = headers.get(b"content-length")
        if declared is not None and int(declared) > self._limits.body_bytes:
            raise self._too_long()
        try:
            async with asyncio.timeout(self._limits.body_time_s):
                body = await self._body(receive)
        except TimeoutError:
            raise HttpProblem(408, "the request did not arrive in time", CLOSE) from None
        return request_of(parsed(body))

    def _too_long(self) -> HttpProblem:
        return HttpProblem(413, f"a request may have {self._limits.body_bytes} bytes", CLOSE)

    async def _body(self, receive: Receive) -> bytes:
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            body: bytes = message.get("body", b"")
            if len(body) > self._limits.body_bytes:
                raise self._too_long()
            return body
        parts = bytearray()
        while True:
            if message["type"] == "http.disconnect":
                raise HttpProblem(400, "the request broke off")
            parts += message.get("body", b"")
            if len(parts) > self._limits.body_bytes:
                raise self._too_long()
            if not message.get("more_body"):
                return bytes(parts)
            message = await receive()


def _media(accept: bytes | None) -> tuple[bool, bytes | None]:
    """Whether events are accepted, and the JSON media type where one is."""
    events = accept is not None and b"text/event-stream" in accept.lower()
    try:
        return events, _accepted(accept)
    except HttpProblem:
        if events:
            return True, None
        raise


def _accepted(accept: bytes | None) -> bytes:
    """The media type to answer in; application/json where the client says nothing of it."""
    if not accept or accept in (b"*/*", b"application/json"):
        return PLAIN_JSON
    best, quality = None, 0.0
    for part in accept.decode("latin-1").split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        told = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    told = float(parameter[2:])
                except ValueError:
                    told = 0.0
        media = {
            "application/graphql-response+json": RESPONSE_JSON, "application/json": PLAIN_JSON, "*/*": PLAIN_JSON,
            "application/*": PLAIN_JSON,
        }.get(name)  # fmt: skip
        if media is not None and told > quality:
            best, quality = media, told
    if best is None:
        raise HttpProblem(406, "accept application/graphql-response+json or application/json")
    return best


def _check_content(headers: dict[bytes, bytes]) -> None:
    name, *parameters = (piece.strip().lower() for piece in headers.get(b"content-type", b"").split(b";"))
    if name != b"application/json":
        raise HttpProblem(415, "send the request as application/json")
    for parameter in parameters:
        if parameter.startswith(b"charset=") and parameter[8:].strip(b'"') not in (b"utf-8", b"utf8"):
            raise HttpProblem(415, "send the request in UTF-8")
    if headers.get(b"content-encoding", b"identity").lower() not in (b"", b"identity"):
        raise HttpProblem(415, "send the request uncompressed")


def parsed(body: bytes, what: str = "the body") -> Any:
    """``body`` as JSON. Raises HttpProblem for anything else, also for nesting too deep to read."""
    try:
        return orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except (orjson.JSONDecodeError, RecursionError):
        raise HttpProblem(400, f"{what} is no JSON") from None


def request_of(told: Any) -> GraphQLRequest:
    """The request a JSON body holds. Members must be of the specified types; unknown ones are left alone."""
    if not isinstance(told, dict):
        raise HttpProblem(400, 'the body must be an object with "query"; lists of requests are not served')
    query = told.get("query")
    if not isinstance(query, str):
        raise HttpProblem(400, '"query" must be a string')
    name = told.get("operationName")
    if name is not None and not isinstance(name, str):
        raise HttpProblem(400, '"operationName" must be a string')
    for member in ("variables", "extensions"):
        if not isinstance(told.get(member), (dict, type(None))):
            raise HttpProblem(400, f'"{member}" must be an object')
    return GraphQLRequest(query, name or None, told.get("variables") or {}, told.get("extensions") or {})


def _from_query(query_string: bytes) -> GraphQLRequest:
    try:
        pairs = parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise HttpProblem(400, "the address's query cannot be read") from None
    told: dict[str, Any] = dict(pairs)
    if len(told) != len(pairs):
        raise HttpProblem(400, "a parameter of the address is given twice")
    for member in ("variables", "extensions"):
        if told.get(member):
            told[member] = parsed(told[member].encode(), f'"{member}"')
        else:
            told.pop(member, None)
    return request_of(told)
