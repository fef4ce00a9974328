"""The consent register: which learners let which organisation see what, for which purpose, until when. It is asked at
every request; a plan never holds what it says, only that somebody has an attribute."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

SCOPES = ("timeline", "results")
"""What a consent may be to: the whole timeline, or the examination results in it."""
ATTRIBUTES = {scope: f"consented_{scope}" for scope in SCOPES}
"""Scope -> the principal's attribute that rules compare rows with. No credential can claim one."""
MOST = 10_000
"""Learners of one organisation and purpose that rows are compared with."""


@dataclass(frozen=True, slots=True)
class Consent:
    """``learner``: EMIS pupil number; moments are seconds since the epoch; it holds from ``given`` to before
    ``expires`` and before ``withdrawn``. ``recorded_by``: the post that has the signed paper."""

    number: str
    learner: str
    organisation: str
    purpose: str
    scope: str
    given: float
    expires: float
    recorded_by: str
    withdrawn: float | None = None

    def holds(self, organisation: str, purpose: str, now: float) -> bool:
        ended = self.withdrawn is not None and self.withdrawn <= now
        return (
            (self.organisation, self.purpose) == (organisation, purpose) and self.given <= now < self.expires
            and not ended
        )  # fmt: skip


class Consents(Protocol):
    """Who consents now."""

    def holding(self, organisation: str, purpose: str, now: float) -> Iterable[tuple[str, str]]:
        """(scope, learner) of every consent that holds."""
        ...


@dataclass(frozen=True, slots=True)
class ListedConsents:
    """Consents of a settings file."""

    consents: tuple[Consent, ...]

    def holding(self, organisation: str, purpose: str, now: float) -> Iterable[tuple[str, str]]:
        return [(one.scope, one.learner) for one in self.consents if one.holds(organisation, purpose, now)]


TABLE = """CREATE TABLE IF NOT EXISTS consents (
  number INTEGER PRIMARY KEY AUTOINCREMENT, learner TEXT NOT NULL, organisation TEXT NOT NULL, purpose TEXT NOT NULL,
  scope TEXT NOT NULL, given REAL NOT NULL, expires REAL NOT NULL, recorded_by TEXT NOT NULL, withdrawn REAL)"""
INDEX = "CREATE INDEX IF NOT EXISTS consents_of ON consents (organisation, purpose, expires)"
COLUMNS = "number, learner, organisation, purpose, scope, given, expires, recorded_by, withdrawn"
HOLDING = (
    "SELECT scope, learner FROM consents WHERE organisation = ? AND purpose = ? AND given <= ? AND expires > ? "
    "AND (withdrawn IS NULL OR withdrawn > ?)"
)


@dataclass(slots=True)
class StoredConsents:
    """Consents in a file of the gateway's state: SQLite, each change durable before it counts. Rows are never deleted;
    a withdrawal adds its moment."""

    path: Path
    _connection: sqlite3.Connection | None = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, isolation_level=None, timeout=4.0, check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(TABLE)
            connection.execute(INDEX)
            self._connection = connection
        return self._connection

    def holding(self, organisation: str, purpose: str, now: float) -> Iterable[tuple[str, str]]:
        rows: list[tuple[str, str]] = self._open().execute(HOLDING, (organisation, purpose, now, now, now)).fetchall()
        return rows

    def give(self, consent: Consent) -> str:
        """Keeps the consent; its number."""
        cursor = self._open().execute(
            "INSERT INTO consents (learner, organisation, purpose, scope, given, expires, recorded_by) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (consent.learner, consent.organisation, consent.purpose, consent.scope, consent.given, consent.expires,
             consent.recorded_by),
        )  # fmt: skip
        return str(cursor.lastrowid)

    def withdraw(self, number: str, now: float) -> bool:
        """False when there is no such consent; one withdrawn before stays withdrawn since then."""
        statement = "UPDATE consents SET withdrawn = COALESCE(withdrawn, ?) WHERE number = ?"
        return self._open().execute(statement, (now, number)).rowcount == 1

    def listed(self, learner: str | None = None) -> list[Consent]:
        asked, values = (" WHERE learner = ?", (learner,)) if learner is not None else ("", ())
        rows = self._open().execute(f"SELECT {COLUMNS} FROM consents{asked} ORDER BY number", values)
        return [Consent(str(row[0]), *row[1:]) for row in rows]

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@dataclass(frozen=True, slots=True)
class Register:
    """Several places where consents are kept, asked as one."""

    places: Sequence[Consents] = field(default_factory=tuple)

    def attributes(self, organisation: str, purpose: str | None, now: float) -> dict[str, tuple[str, ...]]:
        """The learners who consent now, as attributes of who asks: none without a purpose, none beyond ``MOST``."""
        found: dict[str, set[str]] = {scope: set() for scope in SCOPES}
        for place in self.places if purpose is not None else ():
            for scope, learner in place.holding(organisation, purpose or "", now):
                if scope in found:
                    found[scope].add(learner)
        return {ATTRIBUTES[scope]: tuple(sorted(learners)[:MOST]) for scope, learners in found.items()}
