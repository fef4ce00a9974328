"""Stand-ins for connectors: a service on a free port that answers what the test says, and a connector that does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from schema.fetch import EVERYTHING, Cell, Column, Condition, Fetch, FetchShape, Rows
from schema.relations import Relation
from schema.sources import Capabilities, Limits, Source

Answer = Callable[[web.Request], Any]


@dataclass
class Service:
    """``requests``: what was asked, newest last."""

    url: str
    requests: list[web.Request] = field(default_factory=list)


@asynccontextmanager
async def service(answer: Answer) -> AsyncIterator[Service]:
    """Answers every request with what the function gives: a response, or a value to send as JSON."""
    told = Service("")

    async def handle(request: web.Request) -> web.StreamResponse:
        await request.read()
        told.requests.append(request)
        found = answer(request)
        return found if isinstance(found, web.StreamResponse) else web.json_response(found)

    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{path:.*}", handle)
    async with TestServer(app) as server:
        told.url = str(server.make_url(""))
        yield told


def a_source(kind: str = "rest", **limits: Any) -> Source:
    return Source("rtsm", "education", kind, "A system", Capabilities(), limits=Limits(**limits))


def in_time(seconds: float = 20.0) -> float:
    """A deadline that no right test reaches."""
    return asyncio.get_running_loop().time() + seconds


def a_fetch(
    relation: Relation, *columns: str, where: Condition = EVERYTHING, key: str | None = None, **bound: Any
) -> Fetch:
    """A fetch of text columns."""
    cells = tuple(Cell(Column(name, "text")) for name in columns)
    shape = FetchShape(relation, cells, where, None if key is None else Column(key, "text"))
    return Fetch(shape, bound.pop("deadline", None) or in_time(), **bound)


class Scripted:
    """A connector that does the next thing of its script: raises it, or gives it as rows; the last one for ever."""

    def __init__(self, source: Source, *script: Any) -> None:
        self.source = source
        self.script = list(script)
        self.fetches = 0

    async def fetch(self, fetch: Fetch, /) -> Rows:
        self.fetches += 1
        act = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(act, BaseException):
            raise act
        return Rows(act)

    async def aclose(self) -> None:
        return None
