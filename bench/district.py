"""Four operations at ``district`` scale, through the gateway and by hand."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.measure import Comparison, Side, compare, gateway_calls, handwritten_calls
from bench.operations import Operation
from bench.servers import running
from bench.systems import CASE, PURPOSE, SUBJECT, Systems


def run(
    systems: Systems,
    operations: Sequence[Operation],
    concurrencies: Sequence[int],
    rounds: int,
    seconds: float,
    told: Callable[[Comparison], None],
) -> list[Comparison]:
    """Starts both servers and compares them. Raises AnswersDiffer."""
    settings = systems.settings()
    headers = (("authorization", f"Bearer {token(settings)}"), ("x-purpose", PURPOSE), ("x-case", CASE))
    gateway = [sys.executable, "-m", "gateway.cli", "--config", str(settings), "serve"]
    by_hand = [
        sys.executable, "-m", "bench.handwritten", "--emis", systems.emis, "--finance", systems.database("finance"),
    ]  # fmt: skip
    with running("the gateway", gateway, headers) as ours, running("the hand-written server", by_hand) as theirs:
        one = Side(ours, lambda: gateway_calls(ours))
        other = Side(theirs, lambda: handwritten_calls(theirs))

        async def all_of_them() -> list[Comparison]:
            found = []
            for operation in operations:
                for concurrency in concurrencies:
                    found.append(await compare(operation, one, other, concurrency, rounds, seconds))
                    told(found[-1])
            return found

        return asyncio.run(all_of_them())


def token(settings: Path) -> str:
    """The auditor's token, made as an operator makes one."""
    command = [
        sys.executable, "-m", "gateway.cli", "--config", str(settings), "token", "--role", "auditor",
        "--subject", SUBJECT, "--purpose", PURPOSE,
    ]  # fmt: skip
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
