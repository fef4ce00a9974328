"""Where the public keys of a token issuer come from: a file read at start, or a JWKS address asked when needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
import jwt


class KeySet(Protocol):
    async def find(self, kid: str | None) -> Any | None:
        """The public key of this id, None when there is none (or it cannot be had now)."""


@dataclass(frozen=True, slots=True)
class StaticKey:
    """One public key, whatever ``kid`` the token names."""

    key: Any

    async def find(self, kid: str | None) -> Any | None:
        return self.key


@dataclass(slots=True)
class Jwks:
    """Keys published at ``url``. Asked at most once in ``min_interval_s``, by one request at a time; keys known stay
    usable while the address does not answer."""

    url: str
    clock: Callable[[], float]
    min_interval_s: float = 30.0
    timeout_s: float = 5.0
    _keys: dict[str | None, Any] = field(default_factory=dict)
    _asked_at: float = float("-inf")
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def find(self, kid: str | None) -> Any | None:
        if kid not in self._keys:
            async with self._lock:
                if kid not in self._keys and self.clock() - self._asked_at >= self.min_interval_s:
                    await self._refresh()
        return self._keys.get(kid)

    async def _refresh(self) -> None:
        self._asked_at = self.clock()
        timeout = aiohttp.ClientTimeout(total=self.timeout_s)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session, session.get(self.url) as response:
                document = await response.json(content_type=None) if response.status == 200 else {}
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return
        listed = document.get("keys") if isinstance(document, dict) else None
        if isinstance(listed, list) and (found := dict(_readable(listed))):
            self._keys = found


def _readable(listed: list[Any]) -> Iterator[tuple[str | None, Any]]:
    """The public keys of a list; one that cannot be read, or is a shared secret, does not spoil the others."""
    for told in listed:
        try:
            if told["kty"] != "oct":
                key = jwt.PyJWK.from_dict(told)
                yield key.key_id, key.key
        except (jwt.PyJWTError, ValueError, KeyError, TypeError, AttributeError):
            continue
