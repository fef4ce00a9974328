"""What is watched, once for all who watch the same with the same rights: read when something may have changed, compared
with what was there, told to everybody who listens."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from gateway.live.kept import Kept
from gateway.live.looked import CannotWatch, Looked, NotNow
from gateway.live.pace import Pace
from gateway.live.view import BEGUN, DELETED, Nodes, Told, View, digest_of
from gateway.live.watch import Watching
from schema.catalog import Record
from schema.changes import Compared, polled
from schema.errors import Code

log = structlog.get_logger("live")
CHUNK = 500
"""Keys looked for at once."""
RETRY_S = 1.0
WHOLE_S = 1.0
"""How soon everything is read again because something changed, at the earliest."""


@dataclass(slots=True)
class Event:
    """One thing to tell. ``nodes``: the row as it is now, None where there is none. ``written``: how it was encoded,
    by subject. ``errors``: of fields that stay null."""

    seq: int
    key: Any
    change: str
    nodes: Nodes | None
    errors: tuple[dict[str, Any], ...] = ()
    given: Mapping[str, int] = field(default_factory=dict)
    written: dict[str, bytes] = field(default_factory=dict)


class Listener(Protocol):
    """Somebody who watches. ``take`` never waits."""

    def take(self, events: Sequence[Event]) -> None: ...

    def end(self, errors: list[dict[str, Any]]) -> None: ...


class Asks(Protocol):
    """Looks at what is watched: ``gateway.live.running``. ``members``: rows a feed may watch."""

    @property
    def members(self) -> int: ...

    async def look(self, keys: tuple[Any, ...] | None, *, partial: bool = False) -> Looked: ...


@dataclass(slots=True, eq=False)
class Cohort:
    """``interval``: how often everything is read anew as things are, in seconds, whatever marks and logs say.
    ``kept``: where a feed is kept to be resumed; None for what cannot be. ``incarnation``: cursors of a feed that was
    forgotten and began again are not taken."""

    id: bytes
    asking: Asks
    watches: tuple[Watching, ...]
    paces: tuple[Pace, ...]
    root: str | None
    interval: Callable[[], float]
    view: View
    kept: Kept | None
    room_for: Callable[[int], bool]
    incarnation: str = field(default_factory=lambda: os.urandom(8).hex())
    listeners: set[Listener] = field(default_factory=set)
    polls: int = 0
    last: Event | None = None
    """Of a live query: its latest answer."""
    joining: int = 0
    records: frozenset[str] = frozenset()
    """Names of all that is looked at."""
    hint_s: float = 5.0
    _all_at: float = -math.inf
    _later: asyncio.TimerHandle | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _dirty: set[Any] = field(default_factory=set)
    _whole: bool = False
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _started: bool = False

    @property
    def is_idle(self) -> bool:
        return not self.listeners and not self.joining

    @property
    def is_feed(self) -> bool:
        return self.root is not None

    def notice(self, record: str, keys: set[Any] | None) -> None:
        """Rows of ``record`` may have changed."""
        if keys is None or record != self.root:
            self._look_at_all(WHOLE_S)
            return
        self._dirty |= keys
        self._whole = self._whole or len(self._dirty) > self.asking.members
        self._wake.set()

    def hinted(self, record: str, keys: set[Any] | None) -> None:
        """As ``notice``, by somebody who may say so as often as they like: certain rows are looked at within the pace
        of their sources, and everything at most every ``hint_s``."""
        if keys is not None and record == self.root:
            self.notice(record, keys)
        else:
            self._look_at_all(self.hint_s)

    def _look_at_all(self, apart_s: float) -> None:
        """At once, or ``apart_s`` after the last time: a log tells of a busy table many times a second."""
        loop = asyncio.get_running_loop()
        at = max(loop.time(), self._all_at + apart_s) if self._started else loop.time()
        if self._later is not None:
            if self._later.when() <= at:
                return
            self._later.cancel()
        self._later = loop.call_at(at, self._look_at_all_now)

    def _look_at_all_now(self) -> None:
        self._later, self._all_at = None, asyncio.get_running_loop().time()
        self._whole = True
        self._wake.set()

    async def join(self, listener: Listener, after: tuple[str, int] | None = None) -> bool:
        """Tells the listener everything from now on, or from ``after`` (incarnation, seq); False when that is not to be
        had any more. Raises NotNow and CannotWatch."""
        async with self._lock:
            await self._start()
            if after is not None and (after[0] != self.incarnation or not self.view.can_resume(after[1])):
                return False
            if not self.is_feed:
                listener.take([self.last] if self.last is not None else [])
            elif after is None:
                listener.take([Event(self.view.seq, None, BEGUN, None)])
            else:
                listener.take(await self._since(after[1]))
            self.listeners.add(listener)
        return True

    async def _start(self) -> None:
        if self._started:
            return
        for watch in self.watches:
            await watch.join(self)
        try:
            found = None if self.kept is None else await self.kept.load(self.id, self.view.most)
            if found is not None:
                self.incarnation, self.view = found
            await self._compare(None, fresh=found is None)
        except BaseException:
            self.stop()
            raise
        self._started = True
        self._task = asyncio.create_task(self._poll())

    def stop(self) -> None:
        self._started = False
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._task is not None:
            self._task.cancel()
            self._task = None
        for watch in self.watches:
            watch.leave(self)

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self.interval()
        while True:
            try:
                async with asyncio.timeout_at(due):
                    await self._wake.wait()
            except TimeoutError:
                self._whole = True
            self._wake.clear()
            whole, dirty = self._whole, self._dirty
            self._whole, self._dirty = False, set()
            try:
                async with self._lock:
                    await self._look(None if whole else dirty)
            except NotNow:
                self._whole, self._dirty = self._whole or whole, self._dirty | dirty
                due = loop.time() + min(RETRY_S, self.interval())
                continue
            except CannotWatch as problem:
                self._started = False  # whoever comes next begins anew
                self.end(problem.errors)
                return
            except Exception as error:
                log.error("a look at what is watched failed", kind=type(error).__name__)
                self._whole = True
                due = loop.time() + min(RETRY_S, self.interval())
                continue
            if whole:
                due = loop.time() + self.interval()

    def end(self, errors: list[dict[str, Any]]) -> None:
        for listener in list(self.listeners):
            listener.end(errors)

    async def _look(self, dirty: set[Any] | None) -> None:
        if dirty is None:
            await self._compare(None)
            return
        keys = sorted(dirty, key=repr)
        for at in range(0, len(keys), CHUNK):
            await self._compare(tuple(keys[at : at + CHUNK]))

    async def _compare(self, keys: tuple[Any, ...] | None, *, fresh: bool = False) -> Looked:
        """Looks, and tells what is new to everybody. ``fresh``: what is there now is where the feed begins."""
        for pace in self.paces:
            await pace.turn()
        self.polls += 1
        looked = await self.asking.look(keys, partial=not self.is_feed and self.last is None)
        if not self.is_feed:
            if self.last is None or self.last.nodes != (looked.data,) or self.last.errors != looked.errors:
                self.last = Event(0, None, "", (looked.data,), looked.errors, looked.given)
                self._tell([self.last])
            return looked
        digests = {key: digest_of(nodes) for key, nodes in looked.rows.items()}
        if fresh:
            await self._begin(digests)
            return looked
        new = sum(key not in self.view.members for key in digests)
        if new and (len(self.view.members) + new > self.asking.members or not self.room_for(new)):
            raise CannotWatch([_full()])
        told = self.view.look(digests, keys)
        if told:
            await self._keep(told)
            self._tell([self._event(one, looked) for one in told])
        return looked

    async def _keep(self, told: list[Told]) -> None:
        """What cannot be kept is not told: whoever resumes finds it by then."""
        if self.kept is None:
            return
        try:
            await self.kept.add(self.id, self.view, told)
        except Exception as error:
            log.error("events cannot be kept", kind=type(error).__name__)
            message = "changes cannot be kept here now; try again later"
            errors = [{"message": message, "extensions": {"code": Code.INTERNAL}}]
            self.end(errors)
            raise CannotWatch(errors) from error

    async def _begin(self, digests: dict[Any, bytes]) -> None:
        if not self.room_for(len(digests)):
            raise CannotWatch([_full()])
        self.view.members = digests
        if self.kept is not None:
            await self.kept.begin(self.id, self.incarnation, self.view)

    def _event(self, told: Told, looked: Looked) -> Event:
        nodes = None if told.change == DELETED else looked.rows[told.key]
        return Event(told.seq, told.key, told.change, nodes, looked.errors)

    def _tell(self, events: list[Event]) -> None:
        for listener in list(self.listeners):
            listener.take(events)

    async def _since(self, seq: int) -> list[Event]:
        """What came after ``seq``, each entity once, as it is now."""
        keys = tuple(key for _, key, change in self.view.since(seq) if change != DELETED)
        rows: dict[Any, Nodes] = {}
        errors: tuple[dict[str, Any], ...] = ()
        for at in range(0, len(keys), CHUNK):
            looked = await self._compare(keys[at : at + CHUNK])
            rows |= looked.rows
            errors = looked.errors or errors
        return [
            Event(last, key, change, None if change == DELETED else rows[key], errors)
            for last, key, change in self.view.since(seq)
            if change == DELETED or key in rows
        ]


def _full() -> dict[str, Any]:
    message = "more rows are watched here than may be; narrow where, or try again later"
    return {"message": message, "extensions": {"code": Code.BUDGET_EXCEEDED}}


def interval_of(records: Sequence[Record], watches: Mapping[str, Watching], default_s: float) -> float:
    """How often everything is read anew: as often as the record that needs it most."""
    return min((_interval(record, watches, default_s) for record in records), default=default_s)


def _interval(record: Record, watches: Mapping[str, Watching], default_s: float) -> float:
    watch, changes = watches.get(record.name), polled(record.changes)
    if watch is not None:
        return watch.interval_s
    return changes.every_s if isinstance(changes, Compared) else default_s
