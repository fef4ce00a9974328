"""Steps of derived records: what their queries read, as little of it as the caller's filter allows, and the step that
works the query out. A part that only counts and measures is left to its source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from auth.decisions import LeafAccess, QueryAccess, RecordAccess, Totals
from auth.policy import Access
from gateway import partwise
from gateway.allowed import AllTests, FieldTest, Filter, GroupTerm, MeasureTerm, Path, RuleTest, Settled
from gateway.drafting import takes_keys
from gateway.filters import within
from gateway.keys import with_pieces
from gateway.linking import KeysFor, Linker, Parent, Wanted
from gateway.narrowing import Way, direct, narrowed, origins
from gateway.plan import DeriveInput, DeriveStep, Keeping, LookupStep, Partial, ScanStep
from gateway.pushdown import conjuncts
from gateway.regrouping import regrouped, via
from gateway.sharing import Alike, alike, cell_key
from gateway.templates import Leaf
from gateway.totalling import COUNT, Asked, Totaller
from schema.catalog import Field, Record
from schema.derivations import about_fields, derivation_of, passed_by
from schema.derive import (
    DESCRIBED,
    Computed,
    Derivation,
    Described,
    Given,
    Grouped,
    Joined,
    Kept,
    Listed,
    Node,
    Parts,
    RowsOf,
    Together,
    cells,
    leaves,
    parts_of,
)
from schema.fetch import Cell, Column, Condition, FetchShape
from schema.lineage import Counted, counted, counted_leaves
from schema.predicates import TRUE
from schema.pruned import pruned
from schema.scalars import DATETIME

WORTH_KEYS = 3.0
"""Rows of the right side of a join are asked for by the left side's keys when there are this many times more."""
WORTH_KEYS_DEEP = 100.0
"""The same where the right side is joined of several records, each of which could be asked by keys of the others."""


@dataclass(slots=True)
class _Asked:
    """A step that is promised: ``cells`` are those of the query that are asked for so far, in the order of its rows."""

    number: int
    record: Record
    derivation: Derivation
    where: Filter
    path: Path
    moment: Leaf | None
    keys: KeysFor | None
    cells: list[str] = field(default_factory=list)
    written: bool = False


@dataclass(frozen=True, slots=True)
class Deriver:
    """Writes the steps of derived records into one plan. Steps are promised first and written when everything that is
    asked of them is known: they read no more."""

    access: Access
    linker: Linker
    totaller: Totaller
    settled: tuple[Settled, ...] = ()
    known: list[_Asked] = field(default_factory=list)
    """The same rows are worked out once."""

    def step(
        self, record: Record, derivation: Derivation, where: Filter, path: Path, wanted: Sequence[str],
        keys: KeysFor | None = None,
    ) -> tuple[int, tuple[int, ...]]:
        """The step that gives the record's rows, or at least those that pass ``where`` and have one of the keys,
        and where the wanted cells stand in them."""
        moment = self.linker.known_at
        asked = None
        for known in self.known:
            same = known.record is record and known.where == where and known.moment == moment and known.keys == keys
            if same and not (known.written and set(wanted) - set(known.cells)):
                asked = known
        if asked is None:
            asked = _Asked(self.linker.number(), record, derivation, where, path, moment, keys)
            self.known.append(asked)
        asked.cells += [name for name in dict.fromkeys(wanted) if name not in asked.cells]
        return asked.number, tuple(asked.cells.index(name) for name in wanted)

    def write(self) -> None:
        """Writes what is promised; a step that others may still ask for comes after those."""
        while waiting := [one for one in self.known if not one.written]:
            self._write(max(waiting, key=lambda one: self._depth(one.derivation)))

    def _depth(self, derivation: Derivation) -> int:
        """How many derived records lie on top of each other, at most."""
        records = self.access.catalog.records
        below = [derivation_of(passed) for leaf in leaves(derivation.query) for passed in passed_by(records, leaf)]
        return 1 + max((self._depth(one) for one in below if one is not None), default=0)

    def _write(self, asked: _Asked) -> None:
        query = self.access.record(asked.record.name).query
        assert query is not None
        self.linker.known_at = asked.moment
        said = [test for test in conjuncts(asked.where) if isinstance(test, FieldTest)]
        tests = with_pieces(asked.record, asked.derivation.query, said)
        narrow = narrowed(asked.derivation.query, tests, query.leaves)
        one = _Derivation(self, query.leaves, asked.path, narrow)
        if asked.derivation.kept:
            asked.cells += self._others(asked)
        query_asked = pruned(asked.derivation.query, asked.cells)
        one.choose_parts(asked.derivation.query, query_asked, tests, frozenset(part.name for part in query.refused))
        if asked.keys is not None and asked.keys.field.column is not None:
            one.seek(query_asked, asked.keys.field.column, 0, asked.keys.parent)
        node = one.planned(query_asked)
        places = tuple(cells(node).index(name) for name in asked.cells)
        about = max([1.0, *one.abouts])
        kept = self._keeping(asked, query, tests, one.chosen) if asked.derivation.kept else None
        self.linker.steps[asked.number] = DeriveStep(
            asked.number, asked.path, asked.record, node, tuple(one.inputs), tuple(asked.cells), places, about,
            tuple(one.parts.items()), kept,
        )  # fmt: skip
        asked.written = True

    def _others(self, asked: _Asked) -> list[str]:
        """The cells of the record that nobody asks for here: rows that are kept are for other questions too."""
        columns = sorted({part.column for part in asked.record.fields.values() if part.column is not None})
        return [name for name in columns if name not in asked.cells]

    def _keeping(
        self, asked: _Asked, query: QueryAccess, tests: list[FieldTest], chosen: frozenset[str]
    ) -> Keeping | None:
        """How long the rows may be told again: as the most careful of the sources they come from says. They depend on
        those tests only that reach a record beneath, or choose parts. Only of a record in parts: it is worked out
        whole, so that nothing of who asks goes into it but what its rights are."""
        derivation = asked.derivation
        whole = parts_of(derivation.query)
        if whole is None or asked.keys is not None:
            return None
        for_s = inf
        number = 0
        for name, part in whole.parts:
            for _ in leaves(part):
                if name in chosen:
                    for_s = min(for_s, _kept_s(query.leaves[number].access))
                    for cell in query.leaves[number].cells.values():
                        for_s = min([for_s, *(target.record.source.kept_s for _, _, target in cell.hops)])
                number += 1
        if not 0 < for_s < inf:
            return None
        reaching = [test for test in tests if narrowed(derivation.query, [test], query.leaves)]
        told = asked.record.name, chosen, tuple((test.field.name, test.op) for test in reaching), asked.moment is None
        values: list[tuple[Leaf, Callable[[Any], Any] | None]] = [
            (test.value, test.field.scalar.parse) for test in reaching
        ]
        if asked.moment is not None:
            values.append((asked.moment, DATETIME.parse))
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
    keys: dict[int, tuple[Parent, str]] = field(default_factory=dict)
    """Leaf -> the rows to ask for, by the cell named."""
    shared: list[tuple[RowsOf, int, Given]] = field(default_factory=list)
    counted: list[tuple[Asked, RecordAccess, Given]] = field(default_factory=list)
    """Groups that are asked of a source."""
    chosen: frozenset[str] = frozenset()
    """Of a query in parts, those that are asked for and may be read."""
    alike: dict[int, Alike] = field(default_factory=dict)
    """What the leaves of its parts read together."""
    parts: dict[str, frozenset[int]] = field(default_factory=dict)
    """The inputs of each part."""
    _touched: set[int] = field(default_factory=set)
    _met: dict[Node, Node] = field(default_factory=dict)
    _next: int = 0

    def choose_parts(self, query: Node, needed: Node, asked: list[FieldTest], refused: frozenset[str]) -> None:
        """Which parts of the query, if it is in parts, are worked out, and what they read alike. ``needed``: the query
        without what nobody asks for."""
        whole, left = parts_of(query), parts_of(needed)
        if whole is None or left is None:
            return
        self.chosen = partwise.asked(whole, asked, self.deriver.settled) - refused
        numbered: list[tuple[int, RowsOf]] = []
        number = 0
        for name, part in left.parts:
            for leaf in leaves(part):
                if name in self.chosen:
                    numbered.append((number, leaf))
                number += 1
        where = {number: self._asked(leaf, number) for number, leaf in numbered}
        counts = {number: one for number, one in counted_leaves(left).items() if self._has_cells(number, one)}
        self.alike = alike(numbered, self.leaves, where, counts)
        for one in self.alike.values():
            if one.counted and one.access.totals is None:
                one.counted = self._counts(one.access.access.record, one.where, one.partials)

    def _has_cells(self, number: int, groups: Counted) -> bool:
        """Whether every cell that groups need may be read."""
        have = self.leaves[number].cells.keys()
        return groups.keys <= have and all(one.cell in have for one in groups.measured.values())

    def planned(self, node: Node) -> Node:
        """The query with everything that is read put in as given; what is needed alike in several places is one node,
        to be worked out once."""
        found = self._planned(node)
        return self._met.setdefault(found, found)

    def _planned(self, node: Node) -> Node:
        match node:
            case RowsOf():
                return self._rows_alike(node) if self._next in self.alike else self._once(node)
            case Given():
                return node
            case Grouped(of=of):
                return self._grouped(node) or replace(node, of=self.planned(of))
            case Joined(left=left, right=right, on=on, kind=kind):
                first = self._next
                ours = self.planned(left)
                if kind != "full" and not self.alike:  # in parts, what several of them read is read once, and whole
                    self._by_keys(left, first, right, on)
                return Joined(ours, self.planned(right), on, kind)
            case Together(parts=parts):
                return Together(tuple(self.planned(part) for part in parts))
            case Parts(cells=names, parts=named):
                chosen = tuple(self._part(name, part) for name, part in named if self._is_chosen(name, part))
                return Parts(names, chosen)
            case Listed():
                return node
            case Described(names=names, rows=described):
                return Listed((*names, *DESCRIBED), about_fields(self.deriver.access.catalog, len(names), described))
        return replace(node, of=self.planned(node.of))

    def _is_chosen(self, name: str, part: Node) -> bool:
        """Whether the part is worked out; else its leaves are passed over."""
        if name not in self.chosen:
            self._next += len(leaves(part))
        return name in self.chosen

    def _part(self, name: str, part: Node) -> tuple[str, Node]:
        self._touched = set()
        node = self.planned(part)
        self.parts[name] = frozenset(self._touched)
        return name, node

    def seek(
        self, node: Node, name: str, first: int, parent: Parent, worth: float = 0.0, *, last: bool = False
    ) -> None:
        """Asks every leaf that ``name`` comes from unchanged for the keys of ``parent`` only. ``worth``: a leaf of
        fewer rows is read as it is, where its source lists them. ``last``: no join further down has keys for it, so
        that one whose source does not allow so many rows to be read is asked for these."""
        for number, cell_name, expression, back in origins(node, name, Way(first)):
            access = self.leaves[number]
            cell = access.cells.get(cell_name)
            if expression is not None or back or cell is None or cell.hops or cell.condition != TRUE:
                continue
            record = access.access.record
            asked = takes_keys(record, cell.field) or derivation_of(record) is not None
            if number in self.keys or access.totals is not None or not asked:
                continue
            where = self._where(leaves(node)[number - first], number)
            about, listed = self.deriver.linker.estimates.rows(record, where), record.source.capabilities.list_all
            if worth < about or not listed or (last and self._passes_budget(record, where)):
                self.keys[number] = (parent, cell_name)

    def _passes_budget(self, record: Record, where: Filter) -> bool:
        """Whether more rows would have to be read than the source allows, were it asked for no keys: what it does not
        test itself is among them."""
        push = self.deriver.linker.draft(record, self.path).push
        pushed = AllTests(tuple(part for part in conjuncts(where) if push.can_push(part)))
        return self.deriver.linker.estimates.rows(record, pushed) > record.source.limits.row_budget

    @contextmanager
    def _telling(self, number: int) -> Iterator[None]:
        """What cannot be read beneath is told, but of rows that only the derived record's rules may show."""
        steps = self.deriver.linker.steps
        known = frozenset(steps)
        yield
        leaf = self.leaves[number]
        targets = (target for cell in leaf.cells.values() for _, _, target in cell.hops)
        if leaf.access.through or any(target.through for target in targets):
            for new in steps.keys() - known:
                step = steps[new]
                if not isinstance(step, (DeriveStep, LookupStep)):
                    steps[new] = replace(step, reading=replace(step.reading, quiet=True))

    def _asked(self, leaf: RowsOf, number: int) -> Filter:
        """The leaf's own condition and what the caller's filter says of it."""
        rules = () if leaf.where == TRUE else (RuleTest(leaf.where),)
        return AllTests((*rules, *self.narrow.get(number, [])))

    def _where(self, leaf: RowsOf, number: int) -> Filter:
        return within(self.leaves[number].population, self._asked(leaf, number))

    def _once(self, leaf: RowsOf) -> Given:
        """The rows of a leaf; of two that ask the same, one is read."""
        number = self._next
        for other, known, given in self.shared:
            asks_alike = other == leaf and self.keys.get(known) == self.keys.get(number)
            narrowed_alike = self.narrow.get(known, []) == self.narrow.get(number, [])
            if asks_alike and narrowed_alike and self.leaves[known] == self.leaves[number]:
                self._next += 1
                self.read[number] = self.read[known]
                return given
        with self._telling(number):
            given = self._rows(leaf)
        self.shared.append((leaf, number, given))
        return given

    def _rows(self, leaf: RowsOf) -> Given:
        number = self._next
        self._next += 1
        parent = self.keys.get(number)
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
                wanted.append(Wanted(via(access, cell), cell.field, cell.condition))
            else:
                draft.position(cell.field, cell.condition)
        key = draft.key()
        if not draft.cells:
            draft.position(record.key_field)  # only whether there is a row is asked

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

    def _rows_alike(self, leaf: RowsOf) -> Given:
        """The leaf's cells of rows that other leaves read too."""
        number = self._next
        self._next += 1
        access, one = self.leaves[number], self.alike[number]
        if one.step < 0:
            with self._telling(number):
                self._scan_alike(one)
        stands = {
            name: one.places[cell_key(access.cells[name])] for name, _ in leaf.cells if name in access.cells
        }
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
        wanted = tuple(Wanted(via(access, cell), cell.field, cell.condition) for _, cell in linked)
        key = draft.key()
        if not draft.cells:
            draft.position(record.key_field)  # only whether there is a row is asked

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
            record = one.access.access.record
            coarser = any(other.under is one for other in self.alike.values())
            with self._telling(number):
                if one.under is None and not coarser:
                    one.step = self.deriver.totaller.grouped(self._asked_alike(one))
                else:
                    finest = self._asked_alike(one.under or one)
                    one.step = self.deriver.totaller.published(self._asked_alike(one), finest)
            one.about = self.deriver.linker.estimates.rows(record, one.where)
        place = {key: at for at, key in enumerate(one.by)}
        stands = {name: place[cell_key(access.cells[name])] for name in sorted(groups.keys)}
        stands |= {f"#{at}": len(place) + at for at in range(len(one.partials))}
        return self._given(one.step, tuple(stands), stands, one.about), one.partials

    def _asked_alike(self, one: Alike) -> Asked:
        access = one.access
        terms = tuple(
            GroupTerm(f"{cell.field.name}#{at}", cell.field, cell.condition, None, via(access, cell))
            for at, cell in enumerate(one.by.values())
        )
        totals = access.totals or Totals(access.population)
        return Asked(access.access.record, self.path, totals, one.where, terms, tuple(one.partials))

    def _given(self, step: int, names: tuple[str, ...], stands: dict[str, int], about: float) -> Given:
        """A cell that may not be read stands at -1: nothing."""
        taken = DeriveInput(step, tuple(stands.get(name, -1) for name in names))
        if taken not in self.inputs:
            self.inputs.append(taken)
            self.abouts.append(about)
        at = self.inputs.index(taken)
        self._touched.add(at)
        return Given(at, names)

    def _remote(self, access: LeafAccess, parent: tuple[Parent, str] | None) -> Field | None:
        return None if parent is None else access.cells[parent[1]].field

    def _grouped(self, node: Grouped) -> Node | None:
        """Groups the source counts itself, and the rest of the query over them; None when rows have to be read."""
        groups = counted(node)
        if groups is None:
            return None
        number, below = self._next, groups.leaf
        parent = self.keys.get(number)
        access = self.leaves[number]
        measured = groups.measured
        if not self._has_cells(number, groups):
            return None
        if number in self.alike:
            if not self.alike[number].counted:
                return None
            self._next += 1
            return regrouped(node, groups, access, *self._groups_alike(groups, number))
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
        names = (*by, *(f"#{at}" for at in range(len(partials))))
        return regrouped(node, groups, access, self._groups(asked, number, names), partials)

    def _groups(self, asked: Asked, number: int, names: tuple[str, ...]) -> Given:
        """Groups of a leaf; of two that ask the same, one is counted. ``names``: their cells and measures."""
        access = self.leaves[number].access
        given = next((one for same, whose, one in self.counted if same == asked and whose == access), None)
        if given is None:
            with self._telling(number):
                step = self.deriver.totaller.grouped(asked)
            about = self.deriver.linker.estimates.rows(access.record, asked.where)
            given = self._given(step, names, {name: at for at, name in enumerate(names)}, about)
            self.counted.append((asked, access, given))
        return replace(given, names=names)

    def _counts(self, record: Record, where: Filter, partials: list[Partial]) -> bool:
        """Whether the source itself can: else its rows are read anyway, and grouped once, here."""
        return self.deriver.linker.draft(record, self.path).can_group(where, [], tuple(partials), None)

    def _term(self, access: LeafAccess, name: str) -> GroupTerm:
        cell = access.cells[name]
        return GroupTerm(name, cell.field, cell.condition, None, via(access, cell))

    def _by_keys(self, left: Node, first: int, right: Node, on: tuple[tuple[str, str], ...]) -> None:
        """The right side asked for by keys the left side's rows have, as far as it is much larger."""
        below = right
        while isinstance(below, (Grouped, Kept, Computed)):
            below = below.of
        last = isinstance(below, RowsOf)
        worth = WORTH_KEYS if last else WORTH_KEYS_DEEP
        for one, other in on:
            origin = direct(left, one, first)
            if origin is not None and origin[0] in self.read:
                step, stands, rows = self.read[origin[0]]
                if origin[1] in stands:
                    parent = Parent(step, stands[origin[1]], rows)
                    self.seek(right, other, self._next, parent, rows * worth, last=last)
