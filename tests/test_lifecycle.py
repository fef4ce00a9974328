"""Question 15: a learner's timeline from class 1 to a job, compared event by event with the lives that were planted."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from auth.principal import Principal
from legacy.planted_lives import STORIES
from tests.houses import AUDITOR, Desk, Systems, person

TIMELINE = """query($code: String!) { learner(code: $code) { code timeline(first: 200) { nodes {
  code kind on until precision what place system recordedBy certainty } } } }"""
SURE = {"exact": "EXACT_IDENTIFIER", "chain": "REGISTRATION_CHAIN", "alias": "DECLARED_ALIAS"}

CALLS = {"bessi": 1, "board": 14, "emis": 8, "tevta": 7}
"""Calls a question about any number of learners takes, as long as their keys go into one call."""


async def timeline(desk: Desk, code: str, who: Principal = AUDITOR) -> list[dict[str, Any]]:
    found = (await desk.data(TIMELINE, who, code=code))["learner"]
    return [] if found is None else list(found["timeline"]["nodes"])


def as_planted(told: dict[str, Any]) -> set[tuple[str, ...]]:
    """Kind, when, what tells it apart, and certainty, of every event that can be found to be the learner's."""
    found: set[tuple[str, ...]] = set()
    for one in told["events"]:
        kind, when, what = one["kind"], one["when"], one["what"]
        system = what.split(" ")[0] if kind in ("registration", "result") else kind
        sure = SURE.get(told["links"].get(system, "exact"))
        if sure is None:
            continue
        match kind:
            case "enrolment":
                level, _, status = what.partition(": ")
                found.add((status.upper(), when, level, sure))
            case "report":
                absent, _, days = what.removesuffix(" days absent").partition(" of ")
                found.add(("ATTENDANCE", when, f"Absent on {absent} of {days} days", sure))
            case "scholarship":
                found.add(("SCHOLARSHIP", when, f"{what} scholarship", sure))
            case "registration":
                found.add(("EXAM_REGISTERED", when, what.split(" ")[1], sure))
            case "result":
                _, marks, *_, grade = what.replace(",", "").split(" ")
                found.add(("EXAM_RESULT", when, f"{marks} of 1100 marks, grade {grade}", sure))
            case "training":
                found.add(("TRAINING", when, what.split(" ")[1], sure))
            case "job":
                found.add(("FIRST_JOB", when, "", sure))
    return found


def as_answered(event: dict[str, Any]) -> tuple[str, ...]:
    kind, what = event["kind"], event["what"]
    when = event["on"][:4] if event["precision"] == "ACADEMIC_YEAR" else event["on"]
    match kind:
        case "EXAM_REGISTERED":
            what = what.split(" ")[-1]
        case "EXAM_RESULT":
            what = what.partition(": ")[2]
        case "TRAINING":
            what = event["code"].rpartition("/")[2]
        case "FIRST_JOB":
            what = ""
    return kind, when, what, event["certainty"]


@pytest.mark.parametrize("story", sorted(STORIES))
async def test_the_timeline_of_every_planted_life_is_exact(desk: Desk, systems: Systems, story: str) -> None:
    for told in systems.truth["q15"][story]:
        events = await timeline(desk, told["code"])
        recorded = [event for event in events if event["kind"] not in ("GAP", "ARRIVED")]
        assert sorted(map(as_answered, recorded)) == sorted(as_planted(told))
        ends = [event["until"] or event["on"] for event in events]
        assert ends == sorted(ends)
        assert all(event["system"] and event["recordedBy"] for event in events)


async def test_years_without_a_record_are_told(desk: Desk, systems: Systems) -> None:
    for told in (one for story in STORIES for one in systems.truth["q15"][story]):
        years = sorted({int(one["when"]) for one in told["events"] if one["kind"] == "enrolment"})
        missing = [(one + 1, other - 1) for one, other in pairwise(years) if other - one > 1]
        gaps = [event for event in await timeline(desk, told["code"]) if event["kind"] == "GAP"]
        assert [event["what"] for event in gaps] == [f"No record from {one} to {other}" for one, other in missing]
    (gone,) = systems.truth["q15"]["gap"]
    assert "No record from 2019 to 2020" in [event["what"] for event in await timeline(desk, gone["code"])]


async def test_a_move_is_told_where_the_chain_of_registrations_holds(desk: Desk, systems: Systems) -> None:
    """The register of a school names the row of the school before; where that row is gone, nobody says from where."""
    stories = systems.truth["q15"]
    (moved,), (broken,) = stories["transferred"], stories["chain_broken"]
    came = [event for event in await timeline(desk, moved["code"]) if event["kind"] == "ARRIVED"]
    assert [event["on"] for event in came] == ["2015-03-01", "2016-06-21"]
    assert {event["certainty"] for event in came} == {"REGISTRATION_CHAIN"}
    assert "ARRIVED" not in [event["kind"] for event in await timeline(desk, broken["code"])]


async def test_source_calls_do_not_grow_with_events_or_learners(desk: Desk, systems: Systems) -> None:
    """Nor is a whole table read for one learner. A source is not asked about nobody, so some take fewer."""
    stories = systems.truth["q15"]
    for story in ("whole", "left_early", "unlinked"):
        assert await timeline(desk, stories[story][0]["code"])
        entry = desk.ledger.last
        assert all(calls <= CALLS[name] for name, calls in entry["sourceCalls"].items())
        assert sum(entry["rows"].values()) < 150
    everybody = systems.truth["q16"]["codes"]
    query = """query($codes: [String!]) { learners(where: {code: {in: $codes}}, first: 100) {
        nodes { timeline { nodes { kind } } } } }"""
    found = await desk.data(query, AUDITOR, codes=everybody)
    assert sum(len(one["timeline"]["nodes"]) for one in found["learners"]["nodes"]) > 1000
    assert desk.ledger.last["sourceCalls"] == CALLS


async def test_the_learner_a_guardian_and_the_head_of_todays_school_see_it(desk: Desk, systems: Systems) -> None:
    stories = systems.truth["q15"]
    (whole,) = stories["whole"]
    assert await timeline(desk, whole["code"], person("citizen", cnic=whole["b_form"])) == await timeline(
        desk, whole["code"]
    )
    shared = stories["guardian_of_two"]
    for code in shared["codes"]:
        assert await timeline(desk, code, person("citizen", cnic=shared["cnic"])) == await timeline(desk, code)
    pupil = stories["still_enrolled"][0]
    seen = await timeline(desk, pupil["code"], person("head_teacher", school=pupil["school"]))
    assert seen == await timeline(desk, pupil["code"])
    assert len(seen) > 3
    assert await timeline(desk, pupil["code"], person("head_teacher", school=pupil["former_school"])) == []


def employer(**consented: tuple[str, ...]) -> Principal:
    """An employer as the register makes it: see ``auth.consents``."""
    attributes = {"organisation": "quetta-mills", "consented_timeline": (), "consented_results": (), **consented}
    purposes = frozenset({"PersonnelHiring"})
    return Principal("mills", frozenset({"organisation"}), attributes, purposes, purpose="PersonnelHiring")


async def test_an_organisation_sees_what_a_learner_consents_to(desk: Desk, systems: Systems) -> None:
    first, second = (told["code"] for told in systems.truth["q15"]["consenting"][:2])
    all_of_it = await timeline(desk, first, employer(consented_timeline=(first,)))
    assert all_of_it == await timeline(desk, first)
    results = await timeline(desk, first, employer(consented_results=(first,)))
    assert results == [event for event in all_of_it if event["kind"] == "EXAM_RESULT"] != []
    assert await timeline(desk, second, employer(consented_timeline=(first,))) == []
    told = await desk.ask(
        "{ learners { nodes { code timeline { nodes { kind bForm } } } } }", employer(consented_timeline=(first,))
    )
    assert [node["code"] for node in told["data"]["learners"]["nodes"]] == [first]
    assert {error["extensions"]["code"] for error in told["errors"]} == {"REFUSED"}


COHORT = """query($where: CohortWhere!) { cohorts(where: $where) { nodes {
  code population reached9 linked linkRate certificate certificatePercent training formalJob suppressed } } }"""


async def test_the_cohort_of_noushki_is_exact(desk: Desk, systems: Systems) -> None:
    """Question 16: who was in class 5 in 2014, and what is known to have become of them."""
    told = systems.truth["q16"]
    where = {"districtCode": {"eq": told["district"]}, "year": {"eq": told["year"]}}
    for who in (person("planner"), AUDITOR):
        found = (await desk.data(COHORT, who, where=where))["cohorts"]["nodes"]
        rows = {row["code"].rpartition("/")[2]: row for row in found}
        whole = rows["All"]
        assert whole["population"] == told["size"]
        reached = {"certificate": "ssc", "training": "training", "formalJob": "job"}
        assert {name: whole[name] for name in reached} == {
            name: len(told["found"][planted]) for name, planted in reached.items()
        }
        linked = len(linked_members(systems))
        assert (whole["linked"], whole["linkRate"]) == (linked, f"{100 * linked / told['size']:.1f}")
        assert whole["certificatePercent"] == f"{100 * len(told['found']['ssc']) / told['size']:.1f}"
        assert len(told["girls"]) == 9
        assert all(rows["Female"][name] is rows["Male"][name] is None for name in ("population", *reached, "linked"))
    assert sum(desk.ledger.last["sourceCalls"].values()) <= 20


async def test_a_cohort_asked_for_by_its_code_reads_what_it_reads_by_district_and_year(
    desk: Desk, systems: Systems
) -> None:
    told = systems.truth["q16"]
    where = {"districtCode": {"eq": told["district"]}, "year": {"eq": told["year"]}}
    planner = person("planner")
    listed = (await desk.data(COHORT, planner, where=where))["cohorts"]["nodes"]
    read = desk.ledger.last["rows"]
    for row in listed:
        one = "query($code: String!) { cohort(code: $code) {" + COHORT.partition("nodes {")[2].replace("} } }", "} }")
        found = await desk.data(one, planner, code=row["code"])
        assert found["cohort"] == row
        assert desk.ledger.last["rows"] == read
    none = await desk.data(one, planner, code="NOS/all/All")
    assert none["cohort"] is None


def linked_members(systems: Systems) -> set[str]:
    """Those with an event in a system beyond EMIS that can be found to be theirs."""
    stories = systems.truth["q16"]
    beyond = {code for name in ("training", "job") for code in stories["found"][name]}
    return beyond | set(stories["examined"])
