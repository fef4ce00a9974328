"""Questions across departments at ``province`` scale: the gateway and a script, each in a fresh process, by turns."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from bench.across_questions import Question
from bench.district import token
from bench.measure import AnswersDiffer
from bench.systems import Systems
from legacy.services.process import start

SIDES = {"gateway": "bench.across_gateway", "script": "bench.across_script"}
PATIENCE_S = 600


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side took: ``cpu_s`` of its own process, ``peak_mb`` above idle, rows and calls by source."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    rows: dict[str, int]
    calls: dict[str, int]


@dataclass(frozen=True, slots=True)
class Found:
    """One question: the turn of either side with the median processor time, and how many rows the answer has."""

    question: str
    number: int
    answer_rows: int
    gateway: Turn
    script: Turn
    ratio: float

    def told(self) -> dict[str, Any]:
        return asdict(self)


def run(systems: Systems, questions: Sequence[Question], rounds: int, told: Callable[[Found], None]) -> list[Found]:
    """Raises AnswersDiffer, and RuntimeError with what a side said when it failed."""
    with _places(systems) as places:
        found = []
        for question in questions:
            found.append(_ask(question, places, rounds))
            told(found[-1])
        return found


@contextmanager
def _places(systems: Systems) -> Iterator[Path]:
    """A file of everything a side needs to know, while the services run."""
    built = systems.plan().out
    with start(built) as services:
        settings = systems.settings(services.urls)
        told = {
            "settings": str(settings), "token": token(settings), "emis": systems.emis,
            "finance": systems.database("finance"), "health": systems.database("health"),
            "rtsm": services.urls["rtsm"], "fabs": services.urls["fabs"], "bpay": services.urls["bpay"],
            "rtsm_key": (built / "rtsm.key").read_text().strip(),
            "fabs_password": (built / "fabs.password").read_text().strip(),
            "bpay_password": (built / "bpay.password").read_text().strip(),
            "bank_scroll": str(built / "bank_scroll"),
        }  # fmt: skip
        path = systems.folder / "places.json"
        path.write_text(json.dumps(told))
        path.chmod(0o600)
        try:
            yield path
        finally:
            path.unlink()


def _ask(question: Question, places: Path, rounds: int) -> Found:
    turns: dict[str, list[Turn]] = {name: [] for name in SIDES}
    answers: dict[str, Any] = {}
    for _ in range(rounds):
        for name, module in SIDES.items():
            told = _turn(module, places, question.name)
            answers[name] = told.pop("answer")
            turns[name].append(Turn(**told))
        if answers["gateway"] != answers["script"]:
            raise AnswersDiffer(f"{question.name}: {_difference(answers['gateway'], answers['script'])}")
    ratio = median(one.cpu_s / other.cpu_s for one, other in zip(turns["gateway"], turns["script"], strict=True))
    middle = {name: sorted(own, key=lambda turn: turn.cpu_s)[len(own) // 2] for name, own in turns.items()}
    return Found(
        question.name, question.number, len(answers["script"]), middle["gateway"], middle["script"], round(ratio, 2)
    )


def _turn(module: str, places: Path, name: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", module, str(places), name], capture_output=True, timeout=PATIENCE_S, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{module} {name}: {done.stderr.decode()[-2000:]}")
    told: dict[str, Any] = orjson.loads(done.stdout)
    return told


def _difference(one: list[Any], other: list[Any]) -> str:
    ours = [row for row in one if row not in other][:3]
    theirs = [row for row in other if row not in one][:3]
    return f"{len(one)} rows and {len(other)}; only the gateway: {ours}; only the script: {theirs}"


COLUMNS = (
    "question", "rows", "gateway s", "script s", "gateway CPU", "script CPU", "CPU ratio", "gateway MB", "script MB",
    "rows read (gateway/script)",
)  # fmt: skip


def table(found: Sequence[Found]) -> str:
    """As Markdown, a line a question."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|---|{'---:|' * (len(COLUMNS) - 2)}---|"]
    for one in found:
        ours, theirs = one.gateway, one.script
        figures = (
            f"{one.number} `{one.question}`", f"{one.answer_rows:,}", f"{ours.wall_s:.1f}", f"{theirs.wall_s:.1f}",
            f"{ours.cpu_s:.2f}", f"{theirs.cpu_s:.2f}", f"{one.ratio:.2f}", f"{ours.peak_mb:.0f}",
            f"{theirs.peak_mb:.0f}", _rows(ours, theirs),
        )  # fmt: skip
        lines.append(f"| {' | '.join(figures)} |")
    return "\n".join(lines)


def _rows(ours: Turn, theirs: Turn) -> str:
    """By system: the gateway knows sources by their own names, the script by database."""
    read = [f"{source} {number:,}" for source, number in ours.rows.items()]
    return f"{', '.join(read)} = {sum(ours.rows.values()):,} / {sum(theirs.rows.values()):,}"
