"""What happens to a bill when a bank says that it was paid. All of it inside the caller's transaction."""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from legacy.services.common import is_date

KARACHI = dt.timezone(dt.timedelta(hours=5))

FORMS = {
    "consumer_number": r"[^\s]{1,24}",
    "tran_auth_id": r"[0-9]{6}",
    "transaction_amount": r"[0-9]{12}",
    "tran_date": r"[0-9]{8}",
    "tran_time": r"([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]",
    "bank_mnemonic": r"[A-Z0-9]{1,8}",
}


@dataclass(frozen=True, slots=True)
class Payment:
    """A BillPayment request as read; ``day`` YYYYMMDD and ``time`` HHMMSS are the bank's."""

    psid: str
    auth: str
    amount_paisa: int
    day: str
    time: str
    bank: str

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Payment | None:
        """None when something is missing or not of its fixed width."""
        texts = {name: body.get(name) for name in FORMS}
        for name, text in texts.items():
            if not isinstance(text, str) or not re.fullmatch(FORMS[name], text, re.ASCII):
                return None
        given = {name: str(text) for name, text in texts.items()}
        if not is_date(given["tran_date"]):
            return None
        psid, auth, amount, day, time, bank = given.values()
        return cls(psid, auth, int(amount), day, time, bank)


def karachi_now() -> str:
    """The stamp that a payment is recorded under."""
    return dt.datetime.now(KARACHI).isoformat(timespec="seconds")


def pay(store: sqlite3.Connection, payment: Payment, recorded_at: str) -> str:
    """The response code; with "00" the bill is paid, once, however often the bank repeats itself."""
    bill = store.execute("SELECT * FROM bills WHERE psid = ?", (payment.psid,)).fetchone()
    if bill is None:
        return "01"
    if bill["bill_status"] != "U":
        return "00" if _is_replay(store, payment) else "03"
    if bill["expired"]:
        return "02"
    owed = bill["amount_within_paisa"] if payment.day <= bill["due_date"] else bill["amount_after_paisa"]
    if payment.amount_paisa != owed:
        return "04"
    store.execute(
        "UPDATE bills SET bill_status = 'P', date_paid = ?, amount_paid_paisa = ?, tran_auth_id = ? WHERE psid = ?",
        (payment.day, payment.amount_paisa, payment.auth, payment.psid),
    )
    store.execute(
        "INSERT INTO transactions (txn_id, psid, tran_auth_id, amount_paisa, tran_date, tran_time, bank_mnemonic, "
        "recorded_at, reversal_of, head_code) "
        "SELECT COALESCE(MAX(txn_id), 0) + 1, ?, ?, ?, ?, ?, ?, ?, NULL, ? FROM transactions",
        (payment.psid, payment.auth, payment.amount_paisa, payment.day, payment.time, payment.bank, recorded_at,
         bill["head_code"]),
    )
    return "00"


def _is_replay(store: sqlite3.Connection, payment: Payment) -> bool:
    """Whether exactly this payment is in the books; the time of day may differ, banks stamp repeats anew."""
    found = store.execute(
        "SELECT 1 FROM transactions WHERE psid = ? AND tran_auth_id = ? AND amount_paisa = ? AND tran_date = ? "
        "AND bank_mnemonic = ? AND reversal_of IS NULL",
        (payment.psid, payment.auth, payment.amount_paisa, payment.day, payment.bank),
    )
    return found.fetchone() is not None
