"""RTSM, real-time school monitoring: visits from tablets, late and sometimes twice, behind a paged JSON API."""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from legacy.services.common import Statistics, Store, answer, whole


def app(folder: Path) -> Starlette:
    """``GET /api/v2/visits`` and ``/api/v2/visit_staff``, with the key of ``rtsm.key`` in X-Api-Key."""
    service = _Rtsm(Store(folder / "rtsm.sqlite"), (folder / "rtsm.key").read_text())
    return Starlette(
        routes=[
            Route("/api/v2/visits", service.visits),
            Route("/api/v2/visit_staff", service.visit_staff),
            *service.statistics.routes(),
        ]
    )


class _Rtsm:
    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self._key = key
        self.statistics = Statistics()

    async def visits(self, request: Request) -> Response:
        filters = (("school", "school_key", 200), ("id", "visit_id", 200))
        ranges = (("from", "visit_ts >= ?"), ("to", "visit_ts < ?"), ("updated_since", "synced_ts >= ?"))
        columns = "visit_id, school_code, visit_ts, synced_ts, monitor, open_flag, teachers_present, students_present"
        return self._list(request, "visits", columns, "visit_id", filters, ranges)

    async def visit_staff(self, request: Request) -> Response:
        filters = (("visit", "visit_id", 200), ("staff", "staff_ref", 200))
        return self._list(request, "visit_staff", "mark_id, visit_id, staff_ref, present", "mark_id", filters, ())

    def _list(
        self,
        request: Request,
        table: str,
        columns: str,
        key: str,
        filters: tuple[tuple[str, str, int], ...],
        ranges: tuple[tuple[str, str], ...],
    ) -> Response:
        self.statistics.by_path[request.url.path] += 1
        if not hmac.compare_digest(request.headers.get("x-api-key", ""), self._key):
            return answer({"detail": "API key missing or wrong"}, 401)
        query = request.query_params
        where, values = ["1 = 1"], list[Any]()
        try:
            page, size = whole(query.get("page"), 1, 10**6), whole(query.get("size"), 100, 500)
            for name, column, most in filters:
                if name in query:
                    asked = [part.strip().upper() for part in query[name].split(",")]
                    if len(asked) > most:
                        return answer({"detail": f"at most {most} values of {name}"}, 400)
                    where.append(f"{column} IN ({', '.join('?' * len(asked))})")
                    values += [int(part) for part in asked] if column == "visit_id" else asked
        except ValueError:
            return answer({"detail": "an argument is not a number in range"}, 400)
        for name, condition in ranges:
            if name in query:
                where.append(condition)
                values.append(query[name])
        condition = " AND ".join(where)
        total = self._store.one(f"SELECT COUNT(*) FROM {table} WHERE {condition}", tuple(values))[0]
        rows = self._store.rows(
            f"SELECT {columns} FROM {table} WHERE {condition} ORDER BY {key} LIMIT ? OFFSET ?",
            (*values, size, (page - 1) * size),
        )
        pages = -(-total // size)
        following = str(request.url.include_query_params(page=page + 1)) if page < pages else None
        return answer({"count": total, "page": page, "pages": pages, "next": following, "results": rows})
