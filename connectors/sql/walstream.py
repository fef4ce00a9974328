"""PostgreSQL's streaming replication protocol on a connection that has logged in."""

from __future__ import annotations

import asyncio
from struct import pack, unpack_from
from typing import Any

from connectors.sql.pgoutput import Decoder, Unreadable

MOST_BYTES = 64 * 1024 * 1024
"""Of one row. Who publishes keys alone never comes near."""


class WalStream(asyncio.Protocol):
    """Takes over a connection of asyncpg. Everything is read as it comes; only keys are kept, and no more than the
    decoder's bound. ``ended``: why nothing comes any more."""

    def __init__(self, connection: Any, decoder: Decoder) -> None:
        self.decoder = decoder
        self.news = asyncio.Event()
        self.ended: str | None = None
        self.heard = asyncio.get_running_loop().time()
        self._buffer = bytearray()
        self._confirmed = 0
        self._gone = asyncio.Event()
        self._login: Any = connection
        self._transport = connection._transport
        self._transport.set_protocol(self)

    def ask(self, command: str) -> None:
        told = command.encode() + b"\0"
        self._transport.write(b"Q" + pack("!i", len(told) + 4) + told)

    async def aclose(self) -> None:
        self._transport.abort()
        await self._gone.wait()

    def data_received(self, chunk: bytes) -> None:
        self.heard = asyncio.get_running_loop().time()
        buffer = self._buffer
        buffer += chunk
        at = 0
        while len(buffer) - at >= 5:
            (size,) = unpack_from("!i", buffer, at + 1)
            if size > MOST_BYTES:
                self._stop(f"a row of more than {MOST_BYTES} bytes")
                return
            if len(buffer) - at < size + 1:
                break
            self._message(buffer[at : at + 1], bytes(buffer[at + 5 : at + size + 1]))
            at += size + 1
        del buffer[:at]
        if self.decoder.seen or self.decoder.strange or self.ended:
            self.news.set()

    def _message(self, kind: bytes | bytearray, body: bytes) -> None:
        if kind == b"d" and body[:1] == b"w":
            try:
                if self.decoder.take(body[25:]):
                    self._confirm(unpack_from("!Q", body, 9)[0])
            except Unreadable as error:
                self._stop(str(error))
        elif kind == b"d" and body[:1] == b"k":
            place, _, wanted = unpack_from("!QQB", body, 1)
            if wanted or place > self._confirmed:
                self._confirm(place)
        elif kind == b"E":
            fields = {part[:1]: part[1:] for part in body.split(b"\0") if part}
            self._stop(fields.get(b"M", b"the server ended it").decode(errors="replace"))
        elif kind in (b"c", b"C", b"Z"):
            self._stop("the server ended it")

    def _confirm(self, place: int) -> None:
        """Written, flushed and applied up to there: the server need keep nothing of it for us."""
        self._confirmed = max(self._confirmed, place)
        told = pack("!cQQQQB", b"r", self._confirmed, self._confirmed, self._confirmed, 0, 0)
        self._transport.write(b"d" + pack("!i", len(told) + 4) + told)

    def _stop(self, reason: str) -> None:
        self.ended = self.ended or reason
        self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = self.ended or "the connection was lost"
        self.news.set()
        login, self._login = self._login, None
        login._protocol.connection_lost(error)
        self._gone.set()
