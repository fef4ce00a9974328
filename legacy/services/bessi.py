"""Social security's verification: whether an employer ever paid a contribution for somebody, and since when.

It verifies who is named, up to a hundred CNICs a call, and lists nobody: there is no other request. Its shape is
invented.
"""

from __future__ import annotations

import hmac
import re
from pathlib import Path

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from legacy.services.common import BadArgument, Statistics, answer, secret, service
from legacy.services.rate import Rate
from legacy.services.store import Listing, Store, among

MOST = 100
RATE_PER_S = 20.0
CNIC = re.compile(r"[0-9]{13}", re.ASCII)
CONTRIBUTOR = "cnic, first_paid, employer_no, sector_cd, scheme"


def app(folder: Path, rate_per_s: float | None = None) -> Starlette:
    """``POST /api/v1/verify`` with ``{"cnics": "5440012345671,..."}`` and the key of ``bessi.key`` in X-Api-Key. Whoever
    asks more than ``rate_per_s`` times a second (20) is answered 429 with Retry-After."""
    bessi = _Bessi(Store(folder / "bessi.sqlite"), secret(folder, "bessi.key"), Rate(rate_per_s or RATE_PER_S))
    return service([Route("/api/v1/verify", bessi.verify, methods=["POST"])], Statistics())


class _Bessi:
    def __init__(self, store: Store, key: str, rate: Rate) -> None:
        self._store = store
        self._key = key.encode()
        self._rate = rate

    async def verify(self, request: Request) -> Response:
        """Those of the named who are known; nothing of the others."""
        if not hmac.compare_digest(request.headers.get("x-api-key", "").encode(), self._key):
            raise HTTPException(401, "API key missing or wrong")
        self._rate.admit()
        named = _named(await request.body())
        found = await self._store.page(Listing("contributors", CONTRIBUTOR, "cnic", (among("cnic", named),), 0, MOST))
        return answer({"asked": len(named), "results": found[1]})


def _named(body: bytes) -> list[str]:
    """The CNICs, each once; what is not thirteen digits is nobody's. Raises BadArgument."""
    try:
        told = orjson.loads(body)
        cnics = told["cnics"].split(",") if told.keys() == {"cnics"} else None
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        cnics = None
    if not cnics:
        raise BadArgument("cnics: texts with commas between them are needed, and nothing else")
    if len(cnics) > MOST:
        raise BadArgument(f"cnics: at most {MOST} a call")
    return [cnic for cnic in dict.fromkeys(cnics) if CNIC.fullmatch(cnic)]
