"""Plans and answers, explained: the plan as stable text without values, and the ``extensions`` of a response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.allowed import LIST, Allowed, MissingPart, Path
from gateway.executor import Execution
from gateway.operation import Operation
from gateway.plan import (
    AggregateStep,
    Binding,
    DeriveStep,
    KeySetStep,
    KeysOf,
    LookupStep,
    Plan,
    Protection,
    Reading,
    RowsStep,
    ScanStep,
    Step,
)
from gateway.prepared import told_by_filter, waits_on
from gateway.request import GraphQLRequest
from gateway.templates import FromPrincipal, FromVariable, Leaf
from gateway.undated import left_out
from schema.catalog import Catalog
from schema.derive import nodes
from schema.derive.cell_tests import cells_of
from schema.derive.nodes import Node
from schema.derive.shape import children
from schema.fetch import (
    AllOf,
    Among,
    AnyOf,
    Cell,
    Comparison,
    Complement,
    Condition,
    Fixed,
    NullCheck,
)
from schema.relations import relation_name

Actual = Mapping[int, tuple[int, int]]
"""Rows and calls of each step that reached its source."""


def plan_text(plan: Plan, actual: Actual | None = None) -> str:
    """One block a step; every value is a placeholder, so the text is the same for everybody with the same grants.
    ``actual``: what a run has measured, told beside what was expected."""
    blocks = [_step(step) + _measured(step, actual or {}) for step in _in_order(plan)]
    blocks += [f"refused {refusal.coordinate}: {refusal.code}" for refusal in plan.allowed.refusals]
    blocks += [
        f"narrowed {told.record} at {_path(told.path)} by {', '.join(told.rules)}" for told in plan.allowed.narrowed
    ]
    blocks += [
        f"missing {told.record} {told.part} at {_path(told.path)}: {told.code}" for told in plan.allowed.missing
    ]
    return "\n".join(blocks) + "\n"


def _measured(step: Step, actual: Actual) -> str:
    if step.id not in actual:
        return ""
    rows, calls = actual[step.id]
    return f"\n    read: {rows:,} rows in {calls} {'call' if calls == 1 else 'calls'}"


def _in_order(plan: Plan) -> list[Step]:
    """The steps so that each stands behind those it waits for; else by number."""
    done: dict[int, Step] = {}
    left = list(plan.steps)
    while left:
        step = next(step for step in left if waits_on(step) <= done.keys())
        done[step.id] = step
        left.remove(step)
    return list(done.values())


def _path(path: Path) -> str:
    return ".".join(part for part in path if part != LIST)


def _step(step: Step) -> str:
    match step:
        case LookupStep():
            return f"[{step.id}] look up {step.record.type_name}.{step.field.api_name} by rows of [{step.parent}]"
        case DeriveStep():
            return "\n".join(_derive(step))
        case RowsStep() | ScanStep():
            kind = "fetch"
        case AggregateStep():
            kind = "aggregate" if step.pushed else "fetch and aggregate here"
        case KeySetStep():
            kind = "key set"
    reading = step.reading
    record = reading.record
    if reading.scan is not None:
        return "\n".join(_over(step, reading, reading.scan))
    if reading.derived is not None:
        kind = f"take from [{reading.derived}]"
    lines = [
        f"[{step.id}] {kind} {record.name} from {record.source_name} ({record.department.name}) at {_path(step.path)}"
    ]
    lines.append(f"    about {_about(reading.about)} rows")
    if isinstance(step, RowsStep) and step.joined_as:
        lines.append(f"    to be joined in for the link {step.joined_as}")
    if isinstance(step, KeySetStep):
        lines.append(_direction(step, reading))
    lines += [
        f"    joined in the source: {one.record.name} for the filter through {one.into}, less than keys or rows first"
        for one in reading.joined
    ]
    lines += _keys(reading)
    shape = reading.shape
    known = told_by_filter(reading)
    cells = [cell for at, cell in enumerate(shape.cells) if at not in known] or shape.groups
    if known:
        lines.append(f"    the filter says: {', '.join(reading.cells[at].field.api_name for at in known)}")
    if cells:
        named = ", ".join(_cell(cell, reading) for cell in dict.fromkeys(cells))
        lines.append(f"    {'columns' if shape.cells else 'groups'}: {named}")
    if shape.measures:
        told = [
            m.function.value if m.cell is None else f"{m.function.value}({_cell(m.cell, reading)})"
            for m in shape.measures
        ]
        lines.append(f"    measures: {', '.join(told)}")
    if shape.where != Fixed(True):
        lines.append(f"    where: {_condition(shape.where, reading.params)}")
    if reading.local is not None or reading.seen is not None:
        lines.append("    then here: filter")
    if isinstance(step, RowsStep) and step.paging is not None:
        lines.append(_order(step, reading))
    if isinstance(step, AggregateStep) and step.protection is not None:
        lines.append(_withheld(step.protection))
    return "\n".join(lines)


def _withheld(protection: Protection) -> str:
    picked = "; then here: pick cells by the filter" if protection.asked is not None else ""
    return f"    withhold: cells under {protection.k}{picked}"


def _derive(step: DeriveStep) -> list[str]:
    """The query of a derived record, a line a part, over the steps that read for it."""
    inputs = ", ".join(f"[{given.step}]" for given in step.inputs)
    lines = [f"[{step.id}] work out {step.record.name} here" + (f", from {inputs}" if inputs else "")]
    return [*lines, *_query(step.query, step, 1)]


def _query(node: Node, step: DeriveStep, depth: int) -> list[str]:
    match node:
        case nodes.Given(step=number):
            told = f"rows of [{step.inputs[number].step}]"
        case nodes.RowsOf(record=name):
            told = f"rows of {name}"
        case nodes.Joined(on=on, kind=kind):
            word = {"inner": "join", "left": "left join", "full": "match"}.get(kind, kind)
            told = f"{word} on {', '.join(f'{one} = {other}' for one, other in on)}"
        case nodes.Grouped(by=by, measures=measures):
            told = f"group by {', '.join(by)}: {', '.join(name for name, _ in measures)}"
        case nodes.Kept(tests=tests):
            told = f"keep by {', '.join(dict.fromkeys(name for test in tests for name in cells_of(test)))}"
        case nodes.Computed(cells=added):
            told = f"compute {', '.join(f'{name} ({expression.function})' for name, expression in added)}"
        case nodes.Latest(by=by, on=first):
            told = f"latest by {first} of each {', '.join(by)}"
        case nodes.Held(by=by, on=first):
            told = f"carry forward by {first} of each {', '.join(by)}"
        case nodes.Spread(first=first, last=last):
            told = f"a row a month from {first} to {last}"
        case nodes.Gaps(by=by, on=first):
            told = f"the missing {first} of each {', '.join(by)}"
        case nodes.Published(table=table, part=part, k=k):
            told = f"publish a table for each {', '.join(table)} by {part}, no figure under {k}"
        case nodes.Together():
            told = "together"
        case nodes.Parts(parts=named):
            return _parts(named, step, depth)
        case nodes.Ranked(by=by):
            told = f"rank for each {', '.join(by)}"
        case nodes.Compared(by=by, back=back):
            told = f"compare with the {back} before, of each {', '.join(by)}"
        case nodes.Listed(rows=rows) | nodes.Described(rows=rows):
            told = f"{len(rows)} rows declared"
        case nodes.Quantile(value=value, by=by, fraction=fraction):
            told = f"quantile {fraction} of {value} for each {', '.join(by) or 'row'}"
    below = [line for child in children(node) for line in _query(child, step, depth + 1)]
    return [f"{'    ' * depth}{told}", *below]


def _parts(named: tuple[tuple[str, Node], ...], step: DeriveStep, depth: int) -> list[str]:
    """What stands together though each may be missing."""
    lines = [f"{'    ' * depth}parts, each by itself"]
    for name, part in named:
        lines += [f"{'    ' * (depth + 1)}{name}", *_query(part, step, depth + 2)]
    return lines


def _over(step: RowsStep | ScanStep | AggregateStep | KeySetStep, reading: Reading, scan: int) -> list[str]:
    """A step that goes on with the rows of another one."""
    what = {RowsStep: "order and page", AggregateStep: "aggregate", KeySetStep: "key set", ScanStep: "rows"}[type(step)]
    if isinstance(step, AggregateStep) and step.merges is not None:
        what = "merge groups"
    lines = [f"[{step.id}] {what} here, from [{scan}], {reading.record.name} at {_path(step.path)}"]
    if isinstance(step, KeySetStep):
        lines.append(f"    for the filter through {step.into}")
    if reading.joins:
        lines.append(f"    joined in: {', '.join(f'[{join.step}]' for join in reading.joins)}")
    if reading.local is not None:
        asked = [f"[{step}]" for step in reading.waits_on]
        lines.append(f"    filter: rows first, then keys of {', '.join(asked)}" if asked else "    filter")
    if isinstance(step, RowsStep) and step.paging is not None:
        lines.append(_order(step, reading))
    if isinstance(step, AggregateStep) and step.protection is not None:
        lines += [f"    table by: {', '.join(step.protection.fields)}", _withheld(step.protection)]
    return lines


def _direction(step: KeySetStep, reading: Reading) -> str:
    if reading.keyed is None:
        return f"    keys first: for the filter through {step.into}, fewer than the rows they filter"
    return f"    rows first: for the filter through {step.into}, fewer than the keys that would pass"


def _about(rows: float) -> str:
    """Rows expected, in two figures: estimates claim no more."""
    if rows < 1:
        return "1"
    digits = max(0, len(str(int(rows))) - 2)
    return f"{int(round(rows, -digits)):,}"


def _keys(reading: Reading) -> list[str]:
    keyed = reading.keyed
    if keyed is None:
        return []
    origin = "the argument" if keyed.parent is None else f"rows of [{keyed.parent}]"
    if not keyed.pushed or reading.shape.key is None:
        return [f"    keys: from {origin}, matched here"]
    limits = reading.record.source.limits
    return [f"    keys: {reading.shape.key.name} from {origin}, at most {limits.max_keys} a call"]


def _order(step: RowsStep, reading: Reading) -> str:
    paging = step.paging
    assert paging is not None
    told = [f"{term.name} {'DESC' if term.descending else 'ASC'}" for term in paging.order]
    where = "" if paging.pushed else "then here: "
    per = " for each key" if reading.keyed is not None else ""
    return f"    {where}order: {', '.join(told)}; page{per}"


def _cell(cell: Cell, reading: Reading) -> str:
    return cell.column.name if cell.when is None else f"{cell.column.name} if {_condition(cell.when, reading.params)}"


def _condition(condition: Condition, params: tuple[Binding, ...]) -> str:
    match condition:
        case Fixed(value=value):
            return "true" if value else "false"
        case AllOf(parts=parts):
            return " and ".join(f"({_condition(part, params)})" for part in parts)
        case AnyOf(parts=parts):
            return " or ".join(f"({_condition(part, params)})" for part in parts)
        case Complement(part=part):
            return f"not ({_condition(part, params)})"
        case NullCheck(column=column):
            return f"{column.name} is null"
        case Comparison(column=column, op=op, param=param):
            return f"{column.name} {op} {_leaf(params[param.index].leaf)}"
        case Among(column=column, relation=relation, remote=remote, where=where):
            asked = "" if where == Fixed(True) else f" where {_condition(where, params)}"
            return f"{column.name} in ({relation_name(relation)}.{remote.name}{asked})"


def _leaf(leaf: Leaf | KeysOf) -> str:
    match leaf:
        case KeysOf(step=step):
            return f"keys of [{step}]"
        case FromVariable(path=path):
            return "$" + ".".join(map(str, path))
        case FromPrincipal(attribute=attribute):
            return f"principal.{attribute}"
    return "?"


def extensions(operation: Operation, request: GraphQLRequest, run: Execution, allowed: Allowed) -> dict[str, Any]:
    """``narrowed`` and ``missing`` always when they apply; ``provenance`` and ``plan`` when asked for, the plan only to
    those with a grant to diagnose every department touched."""
    told: dict[str, Any] = {}
    if allowed.narrowed:
        told["narrowed"] = [
            {"path": [part for part in one.path if part != LIST], "record": one.record, "rule": ", ".join(one.rules)}
            for one in allowed.narrowed
        ]
    if allowed.missing or run.missing:
        told["missing"] = [_missing(one) for one in (*allowed.missing, *run.missing)]
    if request.extensions.get("provenance") is True:
        told["provenance"] = provenance(run, allowed)
    if request.extensions.get("plan") is True:
        plan = run.prepared.plan
        if all(allowed.access.granted("diagnose", department) for department in plan.departments):
            told["plan"] = {
                "text": plan_text(plan), "rows": run.sources.rows_read, "sourceCalls": run.sources.calls,
                "steps": measured(run),
            }  # fmt: skip
    return told


def _missing(one: MissingPart) -> dict[str, Any]:
    return {
        "path": [part for part in one.path if part != LIST], "record": one.record, "part": one.part, "code": one.code,
        "why": one.why, "department": one.department, "owner": one.owner,
    }  # fmt: skip


def measured(run: Execution) -> list[dict[str, Any]]:
    """Of each step that reached its source: the rows expected, the rows read and the calls they took."""
    steps = run.prepared.plan.steps
    told = []
    for number, (rows, calls) in sorted(run.sources.actual.items()):
        step = steps[number]
        assert not isinstance(step, (LookupStep, DeriveStep))
        about = round(step.reading.about)
        told.append({"step": number, "estimatedRows": about, "rows": rows, "sourceCalls": calls})
    return told


def provenance(run: Execution, allowed: Allowed) -> list[dict[str, Any]]:
    """Per department: its sources with owner and freshness, and what was masked or refused, with the rule ids."""
    catalog: Catalog = allowed.access.catalog
    undated = left_out(run.prepared.plan, run.undated)
    told = []
    for name in sorted(run.prepared.plan.departments | {r.department for r in allowed.refusals if r.department}):
        department = catalog.departments[name]
        sources = []
        for record in catalog.records.values():
            if record.department.name == name and record.name in run.sources.rows_read:
                as_of, stale = run.sources.freshness.get(record.source.name, (None, False))
                source: dict[str, Any] = {
                    "record": record.type_name, "source": record.source_name, "owner": record.owner,
                    "asOf": as_of, "stale": stale,
                }  # fmt: skip
                if record.name in undated:
                    source["undated"] = undated[record.name]
                sources.append(source)
        own = {record.type_name for record in catalog.records.values() if record.department.name == name}
        told.append(
            {
                "department": name,
                "owner": department.post,
                "sources": sources,
                "shown": _rules(allowed.shown, own),
                "masked": _rules(allowed.masked, own),
                "refused": [
                    {"coordinate": refusal.coordinate, "code": refusal.code}
                    for refusal in allowed.refusals
                    if refusal.department == name
                ],
            }
        )
    return told


def _rules(decided: dict[str, tuple[str, ...]], own: set[str]) -> list[dict[str, Any]]:
    return [
        {"coordinate": coordinate, "rules": list(rules)}
        for coordinate, rules in decided.items()
        if coordinate.split(".")[0].removesuffix("Connection") in own
    ]
