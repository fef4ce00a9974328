"""Whose a figure was on the day it is of: the planning wing's tables moved to it on the first of July 2025, from the
Bureau of Statistics."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from connectors.province.indicators import indicators
from gateway.table import Table
from gateway.working import worked_out
from schema.derive.nodes import Computed, Node
from schema.derive.shape import children
from schema.evaluation import values
from schema.owners import Former, Ownership
from tests.houses import AUDITOR, Desk

BEFORE, SINCE = "Director, Bureau of Statistics", "Director Statistics, Planning wing"
EXPLAINED = """query E($code: String!, $period: String!) {
  explainIndicator(code: $code, district: "KEC", period: $period) {
    nodes { value numerator denominator owner ownersOn definition { columns { nodes { coordinate owner until } } }
            columns { nodes { coordinate owner until } } } } }"""
POPULATION = "District.population"


async def explained(desk: Desk, code: str, period: str) -> dict[str, Any]:
    answer = await desk.ask(EXPLAINED, AUDITOR, {"code": code, "period": period})
    assert "errors" not in answer or all(one["extensions"]["code"] == "SOURCE_UNAVAILABLE" for one in answer["errors"])
    (node,) = answer["data"]["explainIndicator"]["nodes"]
    return dict(node)


def owners(node: dict[str, Any], coordinate: str) -> set[str]:
    return {one["owner"] for one in node["columns"]["nodes"] if one["coordinate"] == coordinate}


@pytest.mark.parametrize(
    ("period", "day", "owner"), [("2025-06", "2025-06-30", BEFORE), ("2025-07", "2025-07-31", SINCE)]
)
async def test_a_number_is_explained_with_the_owners_of_its_own_days(
    period: str, day: str, owner: str, desk: Desk
) -> None:
    node = await explained(desk, "HLT_OUTPATIENTS", period)
    assert node["ownersOn"] == day
    assert owners(node, POPULATION) == {owner}
    assert owners(node, "MonthlyFigure.opdNew") == {"Directorate General Health Services"}
    assert node["value"] is not None
    today = {one["owner"] for one in node["definition"]["columns"]["nodes"] if one["coordinate"] == POPULATION}
    assert today == {SINCE}, "the registry tells whose it is today"


async def test_the_columns_are_the_same_on_both_sides_of_the_day(file_desk: Desk) -> None:
    then, now = [await explained(file_desk, "HLT_OUTPATIENTS", period) for period in ("2025-06", "2025-07")]
    for node in (then, now):
        assert node["columns"]["nodes"]
    told = [[one["coordinate"] for one in node["columns"]["nodes"]] for node in (then, now)]
    assert sorted(told[0]) == sorted(told[1])
    assert {one["until"] for one in then["columns"]["nodes"]} == {"2025-06-30"}
    assert {one["until"] for one in now["columns"]["nodes"]} == {None}


async def test_a_year_is_of_its_last_day_and_a_register_of_today(file_desk: Desk) -> None:
    year = await explained(file_desk, "EDU_ENROLMENT", "2024")
    assert (year["ownersOn"], owners(year, "District.schoolAgeChildren")) == ("2024-12-31", {BEFORE})
    register = await explained(file_desk, "HLT_FUNCTIONAL", "current")
    assert register["ownersOn"] is None
    assert {one["until"] for one in register["columns"]["nodes"]} == {None}


def test_whoever_answers_for_an_indicator_may_change_as_well() -> None:
    moved = Ownership("New", dt.date(2025, 7, 1), (Former("Old", dt.date(2025, 6, 30)),))
    (owner,) = {
        dict(node.cells)["owner"]
        for node in nodes(values([replace(indicators[0], owner=moved)]).node)
        if isinstance(node, Computed) and "owner" in dict(node.cells)
    }
    days = [dt.date(2025, 6, 30), dt.date(2025, 7, 1), None]
    assert worked_out(owner, ("owners_on",), Table((days,), 3)) == ["Old", "New", "New"]


def nodes(node: Node) -> list[Node]:
    return [node, *(found for child in children(node) for found in nodes(child))]


async def test_the_ledger_keeps_who_answered_when_it_was_written(file_desk: Desk) -> None:
    await file_desk.ask('{ districts(first: 1) { nodes { name } } students(first: 1) { nodes { bForm } } }', AUDITOR)
    assert file_desk.ledger.last["owners"] == {"District": SINCE, "Student": "Director EMIS"}
