"""Money in three books, and money beside what it is spent on."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from connectors.province.sources import records as source
from schema.declare import derived, one, taken
from schema.derive import (
    both,
    cases,
    cell,
    days_after,
    first_of,
    fiscal_year_of,
    has,
    joined,
    lacks,
    less_if,
    or_else,
    plus,
    rows,
    total,
)
from schema.predicates import is_null, row

NOTHING = Decimal("0.00")

bpay = (
    rows("finance.Transaction", day="paid_on", head="head", amount="amount", undoes="reversal_of")
    .compute(signed=less_if("amount", "undoes"))
    .group("day", "head", bpay=total("signed"))
)
bank = (
    rows("finance.BankScrollLine", settled="settled_on", head="head", amount="amount")
    .compute(day=days_after("settled", -1))
    .group("day", "head", bank=total("amount"))
)
fabs = (
    rows("finance.Receipt", day="received_on", head="head", amount="amount", undoes="reversal_of")
    .compute(signed=less_if("amount", "undoes"))
    .group("day", "head", fabs=total("signed"))
)


@derived(
    source,
    bpay.match(bank, day="day", head="head")
    .match(fabs, day="day", head="head")
    .compute(
        code=joined("day", "head"), bpay=or_else("bpay", NOTHING), bank=or_else("bank", NOTHING),
        fabs=or_else("fabs", NOTHING),
    ),
    key="code", size=10_000, requires_all=("finance.Transaction", "finance.BankScrollLine", "finance.Receipt"),
)  # fmt: skip
class DailyCollection:
    """What was collected on a day under a head, by B-pay, by the banks' scrolls (settled a day later) and by FABS's
    receipts; what was taken back is taken off."""

    code: str = taken("code")
    day: dt.date | None = taken("day")
    head: str | None = taken("head")
    bpay: Decimal | None = taken("bpay")
    bank: Decimal | None = taken("bank")
    fabs: Decimal | None = taken("fabs")


paid = rows(
    "finance.Transaction", is_null(row.reversal_of),
    number="number", psid="psid", paid="amount", paid_on="paid_on", head="head",
)  # fmt: skip
taken_back = rows("finance.Transaction", undoes="reversal_of", undone_by="number").keep(has("undoes"))
settled = rows("finance.BankScrollLine", psid="psid", settled="amount", settled_on="settled_on", bank_head="head")
booked = rows(
    "finance.Receipt", is_null(row.reversal_of),
    psid="psid", receipt="code", booked="amount", received_on="received_on", receipt_head="head",
)  # fmt: skip
REASON = cases(
    (both(lacks("psid"), has("receipt")), "no PSID"),
    (both(lacks("paid"), has("settled")), "not in B-pay"),
    (both(has("undone_by"), has("settled")), "reversed after settlement"),
    (has("undone_by"), None),
    (both(has("paid"), lacks("settled")), "not in the bank"),
    (cell.settled != cell.paid, "amounts differ"),
    (both(has("paid"), lacks("receipt")), "not in FABS"),
)


@derived(
    source,
    paid.left_join(taken_back, number="undoes")
    .match(settled, psid="psid")
    .match(booked, psid="psid")
    .compute(reason=REASON)
    .keep(has("reason"))
    .compute(
        code=first_of("psid", "receipt"), head=first_of("head", "bank_head", "receipt_head"),
        settled_for=days_after("settled_on", -1), amount=first_of("paid", "settled", "booked"),
    )
    .compute(day=first_of("paid_on", "settled_for", "received_on")),
    key="code", size=20_000, requires_all=("finance.Transaction", "finance.BankScrollLine", "finance.Receipt"),
)  # fmt: skip
class UnmatchedPayment:
    """A payment that B-pay, the bank and FABS do not tell alike, and why. Nothing is matched but by equal PSIDs and
    equal amounts; of several reasons the first is told."""

    code: str = taken("code", description="The PSID, or the receipt where there is none.")
    reason: str | None = taken("reason")
    day: dt.date | None = taken("day")
    head: str | None = taken("head")
    amount: Decimal | None = taken("amount", description="As B-pay has it, else the bank, else FABS.")
    paid: Decimal | None = taken("paid", description="By B-pay.")
    settled: Decimal | None = taken("settled", description="By the bank.")
    booked: Decimal | None = taken("booked", description="By FABS.")


lines = (
    rows("finance.BudgetLine", year="fiscal_year", centre="cost_centre", function="function", budget="budget",
         released="released", spent="spent")
    .join(rows("finance.CostCentre", centre="code", district="district_code"), centre="centre")
    .group("year", "district", "function", budget=total("budget"), released=total("released"), spent=total("spent"))
)  # fmt: skip
pupils = (
    rows("education.EnrolmentCount", day="counted_on", district="district_code", boys="boys", girls="girls")
    .compute(year=fiscal_year_of("day"))
    .group("year", "district", boys=total("boys"), girls=total("girls"))
    .compute(pupils=plus("boys", "girls"))
)
patients = (
    rows("health.MonthlyFigure", month="month", district="facility.district_code", new="opd_new", again="opd_follow_up")
    .compute(year=fiscal_year_of("month"))
    .group("year", "district", new=total("new"), again=total("again"))
    .compute(outpatients=plus("new", "again"))
)


@derived(
    source,
    lines.left_join(pupils, year="year", district="district")
    .left_join(patients, year="year", district="district")
    .compute(code=joined("year", "district", "function")),
    key="code", size=800,
)  # fmt: skip
class DistrictFunctionSpending:
    """Budget, releases and spending of a district under a function in a fiscal year (July to June), beside the pupils
    counted and the outpatients treated there in that year. A line's district is that of its cost centre."""

    code: str = taken("code")
    fiscal_year: str | None = taken("year")
    district_code: str | None = taken("district")
    function: str | None = taken("function")
    budget: Decimal | None = taken("budget")
    released: Decimal | None = taken("released")
    spent: Decimal | None = taken("spent")
    pupils: int | None = taken("pupils", description="At the annual school census of that year.")
    outpatients: int | None = taken("outpatients")
    district = one("finance.District", on="district_code")


records = (DailyCollection, UnmatchedPayment, DistrictFunctionSpending)
