"""Payments matched one by one in three books: B-pay's report, the banks' scrolls, FABS's receipts; and what was paid
beside what the bill demands.

A day's books are matched first, by PSID, head and day; what they tell alike, of a bill that was paid as it demands, is
done with. What is left open is looked for in all days of the three books: a settlement or a receipt that came late
closes it. Money is never matched but by equal identifiers and equal amounts, and ``TOLERANCE`` says what equal means.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from connectors.province.sources import records as source
from schema.declare import derived, taken
from schema.derive import (
    both,
    cases,
    cell,
    count,
    days_after,
    either,
    first_of,
    has,
    joined,
    lacks,
    least,
    less_if,
    minus,
    most,
    opposite,
    or_else,
    rows,
    total,
)

NOTHING = Decimal("0.00")
TOLERANCE = Decimal("0.00")
"""Rupees by which two books, or a bill and what was paid for it, may differ and be told alike: not a paisa."""
BOOKS = ("finance.Transaction", "finance.BankScrollLine", "finance.Receipt")

paid = rows(
    "finance.Transaction", psid="psid", head="head", day="paid_on", amount="amount", undoes="reversal_of",
    due="amount_due", nth="payment_number",
).compute(signed=less_if("amount", "undoes"))
settled = rows(
    "finance.BankScrollLine", psid="psid", head="head", settled_on="settled_on", amount="amount"
).compute(day=days_after("settled_on", -1))  # fmt: skip
booked = rows(
    "finance.Receipt", receipt="code", psid="psid", head="head", day="received_on", amount="amount",
    undoes="reversal_of",
).compute(signed=less_if("amount", "undoes"), known_as=first_of("psid", "receipt"))  # fmt: skip


BY_DAY = {
    "of_bpay": or_else("paid", NOTHING), "of_bank": or_else("settled", NOTHING), "of_fabs": or_else("booked", NOTHING),
}  # fmt: skip
"""What each book tells of the day."""
UNLIKE_THAT_DAY = either(cell.of_bpay != cell.of_bank, cell.of_bpay != cell.of_fabs)
NOT_AS_DEMANDED = both(cell.of_bpay != NOTHING, either(lacks("due"), cell.of_bpay != cell.due, cell.nth != 1))
"""Other than the bill's first payment, of what it demanded that day. Of several payments of a bill at most one is not:
if that is the only one, the bill is paid as it should be."""


@derived(
    source,
    paid.group("psid", "head", "day", paid=total("signed"), due=most("due"), nth=most("nth"))
    .match(settled.group("psid", "head", "day", settled=total("amount")), psid="psid", head="head", day="day")
    .compute(known_as=first_of("psid"))
    .match(
        booked.group("known_as", "head", "day", booked=total("signed"), booked_as=most("psid")),
        known_as="known_as", head="head", day="day",
    )
    .compute(psid=first_of("psid", "booked_as"), **BY_DAY)
    .keep(either(UNLIKE_THAT_DAY, NOT_AS_DEMANDED))
    .compute(code=joined("known_as", "head", "day")),
    key="code", size=10_000, requires_all=BOOKS,
)  # fmt: skip
class OpenPayment:
    """What the three books of a day do not tell alike of a PSID under a head, whether or not another day closes it; and
    what they tell alike of a bill that was not paid as it demanded."""

    code: str = taken("code", description="PSID (or the receipt where there is none), head and day.")
    psid: str | None = taken("psid")
    known_as: str | None = taken("known_as", description="The PSID, or the receipt where there is none.")
    head: str | None = taken("head")
    day: dt.date | None = taken("day")
    paid: Decimal | None = taken("paid", description="By B-pay that day.")
    settled: Decimal | None = taken("settled", description="By the bank for that day.")
    booked: Decimal | None = taken("booked", description="By FABS that day.")
    due: Decimal | None = taken("due", description="What the bill demanded that day, by B-pay's report.")
    nth: int | None = taken("nth", description="1 for the bill's first payment.")


@derived(
    source,
    rows(
        "finance.Transaction", number="number", psid="psid", day="paid_on", amount="amount", undoes="reversal_of"
    )
    .compute(signed=less_if("amount", "undoes"), first=first_of("undoes", "number"))
    # A payment and what takes it back are one: it counts on the day it was made, if anything is left of it.
    .group("psid", "first", day=least("day"), left=total("signed"))
    .left_join(
        rows(
            "finance.BillDemand", bill="psid", due="due_on", within="amount_within_due_date",
            after="amount_after_due_date",
        ),
        psid="bill",
    )
    .group(
        "psid", "due", "within", "after", paid=total("left"), in_time=total("left", only=cell.day <= cell.due),
        late=count(both(cell.left != NOTHING, cell.day > cell.due)),
    )
    .compute(in_time=or_else("in_time", NOTHING))
    .compute(demanded=cases((cell.late == 0, cell.within), (cell.in_time >= cell.within, cell.within),
                            otherwise=cell.after))
    .compute(paid_more=minus("paid", "demanded")),
    key="psid", size=3_000_000, requires_all=("finance.Transaction", "finance.BillDemand"),
)  # fmt: skip
class BillBalance:
    """What B-pay was paid for a bill over all days, beside what the bill demanded: the amount after the due date, where
    a payment came later and what came in time was not enough."""

    psid: str = taken("psid")
    due_on: dt.date | None = taken("due", description="Null where B-pay knows no such bill.")
    demanded: Decimal | None = taken("demanded", description="On the day of the last payment.")
    paid: Decimal | None = taken("paid", description="Less what was taken back.")
    paid_more: Decimal | None = taken("paid_more", description="Paid less demanded; negative where something lacks.")


balances = rows("province.BillBalance", bill="psid", due_on="due_on", demanded="demanded", all_paid="paid",
                paid_more="paid_more")  # fmt: skip
UNBALANCED = both(
    cell.all_paid != NOTHING, either(lacks("due_on"), cell.paid_more > TOLERANCE, cell.paid_more < -TOLERANCE)
)
ever_paid = paid.group(
    "psid", "head", paid_ever=total("signed"), payments=count(lacks("undoes")), taken_back=count(has("undoes"))
)
ever_settled = settled.group("psid", "head", settled_ever=total("amount"), lines=count())
ever_booked = booked.group("psid", "head", booked_ever=total("signed"), receipts=count(lacks("undoes")))
UNLIKE = (
    cell.bank_more > TOLERANCE, cell.bank_more < -TOLERANCE, cell.fabs_more > TOLERANCE, cell.fabs_more < -TOLERANCE
)  # fmt: skip
ALIKE = opposite(either(*UNLIKE))
REASON = cases(
    (lacks("psid"), "no PSID"),
    (both(ALIKE, lacks("due_on")), "without a bill"),
    (both(ALIKE, cell.paid_more < -TOLERANCE), "paid in part"),
    (ALIKE, "paid in excess"),
    (both(cell.paid_under_all == cell.settled_under_all, cell.paid_under_all == cell.booked_under_all),
     "under another head"),
    (both(cell.payments == 0, cell.lines > 0), "not in B-pay"),
    (both(cell.payments == 0, cell.lines == 0), "in FABS alone"),
    (both(cell.taken_back > 0, cell.by_bpay == NOTHING), "reversed after settlement"),
    (cell.lines == 0, "not in the bank"),
    (both(cell.lines > cell.payments, cell.bank_more > TOLERANCE), "settled twice"),
    (both(cell.payments > cell.lines, cell.bank_more < -TOLERANCE), "paid twice"),
    (cell.bank_more < -TOLERANCE, "settled in part"),
    (cell.bank_more > TOLERANCE, "settled in excess"),
    (cell.receipts == 0, "not in FABS"),
    (both(cell.receipts > cell.payments, cell.fabs_more > TOLERANCE), "booked twice"),
    otherwise="booked otherwise",
)  # fmt: skip


@derived(
    source,
    rows(
        "province.OpenPayment", code="code", psid="psid", known_as="known_as", head="head", day="day", paid="paid",
        settled="settled", booked="booked", due="due", nth="nth",
    )
    .left_join(ever_paid, psid="psid", head="head")
    .left_join(ever_settled, psid="psid", head="head")
    .left_join(ever_booked, psid="psid", head="head")
    .left_join(ever_paid.group("psid", paid_under_all=total("paid_ever")), psid="psid")
    .left_join(ever_settled.group("psid", settled_under_all=total("settled_ever")), psid="psid")
    .left_join(ever_booked.group("psid", booked_under_all=total("booked_ever")), psid="psid")
    .compute(
        by_bpay=or_else("paid_ever", NOTHING), by_bank=or_else("settled_ever", NOTHING),
        by_fabs=or_else("booked_ever", NOTHING), payments=or_else("payments", 0), taken_back=or_else("taken_back", 0),
        lines=or_else("lines", 0), receipts=or_else("receipts", 0),
        paid_under_all=or_else("paid_under_all", NOTHING), settled_under_all=or_else("settled_under_all", NOTHING),
        booked_under_all=or_else("booked_under_all", NOTHING),
    )
    .compute(bank_more=minus("by_bank", "by_bpay"), fabs_more=minus("by_fabs", "by_bpay"))
    .left_join(balances, psid="bill")
    .compute(**BY_DAY)
    .keep(either(lacks("psid"), both(UNLIKE_THAT_DAY, either(*UNLIKE)), both(ALIKE, NOT_AS_DEMANDED, UNBALANCED)))
    .compute(reason=REASON, amount=first_of("paid", "settled", "booked")),
    key="code", size=5_000, requires_all=(*BOOKS, "province.OpenPayment", "province.BillBalance"),
)  # fmt: skip
class UnmatchedPayment:
    """A payment that B-pay, the bank and FABS do not tell alike over all their days, or that does not come to what its
    bill demanded, and why; of several reasons the first is told. It stands on each day whose books show it: a reversal
    on the day it was made."""

    code: str = taken("code", description="PSID (or the receipt where there is none), head and day.")
    psid: str | None = taken("psid")
    known_as: str | None = taken("known_as", description="The PSID, or the receipt where there is none.")
    reason: str | None = taken("reason")
    day: dt.date | None = taken("day")
    head: str | None = taken("head")
    amount: Decimal | None = taken("amount", description="That day's: as B-pay has it, else the bank, else FABS.")
    paid: Decimal | None = taken("paid", description="By B-pay that day; negative where it is taken back.")
    settled: Decimal | None = taken("settled", description="By the bank for that day.")
    booked: Decimal | None = taken("booked", description="By FABS that day; negative where it is taken back.")
    bank_more: Decimal | None = taken("bank_more", description="Over all days: what the bank has more than B-pay.")
    fabs_more: Decimal | None = taken("fabs_more", description="Over all days: what FABS has more than B-pay.")
    demanded: Decimal | None = taken("demanded", description="By the bill, on the day of the last payment.")
    paid_more: Decimal | None = taken("paid_more", description="Over all days: what B-pay was paid more than demanded.")


records = (OpenPayment, BillBalance, UnmatchedPayment)
