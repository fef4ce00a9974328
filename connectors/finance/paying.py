"""Paying a bill through B-pay: what is sent, what keeps it from being sent, and how a bill shows that it was paid."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from connectors.finance.sources import bpay, payments
from schema.actions import Call, Sent, action, given
from schema.classification import confidential, restricted
from schema.codecs import blank_is_null, fixed_paisa, offset_stamp, paisa, yyyymmdd
from schema.declare import column, one, record
from schema.derive import both, cases, cell, either, lacks, opposite


@record(
    payments, "bill_payments", key="id", plural="payments", persons=True, size=100_000,
    retention="10 years, as the treasury's vouchers",
)  # fmt: skip
class Payment:
    """A payment of a bill that was made, or asked for, through the gateway."""

    id: str = column("id", restricted)
    state: str | None = column("state", restricted, description="RECEIVED, SENT, UNKNOWN (it is being found out), CONFIRMED or REJECTED.")  # fmt: skip  # noqa: E501
    reason: str | None = column("reason", restricted, description="Why it was rejected.")
    psid: str | None = column("psid", restricted)
    amount: Decimal | None = column("amount", restricted, codec=paisa)
    reference: str | None = column("reference", restricted, description="What B-pay knows it by: tran_auth_id.")
    idempotency_key: str | None = column("idempotency_key", restricted)
    received_at: dt.datetime | None = column("received_at", restricted, codec=offset_stamp)
    sent_at: dt.datetime | None = column("sent_at", restricted, codec=offset_stamp)
    settled_at: dt.datetime | None = column("settled_at", restricted, codec=offset_stamp)
    purpose: str | None = column("purpose", restricted, codec=blank_is_null)
    subject: str | None = column("subject", confidential, personal=True, description="Who paid.")
    represented: str | None = column("represented", confidential, codec=blank_is_null, personal=True, description="For whom.")  # fmt: skip  # noqa: E501
    bill = one("finance.Bill", on="psid", classification=restricted)


pay = Call(
    "bpay/BillPayment",
    (
        Sent("consumer_number", "psid"), Sent("tran_auth_id", "reference"),
        Sent("transaction_amount", "amount", fixed_paisa(12, signed=False)),
        Sent("tran_date", "sent_on", yyyymmdd), Sent("tran_time", "sent_time"),
    ),
    code="response_Code", done=("00",),
    refused={"01": "BILL_UNKNOWN", "02": "BILL_EXPIRED", "03": "BILL_NOT_PAYABLE", "04": "AMOUNT_NOT_DUE"},
    fixed={"bank_mnemonic": "GOB", "reserved": ""}, digits=6,
)  # fmt: skip
PAID_OTHERWISE = both(
    cell.status == "Paid", either(lacks("authorized_as"), opposite(cell.authorized_as == cell.reference))
)


@action(
    bpay, about="finance.Bill", by="psid", kept="finance.Payment", call=pay,
    refuse=cases(
        (lacks("answer"), "BILL_UNKNOWN"),
        (cell.status == "Paid", "BILL_PAID"),
        (cell.answer == "Expired", "BILL_EXPIRED"),
        (opposite(cell.status == "Unpaid"), "BILL_NOT_PAYABLE"),
        (either(lacks("due_on"), lacks("amount_within_due_date"), lacks("amount_after_due_date")), "BILL_NOT_PAYABLE"),
        (both(cell.today <= cell.due_on, cell.amount != cell.amount_within_due_date), "AMOUNT_NOT_DUE"),
        (both(cell.today > cell.due_on, cell.amount != cell.amount_after_due_date), "AMOUNT_NOT_DUE"),
    ),
    done=both(
        cell.status == "Paid", cell.authorized_as == cell.reference, cell.amount_paid == cell.amount
    ),
    lost=PAID_OTHERWISE,
)  # fmt: skip
class PayBill:
    """Pays a bill of government revenue, in full, as it is due today. With the same idempotencyKey it is paid once,
    however often it is asked for; what became of it can be asked for at any time."""

    psid: str = given(description="Of the bill; anybody may pay anybody's.")
    amount: Decimal = given(
        codec=fixed_paisa(12, signed=False), description="What is due today, to the paisa; no other amount is taken."
    )


records = (Payment,)
actions = (PayBill,)
