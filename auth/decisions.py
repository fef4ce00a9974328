"""What is decided of a record for one class of principals: of its rows, its cells and its totals, each with the rules
that decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from schema.catalog import Field, Link, Record
from schema.errors import Code
from schema.predicates import FALSE, TRUE, And, Or, Predicate


class State(StrEnum):
    SHOWN = "shown"
    MASKED = "masked"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Decision:
    """``condition`` says in which visible rows the cell is shown: TRUE for all of them. ``rules``: ids (file:line) of
    the rules that decided; for a refusal ``code`` and ``reason`` say what would be needed."""

    state: State
    condition: Predicate = TRUE
    rules: tuple[str, ...] = ()
    code: Code = Code.REFUSED
    reason: str = ""

    @property
    def shown(self) -> bool:
        return self.state is State.SHOWN

    @property
    def unconditional(self) -> bool:
        return self.state is State.SHOWN and self.condition == TRUE


@dataclass(frozen=True, slots=True)
class Totals:
    """One right to count and measure. ``by`` and ``measures`` None: whatever may be read; ``k`` 0: no suppression.
    ``within``: (finer, coarser) fields, each value of the finer standing in one of the coarser."""

    population: Predicate
    by: frozenset[str] | None = None
    measures: frozenset[str] | None = None
    k: int = 0
    within: tuple[tuple[str, str], ...] = ()
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordAccess:
    """``visible``: which rows exist for this principal. ``narrowed``: a row rule hides some of them. ``totals``: a
    figure must be covered by one of them alone, or two grants together would give what neither gives; the widest
    first. ``no_totals``: why there is none."""

    record: Record
    visible: Predicate
    visible_rules: tuple[str, ...]
    fields: dict[str, Decision]
    links: dict[str, Decision]
    totals: tuple[Totals, ...]
    no_totals: Decision
    refusal: Decision
    query: QueryAccess | None = None
    """Of a derived record: what may be read of the records it is derived from."""
    through: bool = False
    """Some of it by rights that hold only beneath a derived record: nothing of the rows is told but what the derived
    record shows."""

    @property
    def allowed(self) -> bool:
        return self.visible != FALSE

    @property
    def narrowed(self) -> bool:
        return self.visible not in (TRUE, FALSE)


@dataclass(frozen=True, slots=True)
class CellAccess:
    """A cell of a leaf: the field, where it is shown, and the links to it with where each reference is shown."""

    field: Field
    condition: Predicate
    hops: tuple[tuple[Link, Predicate, RecordAccess], ...] = ()


@dataclass(frozen=True, slots=True)
class LeafAccess:
    """What a derived record's query may read of one record: rows of ``population``. ``totals``: only as totals under
    this grant, grouped and measured, without rows."""

    access: RecordAccess
    population: Predicate
    cells: Mapping[str, CellAccess]
    totals: Totals | None = None


@dataclass(frozen=True, slots=True)
class PartRefused:
    """A part of a derived record that stands by itself and may not be worked out, and whose right is lacking."""

    name: str
    decision: Decision
    record: Record


@dataclass(frozen=True, slots=True)
class QueryAccess:
    """``leaves``: left to right; those of refused parts have no cells. ``narrowed``: records on the way of which a
    rule hides rows."""

    leaves: tuple[LeafAccess, ...]
    narrowed: tuple[RecordAccess, ...]
    refused: tuple[PartRefused, ...] = ()


def both(one: RecordAccess, other: RecordAccess) -> RecordAccess:
    """What both views allow."""
    return RecordAccess(
        one.record,
        all_of((one.visible, other.visible)),
        one.visible_rules + other.visible_rules,
        {name: _both_decisions(decision, other.fields[name]) for name, decision in one.fields.items()},
        {name: _both_decisions(decision, other.links[name]) for name, decision in one.links.items()},
        tuple(_both_totals(mine, theirs) for mine in one.totals for theirs in other.totals),
        one.no_totals if not one.totals else other.no_totals,
        one.refusal if not one.allowed else other.refusal,
    )


def _both_decisions(one: Decision, other: Decision) -> Decision:
    for decision in (one, other):
        if decision.state is State.REFUSED:
            return decision
    state = State.MASKED if State.MASKED in (one.state, other.state) else State.SHOWN
    return Decision(state, all_of((one.condition, other.condition)), one.rules + other.rules)


def _both_totals(one: Totals, other: Totals) -> Totals:
    return Totals(
        all_of((one.population, other.population)), _both_sets(one.by, other.by),
        _both_sets(one.measures, other.measures), max(one.k, other.k),
        tuple(dict.fromkeys((*one.within, *other.within))), one.rules + other.rules,
    )  # fmt: skip


def _both_sets(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    return other if one is None else one if other is None else one & other


def any_of(conditions: Iterable[Predicate]) -> Predicate:
    """OR, simplified: TRUE when one is, duplicates once, FALSE for nothing."""
    parts = list(dict.fromkeys(conditions))
    if TRUE in parts:
        return TRUE
    parts = [part for part in parts if part != FALSE]
    return FALSE if not parts else parts[0] if len(parts) == 1 else Or(tuple(parts))


def all_of(conditions: Iterable[Predicate]) -> Predicate:
    """AND, simplified: FALSE when one is, TRUE for nothing."""
    parts = list(dict.fromkeys(conditions))
    if FALSE in parts:
        return FALSE
    parts = [part for part in parts if part != TRUE]
    return TRUE if not parts else parts[0] if len(parts) == 1 else And(tuple(parts))
