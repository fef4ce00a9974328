"""Plans are shared by everybody with the same grants: what one principal's plan holds must not answer another."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from auth.principal import ANONYMOUS, Principal
from tests.houses import AUDITOR, Desk, person

TEACHERS = "{ teachers(first: 1000) { nodes { code districtCode } totalCount } }"


def codes(answer: dict[str, object]) -> list[str]:
    return [error["extensions"]["code"] for error in answer.get("errors", [])]  # type: ignore[union-attr, attr-defined]


async def test_two_officers_share_a_plan_and_no_row(desk: Desk) -> None:
    kech = await desk.data(TEACHERS, person("district_officer", district="KEC"))
    plans = len(desk.house.plans)
    quetta = await desk.data(TEACHERS, person("district_officer", district="QUE"))
    assert len(desk.house.plans) == plans
    assert {node["districtCode"] for node in kech["teachers"]["nodes"]} == {"KEC"}
    assert {node["districtCode"] for node in quetta["teachers"]["nodes"]} == {"QUE"}
    assert kech["teachers"]["totalCount"] == len(kech["teachers"]["nodes"])


async def test_officers_at_the_same_time_do_not_get_each_others_rows(desk: Desk) -> None:
    from gateway.executor import Execution
    from gateway.operation import Reader
    from gateway.pipeline import _compiled
    from gateway.request import GraphQLRequest

    house = desk.house
    found = {}

    async def ask(district: str) -> None:
        principal = person("district_officer", district=district)
        access = house.policy.access(principal)
        reader: Reader = house.reader(access)
        operation = reader.read(GraphQLRequest("{ teachers(first: 1000) { nodes { districtCode } } }"))
        compiled = _compiled(house, operation, access)
        deadline = asyncio.get_running_loop().time() + 10
        run = Execution(compiled.prepared, operation.variables, principal, house.reach, deadline)
        await run.run()
        found[district] = {cell for row in run.results[0].table.rows() for cell in row if cell in ("KEC", "QUE", "PIS")}  # type: ignore[union-attr]

    await asyncio.gather(*(ask(district) for district in ("KEC", "QUE", "PIS")))
    assert found == {"KEC": {"KEC"}, "QUE": {"QUE"}, "PIS": {"PIS"}}


@pytest.mark.parametrize("attributes", [{}, {"district": None}], ids=["missing", "null"])
async def test_a_missing_attribute_does_not_take_anothers_plan(file_desk: Desk, attributes: dict[str, None]) -> None:
    await file_desk.data(TEACHERS, person("district_officer", district="KEC"))
    answer = await file_desk.ask(TEACHERS, person("district_officer", **attributes))
    assert answer["data"] == {"teachers": None}
    assert set(codes(answer)) == {"REFUSED"}


async def test_a_list_of_districts_is_one_class_with_one_district(file_desk: Desk) -> None:
    one = await file_desk.data(TEACHERS, person("district_officer", district="HAR"))
    two = await file_desk.data(TEACHERS, person("district_officer", district=("HAR", "KEC")))
    assert {node["districtCode"] for node in one["teachers"]["nodes"]} == {"HAR"}
    assert {node["districtCode"] for node in two["teachers"]["nodes"]} == {"HAR", "KEC"}


async def test_an_attribute_that_looks_like_sql_is_a_value(desk: Desk) -> None:
    answer = await desk.data(TEACHERS, person("district_officer", district="KEC' OR '1'='1"))
    assert answer["teachers"]["nodes"] == []


async def test_an_officer_of_another_department_does_not_take_the_plan(file_desk: Desk) -> None:
    """``principal.department == "education"`` is decided when planning, so its value is part of the plan's key."""
    query = "{ teachers(first: 1) { nodes { cnic } } }"
    assert "errors" not in await file_desk.ask(query, person("department_officer", department="education"))
    for other in ("health", "Education", "education "):
        answer = await file_desk.ask(query, person("department_officer", department=other))
        assert codes(answer) == ["REFUSED"]


async def test_a_purpose_or_case_left_out_does_not_take_the_plan(file_desk: Desk) -> None:
    query = "{ payslips(first: 1) { nodes { gross } } }"
    assert "errors" not in await file_desk.ask(query, AUDITOR)
    assert codes(await file_desk.ask(query, replace(AUDITOR, purpose=None))) == ["PURPOSE_REQUIRED"]
    assert codes(await file_desk.ask(query, replace(AUDITOR, case=None))) == ["CASE_REQUIRED"]
    assert codes(await file_desk.ask(query, replace(AUDITOR, purpose="AcademicResearch"))) == ["PURPOSE_REQUIRED"]
    assert codes(await file_desk.ask(query, ANONYMOUS)) == ["REFUSED"]


async def test_acting_for_another_does_not_take_the_plan_of_the_actor(file_desk: Desk) -> None:
    query = "{ payslips(first: 1) { nodes { gross } } }"
    assert "errors" not in await file_desk.ask(query, AUDITOR)
    represented = Principal("officer", frozenset({"district_officer"}), {"district": "KEC"})
    assert codes(await file_desk.ask(query, replace(AUDITOR, also=represented))) == ["REFUSED"]


async def test_the_represented_ones_district_narrows_beside_the_actors(file_desk: Desk) -> None:
    """Both have a district; a placeholder of one must not read the other's."""
    kech = person("district_officer", district="KEC")
    same = replace(kech, also=Principal("o", frozenset({"district_officer"}), {"district": "KEC"}))
    other = replace(kech, also=Principal("o", frozenset({"district_officer"}), {"district": "QUE"}))
    assert (await file_desk.data(TEACHERS, same))["teachers"]["nodes"]
    assert (await file_desk.data(TEACHERS, other))["teachers"] == {"nodes": [], "totalCount": 0}


@pytest.mark.parametrize("flag", [True, False])
async def test_is_null_by_variable_is_part_of_the_plan(file_desk: Desk, flag: bool) -> None:
    query = "query ($f: Boolean!) { schools(where: {telephone: {isNull: $f}}) { totalCount } }"
    await file_desk.data(query, person("planner"), f=not flag)
    answer = await file_desk.data(query, person("planner"), f=flag)
    other = await file_desk.data(query, person("planner"), f=not flag)
    everything = await file_desk.data("{ schools { totalCount } }")
    assert answer["schools"]["totalCount"] + other["schools"]["totalCount"] == everything["schools"]["totalCount"]
