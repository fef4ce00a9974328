"""What one feed has seen of its rows: for each key a digest of what its subscribers may see of the row, never the row.
From two looks at the rows follows what happened. Pure."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

BEGUN, INSERTED, UPDATED, DELETED = "BEGUN", "INSERTED", "UPDATED", "DELETED"

Nodes = tuple[bytes, ...]
"""A row as its subscribers see it, encoded: once for each ``node`` of the operation."""


@dataclass(frozen=True, slots=True)
class Told:
    """What happened to the entity ``key``, in the order of ``seq``."""

    seq: int
    key: Any
    change: str


def digest_of(nodes: Nodes) -> bytes:
    digest = hashlib.blake2b(digest_size=12)
    for node in nodes:
        digest.update(len(node).to_bytes(4, "big"))
        digest.update(node)
    return digest.digest()


def net(first: str, last: str) -> str | None:
    """What several changes of one entity come to; None when it came and went."""
    was, there = first != INSERTED, last != DELETED
    if was:
        return UPDATED if there else DELETED
    return INSERTED if there else None


@dataclass(slots=True)
class View:
    """``members``: key -> digest. ``told``: the latest events; ``forgotten``: the highest ``seq`` that is no longer
    among them."""

    most: int
    members: dict[Any, bytes] = field(default_factory=dict)
    told: deque[Told] = field(default_factory=deque)
    seq: int = 0
    forgotten: int = 0

    def look(self, rows: Mapping[Any, bytes], asked: Collection[Any] | None) -> list[Told]:
        """The events that turn what was seen into ``rows``; ``asked``: the keys looked for, None for all of them."""
        found: list[Told] = []
        for key, digest in rows.items():
            known = self.members.get(key)
            if known != digest:
                found.append(self._next(key, INSERTED if known is None else UPDATED))
                self.members[key] = digest
        gone = self.members.keys() - rows.keys() if asked is None else self._among(asked) - rows.keys()
        for key in sorted(gone, key=repr):
            found.append(self._next(key, DELETED))
            del self.members[key]
        self._remember(found)
        return found

    def _among(self, asked: Iterable[Any]) -> set[Any]:
        return {key for key in asked if key in self.members}

    def _next(self, key: Any, change: str) -> Told:
        self.seq += 1
        return Told(self.seq, key, change)

    def _remember(self, found: list[Told]) -> None:
        self.told.extend(found)
        while len(self.told) > self.most:
            self.forgotten = self.told.popleft().seq

    def since(self, seq: int) -> Iterator[tuple[int, Any, str]]:
        """(last seq, key, net change) of every entity that changed after ``seq``, in order."""
        spans: dict[Any, tuple[str, Told]] = {}
        for one in self.told:
            if one.seq > seq:
                first = spans.pop(one.key, (one.change, one))[0]
                spans[one.key] = (first, one)
        for key, (first, last) in spans.items():
            change = net(first, last.change)
            if change is not None:
                yield last.seq, key, change

    def can_resume(self, seq: int) -> bool:
        return self.forgotten <= seq <= self.seq
