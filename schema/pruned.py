"""A derived record's query without the cells nobody asks for: what is not shown, tested, matched or grouped by need not
be read. The same rows are left, however few of their cells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from schema.derive import nodes
from schema.derive.cell_tests import cells_of
from schema.derive.measures import Measured
from schema.derive.nodes import Node
from schema.derive.shape import cells

Names = frozenset[str]


def pruned(node: Node, wanted: Iterable[str]) -> Node:
    """The query with the wanted cells, and those of each step that decide which rows there are. Cells stand in the same
    order, some of them left out."""
    return _pruned(node, frozenset(wanted))


def _pruned(node: Node, wanted: Names) -> Node:
    match node:
        case nodes.RowsOf(record=record, cells=named, where=where):
            return nodes.RowsOf(record, tuple(one for one in named if one[0] in wanted), where)
        case nodes.Given() | nodes.Listed() | nodes.Described():
            return node
        case nodes.Parts(cells=all_cells, parts=named_parts):
            shown = tuple(name for name in all_cells if name in wanted)
            return nodes.Parts(shown, tuple((name, _pruned(part, frozenset(shown))) for name, part in named_parts))
        case nodes.Ranked(of=of, by=by, low=low, high=high, better=better):
            return _beside(node, of, wanted, (*by, low, high, better))
        case nodes.Compared(of=of, by=by, period=period, value=value, low=low, high=high, better=better):
            return _beside(node, of, wanted, (*by, period, value, low, high, better))
        case nodes.Kept(of=of, tests=tests):
            return nodes.Kept(_pruned(of, wanted.union(*map(cells_of, tests))), tests)
        case nodes.Grouped(of=of, by=by, measures=measures):
            kept = tuple(one for one in measures if one[0] in wanted)
            return nodes.Grouped(_pruned(of, frozenset(by).union(*(_read(measure) for _, measure in kept))), by, kept)
        case nodes.Joined(left=left, right=right, on=on, kind=kind):
            ours, theirs = wanted.union(one for one, _ in on), wanted.union(other for _, other in on)
            return nodes.Joined(_pruned(left, ours), _pruned(right, theirs), on, kind)
        case nodes.Computed():
            return _computed(node, wanted)
        case nodes.Latest(of=of, by=by, on=on, then=then):
            return nodes.Latest(_pruned(of, wanted.union(by, (on,), then)), by, on, then)
        case nodes.Held(of=of, by=by, on=on, months=months):
            return nodes.Held(_pruned(of, wanted.union(by, (on,))), by, on, months)
        case nodes.Spread(of=of, first=first, last=last):
            return nodes.Spread(_pruned(of, wanted | {first, last}), first, last)
        case nodes.Published(of=of, table=table, part=part, population=population, counts=counts):
            # What is withheld depends on all of its figures, asked for or not.
            return replace(node, of=_pruned(of, frozenset((*table, part, population, *counts))))
        case nodes.Gaps(of=of, by=by, on=on):
            return nodes.Gaps(_pruned(of, frozenset((*by, on))), by, on)
        case nodes.Together(parts=parts):
            # The parts' cells stand side by side: none may have fewer than the first.
            names = frozenset(cells(node))
            return nodes.Together(tuple(_pruned(part, names) for part in parts))
        case nodes.Quantile(of=of, by=by, value=value, fraction=fraction, name=name):
            if name not in wanted:
                return _pruned(of, wanted)
            return nodes.Quantile(_pruned(of, wanted.union(by, (value,))), by, value, fraction, name)


def _beside(node: nodes.Ranked | nodes.Compared, of: Node, wanted: Names, reads: Iterable[str]) -> Node:
    """The step where something that it adds is wanted; else the one below."""
    if wanted.isdisjoint(cells(node)[len(cells(of)) :]):
        return _pruned(of, wanted)
    return replace(node, of=_pruned(of, wanted.union(reads)))


def _read(measure: Measured) -> Names:
    own = () if measure.cell is None else (measure.cell,)
    return frozenset(own).union(() if measure.only is None else cells_of(measure.only))


def _computed(node: nodes.Computed, wanted: Names) -> Node:
    """A later cell may read an earlier one of the same step, and one may take the place of a cell it reads."""
    kept = []
    for name, expression in reversed(node.cells):
        if name in wanted:
            kept.append((name, expression))
            wanted = (wanted - {name}).union(expression.reads)
    of = _pruned(node.of, wanted)
    return nodes.Computed(of, tuple(reversed(kept))) if kept else of
