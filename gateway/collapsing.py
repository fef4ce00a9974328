"""Filters through links within one source: which of them the source can apply by itself, and when that is the better
way. Neither keys nor rows to be filtered come to the gateway then."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.allowed import LinkTest
from gateway.estimates import Estimates
from gateway.pushdown import Pushdown, column_of, link_tests
from schema.catalog import Record

FEW = 200
"""Rows or keys so few that carrying them is no burden: every server looks up such a list by its index, while for a join
it depends on the server what is read."""
KINDS = frozenset({"text", "int"})
"""Of keys that are the same in a source exactly when they are the same here."""


def can_collapse(push: Pushdown, test: LinkTest) -> bool:
    """Whether the source itself can tell which rows pass the filter: both records stand in it, their keys are compared
    as they are, and it can apply everything asked of the target, that target's own links included."""
    if not _same_keys(push.record, test):
        return False
    inside = push.inside(test)
    return inside.can_push(push.asked_inside(test)) and all(
        can_collapse(inside, inner) for inner in link_tests(test.where)
    )


def _same_keys(record: Record, test: LinkTest) -> bool:
    """Whether both sides of the link stand in one source that joins, and equal there means equal here."""
    target, local = test.target.record, test.local
    remote = target.fields[test.link.remote]
    if target.source.name != record.source.name or not target.source.capabilities.joins:
        return False
    if any(part.column is None or part.codec is None or part.codec.name != "identity" for part in (local, remote)):
        return False
    ours, theirs = column_of(local), column_of(remote)
    return ours.kind == theirs.kind and ours.kind in KINDS


def with_those_inside(test: LinkTest) -> set[int]:
    """Identities of the filter and of those through its target's links, which collapse with it."""
    return {id(test)}.union(*(with_those_inside(inner) for inner in link_tests(test.where)))


@dataclass(frozen=True, slots=True)
class Alternative:
    """What is done where a filter does not collapse. ``own``: rows that pass everything else; ``statements``: how
    often the rows are asked for, a chunk of their parents' keys each time."""

    rows_first: bool
    own: float
    statements: float


def reads_less(estimates: Estimates, record: Record, test: LinkTest, other: Alternative) -> bool:
    """Whether collapsing is expected to read less. Instead of keys first it saves the keys, unless they are few or
    every chunk of parents would have the source work them out again. Instead of rows first it saves those rows, unless
    they are few or the source, which then looks at every passing row of the target, has far more of these than the
    rows would lead to."""
    if other.statements > 1:
        return False
    if not other.rows_first:
        return estimates.keys(test) > FEW
    if other.own > record.source.limits.row_budget:
        return True
    target = test.target.record
    passing = estimates.rows(target, test.where)
    led_to = other.own * max(1.0, passing / estimates.distinct(target, target.fields[test.link.remote]))
    return other.own > FEW and passing <= 2 * led_to
