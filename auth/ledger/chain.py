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


async def verify(links: AsyncIterator[Link], heads: Sequence[Head] | None) -> Report:
    """Walks the whole chain in order. ``heads``: signed heads whose signatures hold, None when there is no head file;
    each must be met on the way, and the last one must not lie beyond the end."""
    expected = {head.count: head.hash for head in heads or ()}
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
        if seq in expected and expected[seq] != link.hash:
            return Report(False, seq - 1, f"entry {seq} is not the one whose head was signed: rewritten", seq)
        previous = link.hash
    if heads is None:
        return Report(True, seq, f"{seq} entries, chain intact; tail unproven: give the head file to prove the end")
    if not heads:
        return Report(seq == 0, seq, f"the head file holds no valid head for {seq} entries", None if seq == 0 else 1)
    last = max(expected)
    if last > seq:
        return Report(False, seq, f"the last {last - seq} entries are cut off: a head for {last} was signed", seq + 1)
    if last < seq:
        message = f"{seq} entries, chain intact; proven up to {last}, the tail after it is unproven"
        return Report(True, seq, message)
    return Report(True, seq, f"{seq} entries, chain intact, tail proven", tail_proven=True)
