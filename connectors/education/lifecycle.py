"""What education lends to a learner's timeline and to cohorts: read for them and nowhere else. Of a timeline its own
rules show the rows; an organisation comes by the learner's consent."""

from connectors.education.board import DeclaredCandidate, ExamRegistration, ExamResult
from connectors.education.learners import Enrolment, Learner, Scholarship, YearReport
from schema.classification import confidential
from schema.predicates import is_in, principal, row
from schema.rules import Rule, allow, allow_through

TIMELINE, COHORT = "province.LearnerEvent", "province.Cohort"
LENT = (Learner, Enrolment, YearReport, Scholarship, ExamRegistration, ExamResult, DeclaredCandidate)
BY_CONSENT = ("PersonnelHiring", "IdentityVerification")

rules: tuple[Rule, ...] = (
    *(
        allow_through(role, record, TIMELINE, up_to=confidential)
        for role in ("citizen", "head_teacher") for record in LENT
    ),
    *(allow_through("organisation", record, TIMELINE, up_to=confidential, purposes=BY_CONSENT) for record in LENT),
    *(
        allow("organisation", Learner, up_to=confidential, only=("code", "name", "province.timeline"),
              purposes=BY_CONSENT, where=is_in(row.code, consenting))
        for consenting in (principal.consented_timeline, principal.consented_results)
    ),
    *(
        allow_through(role, record, "province.LearnerStanding", up_to=confidential)
        for role in ("citizen", "head_teacher") for record in (YearReport, Enrolment)
    ),
    # Tables of counts, in which nobody can be told from others.
    *(
        allow_through("planner", record, COHORT, up_to=confidential)
        for record in (Learner, Enrolment, ExamRegistration, ExamResult, DeclaredCandidate)
    ),
    *(
        allow_through(role, record, "province.EarlierOutcome", up_to=confidential)
        for role in ("citizen", "head_teacher", "planner")
        for record in (Learner, Enrolment, YearReport, ExamRegistration, ExamResult, DeclaredCandidate)
    ),
)  # fmt: skip
