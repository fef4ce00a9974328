"""Derived rows worked out for one page, kept a moment for the next one: else every page of a list would read and join
everything anew. Only a cursor finds them, so who asks without one always gets what the departments have now."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KEPT_S = 30.0
MOST_ROWS = 50_000
"""Of all lists together; a longer list is worked out anew for each page."""


@dataclass(frozen=True, slots=True)
class Kept:
    """``problems`` and ``freshness``: what was told of the rows, to be told again."""

    rows: list[Any]
    problems: tuple[Any, ...]
    freshness: Mapping[str, tuple[str | None, bool]]


@dataclass(slots=True)
class Lately:
    """By everything the rows depend on: who asks, with which grants, purpose and case, for which list, with which
    values (SEMANTICS 15)."""

    _known: OrderedDict[Any, tuple[float, Kept]] = field(default_factory=OrderedDict)
    _rows: int = 0

    def get(self, key: Any, now: float) -> Kept | None:
        self._forget(now)
        found = self._known.get(key)
        return None if found is None else found[1]

    def put(self, key: Any, kept: Kept, now: float) -> None:
        """``now``: seconds of a clock that never goes back."""
        self._forget(now)
        if key in self._known or len(kept.rows) > MOST_ROWS:
            return
        self._known[key] = (now + KEPT_S, kept)
        self._rows += len(kept.rows)
        while self._rows > MOST_ROWS:
            self._drop_oldest()

    def _forget(self, now: float) -> None:
        while self._known and next(iter(self._known.values()))[0] <= now:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, (_, kept) = self._known.popitem(last=False)
        self._rows -= len(kept.rows)
