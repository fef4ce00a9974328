"""Learners' years and the labour department's systems, asked through the gateway: whose they are, how many are verified
a call, and what happens when the verification is busy or away."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from legacy.services.process import Services, start
from tests.houses import AUDITOR, Desk, Systems, desk_over, person

YEARS = "enrolments(first: 50) { nodes { code schoolCode status } }"
VERIFIED = """query ($codes: [String!]) { learners(where: {code: {in: $codes}}, first: 1000)
    { nodes { code firstContribution { paidOn sector } } } }"""


@pytest.fixture(scope="module")
def slow(demo_folder: Path) -> Iterator[Services]:
    """A verification that takes two requests a second, and may be stopped."""
    with start(demo_folder, ["bessi"], "--bessi-rate", "2") as running:
        yield running


@asynccontextmanager
async def beside(files: Systems, services: Services, state: Path) -> AsyncIterator[Desk]:
    """A desk over the demo with a verification of its own."""
    moved = replace(files, services={**files.services, **services.environment})
    async with desk_over(moved, state) as desk:
        yield desk


def received(url: str) -> int:
    with urllib.request.urlopen(f"{url}/_stats", timeout=10) as answer:
        told: dict[str, Any] = json.load(answer)
    return int(told["requests"])


def found(answer: dict[str, Any]) -> dict[str, str]:
    nodes = answer["data"]["learners"]["nodes"]
    return {one["code"]: one["firstContribution"]["paidOn"] for one in nodes if one["firstContribution"]}


def jobs(files: Systems) -> dict[str, str]:
    """Code -> the day of the first contribution, of everybody planted with a whole life."""
    told = [one for lives in files.truth["q15"].values() if isinstance(lives, list) for one in lives if "links" in one]
    return {
        one["code"]: event["when"] for one in told for event in one["events"]
        if event["kind"] == "job" and one["links"]["job"] == "exact"
    }  # fmt: skip


async def test_first_jobs_are_what_was_planted(desk: Desk, files: Systems) -> None:
    codes = [one["code"] for lives in files.truth["q15"].values() if isinstance(lives, list) for one in lives]
    answer = await desk.ask(VERIFIED, AUDITOR, {"codes": codes})
    assert found(answer) == jobs(files)
    assert len(jobs(files)) >= 3


async def test_a_hundred_people_are_verified_a_call(file_desk: Desk, files: Systems) -> None:
    """Calls grow with hundreds of people, not with people, and nobody is named twice."""
    url = files.services["LEGACY_BESSI_URL"]
    codes = [f"S{number:08d}" for number in range(1, 3_000)]
    data = await file_desk.data("""query ($codes: [String!]) { learners(where: {code: {in: $codes}}, first: 400)
        { nodes { bForm } } }""", AUDITOR, codes=codes)  # fmt: skip
    numbers = {one["bForm"] for one in data["learners"]["nodes"] if one["bForm"]}
    before = received(url)
    query = VERIFIED.replace("first: 1000", "first: 400")
    await file_desk.data(query, AUDITOR, codes=codes)
    assert received(url) - before == -(-len(numbers) // 100) == 4


async def test_a_verification_that_says_when_is_asked_again_then(
    slow: Services, files: Systems, tmp_path: Path
) -> None:
    """Two requests a second; four are needed, two of them at once."""
    url = slow.urls["bessi"]
    before = received(url)
    async with beside(files, slow, tmp_path) as desk:
        codes = [*files.truth["q16"]["codes"], *(f"S{number:08d}" for number in range(1, 400))]
        answer = await desk.ask(VERIFIED, AUDITOR, {"codes": codes})
    assert "errors" not in answer
    assert found(answer).items() >= jobs(files).items()
    assert received(url) - before > 4, "some were refused at first"


async def test_a_verification_that_is_away_takes_only_its_own_answer_with_it(
    slow: Services, files: Systems, tmp_path: Path
) -> None:
    (whole,) = files.truth["q15"]["whole"]
    query = f"""{{ learner(code: "{whole["code"]}") {{
        name trainings {{ nodes {{ status }} }} firstContribution {{ paidOn }} }} }}"""
    slow.stop_one("bessi")
    try:
        async with beside(files, slow, tmp_path) as desk:
            answer = await desk.ask(query, AUDITOR)
    finally:
        slow.start_one("bessi")
    learner = {"name": whole["name"], "trainings": {"nodes": [{"status": "Certified"}]}, "firstContribution": None}
    assert answer["data"] == {"learner": learner}
    (error,) = answer["errors"]
    assert error["extensions"] == {
        "code": "SOURCE_UNAVAILABLE", "department": "labour", "owner": "Commissioner, Social Security",
    }  # fmt: skip


async def test_a_guardian_on_record_sees_the_childs_years_at_every_school(desk: Desk, files: Systems) -> None:
    one = files.truth["q15"]["still_enrolled"][0]
    query = f'{{ learner(code: "{one["code"]}") {{ school {{ code }} {YEARS} }} }}'
    guardian, head = person("citizen", cnic=one["guardian"]), person("head_teacher", school=one["school"])
    for whom in (guardian, head):
        answer = await desk.ask(query, whom)
        assert "errors" not in answer
        learner = answer["data"]["learner"]
        assert learner["school"] == {"code": one["school"]}
        assert {year["schoolCode"] for year in learner["enrolments"]["nodes"]} == {one["school"], one["former_school"]}
    mine = await desk.data("{ guardians { nodes { learnerCode } } learners { nodes { code } } }", guardian)
    assert mine["guardians"]["nodes"] == [{"learnerCode": one["code"]}]
    assert mine["learners"]["nodes"] == [{"code": one["code"]}]


async def test_a_former_head_teacher_sees_nothing_of_who_has_left(desk: Desk, files: Systems) -> None:
    one = files.truth["q15"]["still_enrolled"][0]
    former = person("head_teacher", school=one["former_school"])
    query = f"""{{ learner(code: "{one["code"]}") {{ code }}
        enrolments(where: {{learnerCode: {{eq: "{one["code"]}"}}}}) {{ nodes {{ code }} }} }}"""
    data = (await desk.ask(query, former))["data"]
    assert data == {"learner": None, "enrolments": {"nodes": []}}


async def test_who_has_left_school_sees_the_own_life_and_a_guardian_of_two_both(desk: Desk, files: Systems) -> None:
    (whole,) = files.truth["q15"]["whole"]
    query = f"""{{ learners {{ nodes {{ code {YEARS} trainings {{ nodes {{ number }} }} firstContribution {{ sector }}
        bFormRegistrations {{ nodes {{ result {{ grade }} }} }} }} }} }}"""
    (own,) = (await desk.ask(query, person("citizen", cnic=whole["b_form"])))["data"]["learners"]["nodes"]
    assert own["code"] == whole["code"]
    assert len(own["enrolments"]["nodes"]) == sum(event["kind"] == "enrolment" for event in whole["events"])
    assert own["firstContribution"] == {"sector": "Construction"}
    assert [one["result"]["grade"] for one in own["bFormRegistrations"]["nodes"]] == ["A", "A"]
    two = files.truth["q15"]["guardian_of_two"]
    wards = (await desk.ask(query, person("citizen", cnic=two["cnic"])))["data"]["learners"]["nodes"]
    assert [one["code"] for one in wards] == sorted(two["codes"])
    assert all(one["firstContribution"] is None and not one["trainings"]["nodes"] for one in wards), (
        "labour's rules speak of the person, not of the father"
    )


async def test_one_number_in_two_written_forms_is_one_person(desk: Desk, files: Systems) -> None:
    (one,) = files.truth["q15"]["two_written_forms"]
    data = await desk.data(
        """query ($cnic: NationalId!) { trainings(where: {cnic: {eq: $cnic}}) { nodes { number } }
             examRegistrations(where: {bForm: {eq: $cnic}}) { nodes { registrationNumber learner { code } } }
             learners(where: {bForm: {eq: $cnic}}) { nodes { code } } }""",
        AUDITOR, cnic=one["b_form"],
    )  # fmt: skip
    assert len(data["trainings"]["nodes"]) == 1
    assert data["learners"]["nodes"] == [{"code": one["code"]}]
    assert len(data["examRegistrations"]["nodes"]) == 1


async def test_pupils_of_today_are_those_they_were(desk: Desk) -> None:
    """Everybody in ``students`` is a learner with a current year, and nobody else is."""
    totals = "{ totalCount }"
    data = await desk.data(
        f"""{{ students {totals} enrolments(where: {{status: {{eq: "Current"}}}}) {totals}
             learners(where: {{grade: {{isNull: false}}}}) {totals} }}""",
        person("planner"),
    )
    numbers = {part["totalCount"] for part in data.values()}
    assert len(numbers) == 1
    assert numbers != {None}


async def test_the_head_of_a_centre_sees_its_trainees_and_no_others(desk: Desk) -> None:
    """A role that the department adds itself; nobody else has to know it."""
    head = person("centre_head", centre="NOS-01")
    data = await desk.data("{ trainings(first: 500) { totalCount nodes { centreCode name } } }", head)
    nodes = data["trainings"]["nodes"]
    assert {one["centreCode"] for one in nodes} == {"NOS-01"}
    assert data["trainings"]["totalCount"] == len(nodes) > 10
    other = await desk.ask("{ learners { nodes { code } } }", head)
    assert other["errors"][0]["extensions"]["code"] == "REFUSED"
