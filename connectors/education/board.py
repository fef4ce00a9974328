"""The exam board's files: registrations, results, and who was declared to be whom. Their shape is invented: no public
schema exists. The board has numbers of its own; a B-Form is often missing and written in either way."""

from __future__ import annotations

import datetime as dt

from connectors.education.sources import board
from schema.classification import confidential, open_, restricted
from schema.codecs import blank_is_null, cnic, ddmmyyyy, stripped, whole_number_text, year_text
from schema.declare import column, many, one, record
from schema.relations import Drop
from schema.scalars import NationalId

OF_THE_YEAR = {"year": r"_([0-9]{4})\.csv$"}
"""The year stands in a file's name: a question about one year opens that year's files."""

result_rows = Drop(
    "results_*.csv",
    {"REGNO": "regno", "NAME": "name", "FATHER": "father", "SCHOOL": "school", "CLASS": "class",
     "OBTAINED": "obtained", "TOTAL": "total", "GRADE": "grade", "BFORM": "bform", "EMISNO": "emisno"},
    name="results", told_by_name=OF_THE_YEAR,
)  # fmt: skip


@record(board, result_rows, key="registration_number", size=100_000, persons=True)
class ExamResult:
    """A candidate's result: registration number = year, session, institution and counter."""

    registration_number: str = column("regno", restricted)
    name: str | None = column("name", confidential, codec=stripped, personal=True)
    father: str | None = column("father", confidential, codec=stripped, personal=True)
    school_code: str | None = column("school", open_)
    school_class: int | None = column("class", open_, codec=whole_number_text, description="10 (SSC) or 12 (HSSC).")
    obtained: int | None = column("obtained", restricted, codec=whole_number_text, personal=True)
    total: int | None = column("total", restricted, codec=whole_number_text)
    grade: str | None = column("grade", restricted, personal=True, description="A, B, C, or F for who failed.")
    year: int | None = column("year", open_, codec=year_text)
    b_form: NationalId | None = column("bform", confidential, codec=cnic, personal=True, sensitive=True)
    learner_code: str | None = column("emisno", restricted, codec=blank_is_null, description="EMIS pupil number.")
    school = one("education.School", on="school_code")
    registration = one("education.ExamRegistration", on="registration_number")
    learner = one("education.Learner", on="learner_code")


registration_rows = Drop(
    "registrations_*.csv",
    {"REGNO": "regno", "REGDATE": "regdate", "NAME": "name", "FATHER": "father", "BFORM": "bform", "EMISNO": "emisno",
     "SCHOOL": "school", "CLASS": "class", "PREVREG": "prevreg"},
    name="registrations", told_by_name=OF_THE_YEAR,
)  # fmt: skip


@record(board, registration_rows, key="registration_number", size=100_000, persons=True)
class ExamRegistration:
    """A candidate's registration for an examination, before it."""

    registration_number: str = column("regno", restricted)
    registered_on: dt.date | None = column("regdate", restricted, codec=ddmmyyyy)
    name: str | None = column("name", confidential, codec=stripped, personal=True)
    father: str | None = column("father", confidential, codec=stripped, personal=True)
    b_form: NationalId | None = column("bform", confidential, codec=cnic, personal=True, sensitive=True)
    learner_code: str | None = column("emisno", restricted, codec=blank_is_null, description="EMIS pupil number.")
    school_code: str | None = column("school", restricted)
    school_class: int | None = column(
        "class", restricted, codec=whole_number_text, description="10 (SSC) or 12 (HSSC)."
    )
    year: int | None = column("year", restricted, codec=year_text)
    previous_number: str | None = column("prevreg", restricted, codec=blank_is_null, description="That of the SSC.")
    school = one("education.School", on="school_code")
    learner = one("education.Learner", on="learner_code")
    result = one("education.ExamResult", on="registration_number")
    previous = one("education.ExamRegistration", on="previous_number")
    following = many("education.ExamRegistration", on="previous_number")


alias_rows = Drop(
    "aliases_*.csv",
    {"REGNO": "regno", "EMISNO": "emisno", "DECLARED_BY": "declared_by", "DECLARED_ON": "declared_on"},
    name="aliases",
)  # fmt: skip


@record(board, alias_rows, key="registration_number", size=10_000, persons=True)
class DeclaredCandidate:
    """Somebody's word for whose a registration is, where neither B-Form nor EMIS number tells it."""

    registration_number: str = column("regno", restricted)
    learner_code: str | None = column("emisno", restricted, codec=blank_is_null)
    declared_by: str | None = column("declared_by", restricted, description="The post, never a name.")
    declared_on: dt.date | None = column("declared_on", restricted, codec=ddmmyyyy)
    learner = one("education.Learner", on="learner_code")
    registration = one("education.ExamRegistration", on="registration_number")


records = (ExamResult, ExamRegistration, DeclaredCandidate)
