"""A plan with everything worked out of it that does not depend on a request's values: kept in the plan cache."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.allowed import FieldTest, ValuePart
from gateway.decode import Decoder, make_decoder
from gateway.plan import (
    ConnectionLayout,
    ConnectionRootLayout,
    DeriveStep,
    KeyRootLayout,
    LookupStep,
    ObjectLayout,
    Plan,
    Reading,
    RowsStep,
    Step,
)
from schema.catalog import Record
from schema.fetch import Cell, FetchShape


@dataclass(frozen=True, slots=True)
class Prepared:
    """``needs``: how many steps each step waits for; ``followers``: who waits for it; ``shapes``, ``decoders`` and
    ``blanking`` by step; ``as_text``: positions of decimals that come as clients are told them; ``told``: tests that
    say a cell's value; ``spread``: which column of what is fetched stands where, -1 for what is told, for steps where
    not each is in its own place; ``variants``: shapes with a seek condition, by step and which values of the cursor are
    null."""

    plan: Plan
    needs: dict[int, int]
    followers: dict[int, tuple[int, ...]]
    shapes: dict[int, FetchShape]
    as_text: dict[int, frozenset[int]]
    decoders: dict[int, Decoder | None]
    blanking: dict[int, bool]
    told: dict[int, dict[int, FieldTest]]
    spread: dict[int, tuple[int, ...]]
    variants: dict[tuple[int, tuple[bool, ...]], FetchShape] = field(default_factory=dict)
    continued: tuple[RowsStep, ...] = ()
    """The list of derived rows that is the whole answer, if it is one: its next page can go on with the same rows."""
    keeping: tuple[DeriveStep, ...] = ()
    """Steps whose rows may be told again."""

    def only_for(self, derived: int) -> frozenset[int]:
        """The steps that nothing but this derived step needs."""
        waits = {step.id: waits_on(step) for step in self.plan.steps}
        found: set[int] = set()
        waiting = [derived]
        while waiting:
            for one in waits[waiting.pop()]:
                if all(follower == derived or follower in found for follower in self.followers[one]):
                    found.add(one)
                    waiting.append(one)
        return frozenset(found)


    def records_beneath(self, derived: int) -> tuple[Record, ...]:
        """The records with a source of their own whose rows a derived step is worked out from."""
        found: dict[str, Record] = {}
        waiting, seen = [derived], {derived}
        while waiting:
            step = self.plan.steps[waiting.pop()]
            if not isinstance(step, (LookupStep, DeriveStep)) and step.reading.derived is None:
                found[step.reading.record.name] = step.reading.record
            further = waits_on(step) - seen
            seen |= further
            waiting += further
        return tuple(found[name] for name in sorted(found))


def prepare(plan: Plan) -> Prepared:
    """Everything the executor looks up by step."""
    waits = {step.id: waits_on(step) for step in plan.steps}
    followers: dict[int, list[int]] = {step.id: [] for step in plan.steps}
    for step, above in waits.items():
        for one in above:
            followers[one].append(step)
    as_text = _shown_only(plan)
    readings = {step.id: reading for step in plan.steps if (reading := _reading(step)) is not None}
    cells = {step: _cells(reading, as_text[step]) for step, reading in readings.items()}
    shapes = {step: _once(reading.shape, cells[step]) for step, reading in readings.items()}
    return Prepared(
        plan,
        {step: len(above) for step, above in waits.items()},
        {step: tuple(below) for step, below in followers.items()},
        shapes,
        as_text,
        {step.id: _decoder(step, as_text[step.id]) for step in plan.steps},
        {
            step.id: not isinstance(step, (LookupStep, DeriveStep))
            and any(cell.blank_unless is not None for cell in step.reading.cells)
            for step in plan.steps
        },
        told={step: told_by_filter(reading) for step, reading in readings.items()},
        spread={step: _spread(each) for step, each in cells.items() if shapes[step].cells != each},
        continued=_continued(plan),
        keeping=tuple(step for step in plan.steps if isinstance(step, DeriveStep) and step.kept is not None),
    )


def _continued(plan: Plan) -> tuple[RowsStep, ...]:
    if len(plan.roots) != 1:
        return ()
    return tuple(
        step
        for step in plan.steps
        if isinstance(step, RowsStep) and step.paging and step.reading.derived is not None and step.reading.join < 0
    )


def _reading(step: Step) -> Reading | None:
    return None if isinstance(step, (LookupStep, DeriveStep)) else step.reading


def waits_on(step: Step) -> frozenset[int]:
    """The steps that must have run before this one."""
    if isinstance(step, LookupStep):
        return frozenset({step.parent})
    if isinstance(step, DeriveStep):
        return frozenset(given.step for given in step.inputs)
    above = {*step.reading.waits_on, *(join.step for join in step.reading.joins)}
    above |= {one for one in (step.reading.scan, step.reading.derived) if one is not None}
    if step.reading.keyed is not None and step.reading.keyed.parent is not None:
        above.add(step.reading.keyed.parent)
    return frozenset(above)


def _decoder(step: Step, as_text: frozenset[int]) -> Decoder | None:
    reading = _reading(step)
    if reading is None or reading.scan is not None:
        return None
    return make_decoder(reading.cells, as_text, frozenset(told_by_filter(reading)))


def _cells(reading: Reading, as_text: frozenset[int]) -> tuple[Cell | None, ...]:
    """The reading's cells, those of its decimals that are only shown asked for as text; None for those that the source
    is not asked for."""
    told = told_by_filter(reading)
    cells = (replace(cell, as_text=True) if at in as_text else cell for at, cell in enumerate(reading.shape.cells))
    return tuple(None if at in told else cell for at, cell in enumerate(cells))


def told_by_filter(reading: Reading) -> dict[int, FieldTest]:
    """By position, the test that says the cell's value; at least one cell is fetched."""
    told = dict(reading.told)
    read_here = reading.scan is not None or reading.derived is not None
    return {} if read_here or len(told) == len(reading.shape.cells) else told


def _once(shape: FetchShape, cells: tuple[Cell | None, ...]) -> FetchShape:
    """Several fields may be read from one column, which is fetched once."""
    distinct = tuple(dict.fromkeys(cell for cell in cells if cell is not None))
    return shape if distinct == shape.cells else replace(shape, cells=distinct)


def _spread(cells: tuple[Cell | None, ...]) -> tuple[int, ...]:
    at: dict[Cell | None, int] = {
        cell: place for place, cell in enumerate(dict.fromkeys(cell for cell in cells if cell is not None))
    }
    return tuple(at.get(cell, -1) for cell in cells)


def _shown_only(plan: Plan) -> dict[int, frozenset[int]]:
    """By step, the positions of decimals that nothing but the answer reads: no key, order, filter, link or function."""
    read: dict[int, set[int]] = {step.id: set() for step in plan.steps}
    for step in plan.steps:
        if isinstance(step, LookupStep):
            read[step.parent].add(step.position)
            continue
        if isinstance(step, DeriveStep):
            continue  # its inputs are scans and aggregates, which keep every cell as a value
        reading = step.reading
        if reading.keyed is not None and reading.keyed.parent is not None:
            read[reading.keyed.parent].add(reading.keyed.position)
        tested = reading.local is not None or reading.seen is not None
        opaque = tested or any(cell.blank_unless is not None for cell in reading.cells)
        if not isinstance(step, RowsStep) or step.joined_as or opaque:
            read[step.id].update(range(len(reading.cells)))
            continue
        read[step.id] |= {step.key, reading.join}
        if step.paging is not None:
            read[step.id] |= {term.position for term in step.paging.order}
    for layout in _objects(plan):
        for part in layout.part.parts:
            if isinstance(part, ValuePart) and part.field.reads:
                read[layout.step] |= {layout.positions[name, part.decision.condition] for name in part.field.reads}
    return {step.id: _decimals(step) - read[step.id] for step in plan.steps}


def _decimals(step: Step) -> frozenset[int]:
    reading = _reading(step)
    cells = () if reading is None else reading.cells
    return frozenset(
        at
        for at, cell in enumerate(cells)
        if cell.field.scalar.kind == "decimal" and cell.field.codec is not None and cell.field.codec.scale is not None
    )


def _objects(plan: Plan) -> Iterator[ObjectLayout]:
    """Every layout of objects, however deep."""
    waiting: list[Any] = []
    for root in plan.roots:
        match root:
            case KeyRootLayout():
                waiting.append(root.object)
            case ConnectionRootLayout():
                waiting.append(root.connection)
    while waiting:
        layout = waiting.pop()
        if isinstance(layout, ObjectLayout):
            yield layout
            waiting += layout.links.values()
        elif isinstance(layout, ConnectionLayout):
            waiting += layout.objects.values()
            for inner in layout.aggregates.values():
                waiting += inner.links.values()
