"""A gateway that is ended and started again at one address, clients that do not give up, and the three books compared:
what the ledger, the outbox and B-pay say of each payment."""

from __future__ import annotations

import http.client
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from auth.ledger import HeadFile, Report, SqliteStore, verify
from auth.ledger.heads import read_heads
from tests.acting.till import PAY, Till
from tests.houses import Systems
from tests.servers import free_port
from tests.serving import command, write_settings

QUICK = "[actions]\nlease_s = 1.0\nresolve_s = 0.2\n"
FINAL = ("CONFIRMED", "REJECTED")
PATIENCE_S = 600.0
"""After this long a test has failed; a process takes seconds to start again, on a busy machine many."""


@dataclass(slots=True)
class Mortal:
    """``port`` stays the same; ``kills`` counts ends by ``kill``."""

    config: Path
    folder: Path
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    kills: int = 0
    _process: subprocess.Popen[bytes] | None = None

    def start(self, end_at: str = "") -> None:
        """Starts it; the step it ends at, if any."""
        with (self.folder / "errors.txt").open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.acting.gateway_that_ends", "--config", self.config, "serve", "--port",
                 str(self.port)],
                env={**os.environ, **self.environment, "END_AT": end_at, "END_MARK": str(self.folder / f"at {end_at}")},
                stdout=subprocess.DEVNULL, stderr=errors, cwd=Path(__file__).parents[2],
            )  # fmt: skip

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self.kills += 1

    def wait_until_ended(self) -> int:
        assert self._process is not None
        return self._process.wait(PATIENCE_S)

    def stop(self) -> None:
        """Waits for what is under way."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(30)

    def pay(self, token: str, variables: dict[str, Any]) -> dict[str, Any] | None:
        """The payment as the answer tells it; None where there is no answer, or an error."""
        body = orjson.dumps({"query": PAY, "variables": variables})
        headers = {"content-type": "application/json", "authorization": f"Bearer {token}",
                   "x-purpose": "PaymentManagement"}  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/graphql", body, headers)
            told = orjson.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, orjson.JSONDecodeError):
            return None
        finally:
            connection.close()
        payload = (told.get("data") or {}).get("payBill")
        return None if payload is None else payload["payment"]

    def pay_until_final(self, token: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Asks again and again with the same key, as a client should."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            told = self.pay(token, variables)
            if told is not None and told["state"] in FINAL:
                return told
            time.sleep(0.05)
        raise AssertionError("the payment was never settled")

    def outbox(self) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.folder / "state" / "outbox.sqlite", timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute("SELECT * FROM bill_payments")]

    def wait_for_states(self, *states: str) -> None:
        """Until every payment is in one of these states and the ledger knows."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            rows = self.outbox()
            if rows and all(row["state"] in states and row["recorded"] for row in rows):
                return
            time.sleep(0.05)
        raise AssertionError([(row["state"], row["recorded"]) for row in self.outbox()])


@contextmanager
def mortal(systems: Systems, folder: Path) -> Iterator[tuple[Mortal, str]]:
    """The gateway, not started, and a token of somebody who may pay."""
    config = write_settings(systems, folder, QUICK)
    gateway = Mortal(config, folder, dict(systems.services))
    token = command(
        "token", "--subject", "citizen-1", "--role", "citizen", "--purpose", "PaymentManagement", config=config,
        environment=systems.services,
    ).stdout.strip()  # fmt: skip
    try:
        yield gateway, token
    finally:
        if gateway._process is not None and gateway._process.poll() is None:
            gateway.stop()


async def ledger_of(folder: Path) -> tuple[Report, dict[str, list[str]]]:
    """Whether the chain is whole, and the states it was told of each action, in order."""
    key = load_pem_private_key((folder / "state" / "ledger.key").read_bytes(), None)
    store = SqliteStore(folder / "state" / "ledger.sqlite", HeadFile(folder / "unused", key))  # type: ignore[arg-type]
    heads = list(read_heads(folder / "heads" / "ledger-heads.jsonl", key.public_key()))  # type: ignore[arg-type]
    report = await verify(store.read(), heads)
    states: dict[str, list[str]] = {}
    async for link in store.read():
        told = orjson.loads(link.body).get("action")
        if told is not None:
            states.setdefault(told["id"], []).append(told["state"])
    await store.aclose()
    return report, states


async def check_books(gateway: Mortal, till: Till, before: set[int]) -> list[dict[str, Any]]:
    """The outbox's rows. Each confirmed payment is one transaction of B-pay with its reference, amount and day, each
    transaction that is new is such a payment, and the ledger knew of each before it left and how it ended."""
    report, states = await ledger_of(gateway.folder)
    assert report.sound, report.message
    rows = gateway.outbox()
    new = till.rows("SELECT * FROM transactions")
    booked = {(one["psid"], one["tran_auth_id"]): one for one in new if one["txn_id"] not in before}
    assert len(booked) == sum(one["txn_id"] not in before for one in new), "a bill was paid twice"
    confirmed = {(row["psid"], row["reference"]): row for row in rows if row["state"] == "CONFIRMED"}
    assert booked.keys() == confirmed.keys()
    for key, row in confirmed.items():
        assert booked[key]["amount_paisa"] == row["amount"]
        assert booked[key]["tran_date"] == row["sent_at"][:10].replace("-", "")
    for row in rows:
        assert row["state"] in FINAL
        assert row["recorded"] == 1
        assert states[row["id"]][-1] == row["state"]
        assert (states[row["id"]][0] == "SENT") == (row["sent_at"] is not None)
    assert states.keys() == {row["id"] for row in rows}
    return rows
