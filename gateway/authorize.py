"""Operation to Allowed: resolves every field against the catalog and takes out what the principal may not use, before
anything is planned. Pure; looks at no row and at no value of a variable beyond the shape the plan's key holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auth.policy import Access, Decision, RecordAccess, State
from gateway import filters
from gateway.allowed import (
    LIST,
    AggregatePart,
    Allowed,
    AllTests,
    ConnectionField,
    ConnectionPart,
    ConnectionRoot,
    CountPart,
    EdgesPart,
    Filter,
    GroupTerm,
    HavingTerm,
    KeyPart,
    KeyRoot,
    ManyPart,
    MeasuresPart,
    MeasureTerm,
    Narrowed,
    NodesPart,
    NullPart,
    ObjectPart,
    OnePart,
    OrderTerm,
    PageInfoPart,
    Part,
    Path,
    PlainPart,
    Refusal,
    Root,
    RuleTest,
    TypeNamePart,
    ValuePart,
)
from gateway.filters import ArgumentRefused
from gateway.selection import Collector, Picked
from gateway.templates import Literal, Template, as_list, known_now
from schema.catalog import Catalog, Field, Link, Record
from schema.predicates import TRUE


def roots_of(catalog: Catalog) -> dict[str, tuple[Record, bool]]:
    """Root field -> its record and whether it is the connection."""
    roots: dict[str, tuple[Record, bool]] = {}
    for record in catalog.records.values():
        roots[record.singular] = (record, False)
        roots[record.plural] = (record, True)
    return roots


def authorize(
    catalog: Catalog, access: Access, picked: tuple[Picked, ...], collector: Collector, digest: str
) -> Allowed:
    """The planned roots among ``picked``, authorized. ``digest``: the operation's hash, part of what cursors bind."""
    return _Authorizer(catalog, access, collector, digest).allowed(picked)


@dataclass
class _Authorizer:
    catalog: Catalog
    access: Access
    collector: Collector
    digest: str
    refusals: dict[str, Refusal] = field(default_factory=dict)
    narrowed: dict[tuple[Path, str], Narrowed] = field(default_factory=dict)
    shown: dict[str, tuple[str, ...]] = field(default_factory=dict)
    masked: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def allowed(self, picked: tuple[Picked, ...]) -> Allowed:
        known = roots_of(self.catalog)
        roots = tuple(self._root(pick, *known[pick.name]) for pick in picked if pick.name in known)
        return Allowed(
            self.access, roots, tuple(self.refusals.values()), tuple(self.narrowed.values()), self.shown, self.masked
        )

    @property
    def variables(self) -> Mapping[str, Any]:
        return self.collector.variables

    def _root(self, pick: Picked, record: Record, connection: bool) -> Root:
        path = (pick.key,)
        access = self.access.record(record.name)
        arguments = pick.arguments(self.variables)
        if connection:
            part = self._connection(pick, access, arguments, path, f"Query.{pick.name}", None)
            return NullPart(pick.key) if part is None else ConnectionRoot(pick.key, part)
        if not access.allowed:
            self._refuse(path, f"Query.{pick.name}", access.refusal, record, record.owner)
            return NullPart(pick.key)
        value = arguments[record.key_field.api_name]
        assert not isinstance(value, (dict, list))
        key_decision = access.fields[record.key]
        if not key_decision.shown:
            self._refuse(path, f"Query.{pick.name}", key_decision, record, record.key_field.owner)
            return NullPart(pick.key)
        return KeyRoot(pick.key, access, value, self._object(pick, access, path))

    def _refuse(
        self, path: Path, coordinate: str, decision: Decision, of: Record | Link, owner: str, message: str = ""
    ) -> None:
        message = message or f"{coordinate} is not available to you: {decision.reason}"
        department = of.department if isinstance(of, Link) else of.department.name
        self.refusals.setdefault(coordinate, Refusal(path, coordinate, decision.code, message, department, owner))

    def _bad_argument(self, path: Path, coordinate: str, problem: ArgumentRefused) -> None:
        self.refusals.setdefault(
            f"{coordinate}({'/'.join(path)})",
            Refusal(path, coordinate, problem.code, problem.message, problem.department, problem.owner),
        )

    def _object(self, pick: Picked, access: RecordAccess, path: Path) -> ObjectPart:
        parts = tuple(self._part(inner, access, path) for inner in self.collector.collect(pick.selections))
        return ObjectPart(access, parts, path)

    def _part(self, pick: Picked, access: RecordAccess, path: Path) -> Part:
        record = access.record
        if pick.name == "__typename":
            return TypeNamePart(pick.key, record.type_name)
        part = record.by_api_name[pick.name]
        own_path = (*path, pick.key)
        coordinate = f"{record.type_name}.{part.api_name}"
        if isinstance(part, Field):
            return self._value(pick, part, access, own_path, coordinate)
        return self._link(pick, part, access, own_path, coordinate)

    def _value(self, pick: Picked, part: Field, access: RecordAccess, path: Path, coordinate: str) -> Part:
        decision = filters.field_decision(access, part)
        match decision.state:
            case State.REFUSED:
                self._refuse(_cut(path), coordinate, decision, access.record, part.owner)
                return NullPart(pick.key)
            case State.MASKED:
                self.masked[coordinate] = decision.rules
            case State.SHOWN:
                self.shown[coordinate] = decision.rules
        return ValuePart(pick.key, part, decision)

    def _link(self, pick: Picked, link: Link, access: RecordAccess, path: Path, coordinate: str) -> Part:
        decision = access.links[link.name]
        target = self.access.record(link.target)
        if not decision.shown:
            self._refuse(_cut(path), coordinate, decision, link, link.owner)
            return NullPart(pick.key)
        self.shown[coordinate] = decision.rules
        local = access.record.fields[link.local]
        if link.many:
            arguments = pick.arguments(self.variables)
            connection = self._connection(pick, target, arguments, path, coordinate, link)
            if connection is None:
                return NullPart(pick.key)
            return ManyPart(pick.key, link, local, decision.condition, connection)
        if not target.allowed:
            self._refuse(_cut(path), coordinate, target.refusal, target.record, target.record.owner)
            return NullPart(pick.key)
        self._note_narrowed(path, target)
        part = self._object(pick, target, path)
        return OnePart(pick.key, link, local, decision.condition, target, part, path)

    def _note_narrowed(self, path: Path, target: RecordAccess) -> None:
        if target.narrowed:
            record = target.record.name
            self.narrowed[path, record] = Narrowed(path, target.record.type_name, target.visible_rules)

    def _connection(
        self,
        pick: Picked,
        access: RecordAccess,
        arguments: dict[str, Template],
        path: Path,
        coordinate: str,
        link: Link | None,
    ) -> ConnectionPart | None:
        """None when the whole connection is refused: by its arguments, or because its rows are."""
        picks = self.collector.collect(pick.selections)
        wants_rows = any(inner.name in ("nodes", "edges", "pageInfo") for inner in picks)
        wants_totals = any(inner.name in ("totalCount", "aggregate") for inner in picks)
        record = access.record
        if not access.allowed and (wants_rows or not (wants_totals and access.totals.allowed)):
            decision = access.refusal
            self._refuse(_cut(path), coordinate, decision, record, record.owner)
            return None
        where_argument = arguments.get("where")
        try:
            where: Filter = AllTests()
            order: tuple[OrderTerm, ...] = ()
            if wants_rows:
                where = self._where(where_argument, filters.Rights.of_rows(access), path)
                order = filters.order_terms(arguments.get("orderBy"), self._scope(filters.Rights.of_rows(access), path))
            window = filters.window(arguments, self.variables)
        except ArgumentRefused as problem:
            self._bad_argument(_cut(path), coordinate, problem)
            return None
        if wants_rows or wants_totals:
            self._note_narrowed(path, access)
        parts = tuple(self._connection_field(inner, access, where_argument, path) for inner in picks)
        if any(isinstance(part, NullPart) and inner.name == "nodes" for part, inner in zip(parts, picks, strict=True)):
            return None
        digest = hashlib.sha256(repr((coordinate, where_argument, arguments.get("orderBy"))).encode()).hexdigest()
        return ConnectionPart(access, where, order, window, parts, path, digest)

    def _scope(self, rights: filters.Rights, path: Path) -> filters.Scope:
        return filters.Scope(self.access, rights, self.variables, lambda target: self._note_narrowed(path, target))

    def _where(self, argument: Template | None, rights: filters.Rights, path: Path) -> Filter:
        """The caller's filter together with the rules' condition on rows."""
        asked = filters.where_filter(argument, self._scope(rights, path))
        rule = () if rights.population == TRUE else (RuleTest(rights.population),)
        return AllTests((*rule, *asked.parts)) if isinstance(asked, AllTests) else AllTests((*rule, asked))

    def _connection_field(
        self, pick: Picked, access: RecordAccess, where: Template | None, path: Path
    ) -> ConnectionField:
        own_path = (*path, pick.key)
        match pick.name:
            case "__typename":
                return TypeNamePart(pick.key, f"{access.record.type_name}Connection")
            case "nodes":
                return NodesPart(pick.key, self._object(pick, access, (*own_path, LIST)))
            case "edges":
                return self._edges(pick, access, own_path)
            case "pageInfo":
                picks = self.collector.collect(pick.selections)
                return PageInfoPart(pick.key, tuple((inner.key, inner.name) for inner in picks))
        coordinate = f"{access.record.type_name}Connection.{pick.name}"
        if not access.totals.allowed:
            decision = Decision(State.REFUSED, code=access.totals.code, reason=access.totals.reason)
            self._refuse(_cut(own_path), coordinate, decision, access.record, access.record.owner)
            return NullPart(pick.key)
        try:
            rights = filters.Rights.of_totals(access)
            filtered = where is not None and where not in ({}, Literal(None))
            tests = self._where(where, rights, path)
            self.shown[coordinate] = access.totals.rules
            if pick.name == "totalCount":
                return CountPart(pick.key, access.totals, tests, filtered)
            return self._aggregate(pick, access, rights, tests, filtered, own_path)
        except ArgumentRefused as problem:
            self._bad_argument(_cut(own_path), coordinate, problem)
            return NullPart(pick.key)

    def _edges(self, pick: Picked, access: RecordAccess, path: Path) -> EdgesPart:
        fields: list[tuple[str, str | ObjectPart]] = []
        for inner in self.collector.collect(pick.selections):
            match inner.name:
                case "cursor":
                    fields.append((inner.key, "cursor"))
                case "__typename":
                    fields.append((inner.key, f"{access.record.type_name}Edge"))
                case _:
                    fields.append((inner.key, self._object(inner, access, (*path, LIST, inner.key))))
        return EdgesPart(pick.key, tuple(fields))

    def _aggregate(
        self, pick: Picked, access: RecordAccess, rights: filters.Rights, where: Filter, filtered: bool, path: Path
    ) -> AggregatePart:
        arguments = pick.arguments(self.variables)
        groups = self._groups(arguments.get("groupBy"), access, rights)
        parts = tuple(self._aggregate_field(inner, access, rights, groups, path) for inner in self._collect(pick))
        having = self._having(arguments.get("having"), access, rights)
        return AggregatePart(
            pick.key, f"{access.record.type_name}Aggregate", access.totals, where, filtered, groups, having, parts
        )

    def _collect(self, pick: Picked) -> tuple[Picked, ...]:
        return self.collector.collect(pick.selections)

    def _groups(self, argument: Template | None, access: RecordAccess, rights: filters.Rights) -> tuple[GroupTerm, ...]:
        if argument is None or argument == Literal(None):
            return ()
        names = {name.upper(): name for name in (*access.record.fields, *access.record.links)}
        terms: dict[str, GroupTerm] = {}
        for item in as_list(argument):
            for value in filters.enum_names(known_now(item, self.variables)):
                part: Field | Link = access.record.fields.get(names[value]) or access.record.links[names[value]]
                terms.setdefault(part.api_name, self._group(part, access, rights))
        return tuple(terms.values())

    def _group(self, part: Field | Link, access: RecordAccess, rights: filters.Rights) -> GroupTerm:
        if isinstance(part, Field):
            return GroupTerm(part.api_name, part, rights.condition(part, "grouped by"))
        target = self.access.record(part.target)
        local = access.record.fields[part.local]
        condition = rights.link_condition(part, target, key_only=True)
        return GroupTerm(part.api_name, local, condition, part)

    def _aggregate_field(
        self, pick: Picked, access: RecordAccess, rights: filters.Rights, groups: tuple[GroupTerm, ...], path: Path
    ) -> KeyPart | MeasuresPart | PlainPart:
        type_name = access.record.type_name
        match pick.name:
            case "key":
                return KeyPart(pick.key, self._key_parts(pick, access, rights, groups, (*path, LIST, pick.key)))
            case "sum" | "avg" | "min" | "max" as function:
                terms: list[tuple[str, MeasureTerm | None]] = []
                for inner in self._collect(pick):
                    if inner.name == "__typename":
                        terms.append((inner.key, None))
                        continue
                    measured = access.record.by_api_name[inner.name]
                    assert isinstance(measured, Field)
                    condition = rights.measure_condition(measured)
                    terms.append((inner.key, MeasureTerm(function, measured, condition)))
                return MeasuresPart(pick.key, function, f"{type_name}{function.capitalize()}", tuple(terms))
        what = f"{type_name}Aggregate" if pick.name == "__typename" else pick.name
        return PlainPart(pick.key, what)

    def _key_parts(
        self,
        pick: Picked,
        access: RecordAccess,
        rights: filters.Rights,
        groups: tuple[GroupTerm, ...],
        path: Path,
    ) -> tuple[Part, ...]:
        by_name = {term.name: term for term in groups}
        by_local = {term.field.api_name: term for term in groups}
        parts: list[Part] = []
        for inner in self._collect(pick):
            if inner.name == "__typename":
                parts.append(TypeNamePart(inner.key, f"{access.record.type_name}GroupKey"))
                continue
            term = by_name.get(inner.name) or by_local.get(inner.name)
            part = access.record.by_api_name[inner.name]
            if term is None and isinstance(part, Link):
                term = by_local.get(access.record.fields[part.local].api_name)
            if term is None:
                parts.append(NullPart(inner.key))
            elif isinstance(part, Link):
                parts.append(self._key_link(inner, term, part, rights, (*path, inner.key)))
            else:
                parts.append(ValuePart(inner.key, term.field, Decision(State.SHOWN)))
        return tuple(parts)

    def _key_link(self, pick: Picked, term: GroupTerm, link: Link, rights: filters.Rights, path: Path) -> Part:
        """The record a group's key leads to. A grant of totals that named the group has allowed the way there."""
        access, target = rights.access, self.access.record(link.target)
        coordinate = f"{access.record.type_name}.{link.api_name}"
        decision = access.links[link.name]
        if rights.by is None and not decision.shown:
            self._refuse(_cut(path), coordinate, decision, link, link.owner)
            return NullPart(pick.key)
        if not target.allowed:
            self._refuse(_cut(path), coordinate, target.refusal, target.record, target.record.owner)
            return NullPart(pick.key)
        return OnePart(pick.key, link, term.field, TRUE, target, self._object(pick, target, path), path)

    def _having(
        self, argument: Template | None, access: RecordAccess, rights: filters.Rights
    ) -> tuple[HavingTerm, ...]:
        if argument is None or not isinstance(argument, dict):
            return ()
        terms: list[HavingTerm] = []
        for name, tests in argument.items():
            if name == "count":
                terms += [HavingTerm(None, op, value) for op, value in filters.operators(tests)]
            elif isinstance(tests, dict):
                for measured_name, inner in tests.items():
                    measured = access.record.by_api_name[measured_name]
                    assert isinstance(measured, Field)
                    measure = MeasureTerm(name, measured, rights.measure_condition(measured))
                    terms += [HavingTerm(measure, op, value) for op, value in filters.operators(inner)]
        return tuple(terms)


def _cut(path: Path) -> Path:
    """The path up to the first list: what stands inside its elements has no position in a plan."""
    return path[: path.index(LIST)] if LIST in path else path


__all__ = ["authorize", "roots_of"]
