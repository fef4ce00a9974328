"""Values of the departments' own systems that must not turn up in an answer, and the people who attack.

Read straight from the legacy files, so that no code of the gateway decides what is secret here.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from auth.principal import Principal

SECRETS = {
    "Student.bForm": ("emis", "SELECT identity_number FROM security_users WHERE is_student = 1"),
    "Student.name": ("emis", "SELECT first_name || ' ' || last_name FROM security_users WHERE is_student = 1"),
    "Teacher.cnic": ("emis", "SELECT identity_number FROM security_users WHERE is_staff = 1"),
    "Teacher.name": ("emis", "SELECT first_name || ' ' || last_name FROM security_users WHERE is_staff = 1"),
    "Teacher.code": ("emis", "SELECT openemis_no FROM security_users WHERE is_staff = 1"),
    "School.telephone": ("emis", "SELECT telephone FROM institutions WHERE telephone LIKE '08%'"),
    "Facility.inChargeCnic": ("hmis", "SELECT ic_cnic FROM organisationunit WHERE ic_cnic <> ''"),
    "Worker.name": ("hr", "SELECT nm FROM employees"),
    "Worker.cnic": ("hr", "SELECT cnic FROM employees"),
    "Payslip.cnic": ("fabs", "SELECT DISTINCT cnic FROM zpayroll"),
    "Payslip.gross": ("fabs", "SELECT printf('%.2f', gross) FROM zpayroll"),
}


@lru_cache(maxsize=32)
def secrets(folder: Path, coordinate: str) -> frozenset[str]:
    """Every spelling of the coordinate's values long enough to be told from other text."""
    source, statement = SECRETS[coordinate]
    connection = sqlite3.connect(folder / f"{source}.sqlite")
    try:
        told = {str(row[0]).strip() for row in connection.execute(statement) if row[0] is not None}
    finally:
        connection.close()
    found = {text for text in told if len(text) >= 6}
    if coordinate.endswith(("nic", "bForm", "Cnic")):
        digits = {text.replace("-", "") for text in found}
        found |= digits | {f"{text[:5]}-{text[5:12]}-{text[12:]}" for text in digits}
    return frozenset(found)


def leaked(folder: Path, body: str, seen: tuple[str, ...] = ()) -> list[str]:
    """Coordinates whose values stand in an answer; ``seen`` are those the caller may see in it."""
    own = frozenset().union(*(secrets(folder, coordinate) for coordinate in seen))
    return [name for name in SECRETS if any(value in body for value in secrets(folder, name) - own)]


def principal_of(told: dict[str, Any]) -> Principal:
    """The attacker of a ``principal.toml``, as authentication would have made it."""
    attributes = told["attributes"]
    made = Principal(
        "attacker", frozenset(told["roles"]), attributes, purpose=told.get("purpose"), case=told.get("case")
    )
    also = told.get("acting_for")
    if also is None:
        return made
    return replace(made, also=Principal("represented", frozenset(also["roles"]), also.get("attributes", {})))
