"""FABS: employees and payroll from its tables, budget and receipts from its SOAP service."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from connectors.finance.sources import fabs, fabs_soap
from schema.classification import confidential, open_, public, restricted
from schema.codecs import (
    blank_is_null,
    cnic,
    code_table,
    decimal,
    empty_is_null,
    iso_stamp,
    rupees_text,
    yyyymm,
    yyyymmdd,
)
from schema.declare import column, many, one, record
from schema.districts import district_alias
from schema.relations import Operation, Parameter, Select
from schema.scalars import NationalId

DESIGNATIONS = {
    "1001": "Junior Vernacular Teacher", "1002": "Secondary School Teacher", "1003": "Head Teacher",
    "2001": "Medical Officer", "2002": "Lady Health Visitor", "3001": "Naib Qasid", "3002": "Junior Clerk",
}  # fmt: skip
CADRES = {code: {"1": "Teaching", "2": "Health", "3": "Administration"}[code[0]] for code in DESIGNATIONS}

employee_rows = Select(
    "SELECT a.pernr AS pernr, a.ename AS ename, a.kostl AS kostl, a.begda AS begda, b.cnic AS cnic, "
    "c.dist_txt AS dist_txt "
    "FROM pa0001 a JOIN pa0002 b ON b.pernr = a.pernr JOIN cskt c ON c.kostl = a.kostl",
    "pa0001",
)


@record(fabs, employee_rows, key="number", size=278_000, legal_basis="LegalObligation", persons=True)
class Employee:
    """A person on the provincial payroll."""

    number: int = column("pernr", restricted, description="FABS personnel number.")
    name: str | None = column("ename", restricted, personal=True)
    cnic: NationalId | None = column("cnic", confidential, codec=cnic, personal=True)
    cost_centre: str | None = column("kostl", restricted)
    district_code: str | None = column("dist_txt", restricted, codec=district_alias("FABS"))
    employed_since: dt.date | None = column("begda", restricted, codec=yyyymmdd)
    district = one("finance.District", on="district_code")
    payslips = many("finance.Payslip", on="employee_number")
    postings = many("education.Teacher", on="cnic", key="cnic", description="Found by CNIC, however it is written.")


@record(fabs, "zpayroll", key="code", size=3_300_000, legal_basis="LegalObligation", retention="10 years", persons=True)
class Payslip:
    """One month's pay of one employee."""

    code: str = column("payslip_no", restricted)
    employee_number: int | None = column("pernr", restricted)
    month: str | None = column("paymm", restricted, codec=yyyymm, description="E.g. 2025-09.", distinct=12)
    cnic: NationalId | None = column("cnic", confidential, codec=cnic, personal=True, distinct=278_000)
    designation: str | None = column("desig_cd", restricted, codec=code_table("designation", DESIGNATIONS), distinct=7)
    cadre: str | None = column("desig_cd", restricted, codec=code_table("cadre", CADRES), description="Teaching, Health or Administration.", distinct=3)  # fmt: skip  # noqa: E501
    cost_centre: str | None = column("kostl", restricted)
    gross: Decimal | None = column("gross", confidential, codec=decimal(2), personal=True)
    deductions: Decimal | None = column("ddctn", confidential, codec=decimal(2), personal=True)
    net: Decimal | None = column("net", confidential, codec=decimal(2), personal=True)
    paid_on: dt.date | None = column("budat", restricted, codec=yyyymmdd)
    postings = many("education.Teacher", on="cnic", key="cnic", description="Found by CNIC, however it is written.")
    employee = one("finance.Employee", on="employee_number")


MANY = 100
budget_rows = Operation(
    "GetBudgetLines", "budgetLine",
    (Parameter("lineId", "lineId", "in", MANY), Parameter("fiscalYear", "fiscalYear", "in", MANY),
     Parameter("district", "district", "in", MANY), Parameter("functionCode", "functionCode", "in", MANY)),
    page_size=1000,
)  # fmt: skip
receipt_rows = Operation(
    "GetReceipts", "receipt",
    (Parameter("receiptNo", "receiptNo", "in", MANY), Parameter("headCode", "headCode", "in", MANY),
     Parameter("psid", "psid", "in", MANY),
     Parameter("fromDate", "receiptDate", "gte"), Parameter("toDate", "receiptDate", "lte")),
    page_size=1000,
)  # fmt: skip


@record(fabs_soap, budget_rows, key="code", size=20_000)
class BudgetLine:
    """A line of the district's budget in a fiscal year (July to June)."""

    code: str = column("lineId", open_)
    fiscal_year: str | None = column("fiscalYear", open_, description="E.g. 2025-26.", distinct=5)
    district_code: str | None = column("district", open_, codec=district_alias("FABS"))
    cost_centre: str | None = column("costCentre", open_)
    function: str | None = column("functionCode", open_, description="Six digits; leading zeros matter.")
    object: str | None = column("objectCode", open_)
    budget: Decimal | None = column("budget", open_, codec=rupees_text)
    released: Decimal | None = column("released", open_, codec=rupees_text)
    spent: Decimal | None = column("spent", public, codec=rupees_text)
    district = one("finance.District", on="district_code", description="Where the line names one; see its centre.")
    centre = one("finance.CostCentre", on="cost_centre")


@record(fabs_soap, receipt_rows, key="code", size=3_000_000, recorded="recorded_at")
class Receipt:
    """Money received by the treasury under a head, or taken back: that is a row of its own."""

    code: str = column("receiptNo", public)
    received_on: dt.date | None = column("receiptDate", public, codec=yyyymmdd, distinct=40)
    head: str | None = column("headCode", public)
    district_code: str | None = column("district", public, codec=district_alias("FABS"))
    amount: Decimal | None = column("amount", public, codec=rupees_text)
    psid: str | None = column("psid", restricted, codec=empty_is_null)
    recorded_at: dt.datetime | None = column("recordedAt", public, codec=iso_stamp)
    reversal_of: str | None = column("reversalOf", public, codec=blank_is_null, description="The one it takes back.")
    district = one("finance.District", on="district_code")


@record(fabs, "cskt", key="code", size=120)
class CostCentre:
    """An office that spends, and the district it stands in."""

    code: str = column("kostl", open_)
    name: str | None = column("ktext", open_)
    district_code: str | None = column("dist_txt", open_, codec=district_alias("FABS"))
    district = one("finance.District", on="district_code")


records = (Employee, Payslip, BudgetLine, Receipt, CostCentre)
