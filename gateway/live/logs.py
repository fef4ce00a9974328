"""Changes told by databases' own logs: one reader a source, however many records, shapes and subscribers there are. It
begins with the first of them and ends with the last. Where a log is not to be had, each record is watched as it says
otherwise, until it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from gateway.live.looking import Looking
from gateway.live.watch import Watch, Watcher, decoded
from schema.catalog import Record
from schema.changelog import ChangeLog, LoggedTable, LogRefused, Seen, tables_of
from schema.changes import Logged
from schema.fetch import SourceUnavailable

log = structlog.get_logger("live")
AGAIN_S = 1.0
"""How soon a log that was lost twice is opened again; twice as long after each further time, ``AT_MOST_S`` at most."""
AT_MOST_S = 60.0
NOT_YET = "it has not been opened yet"


@dataclass(slots=True, eq=False)
class LogWatch:
    """One record of a source whose log is read. ``otherwise``: its marks, None where there are none and everything is
    compared. ``reason``: why the log does not tell its changes now; None: it does."""

    record: Record
    source_log: SourceLog
    otherwise: Watch | None
    tables: tuple[LoggedTable, ...]
    watchers: set[Watcher] = field(default_factory=set)
    reason: str | None = NOT_YET

    @property
    def interval_s(self) -> float:
        changes = self.record.changes
        assert isinstance(changes, Logged)
        if self.reason is None:
            return changes.compare_s
        return changes.otherwise.every_s if self.otherwise is None else self.otherwise.interval_s

    async def join(self, watcher: Watcher) -> None:
        """From when this returns, no change goes unnoticed."""
        self.watchers.add(watcher)
        await self.source_log.join(self)
        if self.reason is not None and self.otherwise is not None:
            await self.otherwise.join(self)

    def leave(self, watcher: Watcher) -> None:
        self.watchers.discard(watcher)
        if not self.watchers:
            self.source_log.leave(self)
            self.reason = NOT_YET
            if self.otherwise is not None:
                self.otherwise.leave(self)

    def notice(self, record: str, keys: set[Any] | None) -> None:
        for watcher in list(self.watchers):
            watcher.notice(record, keys)

    def turned(self, reason: str | None) -> None:
        """The log tells its changes from now on, or (``reason``) does not. What happened in between nobody saw."""
        self.reason = reason
        if self.otherwise is not None:
            if reason is None:
                self.otherwise.leave(self)
            else:
                self.otherwise.missed = True
                self.otherwise.enter(self)
        self.notice(self.record.name, None)

    def told(self, seen: Seen) -> None:
        """What the log tells of its tables."""
        if self.reason is not None:
            return
        first, *joined = self.tables
        if any(table in seen for table in joined) or (first in seen and seen[first] is None):
            self.notice(self.record.name, None)
        elif keys := decoded(self.record, seen.get(first) or ()):
            self.notice(self.record.name, keys)


@dataclass(slots=True, eq=False)
class SourceLog:
    """``make``: a reader that is not open yet. ``records``: all of the source that are declared to be told by it.
    ``opened``: how often it was."""

    name: str
    make: Callable[[], ChangeLog]
    records: tuple[Record, ...]
    again_s: float = AGAIN_S
    watches: set[LogWatch] = field(default_factory=set)
    opened: int = 0
    is_read: bool = False
    refused: Mapping[LoggedTable, str] = field(default_factory=dict)
    _why: str | None = NOT_YET
    _said: Mapping[LoggedTable, str] = field(default_factory=dict)
    looking: Looking = field(default_factory=Looking)

    async def join(self, watch: LogWatch) -> None:
        """Returns when the log is read, or is known not to be; the watch's ``reason`` says which."""
        if watch not in self.watches:
            self.watches.add(watch)
            watch.reason = self._reason(watch)
        self.looking.begin(self._read)
        await self.looking.ready.wait()

    def leave(self, watch: LogWatch) -> None:
        """The last one ends the reading; what the reader has in the database goes with its connection."""
        self.watches.discard(watch)
        if not self.watches and self.looking.end():
            self._why, self.is_read = NOT_YET, False

    def _reason(self, watch: LogWatch) -> str | None:
        if self._why is not None:
            return self._why
        return "; ".join(dict.fromkeys(self.refused[one] for one in watch.tables if one in self.refused)) or None

    async def _read(self) -> None:
        pause_s = 0.0
        while True:
            reader = self.make()
            try:
                self.refused = await reader.open(tuple(dict.fromkeys(_all_tables(self.records))))
                self.opened += 1
                self._turn(None)
                self.looking.ready.set()
                while True:
                    seen = await reader.read()
                    pause_s = 0.0
                    for watch in list(self.watches):
                        watch.told(seen)
            except LogRefused as problem:
                pause_s = AT_MOST_S
                self._turn(str(problem))
            except SourceUnavailable as problem:
                # Lost once, it is opened again at once, and nobody is told to look elsewhere in between.
                if pause_s or self._why is not None:
                    self._turn(str(problem))
                log.warning("the log of changes was lost", source=self.name, reason=str(problem))
            except Exception as error:
                pause_s = AT_MOST_S
                self._turn(type(error).__name__)
                log.error("reading the log of changes failed", source=self.name, kind=type(error).__name__)
            finally:
                await reader.aclose()
            self.looking.ready.set()
            await asyncio.sleep(pause_s)
            pause_s = min(max(2 * pause_s, self.again_s), AT_MOST_S)

    def _turn(self, why: str | None) -> None:
        """Tells every watch whose log it is whether it is read now. Why not is said once."""
        if why is not None and why != self._why:
            log.warning("the log of changes is not read", source=self.name, reason=why)
        if why is None and self.refused != self._said:
            self._said = self.refused
            for table, reason in self.refused.items():
                log.warning("the log does not tell of a table", source=self.name, table=table.name, reason=reason)
        self._why, self.is_read = why, why is None
        for watch in list(self.watches):
            now = self._reason(watch)
            if watch.reason != NOT_YET and (now is None or watch.reason is None):
                watch.turned(now)
            else:
                watch.reason = now


def _all_tables(records: Iterable[Record]) -> Iterable[LoggedTable]:
    return (table for record in records for table in tables_of(record))
