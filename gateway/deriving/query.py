"""One query on its way into steps: what it reads is put in as given, so that the rest of it can be worked out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway import partwise
from gateway.allowed import FieldTest, Settled
from gateway.deriving.groups import Groups
from gateway.deriving.keys import seek_joined
from gateway.deriving.reads import Reads
from gateway.sharing import alike
from schema.catalog import Catalog
from schema.derivations import about_fields
from schema.derive import nodes
from schema.derive.nodes import Node
from schema.derive.shape import leaves, parts_of, rebuilt
from schema.lineage import counted_leaves


@dataclass(slots=True)
class QuerySteps:
    """``chosen``: of a query in parts, those that are asked for and may be read; ``parts``: the inputs of each."""

    catalog: Catalog
    reads: Reads
    groups: Groups
    chosen: frozenset[str] = frozenset()
    parts: dict[str, frozenset[int]] = field(default_factory=dict)
    _met: dict[Node, Node] = field(default_factory=dict)
    _next: int = 0
    """Number of the next leaf."""

    def choose_parts(
        self, query: Node, needed: Node, asked: list[FieldTest], settled: Iterable[Settled], refused: frozenset[str]
    ) -> None:
        """Which parts of the query, if it is in parts, are worked out, and what they read alike. ``needed``: the query
        without what nobody asks for."""
        whole, left = parts_of(query), parts_of(needed)
        if whole is None or left is None:
            return
        self.chosen = partwise.asked(whole, asked, settled) - refused
        numbered: list[tuple[int, nodes.RowsOf]] = []
        number = 0
        for name, part in left.parts:
            for leaf in leaves(part):
                if name in self.chosen:
                    numbered.append((number, leaf))
                number += 1
        reads, groups = self.reads, self.groups
        where = {number: reads.asked(leaf, number) for number, leaf in numbered}
        counts = {number: one for number, one in counted_leaves(left).items() if groups.has_cells(number, one)}
        reads.alike = alike(numbered, reads.leaves, where, counts)
        for one in reads.alike.values():
            if one.counted and one.access.totals is None:
                one.counted = groups.counts(one.access.access.record, one.where, one.partials)

    def planned(self, node: Node) -> Node:
        """The query with everything that is read put in as given; what is needed alike in several places is one node,
        to be worked out once."""
        found = self._planned(node)
        return self._met.setdefault(found, found)

    def _planned(self, node: Node) -> Node:
        match node:
            case nodes.RowsOf():
                self._next += 1
                return self.reads.rows(node, self._next - 1)
            case nodes.Grouped():
                grouped = self.groups.grouped(node, self._next)
                if grouped is not None:
                    self._next += 1
                    return grouped
            case nodes.Joined(left=left, right=right, on=on, kind=kind):
                first = self._next
                ours = self.planned(left)
                if kind != "full" and not self.reads.alike:  # what several parts read is read once, and whole
                    seek_joined(self.reads, node, first)
                return nodes.Joined(ours, self.planned(right), on, kind)
            case nodes.Parts(cells=names, parts=named):
                chosen = tuple(self._part(name, part) for name, part in named if self._is_chosen(name, part))
                return nodes.Parts(names, chosen)
            case nodes.Described(names=names, rows=described):
                about = about_fields(self.catalog, len(names), described)
                return nodes.Listed((*names, *nodes.DESCRIBED), about)
        return rebuilt(node, self.planned)

    def _is_chosen(self, name: str, part: Node) -> bool:
        """Whether the part is worked out; else its leaves are passed over."""
        if name not in self.chosen:
            self._next += len(leaves(part))
        return name in self.chosen

    def _part(self, name: str, part: Node) -> tuple[str, Node]:
        self.reads.touched = set()
        node = self.planned(part)
        self.parts[name] = frozenset(self.reads.touched)
        return name, node
