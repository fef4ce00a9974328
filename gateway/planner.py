"""Allowed operation to plan: which steps read what, what the source does and what is left for the gateway. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

from auth.decisions import all_of
from gateway.allowed import (
    AggregatePart,
    Allowed,
    ConnectionPart,
    ConnectionRoot,
    CountPart,
    EdgesPart,
    Filter,
    KeyPart,
    KeyRoot,
    ManyPart,
    NodesPart,
    ObjectPart,
    OnePart,
    OrderTerm,
    PageInfoPart,
    Path,
    Root,
    ValuePart,
)
from gateway.deriving import Deriver
from gateway.drafting import Draft, codec_of, takes_keys, visible_rows
from gateway.estimates import Estimates
from gateway.linking import Linker, Parent, Wanted
from gateway.plan import (
    AggregateLayout,
    AggregateStep,
    ConnectionLayout,
    ConnectionRootLayout,
    DeriveStep,
    Keyed,
    KeyRootLayout,
    LookupStep,
    NullRootLayout,
    ObjectLayout,
    Paging,
    Plan,
    RootLayout,
    RowsStep,
    SortTerm,
    Step,
)
from gateway.templates import Literal
from gateway.totalling import COUNT, Asked, Totaller, partials_of
from schema.catalog import Field, Record
from schema.fetch import Cell, Column, Condition, FetchShape, Ordering
from schema.predicates import TRUE

USUAL_PAGE = 100.0
"""Rows expected of a page whose size only the request knows."""


def make_plan(allowed: Allowed, turned: frozenset[str] = frozenset()) -> Plan:
    """The plan of an authorized operation. ``turned``: coordinates of links whose keys turned out to be too many to
    come first."""
    linker = Linker(Estimates.declared(allowed.access.catalog.records.values()), turned)
    totaller = Totaller(linker)
    deriver = Deriver(allowed.access, linker, totaller, allowed.settled)
    linker.derive = deriver.step
    planner = _Planner(linker, totaller)
    roots = tuple(layout for root in allowed.roots if (layout := planner.root(root)) is not None)
    deriver.write()
    steps = tuple(linker.steps[number] for number in range(len(linker.steps)))
    departments = frozenset(record.department.name for step in steps for record in _records(step))
    return Plan(allowed, steps, roots, departments, turned)


def _records(step: Step) -> tuple[Record, ...]:
    """The records whose rows a step looks at."""
    if isinstance(step, (LookupStep, DeriveStep)):
        return (step.record,)
    return (step.reading.record, *(joined.record for joined in step.reading.joined))


@dataclass(slots=True)
class _Planner:
    linker: Linker
    totaller: Totaller

    def root(self, root: Root) -> RootLayout | None:
        match root:
            case KeyRoot(known_at=moment):
                self.linker.known_at = moment
                return self._key_root(root)
            case ConnectionRoot(key=key, connection=connection, known_at=moment):
                self.linker.known_at = moment
                return ConnectionRootLayout(key, self._connection(connection, None, None))
        return NullRootLayout(root.key)

    def _key_root(self, root: KeyRoot) -> KeyRootLayout:
        record = root.access.record
        number = self.linker.number()
        draft = self.linker.draft(record, root.object.path)
        draft.about = 1.0
        key = draft.position(record.key_field)
        codec = codec_of(record.key_field)
        keyed = Keyed(
            codec, value=root.value, parse=record.key_field.scalar.parse, pushed=takes_keys(record, record.key_field)
        )
        layout = self._object(root.object, number, draft)
        found = all_of((root.access.visible, root.access.fields[record.key].condition))
        self._rows(number, draft, root.object.path, visible_rows(found), keyed, key, None, key)
        return KeyRootLayout(root.key, layout)

    def _object(self, part: ObjectPart, number: int, draft: Draft) -> ObjectLayout:
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
                    links[inner.key] = self._one(inner, Parent(number, position, draft.about))
                case ManyPart():
                    position = draft.position(inner.local, inner.condition)
                    positions[inner.local.name, inner.condition] = position
                    remote = inner.connection.record.fields[inner.link.remote]
                    links[inner.key] = self._connection(
                        inner.connection, Parent(number, position, draft.about), remote
                    )
        return ObjectLayout(number, part, positions, links, lookups)

    def _value(
        self,
        inner: ValuePart,
        number: int,
        draft: Draft,
        positions: dict[tuple[str, Any], int],
        lookups: dict[str, int],
        path: Path,
    ) -> None:
        condition = inner.decision.condition
        names = inner.field.reads or (inner.field.name,)
        for name in names:
            positions[name, condition] = draft.position(draft.record.fields[name], condition)
        if inner.field.batch is not None:
            step = self.linker.number()
            position = positions[names[0], condition]
            self.linker.steps[step] = LookupStep(step, (*path, inner.key), number, position, inner.field, draft.record)
            lookups[inner.key] = step

    def _one(self, part: OnePart, parent: Parent) -> ObjectLayout:
        record = part.target.record
        number = self.linker.number()
        draft = self.linker.draft(record, part.path)
        remote = record.fields[part.link.remote]
        key = draft.position(remote)
        layout = self._object(part.part, number, draft)
        keyed = self.linker.keyed(remote, record, parent)
        self._rows(number, draft, part.path, visible_rows(part.target.visible), keyed, key, None, key)
        return layout

    def _connection(self, part: ConnectionPart, parent: Parent | None, remote: Field | None) -> ConnectionLayout:
        objects: dict[tuple[str, str], ObjectLayout] = {}
        counts: dict[str, int] = {}
        aggregates: dict[str, AggregateLayout] = {}
        rows = None
        if part.reads_rows:
            rows = self.linker.number()
            draft = self.linker.draft(part.record, part.path)
            key = draft.position(part.record.key_field)
            join = -1 if remote is None else draft.position(remote)
            self.linker.choose(draft, part.where, parent, remote, _page_rows(part, parent))
            for inner in part.parts:
                for name, nested in _objects_of(inner):
                    objects[inner.key, name] = self._object(nested, rows, draft)
            keyed = None if parent is None or remote is None else self.linker.keyed(remote, part.record, parent)
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
        draft: Draft,
        path: Path,
        where: Filter,
        keyed: Keyed | None,
        join: int,
        page: ConnectionPart | None,
        key: int,
    ) -> None:
        """Finishes the step of a draft. Its directions are chosen already."""
        record = draft.record
        order = () if page is None else (*page.order, *_completing(record, page.order))
        pushed = page is not None and draft.can_order(order, where, keyed)
        orderings: tuple[Ordering, ...] = ()
        if page is not None and pushed:
            backward = page.window.backward
            orderings = tuple(
                Ordering(draft.push.cell(term.field, term.condition), term.descending is not backward)
                for term in order
            )  # fmt: skip
        for term in order:
            if not term.via:
                draft.position(term.field, term.condition)

        def shape(condition: Condition, cells: tuple[Cell, ...], key_column: Column | None) -> FetchShape:
            return FetchShape(
                record.relation, cells, condition, key_column, orderings, pushed, pushed and keyed is not None
            )

        wanted = tuple(Wanted(term.via, term.field, term.condition) for term in order if term.via)
        reading, places = self.linker.read(draft, path, where, keyed, join, shape, wanted)
        linked = iter(places)
        terms = tuple(
            SortTerm(
                next(linked) if term.via else draft.position(term.field, term.condition),
                term.descending,
                ".".join([*(hop.link.api_name for hop in term.via), term.field.api_name]),
            )
            for term in order
        )
        paging = None
        if page is not None:
            codecs = tuple(codec_of(term.field) for term in order)
            paging = Paging(page.window, terms, orderings, codecs, pushed, page.digest, _wants_neighbour(page))
        self.linker.steps[number] = RowsStep(number, path, reading, key, paging, page is None)

    def _count(self, part: CountPart, connection: ConnectionPart, parent: Parent | None, remote: Field | None) -> int:
        path = (*connection.path, part.key)
        return self.totaller.grouped(Asked(connection.record, path, part.totals, part.where, (), COUNT, parent, remote))

    def _aggregate(
        self, part: AggregatePart, connection: ConnectionPart, parent: Parent | None, remote: Field | None
    ) -> AggregateLayout:
        path = (*connection.path, part.key)
        partials = partials_of(part)
        asked = Asked(connection.record, path, part.totals, part.where, part.groups, partials, parent, remote)
        number = self.totaller.grouped(asked)
        step = self.linker.steps[number]
        assert isinstance(step, AggregateStep)
        links: dict[str, ObjectLayout] = {}
        for inner in part.parts:
            if isinstance(inner, KeyPart):
                for key_part in inner.parts:
                    if isinstance(key_part, OnePart):
                        index = next(
                            at for at, term in enumerate(part.groups) if term.field == key_part.local and not term.via
                        )
                        links[key_part.key] = self._one(key_part, Parent(number, index, step.reading.about))
        return AggregateLayout(number, part, step.partials, links)


def _completing(record: Record, order: tuple[OrderTerm, ...]) -> tuple[OrderTerm, ...]:
    """The record key at the end of the order, unless it is in it already and always shown."""
    named = any(term.field.name == record.key and term.condition == TRUE and not term.via for term in order)
    return () if named else (OrderTerm(record.key_field, False, TRUE),)


def _page_rows(part: ConnectionPart, parent: Parent | None) -> float:
    """Rows of the parents' pages that the source may cut; unbounded where they must be ordered here."""
    if any(term.via for term in part.order):
        return inf
    leaf = part.window.last or part.window.first
    size = float(leaf.value) if isinstance(leaf, Literal) and isinstance(leaf.value, int) else USUAL_PAGE
    return size if parent is None else size * parent.about


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
