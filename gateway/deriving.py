"""Steps of derived records: what their queries read, as little of it as the caller's filter allows, and the step that
works the query out. A part that only counts and measures is left to its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from auth.decisions import CellAccess, LeafAccess, QueryAccess, RecordAccess, Totals
from auth.policy import Access
from gateway import partwise
from gateway.allowed import AllTests, FieldTest, Filter, GroupTerm, Hop, MeasureTerm, Path, RuleTest, Settled
from gateway.drafting import takes_keys
from gateway.filters import within
from gateway.linking import Linker, Parent, Wanted
from gateway.narrowing import narrowed
from gateway.plan import DeriveInput, DeriveStep, Keeping, Partial, ScanStep
from gateway.pushdown import conjuncts
from gateway.sharing import Alike, alike, cell_key
from gateway.templates import Leaf
from gateway.totalling import COUNT, Asked, Totaller
from schema.catalog import Field, Record
from schema.derivations import about_fields
from schema.derive import (
    DESCRIBED,
    Compared,
    Computed,
    Derivation,
    Described,
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
    Quantile,
    Ranked,
    RowsOf,
    Spread,
    Together,
    leaves,
    parts_of,
)
from schema.fetch import Cell, Column, Condition, FetchShape
from schema.lineage import Counted, counted, counted_leaves
from schema.predicates import TRUE
from schema.scalars import DATETIME

WORTH_KEYS = 3.0
"""Rows of the right side of a join are asked for by the left side's keys when there are this many times more."""


@dataclass(frozen=True, slots=True)
class Deriver:
    """Writes the steps of derived records into one plan."""

    access: Access
    linker: Linker
    totaller: Totaller
    settled: tuple[Settled, ...] = ()
    known: list[tuple[int, Record, Filter, Leaf | None]] = field(default_factory=list)
    """Steps written already: the same rows are worked out once."""

    def step(self, record: Record, derivation: Derivation, where: Filter, path: Path) -> int:
        """The step that gives the record's rows, or at least those that pass ``where``."""
        query = self.access.record(record.name).query
        assert query is not None
        moment = self.linker.known_at
        for known, one_record, one_where, one_moment in self.known:
            if one_record is record and one_where == where and one_moment == moment:
                return known
        asked = [test for test in conjuncts(where) if isinstance(test, FieldTest)]
        one = _Derivation(self, query.leaves, path, narrowed(derivation.query, asked, query.leaves))
        one.choose_parts(derivation.query, asked, frozenset(part.name for part in query.refused))
        number = self.linker.number()
        node = one.planned(derivation.query)
        about = max([1.0, *one.abouts])
        kept = self._keeping(record, derivation, query, asked, one.chosen) if derivation.kept else None
        self.linker.steps[number] = DeriveStep(
            number, path, record, node, tuple(one.inputs), about, tuple(one.parts.items()), kept
        )
        self.known.append((number, record, where, moment))
        return number


    def _keeping(
        self, record: Record, derivation: Derivation, query: QueryAccess, asked: list[FieldTest], chosen: frozenset[str]
    ) -> Keeping | None:
        """How long the rows may be told again: as the most careful of the sources they come from says. They depend on
        those tests only that reach a record beneath, or choose parts."""
        whole = parts_of(derivation.query)
        for_s = inf
        number = 0
        for name, part in (("", derivation.query),) if whole is None else whole.parts:
            for _ in leaves(part):
                if whole is None or name in chosen:
                    for_s = min(for_s, _kept_s(query.leaves[number].access))
                    for cell in query.leaves[number].cells.values():
                        for_s = min([for_s, *(target.record.source.kept_s for _, _, target in cell.hops)])
                number += 1
        if not 0 < for_s < inf:
            return None
        reaching = [test for test in asked if narrowed(derivation.query, [test], query.leaves)]
        told = record.name, chosen, tuple((test.field.name, test.op) for test in reaching), self.linker.known_at is None
        values: list[tuple[Leaf, Callable[[Any], Any] | None]] = [
            (test.value, test.field.scalar.parse) for test in reaching
        ]
        if self.linker.known_at is not None:
            values.append((self.linker.known_at, DATETIME.parse))
        return Keeping(for_s, told, tuple(values))


def _kept_s(access: RecordAccess) -> float:
    """Of a derived record, what those say that it is worked out from."""
    if access.query is None:
        return access.record.source.kept_s
    return min([inf, *(_kept_s(leaf.access) for leaf in access.query.leaves)])


@dataclass(slots=True)
class _Derivation:
    """One query on its way into steps."""

    deriver: Deriver
    leaves: tuple[LeafAccess, ...]
    path: Path
    narrow: dict[int, list[FieldTest]]
    inputs: list[DeriveInput] = field(default_factory=list)
    abouts: list[float] = field(default_factory=list)
    read: dict[int, tuple[int, dict[str, int], float]] = field(default_factory=dict)
    """Leaf -> the scan it was read by, where its cells stand there, and about how many rows it has."""
    chosen: frozenset[str] = frozenset()
    """Of a query in parts, those that are asked for and may be read."""
    alike: dict[int, Alike] = field(default_factory=dict)
    """What the leaves of its parts read together."""
    parts: dict[str, frozenset[int]] = field(default_factory=dict)
    """The inputs of each part."""
    _touched: set[int] = field(default_factory=set)
    _met: dict[Node, Node] = field(default_factory=dict)
    _next: int = 0

    def choose_parts(self, query: Node, asked: list[FieldTest], refused: frozenset[str]) -> None:
        """Which parts of the query, if it is in parts, are worked out, and what they read alike."""
        whole = parts_of(query)
        if whole is None:
            return
        self.chosen = partwise.asked(whole, asked, self.deriver.settled) - refused
        numbered: list[tuple[int, RowsOf]] = []
        number = 0
        for name, part in whole.parts:
            for leaf in leaves(part):
                if name in self.chosen:
                    numbered.append((number, leaf))
                number += 1
        where = {number: self._asked(leaf, number) for number, leaf in numbered}
        counts = {number: one for number, one in counted_leaves(whole).items() if self._has_cells(number, one)}
        self.alike = alike(numbered, self.leaves, where, counts)
        for one in self.alike.values():
            if one.counted and one.access.totals is None:
                one.counted = self._counts(one.access.access.record, one.where, one.partials)

    def _has_cells(self, number: int, groups: Counted) -> bool:
        """Whether every cell that groups need may be read."""
        have = self.leaves[number].cells.keys()
        return groups.keys <= have and all(one.cell in have for one in groups.measured.values())

    def planned(self, node: Node, parent: tuple[Parent, str] | None = None) -> Node:
        """The query with everything that is read put in as given; what several parts need alike is one node, to be
        worked out once. ``parent``: rows to ask for by the cell named."""
        found = self._planned(node, parent)
        return self._met.setdefault(found, found) if self.alike else found

    def _planned(self, node: Node, parent: tuple[Parent, str] | None) -> Node:
        match node:
            case RowsOf():
                return self._rows(node, parent)
            case Given():
                return node
            case Grouped(of=of):
                return self._grouped(node, parent) or Grouped(self.planned(of, parent), node.by, node.measures)
            case Joined(left=left, right=right, on=on, kind=kind):
                first = self._next
                ours = self.planned(left, parent)
                by = None if kind == "full" else self._by_keys(left, first, right, on)
                return Joined(ours, self.planned(right, by), on, kind)
            case Kept(of=of, tests=tests):
                return Kept(self.planned(of, parent), tests)
            case Computed(of=of, cells=added):
                return Computed(self.planned(of, parent), added)
            case Latest(of=of, by=by, on=on, then=then):
                return Latest(self.planned(of, parent), by, on, then)
            case Held(of=of, by=by, on=on, months=months):
                return Held(self.planned(of, parent), by, on, months)
            case Spread(of=of, first=first_day, last=last_day):
                return Spread(self.planned(of, parent), first_day, last_day)
            case Together(parts=parts):
                return Together(tuple(self.planned(part) for part in parts))
            case Parts(cells=names, parts=named):
                return Parts(names, tuple(self._part(name, part) for name, part in named if self._chosen(name, part)))
            case Ranked(of=of, by=by, low=low, high=high, better=better):
                return Ranked(self.planned(of, parent), by, low, high, better)
            case Compared(of=of):
                return replace(node, of=self.planned(of, parent))
            case Listed():
                return node
            case Described(names=names, rows=described):
                return Listed((*names, *DESCRIBED), about_fields(self.deriver.access.catalog, len(names), described))
            case Quantile(of=of, by=by, value=value, fraction=fraction, name=name):
                return Quantile(self.planned(of, parent), by, value, fraction, name)

    def _chosen(self, name: str, part: Node) -> bool:
        """Whether the part is worked out; else its leaves are passed over."""
        if name not in self.chosen:
            self._next += len(leaves(part))
        return name in self.chosen

    def _part(self, name: str, part: Node) -> tuple[str, Node]:
        self._touched = set()
        node = self.planned(part)
        self.parts[name] = frozenset(self._touched)
        return name, node

    def _asked(self, leaf: RowsOf, number: int) -> Filter:
        """The leaf's own condition and what the caller's filter says of it."""
        rules = () if leaf.where == TRUE else (RuleTest(leaf.where),)
        return AllTests((*rules, *self.narrow.get(number, [])))

    def _where(self, leaf: RowsOf, number: int) -> Filter:
        return within(self.leaves[number].population, self._asked(leaf, number))

    def _rows(self, leaf: RowsOf, parent: tuple[Parent, str] | None) -> Given:
        number = self._next
        self._next += 1
        if number in self.alike:
            return self._rows_alike(leaf, number)
        access, linker = self.leaves[number], self.deriver.linker
        assert access.totals is None, "who may only count reads no rows"
        record = access.access.record
        draft = linker.draft(record, self.path)
        where = self._where(leaf, number)
        remote = self._remote(access, parent)
        join = -1 if remote is None else draft.position(remote)
        linker.choose(draft, where, None if parent is None else parent[0], remote)
        keyed = None if parent is None or remote is None else linker.keyed(remote, record, parent[0])
        wanted = []
        for name, _ in leaf.cells:
            cell = access.cells.get(name)
            if cell is None:
                continue
            if cell.hops:
                wanted.append(Wanted(_via(access, cell), cell.field, cell.condition))
            else:
                draft.position(cell.field, cell.condition)
        key = draft.key()

        def shape(condition: Condition, cells: tuple[Cell, ...], key_column: Column | None) -> FetchShape:
            return FetchShape(record.relation, cells, condition, key_column)

        step = linker.number()
        reading, places = linker.read(draft, self.path, where, keyed, join, shape, tuple(wanted))
        linker.steps[step] = ScanStep(step, self.path, reading, key)
        linked = iter(places)
        stands: dict[str, int] = {}
        for name, _ in leaf.cells:
            cell = access.cells.get(name)
            if cell is not None:
                stands[name] = next(linked) if cell.hops else draft.position(cell.field, cell.condition)
        self.read[number] = (step, stands, draft.about)
        return self._given(step, tuple(name for name, _ in leaf.cells), stands, draft.about)

    def _rows_alike(self, leaf: RowsOf, number: int) -> Given:
        """The leaf's cells of rows that other leaves read too."""
        access, one = self.leaves[number], self.alike[number]
        if one.step < 0:
            self._scan_alike(one)
        stands = {name: one.places[cell_key(cell)] for name, cell in access.cells.items()}
        return self._given(one.step, tuple(name for name, _ in leaf.cells), stands, one.about)

    def _scan_alike(self, one: Alike) -> None:
        access, linker = one.access, self.deriver.linker
        assert access.totals is None, "who may only count reads no rows"
        record = access.access.record
        draft = linker.draft(record, self.path)
        where = within(access.population, one.where)
        linker.choose(draft, where, None, None)
        own = {key: draft.position(cell.field, cell.condition) for key, cell in one.cells.items() if not cell.hops}
        linked = [(key, cell) for key, cell in one.cells.items() if cell.hops]
        wanted = tuple(Wanted(_via(access, cell), cell.field, cell.condition) for _, cell in linked)
        key = draft.key()

        def shape(condition: Condition, cells: tuple[Cell, ...], key_column: Column | None) -> FetchShape:
            return FetchShape(record.relation, cells, condition, key_column)

        one.step = linker.number()
        reading, places = linker.read(draft, self.path, where, None, -1, shape, wanted)
        linker.steps[one.step] = ScanStep(one.step, self.path, reading, key)
        one.places = own | {key: place for (key, _), place in zip(linked, places, strict=True)}
        one.about = draft.about

    def _groups_alike(self, groups: Counted, number: int) -> tuple[Given, list[Partial]]:
        """The leaf's groups, of a table that other leaves read too: it may be finer than they need."""
        access, one = self.leaves[number], self.alike[number]
        if one.step < 0:
            terms = tuple(
                GroupTerm(f"{cell.field.name}#{at}", cell.field, cell.condition, None, _via(one.access, cell))
                for at, cell in enumerate(one.by.values())
            )
            record = one.access.access.record
            totals = access.totals or Totals(access.population)
            one.step = self.deriver.totaller.grouped(
                Asked(record, self.path, totals, one.where, terms, tuple(one.partials))
            )
            one.about = self.deriver.linker.estimates.rows(record, one.where)
        place = {key: at for at, key in enumerate(one.by)}
        stands = {name: place[cell_key(access.cells[name])] for name in sorted(groups.keys)}
        stands |= {f"#{at}": len(place) + at for at in range(len(one.partials))}
        return self._given(one.step, tuple(stands), stands, one.about), one.partials

    def _given(self, step: int, names: tuple[str, ...], stands: dict[str, int], about: float) -> Given:
        """A cell that may not be read stands at -1: nothing."""
        taken = DeriveInput(step, tuple(stands.get(name, -1) for name in names))
        if taken not in self.inputs:
            self.inputs.append(taken)
            self.abouts.append(about)
        self._touched.add(self.inputs.index(taken))
        return Given(self.inputs.index(taken), names)

    def _remote(self, access: LeafAccess, parent: tuple[Parent, str] | None) -> Field | None:
        return None if parent is None else access.cells[parent[1]].field

    def _grouped(self, node: Grouped, parent: tuple[Parent, str] | None) -> Node | None:
        """Groups the source counts itself, and the rest of the query over them; None when rows have to be read."""
        groups = counted(node)
        if groups is None:
            return None
        number, below = self._next, groups.leaf
        access = self.leaves[number]
        measured = groups.measured
        if not self._has_cells(number, groups):
            return None
        if number in self.alike:
            if not self.alike[number].counted:
                return None
            self._next += 1
            return _regrouped(node, groups, access, *self._groups_alike(groups, number))
        by = [name for name, _ in below.cells if name in groups.keys]
        terms = tuple(self._term(access, name) for name in by)
        partials = list(COUNT)
        for measure in measured.values():
            cell = access.cells[measure.cell or ""]
            term = MeasureTerm(measure.function, cell.field, cell.condition)
            partials.append(Partial(measure.function, term))
        partials = list(dict.fromkeys(partials))
        where = self._asked(below, number)
        if access.totals is None and not self._counts(access.access.record, where, partials):
            return None
        self._next += 1
        remote = self._remote(access, parent)
        totals = access.totals or Totals(access.population)
        asked = Asked(
            access.access.record, self.path, totals, where, terms, tuple(partials),
            None if parent is None else parent[0], remote,
        )  # fmt: skip
        step = self.deriver.totaller.grouped(asked)
        names = (*by, *(f"#{at}" for at in range(len(partials))))
        about = self.deriver.linker.estimates.rows(access.access.record, where)
        given = self._given(step, names, {name: at for at, name in enumerate(names)}, about)
        return _regrouped(node, groups, access, given, partials)

    def _counts(self, record: Record, where: Filter, partials: list[Partial]) -> bool:
        """Whether the source itself can: else its rows are read anyway, and grouped once, here."""
        return self.deriver.linker.draft(record, self.path).can_group(where, [], tuple(partials), None)

    def _term(self, access: LeafAccess, name: str) -> GroupTerm:
        cell = access.cells[name]
        return GroupTerm(name, cell.field, cell.condition, None, _via(access, cell))

    def _by_keys(
        self, left: Node, first: int, right: Node, on: tuple[tuple[str, str], ...]
    ) -> tuple[Parent, str] | None:
        """The right side asked for by keys the left side's rows have, where it is a single record and much larger. In
        parts nothing is: what several of them read is read once, and whole."""
        if self.alike:
            return None
        below = right
        while isinstance(below, (Grouped, Kept, Computed)):
            below = below.of
        if not isinstance(below, RowsOf):
            return None
        access = self.leaves[self._next]
        about = self.deriver.linker.estimates.rows(access.access.record, self._where(below, self._next))
        for one, other in on:
            theirs = access.cells.get(other)
            if theirs is None or theirs.hops or theirs.condition != TRUE:
                continue
            if not takes_keys(access.access.record, theirs.field):
                continue
            origin = direct(left, one, first)
            if origin is None or origin[0] not in self.read:
                continue
            step, stands, rows = self.read[origin[0]]
            if rows * WORTH_KEYS < about:
                return Parent(step, stands[origin[1]], rows), other
        return None


def direct(node: Node, name: str, first: int) -> tuple[int, str] | None:
    """The leaf and cell that a cell is passed on from unchanged, all of its rows or more: its keys may be asked for.
    ``first``: number of the leftmost leaf."""
    match node:
        case RowsOf(cells=named):
            return (first, name) if name in dict(named) else None
        case Grouped(of=of, by=by):
            return direct(of, name, first) if name in by else None
        case Computed(of=of, cells=added):
            return None if name in dict(added) else direct(of, name, first)
        case Joined(left=left, right=right, on=on, kind=kind):
            if kind == "full":
                return None
            found = direct(left, name, first)
            if found is None and name not in {other for _, other in on}:
                found = direct(right, name, first + len(leaves(left)))
            return found
        case Kept(of=of) | Latest(of=of) | Held(of=of) | Spread(of=of) | Quantile(of=of):
            return direct(of, name, first)
    return None


def _via(access: LeafAccess, cell: CellAccess) -> tuple[Hop, ...]:
    record = access.access.record
    via = []
    for link, condition, target in cell.hops:
        via.append(Hop(link, record.fields[link.local], condition, target))
        record = target.record
    return tuple(via)


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
    cell = access.cells[measure.cell or ""]
    at = partials.index(Partial(measure.function, MeasureTerm(measure.function, cell.field, cell.condition)))
    merged = {"values": "counted"}.get(measure.function, measure.function)
    return Measured(merged, f"#{at}", measure.only)
