"""Steps that reach over a link: the keys a filter through it needs, and the linked rows an order or a group reads. One
mechanism for every pair of sources.

A filter through a link can be read in two directions. *Keys first*: the target's keys are read and sent along to the
source of the rows. *Rows first*: the rows are read without that filter, and the target is asked only about their keys.
Within one source it may need neither: see ``gateway.collapsing``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import TypeAlias

from gateway.allowed import AllTests, FieldTest, Filter, Hop, LinkTest, Path, Via
from gateway.collapsing import Alternative, can_collapse, reads_less, with_those_inside
from gateway.drafting import Draft, Shaping, codec_of, keys_may_be_unreadable, over, takes_keys, visible_rows
from gateway.estimates import Estimates
from gateway.local import Local
from gateway.plan import JoinIn, Keyed, KeySetStep, Reading, RowsStep, ScanStep, Step
from gateway.pushdown import Pushdown, conjuncts, coordinate, link_tests
from gateway.templates import Leaf
from schema.catalog import Field, Record
from schema.derivations import derivation_of
from schema.derive.nodes import Derivation
from schema.fetch import Cell, Column, Condition, FetchShape, Function, Measure
from schema.predicates import TRUE, Predicate


@dataclass(frozen=True, slots=True)
class Parent:
    """Where a linked step gets its keys: the cell at ``position`` of a step's rows, of which there are about
    ``about``."""

    step: int
    position: int
    about: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """A linked record's cell that rows are ordered or grouped by."""

    via: Via
    field: Field
    condition: Predicate


@dataclass(frozen=True, slots=True)
class KeysFor:
    """Rows of a derived record are asked for by values that a step's rows have of its ``field``."""

    field: Field
    parent: Parent


Derive: TypeAlias = Callable[
    [Record, Derivation, Filter, Path, Sequence[str], KeysFor | None], tuple[int, tuple[int, ...]]
]


@dataclass(slots=True)
class Linker:
    """Numbers the steps of one plan and writes those that reach over links. ``turned``: coordinates of links whose
    keys turned out to be too many to come first."""

    estimates: Estimates
    turned: frozenset[str] = frozenset()
    known_at: Leaf | None = None
    """What the root being planned asks: only rows that the sources knew at this moment."""
    derive: Derive | None = None
    """Gives the step of a derived record and where cells stand in its rows: set by who puts the planner together."""
    steps: dict[int, Step] = field(default_factory=dict)
    _next: int = 0
    _key_sets: list[tuple[int, LinkTest, Parent | None, Leaf | None]] = field(default_factory=list)

    def number(self) -> int:
        self._next += 1
        return self._next - 1

    def draft(self, record: Record, path: Path) -> Draft:
        push = Pushdown(record, lambda test: self.key_set(test, path, record, None), known=self._known)
        return Draft(record, push, known=self._known(record))

    def _known(self, record: Record) -> Filter:
        if self.known_at is None or record.recorded is None:
            return AllTests()
        return FieldTest(record.fields[record.recorded], "lte", self.known_at, TRUE)

    def keyed(self, target: Field, record: Record, parent: Parent) -> Keyed:
        pushed = takes_keys(record, target)
        return Keyed(codec_of(target), parent.step, parent.position, pushed=pushed, about=parent.about)

    def choose(
        self, draft: Draft, where: Filter, parent: Parent | None, local: Field | None, limit: float = inf
    ) -> None:
        """Decides for every filter through a link whether it collapses or else in which direction it is read, and notes
        it in the draft with the rows expected.
        ``limit``: the rows of a page, where the source may cut it."""
        alone = AllTests(tuple(part for part in conjuncts(where) if not link_tests(part)))
        own = self.estimates.rows(draft.record, alone)
        if parent is not None and local is not None:
            own *= min(1.0, parent.about / self.estimates.distinct(draft.record, local))
        statements = 1.0 if parent is None else parent.about / draft.record.source.limits.max_keys
        for part in conjuncts(where):
            collapsing: list[tuple[LinkTest, bool]] = []
            for test in link_tests(part):
                rows_first = self._rows_first(draft, where, test, own, limit)
                other = Alternative(rows_first, own, statements)
                if can_collapse(draft.push, test) and reads_less(self.estimates, draft.record, test, other):
                    draft.push.collapsed |= with_those_inside(test)
                    collapsing.append((test, rows_first))
                elif rows_first:
                    draft.push.rows_first.add(id(test))
            if not draft.push.can_push(part):  # then the gateway has to tell the whole of it
                for test, rows_first in collapsing:
                    draft.push.collapsed -= with_those_inside(test)
                    draft.push.rows_first |= {id(test)} if rows_first else set()
        cut = draft.push.can_push(where) and not draft.push.rows_first
        draft.about = min(limit if cut else inf, own * self._share(draft, where))

    def _share(self, draft: Draft, where: Filter) -> float:
        """The share of rows that pass those filters through links which come with the rows."""
        linked = [part for part in conjuncts(where) if link_tests(part)]
        waits = draft.push.rows_first
        early = AllTests(tuple(part for part in linked if not any(id(test) in waits for test in link_tests(part))))
        return self.estimates.share(draft.record, early)

    def _rows_first(self, draft: Draft, where: Filter, test: LinkTest, own: float, limit: float) -> bool:
        target = test.target.record
        asked = takes_keys(target, target.fields[test.link.remote])
        if not target.source.capabilities.list_all:
            return True
        if not asked:
            return False
        keys = self.estimates.keys(test)
        budget = draft.record.source.limits
        if coordinate(draft.record, test) in self.turned or keys > budget.max_filter_keys:
            return True
        asking = target.source.limits
        if own > budget.row_budget or own > asking.max_keys * asking.max_calls_per_operation:
            return False
        pushed = draft.push.can_push(where)
        keys_first = keys + (min(limit, own * self._share(draft, where)) if pushed else own)
        passing = self.estimates.rows(target, test.where) / max(1.0, self.estimates.size(target))
        joined_by = self.estimates.distinct(target, target.fields[test.link.remote])
        fan_out = max(1.0, self.estimates.size(target) / joined_by)
        rows_first = own + min(keys, own * min(1.0, passing * fan_out))
        return rows_first < keys_first

    def key_set(self, test: LinkTest, path: Path, record: Record, parent: Parent | None) -> int:
        """The keys of the target's rows that pass a filter of ``record``; with ``parent`` only those its rows have.
        Two filters that need the same keys share one step."""
        target = test.target.record
        remote = target.fields[test.link.remote]
        for known, one, above, moment in self._key_sets:
            same = one.link == test.link and one.target is test.target and one.where == test.where
            if same and above == parent and moment == self.known_at:
                return known
        number = self.number()
        self._key_sets.append((number, test, parent, self.known_at))
        draft = self.draft(target, path)
        join = draft.position(remote)
        self.choose(draft, test.where, parent, remote)
        keyed = None if parent is None else self.keyed(remote, target, parent)
        pushed = not draft.push.rows_first and (keyed is None or keyed.pushed)
        pushed = pushed and not keys_may_be_unreadable(target) and draft.push.can_push(draft.whole(test.where))
        key = -1 if pushed else draft.key()

        def shape(condition: Condition, cells: tuple[Cell, ...], key_column: Column | None) -> FetchShape:
            if pushed:
                measures = (Measure(Function.COUNT),)
                return FetchShape(target.relation, where=condition, key=key_column, groups=cells, measures=measures)
            return FetchShape(target.relation, cells, condition, key_column)

        reading, _ = self.read(draft, path, test.where, keyed, join, shape)
        self.steps[number] = KeySetStep(number, path, reading, pushed, coordinate(record, test), key)
        return number

    def read(
        self, draft: Draft, path: Path, where: Filter, keyed: Keyed | None, join: int, shape: Shaping,
        wanted: tuple[Wanted, ...] = (),
    ) -> tuple[Reading, tuple[int, ...]]:
        """The reading of a step, and where the linked cells ``wanted`` stand in its rows. What no source can do by
        itself is done over a scan: linked cells are joined in, and filters that wait for the rows' keys applied."""
        record = draft.record
        if not wanted and not draft.push.rows_first:
            return self._derived(draft, draft.reading(where, keyed, join, shape), where, path), ()
        scan = self.number()
        early, late = draft.waiting(where)
        local = Local(record, draft.position, lambda test: self._keys_of(test, draft, scan, path))
        test = local.test(tuple(conjuncts(late)))
        starts = [draft.position(one.via[0].local, one.via[0].condition) for one in wanted]

        def scanned(condition: Condition, cells: tuple[Cell, ...], key_column: Column | None) -> FetchShape:
            return FetchShape(record.relation, cells, condition, key_column)

        reading = self._derived(draft, draft.reading(early, keyed, join, scanned), early, path)
        self.steps[scan] = ScanStep(scan, path, reading)
        about = reading.about
        joins, places = self.joins(wanted, starts, scan, len(reading.cells), about, path)
        return over(scan, reading, test, local, joins), places

    def _derived(self, draft: Draft, reading: Reading, where: Filter, path: Path) -> Reading:
        """Of a derived record the reading takes what another step works out."""
        derivation = derivation_of(draft.record)
        if derivation is None:
            return reading
        assert self.derive is not None
        keyed, keys = reading.keyed, None
        if keyed is not None:
            asked = reading.cells[reading.join].field
            if keyed.parent is not None:
                keys = KeysFor(asked, Parent(keyed.parent, keyed.position, keyed.about))
            elif keyed.value is not None:
                where = AllTests((where, FieldTest(asked, "eq", keyed.value, TRUE)))
        wanted = [use.field.column or "" for use in reading.cells]
        step, taken = self.derive(draft.record, derivation, where, path, wanted, keys)
        return replace(reading, derived=step, taken=taken)

    def _keys_of(self, test: LinkTest, draft: Draft, scan: int, path: Path) -> int:
        """Asks a link's target only about the keys that the scanned rows have."""
        parent = Parent(scan, draft.position(test.local, test.condition), draft.about)
        return self.key_set(test, path, draft.record, parent)

    def joins(
        self, wanted: tuple[Wanted, ...], starts: list[int], step: int, width: int, about: float, path: Path
    ) -> tuple[tuple[JoinIn, ...], tuple[int, ...]]:
        """Steps that bring the linked rows, how they widen rows of ``width`` cells, and where each wanted cell then
        stands. ``starts``: the position of each first link's local field."""
        root = _Branch(step, width, about)
        for one, start in zip(wanted, starts, strict=True):
            branch = root
            for at, hop in enumerate(one.via):
                position = start if at == 0 else branch.position(hop.local, hop.condition)
                branch = branch.along(hop, position)
            branch.position(one.field, one.condition)
        joins: list[JoinIn] = []
        self._join(root, 0, joins, [width], path)
        places = []
        for one in wanted:
            branch = root
            for hop in one.via:
                branch = branch.below[hop.link.name]
            places.append(branch.base + branch.position(one.field, one.condition))
        return tuple(joins), tuple(places)

    def _join(self, above: _Branch, base: int, joins: list[JoinIn], width: list[int], path: Path) -> None:
        for branch in above.below.values():
            hop = branch.hop
            assert hop is not None
            record = hop.target.record
            number = self.number()
            remote = record.fields[hop.link.remote]
            draft = self.draft(record, path)
            join = draft.position(remote)
            for part, condition in branch.cells:
                draft.position(part, condition)
            draft.about = min(above.about, self.estimates.size(record))
            keyed = self.keyed(remote, record, Parent(above.step, branch.start, above.about))

            def shape(
                condition: Condition, cells: tuple[Cell, ...], key: Column | None, record: Record = record
            ) -> FetchShape:
                return FetchShape(record.relation, cells, condition, key)

            reading = draft.reading(visible_rows(hop.target.visible), keyed, join, shape)
            self.steps[number] = RowsStep(number, path, reading, join, None, True, hop.link.api_name)
            branch.step, branch.base, branch.about = number, width[0], draft.about
            branch.cells = list(draft.cells)
            joins.append(JoinIn(number, base + branch.start, len(reading.cells)))
            width[0] += len(reading.cells)
            self._join(branch, branch.base, joins, width, path)


@dataclass(slots=True)
class _Branch:
    """Linked records of one link on the way to wanted cells. ``start``: position of the link's local field among the
    cells of the step above; ``base``: where its cells begin in a widened row."""

    step: int
    base: int
    about: float
    hop: Hop | None = None
    start: int = 0
    cells: list[tuple[Field, Predicate]] = field(default_factory=list)
    below: dict[str, _Branch] = field(default_factory=dict)

    def position(self, part: Field, condition: Predicate) -> int:
        if (part, condition) not in self.cells:
            self.cells.append((part, condition))
        return self.cells.index((part, condition))

    def along(self, hop: Hop, position: int) -> _Branch:
        if hop.link.name not in self.below:
            branch = self.below[hop.link.name] = _Branch(-1, -1, 0.0, hop, position)
            branch.position(hop.target.record.fields[hop.link.remote], TRUE)
        return self.below[hop.link.name]
