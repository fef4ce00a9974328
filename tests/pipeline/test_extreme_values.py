"""Values at the edge of what a scalar takes are compared like any other: a source that chokes on one would look broken,
and would be left alone for everybody."""

from __future__ import annotations

import re

import pytest

from auth.principal import Principal
from schema.catalog import Catalog
from schema.rules import ROLES
from schema.scalars import Scalar
from tests.houses import Desk

EDGES = {
    "String": ('""', '"%_\\\\\'\\";--"', '"\U0001f600 \\u202e\\t\\ufffd"', '"' + "\u20b9" * 1_000 + '"'),
    "Int": ("-2147483648", "2147483647"),
    "Long": ('"-9223372036854775808"', '"9223372036854775807"'),
    "Decimal": (f'"-{"9" * 28}.{"9" * 12}"', f'"{"9" * 28}"', '"0.000000000001"', '"-0"'),
    "Date": ('"0001-01-01"', '"9999-12-31"'),
    "DateTime": ('"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59.999999-12:00"'),
    "NationalId": ('"0000000000000"', '"99999-9999999-9"'),
}
FAILURES = {"SOURCE_UNAVAILABLE", "DEADLINE", "INTERNAL"}
TOLD = "cannot be read$|does not take this request"
EVERYBODY = Principal(
    "auditor-1", frozenset(ROLES), {"district": "KEC", "school": "KEC-00001", "facility": "x", "cnic": "1" * 13},
    frozenset({"LegalCompliance"}), purpose="LegalCompliance", case="ACE-2025-014",
)  # fmt: skip


def operations(catalog: Catalog, *, derived: bool) -> list[str]:
    """One operation for each filterable scalar field of each listed record: of those that are derived, or of those that
    stand in a source."""
    told = []
    for record in catalog.records.values():
        if (record.source.kind == "derived") is not derived:
            continue
        for part in record.fields.values():
            values = EDGES.get(part.scalar.name, ())
            tests = [
                f"a{at}_{op}: {record.plural}(first: 1, where: {{{part.api_name}: {{{op}: {value}}}}}) "
                "{ nodes { __typename } }"
                for at, value in enumerate(values)
                for op in ("eq", "gt")
            ]
            if tests and part.column is not None and record.source.capabilities.list_all:
                told.append("{ " + " ".join(tests) + " }")
    return told


async def test_no_source_chokes_on_a_value_the_schema_takes(desk: Desk) -> None:
    await nothing_chokes(desk, operations(desk.house.catalog, derived=False))


@pytest.mark.long
async def test_no_source_chokes_on_a_value_asked_of_what_is_derived_from_it(desk: Desk) -> None:
    await nothing_chokes(desk, operations(desk.house.catalog, derived=True))


async def nothing_chokes(desk: Desk, asked: list[str]) -> None:
    """A planted value that cannot be read, or a service that does not take a long text, is told as such: those are no
    failures of the source."""
    wrong = []
    answered = 0
    for operation in asked:
        response = await desk.ask(operation, EVERYBODY)
        errors = [error for error in response.get("errors", ()) if not re.search(TOLD, error["message"])]
        answered += not errors
        if any(error["extensions"]["code"] in FAILURES for error in errors):
            wrong.append(f"{operation[:80]} ... {sorted({error['message'] for error in errors})}")
    assert not wrong, "\n".join(wrong)
    assert answered > 50


def test_every_scalar_has_its_edges() -> None:
    from schema.scalars import BY_ANNOTATION

    known: set[Scalar] = set(BY_ANNOTATION.values())
    assert {scalar.name for scalar in known} - {"Boolean", "Float"} == set(EDGES)
