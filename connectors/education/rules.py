"""Who sees what of education. Everything else is refused."""

from connectors.education.board import ExamResult
from connectors.education.emis import EnrolmentCount, Leave, Position, School, Student, Teacher
from connectors.education.rtsm import Visit, VisitMark
from schema.classification import confidential, open_, restricted
from schema.predicates import principal, row
from schema.rules import Rule, allow, allow_totals, grant

AUDIT = ("LegalCompliance", "FraudPreventionAndDetection")
EVERYTHING = (School, Teacher, Student, Position, Leave, EnrolmentCount, Visit, VisitMark, ExamResult)

rules: tuple[Rule, ...] = (
    allow("public", School, up_to=open_),
    allow("public", Position, up_to=open_),
    allow("public", Visit, up_to=open_),
    allow("public", EnrolmentCount, up_to=open_),
    allow("head_teacher", School, up_to=restricted, where=row.code == principal.school),
    allow("head_teacher", Teacher, up_to=restricted, where=row.school_code == principal.school),
    allow("head_teacher", Student, up_to=confidential, where=row.school_code == principal.school),
    allow("district_officer", School, up_to=restricted, where=row.district_code == principal.district),
    allow("district_officer", Teacher, up_to=restricted, where=row.district_code == principal.district),
    allow("district_officer", Student, up_to=restricted, where=row.district_code == principal.district),
    *(
        allow("department_officer", record, up_to=confidential, where=principal.department == "education")
        for record in EVERYTHING
    ),
    allow("planner", School, up_to=restricted),
    allow("planner", Position, up_to=restricted),
    allow_totals("planner", Teacher, by=("gender", "title", "school_code", "district_code", "district"), k=10,
                 within=(("school_code", "district_code"),)),
    allow_totals("planner", Student, by=("gender", "grade", "district_code", "district"), k=10),
    allow_totals("district_officer", Teacher, by=("gender", "title", "school_code", "district_code", "district"), k=1,
                 where=row.district_code == principal.district),
    allow_totals("department_officer", Teacher, k=1, where=principal.department == "education",
                 by=("gender", "title", "school_code", "district_code", "district", "school")),
    allow_totals("department_officer", Student, k=1, where=principal.department == "education",
                 by=("gender", "grade", "school_code", "district_code", "district", "school")),
    *(allow("auditor", record, up_to=confidential, purposes=AUDIT, case=True) for record in EVERYTHING),
    allow_totals("auditor", Teacher, k=1, purposes=AUDIT, case=True,
                 by=("gender", "title", "school_code", "district_code", "district", "school")),
    allow("steward", School, up_to=confidential),
    allow("steward", Teacher, up_to=confidential, masked=("cnic", "born_on", "name")),
    allow("steward", Student, up_to=confidential, masked=("b_form", "born_on", "name")),
    grant("steward", "diagnose", "education"),
)  # fmt: skip
