"""``answer``: the line a value travels, one line a stage.

No response leaves before its ledger entry is durable; whatever goes wrong on the way is answered with a stable code and
recorded like a success.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from graphql import DocumentNode, ExecutionResult, GraphQLSchema, SelectionSetNode, execute

from auth.credentials import NO_CONTEXT, Context, Credentials
from auth.errors import AuthError
from auth.principal import ANONYMOUS, Principal
from gateway import explain as explaining
from gateway import recording
from gateway.allowed import Allowed
from gateway.assembler import Assembler
from gateway.authorize import authorize, roots_of
from gateway.cost import Cost, cost_of
from gateway.executor import Execution
from gateway.house import House
from gateway.objects import Builder, written
from gateway.operation import ErrorInfo, NotAQuery, Operation, OperationError
from gateway.partwise import keep_plan, settled_key
from gateway.planner import make_plan
from gateway.prepared import Prepared, prepare
from gateway.request import Answer, GraphQLRequest, Incoming
from schema.errors import Code

log = structlog.get_logger("gateway")

GRACE_S = 1.0
"""Sources end at the deadline; what they brought may then still be put together for so long."""
PATIENCE = 0.25
MOST_PATIENCE_S = 0.05
BESIDE = frozenset({"catalog", "field"})
CONTEXT_NAMES = {"purpose": "purpose", "case": "case", "onBehalfOf": "on_behalf_of"}


class TooLate(OperationError):
    """What the departments told in time could not be put together in time."""

    def __init__(self) -> None:
        message = "the answer could not be put together in time; try again later, or ask for less"
        super().__init__(Code.DEADLINE, (ErrorInfo(message),))


@dataclass(frozen=True, slots=True)
class Compiled:
    """A cached plan and the code generated for it. ``beside``: root fields graphql-core answers. ``fixed_cost``: what
    every run costs, None when it depends on the variables."""

    prepared: Prepared
    builders: dict[int, Builder]
    beside: bool
    footprint: recording.Footprint
    cost: Cost
    fixed_cost: int | None


@dataclass(slots=True)
class Course:
    """How far one request has come; what its ledger entry is written from."""

    incoming: Incoming
    started_ms: int
    principal: Principal = ANONYMOUS
    operation: Operation | None = None
    compiled: Compiled | None = None
    run: Execution | None = None
    codes: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """Actions that were refused: coordinate -> code."""


async def act(house: House, course: Course, operation: Operation, access: Any) -> bytes:
    """A mutation's response. What it shows is read by the stages here, so its module stands above this one."""
    from gateway.acting.mutation import act as acted

    return await acted(house, course, operation, access)


async def _answered(house: House, course: Course, operation: Operation, access: Any) -> bytes:
    """A query's response."""
    course.compiled = compiled = _compiled(house, operation, access)
    check_cost(house, compiled, operation)
    run, compiled = await _run_whole(house, course, compiled, operation, access)
    if course.incoming.request.extensions.get("provenance") is True:
        await run.count_undated()
    return _body(house, course, run, compiled, operation)


async def answer(house: House, incoming: Incoming) -> Answer:
    """The response to a request, once its ledger entry is durable."""
    course = Course(incoming, int(time.time() * 1000))
    outcome, body = "ok", b""
    house.under_way += 1
    try:
        course.principal = await house.authenticator.authenticate(*claims(incoming))
        access = house.policy.access(course.principal)
        course.operation = operation = house.reader(access).read(incoming.request, acts=not incoming.read_only)
        if operation.acts:
            body = await act(house, course, operation, access)
        else:
            body = await _answered(house, course, operation, access)
    except OperationError as error:
        outcome = _outcome(error, incoming)
        course.codes.append(error.code)
        body = _errors([{"message": info.message, **locations(info), "extensions": {"code": error.code}}
                        for info in error.errors])  # fmt: skip
    except AuthError as error:
        outcome = "unauthenticated" if error.code == Code.UNAUTHENTICATED else "request_error"
        course.codes.append(error.code)
        body = _errors([{"message": error.message, "extensions": {"code": error.code}}])
    except Exception as error:
        outcome = "internal"
        course.codes.append(Code.INTERNAL)
        log.error("request failed", request=incoming.request_id, kind=type(error).__name__, where=place_of(error))
        message = "something went wrong here; tell the operators the request id"
        body = _errors([{"message": message, "extensions": {"code": Code.INTERNAL, "requestId": incoming.request_id}}])
    finally:
        house.under_way -= 1
    now_ms = int(time.time() * 1000)
    try:
        entry = recording.entry(course, outcome, now_ms)
        receipt = await house.ledger.append(entry, _patience_s(house, now_ms - course.started_ms))
    except AuthError as error:
        return Answer(_errors([{"message": error.message, "extensions": {"code": error.code}}]), "ledger_unavailable")
    return Answer(body, outcome, receipt)


def _outcome(error: OperationError, incoming: Incoming) -> str:
    if isinstance(error, TooLate):
        return "late"
    return "not_allowed" if incoming.read_only and isinstance(error, NotAQuery) else "request_error"


def _patience_s(house: House, taken_ms: int) -> float:
    """How long the entry may wait for others to share its commit: not at all when none is to come, else a small part of
    the time its request has taken anyway."""
    return min(MOST_PATIENCE_S, taken_ms / 1000 * PATIENCE) if house.under_way and taken_ms > 0 else 0.0


async def _run_whole(
    house: House, course: Course, compiled: Compiled, operation: Operation, access: Any
) -> tuple[Execution, Compiled]:
    """The execution whose plan did not have to be turned round, and what it ran: each time at further links."""
    course.run = run = await _run(house, course, compiled)
    while run.turned:
        course.compiled = compiled = _turned(house, operation, access, compiled, run.turned)
        course.run = run = await _run(house, course, compiled)
    return run, compiled


async def _run(house: House, course: Course, compiled: Compiled) -> Execution:
    """One execution of the plan. What an earlier one cost counts, and so does its time."""
    first = course.run
    assert course.operation is not None
    deadline = asyncio.get_running_loop().time() + house.time_s if first is None else first.deadline
    run = Execution(compiled.prepared, course.operation.variables, course.principal, house.reach, deadline)
    if first is not None:
        run.sources.calls, run.sources.rows_read = first.sources.calls, first.sources.rows_read
    try:
        async with asyncio.timeout_at(deadline + GRACE_S):
            await run.run()
    except TimeoutError:
        run.results.clear()  # what was read stands in the ledger, and that nothing of it was given
        course.run = run
        raise TooLate from None
    return run


def claims(incoming: Incoming) -> tuple[Credentials, Context]:
    """Who asks and in what context; header and body must not disagree."""
    claims: dict[str, str] = {}
    extensions = incoming.request.extensions
    for name, attribute in CONTEXT_NAMES.items():
        told, header = extensions.get(name), getattr(incoming, attribute)
        if told is not None and not isinstance(told, str):
            raise AuthError(Code.BAD_INPUT, f"extensions.{name} must be text")
        if told is not None and header is not None and told != header:
            raise AuthError(Code.BAD_INPUT, f"the header and extensions.{name} disagree; send one of them")
        if (value := header if told is None else told) is not None:
            claims[attribute] = value
    return Credentials(incoming.authorization, incoming.api_key), Context(**claims) if claims else NO_CONTEXT


def _compiled(house: House, operation: Operation, access: Any) -> Compiled:
    compiled = house.plans.get(settled_key(house.plans, _plan_key(operation, access), operation.variables))
    if not isinstance(compiled, Compiled):
        compiled = _compile(house, operation, allow(operation, access), frozenset())
        _keep(house, operation, access, compiled)
    return compiled


def _turned(house: House, operation: Operation, access: Any, compiled: Compiled, turned: set[str]) -> Compiled:
    """The plan turned round at some links, which later requests then start with."""
    plan = compiled.prepared.plan
    compiled = _compile(house, operation, plan.allowed, plan.turned | turned)
    _keep(house, operation, access, compiled)
    return compiled


def _keep(house: House, operation: Operation, access: Any, compiled: Compiled) -> None:
    settled = compiled.prepared.plan.allowed.settled
    keep_plan(house.plans, _plan_key(operation, access), operation.variables, settled, compiled)


def _plan_key(operation: Operation, access: Any) -> Hashable:
    return (operation.parsed.text_hash, operation.shape, access.key)


def _compile(house: House, operation: Operation, allowed: Allowed, turned: frozenset[str]) -> Compiled:
    known = roots_of(house.catalog)
    beside = any(pick.name not in known for pick in operation.picked())
    return compiled_over(house, allowed, turned, beside)


def compiled_over(house: House, allowed: Allowed, turned: frozenset[str], beside: bool = False) -> Compiled:
    """The plan of an authorized operation, ready to run."""
    prepared = prepare(make_plan(allowed, turned))
    cost = cost_of(allowed)
    fixed = None if cost.varies else cost.of({}, house.reach.default_first, house.reach.max_first)
    return Compiled(prepared, {}, beside, recording.footprint(prepared.plan), cost, fixed)


def check_cost(house: House, compiled: Compiled, operation: Operation) -> None:
    """Raises OperationError when the answer could hold more values than the limit."""
    cost = compiled.fixed_cost
    if cost is None:
        cost = compiled.cost.of(operation.variables, house.reach.default_first, house.reach.max_first)
    if cost > house.limits.cost:
        message = (
            f"the answer could hold {cost} values, and the cost of an operation may be {house.limits.cost}; "
            "ask for smaller pages (first) in nested lists, or for fewer fields"
        )
        raise OperationError(Code.BUDGET_EXCEEDED, (ErrorInfo(message),))


def allow(operation: Operation, access: Any) -> Allowed:
    """The operation, authorized for this access."""
    return authorize(access, operation.picked(), operation.collector)


def _body(house: House, course: Course, run: Execution, compiled: Compiled, operation: Operation) -> bytes:
    allowed = compiled.prepared.plan.allowed
    data = Assembler(run, compiled.builders).data()
    errors = [
        told_error(refusal.message, refusal.path, refusal.code, refusal.department, refusal.owner)
        for refusal in allowed.refusals
    ] + [
        told_error(problem.message, problem.path, problem.code, problem.department, problem.owner)
        for problem in run.problems
    ]
    if compiled.beside:
        beside = _beside(house.schema_of(allowed.access), operation, course.incoming.request)
        data = {pick.key: data.get(pick.key, (beside.data or {}).get(pick.key)) for pick in operation.picked()}
        errors += [
            told_error(error.message, tuple(map(str, error.path or ())), Code.BAD_INPUT)
            for error in beside.errors or ()
        ]
    course.codes += [error["extensions"]["code"] for error in errors]
    response: dict[str, Any] = {"errors": errors, "data": data} if errors else {"data": data}
    extensions = explaining.extensions(operation, course.incoming.request, run, allowed)
    if extensions:
        response["extensions"] = extensions
    return written(response)


def _beside(schema: GraphQLSchema, operation: Operation, request: GraphQLRequest) -> ExecutionResult:
    """What graphql-core answers: introspection, ``catalog`` and ``field``; planned roots are left out of it."""
    query = schema.query_type
    assert query is not None
    nodes = tuple(
        node for pick in operation.picked() if pick.name in BESIDE or pick.name.startswith("__") for node in pick.nodes
    )
    parsed = operation.parsed
    definition = replace(parsed.definition, selection_set=SelectionSetNode(selections=nodes))
    document = DocumentNode(definitions=(definition, *parsed.fragments.values()))
    result = execute(schema, document, variable_values=dict(request.variables))
    assert isinstance(result, ExecutionResult)
    return result


def told_error(
    message: str, path: tuple[str, ...], code: str, department: str | None = None, owner: str | None = None
) -> dict[str, Any]:
    extensions: dict[str, Any] = {"code": code}
    if department is not None:
        extensions |= {"department": department, "owner": owner}
    error: dict[str, Any] = {"message": message, "extensions": extensions}
    if path:
        error["path"] = list(path)
    return error


def _errors(errors: list[dict[str, Any]]) -> bytes:
    return written({"errors": errors})


def locations(info: ErrorInfo) -> dict[str, Any]:
    if not info.locations:
        return {}
    return {"locations": [{"line": line, "column": column} for line, column in info.locations]}


def place_of(error: BaseException) -> str:
    """File and line an unexpected error came from; its text may hold values and is not kept."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"


def explain(house: House, principal: Principal, request: GraphQLRequest) -> str:
    """The plan of a request as stable text, without running it."""
    access = house.policy.access(principal)
    operation = house.reader(access).read(request)
    return explaining.plan_text(make_plan(allow(operation, access)))


async def explain_run(house: House, principal: Principal, request: GraphQLRequest) -> str:
    """The plan of a request that was run, with the rows and calls each step took. It stands in the ledger like any
    other; the answer itself is thrown away."""
    course = Course(Incoming(request), int(time.time() * 1000), principal)
    access = house.policy.access(principal)
    course.operation = operation = house.reader(access).read(request)
    course.compiled = compiled = _compiled(house, operation, access)
    check_cost(house, compiled, operation)
    run, compiled = await _run_whole(house, course, compiled, operation, access)
    course.codes += [problem.code for problem in run.problems]
    await house.ledger.append(recording.entry(course, "ok", int(time.time() * 1000)))
    return explaining.plan_text(compiled.prepared.plan, run.sources.actual)
