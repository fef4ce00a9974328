"""Pay against posts and visits: who is paid and cannot be found. These records accuse, so whoever asks must see all of
what they are worked out from."""

from __future__ import annotations

from decimal import Decimal

from connectors.province.sources import records as source
from schema.declare import derived, one, taken
from schema.derive import cell, count, has, joined, month_of, rows
from schema.predicates import row
from schema.scalars import NationalId

teaching_pay = rows(
    "finance.Payslip", row.cadre == "Teaching",
    payslip="code", cnic="cnic", month="month", number="employee_number", gross="gross",
).keep(has("cnic"))  # fmt: skip
postings = rows("education.Teacher", teacher="code", cnic="cnic", school="school_code", district="district_code")


@derived(
    source, teaching_pay.without(postings, cnic="cnic"), key="code",
    requires_all=("finance.Payslip", "education.Teacher"), size=5_000, persons=True, legal_basis="LegalObligation",
)  # fmt: skip
class UnpostedPayslip:
    """A month's pay as a teacher to somebody who holds no posting in EMIS now. A payslip without a readable CNIC is
    not here: nobody can say whose it is."""

    code: str = taken("payslip", description="The payslip's number.")
    month: str | None = taken("month")
    employee_number: int | None = taken("number")
    cnic: NationalId | None = taken("cnic")
    gross: Decimal | None = taken("gross")
    employee = one("finance.Employee", on="employee_number")


visits = rows("education.Visit", visit="number", at="visited_at").compute(month=month_of("at"))
marks = rows("education.VisitMark", visit="visit_number", teacher="teacher_code", present="was_present")
never_present = (
    visits.join(marks, visit="visit")
    .group("teacher", "month", marks=count(), present=count(cell.present == True))  # noqa: E712
    .keep(cell.present == 0)
)
leaves = rows("education.Leave", teacher="teacher_code", first="starts_on", last="ends_on").spread("first", "last")


@derived(
    source,
    teaching_pay.join(postings, cnic="cnic")
    .join(never_present, teacher="teacher", month="month")
    .without(leaves, teacher="teacher", month="month")
    .compute(code=joined("teacher", "payslip")),
    key="code", size=2_000, persons=True, legal_basis="LegalObligation",
    requires_all=(
        "finance.Payslip", "education.Teacher", "education.Visit", "education.VisitMark", "education.Leave",
    ),
)  # fmt: skip
class AbsenteePayslip:
    """A month's pay of a teacher whom every visit of that month found absent, and who had no leave in it. A school
    without a visit says nothing of its teachers: they are not here."""

    code: str = taken("code")
    teacher_code: str | None = taken("teacher")
    month: str | None = taken("month")
    school_code: str | None = taken("school")
    district_code: str | None = taken("district")
    marks: int | None = taken("marks", description="At visits of that month; a visit sent twice counts twice.")
    gross: Decimal | None = taken("gross")
    teacher = one("education.Teacher", on="teacher_code")
    school = one("education.School", on="school_code")
    district = one("finance.District", on="district_code")


records = (UnpostedPayslip, AbsenteePayslip)
