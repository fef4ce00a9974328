"""What education lends to a learner's timeline: read for it and nowhere else, in the rows that the timeline's own rules
show. An organisation comes by the learner's consent."""

from connectors.education.board import DeclaredCandidate, ExamRegistration, ExamResult
from connectors.education.learners import Enrolment, Learner, Scholarship, YearReport
from schema.classification import confidential
from schema.predicates import is_in, principal, row
from schema.rules import Rule, allow, allow_through

TIMELINE = "province.LearnerEvent"
LENT = (Learner, Enrolment, YearReport, Scholarship, ExamRegistration, ExamResult, DeclaredCandidate)
BY_CONSENT = ("PersonnelHiring", "IdentityVerification")

rules: tuple[Rule, ...] = (
    *(
        allow_through(role, record, TIMELINE, up_to=confidential)
        for role in ("citizen", "head_teacher") for record in LENT
    ),
    *(allow_through("organisation", record, TIMELINE, up_to=confidential, purposes=BY_CONSENT) for record in LENT),
    *(
        allow("organisation", Learner, up_to=confidential, only=("code", "name", "timeline"), purposes=BY_CONSENT,
              where=is_in(row.code, consenting))
        for consenting in (principal.consented_timeline, principal.consented_results)
    ),
)  # fmt: skip
