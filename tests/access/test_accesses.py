"""Attacks on the ledger through the endpoint: what a department must not learn of a case, what a cursor must not carry
over, what is Secret, what a value in a search must not leave behind, and how much may be read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from auth.ledger.trail import LedgerTrail
from gateway.coordinates import coordinates, departments_of
from gateway.house import House
from schema.catalog import Catalog
from schema.classification import Classification
from tests.houses import AUDITOR, Systems, person
from tests.inspectors import OFFICER, Inspection, inspection

CNIC = "5440012345671"
SEEN = "{ accesses(first: 1000) { nodes { id department coordinate how who case } } }"


@pytest.fixture
async def asked(files: Systems, tmp_path: Path) -> AsyncIterator[Inspection]:
    """An auditor's look under a case, a department's own, a citizen's that was refused."""
    async with inspection(files, tmp_path) as one:
        await one.data("{ students(first: 1) { nodes { bForm } } payslips(first: 1) { nodes { gross } } }", AUDITOR)
        await one.data("{ students(first: 1) { nodes { bForm name } } }", OFFICER)
        await one.ask("{ students { nodes { bForm } } }", person("citizen"))
        yield one


async def rows(asked: Inspection, query: str, principal: Any = OFFICER) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await asked.data(query, principal))["accesses"]["nodes"]
    return found


async def test_a_department_sees_accesses_to_its_own_fields_and_none_under_a_case(asked: Inspection) -> None:
    seen = await rows(asked, SEEN)
    assert {row["department"] for row in seen} == {"education"}
    assert {row["case"] for row in seen} == {None}
    assert {row["id"] for row in seen} >= {
        "000000000002.shown.Student.bForm", "000000000003.refused.Student.bForm", "000000000003.refused.Query.students",
    }  # fmt: skip
    assert not any(row["id"].startswith("000000000001") for row in seen)
    other = replace(OFFICER, attributes={"department": "finance"})
    assert await rows(asked, SEEN, other) == []


@pytest.mark.parametrize(
    "arguments",
    [
        'where: {case: {eq: "ACE-2025-014"}}', 'where: {case: {isNull: false}}', 'where: {who: {eq: "auditor-1"}}',
        'where: {not: {case: {isNull: true}}}', 'where: {department: {eq: "finance"}}',
        'where: {or: [{purpose: {eq: "LegalCompliance"}}, {case: {startsWith: "ACE"}}]}',
        'where: {id: {startsWith: "000000000001"}}', 'where: {entry: {eq: "1"}}',
        'where: {id: {in: ["000000000001.shown.Student.bForm"]}}',
    ],
)  # fmt: skip
async def test_a_department_learns_of_no_case_by_filters(asked: Inspection, arguments: str) -> None:
    assert await rows(asked, f"{{ accesses({arguments}) {{ nodes {{ id }} }} }}") == []


async def test_a_department_learns_of_no_case_by_order_or_key(asked: Inspection) -> None:
    for order in ("{case: DESC}", "{entry: ASC}", "{who: ASC}", "{at: ASC}"):
        (first,) = await rows(asked, f"{{ accesses(orderBy: [{order}], first: 1) {{ nodes {{ id }} }} }}")
        assert not first["id"].startswith("000000000001")
    there = '{ access(id: "000000000001.shown.Student.bForm") { who } }'
    nothing = '{ access(id: "000000000009.shown.Student.bForm") { who } }'
    assert await asked.ask(there, OFFICER) == await asked.ask(nothing, OFFICER) == {"data": {"access": None}}


async def test_a_cursor_is_of_no_use_to_another(asked: Inspection) -> None:
    """Of an auditor's place in the list, a department's officer learns nothing, nor goes on from it."""
    query = "query ($after: String) { accesses(first: 1, after: $after) { nodes { id } pageInfo { endCursor } } }"
    cursor = (await asked.data(query, AUDITOR))["accesses"]["pageInfo"]["endCursor"]
    for other in (OFFICER, replace(AUDITOR, subject="auditor-2")):
        response = await asked.ask(query, other, after=cursor)
        assert response["errors"][0]["extensions"]["code"] == "BAD_CURSOR"
        assert response["data"] == {"accesses": None}


@pytest.mark.parametrize(
    "where",
    [
        f'{{coordinate: {{eq: "{CNIC}"}}}}', f'{{coordinate: {{in: ["Student.bForm", "{CNIC}"]}}}}',
        f'{{not: {{coordinate: {{contains: "{CNIC}"}}}}}}', f'{{coordinate: {{startsWith: "Student.{CNIC}"}}}}',
        f'{{who: {{eq: "{CNIC}"}}}}', f'{{id: {{eq: "{CNIC}"}}}}',
    ],
)
async def test_no_value_gets_into_the_ledger_by_a_search_of_it(asked: Inspection, where: str) -> None:
    """Coordinates are kept as they were asked for, where entries hold no other value: so only what is one."""
    await asked.data(f"{{ accesses(where: {where}) {{ nodes {{ id }} }} }}", AUDITOR)
    query = "query ($where: AccessWhere) { accesses(where: $where) { nodes { id } } }"
    await asked.data(query, AUDITOR, where={"coordinate": {"eq": CNIC}})
    for entry in asked.entries():
        assert CNIC not in orjson.dumps(entry).decode()
    assert asked.entries()[-1]["ledgerSearch"] == {"coordinates": ["?"]}


async def test_a_refused_search_is_logged_with_what_it_was_about(asked: Inspection) -> None:
    await asked.ask('{ accesses(where: {coordinate: {eq: "Student.bForm"}}) { nodes { who } } }', person("citizen"))
    entry = asked.entries()[-1]
    assert entry["ledgerSearch"] == {"coordinates": ["Student.bForm"]}
    assert entry["refused"]["Access.who"] == "REFUSED"


def secretly(catalog: Catalog, type_name: str, name: str) -> Catalog:
    """The catalog with one of its fields Secret."""
    records = dict(catalog.records)
    record = next(one for one in records.values() if one.type_name == type_name)
    fields = {**record.fields, name: replace(record.fields[name], classification=Classification.SECRET)}
    records[record.name] = replace(record, fields=fields)
    return replace(catalog, records=records)


def bare(house: House) -> Any:
    """The ledger's connector without its guards."""
    connector: Any = house.reach.connectors["ledger"]
    while not hasattr(connector, "_trail"):
        connector = connector.inner
    return connector


async def test_accesses_do_not_tell_that_a_secret_field_exists(asked: Inspection) -> None:
    house: House = asked.house
    hidden = departments_of(secretly(house.catalog, "Student", "b_form"))
    assert "Student.bForm" not in hidden
    assert coordinates(secretly(house.catalog, "Student", "b_form"))["Student.bForm"].secret
    trail: LedgerTrail = bare(house)._trail
    trail._departments = hidden
    assert "Student.bForm" not in {row["coordinate"] for row in await rows(asked, SEEN, AUDITOR)}
    counted = await asked.data(
        '{ accesses(where: {coordinate: {eq: "Student.bForm"}}) { totalCount nodes { id } } }', AUDITOR
    )
    assert counted["accesses"] == {"totalCount": 0, "nodes": []}


async def test_more_accesses_than_the_budget_are_refused_by_the_declared_limit(
    asked: Inspection, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = bare(asked.house)
    few_rows = replace(connector.source.limits, row_budget=3)
    monkeypatch.setattr(connector, "source", replace(connector.source, limits=few_rows))
    for query in ("{ accesses(orderBy: [{who: ASC}]) { nodes { id } } }", "{ accesses { totalCount } }"):
        response = await asked.ask(query, AUDITOR)
        (error,) = response["errors"]
        assert error["extensions"]["code"] == "BUDGET_EXCEEDED"
        assert "100000 rows of Access" in error["message"], "the declared limit, nothing that was counted"
    few = await asked.data("{ accesses(first: 2) { nodes { id } } }", AUDITOR)
    assert len(few["accesses"]["nodes"]) == 2, "in the ledger's own order no more is read than is asked for"
