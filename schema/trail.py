"""The ledger as a source: what a connector may ask of it and what it is given. Who keeps the ledger promises what
``Trail`` says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

LEDGER = "ledger"
"""The kind of source that is the gateway's own ledger."""


@dataclass(frozen=True, slots=True)
class Sought:
    """Bounds of a search: entries ``first`` to ``last``, asked from ``since_ms`` to ``until_ms`` (milliseconds since
    1970), all included; ``coordinates`` None: all of them. What is outside need not be brought, and may be."""

    first: int = 1
    last: int | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    coordinates: frozenset[str] | None = None
    newest_first: bool = False


class TrailUnavailable(Exception):
    """The ledger cannot be read. The message holds nothing of it."""


class Trail(Protocol):
    """``accesses``: batches of rows, column -> value, one row an access of one coordinate in one entry; entries in
    order, an entry whole, and none that is written after the search began. ``chain``: what can be said of the chain
    before ``deadline`` (the loop's time), which is one row. Both raise TrailUnavailable, and neither keeps an entry
    from being written."""

    def accesses(self, sought: Sought, /) -> AsyncIterator[list[dict[str, Any]]]: ...

    async def chain(self, deadline: float, /) -> Mapping[str, Any]: ...

    async def aclose(self) -> None: ...
