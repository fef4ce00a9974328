"""EMIS: who learns and who ever did, a year at a time. Every row carries whose it is (the learner's B-Form, the
guardians' CNICs and the school of today), because a rule reads the row it speaks of and nothing else."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from connectors.education.emis import DISTRICT_OF_AREA, GENDER
from connectors.education.sources import emis
from schema.classification import confidential, restricted
from schema.codecs import cnic, code_table, decimal, paisa
from schema.declare import column, many, one, record
from schema.districts import district_alias
from schema.relations import Beside, Select
from schema.scalars import NationalId

GUARDIANS = tuple(
    Beside(
        f"LEFT JOIN student_guardians {of}r ON {of}r.student_id = u.id AND {of}r.guardian_relation_id = {relation} "
        f"LEFT JOIN security_users {of} ON {of}.id = {of}r.guardian_id ",
        {column: f"{of}.identity_number"},
    )
    for relation, of, column in ((1, "fa", "father_nic"), (2, "mo", "mother_nic"), (3, "gu", "guardian_nic"))
)
TODAY = Beside(
    "LEFT JOIN institution_students now ON now.student_id = u.id AND now.student_status_id = 1 "
    "LEFT JOIN institutions ni ON ni.id = now.institution_id ",
    {"school_now": "ni.code"},
)
"""Most questions about a learner's years ask neither who the guardians are nor where the learner is today."""
OF_GUARDIANS = "".join(one.joins for one in GUARDIANS)
WHOSE = (
    "u.openemis_no AS openemis_no, u.identity_number AS identity_number, ni.code AS school_now, "
    "fa.identity_number AS father_nic, mo.identity_number AS mother_nic, gu.identity_number AS guardian_nic"
)
LEARNER = f"JOIN security_users u ON u.id = e.student_id AND u.is_student = 1 {TODAY.joins}{OF_GUARDIANS}"
"""The learner a row ``e`` is about."""
STATUS = code_table(
    "enrolment status",
    {1: "Current", 2: "Transferred", 3: "Withdrawn", 4: "Graduated", 5: "Promoted", 6: "Repeated"}, kind="int",
)  # fmt: skip
CLASS_TODAY = Beside(
    f"{TODAY.joins}LEFT JOIN education_grades g ON g.id = now.education_grade_id "
    f"{DISTRICT_OF_AREA.replace('i.area_id', 'ni.area_id')}",
    {**TODAY.columns, "grade": "g.name", "dist_nm": "d.name"},
)
AFTER_SCHOOL = "10 years after leaving school"

learner_rows = Select(
    f"SELECT {WHOSE}, u.first_name || ' ' || u.last_name AS full_name, u.gender_id AS gender_id, "
    "u.date_of_birth AS date_of_birth, g.name AS grade, d.name AS dist_nm FROM security_users u "
    f"{OF_GUARDIANS}{CLASS_TODAY.joins} WHERE u.is_student = 1",
    "security_users",
    beside=(CLASS_TODAY, *GUARDIANS),
)


@record(emis, learner_rows, key="code", size=1_200_000, retention=AFTER_SCHOOL, persons=True)
class Learner:
    """Somebody who is or ever was a pupil. School, grade and district are today's: null for who has left."""

    code: str = column("openemis_no", restricted, description="EMIS pupil number.")
    name: str | None = column("full_name", confidential, personal=True)
    b_form: NationalId | None = column(
        "identity_number", confidential, codec=cnic, personal=True, sensitive=True, legal_basis="LegalObligation",
        description="The child's registration number; at 18 the same digits are the CNIC.",
    )  # fmt: skip
    born_on: dt.date | None = column("date_of_birth", confidential, personal=True)
    gender: str | None = column("gender_id", restricted, codec=GENDER, personal=True)
    grade: str | None = column("grade", restricted)
    school_code: str | None = column("school_now", restricted)
    district_code: str | None = column("dist_nm", restricted, codec=district_alias("EMIS"))
    father_cnic: NationalId | None = column("father_nic", confidential, codec=cnic, personal=True)
    mother_cnic: NationalId | None = column("mother_nic", confidential, codec=cnic, personal=True)
    guardian_cnic: NationalId | None = column("guardian_nic", confidential, codec=cnic, personal=True)
    school = one("education.School", on="school_code")
    district = one("finance.District", on="district_code")
    enrolments = many("education.Enrolment", on="learner_code")
    reports = many("education.YearReport", on="learner_code")
    scholarships = many("education.Scholarship", on="learner_code")
    guardians = many("education.Guardian", on="learner_code")
    registrations = many("education.ExamRegistration", on="learner_code", description="Those with the EMIS number.")
    b_form_registrations = many("education.ExamRegistration", on="b_form", key="b_form", description="Found by B-Form.")
    declared_registrations = many(
        "education.DeclaredCandidate", on="learner_code", description="Those somebody declared later."
    )


enrolment_rows = Select(
    f"SELECT {WHOSE}, e.id AS enrolment_id, u.gender_id AS gender_id, p.start_year AS start_year, "
    "e.education_grade_id - 1 AS class_no, e.student_status_id AS status_id, e.start_date AS start_date, "
    "e.end_date AS end_date, i.code AS school_code, d.name AS dist_nm, "
    "e.previous_institution_student_id AS previous_id FROM institution_students e "
    f"{LEARNER}JOIN institutions i ON i.id = e.institution_id "
    f"LEFT JOIN academic_periods p ON p.id = e.academic_period_id {DISTRICT_OF_AREA}",
    "institution_students_of_all_years",
    beside=(TODAY, *GUARDIANS),
)


@record(emis, enrolment_rows, key="code", size=3_000_000, retention=AFTER_SCHOOL, persons=True)
class Enrolment:
    """A pupil's stay in a class of a school in one academic year, and how it ended. A transfer in mid-year is two."""

    code: str = column("enrolment_id", restricted)
    learner_code: str | None = column("openemis_no", restricted)
    learner_b_form: NationalId | None = column("identity_number", confidential, codec=cnic, personal=True)
    gender: str | None = column("gender_id", restricted, codec=GENDER, personal=True)
    year: int | None = column("start_year", restricted, description="Academic year, March to December.")
    school_class: int | None = column("class_no", restricted, description="0 is Kachi, then 1 to 10.")
    status: str | None = column("status_id", restricted, codec=STATUS)
    starts_on: dt.date | None = column("start_date", restricted)
    ends_on: dt.date | None = column("end_date", restricted)
    school_code: str | None = column("school_code", restricted)
    district_code: str | None = column("dist_nm", restricted, codec=district_alias("EMIS"))
    previous_code: str | None = column("previous_id", restricted, description="The stay before; it may be gone.")
    school_now: str | None = column("school_now", restricted, description="The learner's school of today.")
    father_cnic: NationalId | None = column("father_nic", confidential, codec=cnic, personal=True)
    mother_cnic: NationalId | None = column("mother_nic", confidential, codec=cnic, personal=True)
    guardian_cnic: NationalId | None = column("guardian_nic", confidential, codec=cnic, personal=True)
    learner = one("education.Learner", on="learner_code")
    school = one("education.School", on="school_code")
    district = one("finance.District", on="district_code")
    previous = one("education.Enrolment", on="previous_code")


report_rows = Select(
    f"SELECT {WHOSE}, e.id AS report_id, p.start_year AS start_year, e.education_grade_id - 1 AS class_no, "
    "i.code AS school_code, d.name AS dist_nm, e.school_days AS school_days, e.absent_excused AS absent_excused, "
    "e.absent_unexcused AS absent_unexcused, e.late_days AS late_days, e.mark_hundredths AS mark_hundredths "
    f"FROM student_year_reports e {LEARNER}JOIN institutions i ON i.id = e.institution_id "
    f"LEFT JOIN academic_periods p ON p.id = e.academic_period_id {DISTRICT_OF_AREA}",
    "student_year_reports",
    beside=(TODAY, *GUARDIANS),
)


@record(emis, report_rows, key="number", size=2_000_000, retention=AFTER_SCHOOL, persons=True)
class YearReport:
    """A pupil's attendance in an academic year, and the year's mark. No report means unknown, never absent."""

    number: int = column("report_id", restricted)
    learner_code: str | None = column("openemis_no", restricted)
    learner_b_form: NationalId | None = column("identity_number", confidential, codec=cnic, personal=True)
    year: int | None = column("start_year", restricted)
    school_class: int | None = column("class_no", restricted)
    school_code: str | None = column("school_code", restricted)
    district_code: str | None = column("dist_nm", restricted, codec=district_alias("EMIS"))
    school_days: int | None = column("school_days", restricted)
    absent_excused: int | None = column("absent_excused", restricted, personal=True)
    absent_unexcused: int | None = column("absent_unexcused", restricted, personal=True)
    late_days: int | None = column("late_days", restricted, personal=True)
    mark: Decimal | None = column("mark_hundredths", restricted, codec=paisa, personal=True, description="Percent.")
    school_now: str | None = column("school_now", restricted, description="The learner's school of today.")
    father_cnic: NationalId | None = column("father_nic", confidential, codec=cnic, personal=True)
    mother_cnic: NationalId | None = column("mother_nic", confidential, codec=cnic, personal=True)
    guardian_cnic: NationalId | None = column("guardian_nic", confidential, codec=cnic, personal=True)
    learner = one("education.Learner", on="learner_code")
    school = one("education.School", on="school_code")
    district = one("finance.District", on="district_code")


scholarship_rows = Select(
    f"SELECT {WHOSE}, e.id AS award_id, s.name AS scheme, s.provider AS provider, p.start_year AS start_year, "
    "e.approved_amount AS approved_amount, e.awarded_on AS awarded_on, e.status_code AS status_code "
    f"FROM scholarship_recipients e {LEARNER}"
    "LEFT JOIN scholarships s ON s.id = e.scholarship_id LEFT JOIN academic_periods p ON p.id = e.academic_period_id",
    "scholarship_recipients",
    beside=(TODAY, *GUARDIANS),
)


@record(emis, scholarship_rows, key="number", size=20_000, retention=AFTER_SCHOOL, persons=True)
class Scholarship:
    """A scholarship granted to a pupil for an academic year."""

    number: int = column("award_id", restricted)
    learner_code: str | None = column("openemis_no", restricted)
    learner_b_form: NationalId | None = column("identity_number", confidential, codec=cnic, personal=True)
    scheme: str | None = column("scheme", restricted)
    provider: str | None = column("provider", restricted)
    year: int | None = column("start_year", restricted)
    amount: Decimal | None = column("approved_amount", restricted, codec=decimal(2), description="Rupees a year.")
    awarded_on: dt.date | None = column("awarded_on", restricted)
    status: str | None = column("status_code", restricted, codec=code_table("award", {"P": "Paid", "W": "Withdrawn"}))
    school_now: str | None = column("school_now", restricted, description="The learner's school of today.")
    father_cnic: NationalId | None = column("father_nic", confidential, codec=cnic, personal=True)
    mother_cnic: NationalId | None = column("mother_nic", confidential, codec=cnic, personal=True)
    guardian_cnic: NationalId | None = column("guardian_nic", confidential, codec=cnic, personal=True)
    learner = one("education.Learner", on="learner_code")


guardian_rows = Select(
    "SELECT r.id AS guardian_row, u.openemis_no AS openemis_no, u.identity_number AS identity_number, "
    "ni.code AS school_now, t.name AS relation, x.first_name || ' ' || x.last_name AS full_name, "
    "x.identity_number AS guardian_nic FROM student_guardians r JOIN security_users x ON x.id = r.guardian_id "
    f"JOIN security_users u ON u.id = r.student_id AND u.is_student = 1 {TODAY.joins}"
    "LEFT JOIN guardian_relations t ON t.id = r.guardian_relation_id",
    "student_guardians",
    beside=(TODAY,),
)


@record(emis, guardian_rows, key="number", size=400_000, retention=AFTER_SCHOOL, persons=True)
class Guardian:
    """Somebody who answers for a pupil; a guardian of two pupils is two rows."""

    number: int = column("guardian_row", restricted)
    learner_code: str | None = column("openemis_no", restricted)
    learner_b_form: NationalId | None = column("identity_number", confidential, codec=cnic, personal=True)
    relation: str | None = column("relation", restricted, description="Father, Mother or Guardian.")
    name: str | None = column("full_name", confidential, personal=True)
    cnic: NationalId | None = column("guardian_nic", confidential, codec=cnic, personal=True)
    school_now: str | None = column("school_now", restricted, description="The learner's school of today.")
    learner = one("education.Learner", on="learner_code")


records = (Learner, Enrolment, YearReport, Scholarship, Guardian)
