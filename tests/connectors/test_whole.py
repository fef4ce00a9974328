"""An enrolment whose person is gone is no pupil: it stands in no list and in no total, on files and on MariaDB, however
the total is made."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import asyncmy
import pytest

from connectors.education.emis import Student
from connectors.whole import unjoined
from schema.declare import spec_of
from schema.fetch import Cell, Column, Comparison, Connector, Fetch, FetchShape, Function, Measure, Param, Rows
from schema.relations import Select
from tests.houses import AUDITOR, Desk, Systems, person
from tests.servers import PREFIX

STATEMENTS = {
    "plant": "INSERT INTO institution_students (id, student_status_id, student_id, education_grade_id, "
    "academic_period_id, institution_id) SELECT 'gone-1', 1, {person}, education_grade_id, academic_period_id, "
    "institution_id FROM institution_students WHERE student_status_id = 1 ORDER BY id LIMIT 1",
    "clear": "DELETE FROM institution_students WHERE id = 'gone-1'",
}
COUNTED = """{ students { totalCount byDistrict: aggregate(groupBy: [DISTRICT_CODE]) { count }
    byGrade: aggregate(groupBy: [GRADE]) { count } byGender: aggregate(groupBy: [GENDER]) { count } } }"""
LISTED = """query L($after: String) { students(first: 1000, after: $after) {
    nodes { code } pageInfo { hasNextPage endCursor } } }"""
PLACED = """query L($after: String) { students(first: 1000, after: $after) {
    nodes { grade schoolCode } pageInfo { hasNextPage endCursor } } }"""
PLANNER = person("planner")


@dataclass
class Telling:
    """Notes the names of relations that are asked for, and how."""

    inner: Connector
    asked: list[FetchShape]

    @property
    def source(self) -> Any:
        return self.inner.source

    async def fetch(self, fetch: Fetch, /) -> Rows:
        self.asked.append(fetch.shape)
        return await self.inner.fetch(fetch)

    async def aclose(self) -> None:
        await self.inner.aclose()


def listening(desk: Desk) -> list[FetchShape]:
    asked: list[FetchShape] = []
    whole: Any = desk.house.reach.connectors["emis"]
    whole.inner = Telling(whole.inner, asked)
    return asked


@asynccontextmanager
async def an_enrolment_without_its_person(systems: Systems, who: str) -> AsyncIterator[None]:
    await run(systems, STATEMENTS["plant"].format(person=who))
    try:
        yield
    finally:
        await run(systems, STATEMENTS["clear"])


async def run(systems: Systems, statement: str) -> None:
    if systems.mariadb is None:
        with closing(sqlite3.connect(systems.folder / "emis.sqlite")) as connection:
            connection.execute(statement)
            connection.commit()
        return
    parts = urlsplit(systems.mariadb)
    connection = await asyncmy.connect(
        host=parts.hostname, port=parts.port or 3306, user=parts.username or "root", password=parts.password or "",
        db=f"{PREFIX}_emis", autocommit=True,
    )  # fmt: skip
    async with connection.cursor() as cursor:
        await cursor.execute(statement)
    connection.close()


async def totals(desk: Desk) -> dict[str, Any]:
    """As the planner, who may count pupils and see none."""
    told: dict[str, Any] = (await desk.data(COUNTED, PLANNER))["students"]
    return told


async def listed(desk: Desk) -> int:
    found, after = 0, None
    while True:
        page = (await desk.data(LISTED, AUDITOR, after=after))["students"]
        found += len(page["nodes"])
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


@pytest.mark.parametrize("who", ["987654321", "NULL"])
async def test_totals_and_lists_agree_where_a_person_is_gone(who: str, systems: Systems, desk: Desk) -> None:
    before = await totals(desk)
    assert before["totalCount"] == await listed(desk) > 0
    assert sum(one["count"] for one in before["byGender"]) == before["totalCount"]
    async with an_enrolment_without_its_person(systems, who):
        assert await totals(desk) == before
        assert await listed(desk) == before["totalCount"]


async def test_nobody_is_looked_up_for_a_count_while_everybody_is_there(systems: Systems, desk: Desk) -> None:
    asked = listening(desk)
    await desk.data("{ students { totalCount } }", PLANNER)
    texts = [shape.relation.sql for shape in asked if isinstance(shape.relation, Select)]
    assert len(texts) == 2
    assert all("JOIN security_users u ON u.id = e.student_id LEFT" not in text for text in texts)
    asked.clear()
    async with an_enrolment_without_its_person(systems, "987654321"):
        await desk.data("{ students { totalCount } }", PLANNER)
    assert len(asked) == 3
    assert asked[-1].relation == spec_of(Student).relation  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("columns", "by"),
    [
        ((), ""),
        (("dist_nm",), " GROUP BY institution_id + 0"),
        (("grade",), " GROUP BY education_grade_id"),
        (("grade", "school_code", "dist_nm"), " GROUP BY institution_id + 0, education_grade_id"),
    ],
)
def test_rows_are_grouped_by_no_more_than_is_asked_before_they_are_joined(columns: tuple[str, ...], by: str) -> None:
    relation = spec_of(Student).relation  # type: ignore[union-attr]
    groups = tuple(Cell(Column(name, "text")) for name in columns)
    found = unjoined(FetchShape(relation, groups=groups, measures=(Measure(Function.COUNT),)))
    assert found is not None
    assert isinstance(found[0].relation, Select)
    assert f"FROM institution_students WHERE student_status_id = 1{by}) e LEFT JOIN" in found[0].relation.sql


async def test_counts_by_school_and_grade_are_those_of_the_pupils_one_by_one(systems: Systems, desk: Desk) -> None:
    officer = person("department_officer", department="education")
    query = "{ students { aggregate(groupBy: [GRADE, SCHOOL_CODE]) { key { grade schoolCode } count } } }"
    found = (await desk.data(query, officer))["students"]["aggregate"]
    told = {(one["key"]["grade"], one["key"]["schoolCode"]): one["count"] for one in found}
    listed, after = Counter[tuple[str, str]](), None
    while after is not False:
        page = (await desk.data(PLACED, AUDITOR, after=after))["students"]
        listed.update((one["grade"], one["schoolCode"]) for one in page["nodes"])
        after = page["pageInfo"]["hasNextPage"] and page["pageInfo"]["endCursor"]
    assert told == listed


def test_only_counts_of_everything_by_what_is_not_the_persons_are_made_without_it() -> None:
    relation = spec_of(Student).relation  # type: ignore[union-attr]
    district, gender = Cell(Column("dist_nm", "text")), Cell(Column("gender_id", "int"))
    shape = FetchShape(relation, measures=(Measure(Function.COUNT),))
    assert unjoined(shape) is not None
    assert unjoined(replace(shape, groups=(district,))) is not None
    assert unjoined(replace(shape, measures=(Measure(Function.MAX, Cell(Column("grade", "text"))),))) is None
    for other in (
        replace(shape, groups=(gender,)),
        replace(shape, measures=(Measure(Function.COUNT, gender),)),
        replace(shape, groups=(replace(district, when=Comparison(district.column, "eq", Param(0))),)),
        replace(shape, where=Comparison(district.column, "eq", Param(0))),
        replace(shape, key=Column("school_code", "text")),
        replace(shape, relation=Select("SELECT 1 AS dist_nm", "one")),
    ):
        assert unjoined(other) is None, other
