"""Who sees what of finance. Everything else is refused."""

from connectors.finance.bpay import BankScrollLine, Bill, BillDemand, BillTotal, IssuedBill, Transaction
from connectors.finance.fabs import BudgetLine, CostCentre, Employee, Payslip, Receipt, ReceiptTotal, RevenueTarget
from connectors.finance.geography import CensusCount, District
from schema.classification import confidential, open_, public, restricted
from schema.predicates import principal, row
from schema.rules import Rule, allow, allow_through, allow_totals, grant

AUDIT = ("LegalCompliance", "FraudPreventionAndDetection")
EVERYTHING = (Employee, Payslip, BudgetLine, Receipt, Bill, Transaction, IssuedBill, BillDemand, BillTotal, BankScrollLine)  # fmt: skip  # noqa: E501

rules: tuple[Rule, ...] = (
    allow("public", District, up_to=open_),
    allow("public", BudgetLine, up_to=open_),
    allow("public", CensusCount, up_to=open_),
    allow("public", CostCentre, up_to=open_),
    allow("public", Bill, up_to=public),
    allow("public", ReceiptTotal, up_to=open_),
    allow("public", RevenueTarget, up_to=open_),
    # What is owing is public in sums; which bill is whose is not.
    allow_through("public", BillTotal, "province.ArrearsLine", up_to=restricted),
    allow("app", BudgetLine, up_to=public),
    allow("app", Receipt, up_to=public),
    allow("citizen", Payslip, up_to=confidential, where=row.cnic == principal.cnic),
    allow("citizen", IssuedBill, up_to=confidential, where=row.payer_number == principal.cnic),
    allow("organisation", IssuedBill, up_to=confidential, where=row.payer_number == principal.ntn),
    allow("district_officer", BudgetLine, up_to=public, where=row.district_code == principal.district),
    allow("district_officer", Employee, up_to=restricted, where=row.district_code == principal.district),
    *(
        allow("department_officer", record, up_to=confidential, where=principal.department == "finance")
        for record in EVERYTHING
    ),
    allow("planner", BudgetLine, up_to=restricted),
    allow("planner", Receipt, up_to=restricted),
    allow("planner", BillTotal, up_to=restricted),
    allow_totals("planner", Payslip, by=("month", "cadre", "designation", "cost_centre"),
                 measures=("gross", "net"), k=10, within=(("designation", "cadre"),)),
    *(allow("auditor", record, up_to=confidential, purposes=AUDIT, case=True) for record in EVERYTHING),
    allow_totals("auditor", Payslip, by=("month", "cadre", "designation", "cost_centre", "employee_number", "employee"),
                 measures=("gross", "net", "deductions"), k=1, purposes=AUDIT, case=True),
    allow("steward", Employee, up_to=confidential, masked=("cnic", "name")),
    allow("steward", Payslip, up_to=confidential, masked=("cnic", "gross", "net", "deductions")),
    grant("steward", "diagnose", "finance"),
)  # fmt: skip
