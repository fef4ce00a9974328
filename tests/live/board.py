"""A notice board behind a REST service, as small as tests of its tags and hooks need it, and the department that
declares it."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web

from schema.catalog import Declared
from schema.changes import compared, tagged
from schema.classification import open_, restricted
from schema.declare import column, record
from schema.predicates import principal, row
from schema.relations import Collection, Parameter
from schema.rules import Rule, allow
from schema.sources import Capabilities, Department, Limits, Source

office = Department("office", "An office", "Its head")
EQUAL = frozenset({"eq", "in"})
board = Source(
    "board", "office", "rest", "Notice board", Capabilities(columns={"id": EQUAL}, key_columns=frozenset({"id"})),
    owner="Clerk", limits=Limits(timeout_s=5.0, polls_per_s=50.0),
)  # fmt: skip
notice_rows = Collection("notices", (Parameter("id", "id", "in", many=100),), name="notices")
file_rows = Collection("files", (Parameter("id", "id", "in", many=100),), name="files")


@record(
    board, notice_rows, key="code", size=100,
    changes=tagged("notices", otherwise=compared(every_s=0.3), every_s=0.05),
)  # fmt: skip
class Notice:
    """Something everybody may read."""

    code: str = column("id", open_)
    text: str | None = column("text", open_)


@record(board, file_rows, key="code", size=100, persons=False, changes=compared(every_s=3_600.0))
class File:
    """Something only its own place may read, compared every hour: in time, only a hint tells."""

    code: str = column("id", restricted)
    text: str | None = column("text", restricted)
    place: str | None = column("place", restricted)


rules: tuple[Rule, ...] = (
    allow("public", Notice, up_to=open_),
    allow("clinician", File, up_to=restricted, where=row.place == principal.facility),
)
declared = Declared(office, (Notice, File), rules)


@dataclass(slots=True)
class Board:
    """``tagging``: etag, modified or none. ``lists``: how often rows were told; ``unchanged``: how often not."""

    notices: dict[str, str] = field(default_factory=lambda: {"n1": "Closed on Friday"})
    files: dict[str, tuple[str, str]] = field(default_factory=lambda: {"f1": ("a", "A"), "f2": ("b", "B")})
    tagging: str = "etag"
    state: int = 1
    modified: str = "Wed, 01 Oct 2025 10:00:00 GMT"
    date: str = "Wed, 01 Oct 2025 11:00:00 GMT"
    broken: bool = False
    lists: int = 0
    keyed: int = 0
    unchanged: int = 0

    def put(self, code: str, text: str) -> None:
        self.notices[code] = text
        self.state += 1
        self.modified, self.date = f"Wed, 01 Oct 2025 12:00:{self.state:02} GMT", "Wed, 01 Oct 2025 13:00:00 GMT"

    def answer(self, request: web.Request) -> object:
        if self.broken:
            return web.Response(status=500)
        headers = {}
        if self.tagging == "etag":
            headers = {"ETag": f'"{self.state}"'}
            if request.headers.get("If-None-Match") == f'"{self.state}"':
                self.unchanged += 1
                return web.Response(status=304, headers=headers)
        if self.tagging == "modified":
            headers = {"Last-Modified": self.modified, "Date": self.date}
            if request.headers.get("If-Modified-Since") == self.modified:
                self.unchanged += 1
                return web.Response(status=304)
        if request.path == "/files":
            rows = [{"id": code, "text": text, "place": place} for code, (text, place) in self.files.items()]
        else:
            rows = [{"id": code, "text": text} for code, text in self.notices.items()]
        asked = request.query.get("id")
        if asked is not None:
            rows = [one for one in rows if one["id"] in asked.split(",")]
            self.keyed += 1
        elif "page" in request.query:
            self.lists += 1
        return web.json_response({"count": len(rows), "results": rows}, headers=headers)
