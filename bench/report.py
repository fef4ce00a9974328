"""What was measured, as a table for people and as a file for the next run to be compared with."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import orjson

from bench.measure import Comparison

COLUMNS = (
    "operation", "at once", "gateway ms", "by hand ms", "CPU ratio", "gateway /s", "by hand /s", "ratio", "calls",
    "bytes",
)  # fmt: skip


def table(found: Sequence[Comparison]) -> str:
    """One line an operation and concurrency; both sides' calls and bytes where they differ."""
    rows = [COLUMNS]
    for one in found:
        ours, theirs = one.gateway, one.by_hand
        rows.append((
            one.operation, str(one.concurrency), f"{ours.cpu_ms:.3f}", f"{theirs.cpu_ms:.3f}", f"{one.ratio:.2f}",
            f"{ours.per_second:.0f}", f"{theirs.per_second:.0f}", f"{ours.per_second / theirs.per_second:.2f}",
            _both(ours.calls, theirs.calls), _both(ours.bytes, theirs.bytes),
        ))  # fmt: skip
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    lines = []
    for row in rows:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join((first.strip().ljust(widths[0]), *others)))
    return "\n".join(lines)


def _both(ours: int, theirs: int) -> str:
    return f"{ours}" if ours == theirs else f"{ours}/{theirs}"


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


class Told(Protocol):
    def told(self) -> dict[str, Any]: ...


def write(path: Path, found: Sequence[Told]) -> None:
    """The figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {"machine": machine(), "comparisons": [one.told() for one in found]}
    path.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
