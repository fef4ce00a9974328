"""Whose timeline who sees: the learner and the guardians on record, the head of the school the learner is enrolled at,
an auditor with a case, and organisations the learner consents to."""

from connectors.province.lifecycle import LearnerEvent
from schema.classification import confidential
from schema.predicates import is_in, principal, row
from schema.rules import Rule, allow

AUDIT = ("LegalCompliance", "FraudPreventionAndDetection")
BY_CONSENT = ("PersonnelHiring", "IdentityVerification")
TOLD = (
    "code", "learner_code", "kind", "on", "until", "precision", "what", "place", "system", "recorded_by", "certainty",
)  # fmt: skip
"""What an organisation sees of an event: no number of the learner's or of a relative's."""

rules: tuple[Rule, ...] = (
    allow("citizen", LearnerEvent, up_to=confidential,
          where=(row.b_form == principal.cnic) | (row.father_cnic == principal.cnic)
          | (row.mother_cnic == principal.cnic) | (row.guardian_cnic == principal.cnic)),
    allow("head_teacher", LearnerEvent, up_to=confidential, where=row.school_now == principal.school),
    allow("auditor", LearnerEvent, up_to=confidential, purposes=AUDIT, case=True),
    allow("organisation", LearnerEvent, up_to=confidential, only=TOLD, purposes=BY_CONSENT,
          where=is_in(row.learner_code, principal.consented_timeline)),
    allow("organisation", LearnerEvent, up_to=confidential, only=TOLD, purposes=BY_CONSENT,
          where=is_in(row.learner_code, principal.consented_results) & (row.kind == "EXAM_RESULT")),
)  # fmt: skip
