"""What ``truth.json`` says was planted really is in the databases, and each trap of a question is really there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from legacy.build import Plan, build
from tests.legacy import raw as questions
from tests.legacy.raw import CODE, Raw, digits

ZHOB = ("ZHB", "SHR", "KSF")


@pytest.fixture(scope="module", params=["demo", pytest.param("district", marks=pytest.mark.long)])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build on files: the demo's, or one district's."""
    if request.param == "demo":
        found: Path = request.getfixturevalue("demo_folder")
        return found
    folder = tmp_path_factory.mktemp("district")
    build(Plan("district", 3, folder), quiet=True)
    return folder


@pytest.fixture
def raw(folder: Path) -> Raw:
    return Raw(folder)


@pytest.fixture
def truth(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "truth.json").read_text())
    return told


def has_every_district(folder: Path) -> bool:
    return json.loads((folder / "manifest.json").read_text())["scale"] == "demo"


def test_active_schools_by_level_and_gender(raw: Raw, truth: dict[str, Any]) -> None:
    assert questions.active_schools(raw) == truth["q1"]
    names = {name for (name,) in raw.rows("emis", "SELECT name FROM areas WHERE area_level_id = 3")}
    assert {"Chaghi", "Nushki", "Gawadar"} <= names, "EMIS spells some districts in its own way"
    assert len(truth["q1"]["KEC"]) > 5


def test_facilities_without_a_monthly_report(raw: Raw, truth: dict[str, Any], folder: Path) -> None:
    silent = questions.silent_facilities(raw, ZHOB, "202509")
    assert silent == truth["q3"]
    if not has_every_district(folder):
        assert silent == []
        return
    assert silent
    closed = raw.rows("hmis", "SELECT code, dist_nm FROM organisationunit WHERE status = 'C'")
    assert any(CODE[district] in ZHOB for _, district in closed)
    other = raw.rows("hmis", """
        SELECT o.code FROM completedatasetregistration c JOIN organisationunit o ON o.organisationunitid = c.sourceid
        JOIN period p ON p.periodid = c.periodid WHERE c.datasetid = 2 AND p.iso = '202509'""")
    assert {code for (code,) in other} & set(silent), "another form is no monthly report"
    typed = raw.rows("hmis", """
        SELECT DISTINCT o.code FROM datavalue v JOIN organisationunit o ON o.organisationunitid = v.sourceid
        JOIN period p ON p.periodid = v.periodid WHERE p.iso = '202509'""")
    assert {code for (code,) in typed} & set(silent), "figures without a report are no report"


def test_beds_and_staff_of_each_district(raw: Raw, truth: dict[str, Any]) -> None:
    found: dict[str, dict[str, int]] = {}
    for source, statement, names in (
        ("hmis", "SELECT ou_code, beds, occupied FROM bed_states", ("beds", "occupied")),
        ("hr", "SELECT facility_cd, on_roll, present FROM shift_presence", ("staff", "present")),
    ):
        for code, *numbers in raw.rows(source, statement):
            own = found.setdefault(code[3:6], {})
            for name, number in zip(names, numbers, strict=True):
                own[name] = own.get(name, 0) + number
    assert found == truth["wards"]


def test_bills(raw: Raw, truth: dict[str, Any]) -> None:
    for kind, status, expired in (("paid", "P", 0), ("unpaid", "U", 0), ("expired", "U", 1)):
        told = truth["q4"][kind]
        ((found_status, found_expired, paisa),) = raw.rows(
            "bpay", "SELECT bill_status, expired, amount_within_paisa FROM bills WHERE psid = ?", told["psid"]
        )
        assert (found_status, found_expired) == (status, expired)
        assert questions.money(paisa) == told["amountWithin"]
    assert raw.rows("bpay", "SELECT 1 FROM bills WHERE psid = ?", truth["q4"]["unknown"]) == []


def test_people_paid_as_teachers_without_a_posting(raw: Raw, truth: dict[str, Any]) -> None:
    ghosts, unverifiable = questions.paid_without_posting(raw)
    assert ghosts == truth["q6"]
    why = truth["q6_why"]
    assert sorted([*why["never_posted"], *why["posting_ended"]]) == ghosts
    assert unverifiable == sorted(why["unverifiable"])
    assert all(why.values())
    for database, statement in (
        ("fabs", "SELECT cnic FROM pa0002"),
        ("emis", "SELECT identity_number FROM security_users WHERE is_staff = 1"),
    ):
        written = [cnic for (cnic,) in raw.rows(database, statement)]
        for form in (lambda text: "-" in text, lambda text: len(text) == 13, lambda text: not text):
            assert any(form(text) for text in written), f"{database} writes CNICs in every form"
    known = {digits(cnic) for (cnic,) in raw.rows("emis", "SELECT identity_number FROM security_users")}
    assert set(why["posting_ended"]) <= known
    assert not set(why["never_posted"]) & known


def test_teachers_paid_though_absent_at_every_visit(raw: Raw, truth: dict[str, Any]) -> None:
    assert "2025-09" in truth["q7"]
    for month, told in truth["q7"].items():
        assert questions.paid_though_absent(raw, month) == told["listed"]
        assert told["listed"]
        assert not {*told["on_leave"], *told["unpaid"], *told["without_cnic"]} & set(told["listed"])
    assert any(told["on_leave"] for told in truth["q7"].values())
    assert any(told["unpaid"] for told in truth["q7"].values())
    visited = {code for (code,) in raw.rows("rtsm", "SELECT DISTINCT school_key FROM visits")}
    assert truth["schools_without_visits"]
    assert not visited & set(truth["schools_without_visits"])
    listed = set(truth["q7"]["2025-09"]["listed"])
    assert listed & set(truth["absent_at_every_visit"])
    sometimes = {staff for (staff,) in raw.rows("rtsm", """
        SELECT s.staff_ref FROM visit_staff s JOIN visits v ON v.visit_id = s.visit_id
        WHERE v.visit_ts LIKE '2025-09%' GROUP BY 1 HAVING MIN(s.present) < MAX(s.present)""")}  # fmt: skip
    assert sometimes, "some were absent at one visit and present at another"
    assert not sometimes & listed


def test_visits_come_late_and_twice(raw: Raw) -> None:
    twice = raw.rows("rtsm", "SELECT school_key, visit_ts, monitor FROM visits GROUP BY 1, 2 HAVING COUNT(*) > 1")
    late = raw.rows("rtsm", "SELECT 1 FROM visits WHERE substr(visit_ts, 1, 7) < substr(synced_ts, 1, 7)")
    sloppy = raw.rows("rtsm", "SELECT 1 FROM visits WHERE school_code <> school_key")
    assert twice
    assert late
    assert sloppy


def test_enrolment_per_thousand_children(raw: Raw, truth: dict[str, Any], folder: Path) -> None:
    for census in (2023, 2017):
        assert questions.enrolment_shares(raw, census) == truth["q8"][str(census)]
    earlier = raw.rows("emis", "SELECT 1 FROM institution_students WHERE student_status_id <> 1")
    assert earlier, "pupils have rows of earlier years"
    if has_every_district(folder):
        assert set(truth["q8"]["2023"]) - set(truth["q8"]["2017"]) == {"CHM", "SUR", "HUB", "USM"}
    forms = raw.rows("emis", "SELECT SUM(boys + girls) FROM institution_enrolments WHERE academic_period_id = 5")
    assert forms == [(sum(one["enrolment"] for one in truth["q8"]["2023"].values()),)]


def test_facilities_out_of_a_drug_while_busy(raw: Raw, truth: dict[str, Any]) -> None:
    told = truth["q9"]
    out = questions.stock_outs(raw, told["month"], 15)
    loads = questions.loads(raw, told["month"])
    middle = questions.median(loads.values())
    assert float(middle) == told["median_load"]
    busy = {code: {"days": out[code], "load": loads[code]} for code in out if loads.get(code, 0) > middle}
    assert busy == told["facilities"]
    assert sorted(code for code in out if code in loads and loads[code] <= middle) == told["not_busy"]
    assert sorted(code for code in out if code not in loads) == told["load_unknown"]
    assert set(questions.stock_outs(raw, told["month"], 1)) - set(out) == set(told["out_for_less"])
    assert all(told.values())
    carried = {code for (code,) in raw.rows("lmis", """
        SELECT m.hmis_code FROM calculated_stocks_on_hand s JOIN stock_cards c ON c.id = s.stockcardid
        JOIN facility_map m ON m.facilityid = c.facilityid JOIN orderables o ON o.id = c.orderableid
        WHERE o.tracer = 1 GROUP BY 1, o.code HAVING MAX(s.occurreddate) < '2025-09-01'""")}  # fmt: skip
    assert carried & set(busy), "some have been empty since July"
    assert any(day > month for day, month in raw.rows(
        "lmis", "SELECT processeddate, occurreddate FROM stock_card_line_items"))  # fmt: skip
    values = {value for (value,) in raw.rows("hmis", "SELECT DISTINCT value FROM datavalue")}
    assert {"n/a", "", "12 "} <= values


def test_stock_on_hand_is_what_the_movements_leave(raw: Raw) -> None:
    levels = raw.rows("lmis", "SELECT stockcardid, occurreddate, stockonhand FROM calculated_stocks_on_hand")
    movements: dict[str, list[tuple[str, int]]] = {}
    lines = raw.rows("lmis", "SELECT stockcardid, occurreddate, quantity FROM stock_card_line_items")
    for card, day, quantity in lines:
        movements.setdefault(card, []).append((day, quantity))
    for card, day, level in levels:
        assert level == sum(quantity for when, quantity in movements[card] if when <= day)


def test_daily_collection_in_three_systems(raw: Raw, truth: dict[str, Any]) -> None:
    assert questions.collection(raw) == truth["q12"]["daily"]
    told = truth["q12"]["unmatched"]
    found = questions.unmatched(raw)
    assert set(found) == set(told)
    for reason, ids in found.items():
        assert ids, reason
        assert ids == {one.get("receipt", one["psid"]) for one in told[reason]}, reason
    halves = raw.rows("bpay", "SELECT 1 FROM transactions WHERE amount_paisa % 100 <> 0")
    assert halves, "some amounts have paisa"
    undone = raw.rows("bpay", "SELECT 1 FROM transactions WHERE reversal_of IS NOT NULL")
    assert len(undone) > len(told["reversed_after_settlement"])
    unpaid = raw.rows("bpay", "SELECT psid FROM bills WHERE bill_status = 'U'")
    assert found["not_in_bpay"] <= {psid for (psid,) in unpaid}


def test_collection_as_known_on_the_fifth_of_july(raw: Raw, truth: dict[str, Any]) -> None:
    told = truth["q24"]
    then = questions.collection(raw, told["as_known_at"])
    assert {day: heads for day, heads in then.items() if day <= "2025-07-05"} == told["daily"]
    now = truth["q12"]["daily"]
    moved: dict[tuple[str, str, str], int] = {}
    for one in told["recorded_later"]:
        assert one["recorded_at"] > told["as_known_at"]
        cell = (one["day"], one["head"], one["system"])
        moved[cell] = moved.get(cell, 0) + int(one["amount"].replace(".", ""))
    for day, heads in now.items():
        for head, own in heads.items() if day <= "2025-07-05" else ():
            for system, amount in own.items():
                before = told["daily"].get(day, {}).get(head, {}).get(system, "0.00")
                difference = int(amount.replace(".", "")) - int(before.replace(".", ""))
                assert difference == moved.pop((day, head, system), 0)
    assert moved == {}
    assert {one["system"] for one in told["recorded_later"]} >= {"bank", "fabs"}


def test_budget_and_outcomes_of_five_years(raw: Raw, truth: dict[str, Any], folder: Path) -> None:
    assert questions.spending(raw) == truth["q18"]
    assert len(truth["q18"]["money"]) == len(truth["q18"]["enrolment"]) == 5
    unnamed = raw.rows("fabs_soap", "SELECT COUNT(*) FROM budget_lines WHERE dist_txt = ''")
    assert unnamed[0][0] == 5 * len(truth["q18"]["money"]["2025-26"])
    named = {line for lines in truth["budget"].values() for line in (one["line"] for one in lines)}
    stored = raw.rows("fabs_soap", "SELECT line_id FROM budget_lines WHERE fiscal_year = '2025-26' AND dist_txt <> ''")
    assert named == {line for (line,) in stored}


def test_sanctioned_and_filled_posts(raw: Raw, truth: dict[str, Any]) -> None:
    found: dict[str, dict[str, int]] = {}
    for name, sanctioned, filled in raw.rows("emis", f"""
        SELECT d.name, COUNT(*), COUNT(s.id) FROM institution_positions p
        JOIN institutions i ON i.id = p.institution_id {questions.DISTRICT}
        LEFT JOIN institution_staff s ON s.institution_position_id = p.id AND s.end_date IS NULL
        GROUP BY 1"""):  # fmt: skip
        found[CODE[name]] = {"sanctioned": sanctioned, "filled": filled}
    assert found == truth["posts_education"]
