"""Operation to Allowed: resolves every field against the catalog and takes out what the principal may not use, before
anything is planned. Pure; looks at no row and at no value of a variable beyond the shape the plan's key holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auth.decisions import Decision, PartRefused, RecordAccess, State, Totals
from auth.policy import Access
from gateway import filters, partwise
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
    FeedPart,
    FieldTest,
    Filter,
    GroupTerm,
    GroupValuePart,
    HavingTerm,
    Hop,
    KeyPart,
    KeyRoot,
    ManyPart,
    MeasuresPart,
    MeasureTerm,
    MissingPart,
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
    Settled,
    TypeNamePart,
    ValuePart,
    cut,
)
from gateway.filters import ArgumentRefused
from gateway.keys import with_pieces
from gateway.naming import Named, Namer
from gateway.paths import FieldPath, linked_fields
from gateway.presets import WRITTEN, preset_arguments
from gateway.pushdown import conjuncts
from gateway.selection import Collector, Picked
from gateway.templates import Leaf, Literal, Template, as_list, known_now
from schema.catalog import Catalog, Field, Link, Record
from schema.derivations import derivation_of
from schema.derive import parts_of
from schema.predicates import TRUE


def roots_of(catalog: Catalog) -> dict[str, tuple[Record, bool]]:
    """Root field -> its record and whether it is the connection."""
    roots: dict[str, tuple[Record, bool]] = {}
    for record in catalog.records.values():
        if not record.has_root:
            continue
        roots[record.singular] = (record, False)
        roots[record.plural] = (record, True)
    roots |= {name: (record, True) for name, (_, record) in catalog.presets.items()}
    return roots


def authorize(
    catalog: Catalog, access: Access, picked: tuple[Picked, ...], collector: Collector, digest: str
) -> Allowed:
    """The planned roots among ``picked``, authorized. ``digest``: the operation's hash, part of what cursors bind."""
    return _Authorizer(catalog, access, collector, digest).allowed(picked)


def authorize_feed(
    catalog: Catalog, access: Access, pick: Picked, record: Record, collector: Collector, digest: str
) -> tuple[Allowed, FeedPart | None]:
    """A feed of changes of ``record``; None when the rows it is about are refused, or its arguments."""
    authorizer = _Authorizer(catalog, access, collector, digest)
    feed = authorizer.feed(pick, access.record(record.name))
    return authorizer.told(() if feed is None else (ConnectionRoot(pick.key, feed.connection),)), feed


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
    known_at: Leaf | None = None
    """Of the root that is being read."""
    missing: dict[tuple[Path, str], MissingPart] = field(default_factory=dict)
    settled: list[Settled] = field(default_factory=list)
    named: list[Named] = field(default_factory=list)

    def allowed(self, picked: tuple[Picked, ...]) -> Allowed:
        known = roots_of(self.catalog)
        return self.told(tuple(self._root(pick, *known[pick.name]) for pick in picked if pick.name in known))

    def told(self, roots: tuple[Root, ...]) -> Allowed:
        """These roots with everything that was noted on the way."""
        sought = tuple(leaf for one in self.named for leaf in one.sought)
        named = tuple(dict.fromkeys((one.path, one.coordinate) for one in self.named)) if self.refusals else ()
        return Allowed(
            self.access, roots, tuple(self.refusals.values()), tuple(self.narrowed.values()), self.shown, self.masked,
            missing=tuple(self.missing.values()), settled=tuple(self.settled), named=named, sought=sought,
        )  # fmt: skip

    @property
    def variables(self) -> Mapping[str, Any]:
        return self.collector.variables

    def _root(self, pick: Picked, record: Record, connection: bool) -> Root:
        path = (pick.key,)
        access = self.access.record(record.name)
        arguments = pick.arguments(self.variables)
        self.known_at = _given(arguments.get("asKnownAt"))
        if connection:
            if pick.name in self.catalog.presets:
                arguments = preset_arguments(self.catalog.presets[pick.name][0], record, arguments)
            self._name(pick, record, arguments)
            part = self._connection(pick, access, arguments, path, f"Query.{pick.name}", None)
            return NullPart(pick.key) if part is None else ConnectionRoot(pick.key, part, self.known_at)
        self._name(pick, record, arguments)
        if not access.allowed:
            self._refuse(path, f"Query.{pick.name}", access.refusal, record, record.owner)
            return NullPart(pick.key)
        value = arguments[record.key_field.api_name]
        assert not isinstance(value, (dict, list))
        key_decision = access.fields[record.key]
        if not key_decision.shown:
            self._refuse(path, f"Query.{pick.name}", key_decision, record, record.key_field.owner)
            return NullPart(pick.key)
        if self._forgets(record, path, f"Query.{pick.name}"):
            return NullPart(pick.key)
        refused = self._settle(access, FieldTest(record.key_field, "eq", value, TRUE), path)
        if refused is not None:
            self._refuse(path, f"Query.{pick.name}", refused.decision, refused.record, refused.record.owner)
            return NullPart(pick.key)
        return KeyRoot(pick.key, access, value, self._object(pick, access, path), self.known_at)

    def feed(self, pick: Picked, access: RecordAccess) -> FeedPart | None:
        path, record = (pick.key,), access.record
        coordinate = f"Subscription.{pick.name}"
        self._name(pick, record, pick.arguments(self.variables))
        if not access.allowed:
            self._refuse(path, coordinate, access.refusal, record, record.owner)
            return None
        where_argument = pick.arguments(self.variables).get("where")
        try:
            where = self._where(where_argument, filters.Rights.of_rows(access), path)
        except ArgumentRefused as problem:
            self._bad_argument(path, coordinate, problem)
            return None
        self._note_narrowed(path, access)
        picks = self._collect(pick)
        nodes = tuple(
            NodesPart(inner.key, self._object(inner, access, (*path, inner.key)))
            for inner in picks
            if inner.name == "node"
        ) or (NodesPart("node", ObjectPart(access, (), path)),)
        key = filters.field_decision(access, record.key_field)
        if any(inner.name == "key" for inner in picks):
            key_coordinate = f"{record.type_name}.{record.key_field.api_name}"
            if key.unconditional:
                self.shown[key_coordinate] = key.rules
            else:
                self._refuse((*path, "key"), key_coordinate, key, record, record.key_field.owner)
        digest = hashlib.sha256(repr((coordinate, where_argument)).encode()).hexdigest()
        connection = ConnectionPart(access, where, (), filters.window({}, self.variables), nodes, path, digest)
        return FeedPart(pick.key, connection, tuple((inner.key, inner.name) for inner in picks), key.unconditional)

    def _forgets(self, record: Record, path: Path, coordinate: str) -> bool:
        """Whether the record cannot tell what was known at the moment asked for; then that is said."""
        try:
            if self.known_at is not None:
                filters.check_known_at(self.access, record)
        except ArgumentRefused as problem:
            self._bad_argument(cut(path), coordinate, problem)
            return True
        return False

    def _name(self, pick: Picked, record: Record, arguments: dict[str, Template]) -> None:
        self.named += Namer(self.catalog, self.collector).root(pick, record, arguments)

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
                self._refuse(cut(path), coordinate, decision, access.record, part.owner)
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
            self._refuse(cut(path), coordinate, decision, link, link.owner)
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
            self._refuse(cut(path), coordinate, target.refusal, target.record, target.record.owner)
            return NullPart(pick.key)
        if self._forgets(target.record, path, coordinate):
            return NullPart(pick.key)
        self._note_narrowed(path, target)
        part = self._object(pick, target, path)
        return OnePart(pick.key, link, local, decision.condition, target, part, path)

    def _note_narrowed(self, path: Path, target: RecordAccess) -> None:
        if target.narrowed:
            record = target.record.name
            self.narrowed[path, record] = Narrowed(path, target.record.type_name, target.visible_rules)
        self._note_derived(path, target)

    def _note_derived(self, path: Path, access: RecordAccess) -> None:
        """Says of what a derived record is worked out from that rules hide some."""
        for base in () if access.query is None else access.query.narrowed:
            found = Narrowed(path, base.record.type_name, base.visible_rules)
            self.narrowed.setdefault((path, base.record.name), found)

    def _settle(self, access: RecordAccess, where: Filter, path: Path) -> PartRefused | None:
        """Tells apart which parts of a record in parts are asked for, and names those that are refused; one of them,
        when there is no other."""
        derivation = derivation_of(access.record)
        if derivation is None or access.query is None or (parts := parts_of(derivation.query)) is None:
            return None
        asked = [test for test in conjuncts(where) if isinstance(test, FieldTest)]
        tests = with_pieces(access.record, derivation.query, asked)
        settled = partwise.settle(parts, tests, self.variables)
        self.settled += settled
        names = partwise.asked(parts, tests, settled)
        lacking = [one for one in access.query.refused if one.name in names]
        if names and len(lacking) == len(names):
            return lacking[0]
        for one in lacking:
            told = partwise.missing(access.record, path, one.name, one.record, one.decision.code, one.decision.reason)
            self.missing.setdefault((path, one.name), told)
        return None

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
        if not access.allowed and (wants_rows or not (wants_totals and access.totals)):
            decision = access.refusal
            self._refuse(cut(path), coordinate, decision, record, record.owner)
            return None
        if self._forgets(record, path, coordinate):
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
            self._bad_argument(cut(path), coordinate, problem)
            return None
        if wants_rows:
            self._note_narrowed(path, access)
            refused = self._settle(access, where, path)
            if refused is not None:
                self._refuse(cut(path), coordinate, refused.decision, refused.record, refused.record.owner)
                return None
        parts = tuple(self._connection_field(inner, access, where_argument, path, link) for inner in picks)
        if any(isinstance(part, NullPart) and inner.name == "nodes" for part, inner in zip(parts, picks, strict=True)):
            return None
        written = arguments.get(WRITTEN, where_argument)
        digest = hashlib.sha256(repr((coordinate, written, arguments.get("orderBy"))).encode()).hexdigest()
        return ConnectionPart(access, where, order, window, parts, path, digest)

    def _scope(self, rights: filters.Rights, path: Path) -> filters.Scope:
        return filters.Scope(
            self.access, rights, self.variables, lambda target: self._note_narrowed(path, target),
            self.known_at is not None,
        )  # fmt: skip

    def _where(self, argument: Template | None, rights: filters.Rights, path: Path) -> Filter:
        """The caller's filter together with the rules' condition on rows."""
        asked = filters.where_filter(argument, self._scope(rights, path))
        return filters.within(rights.population, asked)

    def _connection_field(
        self, pick: Picked, access: RecordAccess, where: Template | None, path: Path, link: Link | None
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
        return self._totals(pick, access, where, own_path, link)

    def _totals(
        self, pick: Picked, access: RecordAccess, where: Template | None, path: Path, link: Link | None
    ) -> CountPart | AggregatePart | NullPart:
        """A figure under the first right that covers all of it."""
        record = access.record
        coordinate = f"{record.type_name}Connection.{pick.name}"
        if not access.totals:
            self._refuse(cut(path), coordinate, access.no_totals, record, record.owner)
            return NullPart(pick.key)
        problems: list[ArgumentRefused] = []
        for totals in access.totals:
            try:
                figure = self._figure(pick, access, totals, where, path, link)
            except ArgumentRefused as problem:
                problems.append(problem)
                continue
            self.shown[coordinate] = totals.rules
            if totals.population != TRUE:
                self.narrowed[path, record.name] = Narrowed(path, record.type_name, totals.rules)
            self._note_derived(path, access)
            return figure
        self._bad_argument(cut(path), coordinate, problems[0])
        return NullPart(pick.key)

    def _figure(
        self,
        pick: Picked,
        access: RecordAccess,
        totals: Totals,
        where: Template | None,
        path: Path,
        link: Link | None,
    ) -> CountPart | AggregatePart:
        """Raises ArgumentRefused for what this right does not cover."""
        rights = filters.Rights.of_totals(access, totals)
        if link is not None and rights.by is not None:
            rights.condition(access.record.fields[link.remote], "counted by")
        asked = filters.where_filter(where, self._scope(rights, path))
        refused = self._settle(access, asked, cut(path[:-1]))
        if refused is not None:
            message = f"{access.record.type_name}: {refused.decision.reason}"
            raise ArgumentRefused(refused.decision.code, message, refused.record)
        if pick.name == "totalCount":
            return CountPart(pick.key, totals, asked)
        return self._aggregate(pick, access, totals, rights, asked, path)

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
        self,
        pick: Picked,
        access: RecordAccess,
        totals: Totals,
        rights: filters.Rights,
        where: Filter,
        path: Path,
    ) -> AggregatePart:
        arguments = pick.arguments(self.variables)
        groups = self._groups(arguments.get("groupBy"), access, rights, path)
        parts = tuple(self._aggregate_field(inner, access, rights, groups, path) for inner in self._collect(pick))
        having = self._having(arguments.get("having"), access, rights)
        return AggregatePart(
            pick.key, f"{access.record.type_name}Aggregate", totals, where, groups, having, parts
        )

    def _collect(self, pick: Picked) -> tuple[Picked, ...]:
        return self.collector.collect(pick.selections)

    def _groups(
        self, argument: Template | None, access: RecordAccess, rights: filters.Rights, path: Path
    ) -> tuple[GroupTerm, ...]:
        if argument is None or argument == Literal(None):
            return ()
        names = {name.upper(): name for name in (*access.record.fields, *access.record.links)}
        terms: dict[str, GroupTerm] = {}
        for item in as_list(argument):
            for value in filters.enum_names(known_now(item, self.variables)):
                if value in names:
                    part: Field | Link = access.record.fields.get(names[value]) or access.record.links[names[value]]
                    term = self._group(part, access, rights)
                else:
                    term = self._linked_group(linked_fields(self.catalog, access.record)[value], access, rights, path)
                terms.setdefault(term.name, term)
        return tuple(terms.values())

    def _linked_group(
        self, wanted: FieldPath, access: RecordAccess, rights: filters.Rights, path: Path
    ) -> GroupTerm:
        """A group by a field of a linked record: every link on the way must be usable, and the field readable."""
        via: list[Hop] = []
        for link in wanted.links:
            target = self.access.record(link.target)
            condition = rights.link_condition(link, target)
            if self.known_at is not None:
                filters.check_known_at(self.access, target.record)
            via.append(Hop(link, access.record.fields[link.local], condition, target))
            self._note_narrowed(path, target)
            access, rights = target, filters.Rights.of_rows(target)
        return GroupTerm(wanted.api_name, wanted.field, rights.condition(wanted.field, "grouped by"), None, tuple(via))

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
            case "sum" | "avg" | "min" | "max" | "countDistinct" as function:
                terms: list[tuple[str, MeasureTerm | None]] = []
                for inner in self._collect(pick):
                    if inner.name == "__typename":
                        terms.append((inner.key, None))
                        continue
                    measured = access.record.by_api_name[inner.name]
                    assert isinstance(measured, Field)
                    condition = rights.measure_condition(measured, function)
                    terms.append((inner.key, MeasureTerm(function, measured, condition)))
                return MeasuresPart(pick.key, function, f"{type_name}{function[0].upper()}{function[1:]}", tuple(terms))
        what = f"{type_name}Aggregate" if pick.name == "__typename" else pick.name
        return PlainPart(pick.key, what)

    def _key_parts(
        self,
        pick: Picked,
        access: RecordAccess,
        rights: filters.Rights,
        groups: tuple[GroupTerm, ...],
        path: Path,
    ) -> tuple[Part | GroupValuePart, ...]:
        index = {term.name: at for at, term in enumerate(groups)}
        by_local = {term.field.api_name: at for at, term in enumerate(groups) if not term.via}
        parts: list[Part | GroupValuePart] = []
        for inner in self._collect(pick):
            if inner.name == "__typename":
                parts.append(TypeNamePart(inner.key, f"{access.record.type_name}GroupKey"))
                continue
            at = index.get(inner.name, by_local.get(inner.name))
            part = access.record.by_api_name.get(inner.name)
            if at is None and isinstance(part, Link):
                at = by_local.get(access.record.fields[part.local].api_name)
            if at is None:
                parts.append(NullPart(inner.key))
            elif isinstance(part, Link):
                parts.append(self._key_link(inner, part, groups[at], access, rights, (*path, inner.key)))
            else:
                parts.append(GroupValuePart(inner.key, at, groups[at].field))
        return tuple(parts)

    def _key_link(
        self,
        pick: Picked,
        link: Link,
        term: GroupTerm,
        access: RecordAccess,
        rights: filters.Rights,
        path: Path,
    ) -> Part:
        """The object a group is of: of a link granted to group by, or one that may be followed anyway."""
        target = self.access.record(link.target)
        coordinate = f"{access.record.type_name}.{link.api_name}"
        decision = access.links[link.name]
        granted = rights.by is not None and (link.name in rights.by or link.local in rights.by)
        if not (granted or decision.shown):
            self._refuse(cut(path), coordinate, decision, link, link.owner)
            return NullPart(pick.key)
        if not target.allowed:
            self._refuse(cut(path), coordinate, target.refusal, target.record, target.record.owner)
            return NullPart(pick.key)
        if self._forgets(target.record, path, coordinate):
            return NullPart(pick.key)
        self._note_narrowed(path, target)
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
                    measure = MeasureTerm(name, measured, rights.measure_condition(measured, name))
                    terms += [HavingTerm(measure, op, value) for op, value in filters.operators(inner)]
        return tuple(terms)


def _given(argument: Template | None) -> Leaf | None:
    """A scalar argument; None where it is absent or null."""
    if argument is None or argument == Literal(None):
        return None
    assert not isinstance(argument, (dict, list))
    return argument


__all__ = ["authorize", "authorize_feed", "roots_of"]
