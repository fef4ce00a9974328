"""Who sees what of health. Everything else is refused."""

from connectors.health.hmis import BedState, Facility, MonthlyFigure, Report
from connectors.health.hr import Post, ShiftPresence, Worker
from connectors.health.lmis import Stock
from schema.classification import confidential, open_, restricted
from schema.predicates import principal, row
from schema.rules import Rule, allow, allow_totals, grant

AUDIT = ("LegalCompliance", "FraudPreventionAndDetection")
OPEN = (Facility, Report, MonthlyFigure, Stock, Post, BedState, ShiftPresence)
EVERYTHING = (Facility, Report, MonthlyFigure, Stock, Worker, Post)

rules: tuple[Rule, ...] = (
    *(allow("public", record, up_to=open_) for record in OPEN),
    allow("clinician", Worker, up_to=restricted, where=row.facility_code == principal.facility),
    allow("clinician", Post, up_to=restricted, where=row.facility_code == principal.facility),
    allow("district_officer", Facility, up_to=restricted, where=row.district_code == principal.district),
    *(
        allow("department_officer", record, up_to=confidential, where=principal.department == "health")
        for record in EVERYTHING
    ),
    allow("planner", Post, up_to=open_),
    allow_totals("planner", Worker, by=("designation", "bps", "facility_code", "facility"), measures=("bps",), k=10,
                 within=(("designation", "bps"),)),
    *(allow("auditor", record, up_to=confidential, purposes=AUDIT, case=True) for record in EVERYTHING),
    allow("steward", Facility, up_to=confidential, masked=("in_charge_cnic",)),
    allow("steward", Worker, up_to=confidential, masked=("cnic", "name")),
    grant("steward", "diagnose", "health"),
)
