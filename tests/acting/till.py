"""B-pay for tests that pay: a copy of the demo's books with a service of its own, whose faults can be switched, and
what its books say."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from auth.principal import Principal
from tests.houses import Systems

PAY = """
mutation ($input: PayBillInput!) {
  payBill(input: $input) { payment { id state reason psid amount reference } bill { status amountPaid } }
}
"""


@dataclass(slots=True)
class Till:
    """``folder`` holds ``bpay.sqlite``."""

    folder: Path
    url: str
    _unpaid: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._unpaid = self.rows("SELECT * FROM bills WHERE bill_status = 'U' AND expired = 0 ORDER BY psid DESC")

    def bill(self) -> dict[str, Any]:
        """An unpaid bill that no test had yet; ``due`` is what is to be paid long after its day."""
        bill = self._unpaid.pop()
        return {**bill, "due": str(Decimal(bill["amount_after_paisa"]).scaleb(-2))}

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.folder / "bpay.sqlite", timeout=10)) as store:
            store.row_factory = sqlite3.Row
            return [dict(row) for row in store.execute(statement, values)]

    def paid(self, psid: str) -> list[dict[str, Any]]:
        """The transactions of a bill."""
        return self.rows("SELECT * FROM transactions WHERE psid = ?", psid)

    def change(self, statement: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.folder / "bpay.sqlite", timeout=10)) as store, store:
            store.execute(statement, values)

    def switch(self, late_s: float = 0.2, seed: int = 1, **percent: float) -> None:
        self._faults({"percent": percent, "late_s": late_s, "seed": seed})

    def met(self) -> dict[str, int]:
        """How often each fault happened since they were switched."""
        with urllib.request.urlopen(f"{self.url}/_faults", timeout=10) as response:
            met: dict[str, int] = json.loads(response.read())["met"]
            return met

    def _faults(self, told: Any) -> None:
        request = urllib.request.Request(f"{self.url}/_faults", json.dumps(told).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as response:
            response.read()


@contextmanager
def till_over(files: Systems, folder: Path) -> Iterator[tuple[Till, Systems]]:
    """The till, and the demo's systems with it in place of their own."""
    for name in ("bpay.sqlite", "bpay.password"):
        shutil.copy(files.folder / name, folder / name)
    command = [sys.executable, "-m", "legacy.services", "--store", str(folder), "--only", "bpay", "--bpay-port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        urls = json.loads(process.stdout.readline())
        services = {**files.services, **urls}
        yield Till(folder, urls["LEGACY_BPAY_URL"]), replace(files, services=services)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def citizen(subject: str = "citizen-1", purpose: str | None = "PaymentManagement", **more: Any) -> Principal:
    return Principal(subject, frozenset({"citizen"}), permitted_purposes=frozenset({"PaymentManagement"}),
                     purpose=purpose, **more)  # fmt: skip


def order(bill: dict[str, Any], key: str, **instead: Any) -> dict[str, Any]:
    """The variables of PAY."""
    return {"input": {"psid": bill["psid"], "amount": bill["due"], "idempotencyKey": key, **instead}}
