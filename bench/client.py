"""The asking side: a fixed number of connections, each sending its next request when the last one is answered."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass

from bench.servers import Server


@dataclass(frozen=True, slots=True)
class Block:
    """What one stretch of asking took. ``cpu_ms``: of the server, a request."""

    requests: int
    seconds: float
    cpu_ms: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


class Connection:
    """One kept-alive HTTP/1.1 connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._head = "".join(
            f"{name}: {value}\r\n" for name, value in (("content-type", "application/json"), *server.headers)
        )
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, body: bytes) -> bytes:
        """The body of the answer. Raises RuntimeError when its status is not 200."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._server.port, limit=2**20)
        reader, writer = self._streams
        head = f"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n{self._head}\r\n"
        writer.write(head.encode() + body)
        told = await reader.readuntil(b"\r\n\r\n")
        size = int(told.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        answer = await reader.readexactly(size)
        if not told.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{self._server.name}: {told[:80]!r} {answer[:500]!r}")
        return answer

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            await self._streams[1].wait_closed()


async def ask_once(server: Server, bodies: list[bytes]) -> list[bytes]:
    """The answer to each body."""
    connection = Connection(server)
    try:
        return [await connection.post(body) for body in bodies]
    finally:
        await connection.close()


async def ask_for(server: Server, bodies: list[bytes], concurrency: int, seconds: float) -> Block:
    """Asks on ``concurrency`` connections for about ``seconds``."""
    connections = [Connection(server) for _ in range(concurrency)]
    waiting = itertools.cycle(bodies)
    done = 0
    await asyncio.gather(*(connection.post(next(waiting)) for connection in connections))
    cpu, started = server.cpu_s(), time.perf_counter()
    until = started + seconds

    async def ask(connection: Connection) -> None:
        nonlocal done
        while time.perf_counter() < until:
            await connection.post(next(waiting))
            done += 1

    await asyncio.gather(*(ask(connection) for connection in connections))
    took, spent = time.perf_counter() - started, server.cpu_s() - cpu
    for connection in connections:
        await connection.close()
    return Block(done, took, 1000 * spent / done)
