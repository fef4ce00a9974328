"""Who accessed what: entries of the ledger that name a coordinate, as an auditor reads them. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from auth.ledger.accesses import KINDS, Entry, asked_at, read_entry, rows_of, rules_of
from auth.ledger.chain import Link


@dataclass(frozen=True, slots=True)
class Question:
    """Every access to ``coordinate`` (``Student.bForm``, or ``Student`` for any part of it), from day ``since`` to day
    ``until``, both included, Karachi's days."""

    coordinate: str
    since: dt.date
    until: dt.date


@dataclass(frozen=True, slots=True)
class Finding:
    """One request that accessed it. ``how``: kind -> coordinates; ``rows``: rows of that record in the whole
    answer; ``at``: Karachi time, ISO 8601."""

    entry: int
    at: str
    who: str
    office: str
    roles: list[str]
    purpose: str
    case: str
    on_behalf_of: str
    how: dict[str, list[str]]
    rules: list[str]
    rows: int
    outcome: str
    operation: str

    def told(self) -> dict[str, Any]:
        return asdict(self)


def found(link: Link, question: Question) -> Finding | None:
    """What the entry says of the question, None when it is about something else."""
    entry = read_entry(link.body)
    at = asked_at(entry)
    if not question.since <= at.date() <= question.until:
        return None
    how = {
        kind: names for kind in KINDS if (names := [name for name in entry.get(kind, {}) if _about(name, question)])
    }
    if not how:
        return None
    return Finding(
        entry=link.seq, at=at.isoformat(timespec="seconds"), who=entry["messageUserId"],
        office=entry.get("office", ""), roles=entry.get("roles", []), purpose=entry.get("purpose", ""),
        case=entry.get("messageIssue", ""), on_behalf_of=entry.get("representedPartyCode", ""), how=how,
        rules=_rules(entry, how), rows=rows_of(entry, question.coordinate),
        outcome=entry["outcome"], operation=entry.get("operation", ""),
    )  # fmt: skip


def _about(name: str, question: Question) -> bool:
    return name == question.coordinate or name.startswith(f"{question.coordinate}.")


def _rules(entry: Entry, how: Mapping[str, list[str]]) -> list[str]:
    named = [rule for kind, names in how.items() for name in names for rule in rules_of(entry, kind, name)]
    return list(dict.fromkeys(named))
