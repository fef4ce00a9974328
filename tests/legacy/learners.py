"""Learners' lives and the cohort told from the legacy rows alone, in plain SQL and Python that share nothing with the
generator or the gateway."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import Any

from tests.legacy.raw import CODE, DISTRICT, Raw, digits

Event = tuple[str, str, str]
"""Kind, when, where."""


def files(raw: Raw, pattern: str) -> Iterable[dict[str, str]]:
    for path in sorted((raw.folder / "exam_board").glob(pattern)):
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from (line for line in csv.DictReader(file) if line["REGNO"] != "2099")


def day(text: str) -> str:
    return "-".join(reversed(text.split("/")))


class Learners:
    """Everything there is about learners, indexed."""

    def __init__(self, raw: Raw) -> None:
        users = raw.rows("emis", """
            SELECT id, openemis_no, identity_number, gender_id FROM security_users WHERE is_student = 1""")
        self.user = {code: user for user, code, *_ in users}
        self.b_form = {code: digits(number) for _, code, number, _ in users}
        self.girls = {code for _, code, _, gender in users if gender == 2}
        self.raw = raw
        self.registrations = list(files(raw, "registrations_*.csv"))
        self.results = {line["REGNO"]: line for line in files(raw, "results_*.csv")}
        self.aliases = {line["REGNO"]: line["EMISNO"] for line in files(raw, "aliases_*.csv")}
        self.trainings = raw.rows("tevta", """
            SELECT a.adm_no, t.nic, t.brd_regno, a.st_dt, a.inst_cd FROM tev_adm a
            JOIN tev_trne t ON t.trne_no = a.trne_no""")
        self.contributions = {cnic: rest for cnic, *rest in raw.rows("bessi", "SELECT * FROM contributors")}

    def found_registrations(self, code: str) -> dict[str, str]:
        """Registration number -> how the learner is found there."""
        found: dict[str, str] = {}
        number = self.b_form[code]
        for line in self.registrations:
            if line["EMISNO"] == code or (number and digits(line["BFORM"]) == number):
                found[line["REGNO"]] = "exact"
            elif self.aliases.get(line["REGNO"]) == code:
                found[line["REGNO"]] = "alias"
        for line in self.registrations:
            if line["PREVREG"] in found:
                found.setdefault(line["REGNO"], "chain")
        return found

    def found_trainings(self, code: str) -> dict[str, str]:
        number, registrations = self.b_form[code], self.found_registrations(code)
        exact = {one[0]: "exact" for one in self.trainings if number and digits(one[1]) == number}
        chain = {one[0]: "chain" for one in self.trainings if one[2] in registrations}
        return chain | exact

    def links(self, code: str) -> dict[str, str]:
        """System -> how the learner is found there."""
        found: dict[str, str] = {}
        for number, how in self.found_registrations(code).items():
            found["SSC" if number[4] == "1" else "HSSC"] = how
        for how in self.found_trainings(code).values():
            found["training"] = how
        if self.b_form[code] in self.contributions:
            found["job"] = "exact"
        return found

    def passed(self, code: str) -> bool:
        """Whether a secondary certificate is found."""
        numbers = self.found_registrations(code)
        return any(number[4] == "1" and self.results[number]["GRADE"] != "F" for number in numbers)

    def events(self, code: str) -> set[Event]:
        """What can be found, whatever the way to it."""
        user = self.user[code]
        found = {
            ("enrolment", str(year), school) for year, school in self.raw.rows("emis", """
                SELECT p.code, i.code FROM institution_students e JOIN institutions i ON i.id = e.institution_id
                JOIN academic_periods p ON p.id = e.academic_period_id WHERE e.student_id = ?""", user)
        }  # fmt: skip
        found |= {
            ("report", str(year), school) for year, school in self.raw.rows("emis", """
                SELECT p.code, i.code FROM student_year_reports e JOIN institutions i ON i.id = e.institution_id
                JOIN academic_periods p ON p.id = e.academic_period_id WHERE e.student_id = ?""", user)
        }  # fmt: skip
        found |= {
            ("scholarship", when, "") for (when,) in self.raw.rows(
                "emis", "SELECT awarded_on FROM scholarship_recipients WHERE student_id = ?", user)
        }  # fmt: skip
        registrations = self.found_registrations(code)
        for line in self.registrations:
            if line["REGNO"] in registrations:
                found.add(("registration", day(line["REGDATE"]), line["SCHOOL"]))
                found.add(("result", line["REGNO"][:4], line["SCHOOL"]))
        trainings = self.found_trainings(code)
        found |= {("training", day(one[3]), one[4]) for one in self.trainings if one[0] in trainings}
        if job := self.contributions.get(self.b_form[code] or ""):
            found.add(("job", job[0], job[1]))
        return found


def cohort(raw: Raw, district: str, year: int, school_class: int) -> set[str]:
    """Everybody who was in that class there in that academic year."""
    rows = raw.rows("emis", f"""
        SELECT u.openemis_no, d.name FROM institution_students e JOIN security_users u ON u.id = e.student_id
        JOIN institutions i ON i.id = e.institution_id {DISTRICT}
        JOIN academic_periods p ON p.id = e.academic_period_id
        WHERE p.code = ? AND e.education_grade_id = ?""", str(year), school_class + 1)  # fmt: skip
    return {code for code, name in rows if CODE[name] == district}


def chain(raw: Raw, code: str) -> tuple[list[Any], list[Any]]:
    """A learner's rows that name the row before them, and those that name one that is not there."""
    rows = raw.rows("emis", """
        SELECT e.id, e.previous_institution_student_id FROM institution_students e
        JOIN security_users u ON u.id = e.student_id WHERE u.openemis_no = ?""", code)  # fmt: skip
    ids = {identity for identity, _ in rows}
    named = [before for _, before in rows if before is not None]
    return [one for one in named if one in ids], [one for one in named if one not in ids]
