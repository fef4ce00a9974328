"""Who sees what of a learner's years and examinations. Everything else is refused."""

from typing import Any

from connectors.education.board import DeclaredCandidate, ExamRegistration, ExamResult
from connectors.education.learners import Enrolment, Guardian, Learner, Scholarship, YearReport
from connectors.education.rules import AUDIT
from schema.classification import confidential, restricted
from schema.predicates import Condition, principal, row
from schema.rules import Rule, allow, allow_totals

YEARS = (Enrolment, YearReport, Scholarship)
"""What EMIS keeps of a learner's years. Each row says whose it is and where the learner is today."""
EVERYTHING = (Learner, *YEARS, Guardian, ExamRegistration, DeclaredCandidate)
RELATIVES = ("father_cnic", "mother_cnic", "guardian_cnic")


def own(b_form: Any) -> Condition:
    """The citizen is the learner, or a guardian of the learner."""
    condition: Condition = b_form == principal.cnic
    for relative in (row.father_cnic, row.mother_cnic, row.guardian_cnic):
        condition = condition | (relative == principal.cnic)
    return condition


rules: tuple[Rule, ...] = (
    # While the learner is enrolled there, earlier years at other schools too; nothing once the learner has left.
    allow("head_teacher", Learner, up_to=confidential, where=row.school_code == principal.school),
    *(
        allow("head_teacher", record, up_to=confidential, where=row.school_now == principal.school)
        for record in (*YEARS, Guardian)
    ),
    allow("citizen", Learner, up_to=confidential, where=own(row.b_form)),
    *(allow("citizen", record, up_to=confidential, where=own(row.learner_b_form)) for record in YEARS),
    allow("citizen", Guardian, up_to=confidential,
          where=(row.learner_b_form == principal.cnic) | (row.cnic == principal.cnic)),
    *(
        allow("citizen", record, up_to=confidential, where=row.b_form == principal.cnic)
        for record in (ExamResult, ExamRegistration)
    ),
    allow("district_officer", Learner, up_to=restricted, where=row.district_code == principal.district),
    *(
        allow("district_officer", record, up_to=restricted, where=row.district_code == principal.district)
        for record in (Enrolment, YearReport)
    ),
    *(
        allow("department_officer", record, up_to=confidential, where=principal.department == "education")
        for record in EVERYTHING
    ),
    *(allow("auditor", record, up_to=confidential, purposes=AUDIT, case=True) for record in EVERYTHING),
    allow_totals("planner", Learner, by=("gender", "grade", "district_code", "district"), k=10),
    allow_totals("planner", Enrolment, k=10,
                 by=("gender", "year", "school_class", "status", "district_code", "district")),
    allow_totals("planner", YearReport, by=("year", "school_class", "district_code", "district"), k=10,
                 measures=("school_days", "absent_excused", "absent_unexcused", "late_days", "mark")),
    allow_totals("planner", Scholarship, by=("scheme", "year", "status"), measures=("amount",), k=10),
    allow_totals("planner", ExamResult, by=("year", "school_class", "grade"), measures=("obtained",), k=10),
    allow_totals("planner", ExamRegistration, by=("year", "school_class"), k=10),
    allow("steward", Learner, up_to=confidential, masked=("b_form", "born_on", "name", *RELATIVES)),
    *(allow("steward", record, up_to=confidential, masked=("learner_b_form", *RELATIVES)) for record in YEARS),
    allow("steward", Guardian, up_to=confidential, masked=("learner_b_form", "name", "cnic")),
    *(
        allow("steward", record, up_to=confidential, masked=("b_form", "name", "father"))
        for record in (ExamResult, ExamRegistration)
    ),
)  # fmt: skip
