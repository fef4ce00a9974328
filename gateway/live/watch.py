"""Looks for rows whose mark moved on: one question a record and interval, however many subscribers and shapes there
are. Only keys and marks are read, and they go nowhere: what a subscriber may see of those rows is asked with its own
rights."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from gateway.live.looking import Looking
from gateway.live.pace import Pace
from gateway.pushdown import column_of, encode_range, plain_column
from schema.catalog import Record
from schema.changes import Watermark, polled
from schema.fetch import (
    EVERYTHING,
    Cell,
    Comparison,
    Connector,
    ConnectorError,
    Fetch,
    FetchShape,
    Function,
    Measure,
    Param,
    RowBudgetExceeded,
    Rows,
)
from schema.scalars import KARACHI

log = structlog.get_logger("live")
DAY_S = 86_400.0


class Watcher(Protocol):
    """Is told which rows of a record may have changed; None: any of them."""

    def notice(self, record: str, keys: set[Any] | None) -> None: ...


class Watching(Protocol):
    """Tells of one record's changes. ``join``: from when it returns, none goes unnoticed; ``interval_s``: how often
    everything watched is to be read anew all the same."""

    @property
    def interval_s(self) -> float: ...

    async def join(self, watcher: Watcher) -> None: ...

    def leave(self, watcher: Watcher) -> None: ...


def now() -> dt.datetime:
    return dt.datetime.now(KARACHI)


@dataclass(slots=True)
class Watch:
    """One record's marks. ``reached``: the highest mark seen, never later than now: a row stamped far ahead by a wrong
    clock must not hide those that come after it. ``seen``: key -> (mark, when it was first seen), as far back as is
    looked. ``missed``: the first looks failed, so what happened meanwhile is not known."""

    record: Record
    connector: Connector
    pace: Pace
    time_s: float
    clock: Callable[[], dt.datetime] = now
    watchers: set[Watcher] = field(default_factory=set)
    reached: Any = None
    seen: dict[Any, tuple[Any, float]] = field(default_factory=dict)
    polls: int = 0
    missed: bool = False
    looking: Looking = field(default_factory=Looking)

    @property
    def changes(self) -> Watermark:
        changes = polled(self.record.changes)
        assert isinstance(changes, Watermark)
        return changes

    @property
    def interval_s(self) -> float:
        """How often everything watched is to be read anew all the same."""
        return self.changes.compare_s

    async def join(self, watcher: Watcher) -> None:
        """From when this returns, no change goes unnoticed. The first one starts the polling."""
        self.enter(watcher)
        await self.looking.ready.wait()

    def enter(self, watcher: Watcher) -> None:
        """As ``join``, without waiting."""
        self.watchers.add(watcher)
        self.looking.begin(self._poll)

    def leave(self, watcher: Watcher) -> None:
        """The last one stops the polling."""
        self.watchers.discard(watcher)
        if not self.watchers and self.looking.end():
            self.forget()

    def forget(self) -> None:
        """Where the marks stand is found out anew by the next look."""
        self.reached, self.seen = None, {}

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                await self.look()
            except ConnectorError as error:
                # Nothing is lost: the mark stands, and the next look goes on from it.
                self.missed = self.reached is None
                log.warning("no look at changes", record=self.record.name, kind=type(error).__name__)
            except Exception as error:
                log.error("looking for changes failed", record=self.record.name, kind=type(error).__name__)
            self.looking.ready.set()
            await asyncio.sleep(max(0.0, started + self.changes.every_s - loop.time()))

    async def look(self) -> None:
        """One look. The first one only finds out where the marks stand."""
        await self.pace.turn()
        self.polls += 1
        if self.reached is None:
            self.reached = await self._highest()
            if self.reached is None:  # no row has a mark yet
                self._tell(None)
                return
            first = True
        else:
            first = False
        try:
            rows = await self._rows()
        except RowBudgetExceeded:
            self._tell(None)
            self.reached = await self._highest()
            return
        changed = self._changed(rows)
        if first and self.missed:
            self.missed = False
            self._tell(None)
        elif changed and not first:
            self._tell(changed)

    def _changed(self, rows: list[tuple[Any, Any]]) -> set[Any]:
        """The keys to look at; what was seen is brought up to date."""
        at, settle_s = asyncio.get_running_loop().time(), self._settle_s
        found: dict[Any, tuple[Any, float]] = {}
        changed: set[Any] = set()
        for key, mark in rows:
            if key is None or mark is None:
                continue
            known = self.seen.get(key)
            if known is None or known[0] != mark:
                known = (mark, at)
                changed.add(key)
            elif at - known[1] <= settle_s:
                changed.add(key)
            found[key] = known
        self.seen = found
        if found:
            self.reached = max(self.reached, self._bounded(max(mark for mark, _ in found.values())))
        return changed

    @property
    def _settle_s(self) -> float:
        """How long a row is looked at again because it may have changed once more without its mark moving on: within
        the same second, or the same day."""
        if self.changes.added_only:
            return -1.0
        return {"Date": math.inf, "DateTime": 2.0}.get(self._part.scalar.name, -1.0)

    @property
    def _part(self) -> Any:
        return self.record.fields[self.changes.field]

    def _tell(self, keys: set[Any] | None) -> None:
        for watcher in list(self.watchers):
            watcher.notice(self.record.name, keys)

    def _bounded(self, mark: Any) -> Any:
        if isinstance(mark, dt.datetime):
            return min(mark, self.clock())
        if isinstance(mark, dt.date):
            return min(mark, self.clock().date())
        return mark

    def _from(self) -> Any:
        """The mark to look from."""
        if isinstance(self.reached, dt.datetime):
            return (self.reached - dt.timedelta(seconds=self.changes.overlap_s)).replace(microsecond=0)
        if isinstance(self.reached, dt.date):
            return self.reached - dt.timedelta(days=math.ceil(self.changes.overlap_s / DAY_S))
        return self.reached - self.changes.overlap

    async def _highest(self) -> Any:
        """Where the marks stand: asked of a source that can tell, else taken to be now."""
        part = self._part
        if not self.record.source.capabilities.groups:
            return self._now()
        shape = FetchShape(
            self.record.relation, where=EVERYTHING, measures=(Measure(Function.MAX, Cell(column_of(part))),)
        )
        answer = await self._fetch(Fetch(shape, self._deadline(), max_rows=1))
        raw = answer.rows[0][0] if answer.rows else None
        if raw is None:
            return None
        mark = _decoded(part.codec, raw)
        return self._now() if mark is None else self._bounded(mark)

    def _now(self) -> Any:
        """The least mark a change to come can have."""
        match self._part.scalar.name:
            case "DateTime":
                return self.clock()
            case "Date":
                return self.clock().date()
        return 0

    async def _rows(self) -> list[tuple[Any, Any]]:
        key, part = self.record.key_field, self._part
        shape = FetchShape(
            self.record.relation, (Cell(plain_column(key)), Cell(plain_column(part))),
            Comparison(column_of(part), "gte", Param(0)),
        )  # fmt: skip
        params = (encode_range(part.codec, "gte")(self._from()),)
        budget = self.record.source.limits.row_budget
        answer = await self._fetch(Fetch(shape, self._deadline(), params=params, max_rows=budget))
        return [(_decoded(key.codec, row[0]), _decoded(part.codec, row[1])) for row in answer.rows]

    async def _fetch(self, fetch: Fetch) -> Rows:
        return await self.connector.fetch(fetch)

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self.time_s


def decoded(record: Record, raws: Iterable[Any]) -> set[Any]:
    """The keys that a source's own spellings of them stand for; those that cannot be read are left out: rows with such
    keys are shown to nobody."""
    assert record.key_field.codec is not None
    found = (_decoded(record.key_field.codec, raw) for raw in raws)
    return {key for key in found if key is not None}


def _decoded(codec: Any, raw: Any) -> Any:
    """None for what cannot be read: the full comparison finds such rows."""
    try:
        return None if raw is None else codec.decode(raw)
    except Exception:
        return None
