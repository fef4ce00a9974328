"""What a derived record's own rules allow, as far as the records it is worked out from allow it too."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from auth.decisions import (
    CellAccess,
    Decision,
    LeafAccess,
    PartRefused,
    QueryAccess,
    RecordAccess,
    State,
    Totals,
)
from schema.catalog import Catalog, Field, Link, Record
from schema.classification import Classification
from schema.derivations import cell_path
from schema.derive.nodes import Derivation, Node, RowsOf
from schema.derive.shape import leaves, parts_of
from schema.errors import Code
from schema.lineage import FIGURES, Counted, counted_leaves, trace
from schema.predicates import FALSE, TRUE, Predicate, fields_of


class Decided(Protocol):
    """What is decided of every record."""

    @property
    def catalog(self) -> Catalog: ...

    def record(self, name: str) -> RecordAccess: ...


class _Unreadable(Exception):
    """A derived record needs something its reader may not read; ``record``: whose rules say so, where that is told."""

    def __init__(self, decision: Decision, record: Record | None = None) -> None:
        self.decision = decision
        self.record = record


def derived_access(access: Decided, own: RecordAccess, derivation: Derivation) -> RecordAccess:
    """What a derived record's own rules allow, as far as the records it is derived from allow it too: a cell that may
    not be read takes the fields made of it with it, one that decides whether rows are there the whole record."""
    parts = parts_of(derivation.query)
    if parts is not None:
        return _in_parts(access, own, parts.parts)
    record = own.record
    query = trace(derivation.query)
    counts = counted_leaves(derivation.query)
    refused: dict[tuple[int, str], Decision] = {}
    found: list[LeafAccess] = []
    narrowed: dict[str, RecordAccess] = {}
    try:
        for number, leaf in enumerate(leaves(derivation.query)):
            found.append(_leaf(access, leaf, number, query.deciding, refused, counts.get(number)))
            for base in _passed(found[-1]):
                if base.narrowed:
                    narrowed[base.record.name] = base
                    if base.record.name in derivation.requires_all:
                        raise _Unreadable(_refused(f"rules show you only some {base.record.plural}, and it needs all"))
    except _Unreadable as problem:
        return replace(own, visible=FALSE, refusal=problem.decision, totals=(), no_totals=problem.decision)
    fields, links = _with_rules_beneath(own, query.cells, found), dict(own.links)
    for name, part in record.fields.items():
        blocked = [refused[origin] for origin in sorted(query.cells.get(part.column or "", ())) if origin in refused]
        if not blocked:
            continue
        for decisions, names in ((fields, [name]), (links, [one for one in links if record.links[one].local == name])):
            decisions.update((one, blocked[0]) for one in names if decisions[one].state is not State.REFUSED)
    return replace(own, fields=fields, links=links, query=QueryAccess(tuple(found), tuple(narrowed.values())))


def _in_parts(access: Decided, own: RecordAccess, parts: tuple[tuple[str, Node], ...]) -> RecordAccess:
    """Of a record in parts those that may be worked out whole: of all rows, with all cells. A part that may not be is
    left out, and if none is left the record is refused."""
    found: list[LeafAccess] = []
    refused: list[PartRefused] = []
    for name, part in parts:
        try:
            found += _whole(access, part)
        except _Unreadable as problem:
            bases = [access.record(leaf.record) for leaf in leaves(part)]
            refused.append(PartRefused(name, problem.decision, problem.record or own.record))
            found += [LeafAccess(replace(base, query=None), FALSE, {}) for base in bases]
    if len(refused) == len(parts):
        return replace(own, visible=FALSE, refusal=refused[0].decision)
    return replace(own, query=QueryAccess(tuple(found), (), tuple(refused)))


def _whole(access: Decided, part: Node) -> list[LeafAccess]:
    """The leaves of a part, with every row and cell of it. Raises _Unreadable."""
    query, counts = trace(part), counted_leaves(part)
    used = query.deciding.union(*query.cells.values())
    found = []
    for number, leaf in enumerate(leaves(part)):
        needed = query.deciding | {origin for origin in used if origin[1] != FIGURES}
        found.append(_leaf(access, leaf, number, needed, {}, counts.get(number), whole=True))
    return found


def _with_rules_beneath(
    own: RecordAccess, cells: dict[str, frozenset[tuple[int, str]]], found: list[LeafAccess]
) -> dict[str, Decision]:
    """A field's decision names the rules by which what it is worked out from may be read only beneath this record."""
    fields = {}
    for name, decision in own.fields.items():
        rules = list(decision.rules)
        for number, cell in sorted(cells.get(own.record.fields[name].column or "", ())):
            access = found[number].cells.get(cell)
            if access is not None and found[number].access.through and not access.hops:
                rules += found[number].access.fields[access.field.name].rules
        fields[name] = replace(decision, rules=tuple(dict.fromkeys(rules))) if decision.shown else decision
    return fields


UNTOLD = "it is worked out from what no rule shows you"


def _refused(reason: str, code: Code = Code.REFUSED) -> Decision:
    return Decision(State.REFUSED, FALSE, (), code, reason)


def _leaf(
    access: Decided, leaf: RowsOf, number: int, needed: frozenset[tuple[int, str]],
    refused: dict[tuple[int, str], Decision], counts: Counted | None, whole: bool = False,
) -> LeafAccess:  # fmt: skip
    """Rows where rows may be read; else totals, where they are granted and enough. ``counts``: how the leaf is counted
    where no rows of it are needed. ``whole``: with every row, by either right."""
    base = access.record(leaf.record)
    partly: RecordAccess | None = None
    cells: dict[str, CellAccess] = {}
    denied: dict[tuple[int, str], Decision] = {}
    for name, path in leaf.cells:
        try:
            cells[name] = _cell(access, base, leaf, path)
        except _Unreadable as problem:
            denied[number, name] = problem.decision
    hidden = _hidden_conditions(base, leaf)
    if base.allowed and hidden is None and not (denied.keys() & needed):
        by_rows = LeafAccess(base, base.visible, cells)
        partly = _narrowed_in(by_rows) if whole else None
        if partly is None:
            refused.update(denied)
            return by_rows
    for totals in base.totals:
        if totals.k and (number, FIGURES) in needed:
            continue  # a figure that may be withheld would decide which rows there are
        by_totals = None if counts is None else _by_totals(access, base, totals, counts)
        if by_totals is not None:
            by_grant = LeafAccess(base, totals.population, by_totals, totals)
            if not whole or _narrowed_in(by_grant) is None:
                return by_grant
    if not base.allowed:
        raise _Unreadable(_beneath(base, base.refusal), _named(base))
    if partly is not None:
        told = f"rules show you only some {partly.record.plural}, and it needs all"
        raise _Unreadable(_refused(told), _named(partly))
    first = hidden or next(decision for origin, decision in denied.items() if origin in needed)
    raise _Unreadable(first, _named(base))


def _narrowed_in(leaf: LeafAccess) -> RecordAccess | None:
    """A record on the leaf's way of which a rule hides some rows or cells."""
    return next((base for base in _passed(leaf) if base.narrowed), None)


def _named(base: RecordAccess) -> Record | None:
    """Whom a refusal names; nobody where the record itself is Secret."""
    hidden = all(part.classification is Classification.SECRET for part in base.record.fields.values())
    return None if hidden else base.record


def _cell(access: Decided, base: RecordAccess, leaf: RowsOf, path: str) -> CellAccess:
    resolved = cell_path(access.catalog.records, leaf, path)
    assert resolved is not None
    hops = []
    here = base
    for link in resolved.links:
        decision = here.links[link.name]
        if not decision.shown:
            raise _Unreadable(_of(here, link, decision))
        target = access.record(link.target)
        if not target.allowed:
            raise _Unreadable(_beneath(target, target.refusal))
        hops.append((link, decision.condition, target))
        here = target
    decision = here.fields[resolved.field.name]
    if not decision.shown:
        raise _Unreadable(_of(here, resolved.field, decision))
    return CellAccess(resolved.field, decision.condition, tuple(hops))


def _of(access: RecordAccess, part: Field | Link, decision: Decision) -> Decision:
    if part.classification is Classification.SECRET:
        return _refused(UNTOLD)
    reason = decision.reason or "it comes masked"
    return replace(
        decision, state=State.REFUSED, condition=FALSE, reason=f"{access.record.type_name}.{part.api_name}: {reason}"
    )


def _beneath(base: RecordAccess, decision: Decision) -> Decision:
    """Why a record that another is derived from cannot be read; one that is Secret is not named."""
    if all(part.classification is Classification.SECRET for part in base.record.fields.values()):
        return _refused(UNTOLD)
    return replace(decision, reason=f"{base.record.type_name}: {decision.reason}")


def _hidden_conditions(base: RecordAccess, leaf: RowsOf) -> Decision | None:
    """A field the leaf's own condition reads and its reader may not, or not in every row."""
    for name in fields_of(leaf.where):
        decision = base.fields[name]
        if not decision.unconditional:
            return _of(base, base.record.fields[name], decision)
    return None


def _by_totals(access: Decided, base: RecordAccess, totals: Totals, counts: Counted) -> dict[str, CellAccess] | None:
    """The leaf's cells under a grant of totals; None where the grant does not name one of them for its use."""
    if totals.by is None or totals.measures is None:
        return None
    if totals.k and any(measure.function in ("min", "max") for measure in counts.measured.values()):
        return None
    leaf, measured = counts.leaf, {measure.cell for measure in counts.measured.values()}
    cells: dict[str, CellAccess] = {}
    if any(name not in totals.by for name in fields_of(leaf.where)):
        return None
    for name, path in leaf.cells:
        if name not in counts.keys and name not in measured:
            continue
        resolved = cell_path(access.catalog.records, leaf, path)
        assert resolved is not None
        if not resolved.links:
            part = resolved.field.name
            if (name in counts.keys and part not in totals.by) or (name in measured and part not in totals.measures):
                return None
            cells[name] = CellAccess(resolved.field, TRUE)
            continue
        first = resolved.links[0]
        if first.name not in totals.by and first.local not in totals.by:
            return None
        hops = []
        here = base
        for link in resolved.links:
            decision = here.links[link.name] if here is not base else Decision(State.SHOWN)
            here = access.record(link.target)
            if not decision.shown or not here.allowed:
                return None
            hops.append((link, decision.condition, here))
        decision = here.fields[resolved.field.name]
        if not decision.shown:
            return None
        cells[name] = CellAccess(resolved.field, decision.condition, tuple(hops))
    return cells


def _passed(leaf: LeafAccess) -> list[RecordAccess]:
    """The records whose rows the leaf reads, as far as they are shown."""
    found = [] if leaf.totals is not None else [leaf.access]
    if leaf.totals is not None and leaf.totals.population != TRUE:
        found.append(replace(leaf.access, visible=leaf.totals.population, visible_rules=leaf.totals.rules))
    for cell in leaf.cells.values():
        here = leaf.access
        for link, condition, target in cell.hops:
            found += _shown_in(here, here.links[link.name].rules, condition)
            found.append(target)
            here = target
        found += _shown_in(here, here.fields[cell.field.name].rules, cell.condition)
    for base in tuple(found):
        if base.query is not None:
            found += base.query.narrowed
    return found


def _shown_in(access: RecordAccess, rules: tuple[str, ...], condition: Predicate) -> list[RecordAccess]:
    """A record whose cell is hidden in some rows: to what is worked out from it, those rows are not all there."""
    return [] if condition == TRUE else [replace(access, visible=condition, visible_rules=rules)]
