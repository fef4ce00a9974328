"""What the services share: a read-only store, JSON answers, and a count of requests that tests read."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


class Store:
    """One SQLite file, read (and for payments written) by one service."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row

    def rows(self, statement: str, values: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        return [dict(row) for row in self._connection.execute(statement, values)]

    def one(self, statement: str, values: tuple[Any, ...] = ()) -> Any:
        return self._connection.execute(statement, values).fetchone()

    def write(self, statement: str, values: tuple[Any, ...]) -> None:
        self._connection.execute(statement, values)


class Statistics:
    """Requests answered, by path; ``GET /_stats`` tells, ``POST /_stats/reset`` starts again."""

    def __init__(self) -> None:
        self.by_path: Counter[str] = Counter()

    def routes(self) -> list[Route]:
        return [Route("/_stats", self._tell), Route("/_stats/reset", self._reset, methods=["POST"])]

    async def _tell(self, request: Request) -> Response:
        return answer({"requests": sum(self.by_path.values()), "by_path": dict(self.by_path)})

    async def _reset(self, request: Request) -> Response:
        self.by_path.clear()
        return answer({"requests": 0})


def answer(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")


def whole(text: str | None, default: int, most: int) -> int:
    """A page number or size from a query. Raises ValueError."""
    value = default if text is None else int(text)
    if not 1 <= value <= most:
        raise ValueError("out of range")
    return value
