"""What a service says of itself beside its rows: whether an answer is another one than the last. Nothing of the
answer is kept but its tag."""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from dataclasses import dataclass

from connectors.address import Address
from connectors.http import HttpSession
from schema.sources import Source

YOUNG_S = 2.0
"""A Last-Modified counts whole seconds: one that is younger than this may stand for two states."""


@dataclass(frozen=True, slots=True)
class Tag:
    """``header`` and ``value``: what to ask with next time, so that nothing comes while nothing changes."""

    header: str
    value: str


class TagReader:
    """One service's tags, asked for over a connection of their own, one at a time."""

    def __init__(self, source: Source, address: Address) -> None:
        self.source = source
        self._http = HttpSession(source, address)

    async def ask(
        self, path: str, arguments: tuple[tuple[str, str], ...], known: Tag | None, deadline: float
    ) -> tuple[bool, Tag | None]:
        """Whether the answer is (or may be) another one than when it had the tag ``known``, and its tag now: None where
        it has none that could be trusted. Raises SourceTimeout, SourceRefused, SourceBusy and SourceUnavailable."""
        asked = {} if known is None else {known.header: known.value}
        answer = await self._http.answered("GET", path, deadline, asked, {"params": dict(arguments)})
        if known is not None and answer.status == 304:
            return False, known
        tag = _tag(answer.headers)
        return tag is None or tag != known, tag

    async def aclose(self) -> None:
        await self._http.aclose()


def _tag(headers: Mapping[str, str]) -> Tag | None:
    tag = headers.get("ETag")
    if tag:
        return Tag("If-None-Match", tag)
    modified, told = headers.get("Last-Modified"), headers.get("Date")
    try:
        age = email.utils.parsedate_to_datetime(told or "") - email.utils.parsedate_to_datetime(modified or "")
    except (ValueError, TypeError):
        return None
    return Tag("If-Modified-Since", modified or "") if age.total_seconds() >= YOUNG_S else None
