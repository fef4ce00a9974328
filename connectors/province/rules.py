"""Who may ask what is derived. The rules of the departments the rows come from hold as well: these only open the
door."""

from connectors.province.boards import FacilityNow, StockAlarm
from connectors.province.matching import BillBalance, OpenPayment, UnmatchedPayment
from connectors.province.money import DailyCollection, DistrictFunctionSpending
from connectors.province.presence import AbsenteePayslip, UnpostedPayslip
from connectors.province.revenue import ArrearsLine, ReissuedBill, RevenueCollection, RevenueLeak
from connectors.province.service import BusyStockOut, DistrictEnrolment
from schema.classification import confidential
from schema.rules import Rule, allow, allow_totals, grant

AUDIT = ("LegalCompliance", "FraudPreventionAndDetection")
RECONCILING = (DailyCollection, OpenPayment, BillBalance, UnmatchedPayment, RevenueLeak, ReissuedBill)
ACCUSING = (UnpostedPayslip, AbsenteePayslip, *RECONCILING)

rules: tuple[Rule, ...] = (
    *(allow("auditor", record, up_to=confidential, purposes=AUDIT, case=True) for record in ACCUSING),
    *(allow("department_officer", record, up_to=confidential) for record in RECONCILING),
    *(allow(role, DistrictEnrolment, up_to=confidential) for role in ("planner", "auditor", "department_officer")),
    allow("public", BusyStockOut, up_to=confidential),
    allow("public", FacilityNow, up_to=confidential),
    allow("public", StockAlarm, up_to=confidential),
    allow("public", DistrictFunctionSpending, up_to=confidential),
    allow("public", RevenueCollection, up_to=confidential),
    allow("public", ArrearsLine, up_to=confidential),
    grant("steward", "diagnose", "province"),
    allow_totals("auditor", UnpostedPayslip, by=("month", "employee_number"), measures=("gross",), k=1, purposes=AUDIT,
                 case=True),
    allow_totals("auditor", AbsenteePayslip, by=("month", "teacher_code", "school_code", "district_code", "district"),
                 measures=("gross",), k=1, purposes=AUDIT, case=True),
)  # fmt: skip
