"""A derived record's rows, worked out of what other steps brought: here, or in the engine. Where something did not
come, the part that needs it is left out and named."""

from __future__ import annotations

from collections.abc import Mapping

from gateway import grouping
from gateway.allowed import cut
from gateway.columnwise import begun, evaluate
from gateway.keeping import keep_figures
from gateway.partwise import missing, without
from gateway.plan import DeriveInput, DeriveStep, LookupStep
from gateway.reading import table_of
from gateway.run import Run, Stop
from gateway.table import PastBound, Table
from schema.catalog import Record
from schema.derive.nodes import Node
from schema.derive.shape import parts_of
from schema.errors import Code

UNREACHED = "its source cannot be reached now"
LOST: dict[str, str] = {
    Code.DEADLINE: "its source did not answer in time", Code.BUDGET_EXCEEDED: "more would have to be read than allowed",
}  # fmt: skip


class _Withheld(Exception):
    """All totals a query needs are withheld."""


async def derived(run: Run, step: DeriveStep) -> Table:
    """The step's rows. Raises Stop."""
    given: dict[int, Table] = {}
    lost: dict[int, tuple[str, str]] = {}
    for number, part in enumerate(step.inputs):
        try:
            given[number] = _input(run, part)
        except _Withheld:
            lost[number] = Code.REFUSED, "the totals it needs are withheld as a whole: too few persons in them"
        except Stop as stop:
            lost[number] = stop.code, LOST.get(stop.code, UNREACHED)
    if not lost:
        table = (await _evaluated(run, step, step.query, given)).taking(step.places).told()
        if step.kept is not None:
            keep_figures(run, step, table)
        return table
    absent = {name: min(inputs & lost.keys()) for name, inputs in step.parts if inputs & lost.keys()}
    if len(absent) == len(step.parts):
        code, why = lost[min(lost)]
        if code == Code.REFUSED:
            raise run.fail(step.path, code, f"{step.record.type_name}: {why}", step.record)
        raise Stop(code)
    for name, number in absent.items():
        record = _record_of(run, step.inputs[number].step)
        run.missing.append(missing(step.record, cut(step.path), name, record, *lost[number]))
    found = await _evaluated(run, step, without(step.query, frozenset(absent)), given)
    return found.taking(step.places).told()


async def _evaluated(run: Run, step: DeriveStep, query: Node, given: Mapping[int, Table]) -> Table:
    """Worked out here, or in the engine where a join makes more rows than may be held here. How many they would be
    is not told: rows are among them that the caller may not see (SEMANTICS 14)."""
    most, engine = run.reach.intermediate_rows, run.reach.engine
    try:
        if step.id not in run.begun:
            return evaluate(query, given, most)
        evaluation, known = run.begun.pop(step.id)
        known.update(given)
        return evaluation.table(query)
    except PastBound:
        if engine is not None:
            try:
                return await engine.evaluate(query, given, most, run.deadline)
            except PastBound:
                pass
            except TimeoutError:
                late = f"{step.record.type_name}: could not be worked out in time; narrow the question"
                raise run.fail(step.path, Code.DEADLINE, late, step.record) from None
    more = "" if engine is not None else "; the extra 'analytics' lets a gateway join more"
    raise run.fail(
        step.path, Code.BUDGET_EXCEEDED,
        f"{step.record.type_name}: working it out would make more than {most} rows (limits.intermediate_rows); "
        f"narrow the question{more}", step.record,
    )  # fmt: skip


def work_ahead(run: Run, step: DeriveStep) -> None:
    """Works out those parts whose inputs are all there, while the others' are waited for."""
    whole = parts_of(step.query)
    if whole is None or step.id in run.results:
        return
    if step.id not in run.begun:
        given: dict[int, Table] = {}
        run.begun[step.id] = begun(step.query, given, run.reach.intermediate_rows), given
    evaluation, given = run.begun[step.id]
    inputs = dict(step.parts)
    for name, part in whole.parts:
        if all(step.inputs[number].step in run.results for number in inputs[name]):
            try:
                given |= {number: _input(run, step.inputs[number]) for number in inputs[name] - given.keys()}
                evaluation.work_ahead(part)
            except (_Withheld, Stop, PastBound):
                continue  # told when the whole of it is put together


def _input(run: Run, part: DeriveInput) -> Table:
    above = run.brought(part.step)
    if isinstance(above, grouping.Groups) and above.instead is not None:
        raise _Withheld
    return table_of(run.prepared.plan.steps[part.step], above).taking(part.places)


def _record_of(run: Run, number: int) -> Record:
    """Whose rows a step reads: where it goes on with another's, that one's."""
    step = run.prepared.plan.steps[number]
    return step.record if isinstance(step, (DeriveStep, LookupStep)) else step.reading.record
