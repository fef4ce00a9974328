"""The chain itself: each link's hash covers the one before it, its own number and its body. Verifying needs no key for
the chain and the public key for the heads."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field

from auth.ledger.heads import Head

GENESIS = "0" * 64
AHEAD = 10_000
"""Heads are read so many entries before the one they tell of, and entries remembered so long after: gateways that share
a chain append their heads a little out of order."""


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as it is stored. ``seq`` counts from 1; ``body`` is canonical JSON; hashes are lower-case hex."""

    seq: int
    previous: str
    hash: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Report:
    """``sound``: nothing is wrong as far as can be seen. ``bad_seq``: the first entry that is not as it was written.
    ``tail_proven``: a signed head covers the last entry."""

    sound: bool
    entries: int
    message: str
    bad_seq: int | None = None
    tail_proven: bool = False


def genesis() -> str:
    """The hash the first entry follows."""
    return GENESIS


def link_hash(previous: str, seq: int, body: bytes) -> str:
    """sha256 over the previous hash, the number and the body."""
    return hashlib.sha256(f"{previous}:{seq}:".encode() + body).hexdigest()


def chained(previous: str, seq: int, bodies: Iterable[bytes]) -> list[Link]:
    """Links for bodies that follow entry ``seq`` with hash ``previous``."""
    links = []
    for body in bodies:
        seq += 1
        digest = link_hash(previous, seq, body)
        links.append(Link(seq, previous, digest, body))
        previous = digest
    return links


@dataclass(slots=True)
class Walk:
    """How far a chain has been verified: up to entry ``seq``, which has the hash ``last``; each head is met on the way.
    ``furthest``: the highest number a head was signed for; ``proven``: the highest entry that a head covers;
    ``worthless``: lines of the head file that prove nothing. A walk that found something wrong does not go on."""

    seq: int = 0
    last: str = GENESIS
    furthest: int = 0
    proven: int = 0
    worthless: int = 0
    fault: Report | None = None
    heads_known: bool = False
    _heads: Iterator[Head | None] = field(default_factory=lambda: iter(()))
    _expected: dict[int, set[str]] = field(default_factory=dict)
    _recent: dict[int, str] = field(default_factory=dict)

    def meet(self, heads: Iterable[Head | None]) -> None:
        """Heads to be met from here on, as they stand in their file; None for a line without a valid signature."""
        self._heads, self.heads_known = iter(heads), True

    def step(self, link: Link) -> bool:
        """Whether ``link`` is the next one as it was written."""
        seq = self.seq + 1
        if self.furthest < seq + AHEAD:
            self._look_ahead(seq + AHEAD)
        told = self._wrong(link, seq)
        if self.fault is None and told is not None:
            self.fault = Report(False, seq - 1, told, seq)
        if self.fault is not None:
            return False
        self.seq, self.last = seq, link.hash
        if self._expected.pop(seq, None) is not None:
            self.proven = seq
        self._recent[seq] = link.hash
        self._recent.pop(seq - AHEAD, None)
        return True

    def _wrong(self, link: Link, seq: int) -> str | None:
        if link.seq != seq:
            what = "is missing or out of order" if link.seq > seq else "stands twice or out of order"
            return f"entry {seq} {what}"
        if link.previous != self.last:
            return f"entry {seq} does not follow entry {seq - 1}: one was changed"
        if link.hash != link_hash(self.last, seq, link.body):
            return f"entry {seq} was changed after it was written"
        if self._expected.get(seq, {link.hash}) != {link.hash}:
            return f"entry {seq} is not the one whose head was signed: rewritten"
        return None

    def _look_ahead(self, until: int) -> None:
        for head in self._heads:
            if head is None or (head.count <= self.seq and head.count not in self._recent):
                self.worthless += 1
                continue
            if head.count > self.seq:
                self._expected.setdefault(head.count, set()).add(head.hash)
            elif self._recent[head.count] == head.hash:
                self.proven = max(self.proven, head.count)
            elif self.fault is None:
                message = f"entry {head.count} is not the one whose head was signed: rewritten"
                self.fault = Report(False, head.count - 1, message, head.count)
            self.furthest = max(self.furthest, head.count)
            if self.furthest >= until:
                return

    def report(self) -> Report:
        """What can be said where the chain ends here."""
        self._look_ahead(sys.maxsize)
        return self.fault or self._intact()

    def _intact(self) -> Report:
        """What can be said of a chain of which every link holds."""
        entries, last = self.seq, self.furthest
        if not self.heads_known:
            message = f"{entries} entries, chain intact; tail unproven: give the head file to prove the end"
            return Report(True, entries, message)
        if last > entries:
            message = f"the last {last - entries} entries are cut off: a head for {last} was signed"
            return Report(False, entries, message, entries + 1)
        if self.worthless:
            message = (
                f"{self.worthless} lines of the head file are damaged or forged; "
                f"proven up to {last} of {entries} entries"
            )
            return Report(False, entries, message, last + 1)
        if last == 0 and entries:
            return Report(False, entries, f"the head file holds no head for {entries} entries", 1)
        if last < entries:
            message = f"{entries} entries, chain intact; proven up to {last}, the tail after it is unproven"
            return Report(True, entries, message)
        return Report(True, entries, f"{entries} entries, chain intact, tail proven", tail_proven=True)


async def verify(links: AsyncIterator[Link], heads: Iterable[Head | None] | None) -> Report:
    """Walks the whole chain in order. ``heads``: of a head file; None instead of all when there is no head file. Each
    head must be met on the way, and the last one must not lie beyond the end."""
    walk = Walk()
    if heads is not None:
        walk.meet(heads)
    async for link in links:
        if not walk.step(link):
            break
    return walk.report()
