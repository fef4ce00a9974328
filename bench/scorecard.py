"""What a scorecard of all districts takes: with nothing known, and asked again. One house of its own, rules and ledger
on, as it serves."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from bench.systems import Systems
from gateway.lately import Lately
from gateway.opening import open_house
from gateway.pipeline import answer
from gateway.request import GraphQLRequest, Incoming
from gateway.settings import load
from legacy.services.process import start

PERIODS = ("2025-09", "2025", "2025-26", "current")
QUERY = """query Scorecard($periods: [String!]) { indicatorValues(first: 1000, where: {level: {eq: "DISTRICT"},
    frequency: {ne: "DAILY"}, period: {in: $periods}}) { nodes {
      indicator place period value target met previous trend rankFrom rankTo peers completeness } } }"""


@dataclass(frozen=True, slots=True)
class Taken:
    """One question: seconds, and what it cost each source. ``missing``: parts that are not in the answer, and why."""

    who: str
    asked: str
    wall_s: float
    cpu_s: float
    values: int
    indicators: int
    calls: Mapping[str, int]
    rows: Mapping[str, int]
    missing: Mapping[str, str]

    def told(self) -> dict[str, Any]:
        return asdict(self)


def token(settings: Path, role: str) -> str:
    command = [sys.executable, "-m", "gateway.cli", "--config", str(settings), "token", "--role", role]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


async def run(systems: Systems, rounds: int) -> list[Taken]:
    """For each who asks: cold ``rounds`` times (the first plans too), then again."""
    found: list[Taken] = []
    tokens = {"anonymous": None, "planner": token(systems.settings(), "planner")}
    with start(systems.plan().out) as services:
        calls: Counter[str] = Counter()
        rows: Counter[str] = Counter()

        def observed(source: str, seconds: float, read: int, made: int, outcome: str) -> None:
            calls[source] += made
            rows[source] += read

        async with open_house(load(systems.settings(services.urls)), observed) as house:
            for who, credential in tokens.items():
                for number in range(rounds + 1):
                    asked = "again" if number == rounds else "cold, planned too" if number == 0 else "cold"
                    if number < rounds:
                        house.reach = replace(house.reach, figures=Lately())
                    calls.clear()
                    rows.clear()
                    wall, cpu = time.perf_counter(), time.process_time()
                    request = GraphQLRequest(QUERY, None, {"periods": list(PERIODS)}, {})
                    bearer = None if credential is None else f"Bearer {credential}"
                    told = await answer(house, Incoming(request, bearer))
                    taken = time.perf_counter() - wall, time.process_time() - cpu
                    found.append(_taken(who, asked, taken, orjson.loads(told.body), calls, rows))
    return found


def _taken(
    who: str, asked: str, taken: tuple[float, float], body: dict[str, Any], calls: Counter[str], rows: Counter[str]
) -> Taken:
    nodes = (body.get("data") or {}).get("indicatorValues", {}).get("nodes", [])
    missing = {one["part"]: one["code"] for one in body.get("extensions", {}).get("missing", ())}
    return Taken(
        who, asked, round(taken[0], 3), round(taken[1], 3), len(nodes), len({node["indicator"] for node in nodes}),
        dict(sorted(calls.items())), dict(sorted(rows.items())), missing,
    )  # fmt: skip


def table(found: list[Taken]) -> str:
    """As Markdown, a line a question."""
    lines = [
        "| who | asked | s | CPU s | values | indicators | calls | rows read |",
        "|---|---|---:|---:|---:|---:|---|---:|",
    ]
    for one in found:
        calls = ", ".join(f"{source} {number}" for source, number in one.calls.items()) or "none"
        lines.append(
            f"| {one.who} | {one.asked} | {one.wall_s:.2f} | {one.cpu_s:.2f} | {one.values} | {one.indicators} "
            f"| {calls} | {sum(one.rows.values()):,} |"
        )
    return "\n".join(lines)
