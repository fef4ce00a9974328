"""Whose timeline who sees: the learner and the guardians on record, the head of the school the learner is enrolled at,
an auditor with a case, and organisations the learner consents to."""

from connectors.province.cohorts import Cohort
from connectors.province.lifecycle import LearnerEvent
from connectors.province.standing import EarlierOutcome, LearnerStanding
from schema.classification import confidential
from schema.predicates import is_in, principal, row
from schema.rules import Rule, allow

AUDIT = ("LegalCompliance", "FraudPreventionAndDetection")
BY_CONSENT = ("PersonnelHiring", "IdentityVerification")
TOLD = (
    "code", "learner_code", "kind", "on", "until", "precision", "what", "place", "system", "recorded_by", "certainty",
)  # fmt: skip
"""What an organisation sees of an event: no number of the learner's or of a relative's."""
OWN = (
    (row.b_form == principal.cnic) | (row.father_cnic == principal.cnic) | (row.mother_cnic == principal.cnic)
    | (row.guardian_cnic == principal.cnic)
)  # fmt: skip
"""The learner, or a guardian on record."""

rules: tuple[Rule, ...] = (
    allow("citizen", LearnerEvent, up_to=confidential, where=OWN),
    allow("head_teacher", LearnerEvent, up_to=confidential, where=row.school_now == principal.school),
    allow("auditor", LearnerEvent, up_to=confidential, purposes=AUDIT, case=True),
    allow("organisation", LearnerEvent, up_to=confidential, only=TOLD, purposes=BY_CONSENT,
          where=is_in(row.learner_code, principal.consented_timeline)),
    allow("organisation", LearnerEvent, up_to=confidential, only=TOLD, purposes=BY_CONSENT,
          where=is_in(row.learner_code, principal.consented_results) & (row.kind == "EXAM_RESULT")),
    allow("citizen", LearnerStanding, up_to=confidential, where=OWN),
    allow("head_teacher", LearnerStanding, up_to=confidential, where=row.school_now == principal.school),
    allow("auditor", LearnerStanding, up_to=confidential, purposes=AUDIT, case=True),
    *(allow(role, EarlierOutcome, up_to=confidential) for role in ("citizen", "head_teacher", "planner")),
    allow("auditor", EarlierOutcome, up_to=confidential, purposes=AUDIT, case=True),
    allow("planner", Cohort, up_to=confidential),
    allow("auditor", Cohort, up_to=confidential, purposes=AUDIT, case=True),
)  # fmt: skip
