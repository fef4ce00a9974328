"""``POST /hooks/{source}``: where a department says that something changed. The answer says nothing but whether the
message was taken: not whether anybody watches, nor whether there are such rows."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gateway.house import House
from gateway.live.hooks import NotTaken

MOST_BYTES = 65_536
BODY_S = 10.0


async def hooked(house: House, request: Request) -> Response:
    """202 when it is taken; 400, 401, 408, 413 or 429 when not, without a body."""
    try:
        async with asyncio.timeout(BODY_S):
            body = await _body(request)
        hint = house.live.hooks.take(
            request.path_params["source"], request.headers.get("x-hook-moment", ""),
            request.headers.get("x-hook-signature", ""), body,
        )  # fmt: skip
    except NotTaken as problem:
        return Response(status_code=problem.status)
    except TimeoutError:
        return Response(status_code=408, headers={"connection": "close"})
    except ClientDisconnect:
        return Response(status_code=400)
    house.live.hinted(house.catalog, hint)
    return Response(status_code=202)


async def _body(request: Request) -> bytes:
    """Raises NotTaken for one that is too long, before all of it is read."""
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > MOST_BYTES:
            raise NotTaken(413)
    return bytes(parts)
