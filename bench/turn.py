"""One side of one question in a process of its own: what it took, and what it answered."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import uvloop


class Meter:
    """Time, processor time and memory since it was made; rows and calls by source, as whoever reads them says."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from what is held now
        self._idle_kb = _peak_kb()
        self._cpu = time.process_time()
        self._started = time.perf_counter()

    def read(self, source: str, rows: int, calls: int = 1) -> None:
        self.rows[source] += rows
        self.calls[source] += calls

    def told(self, answer: list[list[Any]]) -> dict[str, Any]:
        """Everything measured, and the answer's rows in order."""
        return {
            "wall_s": round(time.perf_counter() - self._started, 3),
            "cpu_s": round(time.process_time() - self._cpu, 3),
            "peak_mb": round((_peak_kb() - self._idle_kb) / 1024, 1),
            "rows": dict(sorted(self.rows.items())),
            "calls": dict(sorted(self.calls.items())),
            "answer": sorted(answer),
        }


def _peak_kb() -> int:
    """The most memory held since the peak was last set back, kilobytes."""
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])


def main(side: Callable[[dict[str, Any], str], Awaitable[dict[str, Any]]]) -> None:
    """``python -m MODULE PLACES.json QUESTION``: runs one question and prints what was told as JSON."""
    places, question = sys.argv[1:]

    known = orjson.loads(Path(places).read_bytes())

    async def told() -> dict[str, Any]:
        return await side(known, question)

    sys.stdout.buffer.write(orjson.dumps(uvloop.run(told())))
