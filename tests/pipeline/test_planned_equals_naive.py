"""Planned equals naive: made-up operations of every role, on every storage and at several batch sizes."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema

from auth.principal import ANONYMOUS, Principal
from tests.houses import AUDITOR, Desk, Systems, desk_over, person
from tests.naive.compare import Comparison, patient
from tests.naive.dirty import soiled
from tests.naive.generate import Generator
from tests.naive.world import World, load

SCHEMA = Path(__file__).parent.parent.parent / "schema.graphql"
BATCHES = (1, 500, 2, 500, 500, 2, 500, 500)
"""Keys a call, in turn; one by one is slow, so it is done least."""
ON_SYSTEMS, ON_COPIES = 22, 60
"""Operations for each of the twelve principals: on every storage of the whole demo, and on small soiled copies."""


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


@pytest.fixture
async def soiled_desk(file_desk: Desk) -> Desk:
    """A desk over small copies of the demo with much dirt in them."""
    reach = file_desk.house.reach
    copies = await soiled(file_desk.house.catalog, reach.connectors, random.Random(0))
    file_desk.house.reach = replace(reach, connectors=copies)
    return patient(file_desk)


@dataclass(slots=True)
class Run:
    """What the operations of a run used, and how many answers held something."""

    world: World
    uses: Counter[str] = field(default_factory=Counter)
    roles: Counter[str] = field(default_factory=Counter)
    full: int = 0


async def compared(desk: Desk, sdl: GraphQLSchema, operations: int, seed: int) -> Run:
    """Asks both sides ``operations`` times as each principal; fails with the smallest operation that differs."""
    run = Run(await load(desk.house.catalog, desk.house.reach.connectors))
    for number, (role, principal) in enumerate(principals(run.world).items()):
        generator = Generator(sdl, run.world, principal, random.Random(seed + number))
        comparison = Comparison(desk, run.world, principal)
        for index in range(operations):
            asked, batch = generator.operation(), BATCHES[index % len(BATCHES)]
            difference = await comparison.difference(asked.text, asked.variables, batch)
            if difference is not None:
                pytest.fail(await comparison.report(sdl, asked.text, asked.variables, batch, difference))
            run.uses += asked.uses
            run.uses += comparison.directions(asked.text, asked.variables)
            run.roles[role] += 1
            run.full += _holds_something(comparison.found)
    assert run.full / run.roles.total() >= 0.6
    assert all(number >= 10 for number in run.roles.values())
    return run


async def test_every_role_sees_what_the_rules_say(dirty_desk: Desk, sdl: GraphQLSchema) -> None:
    run = await compared(dirty_desk, sdl, ON_SYSTEMS, 0)
    assert all(run.world.dirt[kind] for kind in ("null", "tie", "case variant", "duplicate key")), run.world.dirt
    assert {name: run.uses[name] for name in ACROSS if run.uses[name] < 5} == {}


async def test_every_role_sees_what_the_rules_say_of_data_that_is_mostly_dirt(
    soiled_desk: Desk, sdl: GraphQLSchema
) -> None:
    run = await compared(soiled_desk, sdl, ON_COPIES, 100)
    dirt = ("null", "tie", "case variant", "duplicate key", "unreadable", "unreadable key")
    assert all(run.world.dirt[kind] >= 10 for kind in dirt if kind != "case variant"), run.world.dirt
    assert {name: run.uses[name] for name in COVERED if run.uses[name] < 10} == {}
    assert (2 * ON_SYSTEMS + ON_COPIES) * len(run.roles) >= 1000


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
ACROSS = (
    "filter through one across", *(f"filter {name} across" for name in ("some", "every", "none")),
    "order by linked field across", "group by linked field across", "measure countDistinct", "keys first", "rows first",
)  # fmt: skip
COVERED = (
    *(f"op {name}" for name in OPERATORS.split()), *(f"link {kind}" for kind in KINDS), "root by key", "aggregate",
    "having", "having countDistinct", "order by field", "order by link", "group by link", "filter on a link's key",
    *(f"measure {name}" for name in ("sum", "avg", "min", "max")), *ACROSS,
)  # fmt: skip
"""Each operator, kind of link and way over links."""
