"""Payments matched one by one in three books: B-pay's report, the banks' scrolls, FABS's receipts.

A day's books are matched first, by PSID, head and day; what they tell alike is done with. What is left open is looked
for in all days of the three books: a settlement or a receipt that came late closes it. Money is never matched but by
equal identifiers and equal amounts, and ``TOLERANCE`` says what equal means.
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
    less_if,
    minus,
    most,
    or_else,
    rows,
    total,
)

NOTHING = Decimal("0.00")
TOLERANCE = Decimal("0.00")
"""Rupees by which two books may differ over one PSID and be told alike: not a paisa."""
BOOKS = ("finance.Transaction", "finance.BankScrollLine", "finance.Receipt")

paid = rows(
    "finance.Transaction", psid="psid", head="head", day="paid_on", amount="amount", undoes="reversal_of"
).compute(signed=less_if("amount", "undoes"))
settled = rows(
    "finance.BankScrollLine", psid="psid", head="head", settled_on="settled_on", amount="amount"
).compute(day=days_after("settled_on", -1))  # fmt: skip
booked = rows(
    "finance.Receipt", receipt="code", psid="psid", head="head", day="received_on", amount="amount",
    undoes="reversal_of",
).compute(signed=less_if("amount", "undoes"), known_as=first_of("psid", "receipt"))  # fmt: skip


@derived(
    source,
    paid.group("psid", "head", "day", paid=total("signed"))
    .match(settled.group("psid", "head", "day", settled=total("amount")), psid="psid", head="head", day="day")
    .compute(known_as=first_of("psid"))
    .match(
        booked.group("known_as", "head", "day", booked=total("signed"), booked_as=most("psid")),
        known_as="known_as", head="head", day="day",
    )
    .compute(
        psid=first_of("psid", "booked_as"), by_bpay=or_else("paid", NOTHING), by_bank=or_else("settled", NOTHING),
        by_fabs=or_else("booked", NOTHING),
    )
    .keep(either(cell.by_bpay != cell.by_bank, cell.by_bpay != cell.by_fabs))
    .compute(code=joined("known_as", "head", "day")),
    key="code", size=10_000, requires_all=BOOKS,
)  # fmt: skip
class OpenPayment:
    """What the three books of a day do not tell alike of a PSID under a head, whether or not another day closes it. A
    bank settles a day later: its line counts for the day before. What is taken back is taken off."""

    code: str = taken("code", description="PSID (or the receipt where there is none), head and day.")
    psid: str | None = taken("psid")
    known_as: str | None = taken("known_as", description="The PSID, or the receipt where there is none.")
    head: str | None = taken("head")
    day: dt.date | None = taken("day")
    paid: Decimal | None = taken("paid", description="By B-pay that day.")
    settled: Decimal | None = taken("settled", description="By the bank for that day.")
    booked: Decimal | None = taken("booked", description="By FABS that day.")


ever_paid = paid.group(
    "psid", "head", paid_ever=total("signed"), payments=count(lacks("undoes")), taken_back=count(has("undoes"))
)
ever_settled = settled.group("psid", "head", settled_ever=total("amount"), lines=count())
ever_booked = booked.group("psid", "head", booked_ever=total("signed"), receipts=count(lacks("undoes")))
UNLIKE = (
    cell.bank_more > TOLERANCE, cell.bank_more < -TOLERANCE, cell.fabs_more > TOLERANCE, cell.fabs_more < -TOLERANCE
)  # fmt: skip
REASON = cases(
    (lacks("psid"), "no PSID"),
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
        settled="settled", booked="booked",
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
    .keep(either(lacks("psid"), *UNLIKE))
    .compute(reason=REASON, amount=first_of("paid", "settled", "booked")),
    key="code", size=5_000, requires_all=BOOKS,
)  # fmt: skip
class UnmatchedPayment:
    """A payment that B-pay, the bank and FABS do not tell alike over all their days, and why; of several reasons the
    first is told. It stands on each day whose books show it: a reversal on the day it was made."""

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


records = (OpenPayment, UnmatchedPayment)
