"""Derived rows kept for a while. Of a list, from one page to the next: else every page would read and join everything
anew; only a cursor finds them, so who asks without one gets what the departments have now. And figures, which are
told again for as long as every source they come from says."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.table import Table

KEPT_S = 30.0
MOST_ROWS = 50_000
"""Of all lists together; a longer list is worked out anew for each page."""


@dataclass(frozen=True, slots=True)
class Kept:
    """``problems`` and ``freshness``: what was told of the rows, to be told again. ``records``: whose rows they come
    from."""

    table: Table
    problems: tuple[Any, ...]
    freshness: Mapping[str, tuple[str | None, bool]]
    records: tuple[str, ...] = ()


@dataclass(slots=True)
class Lately:
    """By everything the rows depend on: who asks, with which grants, purpose and case, for which list, with which
    values (SEMANTICS 15)."""

    most_rows: int = MOST_ROWS
    _known: OrderedDict[Any, tuple[float, Kept]] = field(default_factory=OrderedDict)
    _rows: int = 0

    def get(self, key: Any, now: float) -> Kept | None:
        self._forget(now)
        found = self._known.get(key)
        return None if found is None else found[1]

    def put(self, key: Any, kept: Kept, now: float, for_s: float = KEPT_S) -> None:
        """``now``: seconds of a clock that never goes back."""
        self._forget(now)
        if key in self._known or kept.table.size > self.most_rows:
            return
        self._known[key] = (now + for_s, kept)
        self._rows += kept.table.size
        while self._rows > self.most_rows:
            self._drop(next(iter(self._known)))

    def _forget(self, now: float) -> None:
        for key in [key for key, (until, _) in self._known.items() if until <= now]:
            self._drop(key)

    def _drop(self, key: Any) -> None:
        _, kept = self._known.pop(key)
        self._rows -= kept.table.size
