"""What the labour department lends to a learner's timeline: read for it and nowhere else, in the rows that the
timeline's own rules show."""

from connectors.labour.bessi import FirstContribution
from connectors.labour.tevta import Training
from schema.classification import confidential
from schema.rules import Rule, allow_through

TIMELINE = "province.LearnerEvent"
BY_CONSENT = ("PersonnelHiring", "IdentityVerification")

rules: tuple[Rule, ...] = (
    *(
        allow_through(role, record, TIMELINE, up_to=confidential)
        for role in ("citizen", "head_teacher") for record in (Training, FirstContribution)
    ),
    *(
        allow_through("organisation", record, TIMELINE, up_to=confidential, purposes=BY_CONSENT)
        for record in (Training, FirstContribution)
    ),
)  # fmt: skip
