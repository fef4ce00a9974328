"""The chain itself: each link's hash covers the one before it, its own number and its body. Verifying needs no key for
the chain and the public key for the heads."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from auth.ledger.heads import Head

GENESIS = "0" * 64


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


async def verify(links: AsyncIterator[Link], heads: Sequence[Head | None] | None) -> Report:
    """Walks the whole chain in order. ``heads``: of a head file, None for a line without a valid signature; None
    instead of all when there is no head file. Each head must be met on the way, and the last one must not lie beyond
    the end."""
    expected: dict[int, set[str]] = {}
    for head in heads or ():
        if head is not None:
            expected.setdefault(head.count, set()).add(head.hash)
    previous, seq = GENESIS, 0
    async for link in links:
        seq += 1
        if link.seq != seq:
            what = "is missing or out of order" if link.seq > seq else "stands twice or out of order"
            return Report(False, seq - 1, f"entry {seq} {what}", seq)
        if link.previous != previous:
            return Report(False, seq - 1, f"entry {seq} does not follow entry {seq - 1}: one was changed", seq)
        if link.hash != link_hash(previous, seq, link.body):
            return Report(False, seq - 1, f"entry {seq} was changed after it was written", seq)
        if expected.get(seq, {link.hash}) != {link.hash}:
            return Report(False, seq - 1, f"entry {seq} is not the one whose head was signed: rewritten", seq)
        previous = link.hash
    return _intact(seq, max(expected, default=0), heads)


def _intact(entries: int, last: int, heads: Sequence[Head | None] | None) -> Report:
    """What can be said of a chain of which every link holds; ``last`` is the number of the last signed head."""
    if heads is None:
        message = f"{entries} entries, chain intact; tail unproven: give the head file to prove the end"
        return Report(True, entries, message)
    if last > entries:
        message = f"the last {last - entries} entries are cut off: a head for {last} was signed"
        return Report(False, entries, message, entries + 1)
    if damaged := sum(head is None for head in heads):
        message = f"{damaged} lines of the head file are damaged or forged; proven up to {last} of {entries} entries"
        return Report(False, entries, message, last + 1)
    if last == 0 and entries:
        return Report(False, entries, f"the head file holds no head for {entries} entries", 1)
    if last < entries:
        message = f"{entries} entries, chain intact; proven up to {last}, the tail after it is unproven"
        return Report(True, entries, message)
    return Report(True, entries, f"{entries} entries, chain intact, tail proven", tail_proven=True)
