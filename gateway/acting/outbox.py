"""The outbox: one table an action, one row a thing to be done. A row changes its state only from the states named, so
that of several gateways one wins; a lease only saves the others the trouble."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.acting.engines import Engine, open_engine
from schema.actions import BOOKKEEPING
from schema.catalog import Action, Catalog, Record
from schema.relations import relation_name

FINAL = ("CONFIRMED", "REJECTED")
UNFINISHED = "state IN ('SENT', 'UNKNOWN')"
UNRECORDED = "recorded = 0"
TYPES = {"text": "TEXT", "int": "BIGINT", "bool": "BIGINT", "float": "DOUBLE PRECISION"}
OWN = (
    ("digest", "TEXT NOT NULL"), ("held_by", "TEXT NOT NULL"), ("held_until", "DOUBLE PRECISION NOT NULL"),
    ("attempts", "BIGINT NOT NULL"), ("recorded", "BIGINT NOT NULL"),
    ("tells", "BIGINT NOT NULL"),
)  # fmt: skip
"""Columns of the gateway's alone. ``recorded``: the ledger has the last state; ``tells``: who asked
may know why something was refused."""
REFERENCES = 20
"""How many references are tried until one is free for that record."""


class OtherInput(ValueError):
    """The key was used before, with another input."""


class Unkeepable(ValueError):
    """An input that the record it is kept as has no spelling for; the message names it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as read. ``inputs``: decoded; ``held``: somebody works on it."""

    id: str
    subject: str
    represented: str
    purpose: str
    key: str
    digest: str
    state: str
    reason: str | None
    reference: str
    received_at: str
    sent_at: str | None
    settled_at: str | None
    inputs: Mapping[str, Any]
    held_until: float
    attempts: int
    recorded: bool
    tells: bool

    @property
    def final(self) -> bool:
        return self.state in FINAL


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client wants to have done, in whose name, under which key."""

    subject: str
    represented: str
    purpose: str
    key: str
    inputs: Mapping[str, Any]
    tells: bool


def digest_of(raws: Mapping[str, Any]) -> str:
    """Of the inputs as they are kept: 10.5 and 10.50 are one amount."""
    return hashlib.sha256(repr(sorted(raws.items())).encode()).hexdigest()


class Outbox:
    """``holder``: this gateway; ``clock``: seconds since the epoch, ``stamp`` the same as ISO 8601 text."""

    def __init__(
        self, url: str, catalog: Catalog, holder: str, clock: Callable[[], float], stamp: Callable[[], str]
    ) -> None:
        self._kept = {name: catalog.records[action.kept] for name, action in catalog.actions.items()}
        tables = [text for name, action in catalog.actions.items() for text in _tables(action, self._kept[name])]
        self._engine: Engine = open_engine(url, tables)
        self._holder, self._clock, self._stamp = holder, clock, stamp

    async def open(self) -> None:
        """Makes what is missing. Raises what the database raises."""
        await self._engine.run("SELECT 1")

    async def receive(self, action: Action, wanted: Wanted) -> Entry:
        """The row of this key: a new one, or the first one's. Raises Unkeepable and OtherInput."""
        table = self._table(action)
        told = self._raws(action, wanted.inputs)
        names = (*BOOKKEEPING, *told, *(name for name, _ in OWN))
        marks = ", ".join("?" * len(names))
        id = secrets.token_hex(16)
        for attempt in range(REFERENCES):
            own = {
                "id": id, "subject": wanted.subject, "represented": wanted.represented, "purpose": wanted.purpose,
                "idempotency_key": wanted.key, "state": "RECEIVED", "reason": None,
                "reference": reference_of(id, attempt, action.call.digits), "received_at": self._stamp(),
                "sent_at": None, "settled_at": None, "digest": digest_of(told), "held_by": "", "held_until": 0.0,
                "attempts": 0, "recorded": 1, "tells": int(wanted.tells), **told,
            }  # fmt: skip
            await self._engine.run(
                f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) ON CONFLICT DO NOTHING",
                [own[name] for name in names],
            )
            found = await self._select(
                action, "subject = ? AND represented = ? AND idempotency_key = ?",
                (wanted.subject, wanted.represented, wanted.key),
            )  # fmt: skip
            if found and found[0].digest != digest_of(told):
                raise OtherInput
            if found:
                return found[0]
        raise RuntimeError("no reference is free for this record")

    def _raws(self, action: Action, inputs: Mapping[str, Any]) -> dict[str, Any]:
        raws = {}
        for name, value in inputs.items():
            codec = self._kept[action.api_name].fields[name].codec
            spelled = None if codec is None else codec.spellings(value)
            if not spelled:
                raise Unkeepable(name)
            raws[name] = spelled[0]
        return raws

    async def get(self, action: Action, id: str) -> Entry:
        return (await self._select(action, "id = ?", (id,)))[0]

    async def hold(self, action: Action, entry: Entry, lease_s: float) -> bool:
        """Whether this gateway may work on it, for so long: nobody else does, and it is as it was read."""
        now = self._clock()
        found = await self._engine.run(
            f"UPDATE {self._table(action)} SET held_by = ?, held_until = ?, attempts = attempts + 1 "
            "WHERE id = ? AND state = ? AND attempts = ? AND held_until <= ? RETURNING id",
            (self._holder, now + lease_s, entry.id, entry.state, entry.attempts, now),
        )
        return bool(found)

    async def release(self, action: Action, id: str, pause_s: float = 0.0) -> None:
        """Somebody may take it up after a pause."""
        await self._engine.run(
            f"UPDATE {self._table(action)} SET held_until = ? WHERE id = ? AND held_by = ?",
            (self._clock() + pause_s, id, self._holder),
        )

    async def send(self, action: Action, id: str) -> bool:
        """From RECEIVED to SENT, when this gateway still holds it: from now on it may have left."""
        found = await self._engine.run(
            f"UPDATE {self._table(action)} SET state = 'SENT', sent_at = ? "
            "WHERE id = ? AND state = 'RECEIVED' AND held_by = ? RETURNING id",
            (self._stamp(), id, self._holder),
        )
        return bool(found)

    async def doubt(self, action: Action, id: str) -> None:
        """From SENT to UNKNOWN."""
        await self._engine.run(
            f"UPDATE {self._table(action)} SET state = 'UNKNOWN' WHERE id = ? AND state = 'SENT' RETURNING id", (id,)
        )

    async def settle(self, action: Action, id: str, state: str, reason: str | None, *, sent: bool) -> bool:
        """For good. ``sent``: it had left; else it must not have. False: somebody else came first."""
        among = UNFINISHED if sent else "state = 'RECEIVED' AND held_by = ?"
        found = await self._engine.run(
            f"UPDATE {self._table(action)} SET state = ?, reason = ?, settled_at = ?, recorded = 0, held_until = 0 "
            f"WHERE id = ? AND {among} RETURNING id",
            (state, reason, self._stamp(), id, *(() if sent else (self._holder,))),
        )
        return bool(found)

    async def record(self, action: Action, id: str) -> None:
        """The ledger has its last state."""
        await self._engine.run(f"UPDATE {self._table(action)} SET recorded = 1 WHERE id = ? RETURNING id", (id,))

    async def unfinished(self, action: Action) -> list[Entry]:
        """What has left, nobody works on, and nobody knows the end of."""
        return await self._select(action, f"{UNFINISHED} AND held_until <= ?", (self._clock(),))

    async def unrecorded(self, action: Action) -> list[Entry]:
        return await self._select(action, UNRECORDED, ())

    async def _select(self, action: Action, where: str, values: Sequence[Any]) -> list[Entry]:
        record = self._kept[action.api_name]
        rows = await self._engine.run(
            f"SELECT * FROM {self._table(action)} WHERE {where} ORDER BY received_at, id LIMIT 1000", values
        )
        return [_entry(action, record, row) for row in rows]

    def _table(self, action: Action) -> str:
        return relation_name(self._kept[action.api_name].relation)

    async def aclose(self) -> None:
        await self._engine.aclose()


def reference_of(id: str, attempt: int, digits: int) -> str:
    """What the department knows it by: digits, always the same for one row."""
    number = int.from_bytes(hashlib.sha256(f"{id}:{attempt}".encode()).digest()[:8])
    return f"{number % 10**digits:0{digits}d}"


def _entry(action: Action, record: Record, row: Mapping[str, Any]) -> Entry:
    inputs = {}
    for one in action.inputs:
        codec = record.fields[one.name].codec
        assert codec is not None
        inputs[one.name] = codec.decode(row[one.name])
    return Entry(
        row["id"], row["subject"], row["represented"], row["purpose"], row["idempotency_key"], row["digest"],
        row["state"], row["reason"], row["reference"], row["received_at"], row["sent_at"], row["settled_at"], inputs,
        row["held_until"], row["attempts"], bool(row["recorded"]), bool(row["tells"]),
    )  # fmt: skip


def _tables(action: Action, record: Record) -> list[str]:
    """The table, and indexes that keep looking for unfinished rows from growing with finished ones."""
    columns = []
    for name in (*BOOKKEEPING, *(one.name for one in action.inputs)):
        part = record.fields[name]
        kind = part.scalar.kind if part.codec is None else part.codec.kind or part.scalar.kind
        null = "" if name in ("reason", "sent_at", "settled_at") else " NOT NULL"
        columns.append(f"{name} {TYPES[kind]}{' PRIMARY KEY' if name == 'id' else null}")
    columns += [f"{name} {kind}" for name, kind in OWN]
    columns += ["UNIQUE (subject, represented, idempotency_key)", f"UNIQUE ({action.by}, reference)"]
    table = relation_name(record.relation)
    return [
        f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(columns)})",
        f"CREATE INDEX IF NOT EXISTS {table}_represented ON {table} (represented)",
        f"CREATE INDEX IF NOT EXISTS {table}_unfinished ON {table} (held_until) WHERE {UNFINISHED}",
        f"CREATE INDEX IF NOT EXISTS {table}_unrecorded ON {table} (id) WHERE {UNRECORDED}",
    ]
