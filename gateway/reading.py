"""The rows one step reads: fetched, or taken from another step; decoded, blanked and tested, a column at a time."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from gateway import grouping, undated
from gateway.allowed import Path
from gateway.decode import blank
from gateway.fetching import Unfetched
from gateway.plan import (
    AggregateStep,
    DeriveStep,
    JoinIn,
    Keyed,
    KeySetStep,
    LookupStep,
    Reading,
    ReadingStep,
    ScanStep,
    Step,
)
from gateway.results import Failed, RowsResult
from gateway.run import Run, Stop
from gateway.table import WITHHELD, Table
from schema.errors import Code
from schema.fetch import FetchShape

COUNTED = -1
"""In the place of a step: a count beside the plan."""


async def read(
    run: Run,
    step: ReadingStep,
    shape: FetchShape,
    params: tuple[Any, ...],
    limit: int | None,
    keys: list[Any] | None,
) -> Table:
    """The step's rows that may be seen and pass its tests. Raises Stop."""
    reading, path = step.reading, step.path
    if reading.scan is not None:
        return _over_scan(run, reading, reading.scan, path)
    if reading.derived is not None:
        raw = _derived(run, reading, reading.derived)
    else:
        rows = await fetched(run, step.id, reading, path, shape, params, limit, keys)
        raw = Table.of(rows, len(shape.cells) + len(shape.measures))
        if (spread := run.prepared.spread.get(step.id)) is not None:
            raw = _with_told(run, step.id, raw.taking(spread))
    table = _decoded(run, step, raw)
    if reading.local_params or reading.local is not None or run.prepared.blanking[step.id]:
        local_params = run.params(reading.local_params, path)
        if run.prepared.blanking[step.id]:
            table = blank(table, reading.cells, local_params)
        if reading.undated is not None and not reading.quiet:
            run.undated[step.id] = undated.among(reading.undated, table, local_params)
        if reading.local is not None:
            table = table.kept(reading.local.judged_columns(table.columns, table.size, local_params))
    if keys is not None and _matches_here(reading.keyed):
        wanted = frozenset(keys)
        table = table.kept([cell in wanted for cell in table.columns[reading.join]])
    return table


async def scanned(run: Run, step: ScanStep | KeySetStep | AggregateStep) -> Table:
    """All of the step's rows. Raises Stop."""
    params = run.pushed(step.reading, step.path)
    return await read(run, step, run.prepared.shapes[step.id], params, None, run.keys(step.reading.keyed))


def with_keys(run: Run, step: ReadingStep, table: Table) -> Table:
    """Without the rows whose key cannot be read, which is told once."""
    if step.key < 0 or None not in table.columns[step.key]:
        return table
    record = step.reading.record
    if not step.reading.quiet:
        run.tell(
            step.path, Code.SOURCE_UNAVAILABLE,
            f"{record.type_name}: a row without a readable {record.key_field.api_name} is left out", record,
            f"{record.name}.key",
        )  # fmt: skip
    return table.kept([cell is not None for cell in table.columns[step.key]])


async def fetched(
    run: Run,
    step: int,
    reading: Reading,
    path: Path,
    shape: FetchShape,
    params: tuple[Any, ...],
    limit: int | None,
    keys: list[Any] | None,
) -> list[Any]:
    """The source's rows as it gives them. Raises Stop."""
    try:
        return await run.sources.fetch(step, reading, shape, params, limit, keys)
    except Unfetched as problem:
        about = f"{'/'.join(path)} {reading.record.source.name}"
        run.tell(path, problem.code, problem.message, reading.record, about)
        raise Stop(problem.code) from problem


async def count_undated(run: Run) -> None:
    """Asks the sources that leave out rows without a recorded date by themselves how many these are."""
    for step in run.prepared.plan.steps:
        reading = None if isinstance(step, (LookupStep, DeriveStep)) else step.reading
        if reading is None or reading.quiet or reading.undated is None or reading.undated.shape is None:
            continue
        try:
            params = run.params(reading.undated.params, step.path)
            keys = run.keys(reading.keyed)
            counted = await fetched(run, COUNTED, reading, step.path, reading.undated.shape, params, None, keys)
        except Stop:
            continue
        finally:
            run.sources.actual.pop(COUNTED, None)
        run.undated[step.id] = sum(row[0] for row in counted)


def table_of(step: Step, brought: Any, withheld: Any = WITHHELD) -> Table:
    """What a step brought, a column at a time; ``withheld`` stands for figures that are."""
    match brought, step:
        case grouping.Groups(), AggregateStep(groups=groups, partials=partials):
            rows = brought.flat(withheld)
            return Table.of(rows, len(groups) + len(partials) + 2, brought.protected and withheld is WITHHELD)
        case RowsResult(table=table), _:
            return table
    assert isinstance(brought, Table)
    return brought


def _decoded(run: Run, step: ReadingStep, raw: Table) -> Table:
    """Decoded rows that may be seen; what cannot be read is told of these only."""
    reading, decoder = step.reading, run.prepared.decoders[step.id]
    seen = reading.seen
    if seen is None:
        if decoder is None:
            return raw
        return decoder.table(raw, partial(run.unreadable, step.path, reading=reading))
    unreadable: list[Any] = []
    table = raw if decoder is None else decoder.table(raw, unreadable.append)
    passing = seen.judged_columns(table.columns, table.size, run.params(reading.local_params, step.path))
    if unreadable and decoder is not None:
        decoder.table(raw.kept(passing), partial(run.unreadable, step.path, reading=reading))
    return table.kept(passing)


def _with_told(run: Run, step: int, table: Table) -> Table:
    """With the cells that the filter says."""
    columns = list(table.columns)
    for at, test in run.prepared.told[step].items():
        columns[at] = [run.read(test.value, test.field.scalar.parse)] * table.size
    return replace(table, columns=tuple(columns))


def _derived(run: Run, reading: Reading, derived: int) -> Table:
    """The cells of a derived record's rows."""
    above = run.brought(derived)
    assert isinstance(above, Table)
    return above.taking(reading.taken)


def _over_scan(run: Run, reading: Reading, scan: int, path: Path) -> Table:
    """Another step's rows, widened by linked cells as further columns, and tested."""
    table = table_of(run.prepared.plan.steps[scan], run.brought(scan), None)
    columns = list(table.columns)
    for join in reading.joins:
        columns += _linked(run, join, columns[join.position])
    table = Table(tuple(columns), table.size)
    if reading.local is None:
        return table
    return table.kept(reading.local.judged_columns(columns, table.size, run.params(reading.local_params, path)))


def _linked(run: Run, join: JoinIn, cells: Any) -> list[list[Any]]:
    """The linked rows' cells for each of the values they are joined by."""
    linked = run.results[join.step]
    if not isinstance(linked, RowsResult) or linked.by_key is None:
        raise Stop(linked.code if isinstance(linked, Failed) else Code.INTERNAL)
    standing = {key: indexes[0] for key, indexes in linked.by_key.items()}
    places = list(map(standing.get, cells))
    return [
        [None if place is None else column[place] for place in places] for column in linked.table.columns[: join.width]
    ]


def _matches_here(keyed: Keyed | None) -> bool:
    """Whether the source may have brought rows of other keys, or could not be asked by key at all."""
    return keyed is not None and (not keyed.pushed or keyed.codec.name != "identity")
