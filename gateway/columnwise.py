"""Works out the query of a derived record over rows that are already here, a column at a time. Pure; two-valued like
every filter: a test of a null is false, and null keys match nothing."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from gateway import spans, standing
from gateway.joining import join
from gateway.judging import passing
from gateway.measuring import group
from gateway.publishing import publish
from gateway.table import WITHHELD, PastBound, Table
from gateway.working import worked_out
from schema.derive import nodes
from schema.derive.cell_tests import Test
from schema.derive.expressions import Expression
from schema.derive.nodes import Node, SideBySide
from schema.derive.shape import cells, children

Multiplied: TypeAlias = nodes.Joined | nodes.Kept | nodes.Grouped | nodes.Together | nodes.Parts
"""Steps that an engine can do too."""


class Afar(Protocol):
    """Rows that an engine holds, however many."""


class Engine(Protocol):
    """Holds rows that are too many to be held here. Raises PastBound where it cannot do exactly what is said here."""

    def worked(self, node: Multiplied, below: Sequence[Table | Afar]) -> Afar:
        """``below``: the rows of the node's children, in their order."""
        ...

    def brought(self, rows: Afar, most: int) -> Table:
        """At most so many rows; more are past the bound."""
        ...


def evaluate(node: Node, given: Mapping[int, Table], most: int | None = None, engine: Engine | None = None) -> Table:
    """Rows with the cells of ``cells(node)``, in no particular order. A join that would make more than
    ``most`` rows is left to the engine. Raises PastBound without one, where what comes back is still more, and where
    spans of months make more."""
    return begun(node, given, most, engine).table(node)


def begun(node: Node, given: Mapping[int, Table], most: int | None = None, engine: Engine | None = None) -> Evaluation:
    """The evaluation of ``node``, to be worked out in pieces: ``given`` may still grow."""
    return Evaluation(given, _times(node), sys.maxsize if most is None else most, engine)


def _times(node: Node) -> Counter[int]:
    """How often each node, by identity, is a part of others."""
    found: Counter[int] = Counter()
    waiting = [node]
    while waiting:
        for child in children(waiting.pop()):
            found[id(child)] += 1
            if found[id(child)] == 1:
                waiting.append(child)
    return found


@dataclass(slots=True)
class Evaluation:
    """``left``: how often a node's rows are still needed; rows needed again are kept until then."""

    given: Mapping[int, Table]
    left: Counter[int]
    most: int
    engine: Engine | None
    known: dict[int, Table | Afar] = field(default_factory=dict)

    def table(self, node: Node) -> Table:
        found = self.rows(node)
        if isinstance(found, Table):
            return found
        assert self.engine is not None
        return self.engine.brought(found, self.most)

    def work_ahead(self, node: Node) -> None:
        """Works the node out before it is asked for: what it reads is given already. Raises PastBound."""
        if id(node) not in self.known:
            self.known[id(node)] = self._found(node)

    def rows(self, node: Node) -> Table | Afar:
        at = id(node)
        found = self.known.pop(at) if at in self.known else self._found(node)
        self.left[at] -= 1
        if self.left[at] > 0:
            self.known[at] = found
        return found

    def _found(self, node: Node) -> Table | Afar:
        if self.engine is None or not isinstance(node, Multiplied):
            return _evaluate(node, self.given, self.table, self.most)
        below = [self.rows(child) for child in children(node)]
        here = {id(child): rows for child, rows in zip(children(node), below, strict=True) if isinstance(rows, Table)}
        if all(isinstance(rows, Table) for rows in below):
            try:
                return _evaluate(node, self.given, lambda child: here[id(child)], self.most)
            except PastBound:
                pass
        return self.engine.worked(node, below)


def _evaluate(node: Node, given: Mapping[int, Table], below: Callable[[Node], Table], most: int) -> Table:
    match node:
        case nodes.Given(step=step):
            return given[step]
        case nodes.Joined():
            return join(node, below(node.left), below(node.right), most)
        case nodes.Kept(of=of, tests=tests):
            table = below(of)
            return table.kept(passing(tests, cells(of), table))
        case nodes.Grouped():
            return group(node, below(node.of))
        case nodes.Computed():
            return _compute(node, below(node.of))
        case nodes.Together(parts=parts):
            return _together([_aligned(part, cells(node), below(part)) for part in parts])
        case nodes.Parts(cells=names, parts=named):
            return _together([_aligned(part, names, below(part)) for _, part in named])
        case nodes.Listed(rows=written):
            return Table.of(list(written), len(cells(node)))
        case nodes.RowsOf() | nodes.Described():
            raise TypeError(f"{type(node).__name__} has to be read by a step first")
    table = below(node.of)
    return Table.of(_side_by_side(node, table.rows(), most), len(cells(node)), table.withheld)


def _side_by_side(node: SideBySide, rows: list[Any], most: int) -> list[Any]:
    match node:
        case nodes.Latest():
            return spans.latest(node, rows)
        case nodes.Held():
            return spans.held(node, rows, most)
        case nodes.Spread():
            return spans.spread(node, rows, most)
        case nodes.Gaps():
            return spans.gaps(node, rows)
        case nodes.Quantile():
            return spans.quantile(node, rows)
        case nodes.Published():
            return publish(node, rows)
        case nodes.Ranked():
            return standing.ranked(node, rows, _places(node.of), WITHHELD)
        case nodes.Compared():
            return standing.compared(node, rows, _places(node.of), WITHHELD)


def _places(node: Node) -> Mapping[str, int]:
    return {name: at for at, name in enumerate(cells(node))}


def _aligned(node: Node, names: tuple[str, ...], table: Table) -> Table:
    """With its columns in the order of ``names``."""
    own = cells(node)
    return table if own == names else table.taking(own.index(name) for name in names)


def _together(parts: list[Table]) -> Table:
    if not parts:
        return Table((), 0)
    sides = zip(*(part.columns for part in parts), strict=True)
    columns = tuple([cell for column in side for cell in column] for side in sides)
    return Table(columns, sum(part.size for part in parts), any(part.withheld for part in parts))


def _compute(node: nodes.Computed, table: Table) -> Table:
    """One cell after the other: a later one may read an earlier one of the same step."""
    names = list(cells(node.of))
    for name, expression in node.cells:
        column = worked_out(expression, names, table)
        if name in names:
            at = names.index(name)
            columns = (*table.columns[:at], column, *table.columns[at + 1 :])
        else:
            names.append(name)
            columns = (*table.columns, column)
        withheld = table.withheld or expression.function == "kept_back"
        table = Table(columns, table.size, withheld)
    return table


def holds(test: Test, cells: Mapping[str, Any]) -> bool:
    """Whether the test holds of these cells, by name."""
    (held,) = passing((test,), tuple(cells), _alone(cells))
    return held


def worked(expression: Expression, cells: Mapping[str, Any]) -> Any:
    """What the expression says of these cells, by name."""
    (found,) = worked_out(expression, tuple(cells), _alone(cells))
    return found


def _alone(cells: Mapping[str, Any]) -> Table:
    return Table(tuple((cell,) for cell in cells.values()), 1, any(cell is WITHHELD for cell in cells.values()))
