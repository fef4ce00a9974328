"""A payment at B-pay leaves one transaction with its head, however often the bank repeats itself."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from legacy.services.bpay_payment import Payment, pay

NOW = "2025-10-01T12:00:00+05:00"


@pytest.fixture
def store(demo_folder: Path) -> Iterator[sqlite3.Connection]:
    """A copy in memory of the demo's B-pay."""
    with closing(sqlite3.connect(demo_folder / "bpay.sqlite")) as built, closing(sqlite3.connect(":memory:")) as copy:
        built.backup(copy)
        copy.row_factory = sqlite3.Row
        yield copy


def unpaid(store: sqlite3.Connection, folder: Path) -> tuple[sqlite3.Row, Payment]:
    psid = json.loads((folder / "truth.json").read_text())["q4"]["unpaid"]["psid"]
    bill = store.execute("SELECT * FROM bills WHERE psid = ?", (psid,)).fetchone()
    return bill, Payment(psid, "123456", bill["amount_within_paisa"], bill["due_date"], "120000", "NBP")


def test_a_payment_is_booked_once_under_its_head(store: sqlite3.Connection, demo_folder: Path) -> None:
    bill, payment = unpaid(store, demo_folder)
    assert [pay(store, payment, NOW), pay(store, payment, NOW)] == ["00", "00"]
    (booked,) = store.execute("SELECT * FROM transactions WHERE psid = ?", (bill["psid"],)).fetchall()
    assert (booked["head_code"], booked["recorded_at"], booked["reversal_of"]) == (bill["head_code"], NOW, None)
    assert booked["txn_id"] == store.execute("SELECT MAX(txn_id) FROM transactions").fetchone()[0]


def test_another_amount_is_refused(store: sqlite3.Connection, demo_folder: Path) -> None:
    bill, payment = unpaid(store, demo_folder)
    wrong = Payment(payment.psid, payment.auth, payment.amount_paisa + 1, payment.day, payment.time, payment.bank)
    assert pay(store, wrong, NOW) == "04"
    assert store.execute("SELECT COUNT(*) FROM transactions WHERE psid = ?", (bill["psid"],)).fetchone()[0] == 0
