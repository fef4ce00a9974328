"""What the services share: how an application is put together, JSON answers, arguments, and a count of requests."""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from legacy.services.store import StoreMissing

MOST_BODY_BYTES = 1024 * 1024
MOST_VALUES = 200
WHOLE = re.compile(r"-?[0-9]+", re.ASCII)


class BadArgument(ValueError):
    """An argument that is not as the interface says; the message names it and never repeats its value."""


class Statistics:
    """Requests received, by path; ``GET /_stats`` tells, ``POST /_stats/reset`` starts again. Its own are not counted.

    A request counts before it is answered: who has the answer finds it in the count.
    """

    def __init__(self) -> None:
        self.by_path: Counter[str] = Counter()

    def routes(self) -> list[Route]:
        return [
            Route("/_stats", self._tell, methods=["GET"]),
            Route("/_stats/reset", self._reset, methods=["POST"]),
        ]

    def rename(self, path: str, name: str) -> None:
        """The request just counted under ``path`` goes under a closer name."""
        self.by_path[path] -= 1
        self.by_path[name] += 1

    async def _tell(self, request: Request) -> Response:
        by_path = {path: number for path, number in self.by_path.items() if number}
        return answer({"requests": sum(by_path.values()), "by_path": by_path})

    async def _reset(self, request: Request) -> Response:
        self.by_path.clear()
        return answer({"requests": 0, "by_path": {}})


class _Counted:
    """ASGI middleware that counts."""

    def __init__(self, app: ASGIApp, statistics: Statistics) -> None:
        self._app = app
        self._statistics = statistics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith("/_stats"):
            self._statistics.by_path[scope["path"]] += 1
        await self._app(scope, receive, send)


def service(routes: Sequence[Route], statistics: Statistics) -> Starlette:
    """The application: counted, bodies bounded, and every error a JSON object with ``detail``."""
    return Starlette(
        routes=[*routes, *statistics.routes()],
        middleware=[Middleware(_Counted, statistics=statistics)],
        max_body_size=MOST_BODY_BYTES,
        exception_handlers={
            HTTPException: _told,
            BadArgument: _refused,
            sqlite3.Error: _out_of_order,
        },
    )


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return answer({"detail": error.detail}, error.status_code, error.headers)


async def _refused(request: Request, error: Exception) -> Response:
    return answer({"detail": str(error)}, 400)


async def _out_of_order(request: Request, error: Exception) -> Response:
    return answer({"detail": "the system is out of order"}, 500)


def answer(body: Any, status: int = 200, headers: Any = None) -> Response:
    return Response(orjson.dumps(body), status, headers, media_type="application/json")


def secret(folder: Path, name: str) -> str:
    """A key or password that the build made. Raises StoreMissing."""
    try:
        return (folder / name).read_text().strip()
    except FileNotFoundError as error:
        raise StoreMissing(f"{folder / name}: no such file; `python -m legacy build` makes it") from error


def whole(text: str | None, default: int, most: int, least: int = 1) -> int:
    """A page number, offset or size. Raises BadArgument."""
    if text is None:
        return default
    if not WHOLE.fullmatch(text) or len(text) > 12 or not least <= int(text) <= most:
        raise BadArgument(f"a number from {least} to {most} is needed")
    return int(text)


def numbers(texts: Sequence[str], name: str) -> list[int]:
    """Whole numbers; those that no 64-bit column can hold are left out, no row has them. Raises BadArgument."""
    if any(not WHOLE.fullmatch(text) or len(text) > 40 for text in texts):
        raise BadArgument(f"{name}: whole numbers are needed")
    return [number for number in map(int, texts) if -(2**63) <= number < 2**63]


def several(text: str, name: str, most: int = MOST_VALUES) -> list[str]:
    """The parts of a comma list, trimmed. Raises BadArgument when there are more than ``most``."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > most:
        raise BadArgument(f"{name}: at most {most} values")
    return parts


def is_date(text: str) -> bool:
    """Whether it is a day of the calendar, written YYYYMMDD."""
    if not re.fullmatch(r"[0-9]{8}", text, re.ASCII):
        return False
    try:
        dt.date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True
