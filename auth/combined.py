"""A derived record opened by several roles, each with rights of its own through it, as one access. A cell is shown in
the rows that a role with the right to it may see; where one role sees fewer rows beneath, all of them do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from auth.decisions import CellAccess, Decision, LeafAccess, QueryAccess, RecordAccess, State, Totals, all_of, any_of
from schema.predicates import TRUE


def together(found: Sequence[RecordAccess]) -> RecordAccess:
    """One access of those that allow anything; the first refusal where none does."""
    allowed = [access for access in found if access.allowed and access.query is not None]
    if len(allowed) < 2:
        return (allowed or list(found))[0]
    first = allowed[0]
    allowed = [access for access in allowed if _counts_alike(first, access)]
    if len(allowed) < 2:
        return first
    query = _query([access.query for access in allowed if access.query is not None])
    visible = any_of(access.visible for access in allowed)
    rules = _once(rule for access in allowed for rule in access.visible_rules)
    fields = {name: _decision([(one, one.fields[name]) for one in allowed], visible) for name in first.fields}
    links = {name: _decision([(one, one.links[name]) for one in allowed], visible) for name in first.links}
    whole = [access for access in allowed if access.query == query]
    totals = tuple(totals for access in whole for totals in access.totals if totals.by is not None)
    if not first.record.persons:
        totals = (*totals, Totals(visible, rules=rules))
    return replace(
        first, visible=visible, visible_rules=rules, fields=fields, links=links, query=query, totals=totals,
        through=any(access.through for access in allowed),
    )  # fmt: skip


def _counts_alike(one: RecordAccess, other: RecordAccess) -> bool:
    """Rows are not put together with totals: a role that may only count beneath is decided alone."""
    assert one.query is not None
    assert other.query is not None
    return [leaf.totals for leaf in one.query.leaves] == [leaf.totals for leaf in other.query.leaves]


def _decision(decided: list[tuple[RecordAccess, Decision]], visible: object) -> Decision:
    """Shown in the rows of each role that shows it; masked, or refused, where no role does."""
    showing = [(access, decision) for access, decision in decided if decision.shown]
    if not showing:
        masked = [decision for _, decision in decided if decision.state is State.MASKED]
        return (masked or [decision for _, decision in decided])[0]
    condition = any_of(all_of((access.visible, decision.condition)) for access, decision in showing)
    rules = _once(rule for _, decision in showing for rule in decision.rules)
    return Decision(State.SHOWN, TRUE if condition == visible else condition, rules)


def _query(queries: list[QueryAccess]) -> QueryAccess:
    leaves = tuple(_leaf(leaves) for leaves in zip(*(query.leaves for query in queries), strict=True))
    narrowed = {base.record.name: base for query in queries for base in query.narrowed}
    return QueryAccess(leaves, tuple(narrowed.values()))


def _leaf(leaves: tuple[LeafAccess, ...]) -> LeafAccess:
    first = leaves[0]
    cells: dict[str, CellAccess] = {}
    for leaf in leaves:
        for name, cell in leaf.cells.items():
            cells[name] = _cell(cells[name], cell) if name in cells else cell
    access = replace(first.access, through=any(leaf.access.through for leaf in leaves))
    return replace(first, access=access, population=all_of(leaf.population for leaf in leaves), cells=cells)


def _cell(one: CellAccess, other: CellAccess) -> CellAccess:
    hops = tuple(
        (link, all_of((mine, theirs)), replace(target, visible=all_of((target.visible, beyond.visible))))
        for (link, mine, target), (_, theirs, beyond) in zip(one.hops, other.hops, strict=True)
    )
    return CellAccess(one.field, all_of((one.condition, other.condition)), hops)


def _once(rules: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rules))
