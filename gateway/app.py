"""The ASGI application: GraphQL, health, metrics, the SDL and a landing page."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway import contracts, dcat, landing
from gateway.hooked import hooked
from gateway.house import House
from gateway.http import GraphQLEndpoint, HttpLimits
from gateway.metrics import CONTENT_TYPE, Metrics
from gateway.opening import open_house
from gateway.pipeline import answer
from gateway.request import Answer, Incoming
from gateway.settings import Settings
from gateway.sse import serve_events
from gateway.websocket import serve_websocket

Opening = Callable[[], AbstractAsyncContextManager[House]]


def create_app(settings: Settings, opened: Callable[[], None] | None = None) -> Starlette:
    """The application of these settings. The house is opened when it starts and closed when it stops; ``opened`` is
    called in between, before the first request."""
    metrics = Metrics()
    limits = HttpLimits(settings.limits.body_bytes, settings.limits.body_time_s)
    return app_over(lambda: open_house(settings, metrics.observe), limits, metrics, opened)


def app_over(
    opening: Opening, limits: HttpLimits, metrics: Metrics, opened: Callable[[], None] | None = None
) -> Starlette:
    """The application over any house."""
    rooms = _Rooms(metrics)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with opening() as house:
            rooms.house = house
            if opened is not None:
                opened()
            yield

    app = _Gateway(
        GraphQLEndpoint(rooms.ask, rooms.stream, limits, metrics),
        rooms,
        routes=[
            Route("/healthz", rooms.healthz),
            Route("/readyz", rooms.readyz),
            Route("/metrics", rooms.metrics),
            Route("/schema.graphql", rooms.sdl),
            Route("/catalog.jsonld", rooms.catalogue),
            Route("/contracts/{department}.yaml", rooms.contract),
            Route("/hooks/{source}", rooms.hooked, methods=["POST"]),
            Route("/", rooms.landing),
        ],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.close = rooms.close
    return app


class _Gateway(Starlette):
    """``/graphql`` goes straight to its endpoint, which answers every method and every error by itself; all other
    paths go through the routes."""

    def __init__(self, endpoint: GraphQLEndpoint, rooms: _Rooms, **options: Any) -> None:
        super().__init__(**options)
        self._endpoint = endpoint
        self._rooms = rooms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/graphql":
            await self._endpoint(scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"] == "/graphql" and self._rooms.house is not None:
            await serve_websocket(self._rooms.house, scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class _Rooms:
    """What the pages beside GraphQL show."""

    def __init__(self, metrics: Metrics) -> None:
        self.house: House | None = None
        self._metrics = metrics

    async def ask(self, incoming: Incoming) -> Answer:
        assert self.house is not None
        return await answer(self.house, incoming)

    async def stream(
        self, incoming: Incoming, who: str, headers: list[tuple[bytes, bytes]], receive: Receive, send: Send
    ) -> str:
        assert self.house is not None
        return await serve_events(self.house, incoming, who, headers, receive, send)

    def close(self) -> None:
        """Ends what would never end by itself, so that the server can stop."""
        if self.house is not None:
            self.house.live.close()

    async def healthz(self, request: Request) -> Response:
        return JSONResponse({"status": "up"})

    async def readyz(self, request: Request) -> Response:
        """Ready as soon as the declarations are resolved: no department's system has to be up."""
        house = self.house
        if house is None:
            return JSONResponse({"status": "starting"}, 503)
        sources: dict[str, Any] = dict.fromkeys(house.catalog.sources, "declared")
        return JSONResponse({"status": "ready", "records": len(house.catalog.records), "sources": sources})

    async def metrics(self, request: Request) -> Response:
        return Response(self._metrics.text(), headers={"content-type": CONTENT_TYPE})

    async def sdl(self, request: Request) -> Response:
        assert self.house is not None
        return PlainTextResponse(self.house.published_sdl)

    async def catalogue(self, request: Request) -> Response:
        assert self.house is not None
        try:
            asked = request.query_params.get("asOf")
            day = None if asked is None else dt.date.fromisoformat(asked)
        except ValueError:
            return PlainTextResponse("asOf is no day; write it as 2025-06-30\n", 400)
        return JSONResponse(dcat.catalogue(self.house.catalog, day), media_type="application/ld+json")

    async def contract(self, request: Request) -> Response:
        assert self.house is not None
        told = contracts.contract(self.house.catalog, request.path_params["department"])
        if told is None:
            return PlainTextResponse("there is no such department; /catalog.jsonld lists them\n", 404)
        return Response(told, media_type="application/yaml")

    async def hooked(self, request: Request) -> Response:
        assert self.house is not None
        return await hooked(self.house, request)

    async def landing(self, request: Request) -> Response:
        assert self.house is not None
        return landing.page(self.house.catalog)
