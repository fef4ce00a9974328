"""What an entry says of the fields it names: who accessed which, how, why, and how many rows. Pure."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from schema.scalars import KARACHI

Entry: TypeAlias = Mapping[str, Any]
KINDS = ("shown", "masked", "used", "refused", "done")
"""How an entry names a coordinate."""


def read_entry(body: bytes) -> Entry:
    """Raises ValueError for what is no entry."""
    told = json.loads(body)
    if not isinstance(told, dict):
        raise ValueError("an entry is a JSON object")
    return told


def asked_at(entry: Entry) -> dt.datetime:
    """Karachi's time."""
    return dt.datetime.fromtimestamp(entry.get("requestInTs", 0) / 1000, KARACHI)


def rules_of(entry: Entry, kind: str, coordinate: str) -> list[str]:
    """The rules by which it was shown, masked or done."""
    return list(entry[kind][coordinate]) if kind in ("shown", "masked", "done") else []


def rows_of(entry: Entry, coordinate: str) -> int:
    """Rows of the coordinate's record in the whole answer."""
    type_name = coordinate.partition(".")[0].removesuffix("Connection")
    given = entry.get("rowsGiven", {})
    return sum(count for record, count in given.items() if record.rpartition(".")[2] == type_name)


def accesses_of(seq: int, body: bytes, departments: Mapping[str, str]) -> list[dict[str, Any]]:
    """A row an access of one coordinate in the entry, in the order of ``id``; only of those that ``departments`` names
    with the department they belong to. What is no entry any more has none."""
    try:
        entry = read_entry(body)
        about = _about(seq, entry)
        found = [
            {
                **about, "id": f"{seq:012d}.{kind}.{coordinate}", "coordinate": coordinate, "how": kind.upper(),
                "department": department, **_of(entry, kind, coordinate),
            }
            for kind, coordinate in _named(entry) if (department := departments.get(coordinate)) is not None
        ]  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError):
        return []
    return sorted(found, key=lambda row: str(row["id"]))


def _named(entry: Entry) -> Iterator[tuple[str, str]]:
    for kind in KINDS:
        for coordinate in entry.get(kind, ()):
            yield kind, coordinate


def _about(seq: int, entry: Entry) -> dict[str, Any]:
    """What all accesses of an entry share."""
    return {
        "entry": seq,
        "at": asked_at(entry),
        "who": str(entry["messageUserId"]),
        "office": _text(entry.get("office")),
        "roles": _text(", ".join(entry.get("roles", ()))),
        "on_behalf_of": _text(entry.get("representedPartyCode")),
        "purpose": _text(entry.get("purpose")),
        "case": _text(entry.get("messageIssue")),
        "outcome": str(entry["outcome"]),
        "operation_hash": _text(entry.get("operationHash")),
        "request_id": _text(entry.get("xRequestId")),
    }


def _of(entry: Entry, kind: str, coordinate: str) -> dict[str, Any]:
    owners = entry.get("owners", {})
    type_name = coordinate.partition(".")[0].removesuffix("Connection")
    return {
        "rows": 0 if kind == "refused" else int(rows_of(entry, coordinate)),
        "rules": _text(", ".join(rules_of(entry, kind, coordinate))),
        "uses": _text(", ".join(entry["used"][coordinate])) if kind == "used" else None,
        "code": str(entry["refused"][coordinate]) if kind == "refused" else None,
        "owner": _text(owners.get(coordinate, owners.get(type_name))),
    }


def _text(told: Any) -> str | None:
    return str(told) if told else None
