"""Changes of a service's records, found by asking whether its answer is another one: while it says that it is not,
nothing is read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from gateway.live.looking import Looking
from gateway.live.pace import Pace
from gateway.live.watch import Watch, Watcher
from schema.catalog import Record
from schema.changes import Compared, Tagged
from schema.fetch import ConnectorError

log = structlog.get_logger("live")


class TagService(Protocol):
    """Asks for the tag of an address: ``connectors.tags.TagReader``."""

    async def ask(
        self, path: str, arguments: tuple[tuple[str, str], ...], known: Any, deadline: float
    ) -> tuple[bool, Any]: ...

    async def aclose(self) -> None: ...


@dataclass(slots=True, eq=False)
class TagWatch:
    """One record's tag. ``marks``: how what changed is found, None where everything is compared. ``tag`` None: the
    service gave none; then changes are looked for at the pace that is declared otherwise."""

    record: Record
    make: Callable[[], TagService]
    pace: Pace
    marks: Watch | None
    time_s: float
    watchers: set[Watcher] = field(default_factory=set)
    tag: Any = None
    asked: int = 0
    looked: int = 0
    _due: float = 0.0
    looking: Looking = field(default_factory=Looking)

    @property
    def changes(self) -> Tagged:
        assert isinstance(self.record.changes, Tagged)
        return self.record.changes

    @property
    def interval_s(self) -> float:
        """How often everything watched is to be read anew all the same."""
        if self.tag is not None:
            return self.changes.compare_s
        return self.changes.otherwise.every_s if self.marks is None else self.marks.interval_s

    async def join(self, watcher: Watcher) -> None:
        """From when this returns, no change goes unnoticed. The first one starts the asking."""
        self.watchers.add(watcher)
        self.looking.begin(self._poll)
        await self.looking.ready.wait()

    def leave(self, watcher: Watcher) -> None:
        """The last one stops it."""
        self.watchers.discard(watcher)
        if not self.watchers and self.looking.end():
            self.tag = None
            if self.marks is not None:
                self.marks.forget()

    def notice(self, record: str, keys: set[Any] | None) -> None:
        for watcher in list(self.watchers):
            watcher.notice(record, keys)

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        service = self.make()
        if self.marks is not None:
            self.marks.watchers = {self}
        try:
            while True:
                started = loop.time()
                try:
                    await self.look(service)
                except ConnectorError as error:
                    # The tag stands: what changed meanwhile is looked for when the service answers again.
                    if self.marks is not None:
                        self.marks.missed = self.marks.missed or self.marks.reached is None
                    log.warning("no look at a tag", record=self.record.name, kind=type(error).__name__)
                except Exception as error:
                    log.error("looking at a tag failed", record=self.record.name, kind=type(error).__name__)
                self.looking.ready.set()
                await asyncio.sleep(max(0.0, started + self.changes.every_s - loop.time()))
        finally:
            await service.aclose()

    async def look(self, service: TagService) -> None:
        """Asks once, and looks for what changed where something may have. What comes in between has another tag."""
        loop = asyncio.get_running_loop()
        await self.pace.turn()
        self.asked += 1
        changes = self.changes
        another, tag = await service.ask(changes.path, changes.arguments, self.tag, loop.time() + self.time_s)
        if not another or (tag is None and loop.time() < self._due):
            return
        if tag is None:
            # Without a tag it is as if there were none declared.
            self._due = loop.time() + changes.otherwise.every_s
        self.looked += 1
        first = not self.looking.ready.is_set()
        if self.marks is not None:
            await self.marks.look()
        elif not first and not (tag is None and isinstance(changes.otherwise, Compared)):
            self.notice(self.record.name, None)
        self.tag = tag
