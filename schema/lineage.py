"""What the cells of a derived record are worked out from, and which of them decide whether a row is there at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from schema.derive import nodes
from schema.derive.cell_tests import cells_of
from schema.derive.measures import Measured
from schema.derive.nodes import Node
from schema.derive.shape import cells as cell_names
from schema.derive.shape import children

Origin: TypeAlias = tuple[int, str]
"""(number of the leaf, left to right; its cell)."""
Origins: TypeAlias = frozenset[Origin]
FIGURES = "#"
"""Stands for the counts and sums of a leaf that is only counted: a grant of totals may withhold some of them."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Groups of one record that its source can make: ``leaf`` is only filtered and computed on the way (``chain``,
    outermost first, without the cells nobody needs). ``keys``: the leaf's cells that groups have to be told apart by;
    ``measured``: the leaf's own cells that are measured, and how."""

    leaf: nodes.RowsOf
    chain: tuple[nodes.Kept | nodes.Computed, ...]
    keys: frozenset[str]
    measured: Mapping[str, Measured]


def counted(node: nodes.Grouped) -> Counted | None:
    """None where rows have to be read: they are joined or shaped first, or what is measured is worked out."""
    needed = set(node.by)
    measured = {name: measure for name, measure in node.measures if measure.function not in ("count", "distinct")}
    for _, measure in node.measures:
        needed.update(cells_of(measure.only) if measure.only is not None else ())
        if measure.function == "distinct" and measure.cell is not None:
            needed.add(measure.cell)
    chain: list[nodes.Kept | nodes.Computed] = []
    worked_out: set[str] = set()
    below = node.of
    while isinstance(below, (nodes.Kept, nodes.Computed)):
        if isinstance(below, nodes.Kept):
            needed.update(name for test in below.tests for name in cells_of(test))
            chain.append(below)
        else:
            used = []
            for name, expression in reversed(below.cells):
                worked_out.add(name)
                if name in needed:
                    needed.discard(name)
                    needed.update(expression.reads)
                    used.append((name, expression))
            if used:
                chain.append(nodes.Computed(below.of, tuple(reversed(used))))
        below = below.of
    if not isinstance(below, nodes.RowsOf):
        return None
    own = dict(below.cells)
    if not needed <= own.keys():
        return None
    if any(one.cell in worked_out or "." in own.get(one.cell or "", ".") for one in measured.values()):
        return None
    return Counted(below, tuple(chain), frozenset(needed), measured)


def counted_leaves(node: Node) -> dict[int, Counted]:
    """The leaves whose rows need not be read, by number."""
    found: dict[int, Counted] = {}
    seen = 0

    def look(node: Node) -> None:
        nonlocal seen
        groups = counted(node) if isinstance(node, nodes.Grouped) else None
        if groups is not None:
            found[seen] = groups
            seen += 1
        elif isinstance(node, nodes.RowsOf):
            seen += 1
        else:
            for child in children(node):
                look(child)

    look(node)
    return found


@dataclass(frozen=True, slots=True)
class Trace:
    """``cells``: name -> everything its value is worked out from. ``deciding``: what rows are kept, matched, grouped
    or picked by. ``unknown``: cells that a step names and no step below it has; ``twice``: names that both sides of a
    join have."""

    cells: dict[str, Origins]
    deciding: Origins
    unknown: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()


def trace(node: Node) -> Trace:
    """The trace of a query's last step."""
    tracer = _Tracer()
    found = tracer.trace(node)
    return Trace(found.cells, found.deciding, _once(tracer.unknown), _once(tracer.twice))


def _once(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


@dataclass(slots=True)
class _Tracer:
    leaves: int = 0
    unknown: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)

    def trace(self, node: Node) -> Trace:
        match node:
            case nodes.RowsOf(cells=named):
                number = self.leaves
                self.leaves += 1
                return Trace({name: frozenset({(number, name)}) for name, _ in named}, frozenset())
            case nodes.Given():
                return Trace({}, frozenset())
            case nodes.Listed() | nodes.Described():
                return Trace(dict.fromkeys(cell_names(node), frozenset()), frozenset())
            case nodes.Parts(cells=names, parts=named):
                traces = [self.trace(part) for _, part in named]
                self.unknown += [name for name in names if any(name not in part.cells for part in traces)]
                return self._together(traces)
            case nodes.Joined():
                return self._joined(node)
            case nodes.Together(parts=parts):
                return self._together([self.trace(part) for part in parts])
        below = self.trace(node.of)
        match node:
            case nodes.Kept(tests=tests):
                used = [name for test in tests for name in cells_of(test)]
                return Trace(below.cells, below.deciding | self._of(below, used))
            case nodes.Grouped(by=by, measures=measures):
                figures: Origins = frozenset() if counted(node) is None else frozenset({(self.leaves - 1, FIGURES)})
                cells = {name: self._of(below, [name]) for name in by}
                cells |= {name: self._of(below, _measured(measure)) | figures for name, measure in measures}
                return Trace(cells, below.deciding | self._of(below, by))
            case nodes.Computed(cells=added):
                for name, expression in added:  # a later one may read an earlier one
                    below = Trace({**below.cells, name: self._of(below, expression.reads)}, below.deciding)
                return below
            case nodes.Latest(by=by, on=on, then=then):
                return Trace(below.cells, below.deciding | self._of(below, (*by, on, *then)))
            case nodes.Held(by=by, on=on):
                held = self._of(below, (*by, on))
                return Trace({**below.cells, "month": held, "days": held}, below.deciding | held)
            case nodes.Spread(first=first, last=last):
                spread = self._of(below, (first, last))
                return Trace({**below.cells, "month": spread}, below.deciding | spread)
            case nodes.Gaps(by=by, on=on):
                missing = self._of(below, (*by, on))
                cells = {name: self._of(below, [name]) for name in by}
                return Trace({**cells, "first": missing, "last": missing}, below.deciding | missing)
            case nodes.Published(table=table, part=part):
                published = (*table, part, node.population, *node.counts)
                everything = self._of(below, published)
                cells = {name: self._of(below, [name]) for name in published}
                return Trace({**cells, "suppressed": everything}, below.deciding | everything)
            case nodes.Quantile(by=by, value=value, name=name):
                read = self._of(below, (*by, value))
                return Trace({**below.cells, name: read}, below.deciding | self._of(below, by))
            case nodes.Ranked(by=by, low=low, high=high, better=better):
                read = self._of(below, (*by, low, high, better))
                ranks = dict.fromkeys(cell_names(node)[len(below.cells) :], read)
                return Trace({**below.cells, **ranks}, below.deciding)
            case nodes.Compared(by=by, period=period, value=value, low=low, high=high, better=better):
                read = self._of(below, (*by, period, value, low, high, better))
                beside = dict.fromkeys(cell_names(node)[len(below.cells) :], read)
                return Trace({**below.cells, **beside}, below.deciding)

    def _joined(self, node: nodes.Joined) -> Trace:
        left, right = self.trace(node.left), self.trace(node.right)
        ours, theirs = self._of(left, [one for one, _ in node.on]), self._of(right, [other for _, other in node.on])
        cells = dict(left.cells)
        if node.kind != "without":
            joined_on = {other for _, other in node.on}
            more = {name: origins for name, origins in right.cells.items() if name not in joined_on}
            self.twice += [name for name in more if name in cells]
            cells |= more
        if node.kind == "full":
            for one, other in node.on:
                cells[one] = left.cells.get(one, frozenset()) | right.cells.get(other, frozenset())
        return Trace(cells, left.deciding | right.deciding | ours | theirs)

    def _together(self, parts: list[Trace]) -> Trace:
        shared = frozenset(parts[0].cells).intersection(*(part.cells for part in parts[1:]))
        cells = {
            name: frozenset[Origin]().union(*(part.cells[name] for part in parts))
            for name in parts[0].cells if name in shared
        }  # fmt: skip
        return Trace(cells, frozenset[Origin]().union(*(part.deciding for part in parts)))

    def _of(self, below: Trace, names: Iterable[str]) -> Origins:
        found: Origins = frozenset()
        for name in names:
            if name in below.cells:
                found |= below.cells[name]
            else:
                self.unknown.append(name)
        return found


def _measured(measure: Measured) -> list[str]:
    names = [] if measure.cell is None else [measure.cell]
    return names + ([] if measure.only is None else list(cells_of(measure.only)))
