"""EMIS: schools, sanctioned posts, teachers and pupils. Passwords and photographs stand beside them and are declared
nowhere, so nothing can ask for them."""

from __future__ import annotations

import datetime as dt

from connectors.education.sources import emis
from schema.changes import compared, logged
from schema.classification import confidential, open_, restricted
from schema.codecs import blank_is_null, cnic, code_table, stripped
from schema.declare import column, many, one, record
from schema.districts import district_alias
from schema.relations import Beside, Select, Whole
from schema.scalars import NationalId

DISTRICT_OF_AREA = (
    "LEFT JOIN areas a ON a.id = i.area_id "
    "LEFT JOIN areas d ON d.area_level_id = 3 AND d.id = CASE a.area_level_id WHEN 3 THEN a.id ELSE a.parent_id END"
)
"""A school's area is a tehsil, whose parent is the district, or the district itself. EMIS also has a nested set, but no
index serves its two inequalities: every school would be compared with every district. It is joined from the left, as
code tables are: a row whose code is in no table stands, and the database leaves out joins of which nothing is asked."""

school_rows = Select(
    "SELECT i.code AS code, i.name AS name, t.name AS level, g.name AS gender, s.name AS status, c.name AS sector, "
    "d.name AS dist_nm, i.date_opened AS date_opened, i.date_closed AS date_closed, i.latitude AS latitude, "
    "i.longitude AS longitude, i.telephone AS telephone FROM institutions i "
    "LEFT JOIN institution_types t ON t.id = i.institution_type_id "
    "LEFT JOIN institution_genders g ON g.id = i.institution_gender_id "
    "LEFT JOIN institution_statuses s ON s.id = i.institution_status_id "
    f"LEFT JOIN institution_sectors c ON c.id = i.institution_sector_id {DISTRICT_OF_AREA}",
    "institutions",
)


@record(
    emis, school_rows, key="code", size=10_788,
    changes=logged(
        "institutions", "code", otherwise=compared(every_s=30.0),
        joined=("institution_types", "institution_genders", "institution_statuses", "institution_sectors", "areas"),
    ),
)  # fmt: skip
class School:
    """A government or community school."""

    code: str = column("code", open_, description="EMIS code, e.g. KEC-00001.")
    name: str | None = column("name", open_, codec=stripped)
    level: str | None = column("level", open_, description="Pre-primary, Primary, Secondary or Tertiary.")
    gender: str | None = column("gender", open_, description="Boys, Girls or Mixed.")
    status: str | None = column("status", open_, description="Active, Closed or Non-functional.")
    sector: str | None = column("sector", open_)
    district_code: str | None = column("dist_nm", open_, codec=district_alias("EMIS"))
    opened_on: dt.date | None = column("date_opened", open_)
    closed_on: dt.date | None = column("date_closed", open_)
    latitude: str | None = column("latitude", open_, codec=blank_is_null)
    longitude: str | None = column("longitude", open_, codec=blank_is_null)
    telephone: str | None = column("telephone", restricted, codec=blank_is_null)
    district = one("finance.District", on="district_code")
    teachers = many("education.Teacher", on="school_code")
    students = many("education.Student", on="school_code")
    positions = many("education.Position", on="school_code")
    visits = many("education.Visit", on="school_code")
    results = many("education.ExamResult", on="school_code")


TITLE = Beside(
    "LEFT JOIN institution_positions p ON p.id = st.institution_position_id "
    "LEFT JOIN staff_position_titles t ON t.id = p.staff_position_title_id ",
    {"title": "t.name"},
)
teacher_rows = Select(
    "SELECT u.openemis_no AS openemis_no, u.first_name || ' ' || u.last_name AS full_name, u.gender_id AS gender_id, "
    "u.identity_number AS identity_number, u.date_of_birth AS date_of_birth, t.name AS title, "
    "st.start_date AS start_date, i.code AS school_code, d.name AS dist_nm "
    "FROM institution_staff st JOIN security_users u ON u.id = st.staff_id AND u.is_staff = 1 "
    f"JOIN institutions i ON i.id = st.institution_id {TITLE.joins}{DISTRICT_OF_AREA} WHERE st.end_date IS NULL",
    "institution_staff",
    beside=(TITLE,),
)
GENDER = code_table("gender", {1: "Male", 2: "Female"}, kind="int")


@record(emis, teacher_rows, key="code", size=60_000, legal_basis="LegalObligation", persons=True)
class Teacher:
    """A teacher in the posting held now; who holds none is not here."""

    code: str = column("openemis_no", restricted, description="EMIS staff number.")
    name: str | None = column("full_name", restricted, personal=True)
    cnic: NationalId | None = column("identity_number", confidential, codec=cnic, personal=True)
    gender: str | None = column("gender_id", restricted, codec=GENDER, personal=True)
    born_on: dt.date | None = column("date_of_birth", confidential, personal=True)
    title: str | None = column("title", restricted)
    posted_since: dt.date | None = column("start_date", restricted)
    school_code: str | None = column("school_code", restricted)
    district_code: str | None = column("dist_nm", restricted, codec=district_alias("EMIS"))
    school = one("education.School", on="school_code")
    district = one("finance.District", on="district_code")
    payslips = many("finance.Payslip", on="cnic", key="cnic", description="Pay found by CNIC, however it is written.")
    marks = many("education.VisitMark", on="teacher_code")
    leaves = many("education.Leave", on="teacher_code")


# Counting 1.1 million pupils, each looked up among 1.5 million persons, took EMIS minutes. By district, school or grade
# nothing of a person is counted: enrolments are, by school and grade before these are looked up, once it is seen that
# none is without its person.
ENROLLED = (
    "LEFT JOIN institutions i ON i.id = e.institution_id LEFT JOIN education_grades g ON g.id = e.education_grade_id "
    f"{DISTRICT_OF_AREA}"
)
student_rows = Select(
    "SELECT u.openemis_no AS openemis_no, u.first_name || ' ' || u.last_name AS full_name, u.gender_id AS gender_id, "
    "u.identity_number AS identity_number, u.date_of_birth AS date_of_birth, g.name AS grade, i.code AS school_code, "
    f"d.name AS dist_nm FROM institution_students e JOIN security_users u ON u.id = e.student_id {ENROLLED} "
    "WHERE e.student_status_id = 1",
    "institution_students",
    whole=Whole(
        "FROM institution_students WHERE student_status_id = 1",
        # Of a school by itself MariaDB would follow its index and look up each row by it: minutes.
        {"institution_id": "institution_id + 0", "education_grade_id": "education_grade_id"},
        "SELECT g.name AS grade, i.code AS school_code, d.name AS dist_nm, e.counted AS counted "
        f"FROM {{rows}} e {ENROLLED}",
        {"grade": "education_grade_id", "school_code": "institution_id", "dist_nm": "institution_id"},
        # Of all years: both sides are read in the order of an index, and no row beside it.
        "SELECT e.student_id AS student_id FROM institution_students e LEFT JOIN security_users u "
        "ON u.id = e.student_id WHERE u.id IS NULL",
    ),
)


@record(emis, student_rows, key="code", size=1_100_000, retention="10 years after leaving school", persons=True)
class Student:
    """A pupil enrolled now."""

    code: str = column("openemis_no", restricted, description="EMIS pupil number.")
    name: str | None = column("full_name", confidential, personal=True)
    b_form: NationalId | None = column(
        "identity_number", confidential, codec=cnic, personal=True, sensitive=True, legal_basis="LegalObligation",
        retention="until the pupil is 18", description="The child's registration number (B-Form).",
    )  # fmt: skip
    born_on: dt.date | None = column("date_of_birth", confidential, personal=True)
    gender: str | None = column("gender_id", restricted, codec=GENDER, personal=True)
    grade: str | None = column("grade", restricted)
    school_code: str | None = column("school_code", restricted)
    district_code: str | None = column("dist_nm", restricted, codec=district_alias("EMIS"))
    school = one("education.School", on="school_code")
    district = one("finance.District", on="district_code")


position_rows = Select(
    "SELECT p.position_no AS position_no, t.name AS title, g.bps AS bps, i.code AS school_code, d.name AS dist_nm, "
    "CASE WHEN st.id IS NULL THEN 0 ELSE 1 END AS filled FROM institution_positions p "
    "JOIN institutions i ON i.id = p.institution_id "
    "LEFT JOIN staff_position_titles t ON t.id = p.staff_position_title_id "
    f"LEFT JOIN staff_position_grades g ON g.id = p.staff_position_grade_id {DISTRICT_OF_AREA} "
    "LEFT JOIN institution_staff st ON st.institution_position_id = p.id AND st.end_date IS NULL",
    "institution_positions",
)


@record(emis, position_rows, key="code", size=70_000)
class Position:
    """A sanctioned post of a school, filled or not."""

    code: str = column("position_no", open_)
    title: str | None = column("title", open_)
    bps: int | None = column("bps", open_, description="Basic pay scale, 1 to 22.")
    filled: int | None = column("filled", open_, description="1 when somebody holds the post now, else 0.")
    school_code: str | None = column("school_code", open_)
    district_code: str | None = column("dist_nm", open_, codec=district_alias("EMIS"))
    school = one("education.School", on="school_code")
    district = one("finance.District", on="district_code")


leave_rows = Select(
    "SELECT l.id AS leave_id, u.openemis_no AS openemis_no, l.date_from AS date_from, l.date_to AS date_to, "
    "l.reason AS reason FROM staff_leaves l JOIN security_users u ON u.id = l.staff_id",
    "staff_leaves",
)


@record(emis, leave_rows, key="number", plural="leaves", size=20_000, persons=True)
class Leave:
    """A leave granted to a member of the teaching staff."""

    number: int = column("leave_id", restricted)
    teacher_code: str | None = column("openemis_no", restricted)
    starts_on: dt.date | None = column("date_from", restricted)
    ends_on: dt.date | None = column("date_to", restricted)
    reason: str | None = column("reason", confidential, codec=blank_is_null, personal=True)
    teacher = one("education.Teacher", on="teacher_code")


count_rows = Select(
    "SELECT c.id AS count_id, i.code AS school_code, d.name AS dist_nm, c.counted_on AS counted_on, c.boys AS boys, "
    f"c.girls AS girls FROM institution_enrolments c JOIN institutions i ON i.id = c.institution_id {DISTRICT_OF_AREA}",
    "institution_enrolments",
)


@record(emis, count_rows, key="number", size=54_000)
class EnrolmentCount:
    """The annual school census: pupils of a school on the day they were counted."""

    number: int = column("count_id", open_)
    school_code: str | None = column("school_code", open_)
    district_code: str | None = column("dist_nm", open_, codec=district_alias("EMIS"))
    counted_on: dt.date | None = column("counted_on", open_)
    boys: int | None = column("boys", open_)
    girls: int | None = column("girls", open_)
    school = one("education.School", on="school_code")
    district = one("finance.District", on="district_code")


records = (School, Teacher, Student, Position, Leave, EnrolmentCount)
