"""B-pay: one bill by its PSID, payments by the report, and what the banks say of them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from connectors.finance.sources import banks, bpay, bpay_report
from schema.changes import watermark
from schema.classification import confidential, public, restricted
from schema.codecs import (
    blank_is_null,
    code_table,
    empty_is_null,
    fixed_paisa,
    iso_stamp,
    payer_number,
    rupees_text,
    stripped,
    yyyymmdd,
)
from schema.declare import column, many, one, record
from schema.districts import district_alias
from schema.relations import Collection, Drop, Parameter

MANY = 1000
"""PSIDs a report is asked for at once: as many as a page has rows."""
STATUSES = {"U": "Unpaid", "P": "Paid", "B": "Blocked", "T": "Partly paid"}
bill_rows = Collection(
    "bpay/BillInquiry", (Parameter("consumer_number", "consumer_number", "in", 1),), method="POST", rows="",
    paging="none", fixed={"bank_mnemonic": "GOB", "reserved": ""}, absent={"response_Code": ("01",)},
    echo={"consumer_number": "consumer_number"}, name="BillInquiry",
)  # fmt: skip


@record(bpay, bill_rows, key="psid", size=5_000_000, persons=False)
class Bill:
    """A bill of government revenue, found by its PSID."""

    psid: str = column("consumer_number", public, description="Payment slip id; its length depends on the biller.")
    answer: str | None = column("response_Code", public, codec=code_table("response", {"00": "Payable", "02": "Expired"}))  # fmt: skip  # noqa: E501
    payer: str | None = column("consumer_Detail", confidential, codec=stripped, personal=True)
    status: str | None = column("bill_status", public, codec=code_table("bill status", STATUSES), description="B and T are not verified.")  # fmt: skip  # noqa: E501
    due_on: dt.date | None = column("due_date", public, codec=yyyymmdd)
    amount_within_due_date: Decimal | None = column("amount_within_dueDate", public, codec=fixed_paisa(13, signed=True))
    amount_after_due_date: Decimal | None = column("amount_after_dueDate", public, codec=fixed_paisa(13, signed=True))
    paid_on: dt.date | None = column("date_paid", public, codec=yyyymmdd)
    amount_paid: Decimal | None = column("amount_paid", public, codec=fixed_paisa(12, signed=False))
    head: str | None = column("head_code", public, codec=blank_is_null)
    authorized_as: str | None = column("tran_auth_Id", restricted, codec=blank_is_null, description="By the bank that was paid.")  # fmt: skip  # noqa: E501
    transactions = many("finance.Transaction", on="psid")


transaction_rows = Collection(
    "bpay/TransactionReport",
    (Parameter("psid", "psid", "in", MANY), Parameter("txn_id", "txn_id", "in", 100),
     Parameter("from_date", "tran_date", "gte"), Parameter("to_date", "tran_date", "lte")),
    method="POST", rows="transactions", size_argument="page_size", page_size=1000, total="total",
    name="TransactionReport",
)  # fmt: skip


@record(
    bpay_report, transaction_rows, key="number", size=3_000_000, recorded="recorded_at",
    # The report lists by day only: every look reads the payments of today and yesterday.
    changes=watermark("paid_on", every_s=30.0, overlap_s=86_400.0, added_only=True, compare_s=86_400.0),
)  # fmt: skip
class Transaction:
    """A payment as B-pay reports it, or one taken back: that is a row of its own."""

    number: int = column("txn_id", restricted)
    psid: str | None = column("psid", restricted)
    amount: Decimal | None = column("transaction_amount", restricted, codec=fixed_paisa(12, signed=False))
    paid_on: dt.date | None = column("tran_date", restricted, codec=yyyymmdd, distinct=40)
    bank: str | None = column("bank_mnemonic", restricted)
    head: str | None = column("head_code", restricted, codec=blank_is_null)
    recorded_at: dt.datetime | None = column("recorded_at", restricted, codec=iso_stamp)
    reversal_of: int | None = column("reversal_of", restricted, description="The transaction it takes back.")
    amount_due: Decimal | None = column("amount_due", restricted, codec=fixed_paisa(12, signed=False), description="What the bill demanded that day; null without a bill.")  # fmt: skip  # noqa: E501
    payment_number: int | None = column("payment_no", restricted, description="1 for the bill's first payment; a payment taken back counts. Null of what takes one back.")  # fmt: skip  # noqa: E501
    bill = one("finance.Bill", on="psid")


issued_rows = Collection(
    "bpay/BillReport",
    (Parameter("psid", "psid", "in", MANY), Parameter("payer_id", "payer_id", "in", 100),
     Parameter("bill_status", "bill_status", "in", 4), Parameter("from_due", "due_date", "gte"),
     Parameter("to_due", "due_date", "lte"), Parameter("min_issue", "issue_no", "gte")),
    method="POST", rows="bills", size_argument="page_size", page_size=1000, total="total", name="BillReport",
)  # fmt: skip


@record(bpay_report, issued_rows, key="psid", size=5_000_000, persons=True)
class IssuedBill:
    """A bill as B-pay lists it by payer: the same bill as by its PSID, and whose it is."""

    psid: str = column("psid", restricted)
    payer_number: str | None = column("payer_id", confidential, codec=payer_number, personal=True, distinct=3_000_000, description="CNIC, however it was written down, or NTN.")  # fmt: skip  # noqa: E501
    head: str | None = column("head_code", restricted)
    district_code: str | None = column("district", restricted, codec=district_alias("BPAY"))
    status: str | None = column("bill_status", restricted, codec=code_table("bill status", STATUSES), distinct=2)
    due_on: dt.date | None = column("due_date", restricted, codec=yyyymmdd, distinct=40)
    amount_within_due_date: Decimal | None = column("amount_within_dueDate", restricted, codec=fixed_paisa(13, signed=True))  # fmt: skip  # noqa: E501
    amount_after_due_date: Decimal | None = column("amount_after_dueDate", restricted, codec=fixed_paisa(13, signed=True))  # fmt: skip  # noqa: E501
    paid_on: dt.date | None = column("date_paid", restricted, codec=yyyymmdd)
    amount_paid: Decimal | None = column("amount_paid", restricted, codec=fixed_paisa(12, signed=False))
    issue: int | None = column("issue_no", restricted, description="1 for the first.", distinct=5)
    original_psid: str | None = column("original_psid", restricted, description="Of the bill's first issue.")
    district = one("finance.District", on="district_code")
    bill = one("finance.Bill", on="psid")


@record(bpay_report, issued_rows, key="psid", size=5_000_000, persons=False, recorded="issued_at")
class BillDemand:
    """What a bill demands, as it was issued: that never changes. A bill that is issued anew has another PSID."""

    psid: str = column("psid", restricted)
    head: str | None = column("head_code", restricted)
    due_on: dt.date | None = column("due_date", restricted, codec=yyyymmdd, distinct=40)
    amount_within_due_date: Decimal | None = column("amount_within_dueDate", restricted, codec=fixed_paisa(13, signed=True))  # fmt: skip  # noqa: E501
    amount_after_due_date: Decimal | None = column("amount_after_dueDate", restricted, codec=fixed_paisa(13, signed=True))  # fmt: skip  # noqa: E501
    issued_at: dt.datetime | None = column("issued_at", restricted, codec=iso_stamp)


total_rows = Collection(
    "bpay/BillTotals",
    (Parameter("line_id", "line_id", "in", 100), Parameter("bill_status", "bill_status", "in", 4),
     Parameter("head_code", "head_code", "in", 100)),
    method="POST", rows="totals", size_argument="page_size", page_size=1000, total="total", name="BillTotals",
)  # fmt: skip


@record(bpay_report, total_rows, key="code", size=30_000, persons=False)
class BillTotal:
    """How many bills of a head and a district that fell due on a day stand paid or unpaid, as B-pay counted them at
    night. A bill that was issued anew counts once, as last issued."""

    code: str = column("line_id", restricted)
    due_on: dt.date | None = column("due_date", restricted, codec=yyyymmdd, distinct=40)
    head: str | None = column("head_code", restricted, distinct=5)
    district_code: str | None = column("district", restricted, codec=district_alias("BPAY"))
    status: str | None = column("bill_status", restricted, codec=code_table("bill status", STATUSES), distinct=2)
    bills: int | None = column("bills", restricted)
    amount: Decimal | None = column("amount", restricted, codec=fixed_paisa(15, signed=False), description="Due within the due date.")  # fmt: skip  # noqa: E501
    counted_on: dt.date | None = column("as_of", restricted, codec=yyyymmdd, distinct=1)


scroll_rows = Drop(
    "*.csv",
    {"bank": "bank", "settled": "settled", "psid": "psid", "auth_id": "auth_id", "amount": "amount", "head": "head",
     "received_at": "received_at"},
    file_column="file", line_column="line", name="bank scroll", told_by_name={"settled": r"_([0-9]{8})\.csv$"},
)  # fmt: skip


@record(banks, scroll_rows, key="code", size=3_000_000, recorded="received_at")
class BankScrollLine:
    """A payment as the bank settled it, a day later."""

    code: str = column("line", restricted, description="The file and the line's number in it.")
    psid: str | None = column("psid", restricted, codec=empty_is_null)
    bank: str | None = column("bank", restricted)
    settled_on: dt.date | None = column("settled", restricted, codec=yyyymmdd, distinct=40)
    amount: Decimal | None = column("amount", restricted, codec=rupees_text)
    head: str | None = column("head", restricted, codec=blank_is_null)
    received_at: dt.datetime | None = column("received_at", restricted, codec=iso_stamp)
    file: str | None = column("file", restricted, description="The file the line stands in.")


records = (Bill, Transaction, IssuedBill, BillDemand, BillTotal, BankScrollLine)
