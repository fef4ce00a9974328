"""Does what is in the outbox: once, recorded in the ledger before it leaves and when it is settled, and found out about
where the answer did not come.

RECEIVED -> SENT is durable before anything leaves, and only one gateway makes that step. Whoever finds a SENT row whose
gateway is gone asks the department first; only what is neither done nor lost is sent again, word for word the same, so
that the department recognises it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from auth.errors import AuthError
from auth.principal import Principal
from connectors.calling import Caller, Told, Unclear
from gateway import recording
from gateway.acting import about
from gateway.acting.engines import OutboxUnavailable
from gateway.acting.outbox import Entry, OtherInput, Outbox, Unkeepable, Wanted
from schema.actions import Sent
from schema.catalog import Action, Catalog
from schema.errors import Code
from schema.fetch import Connector, ConnectorError
from schema.scalars import KARACHI

log = structlog.get_logger("acting")
WAIT_S = 3.0
"""How long a repetition waits for the first one to be settled."""
LOOK_S = 0.1
MOST_PAUSE_S = 60.0
AT_ONCE = 8
"""How many unfinished rows are looked into at once."""
HIDDEN = "NOT_POSSIBLE"
"""The reason told to those who may not see what the reason was worked out of."""


class Writer(Protocol):
    async def append(self, body: bytes, patience_s: float = 0.0) -> str: ...


class ActionProblem(Exception):
    """Nothing was done, and nothing is kept of it but its key; the message is for the client."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Timing:
    """See ``gateway.settings.ActionSettings``."""

    lease_s: float = 30.0
    resolve_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Asked:
    """``rules``: why the principal may. ``tells``: whether it may know the reasons of the checks."""

    principal: Principal
    key: str
    inputs: Mapping[str, Any]
    rules: tuple[str, ...]
    tells: bool


def stamp_of(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, KARACHI).isoformat(timespec="seconds")


@dataclass(slots=True, eq=False)
class Worker:
    """One a house. ``passed`` is told of every step between two durable states; tests end the process there."""

    catalog: Catalog
    connectors: Mapping[str, Connector]
    callers: Mapping[str, Caller]
    ledger: Writer
    url: str
    timing: Timing = field(default_factory=Timing)
    clock: Callable[[], float] = time.time
    passed: Callable[[str], None] = lambda step: None
    outbox: Outbox = field(init=False)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        holder = secrets.token_hex(8)
        self.outbox = Outbox(self.url, self.catalog, holder, self.clock, lambda: stamp_of(self.clock()))

    # For a client

    async def perform(self, action: Action, asked: Asked) -> Entry:
        """The row once it is settled, or as far as it has come. Goes on when who asked goes away. Raises
        ActionProblem, and AuthError where the ledger cannot record it."""
        task = self._spawn(self._perform(action, asked))
        return await asyncio.shield(task)

    async def _perform(self, action: Action, asked: Asked) -> Entry:
        principal = asked.principal
        wanted = Wanted(
            principal.subject, "" if principal.also is None else principal.also.subject, principal.purpose or "",
            asked.key, asked.inputs, asked.tells,
        )  # fmt: skip
        try:
            entry = await self.outbox.receive(action, wanted)
        except Unkeepable as error:
            raise ActionProblem(Code.BAD_INPUT, f"{error} has no such value; look at how it is written") from None
        except OtherInput:
            message = "this idempotencyKey was used before with another input; take a new one for a new request"
            raise ActionProblem(Code.BAD_INPUT, message) from None
        except OutboxUnavailable:
            message = "the gateway cannot keep what is to be done; nothing was done, ask again later with the same key"
            raise ActionProblem(Code.SOURCE_UNAVAILABLE, message) from None
        self.passed("received")
        if entry.state == "RECEIVED" and await self.outbox.hold(action, entry, self.timing.lease_s):
            return await self._send_first(action, entry, asked)
        if not entry.final and entry.state != "RECEIVED":
            await self._resolve(action, entry)
        return await self._settled(action, entry)

    async def _send_first(self, action: Action, entry: Entry, asked: Asked) -> Entry:
        try:
            reason = about.refusal(action, await self._cells(action, entry))
        except ConnectorError as error:
            await self.outbox.release(action, entry.id)
            message = f"{action.department.title} does not answer; nothing was done, ask again with the same key"
            raise ActionProblem(Code(error.code), message) from None
        self.passed("checked")
        if reason is not None:
            await self.outbox.settle(action, entry.id, "REJECTED", _reason(entry, reason), sent=False)
            return await self._told(action, entry.id, asked)
        try:
            await self._record(action, entry, "SENT", asked)
        except AuthError:
            await self.outbox.release(action, entry.id)
            raise
        self.passed("recorded")
        if not await self.outbox.send(action, entry.id):
            return await self._settled(action, entry)
        self.passed("sent")
        await self._call(action, await self.outbox.get(action, entry.id), asked)
        return await self.outbox.get(action, entry.id)

    async def _settled(self, action: Action, entry: Entry) -> Entry:
        """The row when it is settled, or after a while as it is then."""
        loop = asyncio.get_running_loop()
        until = loop.time() + WAIT_S
        entry = await self.outbox.get(action, entry.id)
        while not entry.final and entry.held_until > self.clock() and loop.time() < until:
            await asyncio.sleep(LOOK_S)
            entry = await self.outbox.get(action, entry.id)
        return entry

    # What was sent

    async def _call(self, action: Action, entry: Entry, asked: Asked | None) -> None:
        """Sends it and settles it, or leaves it UNKNOWN."""
        deadline = asyncio.get_running_loop().time() + action.source.limits.timeout_s
        cells = self._own(action, entry)
        arguments = {one.argument: _written(one, cells[one.cell]) for one in action.call.arguments}
        try:
            told = await self.callers[action.source.name].call(action.call, arguments, deadline)
        except Unclear:
            told = None
        self.passed("called")
        if told is not None and told.done:
            await self._settle(action, entry, "CONFIRMED", None, asked)
            return
        await self._find_out(action, entry, asked, told)

    async def _find_out(self, action: Action, entry: Entry, asked: Asked | None, told: Told | None) -> bool:
        """Asks the department what became of it: settled, or not. What it refuses was not done, unless it shows that
        it was."""
        try:
            cells = await self._cells(action, entry)
        except ConnectorError:
            await self.outbox.doubt(action, entry.id)
            await self.outbox.release(action, entry.id, _pause_s(entry.attempts))
            return True
        if about.is_done(action, cells):
            await self._settle(action, entry, "CONFIRMED", None, asked)
        elif told is not None:
            await self._settle(action, entry, "REJECTED", told.reason, asked)
        elif about.is_lost(action, cells):
            await self._settle(action, entry, "REJECTED", about.refusal(action, cells) or "LOST", asked)
        else:
            await self.outbox.doubt(action, entry.id)
            return False
        return True

    async def _resolve(self, action: Action, entry: Entry) -> None:
        """Finds out what became of a row that nobody works on, and sends it again where the department has not done
        it."""
        if not await self.outbox.hold(action, entry, self.timing.lease_s):
            return
        self.passed("resolving")
        if await self._find_out(action, entry, None, None):
            return
        await self._record(action, entry, "SENT", None)
        self.passed("sending again")
        await self._call(action, entry, None)
        if not (await self.outbox.get(action, entry.id)).final:
            await self.outbox.release(action, entry.id, _pause_s(entry.attempts))

    async def _settle(self, action: Action, entry: Entry, state: str, reason: str | None, asked: Asked | None) -> None:
        await self.outbox.settle(action, entry.id, state, _reason(entry, reason), sent=True)
        self.passed("settled")
        await self._told(action, entry.id, asked)

    async def _told(self, action: Action, id: str, asked: Asked | None) -> Entry:
        """The row, once its last state is in the ledger."""
        entry = await self.outbox.get(action, id)
        await self._record(action, entry, entry.state, asked)
        self.passed("recorded again")
        await self.outbox.record(action, id)
        return entry

    async def _record(self, action: Action, entry: Entry, state: str, asked: Asked | None) -> None:
        told = recording.action_entry(action, entry, state, asked, int(self.clock() * 1000))
        await self.ledger.append(told)

    def _own(self, action: Action, entry: Entry) -> dict[str, Any]:
        today = dt.datetime.fromtimestamp(self.clock(), KARACHI).date()
        own: dict[str, Any] = {**entry.inputs, "today": today, "reference": entry.reference}
        if entry.sent_at is not None:
            sent = dt.datetime.fromisoformat(entry.sent_at)
            own |= {"sent_on": sent.date(), "sent_time": sent.strftime("%H%M%S")}
        return own

    async def _cells(self, action: Action, entry: Entry) -> about.Cells:
        connector = self.connectors[self.catalog.records[action.about].source.name]
        return await about.look(self.catalog, action, connector, self._own(action, entry))

    # In the background

    async def run(self) -> None:
        """Until stopped: takes up what others, or this gateway before it was ended, left behind."""
        while not self._stopping.is_set():
            await self.resolve_all()
            try:
                async with asyncio.timeout(self.timing.resolve_s):
                    await self._stopping.wait()
            except TimeoutError:
                continue

    async def resolve_all(self) -> None:
        """Each unfinished row once, and what the ledger has yet to be told. One that fails keeps no other."""
        for action in self.catalog.actions.values():
            try:
                unrecorded = await self.outbox.unrecorded(action)
                unfinished = await self.outbox.unfinished(action)
            except OutboxUnavailable:
                log.error("the outbox cannot be read", action=action.name)
                continue
            turns = asyncio.Semaphore(AT_ONCE)
            work: list[Coroutine[Any, Any, Any]] = [self._told(action, entry.id, None) for entry in unrecorded]
            work += [self._resolve(action, entry) for entry in unfinished]
            ended = await asyncio.gather(*(_in_turn(turns, one) for one in work), return_exceptions=True)
            for error in ended:
                if isinstance(error, Exception):
                    log.error("an unfinished action waits", action=action.name, kind=type(error).__name__)

    async def open(self) -> None:
        """Makes the outbox where there is none, and begins with what was left behind. An outbox that cannot be reached
        yet keeps nobody from reading."""
        try:
            await self.outbox.open()
        except OutboxUnavailable as error:
            log.error("the outbox cannot be opened", kind=type(error.__cause__).__name__)
        self._spawn(self.run())

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.info("an action ended early", kind=type(error).__name__)

    async def aclose(self) -> None:
        """What is under way is finished first: each has deadlines of its own."""
        self._stopping.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.outbox.aclose()
        for caller in self.callers.values():
            await caller.aclose()


async def _in_turn(turns: asyncio.Semaphore, work: Coroutine[Any, Any, Any]) -> None:
    async with turns:
        await work


def _written(argument: Sent, value: Any) -> str:
    spelled = argument.codec.spellings(value)
    assert spelled, "an input that cannot be written was refused before it was kept"
    return str(spelled[0])


def _reason(entry: Entry, reason: str | None) -> str | None:
    return reason if reason is None or entry.tells else HIDDEN


def _pause_s(attempts: int) -> float:
    return min(0.5 * 2.0 ** min(attempts, 20), MOST_PAUSE_S)
