"""Writing a query, from the rows up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from schema.derive import nodes
from schema.derive.cell_tests import Test
from schema.derive.expressions import Expression
from schema.derive.measures import Measured
from schema.derive.nodes import Node
from schema.derive.shape import cells
from schema.predicates import TRUE, Condition, predicate_of


@dataclass(frozen=True, slots=True)
class Query:
    """A query being written; each method gives a longer one."""

    node: Node

    def keep(self, *tests: Test) -> Query:
        return Query(nodes.Kept(self.node, tests))

    def group(self, *by: str, **measures: Measured) -> Query:
        return Query(nodes.Grouped(self.node, by, tuple(measures.items())))

    def join(self, other: Query, **on: str) -> Query:
        """Rows of both that match: ``join(pay, cnic="cnic")``, left cell = right cell."""
        return Query(nodes.Joined(self.node, other.node, tuple(on.items()), "inner"))

    def left_join(self, other: Query, **on: str) -> Query:
        return Query(nodes.Joined(self.node, other.node, tuple(on.items()), "left"))

    def without(self, other: Query, **on: str) -> Query:
        """Rows that match nothing of the other."""
        return Query(nodes.Joined(self.node, other.node, tuple(on.items()), "without"))

    def match(self, other: Query, **on: str) -> Query:
        """All rows of both, side by side where they match; the cells joined on hold whichever is there."""
        return Query(nodes.Joined(self.node, other.node, tuple(on.items()), "full"))

    def compute(self, **cells: Expression) -> Query:
        return Query(nodes.Computed(self.node, tuple(cells.items())))

    def latest(self, *by: str, on: str, then: tuple[str, ...] = ()) -> Query:
        return Query(nodes.Latest(self.node, by, on, then))

    def held(self, *by: str, on: str, months: int = 0) -> Query:
        return Query(nodes.Held(self.node, by, on, months))

    def spread(self, first: str, last: str) -> Query:
        return Query(nodes.Spread(self.node, first, last))

    def gaps(self, *by: str, on: str) -> Query:
        return Query(nodes.Gaps(self.node, by, on))

    def published(
        self, *table: str, part: str, population: str, counts: tuple[str, ...],
        chains: tuple[tuple[str, ...], ...] = (), k: int = 10, nearest: int = 1,
    ) -> Query:
        return Query(nodes.Published(self.node, table, part, population, counts, chains, k, nearest))

    def together(self, *others: Query) -> Query:
        return Query(nodes.Together((self.node, *(other.node for other in others))))

    def quantile(self, name: str, value: str, fraction: str = "0.5", by: tuple[str, ...] = ()) -> Query:
        return Query(nodes.Quantile(self.node, by, value, fraction, name))

    def ranked(self, *by: str, low: str, high: str, better: str) -> Query:
        return Query(nodes.Ranked(self.node, by, low, high, better))

    def compared(
        self, *by: str, period: str, value: str, low: str, high: str, better: str, back: int
    ) -> Query:
        return Query(nodes.Compared(self.node, by, period, value, low, high, better, back))


def rows(record: str, where: Condition | None = None, **cells: str) -> Query:
    """Rows of a record: ``rows("finance.Payslip", cnic="cnic", month="month", where=row.cadre == "Teaching")``."""
    return Query(nodes.RowsOf(record, tuple(cells.items()), TRUE if where is None else predicate_of(where)))


def in_parts(parts: Mapping[str, Query]) -> Query:
    """The rows of several queries with the same cells, each of which may be missing by itself."""
    first = next(iter(parts.values()))
    return Query(nodes.Parts(cells(first.node), tuple((name, part.node) for name, part in parts.items())))


def listed(*names: str, rows: Iterable[tuple[Any, ...]]) -> Query:
    """Rows written here."""
    return Query(nodes.Listed(names, tuple(rows)))


def described(*names: str, rows: Iterable[tuple[Any, ...]]) -> Query:
    """What the catalogue says of fields, beside the cells given; see ``Described``."""
    return Query(nodes.Described(names, tuple(rows)))
