"""The ledger as it is asked about itself: accesses, found by time and coordinate, and how far the chain holds.

The chain is walked beside the requests, in a thread of its own. While it is walked, the times of every thousand entries
are noted, so that a search for some days leaves out the others; what was not walked yet is always looked at.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from auth.ledger.accesses import accesses_of
from auth.ledger.chain import Link, Report, Walk
from auth.ledger.heads import read_heads
from auth.ledger.writer import Store
from schema.scalars import KARACHI
from schema.trail import Sought, TrailUnavailable

NAME = "gateway"
SPAN = 1_000
"""Entries whose times are noted together; also how many are walked before others get a turn."""
WINDOW = 32_000
"""Most entries a statement looks at."""
NEEDLES = 20
"""Coordinates that the database itself looks for; of more, every entry is read."""
QUICK_S = 1.0
FRESH = 20
"""A walk from the beginning that took longer than QUICK_S is good for so many times what it took, and then only gone on
with: walking a long chain costs a twentieth of one processor at most. A short one is walked anew at each question."""
BEHIND = 100_000
"""Entries that may be added before a search has their times noted."""
WAIT_S = 2.0
"""How long a question waits for the walk."""
UNREADABLE = (sqlite3.Error, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)


class _Stamp(msgspec.Struct):
    requestInTs: float = 0


_stamp = msgspec.json.Decoder(_Stamp).decode


@dataclass(slots=True)
class Pass:
    """One walk from the beginning, gone on with as entries are added. ``began``: no entry was looked at before.
    ``spans``: earliest and latest time of each SPAN entries. ``report`` None: it is still under way."""

    began: dt.datetime = field(default_factory=lambda: dt.datetime.now(KARACHI))
    walk: Walk = field(default_factory=Walk)
    heads_read: int = 0
    spans: list[tuple[float, float]] = field(default_factory=list)
    took_s: float = math.inf
    ended: float = -math.inf
    report: Report | None = None

    @property
    def fresh(self) -> bool:
        return self.took_s > QUICK_S and time.monotonic() - self.ended < FRESH * self.took_s

    def note(self, link: Link) -> None:
        try:
            at = _stamp(link.body).requestInTs
            first, last = at, at
        except msgspec.DecodeError:
            first, last = -math.inf, math.inf
        span = (link.seq - 1) // SPAN
        if span == len(self.spans):
            self.spans.append((first, last))
        else:
            self.spans[span] = (min(first, self.spans[span][0]), max(last, self.spans[span][1]))


class LedgerTrail:
    """``store``: its own, to read from. ``heads``: the file of signed heads, ``key`` what they are verified with.
    ``departments``: coordinates that may be told of, with whose they are."""

    def __init__(self, store: Store, heads: Path, key: Ed25519PublicKey, departments: Mapping[str, str]) -> None:
        self._store, self._heads, self._key = store, heads, key
        self._departments = departments
        self._done: Pass | None = None
        self._under_way: Pass | None = None
        self._walking: asyncio.Task[None] | None = None
        self._closing = False

    async def accesses(self, sought: Sought, /) -> AsyncIterator[list[dict[str, Any]]]:
        holding, wanted = _needles(sought), self._wanted(sought)
        try:
            async with self._store.reading() as reading:
                last = await reading.last()
                if last > (self._done.walk.seq if self._done is not None else 0) + BEHIND:
                    self._go_on()
                last = last if sought.last is None else min(last, sought.last)
                for first, until in self._windows(sought, last):
                    found = await reading.window(first, until, holding)
                    if sought.newest_first:
                        found.reverse()
                    yield await asyncio.to_thread(_rows, found, wanted)
        except UNREADABLE as error:
            raise TrailUnavailable(type(error).__name__) from error

    def _wanted(self, sought: Sought) -> Mapping[str, str]:
        """The coordinates that are to be told of."""
        if sought.coordinates is None:
            return self._departments
        return {name: self._departments[name] for name in sought.coordinates if name in self._departments}

    def _windows(self, sought: Sought, last: int) -> Iterator[tuple[int, int]]:
        """First and last entry of what one statement looks at; the first ones are small, for who wants few rows."""
        spans = range((max(sought.first, 1) - 1) // SPAN, (last - 1) // SPAN + 1)
        most, window = SPAN, (0, -1)
        for span in reversed(spans) if sought.newest_first else spans:
            first, until = max(span * SPAN + 1, sought.first), min((span + 1) * SPAN, last)
            inside = self._may_hold(span, sought)
            if inside and window[1] >= window[0]:
                window = (min(first, window[0]), max(until, window[1]))
            elif inside:
                window = (first, until)
            if window[1] >= window[0] and (not inside or window[1] - window[0] + 1 >= most):
                yield window
                window, most = (0, -1), min(2 * most, WINDOW)
        if window[1] >= window[0]:
            yield window

    def _may_hold(self, span: int, sought: Sought) -> bool:
        known = self._done or self._under_way
        if known is None or known.walk.seq <= (span + 1) * SPAN:
            return True  # the thread that walks may be about to note the last of the span
        earliest, latest = known.spans[span]
        return (sought.since_ms is None or latest >= sought.since_ms) and (
            sought.until_ms is None or earliest <= sought.until_ms
        )

    async def chain(self, deadline: float, /) -> Mapping[str, Any]:
        walking = self._go_on()
        left = deadline - asyncio.get_running_loop().time() - 0.1
        await asyncio.wait({walking}, timeout=max(0.0, min(WAIT_S, left)))
        try:
            if walking.done():
                walking.result()
            async with self._store.reading() as reading:
                entries = await reading.last()
        except UNREADABLE as error:
            raise TrailUnavailable(type(error).__name__) from error
        return self._told(entries)

    def _go_on(self) -> asyncio.Task[None]:
        """The walk that is under way; if none is, one begins."""
        if self._walking is None or self._walking.done():
            self._walking = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(self._walk())))
        return self._walking

    async def _walk(self) -> None:
        """Goes on with the last walk, or begins a new one when that is too long ago."""
        one = self._done
        if one is None or not one.fresh:
            one = Pass()
        if one.walk.fault is not None:
            return
        self._under_way = one
        try:
            await self._advance(one)
        finally:
            self._under_way = None

    async def _advance(self, one: Pass) -> None:
        started = time.monotonic()
        if self._heads.exists():
            size = self._heads.stat().st_size
            one.walk.meet(read_heads(self._heads, self._key, one.heads_read))
            one.heads_read = size
        async with self._store.reading() as reading:
            there = await reading.last()
        known = one.walk.seq
        if there < known:
            one.walk.fault = _cut_off(there, known)
        elif there:
            await self._follow(one, known)
        if self._closing:
            return
        one.report = one.walk.report()
        one.ended = time.monotonic()
        if known == 0:
            one.took_s = one.ended - started
        self._done = one

    async def _follow(self, one: Pass, known: int) -> None:
        turn = time.monotonic()
        async for link in self._store.read(max(known - 1, 0)):
            if known and link.seq <= known:
                if (link.seq, link.hash) != (known, one.walk.last):
                    one.walk.fault = Report(False, known - 1, f"entry {known} was changed after it was written", known)
                    return
                continue
            if not one.walk.step(link):
                return
            one.note(link)
            if link.seq % SPAN == 0:
                if self._closing:
                    return
                await asyncio.sleep(time.monotonic() - turn)
                turn = time.monotonic()

    def _told(self, entries: int) -> dict[str, Any]:
        one = self._done
        running = self._under_way
        if one is None or (running is not None and running.walk.fault is not None):
            one = running or one or Pass()
        walk, report = one.walk, one.report
        if walk.fault is not None:
            report = walk.fault
        return {
            "name": NAME,
            "entries": entries,
            "verified_up_to": walk.seq,
            "verified_at": one.began,
            "last_hash": walk.last if walk.seq else None,
            "intact": None if report is None else report.sound,
            "bad_entry": None if report is None else report.bad_seq,
            "head_signed": walk.furthest if walk.heads_known else None,
            "proven_up_to": walk.proven if walk.heads_known else None,
            "message": f"verified up to {walk.seq} so far; ask again" if report is None else report.message,
        }

    async def aclose(self) -> None:
        """The walk is given up."""
        self._closing = True
        if self._walking is not None:
            await asyncio.gather(self._walking, return_exceptions=True)
        await self._store.aclose()


def _rows(found: list[tuple[int, bytes]], departments: Mapping[str, str]) -> list[dict[str, Any]]:
    return [row for seq, body in found for row in accesses_of(seq, body, departments)]


def _cut_off(there: int, known: int) -> Report:
    return Report(False, there, f"the last {known - there} entries are cut off: they were there before", there + 1)


def _needles(sought: Sought) -> tuple[bytes, ...]:
    """What stands in the body of every entry that names one of the coordinates; none: all are to be read."""
    names = sought.coordinates
    if names is None or len(names) > NEEDLES:
        return ()
    return tuple(msgspec.json.encode(name) for name in sorted(names))
