"""Leaves that are asked for keys another step's rows have, in the place of all of their rows."""

from __future__ import annotations

from gateway.deriving.reads import Reads
from gateway.drafting import takes_keys
from gateway.linking import Parent
from gateway.narrowing import Way, origins
from schema.derivations import derivation_of
from schema.derive import nodes
from schema.derive.nodes import Node
from schema.derive.shape import leaves
from schema.predicates import TRUE

WORTH_KEYS = 3.0
"""Rows of the right side of a join are asked for by the left side's keys when there are this many times more."""
WORTH_KEYS_DEEP = 100.0
"""The same where the right side is joined of several records, each of which could be asked by keys of the others."""


def seek(
    reads: Reads, node: Node, name: str, way: Way, parent: Parent, worth: float = 0.0, *, last: bool = False
) -> None:
    """Asks every leaf that ``name`` comes from unchanged for the keys of ``parent`` only. ``way``: how far the query is
    gone through; ``worth``: a leaf of fewer rows is read as it is, where its source lists them; ``last``: no join
    further down has keys for it, so that one whose source does not allow so many rows to be read is asked for these."""
    for number, cell_name, expression, back in origins(node, name, way):
        access = reads.leaves[number]
        cell = access.cells.get(cell_name)
        if expression is not None or back or cell is None or cell.hops or cell.condition != TRUE:
            continue
        record = access.access.record
        asked = takes_keys(record, cell.field) or derivation_of(record) is not None
        if number in reads.keys or access.totals is not None or not asked:
            continue
        where = reads.where(leaves(node)[number - way.first], number)
        about, listed = reads.linker.estimates.rows(record, where), record.source.capabilities.list_all
        if worth < about or not listed or (last and reads.passes_budget(record, where)):
            reads.keys[number] = (parent, cell_name)


def seek_joined(reads: Reads, node: nodes.Joined, first: int) -> None:
    """The right side asked for by keys the left side's rows have, as far as it is much larger. The left side has been
    read. ``first``: number of its leftmost leaf."""
    below = node.right
    while isinstance(below, (nodes.Grouped, nodes.Kept, nodes.Computed)):
        below = below.of
    last = isinstance(below, nodes.RowsOf)
    worth = WORTH_KEYS if last else WORTH_KEYS_DEEP
    right = Way(first).past(node.left)
    for one, other in node.on:
        origin = _direct(node.left, one, first)
        if origin is not None and origin[0] in reads.done:
            read = reads.done[origin[0]]
            if origin[1] in read.stands:
                parent = Parent(read.step, read.stands[origin[1]], read.about)
                seek(reads, node.right, other, right, parent, read.about * worth, last=last)


def _direct(node: Node, name: str, first: int) -> tuple[int, str] | None:
    """The leaf and cell that a cell is passed on from unchanged, all of its rows or more: its keys may be asked for.
    ``first``: number of the leftmost leaf."""
    match node:
        case nodes.RowsOf(cells=named):
            return (first, name) if name in dict(named) else None
        case nodes.Grouped(of=of, by=by):
            return _direct(of, name, first) if name in by else None
        case nodes.Computed(of=of, cells=added):
            return None if name in dict(added) else _direct(of, name, first)
        case nodes.Joined(left=left, right=right, on=on, kind=kind):
            if kind == "full":
                return None
            found = _direct(left, name, first)
            if found is None and name not in {other for _, other in on}:
                found = _direct(right, name, first + len(leaves(left)))
            return found
        case (
            nodes.Kept(of=of) | nodes.Latest(of=of) | nodes.Held(of=of) | nodes.Spread(of=of) | nodes.Quantile(of=of)
        ):
            return _direct(of, name, first)
    return None
