"""Aggregates: what sources grouped is decoded and merged, what they could not is grouped here; then small cells are
suppressed where totals are a grant of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

from gateway.plan import AggregateStep, Partial
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
    ``k``: the suppression threshold, so that an absent count is not told as 0."""

    by_parent: dict[Any, list[Group]]
    keys: list[tuple[Any, ...]]
    k: int

    def flat(self) -> list[tuple[Any, ...]]:
        """The groups as rows to be merged further: key, values, parent."""
        return [(*item.key, *item.values, parent) for parent, items in self.by_parent.items() for item in items]

    def count(self, parent: Any) -> int | None:
        """The number of rows without grouping; None when it is suppressed."""
        groups = self.by_parent.get(parent)
        if not groups:
            return None if self.k else 0
        return None if groups[0].suppressed else groups[0].count


def group(
    step: AggregateStep, rows: Iterable[Any], complement: Groups | None, report: Callable[[Field], None]
) -> Groups:
    """The step's groups out of its decoded rows."""
    join = step.reading.join
    offset = len(step.reading.cells)
    merged: dict[Any, dict[tuple[Any, ...], list[Any]]] = {}
    partials = step.partials
    for row in rows:
        parent = row[join] if join >= 0 else None
        key = tuple(row[at] for at in step.groups)
        own = merged.setdefault(parent, {})
        if step.pushed:
            values = [_decoded(partial, row[offset + at], report) for at, partial in enumerate(partials)]
        elif step.merges:
            values = [_of_group(partial, row[at]) for partial, at in zip(partials, step.measured, strict=True)]
        else:
            values = [_of_row(partial, row, at) for partial, at in zip(partials, step.measured, strict=True)]
        known = own.get(key)
        own[key] = values if known is None else [
            _merge(partial, one, other) for partial, one, other in zip(partials, known, values, strict=True)
        ]  # fmt: skip
    if join < 0 and not step.groups and not merged:
        merged[None] = {(): [EMPTY.get(partial.function) for partial in partials]}
    by_parent = {
        parent: _suppressed(step, _sorted(own), None if complement is None else complement.by_parent.get(parent, []))
        for parent, own in merged.items()
    }
    keys = [item.key for items in by_parent.values() for item in items]
    return Groups(by_parent, keys, step.totals.k)


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
                return Decimal(raw) * codec.factor
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


def _suppressed(step: AggregateStep, groups: list[Group], everything: list[Group] | None) -> list[Group]:
    """Cells under k are suppressed, and cells whose complement is: what the filter left out would be under k. When a
    single cell is hidden, or the hidden ones are under k together, the next smallest goes too, so that no total gives
    it away."""
    k = step.totals.k
    if not k:
        return groups
    whole = {item.key: item.count for item in everything} if everything is not None else {}
    hidden = {
        item.key
        for item in groups
        if item.count < k or (everything is not None and 0 < whole.get(item.key, 0) - item.count < k)
    }
    shown = sorted((item for item in groups if item.key not in hidden), key=lambda item: item.count)
    while hidden and shown and step.groups:
        if len(hidden) > 1 and sum(item.count for item in groups if item.key in hidden) >= k:
            break
        hidden.add(shown.pop(0).key)
    return [Group(item.key, item.values, item.key in hidden) for item in groups]


def average(total: Any, count: Any) -> Any:
    """sum / count with six places, half-even; null over nothing."""
    if total is None or not count:
        return None
    if isinstance(total, float):
        return total / count
    with localcontext() as context:
        context.prec = 60
        return (Decimal(total) / count).quantize(AVERAGE_QUANTUM, ROUND_HALF_EVEN)
