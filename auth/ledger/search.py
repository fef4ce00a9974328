"""Who accessed what: entries of the ledger that name a coordinate, as an auditor reads them. Pure."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from auth.ledger.chain import Link
from schema.scalars import KARACHI

KINDS = ("shown", "masked", "used", "refused", "done")


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
    entry: dict[str, Any] = json.loads(link.body)
    at = dt.datetime.fromtimestamp(entry.get("requestInTs", 0) / 1000, KARACHI)
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
        rules=_rules(entry, how), rows=_rows(entry.get("rowsGiven", {}), question.coordinate),
        outcome=entry["outcome"], operation=entry.get("operation", ""),
    )  # fmt: skip


def _about(name: str, question: Question) -> bool:
    return name == question.coordinate or name.startswith(f"{question.coordinate}.")


def _rules(entry: Mapping[str, Any], how: Mapping[str, list[str]]) -> list[str]:
    named = [rule for kind in ("shown", "masked", "done") for name in how.get(kind, ()) for rule in entry[kind][name]]
    return list(dict.fromkeys(named))


def _rows(rows: Mapping[str, int], coordinate: str) -> int:
    type_name = coordinate.partition(".")[0]
    return sum(count for record, count in rows.items() if record.rpartition(".")[2] == type_name)
