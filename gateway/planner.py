"""Allowed operation to plan: which steps read what, what the source does and what is left for the gateway. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.allowed import (
    AggregatePart,
    Allowed,
    AllTests,
    ConnectionPart,
    ConnectionRoot,
    CountPart,
    EdgesPart,
    Filter,
    GroupTerm,
    KeyPart,
    KeyRoot,
    LinkTest,
    ManyPart,
    MeasuresPart,
    MeasureTerm,
    NodesPart,
    ObjectPart,
    OnePart,
    OrderTerm,
    PageInfoPart,
    Path,
    Root,
    RuleTest,
    ValuePart,
)
from gateway.plan import (
    AggregateLayout,
    AggregateStep,
    CellUse,
    ConnectionLayout,
    ConnectionRootLayout,
    Keyed,
    KeyRootLayout,
    KeySetStep,
    LookupStep,
    NullRootLayout,
    ObjectLayout,
    Paging,
    Partial,
    Plan,
    Reading,
    RootLayout,
    RowsStep,
    SortTerm,
    Step,
)
from gateway.pushdown import Local, Pushdown, plain_column
from schema.catalog import Field, Record
from schema.codecs import Codec
from schema.fetch import Cell, Column, Condition, FetchShape, Function, Measure, Ordering
from schema.predicates import TRUE, Predicate


def make_plan(allowed: Allowed) -> Plan:
    """The plan of an authorized operation."""
    planner = _Planner()
    roots = tuple(layout for root in allowed.roots if (layout := planner.root(root)) is not None)
    steps = tuple(planner.steps[number] for number in range(len(planner.steps)))
    departments = frozenset(
        step.record.department.name if isinstance(step, LookupStep) else step.reading.record.department.name
        for step in steps
    )
    return Plan(allowed, steps, roots, departments)


@dataclass(slots=True)
class _Draft:
    """A reading step being written: the cells it needs so far, by field and condition."""

    record: Record
    push: Pushdown
    local: Local = field(init=False)
    cells: list[tuple[Field, Predicate]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.local = Local(self.record, self.position, self.push.link_keys)

    def position(self, part: Field, condition: Predicate = TRUE) -> int:
        """Where the cell stands in a row; asked for first, it is added."""
        wanted = (part, condition)
        if wanted not in self.cells:
            self.cells.append(wanted)
        return self.cells.index(wanted)

    def shape_cells(self) -> tuple[Cell, ...]:
        cells = []
        for part, condition in self.cells:
            when = self.push.cell_condition(condition) if self.push.can_push_cell(condition) else None
            cells.append(Cell(plain_column(part), when))
        return tuple(cells)

    def uses(self) -> tuple[CellUse, ...]:
        """The cells as the executor reads them. Blanking tests may themselves need more cells."""
        uses: list[CellUse] = []
        index = 0
        while index < len(self.cells):
            part, condition = self.cells[index]
            here = None if self.push.can_push_cell(condition) else self.local.blanking(condition)
            uses.append(CellUse(part, here))
            index += 1
        return tuple(uses)

    def reading(
        self,
        where: Filter,
        keyed: Keyed | None,
        join: int,
        shape: Callable[[Condition, tuple[Cell, ...], Column | None], FetchShape],
    ) -> tuple[Reading, bool]:
        """The finished reading and whether the source applies the whole filter."""
        condition, left = self.push.split(where)
        test = self.local.test(left)
        uses = self.uses()
        key_column = None
        if keyed is not None and keyed.pushed:
            key_column = _key_column(self.cells[join][0] if join >= 0 else self.record.key_field)
        reading = Reading(
            self.record, shape(condition, self.shape_cells(), key_column), tuple(self.push.params), uses, test,
            tuple(self.local.params), keyed, join, (*self.push.waits_on, *self.local.waits_on),
        )  # fmt: skip
        return reading, not left and (keyed is None or keyed.pushed)


def _key_column(part: Field) -> Column:
    column = plain_column(part)
    codec = part.codec
    assert codec is not None
    return column if codec.enumerable else Column(column.name, column.kind, column.scale, codec.normaliser)


@dataclass(slots=True)
class _Parent:
    """Where a linked step gets its keys: a step's cell, of field ``local``."""

    step: int
    position: int


@dataclass(slots=True)
class _Planner:
    steps: dict[int, Step] = field(default_factory=dict)
    _next: int = 0

    def root(self, root: Root) -> RootLayout | None:
        match root:
            case KeyRoot():
                return self._key_root(root)
            case ConnectionRoot(key=key, connection=connection):
                return ConnectionRootLayout(key, self._connection(connection, None, None))
        return NullRootLayout(root.key)

    def _number(self) -> int:
        self._next += 1
        return self._next - 1

    def _draft(self, record: Record, path: Path) -> _Draft:
        return _Draft(record, Pushdown(record, lambda test: self._key_set(test, path)))

    def _keyed(self, target: Field, record: Record, parent: _Parent) -> Keyed:
        return Keyed(_codec(target), parent.step, parent.position, pushed=_takes_keys(record, target))

    def _key_root(self, root: KeyRoot) -> KeyRootLayout:
        record = root.access.record
        number = self._number()
        draft = self._draft(record, root.object.path)
        key = draft.position(record.key_field)
        codec = _codec(record.key_field)
        keyed = Keyed(
            codec, value=root.value, parse=record.key_field.scalar.parse, pushed=_takes_keys(record, record.key_field)
        )
        layout = self._object(root.object, number, draft)
        self._rows(number, draft, root.object.path, _visible(root.access.visible), keyed, key, None, key)
        return KeyRootLayout(root.key, layout)

    def _object(self, part: ObjectPart, number: int, draft: _Draft) -> ObjectLayout:
        """Plans the links of a selection and notes the cells of its values; the step itself is finished later."""
        positions: dict[tuple[str, Any], int] = {}
        links: dict[str, ObjectLayout | ConnectionLayout] = {}
        lookups: dict[str, int] = {}
        for inner in part.parts:
            match inner:
                case ValuePart(decision=decision) if decision.shown:
                    self._value(inner, number, draft, positions, lookups, part.path)
                case OnePart():
                    position = draft.position(inner.local, inner.condition)
                    positions[inner.local.name, inner.condition] = position
                    links[inner.key] = self._one(inner, _Parent(number, position))
                case ManyPart():
                    position = draft.position(inner.local, inner.condition)
                    positions[inner.local.name, inner.condition] = position
                    remote = inner.connection.record.fields[inner.link.remote]
                    links[inner.key] = self._connection(inner.connection, _Parent(number, position), remote)
        return ObjectLayout(number, part, positions, links, lookups)

    def _value(
        self,
        inner: ValuePart,
        number: int,
        draft: _Draft,
        positions: dict[tuple[str, Any], int],
        lookups: dict[str, int],
        path: Path,
    ) -> None:
        condition = inner.decision.condition
        names = inner.field.reads or (inner.field.name,)
        for name in names:
            positions[name, condition] = draft.position(draft.record.fields[name], condition)
        if inner.field.batch is not None:
            step = self._number()
            position = positions[names[0], condition]
            self.steps[step] = LookupStep(step, (*path, inner.key), number, position, inner.field, draft.record)
            lookups[inner.key] = step

    def _one(self, part: OnePart, parent: _Parent) -> ObjectLayout:
        record = part.target.record
        number = self._number()
        draft = self._draft(record, part.path)
        remote = record.fields[part.link.remote]
        key = draft.position(remote)
        layout = self._object(part.part, number, draft)
        keyed = self._keyed(remote, record, parent)
        self._rows(number, draft, part.path, _visible(part.target.visible), keyed, key, None, key)
        return layout

    def _connection(self, part: ConnectionPart, parent: _Parent | None, remote: Field | None) -> ConnectionLayout:
        objects: dict[tuple[str, str], ObjectLayout] = {}
        counts: dict[str, int] = {}
        aggregates: dict[str, AggregateLayout] = {}
        rows = None
        if part.reads_rows:
            rows = self._number()
            draft = self._draft(part.record, part.path)
            key = draft.position(part.record.key_field)
            join = -1 if remote is None else draft.position(remote)
            for inner in part.parts:
                for name, nested in _objects_of(inner):
                    objects[inner.key, name] = self._object(nested, rows, draft)
            keyed = None if parent is None or remote is None else self._keyed(remote, part.record, parent)
            self._rows(rows, draft, part.path, part.where, keyed, join, part, key)
        for inner in part.parts:
            match inner:
                case CountPart():
                    counts[inner.key] = self._count(inner, part, parent, remote)
                case AggregatePart():
                    aggregates[inner.key] = self._aggregate(inner, part, parent, remote)
        position = -1 if parent is None else parent.position
        return ConnectionLayout(part, rows, objects, counts, aggregates, position)

    def _rows(
        self,
        number: int,
        draft: _Draft,
        path: Path,
        where: Filter,
        keyed: Keyed | None,
        join: int,
        page: ConnectionPart | None,
        key: int,
    ) -> None:
        record = draft.record
        paging = None
        if page is not None:
            order = (*page.order, *_completing(record, page.order))
            terms = tuple(SortTerm(draft.position(term.field, term.condition), term.descending) for term in order)
            pushed = self._can_order(draft, order, where, keyed)
            backward = page.window.backward
            orderings = tuple(
                Ordering(draft.push.cell(term.field, term.condition), term.descending is not backward)
                for term in order
            ) if pushed else ()  # fmt: skip
            codecs = tuple(_codec(term.field) for term in order)
            paging = Paging(page.window, terms, orderings, codecs, pushed, page.digest, _wants_neighbour(page))

        def shape(condition: Condition, cells: tuple[Cell, ...], key_column: Column | None) -> FetchShape:
            limited = paging is not None and paging.pushed
            return FetchShape(
                record.relation, cells, condition, key_column, paging.orderings if paging else (), limited,
                limited and keyed is not None,
            )  # fmt: skip

        reading, _ = draft.reading(where, keyed, join, shape)
        self.steps[number] = RowsStep(number, path, reading, key, paging, page is None)

    def _can_order(self, draft: _Draft, order: tuple[OrderTerm, ...], where: Filter, keyed: Keyed | None) -> bool:
        """Whether order, seek and limit may be left to the source: it must also apply the whole filter, and no key
        may turn out unreadable."""
        capabilities = draft.record.source.capabilities
        if not (capabilities.order and capabilities.limit and capabilities.boolean):
            return False
        if keyed is not None and not (capabilities.per_key_limit and keyed.pushed):
            return False
        for term in order:
            codec = _codec(term.field)
            assert term.field.column is not None
            if not (codec.total and codec.ordered and draft.record.takes(term.field.column, "gt")):
                return False
            if codec.normaliser is not None and codec.normaliser not in capabilities.normalisers:
                return False
            if not draft.push.can_push_cell(term.condition):
                return False
        return draft.push.can_push(where)

    def _key_set(self, test: LinkTest, path: Path) -> int:
        record = test.target.record
        number = self._number()
        draft = self._draft(record, path)
        remote = record.fields[test.link.remote]
        draft.position(remote)
        pushed = record.source.capabilities.groups and draft.push.can_push(test.where)

        def shape(condition: Condition, cells: tuple[Cell, ...], key_column: Column | None) -> FetchShape:
            if pushed:
                return FetchShape(record.relation, where=condition, groups=cells, measures=(Measure(Function.COUNT),))
            return FetchShape(record.relation, cells, condition)

        reading, _ = draft.reading(test.where, None, -1, shape)
        self.steps[number] = KeySetStep(number, (*path, test.link.api_name), reading, pushed)
        return number

    def _count(self, part: CountPart, connection: ConnectionPart, parent: _Parent | None, remote: Field | None) -> int:
        partials = (Partial("count", None),)
        path = (*connection.path, part.key)
        return self._grouped(
            connection.record, path, part.where, (), partials, part.totals, part.filtered, parent, remote
        )

    def _grouped(
        self,
        record: Record,
        path: Path,
        where: Filter,
        groups: tuple[GroupTerm, ...],
        partials: tuple[Partial, ...],
        totals: Any,
        filtered: bool,
        parent: _Parent | None,
        remote: Field | None,
    ) -> int:
        complement = None
        if totals.k and filtered:
            everything = _visible(totals.population)
            counting = (Partial("count", None),)
            complement = self._grouped(record, path, everything, groups, counting, totals, False, parent, remote)
        number = self._number()
        draft = self._draft(record, path)
        join = -1 if remote is None else draft.position(remote)
        terms = [(term.field, term.condition) for term in groups]
        for group_field, condition in terms:
            draft.position(group_field, condition)
        keyed = None if parent is None or remote is None else self._keyed(remote, record, parent)
        pushed = self._can_group(draft, where, terms, partials, keyed)
        measured = tuple(
            -1 if partial.term is None else draft.position(partial.term.field, partial.term.condition)
            for partial in partials
        ) if not pushed else ()  # fmt: skip
        # A grouped cell stands once in a row: the join cell and a group by the same field share it.
        group_positions = tuple(draft.position(group_field, condition) for group_field, condition in terms)

        def shape(condition: Condition, cells: tuple[Cell, ...], key_column: Column | None) -> FetchShape:
            if not pushed:
                return FetchShape(record.relation, cells, condition, key_column)
            measures = tuple(_measure(draft, partial) for partial in partials)
            return FetchShape(record.relation, where=condition, key=key_column, groups=cells, measures=measures)

        reading, _ = draft.reading(where, keyed, join, shape)
        self.steps[number] = AggregateStep(
            number, path, reading, group_positions, partials, measured, pushed, totals, complement
        )
        return number

    def _can_group(
        self,
        draft: _Draft,
        where: Filter,
        groups: list[tuple[Field, Predicate]],
        partials: tuple[Partial, ...],
        keyed: Keyed | None,
    ) -> bool:
        capabilities = draft.record.source.capabilities
        if not capabilities.groups or not draft.push.can_push(where) or (keyed is not None and not keyed.pushed):
            return False
        if not _codec(draft.record.key_field).total:
            return False  # rows whose key cannot be read are left out, and only their decoded key tells
        if not all(draft.push.can_push_cell(condition) for _, condition in groups):
            return False
        return all(_can_measure(draft, partial) for partial in partials)

    def _aggregate(
        self, part: AggregatePart, connection: ConnectionPart, parent: _Parent | None, remote: Field | None
    ) -> AggregateLayout:
        partials = _partials(part)
        path = (*connection.path, part.key)
        number = self._grouped(
            connection.record, path, part.where, part.groups, partials, part.totals, part.filtered, parent, remote
        )
        step = self.steps[number]
        assert isinstance(step, AggregateStep)
        links: dict[str, ObjectLayout] = {}
        for inner in part.parts:
            if isinstance(inner, KeyPart):
                for key_part in inner.parts:
                    if isinstance(key_part, OnePart):
                        index = next(at for at, term in enumerate(part.groups) if term.field == key_part.local)
                        links[key_part.key] = self._one(key_part, _Parent(number, index))
        return AggregateLayout(number, part, partials, links)


def _codec(part: Field) -> Codec:
    assert part.codec is not None
    return part.codec


def _takes_keys(record: Record, part: Field) -> bool:
    capabilities = record.source.capabilities
    assert part.column is not None
    if not record.takes_keys(part.column):
        return False
    codec = _codec(part)
    return codec.enumerable or codec.normaliser in capabilities.normalisers


def _visible(condition: Predicate) -> Filter:
    return AllTests() if condition == TRUE else RuleTest(condition)


def _completing(record: Record, order: tuple[OrderTerm, ...]) -> tuple[OrderTerm, ...]:
    """The record key at the end of the order, unless it is in it already and always shown."""
    named = any(term.field.name == record.key and term.condition == TRUE for term in order)
    return () if named else (OrderTerm(record.key_field, False, TRUE),)


def _wants_neighbour(part: ConnectionPart) -> bool:
    wanted = "hasPreviousPage" if part.window.backward else "hasNextPage"
    return any(
        isinstance(inner, PageInfoPart) and any(name == wanted for _, name in inner.fields) for inner in part.parts
    )


def _objects_of(part: Any) -> list[tuple[str, ObjectPart]]:
    match part:
        case NodesPart(object=inner):
            return [("nodes", inner)]
        case EdgesPart(fields=fields):
            return [(name, what) for name, what in fields if isinstance(what, ObjectPart)]
    return []


def _partials(part: AggregatePart) -> tuple[Partial, ...]:
    """Everything measured, once: a sum is a sum, an average a sum and a count of values."""
    wanted: dict[Partial, None] = {Partial("count", None): None}
    terms: list[MeasureTerm] = [
        term for inner in part.parts if isinstance(inner, MeasuresPart) for _, term in inner.fields if term is not None
    ]
    terms += [test.measure for test in part.having if test.measure is not None]
    for term in terms:
        for function in ("sum", "values") if term.function == "avg" else (term.function,):
            wanted[Partial(function, MeasureTerm(function, term.field, term.condition))] = None
    return tuple(wanted)


def _can_measure(draft: _Draft, partial: Partial) -> bool:
    if partial.term is None:
        return True
    codec = _codec(partial.term.field)
    if not draft.push.can_push_cell(partial.term.condition):
        return False
    if codec.normaliser is not None and codec.normaliser not in draft.record.source.capabilities.normalisers:
        return False
    match partial.function:
        case "sum":
            return codec.factor is not None and codec.total
        case "values":
            return codec.total
    return codec.total and codec.ordered


def _measure(draft: _Draft, partial: Partial) -> Measure:
    if partial.term is None:
        return Measure(Function.COUNT)
    function = Function.COUNT if partial.function == "values" else Function(partial.function)
    return Measure(function, draft.push.cell(partial.term.field, partial.term.condition))
