"""Where learners stand and the early warning, worked out again here from the reports and the points on file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

from auth.principal import Principal
from connectors import province
from tests.houses import AUDITOR, Desk, Systems, person

POINTS = tomllib.loads((Path(province.__file__).parent / "early_warning.toml").read_text())
STANDING = """query($codes: [String!]) { learners(where: {code: {in: $codes}}, first: 100) { nodes { code standing {
  year schoolClass districtCode absencePercent classAbsencePercent mark classMark yearsBehind
  absencePoints markPoints classPoints behindPoints points level recordedBy } } } }"""
REPORTS = """query($where: YearReportWhere!) { yearReports(where: $where, first: 1000) { nodes {
  learnerCode year schoolClass districtCode schoolDays absentExcused absentUnexcused mark } } }"""
ENROLMENTS = """query($codes: [String!]) { enrolments(where: {learnerCode: {in: $codes}}, first: 1000) { nodes {
  learnerCode year schoolClass } } }"""


async def standings(desk: Desk, codes: Iterable[str], who: Principal = AUDITOR) -> dict[str, Any]:
    nodes = (await desk.data(STANDING, who, codes=list(codes)))["learners"]["nodes"]
    return {node["code"]: node["standing"] for node in nodes}


async def reports(desk: Desk, **where: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await desk.data(REPORTS, AUDITOR, where=where))["yearReports"]["nodes"]
    return found


def percent(part: Decimal, whole: Decimal) -> Decimal:
    return (100 * part / whole).quantize(Decimal("0.1"), ROUND_HALF_EVEN)


def absent(rows: list[dict[str, Any]]) -> Decimal:
    days = sum(Decimal(row["schoolDays"]) for row in rows)
    return percent(sum(Decimal(row["absentExcused"] + row["absentUnexcused"]) for row in rows), days)


def given(factor: str, value: Decimal | int | None) -> int | None:
    if value is None:
        return None
    ((direction, steps),) = POINTS[factor].items()
    reached = [points for bound, points in steps if (value < bound if direction == "under" else value >= bound)]
    return reached[0] if reached else 0


async def test_every_learner_of_the_cohort_stands_where_the_reports_say(desk: Desk, systems: Systems) -> None:
    codes = systems.truth["q16"]["codes"]
    found = await standings(desk, codes)
    own = await reports(desk, learnerCode={"in": codes})
    years = (await desk.data(ENROLMENTS, AUDITOR, codes=codes))["enrolments"]["nodes"]
    levels = set()
    for code in codes:
        mine = [row for row in own if row["learnerCode"] == code]
        if not mine:
            assert found[code] is None
            continue
        last, standing = max(mine, key=lambda row: row["year"]), found[code]
        stays = [row for row in years if row["learnerCode"] == code]
        behind = (last["year"] - min(row["year"] for row in stays)) - (
            last["schoolClass"] - min(row["schoolClass"] for row in stays)
        )
        assert (standing["year"], standing["schoolClass"], standing["yearsBehind"]) == (
            last["year"], last["schoolClass"], behind,
        )  # fmt: skip
        absence, mark = absent([last]), last["mark"] and Decimal(last["mark"])
        assert (Decimal(standing["absencePercent"]), standing["mark"]) == (absence, last["mark"])
        of_class = standing["classAbsencePercent"] and Decimal(standing["classAbsencePercent"])
        points = (
            given("absence", absence), given("marks", mark),
            given("against_class", None if of_class is None else absence - of_class), given("behind", behind),
        )  # fmt: skip
        told = tuple(standing[name] for name in ("absencePoints", "markPoints", "classPoints", "behindPoints"))
        assert told == points
        assert standing["points"] == sum(point or 0 for point in points)
        assert standing["level"] == next(
            (name for name, bound in POINTS["levels"].items() if standing["points"] >= bound), "LOW"
        )
        assert standing["recordedBy"]
        levels.add(standing["level"])
    assert {"LOW", "MEDIUM"} <= levels


async def test_a_class_is_compared_with_from_ten_reports_on(desk: Desk, systems: Systems) -> None:
    codes = systems.truth["q16"]["codes"]
    found = await standings(desk, codes)
    classes = {(one["districtCode"], one["year"], one["schoolClass"]) for one in found.values() if one}
    compared = set()
    for district, year, school_class in sorted(classes):
        rows = await reports(
            desk, districtCode={"eq": district}, year={"eq": year}, schoolClass={"eq": school_class}
        )
        marks = [Decimal(row["mark"]) for row in rows if row["mark"] is not None]
        expected: tuple[Any, Any] = (None, None)
        if len(rows) >= 10:
            mean = (sum(marks, Decimal(0)) / len(marks)).quantize(Decimal("0.1"), ROUND_HALF_EVEN)
            expected = (str(absent(rows)), str(mean))
        for one in found.values():
            if one and (one["districtCode"], one["year"], one["schoolClass"]) == (district, year, school_class):
                assert (one["classAbsencePercent"], one["classMark"]) == expected
        compared.add(len(rows) >= 10)
    assert compared == {True, False}


async def test_whose_standing_one_sees(desk: Desk, systems: Systems) -> None:
    pupil = systems.truth["q15"]["still_enrolled"][0]
    code = pupil["code"]
    seen = await standings(desk, [code])
    assert seen[code]["level"]
    for who in (person("citizen", cnic=pupil["guardian"]), person("head_teacher", school=pupil["school"])):
        assert await standings(desk, [code], who) == seen
    assert await standings(desk, [code], person("head_teacher", school=pupil["former_school"])) == {}
    other = systems.truth["q15"]["still_enrolled"][1]["code"]
    assert await standings(desk, [other], person("citizen", cnic=pupil["guardian"])) == {}


async def test_what_became_of_earlier_learners_is_told_to_the_nearest_five(desk: Desk) -> None:
    query = """{ earlierOutcomes(where: {districtCode: {in: ["NOS", "QUE"]}}) { nodes {
        code learners certificate training formalJob suppressed } } }"""
    found = (await desk.data(query, person("citizen", cnic="5500100000011")))["earlierOutcomes"]["nodes"]
    assert found == (await desk.data(query, AUDITOR))["earlierOutcomes"]["nodes"]
    rows = {row["code"]: row for row in found}
    figures = [row[name] for row in found for name in ("learners", "certificate", "training", "formalJob")]
    assert all(figure is None or (figure >= 10 and figure % 5 == 0) for figure in figures)
    assert rows["NOS/All"]["learners"] >= 60
    assert {rows[f"NOS/{level}"]["learners"] for level in ("HIGH", "MEDIUM", "LOW")} == {None}
    assert None not in {rows[f"QUE/{level}"]["learners"] for level in ("HIGH", "MEDIUM", "LOW")}
