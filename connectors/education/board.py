"""The exam board's result files. Their shape is invented: no public schema exists."""

from __future__ import annotations

from connectors.education.sources import board
from schema.classification import confidential, open_, restricted
from schema.codecs import stripped, whole_number_text
from schema.declare import column, one, record
from schema.relations import Drop

result_rows = Drop(
    "results_*.csv",
    {"REGNO": "regno", "NAME": "name", "FATHER": "father", "SCHOOL": "school", "CLASS": "class",
     "OBTAINED": "obtained", "TOTAL": "total", "GRADE": "grade"},
    name="results",
)  # fmt: skip


@record(board, result_rows, key="registration_number", size=100_000, persons=True)
class ExamResult:
    """A candidate's result: registration number = year, session, institution and counter."""

    registration_number: str = column("regno", restricted)
    name: str | None = column("name", confidential, codec=stripped, personal=True)
    father: str | None = column("father", confidential, codec=stripped, personal=True)
    school_code: str | None = column("school", open_)
    school_class: int | None = column("class", open_, codec=whole_number_text)
    obtained: int | None = column("obtained", restricted, codec=whole_number_text, personal=True)
    total: int | None = column("total", restricted, codec=whole_number_text)
    grade: str | None = column("grade", restricted, personal=True)
    school = one("education.School", on="school_code")


records = (ExamResult,)
