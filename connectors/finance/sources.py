"""The department and what it lets us ask of its systems."""

import datetime as dt
from dataclasses import replace

from schema.owners import Former, Ownership
from schema.sources import FILES, SQL, Capabilities, Department, Limits, Source

finance = Department(
    "finance", "Finance Department, Government of Balochistan", "Secretary Finance",
    contact="Director, FABS Cell, Quetta",
)  # fmt: skip
limits = Limits(timeout_s=5.0, concurrency=8, max_keys=1000, row_budget=100_000)
EQUAL = frozenset({"eq", "in"})
RANGE = frozenset({"gte", "lte"})

# The day and the body before it are invented: what a notification of the province would say.
GEOGRAPHY = Ownership(
    "Director Statistics, Planning wing", since=dt.date(2025, 7, 1),
    formerly=(Former("Director, Bureau of Statistics", until=dt.date(2025, 6, 30)),),
)  # fmt: skip
geo = Source(
    "geo", "finance", "sql", "Planning wing's geography and census", SQL, owner=GEOGRAPHY,
    limits=limits, refresh="yearly", description="Divisions, districts and their people.", kept_s=3600,
)  # fmt: skip
fabs = Source(
    "fabs", "finance", "sql", "FABS (SAP-shaped, PostgreSQL)", SQL, owner="Accountant General Balochistan",
    # Everybody on the payroll once: 278,000. Whoever wants twelve months of them asks month by month.
    limits=replace(limits, timeout_s=20.0, row_budget=300_000), description="Employees and monthly payroll.",
    kept_s=600,
)  # fmt: skip
fabs_soap = Source(
    "fabs_soap", "finance", "soap", "FABS budget and receipts (SOAP)",
    Capabilities(
        columns={"lineId": EQUAL, "fiscalYear": EQUAL, "district": EQUAL, "functionCode": EQUAL, "receiptNo": EQUAL,
                 "headCode": EQUAL, "psid": EQUAL, "receiptDate": RANGE, "month": EQUAL},
        key_columns=frozenset({"lineId", "district", "receiptNo", "psid"}),
    ),
    owner="Budget Officer, Finance Department",
    # The receipts of one day are 100,000 in a good month, a thousand a call: a day's books can be compared, not more.
    limits=Limits(
        timeout_s=40.0, concurrency=4, max_keys=500, row_budget=150_000, max_calls_per_operation=200, retries=1
    ),
    description="Budget, releases and receipts.", kept_s=300,
)  # fmt: skip
bpay = Source(
    "bpay", "finance", "rest", "B-pay inquiry (1BILL-shaped, one PSID a call)",
    Capabilities(list_all=False, columns={"consumer_number": EQUAL}, key_columns=frozenset({"consumer_number"})),
    owner="Project Director B-pay",
    limits=Limits(timeout_s=5.0, concurrency=4, max_keys=1, max_calls_per_operation=20),
    description="Status and amount of one bill.",
)  # fmt: skip
bpay_report = Source(
    "bpay_report", "finance", "rest", "B-pay reports",
    Capabilities(
        columns={"psid": EQUAL, "txn_id": EQUAL, "tran_date": RANGE, "payer_id": EQUAL, "bill_status": EQUAL,
                 "due_date": RANGE, "issue_no": frozenset({"gte"}), "line_id": EQUAL, "head_code": EQUAL},
        key_columns=frozenset({"psid", "txn_id", "payer_id", "line_id"}),
    ),
    owner="Project Director B-pay",
    # As FABS's receipts: one day's payments, a thousand a call.
    limits=Limits(timeout_s=40.0, concurrency=4, max_keys=1000, row_budget=150_000, max_calls_per_operation=200),
    description="Payments by date, bills by payer. The listings are invented: 1BILL describes none.", kept_s=60,
)  # fmt: skip
payments = Source(
    "payments", "finance", "kept", "Payments made through the gateway", SQL, owner="Project Director B-pay",
    description="The gateway's own record of what it paid for clients: the one thing it keeps itself.",
)  # fmt: skip
banks = Source(
    "banks", "finance", "drop", "Bank scrolls (one CSV a bank a day)", FILES, owner="Treasury Officer",
    # One day of all banks: 100,000 lines. PSIDs are looked for in all files: once, not a thousand at a time.
    limits=Limits(timeout_s=20.0, max_keys=100_000, row_budget=150_000), refresh="daily, a day late",
    description="What the banks settled.", kept_s=300,
)  # fmt: skip
