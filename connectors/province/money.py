"""Money in three books, and money beside what it is spent on."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from connectors.province.sources import records as source
from schema.declare import derived, one, taken
from schema.derive import (
    days_after,
    fiscal_year_of,
    joined,
    less_if,
    or_else,
    plus,
    rows,
    total,
)

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


records = (DailyCollection, DistrictFunctionSpending)
