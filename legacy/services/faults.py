"""What goes wrong at a bank's or a department's end, by switch: ``POST /_faults`` says how often, of a hundred calls.

``late`` and ``late_before``: the answer comes late, the payment made before or after the wait. ``lost``: paid, and the
answer breaks off; ``broken``: it breaks off and nothing is paid. ``error_before``, ``error_after``: HTTP 500, before
or after paying. ``twice``: the call arrives twice. ``down``: HTTP 503 to everything.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from legacy.services.common import BadArgument, answer

MODES = ("late", "late_before", "lost", "broken", "error_before", "error_after", "twice", "down")


class BrokenOff(Response):
    """Promises more than it sends: the server then closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": False})


@dataclass(slots=True)
class Faults:
    """Nothing goes wrong until it is switched on. ``met``: how often each did."""

    percent: dict[str, float] = field(default_factory=dict)
    late_s: float = 0.2
    met: dict[str, int] = field(default_factory=dict)
    _chance: random.Random = field(default_factory=lambda: random.Random(1))

    def routes(self) -> list[Route]:
        return [Route("/_faults", self._switch, methods=["GET", "POST"])]

    def next(self) -> str | None:
        """What goes wrong with this call."""
        at = self._chance.uniform(0, 100)
        for mode, share in self.percent.items():
            at -= share
            if at < 0:
                self.met[mode] = self.met.get(mode, 0) + 1
                return mode
        return None

    @property
    def down(self) -> bool:
        return self.percent.get("down", 0) >= 100

    async def _switch(self, request: Request) -> Response:
        if request.method == "POST":
            told: dict[str, Any] = orjson.loads(await request.body())
            percent = told.get("percent", {})
            if not set(percent) <= set(MODES):
                raise BadArgument(f"there are: {', '.join(MODES)}")
            self.percent, self.late_s = percent, float(told.get("late_s", self.late_s))
            self._chance, self.met = random.Random(int(told.get("seed", 1))), {}
        return answer({"percent": self.percent, "late_s": self.late_s, "met": self.met})
