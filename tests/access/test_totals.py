"""Differences of totals: what a planner, who may count but not see, can work out by asking twice."""

from __future__ import annotations

import itertools
import sqlite3
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.suppression import PRIME, Table, withheld
from tests.houses import Desk, Systems, person

PLANNER = person("planner")
K = 10
Cell = tuple[Any, ...]


async def table(desk: Desk, fields: str, where: str = "") -> dict[Cell, int | None]:
    """The pupils by these fields, as the planner gets them; a withheld cell is None."""
    names = {"DISTRICT_CODE": "districtCode", "GENDER": "gender", "GRADE": "grade"}
    keys = [names[field.strip()] for field in fields.split(",")]
    told = await desk.data(
        f"{{ students{where} {{ aggregate(groupBy: [{fields}]) {{ key {{ {' '.join(keys)} }} count suppressed }} }} }}",
        PLANNER,
    )
    groups = told["students"]["aggregate"]
    assert all(group["suppressed"] is (group["count"] is None) for group in groups)
    return {tuple(group["key"][key] for key in keys): group["count"] for group in groups}


async def total(desk: Desk, where: str = "") -> int | None:
    told = await desk.data(f"{{ students{where} {{ totalCount }} }}", PLANNER)
    count: int | None = told["students"]["totalCount"]
    return count


@pytest.fixture
def pupils(files: Systems) -> list[Cell]:
    """District area, gender and grade of every pupil, from the department's own tables."""
    connection = sqlite3.connect(files.folder / "emis.sqlite")
    try:
        return connection.execute(
            "SELECT d.name, CASE u.gender_id WHEN 1 THEN 'Male' ELSE 'Female' END, g.name FROM institution_students e "
            "JOIN security_users u ON u.id = e.student_id AND u.is_student = 1 "
            "JOIN institutions i ON i.id = e.institution_id JOIN education_grades g ON g.id = e.education_grade_id "
            "JOIN areas a ON a.id = i.area_id "
            "JOIN areas d ON d.area_level_id = 3 AND d.lft <= a.lft AND d.rght >= a.rght WHERE e.student_status_id = 1"
        ).fetchall()
    finally:
        connection.close()


async def test_large_cells_are_exact_and_small_ones_withheld(file_desk: Desk, pupils: list[Cell]) -> None:
    by_gender = Counter((gender,) for _, gender, _ in pupils)
    assert await table(file_desk, "GENDER") == dict(by_gender)
    by_grade = Counter((gender, grade) for _, gender, grade in pupils)
    assert await table(file_desk, "GENDER, GRADE") == dict(by_grade)
    shown = await table(file_desk, "DISTRICT_CODE, GENDER, GRADE")
    truth = Counter(Counter(pupils).values())
    assert any(count is None for count in shown.values())
    assert all(count is None or count >= K for count in shown.values())
    assert len(shown) == sum(truth.values()), "a withheld cell keeps its place"


async def test_a_table_and_its_margins_asked_in_one_request_do_not_give_a_small_cell(file_desk: Desk) -> None:
    """Subtracting the shown cells of a line from its margin leaves nobody, or at least k persons in two cells."""
    fields = ("DISTRICT_CODE", "GENDER", "GRADE")
    whole = await table(file_desk, ", ".join(fields))
    for left_out in range(3):
        kept = [name for at, name in enumerate(fields) if at != left_out]
        margins = await table(file_desk, ", ".join(kept))
        for key, margin in margins.items():
            line = {cell: n for cell, n in whole.items() if cell[:left_out] + cell[left_out + 1 :] == key}
            hidden = [cell for cell, count in line.items() if count is None]
            if margin is not None and hidden:
                assert len(hidden) > 1
                assert margin - sum(count for count in line.values() if count is not None) >= K


async def test_the_order_of_groups_does_not_change_what_is_withheld(file_desk: Desk) -> None:
    one = await table(file_desk, "GENDER, DISTRICT_CODE, GRADE")
    other = await table(file_desk, "GRADE, GENDER, DISTRICT_CODE")
    assert {(grade, gender, district): n for (gender, district, grade), n in one.items()} == other


async def test_a_filter_picks_cells_of_the_published_table(file_desk: Desk) -> None:
    """With and without a filter, the same cells are withheld: two filters cannot be subtracted."""
    whole = await table(file_desk, "DISTRICT_CODE, GRADE")
    for district in ("KEC", "HAR", "QUE"):
        part = await table(file_desk, "GRADE", f'(where: {{districtCode: {{eq: "{district}"}}}})')
        assert part == {(grade,): count for (code, grade), count in whole.items() if code == district}


async def test_two_filters_that_differ_by_a_small_cell_are_both_withheld(file_desk: Desk) -> None:
    whole = await table(file_desk, "DISTRICT_CODE, GENDER, GRADE")
    district, gender, grade = next(cell for cell, count in whole.items() if count is None)
    same = f'districtCode: {{eq: "{district}"}}, grade: {{eq: "{grade}"}}'
    assert await total(file_desk, f'(where: {{{same}, gender: {{eq: "{gender}"}}}})') is None
    assert await total(file_desk, f'(where: {{not: {{{same}, gender: {{eq: "{gender}"}}}}}})') is None
    others = sorted({code for code, _, _ in whole} - {district})
    several = f'{{in: ["{district}", "{others[0]}"]}}'
    rest = f'gender: {{eq: "{gender}"}}, grade: {{eq: "{grade}"}}'
    both = await total(file_desk, f"(where: {{districtCode: {several}, {rest}}})")
    assert both is None, "a sum over a withheld cell is withheld"


async def test_with_and_without_a_filter_in_one_request(file_desk: Desk) -> None:
    answer = await file_desk.data(
        """{ all: students { totalCount } most: students(where: {gender: {in: ["Male", "Female"]}}) { totalCount }
             none: students(where: {gender: {eq: "Other"}}) { totalCount aggregate { count suppressed } } }""",
        PLANNER,
    )
    assert answer["all"]["totalCount"] == answer["most"]["totalCount"]
    assert answer["none"] == {"totalCount": None, "aggregate": [{"count": None, "suppressed": True}]}


async def test_an_absent_count_looks_like_a_withheld_one(file_desk: Desk) -> None:
    whole = await table(file_desk, "DISTRICT_CODE, GENDER, GRADE")
    small = next(cell for cell, count in whole.items() if count is None)
    asked = '(where: {{districtCode: {{eq: "{}"}}, gender: {{eq: "{}"}}, grade: {{eq: "{}"}}}})'
    assert await total(file_desk, asked.format(*small)) is None
    assert await total(file_desk, asked.format("KEC", "Female", "no such grade")) is None


async def test_the_teachers_of_a_district_do_not_give_those_of_its_only_small_school(file_desk: Desk) -> None:
    """A school stands in one district: its schools add up to it, though the planner groups by school only."""
    answer = await file_desk.data(
        """{ districts(first: 1000) { nodes { code } }
             bySchool: teachers { aggregate(groupBy: [SCHOOL_CODE]) { key { schoolCode } count } }
             byDistrict: teachers { aggregate(groupBy: [DISTRICT]) { key { district { code } } count } } }""",
        PLANNER,
    )
    shown: Counter[str] = Counter()
    hidden: Counter[str] = Counter()
    for group in answer["bySchool"]["aggregate"]:
        district = group["key"]["schoolCode"][:3]
        shown[district] += group["count"] or 0
        hidden[district] += group["count"] is None
    told = {group["key"]["district"]["code"]: group["count"] for group in answer["byDistrict"]["aggregate"]}
    assert sum(count is not None for count in told.values()) > 5
    for district, count in told.items():
        if count is not None and hidden[district]:
            assert count - shown[district] >= K
            assert hidden[district] > 1


async def test_parents_see_the_cells_of_the_same_table(file_desk: Desk) -> None:
    """Per-parent counts through a link are a group by the joining field: withheld alike."""
    answer = await file_desk.data(
        """{ schools(first: 1000) { nodes { code teachers { totalCount } } }
             teachers { aggregate(groupBy: [SCHOOL_CODE]) { key { schoolCode } count } } }""",
        PLANNER,
    )
    table = {group["key"]["schoolCode"]: group["count"] for group in answer["teachers"]["aggregate"]}
    for school in answer["schools"]["nodes"]:
        assert school["teachers"]["totalCount"] == table.get(school["code"])
    assert any(table.values())


async def test_sums_and_averages_are_withheld_with_the_count(file_desk: Desk) -> None:
    answer = await file_desk.data(
        """{ payslips(where: {month: {eq: "2025-09"}}) { aggregate(groupBy: [COST_CENTRE, DESIGNATION]) {
               key { costCentre designation } count sum { gross } avg { net } suppressed } } }""",
        PLANNER,
    )
    groups = answer["payslips"]["aggregate"]
    assert {group["suppressed"] for group in groups} == {True, False}
    for group in groups:
        figures = (group["count"], group["sum"]["gross"], group["avg"]["net"])
        assert all(figure is None for figure in figures) if group["suppressed"] else all(figures)


async def test_a_right_to_count_alone_covers_a_figure(file_desk: Desk) -> None:
    """A planner counts everywhere without schools, an officer counts the own district's schools: nobody who is both
    counts every district's pupils by school, and the officer's exact counts stay in the district."""
    both = person("planner", "district_officer", district="KEC")
    answer = await file_desk.ask("{ students { aggregate(groupBy: [SCHOOL_CODE]) { count } } }", both)
    assert answer["errors"][0]["extensions"]["code"] == "REFUSED"
    teachers = await file_desk.data(
        """{ kech: teachers(where: {schoolCode: {eq: "KEC-00001"}}) { totalCount }
             other: teachers(where: {schoolCode: {eq: "QUE-00001"}}) { totalCount } }""",
        both,
    )
    assert teachers == {"kech": {"totalCount": None}, "other": {"totalCount": None}}, "the wider right comes first"


async def test_totals_without_suppression_tell_nothing_as_zero(file_desk: Desk) -> None:
    officer = person("department_officer", department="education")
    answer = await file_desk.data(
        '{ teachers(where: {schoolCode: {eq: "none"}}) { totalCount aggregate { count suppressed } } }', officer
    )
    assert answer["teachers"] == {"totalCount": 0, "aggregate": [{"count": 0, "suppressed": False}]}


async def test_suppression_is_the_same_on_every_storage(desk: Desk, file_desk: Desk) -> None:
    for fields in ("GENDER, GRADE", "DISTRICT_CODE, GRADE"):
        assert await table(desk, fields) == await table(file_desk, fields)


# What an attacker with a pencil can do: every figure of every table is an equation.


Tables = dict[tuple[int, ...], tuple[Counter[Cell], set[Cell] | None]]


def published(people: list[Cell], fields: tuple[str, ...]) -> Tables:
    """Every table over some of the fields, each withheld on its own as separate requests would be."""
    tables: Tables = {}
    for size in range(len(fields) + 1):
        for kept in itertools.combinations(range(len(fields)), size):
            counts = Counter(tuple(one[at] for at in kept) for one in people)
            unsafe = frozenset(cell for cell, count in counts.items() if count < K)
            names = tuple(fields[at] for at in kept)
            tables[kept] = (counts, withheld(Table(names, counts, unsafe, K)))
    return tables


def determined(people: list[Cell], tables: Tables) -> list[Cell]:
    """Cells under k whose count follows from the tables, by elimination over all equations: a shown cell is one, and a
    cell that a table does not list is zero."""
    cells = list(itertools.product(*(sorted(set(column)) for column in zip(*people, strict=True))))
    rows: list[list[int]] = []
    secrets: list[tuple[Cell, list[int]]] = []
    for kept, (counts, hidden) in tables.items():
        for key in dict.fromkeys(tuple(cell[at] for at in kept) for cell in cells):
            row = [int(tuple(cell[at] for at in kept) == key) for cell in cells]
            if hidden is not None and key not in hidden:
                rows.append(row)
            elif 0 < counts[key] < K:
                secrets.append((key, row))
    echelon: dict[int, list[int]] = {}

    def reduced(row: list[int]) -> list[int]:
        for pivot, known in echelon.items():
            if factor := row[pivot]:
                row = [(mine - factor * theirs) % PRIME for mine, theirs in zip(row, known, strict=True)]
        return row

    for row in rows:
        left = reduced(row)
        pivot = next((at for at, value in enumerate(left) if value), None)
        if pivot is not None:
            inverse = pow(left[pivot], -1, PRIME)
            echelon[pivot] = [value * inverse % PRIME for value in left]
    return [key for key, row in secrets if not any(reduced(row))]


VALUES = st.tuples(st.sampled_from("abc"), st.sampled_from("uvwx"), st.sampled_from("pq"))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.tuples(VALUES, st.integers(1, 30)), min_size=2, max_size=24))
def test_no_small_cell_follows_from_all_the_tables_together(told: list[tuple[Cell, int]]) -> None:
    people = [value for value, count in told for _ in range(count)]
    assert determined(people, published(people, ("a", "b", "c"))) == []


def test_the_pencil_finds_what_a_bare_threshold_gives_away() -> None:
    """The check above can fail: with small cells alone withheld, margins give them away."""
    people = [("a", "u")] * 3 + [("a", "v")] * 40 + [("b", "u")] * 30 + [("b", "v")] * 25
    tables = published(people, ("a", "b"))
    assert determined(people, tables) == []
    counts, _ = tables[0, 1]
    tables[0, 1] = (counts, {("a", "u")})
    assert determined(people, tables) == [("a", "u")]


def test_money_that_is_mostly_one_persons_is_withheld() -> None:
    from gateway.grouping import _withheld
    from gateway.plan import Protection

    protection = Protection(K, ("district",), (0,), (), None, ((1, 2, 3),))
    cells = {("a",): [20, 20, 1000, 900], ("b",): [20, 20, 1000, 80], ("c",): [20, 3, 90, 40], ("d",): [99, 99, 900, 9]}
    hidden = _withheld(cells, protection)
    assert hidden is not None
    assert {("a",), ("c",)} <= hidden
    assert ("d",) not in hidden
