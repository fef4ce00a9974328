"""Joins that only bring columns beside a select's rows: in a statement that reads one of them wherever, and in no
other; the rows are the same with and without."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.education.emis import teacher_rows
from connectors.education.learners import enrolment_rows, learner_rows, report_rows, scholarship_rows
from connectors.sql.dialects import POSTGRES
from connectors.sql.statement import build
from schema.fetch import (
    EVERYTHING,
    Among,
    Cell,
    Column,
    Comparison,
    Complement,
    FetchShape,
    Function,
    Measure,
    Ordering,
    Param,
)
from schema.relations import Beside, Select, Table
from tests.houses import AUDITOR, Desk

JOIN = "LEFT JOIN posts p ON p.holder = s.code "
STAFF = Select(f"SELECT s.code AS code, p.title AS title FROM staff s {JOIN}", "staff", beside=(
    Beside(JOIN, {"title": "p.title"}),
))  # fmt: skip
CODE, TITLE = Cell(Column("code", "text")), Cell(Column("title", "text"))
ALIKE = Comparison(TITLE.column, "eq", Param(0))
PLAIN = FetchShape(STAFF, (CODE,))
COUNTED = FetchShape(STAFF, measures=(Measure(Function.COUNT),))
PEOPLE = FetchShape(Table("people"), (CODE,))


@pytest.mark.parametrize("shape", [
    FetchShape(STAFF, (TITLE,)),
    FetchShape(STAFF, (replace(CODE, when=ALIKE),)),
    replace(PLAIN, where=ALIKE),
    replace(PLAIN, where=Complement(ALIKE)),
    replace(PLAIN, key=TITLE.column),
    replace(PLAIN, order=(Ordering(TITLE),)),
    replace(COUNTED, groups=(TITLE,)),
    replace(COUNTED, measures=(Measure(Function.MAX, TITLE),)),
    replace(PEOPLE, where=Among(CODE.column, STAFF, TITLE.column, EVERYTHING)),
    replace(PEOPLE, where=Among(CODE.column, STAFF, CODE.column, ALIKE)),
])  # fmt: skip
def test_a_join_is_made_for_whatever_reads_its_column(shape: FetchShape) -> None:
    assert JOIN in build(shape, POSTGRES).text


@pytest.mark.parametrize("shape", [
    PLAIN, COUNTED, replace(PLAIN, key=CODE.column), replace(COUNTED, groups=(CODE,)),
    replace(PEOPLE, where=Among(CODE.column, STAFF, CODE.column, EVERYTHING)),
])  # fmt: skip
def test_a_join_of_which_nothing_is_read_is_left_out(shape: FetchShape) -> None:
    text = build(shape, POSTGRES).text
    assert "posts" not in text
    assert "p.title" not in text


@pytest.mark.parametrize("beside", [
    Beside("LEFT JOIN post p ON p.holder = s.code ", {"title": "p.title"}), Beside(JOIN, {"title": "p.name"}),
])  # fmt: skip
def test_a_join_that_is_not_in_the_select_is_told_at_its_declaration(beside: Beside) -> None:
    with pytest.raises(ValueError, match=r"staff: .* does not stand in the select once"):
        replace(STAFF, beside=(beside,))


@pytest.mark.parametrize("relation", [learner_rows, enrolment_rows, report_rows, scholarship_rows])
def test_who_answers_for_a_learner_is_looked_up_for_those_only_who_ask_or_are_ruled_by_it(relation: Select) -> None:
    bare = relation.asked_for(frozenset({"openemis_no"}))
    assert not any(table in bare for table in ("student_guardians", "institution_students now"))
    assert relation.asked_for(frozenset({"school_now", "father_nic", "mother_nic", "guardian_nic"})) == relation.sql


def test_the_title_of_a_post_is_looked_up_for_those_only_who_ask_for_it() -> None:
    assert "institution_positions" not in teacher_rows.asked_for(frozenset({"gender_id", "dist_nm"}))
    assert teacher_rows.asked_for(frozenset({"title"})) == teacher_rows.sql


async def test_rows_are_the_same_with_and_without_what_stands_beside_them(desk: Desk) -> None:
    where = "(where: {year: {eq: 2023}}, first: 1000)"
    bare = await desk.data(f"{{ yearReports{where} {{ nodes {{ number mark }} }} }}", AUDITOR)
    beside = await desk.data(f"{{ yearReports{where} {{ nodes {{ number mark schoolNow motherCnic }} }} }}", AUDITOR)
    rows = beside["yearReports"]["nodes"]
    assert bare["yearReports"]["nodes"] == [{name: row[name] for name in ("number", "mark")} for row in rows]
    schools = [row["schoolNow"] for row in rows if row["schoolNow"]]
    assert schools
    there = await desk.data(
        "query($s: String!) { yearReports(where: {year: {eq: 2023}, schoolNow: {eq: $s}}, first: 1000) "
        "{ nodes { number } } }", AUDITOR, s=schools[0],
    )  # fmt: skip
    assert [one["number"] for one in there["yearReports"]["nodes"]] == [
        row["number"] for row in rows if row["schoolNow"] == schools[0]
    ]
