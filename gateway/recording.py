"""What the ledger keeps of a request: who asked, in which office, for what purpose and case, what was shown, masked,
used to choose rows and refused, by which rule, and how much was read. Literals, variables and names a client chose are
placeholders; no row's value is in it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from auth.ledger.writer import entry_body
from auth.principal import Principal
from gateway.allowed import Allowed
from gateway.coordinates import coordinates
from gateway.plan import Plan, RowsStep
from gateway.results import RowsResult
from gateway.templates import Leaf, known_now
from gateway.uses import used
from schema.catalog import Action, Catalog

if TYPE_CHECKING:
    from gateway.acting.outbox import Entry
    from gateway.acting.worker import Asked
    from gateway.executor import Execution
    from gateway.pipeline import Course

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Footprint:
    """The part of an entry that is the same for every run of a plan."""

    departments: msgspec.Raw
    shown: msgspec.Raw
    masked: msgspec.Raw
    used: msgspec.Raw
    refused: msgspec.Raw
    narrowed: msgspec.Raw
    owners: msgspec.Raw
    sought: tuple[Leaf, ...]
    """Where the coordinates stand that the ledger itself is searched for."""


def _canonical(told: Any) -> msgspec.Raw:
    """Written once a plan, spliced into every entry."""
    return msgspec.Raw(entry_body(told))


def footprint(plan: Plan) -> Footprint:
    """What a plan shows and refuses, with the rules that decided."""
    allowed = plan.allowed
    uses = used(allowed)
    refused = _unanswered(allowed, {*allowed.shown, *allowed.masked, *uses})
    refused |= {refusal.coordinate: refusal.code.value for refusal in allowed.refusals}
    return Footprint(
        _canonical(sorted(plan.departments)),
        _canonical({coordinate: list(rules) for coordinate, rules in allowed.shown.items()}),
        _canonical({coordinate: list(rules) for coordinate, rules in allowed.masked.items()}),
        _canonical(uses),
        _canonical(refused),
        _canonical([narrowed.record for narrowed in allowed.narrowed]),
        _canonical(_owners(allowed.access.catalog, (*allowed.shown, *allowed.masked, *uses, *refused))),
        allowed.sought,
    )


def _unanswered(allowed: Allowed, answered: set[str]) -> dict[str, str]:
    """What stands beneath something that was refused, with the code of that: who asks for pupils and may not see them
    has been refused their numbers."""
    found: dict[str, str] = {}
    for path, coordinate in allowed.named:
        above = [refusal for refusal in allowed.refusals if path[: len(refusal.path)] == refusal.path]
        if above and coordinate not in answered:
            found.setdefault(coordinate, max(above, key=lambda refusal: len(refusal.path)).code.value)
    return found


def _search(course: Course, sought: tuple[Leaf, ...]) -> dict[str, Any]:
    """The coordinates a search of the ledger was for; what is none stands as a placeholder, as any value does."""
    assert course.operation is not None
    assert course.compiled is not None
    catalog = course.compiled.prepared.plan.allowed.access.catalog
    known = coordinates(catalog)
    values: set[str] = set()
    for leaf in sought:
        told = known_now(leaf, course.operation.variables)
        values |= {str(one).removesuffix(".") for one in (told if isinstance(told, list) else [told])}
    return {"ledgerSearch": {"coordinates": sorted({name if name in known else "?" for name in values})}}


def _owners(catalog: Catalog, coordinates: Iterable[str]) -> dict[str, str]:
    """Who answers for them while the entry is written: by record, and by field where it has another owner."""
    by_type, found = catalog.by_type, {}
    for coordinate in coordinates:
        type_name, _, name = coordinate.partition(".")
        record = by_type.get(type_name.removesuffix("Connection"))
        if record is not None:
            found[record.type_name] = record.owner
            part = record.by_api_name.get(name)
            if part is not None and part.owner != record.owner:
                found[coordinate] = part.owner
    return found


def entry(course: Course, outcome: str, now_ms: int, **more: Any) -> bytes:
    """The entry's canonical bytes. Names follow X-Road's operational monitoring where it has them. ``more``: what is
    told of a stream (see ``stream_entry``)."""
    principal = course.principal
    told: dict[str, Any] = {
        "format": FORMAT,
        "xRequestId": course.incoming.request_id,
        "requestInTs": course.started_ms,
        "responseOutTs": now_ms,
        "messageUserId": principal.subject,
        "roles": sorted(principal.roles),
        "succeeded": outcome == "ok" and not course.codes,
        "outcome": outcome,
    }
    told |= _context(principal)
    if course.codes:
        told["faultCode"] = sorted(set(course.codes))
    if course.operation is not None:
        parsed = course.operation.parsed
        told |= {"operation": parsed.redacted, "operationHash": parsed.redacted_hash}
    if course.compiled is not None:
        found = course.compiled.footprint
        told |= {
            "departments": found.departments, "shown": found.shown, "masked": found.masked,
            "used": found.used, "refused": found.refused, "narrowed": found.narrowed,
            "owners": found.owners,
        }  # fmt: skip
        if found.sought:
            told |= _search(course, found.sought)
    if course.refused:
        told["refused"] = {**(msgspec.json.decode(told["refused"]) if "refused" in told else {}), **course.refused}
    if course.run is not None:
        told |= {
            "rows": course.run.sources.rows_read, "rowsGiven": rows_given(course.run),
            "sourceCalls": course.run.sources.calls,
        }  # fmt: skip
    return entry_body(told | more)


def stream_entry(course: Course, stream: str, state: str, given: Mapping[str, int], codes: Iterable[str] = ()) -> bytes:
    """An entry of a stream that was opened: ``batch`` for what is about to be sent, ``closed`` at its end. What each
    row shows and by which rule stands in every batch, so that a search by field finds it with its rows."""
    principal, now_ms = course.principal, int(time.time() * 1000)
    faults = sorted(set(codes))
    told: dict[str, Any] = {
        "format": FORMAT, "xRequestId": course.incoming.request_id, "requestInTs": now_ms, "responseOutTs": now_ms,
        "messageUserId": principal.subject, "roles": sorted(principal.roles), "succeeded": not faults, "outcome": "ok",
        "stream": {"id": stream, "state": state}, "rowsGiven": dict(given),
    }  # fmt: skip
    told |= _context(principal)
    if faults:
        told["faultCode"] = faults
    if course.operation is not None:
        told["operationHash"] = course.operation.parsed.redacted_hash
    if course.compiled is not None and state == "batch":
        found = course.compiled.footprint
        told |= {
            "departments": found.departments, "shown": found.shown, "masked": found.masked, "used": found.used,
            "owners": found.owners,
        }  # fmt: skip
    return entry_body(told)


def action_entry(action: Action, entry: Entry, state: str, asked: Asked | None, now_ms: int) -> bytes:
    """An entry of something a department has done for a client: SENT before it leaves, and the state it ended in.
    ``asked`` None: the gateway found out by itself, after a lost answer or a crash."""
    told: dict[str, Any] = {
        "format": FORMAT, "requestInTs": now_ms, "responseOutTs": now_ms, "messageUserId": entry.subject,
        "succeeded": state != "REJECTED", "outcome": "ok", "departments": [action.department.name],
        "action": {"name": action.api_name, "id": entry.id, "state": state},
    }  # fmt: skip
    if entry.reason is not None:
        told["action"]["reason"] = entry.reason
    if asked is None:
        told |= {"resolved": True, "done": {f"Mutation.{action.api_name}": []}}
        known = {"purpose": entry.purpose, "representedPartyCode": entry.represented}
        told |= {name: value for name, value in known.items() if value}
    else:
        told |= {"roles": sorted(asked.principal.roles), "done": {f"Mutation.{action.api_name}": list(asked.rules)}}
        told |= _context(asked.principal)
    return entry_body(told)


def rows_given(run: Execution) -> dict[str, int]:
    """Rows of each record that went on into the answer; more may have been read and left out."""
    given: dict[str, int] = {}
    for step in run.prepared.plan.steps:
        result = run.results.get(step.id)
        if isinstance(step, RowsStep) and isinstance(result, RowsResult):
            name = step.reading.record.name
            given[name] = given.get(name, 0) + result.table.size
    return given


def _context(principal: Principal) -> dict[str, Any]:
    known = {
        "office": principal.office, "purpose": principal.purpose, "messageIssue": principal.case,
        "representedPartyCode": principal.also.subject if principal.also is not None else None,
    }  # fmt: skip
    return {name: value for name, value in known.items() if value is not None}
