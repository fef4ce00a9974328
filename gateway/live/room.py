"""Everything that is watched now: cohorts, the marks they wait for, how often sources are asked, and how many may
watch. One lives as long as the house."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from gateway.live.cohort import Cohort, Listener, interval_of
from gateway.live.form import records_of
from gateway.live.hooks import Hint, Hooks
from gateway.live.kept import Kept
from gateway.live.limits import LiveLimits
from gateway.live.logs import LogWatch, SourceLog
from gateway.live.pace import Pace
from gateway.live.tags import TagService, TagWatch
from gateway.live.view import View
from gateway.live.watch import Watch, Watching, decoded
from schema.catalog import Catalog, Record
from schema.changelog import ChangeLog, tables_of
from schema.changes import Logged, Tagged, Watermark, polled
from schema.relations import relation_name

if TYPE_CHECKING:
    from gateway.house import House
    from gateway.live.running import Asking

log = structlog.get_logger("live")


@dataclass(slots=True)
class Room:
    """``kept`` None: feeds can be resumed only while somebody else watches the same. ``readers``: of sources whose
    owner lets their log be read, by name: makes one that is not open yet; ``tags``: of services, what asks for tags."""

    limits: LiveLimits = field(default_factory=LiveLimits)
    kept: Kept | None = None
    readers: Mapping[str, Callable[[], ChangeLog]] = field(default_factory=dict)
    cohorts: dict[bytes, Cohort] = field(default_factory=dict)
    hooks: Hooks = field(default_factory=Hooks)
    tags: Mapping[str, Callable[[], TagService]] = field(default_factory=dict)
    watches: dict[str, Watching] = field(default_factory=dict)
    logs: dict[str, SourceLog] = field(default_factory=dict)
    connections: Counter[str] = field(default_factory=Counter)
    closing: bool = False
    _paces: dict[str, Pace] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _sweeper: asyncio.Task[None] | None = None
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    def enter(self, who: str) -> bool:
        """A connection comes in; False when there are too many, of all or of this one."""
        if self.closing or self.connections.total() >= self.limits.connections:
            return False
        if self.connections[who] >= self.limits.connections_each:
            return False
        self.connections[who] += 1
        return True

    def exit(self, who: str) -> None:
        self.connections[who] -= 1
        if not self.connections[who]:
            del self.connections[who]

    def cohort(self, house: House, id: bytes, asking: Asking, resumable: bool) -> Cohort | None:
        """The cohort that watches this; None when there is no room for another. It is told ``joining``."""
        cohort = self.cohorts.get(id)
        if cohort is None:
            if len(self.cohorts) >= self.limits.cohorts:
                return None
            cohort = self.cohorts[id] = self._made(house, id, asking, resumable)
        cohort.joining += 1
        return cohort

    def _made(self, house: House, id: bytes, asking: Asking, resumable: bool) -> Cohort:
        feed = asking.form.feed
        records = records_of(asking.whole.prepared.plan)
        root = feed.connection.record if feed is not None else None
        watches = {record.name: watch for record in records if (watch := self._watch(house, record)) is not None}
        # What a feed's rows are linked to is looked at with them: it need not be read as often for its own sake.
        needing = records if root is None else (root,)
        paces = tuple(self._pace(record) for record in {record.source.name: record for record in records}.values())
        return Cohort(
            id, asking, tuple(watches.values()), paces, None if root is None else root.name,
            lambda: interval_of(needing, watches, self.limits.every_s), View(self.limits.events),
            self.kept if resumable and feed is not None else None, self._has_room,
            records=frozenset(record.name for record in records), hint_s=self.limits.hint_s,
        )  # fmt: skip

    def _watch(self, house: House, record: Record) -> Watching | None:
        """What tells of the record's changes; None where all that is watched is compared."""
        watch = self.watches.get(record.name)
        if watch is not None:
            return watch
        marks: Watch | None = None
        if isinstance(polled(record.changes), Watermark):
            marks = Watch(record, house.reach.connectors[record.source.name], self._pace(record), house.time_s)
        found: Watching | None = marks
        if isinstance(record.changes, Logged) and record.source.name in self.readers:
            found = LogWatch(record, self._log(house, record.source.name), marks, tables_of(record))
        if isinstance(record.changes, Tagged) and record.source.name in self.tags:
            found = TagWatch(record, self.tags[record.source.name], self._pace(record), marks, house.time_s)
        if found is not None:
            self.watches[record.name] = found
        return found

    def _log(self, house: House, source: str) -> SourceLog:
        if source not in self.logs:
            records = tuple(record for record in house.catalog.records.values() if record.source.name == source)
            self.logs[source] = SourceLog(source, self.readers[source], records)
        return self.logs[source]

    def hinted(self, catalog: Catalog, hint: Hint) -> None:
        """A department says that rows of a relation may have changed: whoever watches them looks."""
        for record in catalog.records.values():
            if record.source.name == hint.source and relation_name(record.relation) == hint.relation:
                keys = None if hint.keys is None else decoded(record, hint.keys)
                for cohort in list(self.cohorts.values()):
                    if record.name in cohort.records and (keys is None or keys):
                        cohort.hinted(record.name, keys)

    def _pace(self, record: Record) -> Pace:
        source = record.source
        pace = self._paces.get(source.name)
        if pace is None:
            pace = self._paces[source.name] = Pace(source.limits.polls_per_s)
        return pace

    def _has_room(self, more: int) -> bool:
        return sum(len(one.view.members) for one in self.cohorts.values()) + more <= self.limits.all_members

    async def join(self, cohort: Cohort, listener: Listener, after: tuple[str, int] | None) -> bool:
        """See ``Cohort.join``; a cohort nobody watches is gone afterwards."""
        if self._sweeper is None and self.kept is not None:
            self._sweeper = asyncio.create_task(self._sweep(self.kept))
        try:
            return await cohort.join(listener, after)
        finally:
            cohort.joining -= 1
            self._let_go(cohort)

    def leave(self, cohort: Cohort, listener: Listener) -> None:
        cohort.listeners.discard(listener)
        self._let_go(cohort)

    def _let_go(self, cohort: Cohort) -> None:
        if cohort.is_idle and self.cohorts.get(cohort.id) is cohort:
            cohort.stop()
            del self.cohorts[cohort.id]

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Does it even when whoever asked for it is gone."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sweep(self, kept: Kept) -> None:
        while True:
            try:
                await kept.touch([id for id, cohort in self.cohorts.items() if cohort.kept is not None])
            except Exception as error:
                log.error("kept feeds cannot be swept", kind=type(error).__name__)
            await asyncio.sleep(self.limits.window_s / 10)

    def close(self) -> None:
        """Nobody comes in any more, and every stream ends."""
        self.closing = True
        self._ended.set()

    async def closed(self) -> None:
        """Waits until the house closes."""
        await self._ended.wait()

    async def settled(self) -> None:
        """Waits until what was spawned is done."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def aclose(self) -> None:
        """Ends everything; what streams still have to write is written."""
        self.close()
        for cohort in list(self.cohorts.values()):
            cohort.stop()
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self.settled()
        for one in self.logs.values():
            await one.looking.ended()
        for watch in self.watches.values():
            if isinstance(watch, TagWatch):
                await watch.looking.ended()
        if self.kept is not None:
            await self.kept.aclose()
