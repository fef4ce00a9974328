"""What the labour department lends to a learner's timeline and to cohorts: read for them and nowhere else. Of a
timeline its own rules show the rows."""

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
    *(
        allow_through("planner", record, "province.Cohort", up_to=confidential)
        for record in (Training, FirstContribution)
    ),
    *(
        allow_through(role, record, "province.EarlierOutcome", up_to=confidential)
        for role in ("citizen", "head_teacher", "planner") for record in (Training, FirstContribution)
    ),
)  # fmt: skip
