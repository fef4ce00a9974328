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
    rupees_text,
    stripped,
    yyyymmdd,
)
from schema.declare import column, many, one, record
from schema.relations import Collection, Drop, Parameter

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
    status: str | None = column("bill_status", public, codec=code_table("bill status", {"U": "Unpaid", "P": "Paid", "B": "Blocked", "T": "Partly paid"}), description="B and T are not verified.")  # fmt: skip  # noqa: E501
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
    (Parameter("psid", "psid", "in", 100), Parameter("txn_id", "txn_id", "in", 100),
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
    bill = one("finance.Bill", on="psid")


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


records = (Bill, Transaction, BankScrollLine)
