"""A cable to a server that tests can cut or block: a TCP proxy on loopback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(slots=True)
class Cable:
    """``cut``: connections end and new ones are refused; ``block``: nothing passes any more, nobody is told."""

    host: str
    port: int
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _clear: asyncio.Event = field(default_factory=asyncio.Event)
    here: int = 0

    async def plug(self) -> None:
        """Listens; at the port it had, when it was plugged before."""
        self._clear.set()
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.here)
        self.here = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        self._clear.set()
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in tuple(self._writers):
            writer.transport.abort()

    def block(self) -> None:
        self._clear.clear()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self.host, self.port)
        self._writers |= {writer, far_writer}
        await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))
        self._writers -= {writer, far_writer}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while part := await reader.read(65536):
                await self._clear.wait()
                writer.write(part)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def cable_to(url: str) -> AsyncIterator[tuple[Cable, str]]:
    """A plugged cable to the server of an address, and the address through it."""
    parts = urlsplit(url)
    cable = Cable(parts.hostname or "127.0.0.1", parts.port or 0)
    await cable.plug()
    login = f"{parts.username}@" if parts.username else ""
    try:
        yield cable, parts._replace(netloc=f"{login}127.0.0.1:{cable.here}").geturl()
    finally:
        await cable.cut()
