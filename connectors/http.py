"""What REST and SOAP connectors share: one keep-alive session a source, bounded answers, logins, translated errors."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import aiohttp

from connectors.address import Address
from schema.fetch import SourceRefused, SourceTimeout, SourceUnavailable
from schema.sources import Source

MOST_BYTES = 64 * 1024 * 1024
REFUSED = frozenset({400, 413, 414, 422, 431})
"""What a service answers to a request it does not take: it is not down."""
KEPT_ALIVE_S = 2.0
"""Shorter than servers keep idle connections (5 s and more): a request on one that the server is just closing fails."""


class HttpSession:
    """Opened at the first request. Follows no redirect and keeps no cookie; refuses answers over ``MOST_BYTES``."""

    def __init__(self, source: Source, address: Address) -> None:
        self._source = source
        self._url = address.url.rstrip("/")
        self._headers = _login(address)
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self, method: str, path: str, deadline: float, *, headers: dict[str, str] | None = None, **options: Any
    ) -> bytes:
        """The body of a 200 answer, or of a 500 in XML, which is a SOAP fault. Raises SourceTimeout, SourceRefused and
        SourceUnavailable."""
        name = self._source.name
        try:
            async with asyncio.timeout_at(deadline):
                session = self._open()
                url = self._url + (path if path.startswith("?") or not path else f"/{path.lstrip('/')}")
                async with session.request(method, url, allow_redirects=False, headers=headers, **options) as response:
                    body = await self._body(response)
                    if response.status in REFUSED:
                        raise SourceRefused(f"{name}: HTTP {response.status}")
                    if response.status != 200 and not (response.status == 500 and "xml" in response.content_type):
                        raise SourceUnavailable(f"{name}: HTTP {response.status}")
                    return body
        except TimeoutError as error:
            raise SourceTimeout(f"{name}: no answer in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise SourceUnavailable(f"{name}: {type(error).__name__}") from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=self._source.limits.concurrency, keepalive_timeout=KEPT_ALIVE_S)
            self._session = aiohttp.ClientSession(
                connector=connector,
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        parts = bytearray()
        async for part in response.content.iter_chunked(256 * 1024):
            parts += part
            if len(parts) > MOST_BYTES:
                raise SourceUnavailable(f"{self._source.name}: an answer over {MOST_BYTES} bytes")
        return bytes(parts)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def _login(address: Address) -> dict[str, str]:
    headers: dict[str, str] = {}
    if address.key is not None:
        headers[address.options.get("key_header", "X-Api-Key")] = address.key
    if address.user is not None:
        if address.options.get("auth") == "headers":
            headers |= {"username": address.user, "password": address.password or ""}
        else:
            login = base64.b64encode(f"{address.user}:{address.password or ''}".encode()).decode()
            headers["Authorization"] = f"Basic {login}"
    return headers
