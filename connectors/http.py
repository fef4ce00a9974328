"""What REST and SOAP connectors share: one keep-alive session a source, bounded answers, logins, translated errors."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import email.utils
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import aiohttp

from connectors.address import Address
from schema.fetch import SourceBusy, SourceRefused, SourceTimeout, SourceUnavailable
from schema.sources import Source

MOST_BYTES = 64 * 1024 * 1024
REFUSED = frozenset({400, 413, 414, 422, 431})
"""What a service answers to a request it does not take: it is not down."""
BUSY = frozenset({429, 503})
"""What a service answers that wants to be asked later, where a Retry-After says when."""
LEAST_WAIT_S = 0.05
CONDITIONS = frozenset({"If-None-Match", "If-Modified-Since"})
KEPT_ALIVE_S = 2.0
"""Shorter than servers keep idle connections (5 s and more): a request on one that the server is just closing fails."""


class Answered(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpSession:
    """Opened at the first request. Follows no redirect and keeps no cookie; refuses answers over ``MOST_BYTES``.

    A service that says when to come again is asked again then, by nobody before, and not at all when that is too late:
    later than the deadline or than ``limits.timeout_s`` from now."""

    def __init__(
        self, source: Source, address: Address, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._source = source
        self._url = address.url.rstrip("/")
        self._headers = _login(address)
        self._session: aiohttp.ClientSession | None = None
        self._sleep = sleep
        self._not_before = 0.0
        """In the loop's time; what the service last asked for."""

    async def request(
        self, method: str, path: str, deadline: float, *, headers: dict[str, str] | None = None, **options: Any
    ) -> bytes:
        """The body of a 200 answer, or of a 500 in XML, which is a SOAP fault. Raises SourceTimeout, SourceRefused,
        SourceBusy and SourceUnavailable."""
        return (await self.answered(method, path, deadline, headers, options)).body

    async def answered(
        self, method: str, path: str, deadline: float, headers: Mapping[str, str] | None, options: Mapping[str, Any]
    ) -> Answered:
        """As ``request``, with what the answer says of itself; a 304 too, whose body is empty, where ``headers`` ask
        for one."""
        name = self._source.name
        latest = min(deadline, asyncio.get_running_loop().time() + self._source.limits.timeout_s)
        url = self._url + (path if path.startswith("?") or not path else f"/{path.lstrip('/')}")
        try:
            async with asyncio.timeout_at(deadline):
                while True:
                    await self._turn(latest)
                    answer = await self._once(method, url, headers, options)
                    if answer is not None:
                        return answer
        except TimeoutError as error:
            raise SourceTimeout(f"{name}: no answer in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise SourceUnavailable(f"{name}: {type(error).__name__}") from error

    async def _turn(self, latest: float) -> None:
        """Waits until the service may be asked. Raises SourceBusy when that is later than ``latest``."""
        now = asyncio.get_running_loop().time
        while self._not_before > now():
            if self._not_before >= latest:
                raise SourceBusy(f"{self._source.name}: it asked to be left alone for longer than there is time")
            await self._sleep(self._not_before - now())

    async def _once(
        self, method: str, url: str, headers: Mapping[str, str] | None, options: Mapping[str, Any]
    ) -> Answered | None:
        """The answer, or None when the service has said that it wants to be asked later."""
        name = self._source.name
        session = self._open()
        async with session.request(method, url, allow_redirects=False, headers=headers, **options) as response:
            body = await self._body(response)
            if response.status in REFUSED:
                raise SourceRefused(f"{name}: HTTP {response.status}")
            wait_s = _retry_after(response.headers.get("Retry-After")) if response.status in BUSY else None
            if wait_s is not None:
                later = asyncio.get_running_loop().time() + max(LEAST_WAIT_S, wait_s)
                self._not_before = max(self._not_before, later)
                return None
            if response.status == 304 and headers is not None and not CONDITIONS.isdisjoint(headers):
                return Answered(304, response.headers, b"")
            if response.status != 200 and not (response.status == 500 and "xml" in response.content_type):
                raise SourceUnavailable(f"{name}: HTTP {response.status}")
            return Answered(response.status, response.headers, body)

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


def _retry_after(told: str | None) -> float | None:
    """The seconds that a Retry-After asks for, written as a number or as a date; None when it says neither."""
    if told is None:
        return None
    if told.strip().isascii() and told.strip().isdigit():
        return float(told)
    try:
        moment = email.utils.parsedate_to_datetime(told)
    except ValueError:
        return None
    return max(0.0, (moment.astimezone(dt.UTC) - dt.datetime.now(dt.UTC)).total_seconds())
