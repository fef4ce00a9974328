"""What ``truth.json`` says of learners and of the cohort really is in the rows, and each trap is really there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from legacy.build import Plan, build
from tests.legacy.learners import Learners, chain, cohort, files
from tests.legacy.raw import Raw, digits


@pytest.fixture(scope="module", params=["demo", pytest.param("district", marks=pytest.mark.long)])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "demo":
        found: Path = request.getfixturevalue("demo_folder")
        return found
    folder = tmp_path_factory.mktemp("district")
    build(Plan("district", 3, folder), quiet=True)
    return folder


@pytest.fixture(scope="module")
def raw(folder: Path) -> Raw:
    return Raw(folder)


@pytest.fixture(scope="module")
def learners(raw: Raw) -> Learners:
    return Learners(raw)


@pytest.fixture(scope="module")
def truth(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "truth.json").read_text())
    return told


def planted(truth: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for told in truth["q15"].values() if isinstance(told, list) for one in told if "events" in one]


def test_every_event_of_a_planted_life_is_found_and_no_other(truth: dict[str, Any], learners: Learners) -> None:
    for one in planted(truth):
        links = one["links"]
        lost = {kind for kind, how in links.items() if how == "none"}
        expected = {
            (event["kind"], event["when"], event["where"]) for event in one["events"]
            if not (event["kind"] in lost or event["what"].split(" ")[0] in lost)
        }  # fmt: skip
        assert learners.events(one["code"]) == expected, one["code"]
        assert learners.links(one["code"]) == {kind: how for kind, how in links.items() if how != "none"}


def test_the_whole_life_reaches_from_class_one_to_a_job(truth: dict[str, Any]) -> None:
    (one,) = truth["q15"]["whole"]
    kinds = {event["kind"] for event in one["events"]}
    assert kinds == {"enrolment", "report", "scholarship", "registration", "result", "training", "job"}
    assert one["links"] == {"SSC": "exact", "HSSC": "exact", "training": "exact", "job": "exact"}


def test_each_story_has_its_trap(truth: dict[str, Any], raw: Raw, learners: Learners) -> None:
    stories = truth["q15"]
    years = {
        name: [event["when"] for event in told[0]["events"] if event["kind"] == "enrolment"]
        for name, told in stories.items() if name in ("repeated", "gap", "transferred")
    }  # fmt: skip
    (repeated,), (transferred,) = stories["repeated"], stories["transferred"]
    assert sum(event["what"] == "Class 4: Repeated" for event in repeated["events"]) == 1
    assert len(years["repeated"]) == 11
    assert not {"2019", "2020"} & set(years["gap"])
    assert max(years["gap"]) == "2021"
    assert len([year for year in years["transferred"] if year == "2016"]) == 2
    schools = {event["where"] for event in transferred["events"] if event["kind"] == "enrolment"}
    assert len(schools) == 3
    assert chain(raw, transferred["code"])[1] == []
    assert len(chain(raw, stories["chain_broken"][0]["code"])[1]) == 1
    ways = {"by_alias": "alias", "by_emis_number": "exact"}
    assert {name: stories[name][0]["links"]["SSC"] for name in ways} == ways
    (by_chain,) = stories["by_chain"]
    assert by_chain["links"] == {"SSC": "exact", "HSSC": "chain", "training": "chain"}
    (unlinked,) = stories["unlinked"]
    assert set(unlinked["links"].values()) == {"none"}


def test_two_learners_have_one_name_and_two_numbers(truth: dict[str, Any]) -> None:
    one, other = truth["q15"]["namesakes"]
    assert one["name"] == other["name"]
    assert one["b_form"] != other["b_form"]


def test_one_number_is_written_in_both_forms(truth: dict[str, Any], raw: Raw, learners: Learners) -> None:
    (one,) = truth["q15"]["two_written_forms"]
    ((emis,),) = raw.rows("emis", "SELECT identity_number FROM security_users WHERE openemis_no = ?", one["code"])
    board = {line["BFORM"] for line in learners.registrations if digits(line["BFORM"]) == one["b_form"]}
    tevta = {nic for _, nic, *_ in learners.trainings if digits(nic) == one["b_form"]}
    assert ("-" in emis, board, "-" in tevta.pop()) == (True, {one["b_form"]}, True)


def test_the_cohort_of_class_five(truth: dict[str, Any], raw: Raw, learners: Learners) -> None:
    told = truth["q16"]
    members = cohort(raw, told["district"], told["year"], told["class"])
    assert members == set(told["codes"])
    assert told["size"] == len(members) == 60
    assert members & learners.girls == set(told["girls"])
    assert len(told["girls"]) == 9
    found = {
        "ssc": {code for code in members if learners.passed(code)},
        "training": {code for code in members if learners.found_trainings(code)},
        "job": {code for code in members if "job" in learners.links(code)},
    }
    assert found == {name: set(codes) for name, codes in told["found"].items()}
    for name, reached in told["reached"].items():
        assert set(told["exactly"][name]) <= found[name] < set(reached), "some reached it and cannot be linked"
        assert 10 < len(found[name]) < 50


def test_pupils_of_today_have_years_behind_them(truth: dict[str, Any], raw: Raw) -> None:
    assert len(truth["q15"]["still_enrolled"]) == 6
    for one in truth["q15"]["still_enrolled"]:
        rows = raw.rows("emis", """
            SELECT s.code, i.code FROM institution_students e JOIN security_users u ON u.id = e.student_id
            JOIN institutions i ON i.id = e.institution_id JOIN student_statuses s ON s.id = e.student_status_id
            WHERE u.openemis_no = ?""", one["code"])  # fmt: skip
        assert ("CURRENT", one["school"]) in rows
        assert ("TRANSFERRED", one["former_school"]) in rows
        assert chain(raw, one["code"])[1] == []
        guardians = raw.rows("emis", """
            SELECT g.identity_number FROM student_guardians r JOIN security_users u ON u.id = r.student_id
            JOIN security_users g ON g.id = r.guardian_id WHERE u.openemis_no = ? ORDER BY r.id""", one["code"])
        assert digits(guardians[0][0]) == one["guardian"]


def test_a_guardian_of_two(truth: dict[str, Any], raw: Raw) -> None:
    told = truth["q15"]["guardian_of_two"]
    rows = raw.rows("emis", """
        SELECT u.openemis_no, g.identity_number FROM student_guardians r JOIN security_users u ON u.id = r.student_id
        JOIN security_users g ON g.id = r.guardian_id""")
    assert {code for code, cnic in rows if digits(cnic) == told["cnic"]} == set(told["codes"])


def test_there_are_enough_to_consent(truth: dict[str, Any]) -> None:
    assert len({one["code"] for one in truth["q15"]["consenting"]}) == 8


def test_the_boards_numbers_and_gaps(raw: Raw, learners: Learners) -> None:
    numbers = [line["REGNO"] for line in learners.registrations]
    assert len(numbers) == len(set(numbers)) == len(learners.results)
    assert all(re.fullmatch(r"20[0-9]{2}[12][0-9]{7}", number) for number in numbers)
    assert {len(line["BFORM"]) for line in learners.registrations} == {0, 13, 15}
    assert all(line["NAME"] == line["NAME"].upper() for line in files(raw, "registrations_*.csv"))
    assert {line["CLASS"] for line in learners.results.values()} == {"10", "12"}


def test_a_numbers_digits_belong_to_one_person(raw: Raw) -> None:
    rows = raw.rows("emis", "SELECT identity_number FROM security_users WHERE identity_number <> ''")
    known = [digits(number) for (number,) in rows]
    known += [number for (number,) in raw.rows("fabs", "SELECT DISTINCT cnic FROM pa0002 WHERE cnic LIKE '55%'")]
    whole = [number for number in known if number]
    assert len(whole) == len(set(whole))
