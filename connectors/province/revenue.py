"""Revenue told in sums: what was collected beside what was aimed at and what the year before brought, what is owing and
for how long, and where money leaks."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from connectors.province.sources import records as source
from schema.declare import derived, one, taken
from schema.derive import cases, cell, count, days_after, joined, kept_back, most, ratio, rows, total
from schema.predicates import row

FEW = 10
"""Bills under which a sum is told to nobody: it would be somebody's bill."""
OFTEN = 3
"""Issues of one bill that are cause for a question."""

collected = rows(
    "finance.ReceiptTotal", month="month", district="district_code", head="head", receipts="receipts", amount="amount"
).group("month", "district", "head", collected=total("amount"), receipts=total("receipts"))
aimed = rows(
    "finance.RevenueTarget", month="month", district="district_code", head="head", target="target",
    last_year="last_year",
).group("month", "district", "head", target=total("target"), last_year=total("last_year"))  # fmt: skip


@derived(
    source,
    aimed.match(collected, month="month", district="district", head="head").compute(
        code=joined("month", "district", "head"), of_target=ratio("collected", "target", times=100, places=1),
        of_last_year=ratio("collected", "last_year", times=100, places=1),
    ),
    key="code", size=3_000,
)  # fmt: skip
class RevenueCollection:
    """What a district collected under a head in a month by FABS's accounts, beside its target and the same month of
    the year before. A month that is not in the accounts yet has no sum."""

    code: str = taken("code")
    month: str | None = taken("month")
    district_code: str | None = taken("district")
    head: str | None = taken("head")
    collected: Decimal | None = taken("collected", description="Less what was taken back.")
    receipts: int | None = taken("receipts")
    target: Decimal | None = taken("target")
    last_year: Decimal | None = taken("last_year")
    of_target: Decimal | None = taken("of_target", description="Collected of a hundred rupees aimed at.")
    of_last_year: Decimal | None = taken("of_last_year", description="Collected of a hundred rupees the year before.")
    district = one("finance.District", on="district_code")


AGE = cases(
    (cell.due > cell.counted, "Not yet due"),
    (cell.due >= cell.month_ago, "0 to 30 days"),
    (cell.due >= cell.quarter_ago, "31 to 90 days"),
    (cell.due >= cell.year_ago, "91 to 365 days"),
    otherwise="More than a year",
)


@derived(
    source,
    rows(
        "finance.BillTotal", row.status == "Unpaid", due="due_on", counted="counted_on", head="head",
        district="district_code", bills="bills", amount="amount",
    )
    .compute(
        month_ago=days_after("counted", -30), quarter_ago=days_after("counted", -90),
        year_ago=days_after("counted", -365),
    )
    .compute(age=AGE)
    .group("district", "head", "age", bills=total("bills"), amount=total("amount"), counted=most("counted"))
    .compute(
        code=joined("district", "head", "age"), amount=kept_back("amount", "bills", FEW),
        bills=kept_back("bills", "bills", FEW),
    ),
    key="code", size=900,
)  # fmt: skip
class ArrearsLine:
    """Bills of a district under a head that nobody has paid, by how long they have been due when B-pay counted them."""

    code: str = taken("code")
    district_code: str | None = taken("district")
    head: str | None = taken("head")
    age: str | None = taken("age")
    bills: int | None = taken("bills", description="Null where they are fewer than ten.")
    amount: Decimal | None = taken("amount", description="Null where it is of fewer than ten bills.")
    counted_on: dt.date | None = taken("counted")
    district = one("finance.District", on="district_code")


@derived(
    source,
    rows("province.UnmatchedPayment", day="day", head="head", reason="reason", amount="amount")
    .group("day", "head", "reason", payments=count(), amount=total("amount"))
    .compute(code=joined("day", "head", "reason")),
    key="code", size=2_000, requires_all=("province.UnmatchedPayment",),
)  # fmt: skip
class RevenueLeak:
    """Payments of a day under a head that the three books do not tell alike, counted by reason: settled by the bank and
    never booked in FABS, paid and never settled, and so on."""

    code: str = taken("code")
    day: dt.date | None = taken("day")
    head: str | None = taken("head")
    reason: str | None = taken("reason")
    payments: int | None = taken("payments")
    amount: Decimal | None = taken("amount")


@derived(
    source,
    rows(
        "finance.IssuedBill", row.issue >= OFTEN, original="original_psid", issue="issue", head="head",
        district="district_code", due="due_on", amount="amount_within_due_date",
    ).group(
        "original", issues=most("issue"), head=most("head"), district=most("district"), last_due=most("due"),
        amount=most("amount"),
    ),
    key="original_psid", size=1_000, persons=False, requires_all=("finance.IssuedBill",),
)  # fmt: skip
class ReissuedBill:
    """A bill that was issued three times or more, each time under another PSID with a later due date."""

    original_psid: str = taken("original")
    issues: int | None = taken("issues")
    head: str | None = taken("head")
    district_code: str | None = taken("district")
    amount: Decimal | None = taken("amount", description="The highest of its later issues.")
    last_due_on: dt.date | None = taken("last_due")
    district = one("finance.District", on="district_code")


records = (RevenueCollection, ArrearsLine, RevenueLeak, ReissuedBill)
