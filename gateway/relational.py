"""Works out the query of a derived record over rows that are already here, a column at a time. Pure; two-valued like
every filter: a test of a null is false, and null keys match nothing."""

from __future__ import annotations

import operator
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import localcontext
from itertools import compress, count
from typing import Any, Protocol, TypeAlias

from gateway import spans, standing
from gateway.judging import passing
from gateway.publishing import publish
from gateway.table import WITHHELD, Column, PastBound, Table
from gateway.working import worked_out
from schema.derive import (
    Compared,
    Computed,
    Expression,
    Gaps,
    Given,
    Grouped,
    Held,
    Joined,
    Kept,
    Latest,
    Listed,
    Measured,
    Node,
    Parts,
    Published,
    Quantile,
    Ranked,
    Spread,
    Test,
    Together,
    cells,
    cells_of,
    children,
)

Sided: TypeAlias = Latest | Held | Spread | Gaps | Quantile | Published | Ranked | Compared
"""Steps that look at rows of one group side by side."""


Multiplied: TypeAlias = Joined | Kept | Grouped | Together | Parts
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
    """Rows with the cells of ``schema.derive.cells(node)``, in no particular order. A join that would make more than
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
        case Given(step=step):
            return given[step]
        case Joined():
            return _join(node, below(node.left), below(node.right), most)
        case Kept(of=of, tests=tests):
            table = below(of)
            return table.kept(passing(tests, cells(of), table))
        case Grouped():
            return _group(node, below(node.of))
        case Computed():
            return _compute(node, below(node.of))
        case Together(parts=parts):
            return _together([_aligned(part, cells(node), below(part)) for part in parts])
        case Parts(cells=names, parts=named):
            return _together([_aligned(part, names, below(part)) for _, part in named])
        case Listed(rows=written):
            return Table.of(list(written), len(cells(node)))
        case Latest() | Held() | Spread() | Gaps() | Quantile() | Published() | Ranked() | Compared():
            table = below(node.of)
            return Table.of(_side_by_side(node, table.rows(), most), len(cells(node)), table.withheld)
    raise TypeError(f"{type(node).__name__} has to be read by a step first")


def _side_by_side(node: Sided, rows: list[Any], most: int) -> list[Any]:
    match node:
        case Latest():
            return spans.latest(node, rows)
        case Held():
            return spans.held(node, rows, most)
        case Spread():
            return spans.spread(node, rows, most)
        case Gaps():
            return spans.gaps(node, rows)
        case Quantile():
            return spans.quantile(node, rows)
        case Published():
            return publish(node, rows)
        case Ranked():
            return standing.ranked(node, rows, _places(node.of), WITHHELD)
        case Compared():
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


# Joins


def _keys(table: Table, places: Sequence[int]) -> list[Any]:
    """The key of each row: the cell itself where there is one; None where it matches nothing, because a cell of it is
    null. Without places all rows have one key."""
    if not places:
        return [()] * table.size
    columns = [table.columns[at] for at in places]
    if len(columns) == 1:
        return list(columns[0])
    if any(None in column for column in columns):
        return [None if None in key else key for key in zip(*columns, strict=True)]
    return list(zip(*columns, strict=True))


def _join(node: Joined, left: Table, right: Table, most: int) -> Table:
    ours = [cells(node.left).index(one) for one, _ in node.on]
    theirs = [cells(node.right).index(other) for _, other in node.on]
    keys, others = _keys(left, ours), _keys(right, theirs)
    if node.kind == "without":
        known = set(others)
        known.discard(None)
        return left.kept([key not in known for key in keys])
    more = [column for at, column in enumerate(right.columns) if at not in theirs]
    withheld = left.withheld or right.withheld
    here, there = _matched(keys, others, most, outer=node.kind != "inner")
    size, gaps = len(there), None in there
    columns = [column if here is None else _taken(column, here, gaps=False) for column in left.columns]
    columns += [_taken(column, there, gaps=gaps) for column in more]
    if node.kind != "full":
        return Table(tuple(columns), size, withheld)
    met = set(keys)
    met.discard(None)
    rest = [at for at, key in enumerate(others) if key not in met]
    joined_on = dict(zip(ours, theirs, strict=True))
    alone: list[Column] = [
        _taken(right.columns[joined_on[at]], rest, gaps=False) if at in joined_on else [None] * len(rest)
        for at in range(len(left.columns))
    ]
    alone += [_taken(column, rest, gaps=False) for column in more]
    both = tuple([*one, *other] for one, other in zip(columns, alone, strict=True))
    return Table(both, size + len(rest), withheld)


def _taken(column: Column, places: list[Any], *, gaps: bool) -> Column:
    """The column's cells at these places; ``gaps``: None among them stands for a null."""
    if gaps:
        return [None if at is None else column[at] for at in places]
    return list(map(column.__getitem__, places))


def _matched(keys: list[Any], others: list[Any], most: int, *, outer: bool) -> tuple[list[int] | None, list[Any]]:
    """The rows of the left that have matches, each as often as it has (None: all as they stand), and beside them those
    of the right. ``outer``: also those that have none, with None beside them. Only where several rows of the right have
    one key can they be more than the left's: they are counted before they are made."""
    single = dict(zip(others, range(len(others)), strict=True))
    single.pop(None, None)
    if len(single) + others.count(None) == len(others):
        there: list[Any] = list(map(single.get, keys))
        if outer or None not in there:
            return None, there
        found = [at is not None for at in there]
        return list(compress(range(len(keys)), found)), list(compress(there, found))
    index: defaultdict[Any, list[int]] = defaultdict(list)
    for at, key in enumerate(others):
        index[key].append(at)
    index.pop(None, None)
    several = [index.get(key, (None,) if outer else ()) for key in keys]
    if sum(map(len, several)) > most:
        raise PastBound
    here = [at for at, some in enumerate(several) for _ in some]
    return here, [at for some in several for at in some]


# Groups

COUNTED = "#0"
"""The cell of groups that a source has counted."""


def _group(node: Grouped, table: Table) -> Table:
    """Each measure goes once over its column, whatever the number of groups."""
    names = cells(node.of)
    by = [table.columns[names.index(name)] for name in node.by]
    number: defaultdict[Any, int] = defaultdict(count().__next__)
    keys: Iterable[Any] = by[0] if len(by) == 1 else zip(*by, strict=True) if by else [()] * table.size
    groups = [number[key] for key in keys]
    if not by:
        number[()]
    grouping = _Grouping(names, table, groups, len(number))
    told: Iterable[Column] = [()] * len(by)
    if number:
        told = [list(number)] if len(by) == 1 else zip(*number, strict=True)
    columns = (*told, *(grouping.measured(measure) for _, measure in node.measures))
    return Table(columns, len(number), table.withheld)


class _Grouping:
    """``groups``: the number of each row's group, of ``many``."""

    def __init__(self, names: tuple[str, ...], table: Table, groups: list[int], many: int) -> None:
        self._names = names
        self._table = table
        self._groups = groups
        self._many = many

    def measured(self, measure: Measured) -> Column:
        """By the group's number; withheld where anything it is made of is."""
        table, groups = self._table, self._groups
        withheld: set[int] = set()
        if measure.only is not None:
            if table.withheld:
                withheld |= self._withheld(table, groups, cells_of(measure.only))
            kept = passing((measure.only,), self._names, table)
            table, groups = table.kept(kept), list(compress(groups, kept))
        own = [name for name in (COUNTED, measure.cell) if name in self._names]
        if table.withheld:
            withheld |= self._withheld(table, groups, own)
        values = None if measure.cell is None else table.columns[self._names.index(measure.cell)]
        found = _measured(measure.function, groups, values, self._many)
        return [WITHHELD if at in withheld else value for at, value in enumerate(found)] if withheld else found

    def _withheld(self, table: Table, groups: list[int], names: Iterable[Any]) -> set[int]:
        """The groups that have a withheld cell in one of these columns."""
        return {
            group
            for name in names
            for group, cell in zip(groups, table.columns[self._names.index(name)], strict=True)
            if cell is WITHHELD
        }


def _measured(function: str, groups: list[int], values: Column | None, many: int) -> list[Any]:
    if function == "count":
        return _counts(groups, many)
    assert values is not None
    if any(cell is None or cell is WITHHELD for cell in values):
        there = [cell is not None and cell is not WITHHELD for cell in values]
        groups, values = list(compress(groups, there)), list(compress(values, there))
    match function:
        case "values":
            return _counts(groups, many)
        case "distinct":
            return _counts([group for group, _ in dict.fromkeys(zip(groups, values, strict=True))], many)
        case "sum":
            return _totals(groups, values, many)
        case "counted":
            return [0 if total is None else total for total in _totals(groups, values, many)]
    better = operator.lt if function == "min" else operator.gt
    best: list[Any] = [None] * many
    for group, value in zip(groups, values, strict=True):
        if best[group] is None or better(value, best[group]):
            best[group] = value
    return best


def _counts(groups: list[int], many: int) -> list[Any]:
    counts = Counter(groups)
    return [counts[group] for group in range(many)]


def _totals(groups: list[int], values: Column, many: int) -> list[Any]:
    """Exact; null over nothing."""
    totals: list[Any] = [None] * many
    with localcontext() as context:
        context.prec = 60
        for group, value in zip(groups, values, strict=True):
            known = totals[group]
            totals[group] = value if known is None else known + value
    return totals


def _compute(node: Computed, table: Table) -> Table:
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


# One row by itself


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
