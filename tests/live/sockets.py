"""Real clients: graphql-transport-ws over the ``websockets`` package, graphql-sse over plain HTTP; and departments that
go on working, writing into their own systems."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

PROTOCOL = "graphql-transport-ws"
PATIENCE_S = 20.0
"""A test that waits this long has failed."""


@dataclass(slots=True)
class Socket:
    """A client that has been acknowledged."""

    connection: ClientConnection
    ids: Any = field(default_factory=lambda: itertools.count(1))

    async def send(self, **message: Any) -> None:
        await self.connection.send(orjson.dumps(message).decode())

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            told: dict[str, Any] = orjson.loads(await self.connection.recv())
        return told

    async def subscribe(self, query: str, **variables: Any) -> str:
        id = str(next(self.ids))
        await self.send(id=id, type="subscribe", payload={"query": query, "variables": variables})
        return id

    async def next(self) -> Any:
        """The payload of the next message, which must be a result."""
        told = await self.receive()
        assert told["type"] == "next", told
        return told["payload"]

    async def events(self, count: int, name: str = "stockChanged") -> list[dict[str, Any]]:
        return [(await self.next())["data"][name] for _ in range(count)]

    async def errors(self) -> list[dict[str, Any]]:
        told = await self.receive()
        assert told["type"] == "error", told
        payload: list[dict[str, Any]] = told["payload"]
        return payload

    async def closed(self) -> tuple[int, str]:
        """Code and reason of how the gateway ended it."""
        async with asyncio.timeout(PATIENCE_S):
            await self.connection.wait_closed()
        assert self.connection.close_code is not None
        return self.connection.close_code, self.connection.close_reason or ""


@asynccontextmanager
async def raw(address: str, **options: Any) -> AsyncIterator[Socket]:
    """A socket that has said nothing yet."""
    url = address.replace("http://", "ws://") + "/graphql"
    # A gateway that starts answers as soon as its house is open.
    async with connect(url, subprotocols=[Subprotocol(PROTOCOL)], open_timeout=60, **options) as connection:
        yield Socket(connection)


@asynccontextmanager
async def socket(address: str, **who: str) -> AsyncIterator[Socket]:
    """An acknowledged socket. ``who``: the payload of ``connection_init``, ``x_case`` standing for ``X-Case``."""
    async with raw(address) as one:
        await one.send(type="connection_init", payload={name.replace("_", "-"): value for name, value in who.items()})
        assert await one.receive() == {"type": "connection_ack"}
        yield one


@dataclass(frozen=True, slots=True)
class Depot:
    """The medical stores, counting: writes into LMIS as its own programs do."""

    path: Path

    def write(self, statement: str, *values: Any) -> None:
        connection = sqlite3.connect(self.path, timeout=20)
        connection.execute("PRAGMA synchronous=OFF")
        with connection:
            connection.execute(statement, values)
        connection.close()

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.path, timeout=20)
        found = connection.execute(statement, values).fetchall()
        connection.close()
        return found

    def card(self, facility: str, drug: str) -> str:
        """The stock card of a drug at a facility."""
        ((card,),) = self.rows(
            "SELECT c.id FROM stock_cards c JOIN facility_map m ON m.facilityid = c.facilityid "
            "JOIN orderables o ON o.id = c.orderableid WHERE m.hmis_code = ? AND o.code = ?", facility, drug,
        )  # fmt: skip
        return str(card)

    def count(self, card: str, quantity: int, day: str) -> str:
        """A count of stock; its id."""
        id = str(uuid.uuid4())
        self.write("INSERT INTO calculated_stocks_on_hand VALUES (?, ?, ?, ?)", id, quantity, day, card)
        return id

    def recount(self, id: str, quantity: int) -> None:
        self.write("UPDATE calculated_stocks_on_hand SET stockonhand = ? WHERE id = ?", quantity, id)

    def strike(self, id: str) -> None:
        self.write("DELETE FROM calculated_stocks_on_hand WHERE id = ?", id)


@dataclass(slots=True)
class EventStream:
    """One graphql-sse stream as it comes off the line."""

    reader: asyncio.StreamReader
    status: int
    headers: dict[str, str]

    async def next(self) -> tuple[str, Any]:
        """(event, data) of the next event; comments are passed over."""
        event, data = "", ""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                line = (await self._line()).rstrip("\r\n")
                if line.startswith("event: "):
                    event = line[7:]
                elif line.startswith("data: "):
                    data += line[6:]
                elif not line and event:
                    return event, orjson.loads(data) if data else None

    _rest: bytes = b""

    async def _line(self) -> str:
        """A line of the chunked body."""
        while b"\n" not in self._rest:
            size = int((await self.reader.readline()).strip() or b"0", 16)
            if not size:
                raise EOFError("the stream has ended")
            self._rest += (await self.reader.readexactly(size + 2))[:-2]
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()


@asynccontextmanager
async def event_stream(
    place: tuple[str, int], query: str, headers: dict[str, str] | None = None, **variables: Any
) -> AsyncIterator[EventStream]:
    """A stream asked for by POST, as graphql-sse does it."""
    reader, writer = await asyncio.open_connection(*place)
    body = orjson.dumps({"query": query, "variables": variables})
    told = {
        "host": "gateway", "accept": "text/event-stream", "content-type": "application/json",
        "content-length": str(len(body)), **(headers or {}),
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    writer.write(f"POST /graphql HTTP/1.1\r\n{head}\r\n".encode() + body)
    await writer.drain()
    try:
        status = int((await reader.readline()).split()[1])
        got: dict[str, str] = {}
        while (line := (await reader.readline()).decode().strip()) != "":
            name, _, value = line.partition(": ")
            got[name.lower()] = value
        yield EventStream(reader, status, got)
    finally:
        writer.close()
