"""Planned equals naive: made-up operations of every role, on every storage and at several batch sizes."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema

from auth.principal import ANONYMOUS, Principal
from tests.houses import AUDITOR, Desk, Systems, desk_over, person
from tests.naive.compare import Comparison, patient
from tests.naive.generate import Generator
from tests.naive.world import World, load

SCHEMA = Path(__file__).parent.parent.parent / "schema.graphql"
BATCHES = (1, 500, 2, 500, 500, 2, 500, 500)
"""Keys a call, in turn; one by one is slow, so it is done least."""
OPERATIONS = 42
"""For each of the twelve principals."""


def principals(world: World) -> dict[str, Principal]:
    """One principal of each role, with attributes that some rows have."""
    teacher = next(row for row in world.rows["education.Teacher"] if row["cnic"] is not None)
    worker = next(row for row in world.rows["health.Worker"] if row["facility_code"] is not None)
    return {
        "public": ANONYMOUS,
        "citizen": person("citizen", cnic=teacher["cnic"]),
        "app": person("app"),
        "head_teacher": person("head_teacher", school=teacher["school_code"]),
        "clinician": person("clinician", facility=worker["facility_code"]),
        "district_officer": person("district_officer", district=teacher["district_code"]),
        "department_officer of education": person("department_officer", department="education"),
        "department_officer of health": person("department_officer", department="health"),
        "department_officer of finance": person("department_officer", department="finance"),
        "planner": person("planner"),
        "auditor": AUDITOR,
        "steward": person("steward"),
    }


@pytest.fixture(scope="session")
def sdl() -> GraphQLSchema:
    return build_schema(SCHEMA.read_text())


@pytest.fixture
async def dirty_desk(systems: Systems, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk over the demo, where departments have also dropped every fifth line of their files twice."""
    folder = tmp_path / "legacy"
    shutil.copytree(systems.folder, folder)
    for path in (*folder.glob("exam_board/*.csv"), *folder.glob("bank_scroll/*.csv")):
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([*lines, *lines[5::5]]))
    async with desk_over(replace(systems, folder=folder), tmp_path) as desk:
        yield patient(desk)


async def test_every_role_sees_what_the_rules_say(dirty_desk: Desk, sdl: GraphQLSchema) -> None:
    desk = dirty_desk
    world = await load(desk.house.catalog, desk.house.reach.connectors)
    uses: Counter[str] = Counter()
    roles: Counter[str] = Counter()
    full = 0
    for number, (role, principal) in enumerate(principals(world).items()):
        generator = Generator(sdl, world, principal, random.Random(number))
        comparison = Comparison(desk, world, principal)
        for index in range(OPERATIONS):
            asked, batch = generator.operation(), BATCHES[index % len(BATCHES)]
            difference = await comparison.difference(asked.text, asked.variables, batch)
            if difference is not None:
                pytest.fail(await comparison.report(sdl, asked.text, asked.variables, batch, difference))
            uses += asked.uses
            uses += comparison.directions(asked.text, asked.variables)
            roles[role] += 1
            full += _holds_something(comparison.found)
    _covered(uses, roles, world)
    assert full / roles.total() >= 0.6
    assert roles.total() >= 500


async def test_a_difference_is_reported_as_the_smallest_operation_that_shows_it(
    file_desk: Desk, sdl: GraphQLSchema
) -> None:
    world = await load(file_desk.house.catalog, file_desk.house.reach.connectors)
    schools = world.rows["education.School"]
    lied = [dict(row, sector="Private") if row["code"] == "KEC-00001" else row for row in schools]
    comparison = Comparison(file_desk, replace(world, rows={**world.rows, "education.School": lied}), ANONYMOUS)
    text = """query Q($v0: Int, $v1: String) {
      r0: facilities(first: 2) { nodes { code } }
      r1: schools(where: {and: [{districtCode: {eq: $v1}}, {not: {code: {eq: "?"}}}]}, first: $v0) {
        nodes { name ...F0 district { name } } totalCount } }
      fragment F0 on School { ... on School { sector level } }"""
    variables = {"v0": 1000, "v1": "KEC"}
    difference = await comparison.difference(text, variables, 500)
    assert difference is not None
    told = await comparison.report(sdl, text, variables, 500, difference)
    query = told[: told.index("variables")]
    assert "".join(query.split()) == "queryQ{r1:schools{nodes{sector}}}"
    assert "naive Private planned Government" in told


def _holds_something(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_something(inner) for name, inner in value.items() if name != "__typename")
    if isinstance(value, list):
        return any(map(_holds_something, value))
    return value not in (None, False, 0)


OPERATORS = "eq ne in notIn lt lte gt gte startsWith contains ieq icontains isNull and or not some every none"
KINDS = ("one within", "one across", "many within", "many across")


def _covered(uses: Counter[str], roles: Counter[str], world: World) -> None:
    """The run is worth something: each operator, kind of link and role often enough, and dirt in the data."""
    wanted = [f"op {name}" for name in OPERATORS.split()] + [f"link {kind}" for kind in KINDS]
    wanted += ["root by key", "aggregate", "having", "order by field", "order by link", "group by link"]
    wanted += [f"measure {name}" for name in ("sum", "avg", "min", "max", "countDistinct")]
    wanted += ["having countDistinct", "filter on a link's key", "filter through one across"]
    wanted += [f"filter {name} across" for name in ("some", "every", "none")]
    wanted += ["order by linked field across", "group by linked field across", "keys first", "rows first"]
    assert {name: uses[name] for name in wanted if uses[name] < 10} == {}
    assert all(number >= 10 for number in roles.values())
    assert all(world.dirt[kind] for kind in ("null", "tie", "case variant", "duplicate key")), world.dirt
