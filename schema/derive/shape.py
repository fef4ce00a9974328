"""The shape of a query: what stands below a step, which records it reads, and the cells its rows have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from schema.derive import nodes
from schema.derive.nodes import Node


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case nodes.RowsOf() | nodes.Given() | nodes.Listed() | nodes.Described():
            return ()
        case nodes.Joined(left=left, right=right):
            return (left, right)
        case nodes.Together(parts=parts):
            return parts
        case nodes.Parts(parts=named):
            return tuple(part for _, part in named)
    return (node.of,)


def rebuilt(node: Node, below: Callable[[Node], Node]) -> Node:
    """The step over what ``below`` makes of those that stand beneath it, from left to right."""
    match node:
        case nodes.RowsOf() | nodes.Given() | nodes.Listed() | nodes.Described():
            return node
        case nodes.Joined(left=left, right=right):
            return replace(node, left=below(left), right=below(right))
        case nodes.Together(parts=parts):
            return nodes.Together(tuple(below(part) for part in parts))
        case nodes.Parts(parts=named):
            return replace(node, parts=tuple((name, below(part)) for name, part in named))
    return replace(node, of=below(node.of))


def leaves(node: Node) -> tuple[nodes.RowsOf, ...]:
    """The records a query reads, left to right; a record read twice stands twice."""
    if isinstance(node, nodes.RowsOf):
        return (node,)
    return tuple(leaf for child in children(node) for leaf in leaves(child))


def parts_of(node: Node) -> nodes.Parts | None:
    """The parts a query is made of, where each of them may be missing by itself."""
    while not isinstance(node, nodes.Parts):
        below = children(node)
        if len(below) != 1:
            return None
        (node,) = below
    return node


def cells(node: Node) -> tuple[str, ...]:
    """The names of a step's cells, in order."""
    match node:
        case nodes.RowsOf(cells=named):
            return tuple(name for name, _ in named)
        case nodes.Given(names=names) | nodes.Parts(cells=names) | nodes.Listed(names=names):
            return names
        case nodes.Described(names=names):
            return (*names, *nodes.DESCRIBED)
        case nodes.Ranked(of=of):
            return (*cells(of), "rank_from", "rank_to", "band", "peers")
        case nodes.Compared(of=of):
            return (*cells(of), "previous_period", "previous", "trend")
        case nodes.Grouped(by=by, measures=measures):
            return (*by, *(name for name, _ in measures))
        case nodes.Joined(left=left, right=right, on=on, kind=kind):
            taken = {there for _, there in on}
            more = () if kind == "without" else tuple(name for name in cells(right) if name not in taken)
            return (*cells(left), *more)
        case nodes.Computed(of=of, cells=added):
            below = cells(of)
            return (*below, *(name for name, _ in added if name not in below))
        case nodes.Held(of=of):
            return (*cells(of), "month", "days")
        case nodes.Spread(of=of):
            return (*cells(of), "month")
        case nodes.Gaps(by=by):
            return (*by, "first", "last")
        case nodes.Published(table=table, part=part, population=population, counts=counts):
            return (*table, part, population, *counts, "suppressed")
        case nodes.Together(parts=parts):
            shared = frozenset[str](cells(parts[0])).intersection(*map(cells, parts[1:]))
            return tuple(name for name in cells(parts[0]) if name in shared)
        case nodes.Quantile(of=of, name=name):
            return (*cells(of), name)
    return cells(node.of)
