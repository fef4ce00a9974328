"""Sends what clients have a department do. Reading stays with the connectors: nothing here is ever repeated by itself,
and an answer that is not plainly one of those declared says nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import orjson

from connectors.address import Address
from connectors.guard import Observer
from connectors.http import HttpSession
from schema.actions import Call
from schema.fetch import ConnectorError
from schema.sources import Source


@dataclass(frozen=True, slots=True)
class Told:
    """What the department's answer says: it is done; or it is refused, for ``reason``."""

    done: bool
    reason: str | None = None


class Unclear(Exception):
    """No answer, or none that says what became of the call: it may have been carried out."""


class Caller(Protocol):
    """Carries out one call. Raises Unclear."""

    async def call(self, call: Call, arguments: Mapping[str, str], deadline: float) -> Told: ...

    async def aclose(self) -> None: ...


class RestCaller:
    """JSON by POST. ``turns``: shared with those who read the source, so that both together are no more than its owner
    allows at once."""

    def __init__(
        self, source: Source, address: Address, turns: asyncio.Semaphore, observer: Observer | None = None
    ) -> None:
        self._source = source
        self._http = HttpSession(source, address)
        self._turns = turns
        self._observer = observer

    async def call(self, call: Call, arguments: Mapping[str, str], deadline: float) -> Told:
        started, outcome = time.perf_counter(), "unclear"
        try:
            told = await self._call(call, arguments, deadline)
            outcome = "done" if told.done else "refused"
            return told
        finally:
            if self._observer is not None:
                self._observer(self._source.name, time.perf_counter() - started, 0, 1, outcome)

    async def _call(self, call: Call, arguments: Mapping[str, str], deadline: float) -> Told:
        try:
            async with asyncio.timeout_at(deadline), self._turns:
                body = await self._http.request("POST", call.path, deadline, json={**call.fixed, **arguments})
        except (ConnectorError, TimeoutError) as error:
            raise Unclear(type(error).__name__) from error
        try:
            code = orjson.loads(body)[call.code]
        except (ValueError, KeyError, TypeError):
            raise Unclear("an answer that is not as agreed") from None
        if code in call.done:
            return Told(True)
        if isinstance(code, str) and code in call.refused:
            return Told(False, call.refused[code])
        raise Unclear("an answer with a code that is not declared")

    async def aclose(self) -> None:
        await self._http.aclose()


def open_caller(
    source: Source, address: Address, turns: asyncio.Semaphore, observer: Observer | None = None
) -> Caller:
    """The caller of a source's kind. Raises ValueError where there is none."""
    if source.kind != "rest":
        raise ValueError(f"source {source.name}: nothing can be done over kind {source.kind!r}; use rest")
    return RestCaller(source, address, turns, observer)
