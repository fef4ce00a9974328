"""Who sees what of labour. Everything else is refused."""

from connectors.labour.bessi import FirstContribution
from connectors.labour.tevta import Trade, Training, TrainingCentre
from schema.classification import confidential, open_
from schema.predicates import principal, row
from schema.rules import Rule, allow, allow_totals, role

AUDIT = ("LegalCompliance", "FraudPreventionAndDetection")

roles = (role("centre_head", "The head of a training centre; the token says which one in the attribute centre."),)
rules: tuple[Rule, ...] = (
    allow("public", TrainingCentre, up_to=open_),
    allow("public", Trade, up_to=open_),
    allow("citizen", Training, up_to=confidential, where=row.cnic == principal.cnic),
    allow("citizen", FirstContribution, up_to=confidential, where=row.cnic == principal.cnic),
    allow("centre_head", Training, up_to=confidential, where=row.centre_code == principal.centre),
    *(
        allow("department_officer", record, up_to=confidential, where=principal.department == "labour")
        for record in (Training, FirstContribution)
    ),
    *(
        allow("auditor", record, up_to=confidential, purposes=AUDIT, case=True)
        for record in (Training, FirstContribution)
    ),
    allow_totals("planner", Training, k=10,
                 by=("gender", "status", "trade_code", "trade", "home_district_code", "home_district", "started_on")),
    allow_totals("centre_head", Training, by=("gender", "status", "trade_code", "trade"), k=1,
                 where=row.centre_code == principal.centre),
    allow_totals("department_officer", Training, k=1, where=principal.department == "labour",
                 by=("gender", "status", "trade_code", "trade", "centre_code", "centre", "home_district_code",
                     "home_district")),
    allow("steward", Training, up_to=confidential, masked=("cnic", "born_on", "name", "father", "certificate_number")),
)  # fmt: skip
