"""Attacks on rights that hold only beneath a derived record: they open that record and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auth.principal import Principal
from schema.classification import restricted
from schema.errors import DeclarationError
from schema.rules import allow_through
from tests.access import journeys
from tests.houses import Desk, person

FIRST, SECOND = "5410112345671", "5410112345673"
LEARNER = person("citizen", cnic=FIRST)
JOURNEY = "{ journeys { nodes { code pupilCode marks } } }"


@pytest.fixture(scope="module")
def desk() -> Desk:
    return journeys.desk()


async def nodes(desk: Desk, who: Principal, query: str = JOURNEY) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await desk.data(query, who))["journeys"]["nodes"]
    return found


async def test_a_reader_sees_what_the_department_grants_through_the_record(desk: Desk) -> None:
    assert await nodes(desk, LEARNER) == [{"code": "R1", "pupilCode": "P1", "marks": 71}]


@pytest.mark.parametrize(
    "query",
    [
        "{ found: results { nodes { marks } } }",
        '{ found: result(code: "R1") { marks } }',
        "{ found: results { totalCount } }",
        "{ found: results { aggregate(groupBy: [MARKS]) { count } } }",
        "{ found: pupils(where: {results: {some: {marks: {gt: 70}}}}) { nodes { code } } }",
        "{ found: pupils(where: {results: {every: {marks: {gt: 70}}}}) { totalCount } }",
        "{ found: marks { nodes { marks pupils } } }",
        "{ found: marks { aggregate { count sum { pupils } } } }",
    ],
)
async def test_the_right_is_usable_nowhere_else(desk: Desk, query: str) -> None:
    answer = await desk.ask(query, LEARNER)
    told = answer["data"]["found"]
    assert told is None or set(told.values()) == {None}
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"REFUSED"}
    assert "7" not in str(answer["data"])


async def test_a_link_to_the_records_own_rows_stays_closed(desk: Desk) -> None:
    answer = await desk.ask("{ pupils { nodes { code results { nodes { marks } } } } }", LEARNER)
    assert [node["results"] for node in answer["data"]["pupils"]["nodes"]] == [None] * 3
    assert "REFUSED" in str(answer["errors"])


async def test_what_the_grant_does_not_cover_is_refused(desk: Desk) -> None:
    answer = await desk.ask("{ journeys { nodes { code note } } }", LEARNER)
    assert answer["data"]["journeys"]["nodes"] == [{"code": "R1", "note": None}]
    assert "Result.note: no rule allows Confidential fields here" in answer["errors"][0]["message"]


async def test_a_role_does_not_read_its_rows_by_another_roles_right(desk: Desk) -> None:
    """A head teacher who is a citizen too sees marks in the own row, not in those of the school."""
    who = person("citizen", "head_teacher", cnic=FIRST, school="S1")
    assert await nodes(desk, who) == [
        {"code": "R1", "pupilCode": "P1", "marks": 71}, {"code": "R2", "pupilCode": "P2", "marks": None},
    ]  # fmt: skip
    alone = await desk.ask(JOURNEY, person("head_teacher", school="S1"))
    assert [node["marks"] for node in alone["data"]["journeys"]["nodes"]] == [None, None]
    found = await nodes(desk, who, "{ journeys(where: {marks: {isNull: false}}) { nodes { code } } }")
    assert found == [{"code": "R1"}]


async def test_acting_for_another_both_need_the_right(desk: Desk) -> None:
    other = replace(person("head_teacher", school="S1"), subject="represented")
    answer = await desk.ask(JOURNEY, replace(LEARNER, also=other))
    assert [node["marks"] for node in answer["data"]["journeys"]["nodes"]] == [None]
    both = replace(LEARNER, also=replace(LEARNER, subject="represented"))
    assert await nodes(desk, both) == [{"code": "R1", "pupilCode": "P1", "marks": 71}]


async def test_a_purpose_the_department_asks_for_is_asked_for(desk: Desk) -> None:
    answer = await desk.ask(JOURNEY, person("app"))
    (error,) = answer["errors"]
    assert (answer["data"], error["extensions"]["code"]) == ({"journeys": None}, "PURPOSE_REQUIRED")
    assert "Result: state one of these purposes: AcademicResearch" in error["message"]
    stated = replace(person("app"), purpose="AcademicResearch")
    answer = await desk.ask(JOURNEY, stated)
    assert len(answer["data"]["journeys"]["nodes"]) == 3


async def test_an_unreadable_value_of_a_hidden_row_leaves_no_trace(desk: Desk) -> None:
    """Marks of P2 cannot be read: an error would tell P1 that somebody is there."""
    asked = '{{ journeys(where: {{pupilCode: {{eq: "{}"}}}}) {{ nodes {{ marks }} }} }}'
    there = await desk.ask(asked.format("P2"), LEARNER)
    assert there["data"] == {"journeys": {"nodes": []}}
    assert there == await desk.ask(asked.format("P9"), LEARNER)


async def test_the_ledger_names_the_rule_of_the_department(desk: Desk) -> None:
    await desk.ask(JOURNEY, LEARNER)
    entry = desk.ledger.last
    own, lent = entry["shown"]["Journey.marks"]
    assert own != lent
    assert {rule.partition(":")[0] for rule in (own, lent)} == {"access/journeys.py"}
    assert entry["used"]["Result.marks"] == ["derive"]


@pytest.mark.parametrize(
    ("through", "problem"),
    [
        ("planning.Jorney", "a right through unknown record 'planning.Jorney'; did you mean 'planning.Journey'?"),
        ("schooling.Pupil", "a right through schooling.Pupil, which is not derived from schooling.Result"),
    ],
)
def test_a_right_through_the_wrong_record_is_told_at_start_up(through: str, problem: str) -> None:
    wrong = allow_through("citizen", journeys.Result, through, up_to=restricted)
    with pytest.raises(DeclarationError, match=problem.replace("?", r"\?")):
        journeys.catalog((wrong,))


def test_a_right_through_a_department_that_is_not_served_opens_nothing() -> None:
    assert "planning" not in journeys.catalog(derived_too=False).departments
