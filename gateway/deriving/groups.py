"""Groups of a leaf that its source counts and measures itself, and the rest of the query over them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from auth.decisions import LeafAccess, RecordAccess, Totals
from gateway.allowed import Filter, GroupTerm
from gateway.deriving.reads import Reads, via_of
from gateway.plan import Partial
from gateway.sharing import Alike, cell_key, partial_of
from gateway.totalling import COUNT, Asked, Totaller
from schema.catalog import Record
from schema.derive.measures import Measured
from schema.derive.nodes import Computed, Given, Grouped, Kept, Node
from schema.lineage import Counted, counted


@dataclass(frozen=True, slots=True)
class Groups:
    """Of one query's leaves. ``known``: those that are asked of a source already."""

    reads: Reads
    totaller: Totaller
    known: list[tuple[Asked, RecordAccess, Given]] = field(default_factory=list)

    def has_cells(self, number: int, groups: Counted) -> bool:
        """Whether every cell that the groups need may be read."""
        have = self.reads.leaves[number].cells.keys()
        return groups.keys <= have and all(one.cell in have for one in groups.measured.values())

    def counts(self, record: Record, where: Filter, partials: list[Partial]) -> bool:
        """Whether the source itself can: else its rows are read anyway, and grouped once, here."""
        return self.reads.linker.draft(record, self.reads.path).can_group(where, [], tuple(partials), None)

    def grouped(self, node: Grouped, number: int) -> Node | None:
        """None when rows have to be read. ``number``: of the next leaf."""
        groups = counted(node)
        if groups is None or not self.has_cells(number, groups):
            return None
        access, one = self.reads.leaves[number], self.reads.alike.get(number)
        if one is None:
            made = self._groups(groups, number)
        else:
            made = self._groups_alike(groups, number) if one.counted else None
        return None if made is None else _regrouped(node, groups, access, *made)

    def _groups(self, groups: Counted, number: int) -> tuple[Given, list[Partial]] | None:
        reads, below, access = self.reads, groups.leaf, self.reads.leaves[number]
        record, where = access.access.record, reads.asked(below, number)
        by = [name for name, _ in below.cells if name in groups.keys]
        terms = tuple(self._term(access, name) for name in by)
        measured = [partial_of(one.function, access.cells[one.cell or ""]) for one in groups.measured.values()]
        partials = list(dict.fromkeys([*COUNT, *measured]))
        if access.totals is None and not self.counts(record, where, partials):
            return None
        parent = reads.keys.get(number)
        asked = Asked(
            record, reads.path, access.totals or Totals(access.population), where, terms, tuple(partials),
            None if parent is None else parent[0], reads.remote(number),
        )  # fmt: skip
        return self._asked_once(asked, number, (*by, *(f"#{at}" for at in range(len(partials))))), partials

    def _asked_once(self, asked: Asked, number: int, names: tuple[str, ...]) -> Given:
        """Groups of a leaf; of two that ask the same, one is counted. ``names``: their cells and measures."""
        reads, access = self.reads, self.reads.leaves[number].access
        given = next((one for same, whose, one in self.known if same == asked and whose == access), None)
        if given is None:
            with reads.telling(number):
                step = self.totaller.grouped(asked)
            about = reads.linker.estimates.rows(access.record, asked.where)
            given = reads.given(step, names, {name: at for at, name in enumerate(names)}, about)
            self.known.append((asked, access, given))
        return replace(given, names=names)

    def _groups_alike(self, groups: Counted, number: int) -> tuple[Given, list[Partial]]:
        """The leaf's groups, of a table that other leaves read too: it may be finer than they need."""
        reads = self.reads
        access, one = reads.leaves[number], reads.alike[number]
        if one.step < 0:
            coarser = any(other.under is one for other in reads.alike.values())
            with reads.telling(number):
                if one.under is None and not coarser:
                    one.step = self.totaller.grouped(self._asked_alike(one))
                else:
                    finest = self._asked_alike(one.under or one)
                    one.step = self.totaller.published(self._asked_alike(one), finest)
            one.about = reads.linker.estimates.rows(one.access.access.record, one.where)
        place = {key: at for at, key in enumerate(one.by)}
        stands = {name: place[cell_key(access.cells[name])] for name in sorted(groups.keys)}
        stands |= {f"#{at}": len(place) + at for at in range(len(one.partials))}
        return reads.given(one.step, tuple(stands), stands, one.about), one.partials

    def _asked_alike(self, one: Alike) -> Asked:
        access = one.access
        terms = tuple(
            GroupTerm(f"{cell.field.name}#{at}", cell.field, cell.condition, None, via_of(access, cell))
            for at, cell in enumerate(one.by.values())
        )
        totals = access.totals or Totals(access.population)
        return Asked(access.access.record, self.reads.path, totals, one.where, terms, tuple(one.partials))

    def _term(self, access: LeafAccess, name: str) -> GroupTerm:
        cell = access.cells[name]
        return GroupTerm(name, cell.field, cell.condition, None, via_of(access, cell))


def _regrouped(
    node: Grouped, groups: Counted, access: LeafAccess, given: Node, partials: list[Partial]
) -> Grouped:
    """The query's groups, merged from those its source has made."""
    for link in reversed(groups.chain):
        given = Kept(given, link.tests) if isinstance(link, Kept) else Computed(given, link.cells)
    measures = tuple((name, _merging(measure, access, partials)) for name, measure in node.measures)
    return Grouped(given, node.by, measures)


def _merging(measure: Measured, access: LeafAccess, partials: list[Partial]) -> Measured:
    """The measure over groups that a source has measured already."""
    match measure.function:
        case "distinct":
            return measure
        case "count":
            return Measured("counted", "#0", measure.only)
    at = partials.index(partial_of(measure.function, access.cells[measure.cell or ""]))
    merged = {"values": "counted"}.get(measure.function, measure.function)
    return Measured(merged, f"#{at}", measure.only)
