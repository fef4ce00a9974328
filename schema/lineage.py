"""What the cells of a derived record are worked out from, and which of them decide whether a row is there at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from schema.derive import (
    Computed,
    Given,
    Grouped,
    Held,
    Joined,
    Kept,
    Latest,
    Measured,
    Node,
    Quantile,
    RowsOf,
    Spread,
    Together,
    cells_of,
)

Origin: TypeAlias = tuple[int, str]
"""(number of the leaf, left to right; its cell)."""
Origins: TypeAlias = frozenset[Origin]


@dataclass(frozen=True, slots=True)
class Trace:
    """``cells``: name -> everything its value is worked out from. ``deciding``: what rows are kept, matched, grouped
    or picked by. ``unknown``: cells that a step names and no step below it has."""

    cells: dict[str, Origins]
    deciding: Origins
    unknown: tuple[str, ...] = ()


def trace(node: Node) -> Trace:
    """The trace of a query's last step."""
    return _Tracer().trace(node)


@dataclass(slots=True)
class _Tracer:
    leaves: int = 0
    unknown: list[str] = field(default_factory=list)

    def trace(self, node: Node) -> Trace:
        match node:
            case RowsOf(cells=named):
                number = self.leaves
                self.leaves += 1
                return Trace({name: frozenset({(number, name)}) for name, _ in named}, frozenset())
            case Given():
                return Trace({}, frozenset())
            case Joined():
                return self._joined(node)
            case Together(parts=parts):
                return self._together([self.trace(part) for part in parts])
        below = self.trace(node.of)
        match node:
            case Kept(tests=tests):
                used = [name for test in tests for name in cells_of(test)]
                return Trace(below.cells, below.deciding | self._of(below, used), self._seen())
            case Grouped(by=by, measures=measures):
                cells = {name: self._of(below, [name]) for name in by}
                cells |= {name: self._of(below, _measured(measure)) for name, measure in measures}
                return Trace(cells, below.deciding | self._of(below, by), self._seen())
            case Computed(cells=added):
                more = {name: self._of(below, expression.reads) for name, expression in added}
                return Trace({**below.cells, **more}, below.deciding, self._seen())
            case Latest(by=by, on=on, then=then):
                return Trace(below.cells, below.deciding | self._of(below, (*by, on, *then)), self._seen())
            case Held(by=by, on=on):
                held = self._of(below, (*by, on))
                return Trace({**below.cells, "month": held, "days": held}, below.deciding | held, self._seen())
            case Spread(first=first, last=last):
                spread = self._of(below, (first, last))
                return Trace({**below.cells, "month": spread}, below.deciding | spread, self._seen())
            case Quantile(by=by, value=value, name=name):
                read = self._of(below, (*by, value))
                return Trace({**below.cells, name: read}, below.deciding | self._of(below, by), self._seen())

    def _joined(self, node: Joined) -> Trace:
        left, right = self.trace(node.left), self.trace(node.right)
        ours, theirs = self._of(left, [one for one, _ in node.on]), self._of(right, [other for _, other in node.on])
        cells = dict(left.cells)
        if node.kind != "without":
            joined_on = {other for _, other in node.on}
            cells |= {name: origins for name, origins in right.cells.items() if name not in joined_on}
        if node.kind == "full":
            for one, other in node.on:
                cells[one] = left.cells.get(one, frozenset()) | right.cells.get(other, frozenset())
        return Trace(cells, left.deciding | right.deciding | ours | theirs, self._seen())

    def _together(self, parts: list[Trace]) -> Trace:
        for other in parts[1:]:
            self.unknown += [name for name in parts[0].cells if name not in other.cells]
        cells = {
            name: frozenset[Origin]().union(*(part.cells.get(name, frozenset()) for part in parts))
            for name in parts[0].cells
        }
        return Trace(cells, frozenset[Origin]().union(*(part.deciding for part in parts)), self._seen())

    def _of(self, below: Trace, names: Iterable[str]) -> Origins:
        found: Origins = frozenset()
        for name in names:
            if name in below.cells:
                found |= below.cells[name]
            else:
                self.unknown.append(name)
        return found

    def _seen(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.unknown))


def _measured(measure: Measured) -> list[str]:
    names = [] if measure.cell is None else [measure.cell]
    return names + ([] if measure.only is None else list(cells_of(measure.only)))
