"""One subscription of one subscriber: opened like any request, told what its cohort sees, checked before everything
that is sent, and in the ledger at its opening, with every batch and at its end."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog

from auth.access import Access
from auth.errors import AuthError
from gateway import recording
from gateway.cursors import BadCursor
from gateway.house import House
from gateway.live.cohort import Cohort, Event
from gateway.live.form import Form, form_of
from gateway.live.looked import NoAnswer
from gateway.live.running import Asking
from gateway.live.view import BEGUN, net
from gateway.objects import written
from gateway.operation import ErrorInfo, Operation, OperationError
from gateway.partwise import keep_plan, settled_key
from gateway.pipeline import Compiled, Course, check_cost, claims, locations, place_of, told_error
from gateway.plan import AggregateStep
from gateway.request import Incoming
from gateway.templates import FromVariable, Literal
from schema.errors import Code

log = structlog.get_logger("live")
BATCH = 500
"""Most events sent under one ledger entry."""
PATIENCE_S = 0.005
"""How long a batch waits for those of other subscribers to share its commit."""


class StreamEnded(Exception):
    """``errors``: why, as the client is told. ``outcome``: as of ``Answer``. ``slow``: the client did not keep up."""

    def __init__(self, errors: list[dict[str, Any]], outcome: str = "ok", *, slow: bool = False) -> None:
        super().__init__(errors[0]["message"] if errors else "")
        self.errors, self.outcome, self.slow = errors, outcome, slow


@dataclass(slots=True, eq=False)
class Stream:
    """What the client has not been sent yet waits here, each entity once: bounded, whatever happens outside."""

    house: House
    course: Course
    access: Access
    form: Form
    cohort: Cohort
    bound: tuple[Any, ...]
    binding: bytes
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    _waiting: OrderedDict[Any, Event] = field(default_factory=OrderedDict)
    _end: StreamEnded | None = None
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _codes: list[str] = field(default_factory=list)
    _closed: bool = False

    def take(self, events: Sequence[Event]) -> None:
        caught_up = not self._waiting
        for event in events:
            self._add(event)
        if not caught_up and len(self._waiting) > self.house.live.limits.pending:
            self._waiting.clear()
            message = "more changes wait than a subscriber may leave unread; go on from your last cursor"
            self._end = StreamEnded([_error(Code.BUDGET_EXCEEDED, message)], slow=True)
        self._wake.set()

    def _add(self, event: Event) -> None:
        known = self._waiting.pop(event.key, None)
        if known is not None and self.cohort.is_feed:
            change = net(known.change, event.change)
            if change is None:
                return
            if change != event.change:
                event = Event(event.seq, event.key, change, event.nodes, event.errors)
        self._waiting[event.key] = event

    def end(self, errors: list[dict[str, Any]]) -> None:
        self._end = self._end or StreamEnded(errors)
        self._wake.set()

    async def batches(self) -> AsyncIterator[list[bytes]]:
        """Payloads, encoded, each batch in the ledger before it is given. Raises StreamEnded."""
        try:
            async for payloads in self._batches():
                yield payloads
        except StreamEnded as end:
            self._codes = [error["extensions"]["code"] for error in end.errors]
            raise

    async def _batches(self) -> AsyncIterator[list[bytes]]:
        recheck_s = self.house.live.limits.recheck_s
        while True:
            try:
                async with asyncio.timeout(recheck_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            if self._end is not None:
                raise self._end
            await self._check_right()
            while self._waiting:
                count = min(BATCH, len(self._waiting))
                events = [self._waiting.popitem(last=False)[1] for _ in range(count)]
                payloads = [self._payload(event) for event in events]
                await self._record(events)
                yield payloads
                if self._waiting:
                    await self._check_right()

    async def _record(self, events: list[Event]) -> None:
        given: Mapping[str, int] = events[-1].given
        if self.form.feed is not None:
            shown = sum(event.nodes is not None for event in events)
            given = {self.form.feed.connection.record.name: shown}
        entry = recording.stream_entry(self.course, self.id, "batch", given)
        try:
            await self.house.ledger.append(entry, PATIENCE_S)
        except AuthError as error:
            raise StreamEnded([_error(error.code, error.message)], "ledger_unavailable") from None

    async def _check_right(self) -> None:
        """Whether who asked may still see it. Raises StreamEnded."""
        house = self.house
        try:
            principal = await house.authenticator.authenticate(*claims(self.course.incoming))
        except AuthError as error:
            outcome = "unauthenticated" if error.code == Code.UNAUTHENTICATED else "request_error"
            raise StreamEnded([_error(error.code, error.message)], outcome) from None
        if principal is self.course.principal and house.policy.access(principal) is self.access:
            return
        known = self.course.principal
        access = house.policy.access(principal)
        same = principal.subject == known.subject and access.key == self.access.key
        same = same and access.catalog.version == self.access.catalog.version
        if not same or any(principal.attribute(name) != value for name, value in self.bound):
            message = "your rights are not what they were when you subscribed; subscribe anew"
            raise StreamEnded([_error(Code.REFUSED, message)])

    def _payload(self, event: Event) -> bytes:
        subject = self.course.principal.subject
        payload = event.written.get(subject)
        if payload is None:
            told: dict[str, Any] = {"errors": list(event.errors)} if event.errors else {}
            told["data"] = {self.form.named: self._data(event)}
            payload = event.written[subject] = written(told)
        return payload

    def _data(self, event: Event) -> Any:
        feed = self.form.feed
        if feed is None:
            assert event.nodes is not None
            return msgspec.Raw(event.nodes[0])
        shown: dict[str, Any] = {}
        nodes = iter(event.nodes or ())
        for key, what in feed.fields:
            match what:
                case "change":
                    shown[key] = event.change
                case "cursor":
                    shown[key] = self.house.reach.sealer.seal((self.cohort.incarnation, event.seq), self.binding)
                case "key":
                    shown[key] = str(event.key) if feed.tells_key and event.change != BEGUN else None
                case "node":
                    node = next(nodes, None)
                    shown[key] = None if node is None else msgspec.Raw(node)
                case _:
                    shown[key] = f"{feed.connection.record.type_name}Change"
        return shown

    def close(self) -> None:
        """Ends it; its last entry is written even when nobody waits any more."""
        if self._closed:
            return
        self._closed = True
        self.house.live.leave(self.cohort, self)
        self.house.live.spawn(self._last_entry())

    async def _last_entry(self) -> None:
        try:
            await self.house.ledger.append(recording.stream_entry(self.course, self.id, "closed", {}, self._codes))
        except AuthError:
            log.error("the end of a stream is not in the ledger", stream=self.id)


async def open_stream(house: House, incoming: Incoming) -> Stream:
    """The subscription, once its opening is in the ledger. Raises StreamEnded, the refusal in the ledger."""
    course = Course(incoming, int(time.time() * 1000))
    stream: Stream | None = None
    house.under_way += 1
    try:
        stream = await _opened(house, course)
        ended = None
    except StreamEnded as end:
        ended = end
    except OperationError as error:
        ended = StreamEnded(
            [{"message": info.message, **locations(info), "extensions": {"code": error.code}} for info in error.errors],
            "request_error",
        )
    except AuthError as error:
        outcome = "unauthenticated" if error.code == Code.UNAUTHENTICATED else "request_error"
        ended = StreamEnded([_error(error.code, error.message)], outcome)
    except NoAnswer as error:
        ended = StreamEnded(error.errors)
    except Exception as error:
        log.error("a stream failed", request=incoming.request_id, kind=type(error).__name__, where=place_of(error))
        message = "something went wrong here; tell the operators the request id"
        extensions = {"code": Code.INTERNAL, "requestId": incoming.request_id}
        ended = StreamEnded([{"message": message, "extensions": extensions}], "internal")
    finally:
        house.under_way -= 1
    more: dict[str, Any] = {}
    if stream is not None:
        more["stream"] = {"id": stream.id, "state": "opened"}
    if ended is not None:
        course.codes += [error["extensions"]["code"] for error in ended.errors]
    try:
        outcome = "ok" if ended is None else ended.outcome
        await house.ledger.append(recording.entry(course, outcome, int(time.time() * 1000), **more))
    except AuthError as error:
        if stream is not None:
            house.live.leave(stream.cohort, stream)
        raise StreamEnded([_error(error.code, error.message)], "ledger_unavailable") from None
    except BaseException:  # the client has gone already
        if stream is not None:
            stream.close()
        raise
    if ended is not None or stream is None:
        assert ended is not None
        raise ended
    return stream


async def _opened(house: House, course: Course) -> Stream:
    course.principal = principal = await house.authenticator.authenticate(*claims(course.incoming))
    access = house.policy.access(principal)
    course.operation = operation = house.reader(access).read(course.incoming.request, streams=True)
    if not operation.streams:
        raise OperationError(Code.BAD_INPUT, (ErrorInfo("this is no subscription"),))
    form, plans = _drafted(house, operation, access)
    if form.feed is None and not form.order:
        raise StreamEnded([
            told_error(told.message, told.path, told.code, told.department, told.owner)
            for told in form.allowed.refusals
        ])  # fmt: skip
    asking = Asking(house, form, form.variables(operation.variables), principal, house.live.limits.members, plans)
    course.compiled = asking.whole
    _check_figures(asking.whole)
    check_cost(house, asking.whole, operation)
    bound = asking.bound()
    id = _identity(house, access, asking, bound)
    binding = hashlib.sha256(b"feed\0" + principal.subject.encode() + b"\0" + id).digest()
    after = _after(house, form, operation, binding)
    resumable = form.feed is not None and any(what == "cursor" for _, what in form.feed.fields)
    cohort = house.live.cohort(house, id, asking, resumable)
    if cohort is None:
        message = "too many different things are watched here; try again later"
        raise StreamEnded([_error(Code.BUDGET_EXCEEDED, message)])
    stream = Stream(house, course, access, form, cohort, bound, binding)
    if not await house.live.join(cohort, stream, after):
        raise StreamEnded([_error(Code.BAD_CURSOR, GONE)], "request_error")
    return stream


GONE = "this cursor is not of this feed, or too old to go on from; subscribe anew and ask for what is there now"


def _check_figures(compiled: Compiled) -> None:
    """Raises StreamEnded for published totals: two of them, before and after one row, would tell that row."""
    for step in compiled.prepared.plan.steps:
        if isinstance(step, AggregateStep) and step.protection is not None:
            record = step.reading.record
            message = f"totals of {record.type_name} that keep small cells cannot be watched; ask for them with a query"
            raise StreamEnded([told_error(message, (), Code.REFUSED, record.department.name, record.owner)])


def _drafted(house: House, operation: Operation, access: Access) -> tuple[Form, dict[bool, Compiled]]:
    """The form and its plans, shared by all with the same text, shape and rights."""
    key = ("live", operation.parsed.text_hash, operation.shape, access.key)
    known: tuple[Form, dict[bool, Compiled]] | None = house.plans.get(
        settled_key(house.plans, key, operation.variables)
    )
    if known is None:
        known = (form_of(house.catalog, access, operation), {})
        keep_plan(house.plans, key, operation.variables, known[0].allowed.settled, known)
    return known


def _after(house: House, form: Form, operation: Operation, binding: bytes) -> tuple[str, int] | None:
    """Where the client was. Raises StreamEnded for a cursor of another feed, another subject or other rights."""
    leaf = form.after
    cursor = leaf.read(operation.variables) if isinstance(leaf, FromVariable) else None
    if isinstance(leaf, Literal):
        cursor = leaf.value
    if cursor is None:
        return None
    try:
        incarnation, seq = house.reach.sealer.open(cursor, binding)
    except (BadCursor, ValueError):
        raise StreamEnded([_error(Code.BAD_CURSOR, GONE)], "request_error") from None
    return incarnation, seq


def _identity(house: House, access: Access, asking: Asking, bound: tuple[Any, ...]) -> bytes:
    """What is watched, with which rights and values: the same for all who may share it, in every process."""
    views = [
        (sorted(view.roles), view.purpose, view.case, sorted(view.present), view.literals, view.prefix)
        for view in access.views
    ]
    own = asking.principal.subject if asking.form.own else None
    variables = sorted(asking.variables.items())
    whole = (house.catalog.version, views, asking.form.text, variables, bound, own)
    return hashlib.sha256(repr(whole).encode()).digest()[:16]


def _error(code: str, message: str) -> dict[str, Any]:
    return {"message": message, "extensions": {"code": code}}
