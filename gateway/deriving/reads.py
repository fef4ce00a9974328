"""The rows that a query's leaves read, put into steps: each leaf's by itself, or of several leaves together where their
parts read alike."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from auth.decisions import CellAccess, LeafAccess
from gateway.allowed import AllTests, FieldTest, Filter, Hop, Path, RuleTest
from gateway.drafting import Draft
from gateway.filters import within
from gateway.linking import Linker, Parent, Wanted
from gateway.plan import DeriveInput, DeriveStep, Keyed, LookupStep, ScanStep
from gateway.pushdown import conjuncts
from gateway.sharing import Alike, cell_key
from schema.catalog import Field, Record
from schema.derive.nodes import Given, RowsOf
from schema.fetch import Cell, Column, Condition, FetchShape
from schema.predicates import TRUE

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Read:
    """The step a leaf was read by, where its cells stand there, and about how many rows it has."""

    step: int
    stands: dict[str, int]
    about: float


@dataclass(slots=True)
class Reads:
    """Of one query. ``leaves``: what may be read of each; ``narrow``: what the caller's filter says of it; ``keys``:
    the rows to ask for, by the cell named; ``alike``: what the leaves of its parts read together; ``touched``: the
    inputs taken since somebody cleared it."""

    linker: Linker
    leaves: tuple[LeafAccess, ...]
    path: Path
    narrow: dict[int, list[FieldTest]]
    keys: dict[int, tuple[Parent, str]] = field(default_factory=dict)
    alike: dict[int, Alike] = field(default_factory=dict)
    done: dict[int, Read] = field(default_factory=dict)
    inputs: list[DeriveInput] = field(default_factory=list)
    abouts: list[float] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    _shared: list[tuple[RowsOf, int, Given]] = field(default_factory=list)

    def asked(self, leaf: RowsOf, number: int) -> Filter:
        """The leaf's own condition and what the caller's filter says of it."""
        rules = () if leaf.where == TRUE else (RuleTest(leaf.where),)
        return AllTests((*rules, *self.narrow.get(number, [])))

    def where(self, leaf: RowsOf, number: int) -> Filter:
        """The same among the rows that may be read."""
        return within(self.leaves[number].population, self.asked(leaf, number))

    def remote(self, number: int) -> Field | None:
        """The field of the keys that the leaf's rows are asked for by."""
        parent = self.keys.get(number)
        return None if parent is None else self.leaves[number].cells[parent[1]].field

    def passes_budget(self, record: Record, where: Filter) -> bool:
        """Whether more rows would have to be read than the source allows, were it asked for no keys: what it does not
        test itself is among them."""
        push = self.linker.draft(record, self.path).push
        pushed = AllTests(tuple(part for part in conjuncts(where) if push.can_push(part)))
        return self.linker.estimates.rows(record, pushed) > record.source.limits.row_budget

    def rows(self, leaf: RowsOf, number: int) -> Given:
        """The rows of a leaf; of two that ask the same, one is read."""
        if number in self.alike:
            return self._rows_alike(leaf, number)
        for other, known, given in self._shared:
            asks_alike = other == leaf and self.keys.get(known) == self.keys.get(number)
            narrowed_alike = self.narrow.get(known, []) == self.narrow.get(number, [])
            if asks_alike and narrowed_alike and self.leaves[known] == self.leaves[number]:
                self.done[number] = self.done[known]
                return given
        with self.telling(number):
            given = self._rows(leaf, number)
        self._shared.append((leaf, number, given))
        return given

    def given(self, step: int, names: tuple[str, ...], stands: dict[str, int], about: float) -> Given:
        """Cells of a step's rows in the query's place of what they are. A cell that may not be read stands at -1:
        nothing."""
        taken = DeriveInput(step, tuple(stands.get(name, -1) for name in names))
        if taken not in self.inputs:
            self.inputs.append(taken)
            self.abouts.append(about)
        at = self.inputs.index(taken)
        self.touched.add(at)
        return Given(at, names)

    @contextmanager
    def telling(self, number: int) -> Iterator[None]:
        """What cannot be read beneath is told, but of rows that only the derived record's rules may show."""
        steps = self.linker.steps
        known = frozenset(steps)
        yield
        leaf = self.leaves[number]
        targets = (target for cell in leaf.cells.values() for _, _, target in cell.hops)
        if leaf.access.through or any(target.through for target in targets):
            for new in steps.keys() - known:
                step = steps[new]
                if not isinstance(step, (DeriveStep, LookupStep)):
                    steps[new] = replace(step, reading=replace(step.reading, quiet=True))

    def _rows(self, leaf: RowsOf, number: int) -> Given:
        parent, remote = self.keys.get(number), self.remote(number)
        access, linker = self.leaves[number], self.linker
        record = access.access.record
        draft = linker.draft(record, self.path)
        where = self.where(leaf, number)
        join = -1 if remote is None else draft.position(remote)
        linker.choose(draft, where, None if parent is None else parent[0], remote)
        keyed = None if parent is None or remote is None else linker.keyed(remote, record, parent[0])
        cells = {name: access.cells[name] for name, _ in leaf.cells if name in access.cells}
        step, stands = self._scan(access, draft, where, keyed, join, cells)
        self.done[number] = Read(step, stands, draft.about)
        return self.given(step, tuple(name for name, _ in leaf.cells), stands, draft.about)

    def _rows_alike(self, leaf: RowsOf, number: int) -> Given:
        """The leaf's cells of rows that other leaves read too."""
        access, one = self.leaves[number], self.alike[number]
        if one.step < 0:
            with self.telling(number):
                record = one.access.access.record
                draft = self.linker.draft(record, self.path)
                where = within(one.access.population, one.where)
                self.linker.choose(draft, where, None, None)
                one.step, one.places = self._scan(one.access, draft, where, None, -1, one.cells)
                one.about = draft.about
        stands = {
            name: one.places[cell_key(access.cells[name])] for name, _ in leaf.cells if name in access.cells
        }
        return self.given(one.step, tuple(name for name, _ in leaf.cells), stands, one.about)

    def _scan(
        self, access: LeafAccess, draft: Draft, where: Filter, keyed: Keyed | None, join: int,
        cells: Mapping[K, CellAccess],
    ) -> tuple[int, dict[K, int]]:
        """The step that reads these cells, and where each stands in its rows."""
        assert access.totals is None, "who may only count reads no rows"
        record, linker = draft.record, self.linker
        places = {key: draft.position(cell.field, cell.condition) for key, cell in cells.items() if not cell.hops}
        linked = [(key, cell) for key, cell in cells.items() if cell.hops]
        wanted = tuple(Wanted(via_of(access, cell), cell.field, cell.condition) for _, cell in linked)
        key = draft.key()
        if not draft.cells:
            draft.position(record.key_field)  # only whether there is a row is asked

        def shape(condition: Condition, cells: tuple[Cell, ...], key_column: Column | None) -> FetchShape:
            return FetchShape(record.relation, cells, condition, key_column)

        step = linker.number()
        reading, joined = linker.read(draft, self.path, where, keyed, join, shape, wanted)
        linker.steps[step] = ScanStep(step, self.path, reading, key)
        return step, places | {key: place for (key, _), place in zip(linked, joined, strict=True)}


def via_of(access: LeafAccess, cell: CellAccess) -> tuple[Hop, ...]:
    """The links from the leaf's record to the one whose cell it is."""
    record = access.access.record
    via = []
    for link, condition, target in cell.hops:
        via.append(Hop(link, record.fields[link.local], condition, target))
        record = target.record
    return tuple(via)
