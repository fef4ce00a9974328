"""Ledger entries of what an operator does at the machine itself, with the ``gateway`` command."""

from __future__ import annotations

import asyncio
import getpass
import time
from typing import Any

from auth.ledger import Ledger
from auth.ledger.writer import entry_body
from gateway.recording import FORMAT
from gateway.settings import Settings


def operator_entry(outcome: str, told: dict[str, Any]) -> bytes:
    """``told``: of what, without any value of a record."""
    now_ms = int(time.time() * 1000)
    return entry_body(
        {
            "format": FORMAT, "requestInTs": now_ms, "responseOutTs": now_ms,
            "messageUserId": f"os:{getpass.getuser()}", "outcome": outcome, "succeeded": True, **told,
        }
    )  # fmt: skip


def record_operator(settings: Settings, outcome: str, told: dict[str, Any]) -> None:
    """The entry, durable when this returns. Raises AuthError where the ledger cannot be written."""
    from gateway.opening import open_store

    async def append() -> None:
        ledger = Ledger(open_store(settings))
        try:
            await ledger.append(operator_entry(outcome, told))
        finally:
            await ledger.aclose()

    asyncio.run(append())
