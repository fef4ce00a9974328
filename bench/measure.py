"""Gateway and hand-written code by turns, in one run: equal answers first, then rounds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import orjson

from bench.client import Block, ask_for, ask_once
from bench.operations import Operation
from bench.servers import Server


class AnswersDiffer(Exception):
    """The two sides do not say the same: nothing measured would mean anything."""


@dataclass(frozen=True, slots=True)
class Side:
    """A server and how many calls to sources it has made so far."""

    server: Server
    calls: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians of the rounds."""

    cpu_ms: float
    per_second: float
    bytes: int
    calls: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One operation at one concurrency. ``ratio``: the median of the rounds' own ratios of CPU."""

    operation: str
    concurrency: int
    gateway: Figures
    by_hand: Figures
    ratio: float
    ratios: tuple[float, ...]

    def told(self) -> dict[str, Any]:
        return asdict(self)


def gateway_calls(server: Server) -> int:
    """From the gateway's own metrics."""
    found = re.findall(r"^gateway_source_calls_total\{.*\} (\S+)$", server.get("/metrics"), re.MULTILINE)
    return int(sum(map(float, found)))


def handwritten_calls(server: Server) -> int:
    return int(server.get("/calls"))


async def compare(
    operation: Operation, gateway: Side, by_hand: Side, concurrency: int, rounds: int, seconds: float
) -> Comparison:
    """Raises AnswersDiffer."""
    bodies = operation.bodies()
    ours, theirs = await _equal(operation, gateway, by_hand, bodies)
    for side in (gateway, by_hand):
        await ask_for(side.server, bodies, concurrency, min(seconds, 0.5))
    blocks: list[tuple[Block, Block]] = []
    for _ in range(rounds):
        one = await ask_for(gateway.server, bodies, concurrency, seconds)
        other = await ask_for(by_hand.server, bodies, concurrency, seconds)
        blocks.append((one, other))
    ratios = tuple(round(one.cpu_ms / other.cpu_ms, 3) for one, other in blocks)
    return Comparison(
        operation.name, concurrency, _figures([one for one, _ in blocks], ours),
        _figures([other for _, other in blocks], theirs), round(median(ratios), 3), ratios,
    )  # fmt: skip


Size = tuple[int, int]
"""Calls to sources and bytes of the answer, a request."""


async def _equal(operation: Operation, gateway: Side, by_hand: Side, bodies: list[bytes]) -> tuple[Size, Size]:
    """Compares the answers to every body. Raises AnswersDiffer."""
    sides = (gateway, by_hand)
    answers = [await ask_once(side.server, bodies) for side in sides]
    for body, one, other in zip(bodies, *answers, strict=True):
        if orjson.loads(one) != orjson.loads(other):
            raise AnswersDiffer(f"{operation.name} {body[-60:]!r}:\n  {one[:600]!r}\n  {other[:600]!r}")
    sizes = []
    for side, given in zip(sides, answers, strict=True):
        before = side.calls()
        await ask_once(side.server, bodies[:1])
        sizes.append((side.calls() - before, round(sum(map(len, given)) / len(given))))
    return sizes[0], sizes[1]


def _figures(blocks: list[Block], size: Size) -> Figures:
    return Figures(
        round(median(block.cpu_ms for block in blocks), 3), round(median(block.per_second for block in blocks), 1),
        size[1], size[0],
    )  # fmt: skip
