"""Indicators tell no small number, whatever is put together of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from gateway.lately import Lately
from tests.evaluation.recomputed import PUPILS, TEACHERS, persons
from tests.houses import Desk, Systems, person
from tests.legacy.raw import Raw

K = 10
QUERY = """query ($code: String!, $level: String!) { indicatorValues(first: 100, where: {indicator: {eq: $code},
    level: {eq: $level}}) { nodes { place value numerator denominator rankFrom peers suppressed } } }"""


async def told(desk: Desk, code: str, level: str) -> dict[str, dict[str, Any]]:
    """As a planner, who may count teachers and pupils, none of them few."""
    found = await desk.data(QUERY, person("planner"), code=code, level=level)
    return {node["place"]: node for node in found["indicatorValues"]["nodes"]}


def number(value: str | None) -> int | None:
    return None if value is None else int(Decimal(value))


async def test_two_indicators_together_give_no_few_persons(file_desk: Desk, files: Systems) -> None:
    """Teachers, women among them, and pupils, each as denominator or numerator somewhere."""
    raw = Raw(files.folder)
    teachers = {place: count for (place, _), count in persons(raw, TEACHERS).items()}
    women = {place: count for (place, _), count in persons(raw, f"{TEACHERS} AND u.gender_id = 2").items()}
    few = {place for place, all_of_them in teachers.items() if 0 < min(women[place], all_of_them - women[place]) < K}
    assert few
    whole = await told(file_desk, "EDU_PUPILS_PER_TEACHER", "DISTRICT")
    part = await told(file_desk, "EDU_WOMEN_TEACHING", "DISTRICT")
    for place in few:
        known = (number(part[place]["numerator"]), number(part[place]["denominator"]))
        total = number(whole[place]["denominator"])
        assert known[0] is None or (total is None and known[1] is None), place
        assert part[place]["suppressed"]
    shown = {place: number(node["numerator"]) for place, node in part.items()}
    assert {place: count for place, count in shown.items() if count is not None}.items() <= women.items()


async def test_the_province_less_its_districts_gives_no_few_persons(file_desk: Desk, files: Systems) -> None:
    raw = Raw(files.folder)
    counted = {"EDU_WOMEN_TEACHING": f"{TEACHERS} AND u.gender_id = 2", "EDU_PUPILS_PER_TEACHER": PUPILS}
    for code, statement in counted.items():
        truth = {place: count for (place, _), count in persons(raw, statement).items()}
        (whole,) = (await told(file_desk, code, "PROVINCE")).values()
        parts = await told(file_desk, code, "DISTRICT")
        known = {place: number(node["numerator"]) for place, node in parts.items()}
        withheld = [place for place, count in known.items() if count is None]
        left = number(whole["numerator"])
        if left is None or not withheld:
            continue
        rest = left - sum(count for count in known.values() if count is not None)
        assert len(withheld) >= 2
        assert rest == sum(truth[place] for place in withheld) >= K


async def test_ranks_are_those_of_the_told_places_alone(file_desk: Desk) -> None:
    nodes = await told(file_desk, "EDU_WOMEN_TEACHING", "DISTRICT")
    ranked = [node for node in nodes.values() if node["rankFrom"] is not None]
    assert {node["peers"] for node in ranked} == {len(ranked)}
    assert all(node["value"] is not None for node in ranked)
    assert any(node["suppressed"] for node in nodes.values())
    assert all(node["rankFrom"] is None for node in nodes.values() if node["suppressed"])


async def test_two_tables_made_of_one_count_withhold_what_each_withholds_alone(file_desk: Desk) -> None:
    """EMIS is asked once for both tables of teachers: the finer one's small cells may not be told by the coarser one,
    nor may they take anything from it."""
    both = ["EDU_PUPILS_PER_TEACHER", "EDU_WOMEN_TEACHING"]
    query = QUERY.replace("$code: String!", "$codes: [String!]").replace("{eq: $code}", "{in: $codes}")
    query = query.replace("{ place", "{ indicator place")
    for level, some_withheld in (("DISTRICT", True), ("PROVINCE", False)):
        forget(file_desk)
        found = await file_desk.data(query, person("planner"), codes=both, level=level)
        calls = [file_desk.ledger.last["sourceCalls"]["emis"]]
        together: dict[str, dict[str, Any]] = {code: {} for code in both}
        for node in found["indicatorValues"]["nodes"]:
            together[node.pop("indicator")][node["place"]] = node
        for code in both:
            forget(file_desk)
            assert together[code] == await told(file_desk, code, level)
            calls.append(file_desk.ledger.last["sourceCalls"]["emis"])
        assert any(node["suppressed"] for node in together["EDU_WOMEN_TEACHING"].values()) is some_withheld
        assert calls[0] == calls[1] + calls[2] - 1


def forget(desk: Desk) -> None:
    """The figures that might be told again."""
    desk.house.reach = replace(desk.house.reach, figures=Lately())
