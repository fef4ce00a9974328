"""RTSM, real-time school monitoring: visits from tablets, late and sometimes twice, behind a paged JSON API.

No visit means unknown, never absent. The stamps of one row disagree in form: ``visit_ts`` carries the offset of
Karachi, ``synced_ts`` (when the tablet was back online) has none; both are Karachi's time.
"""

from __future__ import annotations

import datetime as dt
import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from legacy.services.common import BadArgument, Statistics, answer, numbers, secret, service, several, whole
from legacy.services.rate import Rate
from legacy.services.store import Condition, Listing, Store, among, compared

KARACHI = dt.timezone(dt.timedelta(hours=5))
VISIT = (
    "visit_id, school_code, visit_ts, synced_ts, monitor, lat, lon, open_flag, teachers_present, students_present, "
    "device_seq"
)
INDEXES = (
    "visits(school_key)",
    "visits(visit_ts)",
    "visits(synced_ts)",
    "visit_staff(visit_id)",
    "visit_staff(staff_ref)",
)
PAGE = 100
MOST_PAGE = 500


@dataclass(frozen=True, slots=True)
class _Filter:
    """A query argument: a comma list of values of ``column``, or a stamp compared with it."""

    name: str
    column: str
    kind: str
    """``numbers``, ``codes`` (compared in capitals), ``with_offset`` or ``naive`` (the column's form of a stamp)."""
    operator: str = "IN"

    def condition(self, text: str) -> Condition:
        """Raises BadArgument."""
        match self.kind:
            case "numbers":
                return among(self.column, numbers(several(text, self.name), self.name))
            case "codes":
                return among(self.column, [part.upper() for part in several(text, self.name)])
            case _:
                return compared(self.column, self.operator, _stamp(text, self.name, self.kind == "with_offset"))


VISIT_FILTERS = (
    _Filter("school", "school_key", "codes"),
    _Filter("id", "visit_id", "numbers"),
    _Filter("from", "visit_ts", "with_offset", ">="),
    _Filter("to", "visit_ts", "with_offset", "<"),
    _Filter("updated_since", "synced_ts", "naive", ">="),
)
STAFF_FILTERS = (_Filter("visit", "visit_id", "numbers"), _Filter("staff", "staff_ref", "codes"))


def app(folder: Path, rate_per_s: float | None = None) -> Starlette:
    """``GET /api/v2/visits``, ``/api/v2/visits/{id}`` and ``/api/v2/visit_staff``, with the key of ``rtsm.key`` in
    X-Api-Key; over ``rate_per_s`` requests a second the answer is 429 with Retry-After."""
    rate = Rate(rate_per_s) if rate_per_s else None
    statistics = Statistics()
    rtsm = _Rtsm(Store(folder / "rtsm.sqlite", INDEXES), secret(folder, "rtsm.key"), rate, statistics)
    routes = [
        Route("/api/v2/visits", rtsm.visits, methods=["GET"]),
        Route("/api/v2/visits/{number}", rtsm.visit, methods=["GET"]),
        Route("/api/v2/visit_staff", rtsm.visit_staff, methods=["GET"]),
    ]
    return service(routes, statistics)


class _Rtsm:
    def __init__(self, store: Store, key: str, rate: Rate | None, statistics: Statistics) -> None:
        self._statistics = statistics
        self._store = store
        self._key = key.encode()
        self._rate = rate

    async def visits(self, request: Request) -> Response:
        """Arguments ``school`` and ``id`` (comma lists), ``from`` and ``to`` (a date or stamp of the visit; ``to``
        itself is not included), ``updated_since`` (of the sync), ``page``, ``size``."""
        return await self._list(request, "visits", VISIT, "visit_id", VISIT_FILTERS)

    async def visit(self, request: Request) -> Response:
        self._admit(request)
        asked = numbers([request.path_params["number"]], "id")
        found = await self._store.page(Listing("visits", VISIT, "visit_id", (among("visit_id", asked),), 0, 1))
        if not found[1]:
            raise HTTPException(404, "no such visit")
        return answer(found[1][0])

    async def visit_staff(self, request: Request) -> Response:
        """Who was present at a visit, a row a teacher. Arguments ``visit`` and ``staff`` (comma lists), ``page``,
        ``size``."""
        return await self._list(
            request, "visit_staff", "mark_id, visit_id, staff_ref, present", "mark_id", STAFF_FILTERS
        )

    def _admit(self, request: Request) -> None:
        """Raises HTTPException 401 or 429."""
        if not hmac.compare_digest(request.headers.get("x-api-key", "").encode(), self._key):
            raise HTTPException(401, "API key missing or wrong")
        if self._rate:
            self._rate.admit()

    async def _list(
        self, request: Request, table: str, columns: str, key: str, filters: tuple[_Filter, ...]
    ) -> Response:
        self._admit(request)
        query = _arguments(request, {"page", "size", *(one.name for one in filters)})
        page, size = whole(query.get("page"), 1, 10**6), whole(query.get("size"), PAGE, MOST_PAGE)
        conditions = tuple(one.condition(query[one.name]) for one in filters if one.name in query)
        tag = f'"{await self._store.version()}"'
        if request.headers.get("if-none-match") == tag:
            self._statistics.rename(request.url.path, f"{request.url.path} unchanged")
            return Response(status_code=304, headers={"etag": tag})
        total, rows = await self._store.page(Listing(table, columns, key, conditions, (page - 1) * size, size))
        pages = -(-total // size)
        following = str(request.url.include_query_params(page=page + 1)) if page < pages else None
        return answer({"count": total, "page": page, "pages": pages, "next": following, "results": rows}, headers={"etag": tag})


def _arguments(request: Request, known: set[str]) -> dict[str, str]:
    """The query's arguments, each once. Raises BadArgument: a misspelt filter would show every row."""
    given: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise BadArgument(f"no such argument; there are: {', '.join(sorted(known))}")
        if name in given:
            raise BadArgument(f"{name}: given twice")
        given[name] = value
    return given


def _stamp(text: str, name: str, with_offset: bool) -> str:
    """A date or stamp as the column writes stamps, so that text order is the order of time. Raises BadArgument."""
    try:
        # A "+" before the offset that nobody escaped arrives as a blank.
        moment = dt.datetime.fromisoformat(text[:11] + text[11:].replace(" ", "+"))
        moment = moment.replace(tzinfo=KARACHI) if moment.tzinfo is None else moment.astimezone(KARACHI)
    except (ValueError, OverflowError) as error:
        raise BadArgument(f"{name}: a date YYYY-MM-DD or a stamp is needed") from error
    moment = moment.replace(microsecond=0)
    return (moment if with_offset else moment.replace(tzinfo=None)).isoformat()
