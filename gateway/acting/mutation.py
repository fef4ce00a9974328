"""A mutation: every root field is authorized and weighed before the first is done, then each is done and read back, one
after the other. What a payload shows is read like any query, by who asked."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import ArgumentNode, FieldNode, NameNode, VariableNode

from auth.access import Access
from auth.decisions import Decision
from gateway import pipeline, recording
from gateway.acting.outbox import Entry
from gateway.acting.worker import ActionProblem, Asked
from gateway.allowed import Refusal
from gateway.assembler import Assembler
from gateway.authorize import authorize
from gateway.executor import Execution
from gateway.house import House
from gateway.objects import written
from gateway.operation import ErrorInfo, Operation, OperationError
from gateway.partwise import keep_plan, settled_key
from gateway.pipeline import Compiled, Course, told_error
from gateway.results import Problem
from gateway.selection import Collector, Picked
from gateway.surface.roots import KEY
from gateway.templates import Literal
from schema.catalog import Action, Input
from schema.errors import Code

ID, BY = "id of the action", "key of its record"
"""Variables of the payload's plan, named as no client's can be."""
USABLE_KEY = re.compile(r"[!-~]{8,100}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Field:
    """A root field that is about to be done. ``compiled``: what reads its payload, None when no record is asked for."""

    pick: Picked
    action: Action
    decision: Decision
    payload: tuple[Picked, ...]
    compiled: Compiled | None


async def act(house: House, course: Course, operation: Operation, access: Access) -> bytes:
    """The response's body. Raises OperationError for what is too much, before anything is done."""
    picks = operation.picked()
    fields = [_field(house, operation, access, pick) for pick in picks if pick.name != "__typename"]
    _check_calls(house, fields)
    data: dict[str, Any] = {pick.key: "Mutation" for pick in picks}
    errors: list[dict[str, Any]] = []
    for field in fields:
        data[field.pick.key], told = await _done(house, course, operation, access, field)
        errors += told
    course.codes += [error["extensions"]["code"] for error in errors]
    return written({"errors": errors, "data": data} if errors else {"data": data})


def _field(house: House, operation: Operation, access: Access, pick: Picked) -> _Field:
    action = house.catalog.actions[pick.name]
    payload = operation.collector.collect(pick.selections)
    decision = access.action(action)
    if not decision.shown or all(inner.name == "__typename" for inner in payload):
        return _Field(pick, action, decision, payload, None)
    key = (operation.parsed.text_hash, operation.shape, access.key, pick.key)
    compiled = house.plans.get(settled_key(house.plans, key, operation.variables))
    if not isinstance(compiled, Compiled):
        roots = tuple(_root(house, action, inner) for inner in payload if inner.name != "__typename")
        collector = Collector(operation.parsed.fragments, {**operation.variables, ID: "", BY: ""})
        allowed = authorize(access, roots, collector)
        compiled = pipeline.compiled_over(house, allowed, frozenset())
        keep_plan(house.plans, key, operation.variables, allowed.settled, compiled)
    pipeline.check_cost(house, compiled, operation)
    return _Field(pick, action, decision, payload, compiled)


def _check_calls(house: House, fields: list[_Field]) -> None:
    """What is asked of each source when nothing goes wrong (a look at the record, the call, the record in the payload)
    is no more than one operation may ask of it."""
    calls: Counter[str] = Counter()
    sources = house.catalog.sources
    for field in fields:
        if field.decision.shown:
            about = house.catalog.records[field.action.about]
            calls[field.action.source.name] += 1
            calls[about.source.name] += 1 + sum(inner.name == about.singular for inner in field.payload)
    for name, number in calls.items():
        if number > (limit := sources[name].limits.max_calls_per_operation):
            message = f"one operation may call {name} {limit} times; have fewer things done, or show less of each"
            raise OperationError(Code.BUDGET_EXCEEDED, (ErrorInfo(message),))


def _root(house: House, action: Action, inner: Picked) -> Picked:
    """``payment { ... }`` of a payload as the query ``payment(id: ...) { ... }``."""
    kept = house.catalog.records[action.kept]
    name, record = (ID, kept) if inner.name == kept.singular else (BY, house.catalog.records[action.about])
    argument = ArgumentNode(
        name=NameNode(value=record.key_field.api_name), value=VariableNode(name=NameNode(value=name))
    )
    nodes = tuple(
        FieldNode(name=NameNode(value=record.singular), arguments=(argument,), selection_set=node.selection_set)
        for node in inner.nodes
    )
    return Picked(inner.key, record.singular, nodes)


async def _done(
    house: House, course: Course, operation: Operation, access: Access, field: _Field
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """The payload, null where nothing was done, and the errors."""
    action, path = field.action, (field.pick.key,)
    department, owner = action.department.name, action.owner
    if not field.decision.shown:
        course.refused[f"Mutation.{action.api_name}"] = field.decision.code
        message = f"Mutation.{action.api_name} is not available to you: {field.decision.reason}"
        return None, [told_error(message, path, field.decision.code, department, owner)]
    try:
        entry = await house.acting.perform(action, _asked(house, course, operation, access, field))
    except ActionProblem as problem:
        return None, [told_error(problem.message, path, problem.code, department, owner)]
    return await _payload(house, course, operation, field, entry)


def _asked(house: House, course: Course, operation: Operation, access: Access, field: _Field) -> Asked:
    """Raises ActionProblem for a principal nobody knows, a key that is none and a value that is none."""
    if not course.principal.known:
        raise ActionProblem(Code.UNAUTHENTICATED, "only who is known can have this done; send a token or an API key")
    given = field.pick.arguments(operation.variables)["input"]
    assert isinstance(given, dict)
    key = _read(given[KEY], operation.variables)
    if not USABLE_KEY.fullmatch(key):
        raise ActionProblem(Code.BAD_INPUT, f"{KEY} must have 8 to 100 characters, letters, digits and signs of ASCII")
    inputs = {one.name: _value(one, given[one.api_name], operation.variables) for one in field.action.inputs}
    decided = access.record(field.action.about).fields
    tells = all(decided[name].unconditional for name in field.action.refuse.reads if name in decided)
    return Asked(course.principal, key, inputs, field.decision.rules, tells)


def _read(leaf: Any, variables: Mapping[str, Any]) -> Any:
    return leaf.value if isinstance(leaf, Literal) else leaf.read(variables)


def _value(one: Input, leaf: Any, variables: Mapping[str, Any]) -> Any:
    """A literal is still as it was written; a variable is parsed."""
    value = one.scalar.parse(leaf.value) if isinstance(leaf, Literal) else leaf.read(variables)
    if not one.codec.spellings(value):
        raise ActionProblem(Code.BAD_INPUT, f"{one.api_name} has no such value; look at how it is written")
    return value


async def _payload(
    house: House, course: Course, operation: Operation, field: _Field, entry: Entry
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    type_name = f"{field.action.type_name}Payload"
    shown: dict[str, Any] = {inner.key: type_name for inner in field.payload}
    if field.compiled is None:
        return shown, []
    if course.run is not None:  # the payload before this one: an entry of its own, or its fields would stand nowhere
        await house.ledger.append(recording.entry(course, "ok", course.started_ms))
    variables = {**operation.variables, ID: entry.id, BY: entry.inputs[field.action.by]}
    try:
        run, compiled = await _read_back(house, course, field.compiled, variables)
    except TimeoutError:
        missing = {inner.key: None for inner in field.payload if inner.name != "__typename"}
        message = "what was done could not be read back in time; ask for it again"
        return shown | missing, [told_error(message, (field.pick.key,), Code.DEADLINE)]
    data = Assembler(run, compiled.builders).data()
    shown |= {inner.key: data.get(inner.key) for inner in field.payload if inner.name != "__typename"}
    refusals: list[Refusal | Problem] = [*compiled.prepared.plan.allowed.refusals, *run.problems]
    return shown, [
        told_error(one.message, (field.pick.key, *one.path), one.code, one.department, one.owner) for one in refusals
    ]


async def _read_back(
    house: House, course: Course, compiled: Compiled, variables: Mapping[str, Any]
) -> tuple[Execution, Compiled]:
    deadline = asyncio.get_running_loop().time() + house.time_s
    while True:
        run = Execution(compiled.prepared, variables, course.principal, house.reach, deadline)
        course.run, course.compiled = run, compiled
        async with asyncio.timeout_at(deadline + 1.0):
            await run.run()
        if not run.turned:
            return run, compiled
        plan = compiled.prepared.plan
        compiled = pipeline.compiled_over(house, plan.allowed, plan.turned | run.turned)
