"""What a look at what is watched brings: what is there now, or why nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gateway.live.view import Nodes


class NoAnswer(Exception):
    """``errors``: as clients are told."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors


class NotNow(NoAnswer):
    """A department cannot be asked now; what was seen of it stands until it can."""


class CannotWatch(NoAnswer):
    """It will not be answered later either."""


@dataclass(frozen=True, slots=True)
class Looked:
    """``rows``: of a feed, by key in the order of keys; ``data``: of a live query. ``errors``: of fields that stay
    null. ``given``: rows of each record in a live query's answer, for the ledger."""

    rows: dict[Any, Nodes]
    data: bytes
    errors: tuple[dict[str, Any], ...]
    given: dict[str, int] = field(default_factory=dict)
