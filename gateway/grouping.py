"""Aggregates: what sources grouped is decoded and merged, what they could not is grouped here. Where totals are a grant
of their own, the whole published table is made, small cells are withheld, and the caller's filter picks among its
cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from itertools import compress
from typing import Any

from gateway.plan import AggregateStep, Partial, Protection
from gateway.suppression import Table, withheld
from schema.catalog import Field

AVERAGE_QUANTUM = Decimal("0.000001")
EMPTY = {"count": 0, "values": 0, "distinct": 0}
"""What is measured over no row; null for the rest."""


@dataclass(frozen=True, slots=True)
class Group:
    """``values`` in the order of the step's partials; ``suppressed``: the caller may not know them."""

    key: tuple[Any, ...]
    values: tuple[Any, ...]
    suppressed: bool = False

    @property
    def count(self) -> int:
        return int(self.values[0])


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups by join value (None at a root), ordered by their keys; ``keys`` of all, as rows links start from.
    ``protected``: an absent count is not told as 0, because it may be a withheld one. ``instead``: what stands for the
    groups of any parent when the whole table is withheld."""

    by_parent: dict[Any, list[Group]]
    keys: list[tuple[Any, ...]]
    protected: bool
    instead: Group | None = None

    def of(self, parent: Any) -> list[Group]:
        """The parent's groups."""
        return self.by_parent.get(parent, []) if self.instead is None else [self.instead]

    def flat(self, withheld: Any = None) -> list[tuple[Any, ...]]:
        """The groups as rows to be merged further: key, values, parent, and whether the values are withheld; then
        ``withheld`` stands for each of them."""
        return [
            (*item.key, *((withheld,) * len(item.values) if item.suppressed else item.values), parent, item.suppressed)
            for parent, items in self.by_parent.items()
            for item in items
        ]

    def count(self, parent: Any) -> int | None:
        """The number of rows without grouping; None when it is suppressed."""
        groups = self.by_parent.get(parent)
        if not groups:
            return None if self.protected else 0
        return None if groups[0].suppressed else groups[0].count


Cells = dict[tuple[Any, ...], list[Any]]
"""Partials by key."""


def group(
    step: AggregateStep,
    rows: Iterable[Any],
    params: tuple[Any, ...],
    report: Callable[[Field], None],
    finer: Groups | None = None,
) -> Groups:
    """The step's groups out of its decoded rows. ``params``: of the tests done here; ``finer``: the groups that the
    rows are, where they are merged."""
    if finer is not None and finer.instead is not None:
        return _nothing_told(step)
    protection = step.protection
    protected = protection is not None or (finer is not None and finer.protected)
    hidden: set[tuple[Any, ...]] = set()
    cells: Iterable[tuple[Any, list[Any]]]
    if protection is None:
        cells = ((row, _partials_of(step, row, report)) for row in rows)
    else:
        table: Cells = {}
        for row in rows:
            places = protection.places or range(len(protection.order))
            _add(step, table, tuple([row[at] for at in places]), _partials_of(step, row, report))
        found = _withheld(table, protection)
        if found is None:
            return _nothing_told(step)
        hidden, asked = found, protection.asked
        cells = table.items() if asked is None else compress(table.items(), asked.judged(table, params))
    merged: dict[Any, Cells] = {}
    suppressed: set[tuple[Any, tuple[Any, ...]]] = set()
    join = step.reading.join
    for row, values in cells:
        parent = row[join] if join >= 0 else None
        if join >= 0 and parent is None:
            continue  # null matches no parent
        key = tuple(row[at] for at in step.groups)
        _add(step, merged.setdefault(parent, {}), key, values)
        if (step.merges is not None and protection is None and row[step.merges]) or (hidden and row in hidden):
            suppressed.add((parent, key))
    if join < 0 and not step.groups and not merged and not protected:
        merged[None] = {(): [EMPTY.get(partial.function) for partial in step.partials]}
    by_parent = {
        parent: [Group(item.key, item.values, (parent, item.key) in suppressed) for item in _sorted(own)]
        for parent, own in merged.items()
    }
    keys = [item.key for items in by_parent.values() for item in items]
    return Groups(by_parent, keys, protected)


def _partials_of(step: AggregateStep, row: Any, report: Callable[[Field], None]) -> list[Any]:
    if step.pushed:
        offset = len(step.reading.cells)
        return [_decoded(partial, row[offset + at], report) for at, partial in enumerate(step.partials)]
    if step.merges is not None:
        return [_of_group(partial, row[at]) for partial, at in zip(step.partials, step.measured, strict=True)]
    return [_of_row(partial, row, at) for partial, at in zip(step.partials, step.measured, strict=True)]


def _add(step: AggregateStep, into: Cells, key: tuple[Any, ...], values: list[Any]) -> None:
    known = into.get(key)
    into[key] = values if known is None else [
        _merge(partial, one, other) for partial, one, other in zip(step.partials, known, values, strict=True)
    ]  # fmt: skip


def _nothing_told(step: AggregateStep) -> Groups:
    """A table withheld as a whole: one group without a key stands for all of it, at a root and for each parent."""
    alone = Group((None,) * len(step.groups), (None,) * len(step.partials), True)
    return Groups({}, [], True, alone)


def _withheld(table: Cells, protection: Protection) -> set[tuple[Any, ...]] | None:
    """The cells of a published table that are not shown: too few persons behind the count or behind a measure, money
    that is mostly one person's, and what would give those away. None: all of it."""
    weights: dict[tuple[Any, ...], int] = {}
    unsafe: set[tuple[Any, ...]] = set()
    asked_for: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for cell, values in table.items():
        key = tuple(cell[at] for at in protection.order)
        asked_for[key] = cell
        persons = [values[0], *(values[at] for at, _, _ in protection.measured if values[at])]
        weights[key] = min(persons)
        dominated = any(
            values[largest] is not None and values[largest] * 2 > values[total]
            for _, total, largest in protection.measured
        )
        if weights[key] < protection.k or dominated:
            unsafe.add(key)
    hidden = withheld(Table(protection.fields, weights, frozenset(unsafe), protection.k, protection.within))
    return None if hidden is None else {asked_for[key] for key in hidden}


def _sorted(own: dict[tuple[Any, ...], list[Any]]) -> list[Group]:
    order = sorted(own, key=lambda key: tuple((part is None, 0 if part is None else part) for part in key))
    return [Group(key, tuple(map(_finished, own[key]))) for key in order]


def _finished(value: Any) -> Any:
    """Distinct values are gathered as a set and told as their number."""
    return len(value) if isinstance(value, set) else value


def _decoded(partial: Partial, raw: Any, report: Callable[[Field], None]) -> Any:
    if raw is None or partial.term is None or partial.function == "values":
        return int(raw) if raw is not None else None
    codec = partial.term.field.codec
    assert codec is not None
    if partial.function == "sum":
        if partial.term.field.scalar.kind == "decimal":
            with localcontext() as context:
                context.prec = 60
                assert codec.factor is not None
                total = Decimal(raw) * codec.factor
                return total if codec.scale is None else total.quantize(Decimal(1).scaleb(-codec.scale))
        return int(raw) if partial.term.field.scalar.kind == "int" else raw
    try:
        return codec.decode(raw)
    except Exception:
        report(partial.term.field)
        return None


def _of_row(partial: Partial, row: Any, at: int) -> Any:
    match partial.function:
        case "count":
            return 1
        case "values":
            return 0 if row[at] is None else 1
    return _of_group(partial, row[at])


def _of_group(partial: Partial, value: Any) -> Any:
    if partial.function == "distinct":
        return set() if value is None else {value}
    return value


def _merge(partial: Partial, one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    match partial.function:
        case "min":
            return min(one, other)
        case "max":
            return max(one, other)
        case "distinct":
            one |= other
            return one
    return one + other


def average(total: Any, count: Any) -> Any:
    """sum / count with six places, half-even; null over nothing."""
    if total is None or not count:
        return None
    if isinstance(total, float):
        return total / count
    with localcontext() as context:
        context.prec = 60
        return (Decimal(total) / count).quantize(AVERAGE_QUANTUM, ROUND_HALF_EVEN)
