"""A plan with everything worked out of it that does not depend on a request's values: kept in the plan cache."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.decode import Decoder, make_decoder
from gateway.plan import (
    AggregateStep,
    KeySetStep,
    LookupStep,
    Plan,
    Reading,
    Step,
)
from schema.fetch import FetchShape


@dataclass(frozen=True, slots=True)
class Prepared:
    """``needs``: how many steps each step waits for; ``followers``: who waits for it; ``decoders`` and ``blanking`` by
    step; ``variants``: shapes with a seek condition, by step and which values of the cursor are null."""

    plan: Plan
    needs: dict[int, int]
    followers: dict[int, tuple[int, ...]]
    decoders: dict[int, Decoder | None]
    blanking: dict[int, bool]
    variants: dict[tuple[int, tuple[bool, ...]], FetchShape] = field(default_factory=dict)


def prepare(plan: Plan) -> Prepared:
    """Everything the executor looks up by step."""
    waits = {step.id: _waits_on(step) for step in plan.steps}
    followers: dict[int, list[int]] = {step.id: [] for step in plan.steps}
    for step, above in waits.items():
        for one in above:
            followers[one].append(step)
    return Prepared(
        plan,
        {step: len(above) for step, above in waits.items()},
        {step: tuple(below) for step, below in followers.items()},
        {step.id: _decoder(step) for step in plan.steps},
        {
            step.id: not isinstance(step, LookupStep)
            and any(cell.blank_unless is not None for cell in step.reading.cells)
            for step in plan.steps
        },
    )


def _reading(step: Step) -> Reading | None:
    return None if isinstance(step, LookupStep) else step.reading


def _waits_on(step: Step) -> frozenset[int]:
    if isinstance(step, LookupStep):
        return frozenset({step.parent})
    above = set(step.reading.waits_on)
    if step.reading.keyed is not None and step.reading.keyed.parent is not None:
        above.add(step.reading.keyed.parent)
    return frozenset(above)


def _decoder(step: Step) -> Decoder | None:
    reading = _reading(step)
    if reading is None:
        return None
    extra = len(step.partials) if isinstance(step, AggregateStep) and step.pushed else 0
    if isinstance(step, KeySetStep) and step.pushed:
        extra = 1
    return make_decoder(reading.cells, len(reading.cells) + extra)
