"""Counts and aggregates, authorized: a figure under one right that covers all of it, its groups, measures and tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from auth.decisions import RecordAccess, Totals
from gateway import filters
from gateway.allowed import (
    LIST,
    AggregatePart,
    CountPart,
    Filter,
    GroupTerm,
    GroupValuePart,
    HavingTerm,
    Hop,
    KeyPart,
    MeasuresPart,
    MeasureTerm,
    Narrowed,
    NullPart,
    ObjectPart,
    OnePart,
    Part,
    Path,
    PlainPart,
    TypeNamePart,
    cut,
)
from gateway.authorize.asking import Asking
from gateway.filters import ArgumentRefused
from gateway.paths import FieldPath, linked_fields
from gateway.selection import Picked
from gateway.templates import Literal, Template, as_list, known_now
from schema.catalog import Field, Link
from schema.predicates import TRUE


class ObjectOf(Protocol):
    """The selection on one row, authorized: of the record a group is of."""

    def __call__(self, asking: Asking, pick: Picked, access: RecordAccess, path: Path, /) -> ObjectPart: ...


@dataclass(frozen=True, slots=True)
class ConnectionTotals:
    """``link``: that leads to the connection, None at a root."""

    asking: Asking
    access: RecordAccess
    link: Link | None
    object_of: ObjectOf

    def part(self, pick: Picked, where: Template | None, path: Path) -> CountPart | AggregatePart | NullPart:
        """A figure under the first right that covers all of it."""
        access, notes = self.access, self.asking.notes
        record = access.record
        coordinate = f"{record.type_name}Connection.{pick.name}"
        if not access.totals:
            notes.refuse_record(cut(path), coordinate, record, access.no_totals)
            return NullPart(pick.key)
        problems: list[ArgumentRefused] = []
        for totals in access.totals:
            try:
                figure = self._figure(pick, totals, where, path)
            except ArgumentRefused as problem:
                problems.append(problem)
                continue
            notes.shown[coordinate] = totals.rules
            if totals.population != TRUE:
                notes.narrowed[path, record.name] = Narrowed(path, record.type_name, totals.rules)
            notes.narrows_beneath(path, access)
            return figure
        notes.bad_argument(cut(path), coordinate, problems[0])
        return NullPart(pick.key)

    def _figure(self, pick: Picked, totals: Totals, where: Template | None, path: Path) -> CountPart | AggregatePart:
        """Raises ArgumentRefused for what this right does not cover."""
        access, asking = self.access, self.asking
        rights = filters.Rights.of_totals(access, totals)
        if self.link is not None and rights.by is not None:
            rights.condition(access.record.fields[self.link.remote], "counted by")
        asked = filters.where_filter(where, asking.scope(rights, path))
        refused = asking.settle(access, asked, cut(path[:-1]))
        if refused is not None:
            message = f"{access.record.type_name}: {refused.decision.reason}"
            raise ArgumentRefused(refused.decision.code, message, refused.record)
        if pick.name == "totalCount":
            return CountPart(pick.key, totals, asked)
        return _Aggregate(asking, access, rights, self.object_of).part(pick, totals, asked, path)


@dataclass(frozen=True, slots=True)
class _Aggregate:
    """Groups and measures under one right."""

    asking: Asking
    access: RecordAccess
    rights: filters.Rights
    object_of: ObjectOf

    def part(self, pick: Picked, totals: Totals, where: Filter, path: Path) -> AggregatePart:
        arguments = pick.arguments(self.asking.variables)
        groups = self._groups(arguments.get("groupBy"), path)
        parts = tuple(self._field(inner, groups, path) for inner in self.asking.picks(pick))
        having = self._having(arguments.get("having"))
        type_name = f"{self.access.record.type_name}Aggregate"
        return AggregatePart(pick.key, type_name, totals, where, groups, having, parts)

    def _groups(self, argument: Template | None, path: Path) -> tuple[GroupTerm, ...]:
        if argument is None or argument == Literal(None):
            return ()
        record = self.access.record
        names = {name.upper(): name for name in (*record.fields, *record.links)}
        terms: dict[str, GroupTerm] = {}
        for item in as_list(argument):
            for value in filters.enum_names(known_now(item, self.asking.variables)):
                if value in names:
                    part: Field | Link = record.fields.get(names[value]) or record.links[names[value]]
                    term = self._group(part)
                else:
                    term = self._linked_group(linked_fields(self.asking.access.catalog, record)[value], path)
                terms.setdefault(term.name, term)
        return tuple(terms.values())

    def _group(self, part: Field | Link) -> GroupTerm:
        if isinstance(part, Field):
            return GroupTerm(part.api_name, part, self.rights.condition(part, "grouped by"))
        target = self.asking.access.record(part.target)
        local = self.access.record.fields[part.local]
        condition = self.rights.link_condition(part, target, key_only=True)
        return GroupTerm(part.api_name, local, condition, part)

    def _linked_group(self, wanted: FieldPath, path: Path) -> GroupTerm:
        """A group by a field of a linked record: every link on the way must be usable, and the field readable."""
        via: list[Hop] = []
        access, rights = self.access, self.rights
        for link in wanted.links:
            target = self.asking.access.record(link.target)
            condition = rights.link_condition(link, target)
            if self.asking.known_at is not None:
                filters.check_known_at(self.asking.access, target.record)
            via.append(Hop(link, access.record.fields[link.local], condition, target))
            self.asking.notes.narrows(path, target)
            access, rights = target, filters.Rights.of_rows(target)
        return GroupTerm(wanted.api_name, wanted.field, rights.condition(wanted.field, "grouped by"), None, tuple(via))

    def _field(self, pick: Picked, groups: tuple[GroupTerm, ...], path: Path) -> KeyPart | MeasuresPart | PlainPart:
        type_name = self.access.record.type_name
        match pick.name:
            case "key":
                return KeyPart(pick.key, self._key_parts(pick, groups, (*path, LIST, pick.key)))
            case "sum" | "avg" | "min" | "max" | "countDistinct" as function:
                terms = tuple(
                    (inner.key, None if inner.name == "__typename" else self._measure(function, inner.name))
                    for inner in self.asking.picks(pick)
                )
                return MeasuresPart(pick.key, function, f"{type_name}{function[0].upper()}{function[1:]}", terms)
        what = f"{type_name}Aggregate" if pick.name == "__typename" else pick.name
        return PlainPart(pick.key, what)

    def _measure(self, function: str, name: str) -> MeasureTerm:
        measured = self.access.record.by_api_name[name]
        assert isinstance(measured, Field)
        return MeasureTerm(function, measured, self.rights.measure_condition(measured, function))

    def _key_parts(
        self, pick: Picked, groups: tuple[GroupTerm, ...], path: Path
    ) -> tuple[Part | GroupValuePart, ...]:
        record = self.access.record
        index = {term.name: at for at, term in enumerate(groups)}
        by_local = {term.field.api_name: at for at, term in enumerate(groups) if not term.via}
        parts: list[Part | GroupValuePart] = []
        for inner in self.asking.picks(pick):
            if inner.name == "__typename":
                parts.append(TypeNamePart(inner.key, f"{record.type_name}GroupKey"))
                continue
            at = index.get(inner.name, by_local.get(inner.name))
            part = record.by_api_name.get(inner.name)
            if at is None and isinstance(part, Link):
                at = by_local.get(record.fields[part.local].api_name)
            if at is None:
                parts.append(NullPart(inner.key))
            elif isinstance(part, Link):
                parts.append(self._key_link(inner, part, groups[at], (*path, inner.key)))
            else:
                parts.append(GroupValuePart(inner.key, at, groups[at].field))
        return tuple(parts)

    def _key_link(self, pick: Picked, link: Link, term: GroupTerm, path: Path) -> Part:
        """The object a group is of: of a link granted to group by, or one that may be followed anyway."""
        asking, by = self.asking, self.rights.by
        target = asking.access.record(link.target)
        coordinate = f"{self.access.record.type_name}.{link.api_name}"
        decision = self.access.links[link.name]
        granted = by is not None and (link.name in by or link.local in by)
        if not (granted or decision.shown):
            asking.notes.refuse(cut(path), coordinate, decision, link, link.owner)
            return NullPart(pick.key)
        if not target.allowed:
            asking.notes.refuse_record(cut(path), coordinate, target.record, target.refusal)
            return NullPart(pick.key)
        if asking.forgets(target.record, path, coordinate):
            return NullPart(pick.key)
        asking.notes.narrows(path, target)
        return OnePart(pick.key, link, term.field, TRUE, target, self.object_of(asking, pick, target, path), path)

    def _having(self, argument: Template | None) -> tuple[HavingTerm, ...]:
        if argument is None or not isinstance(argument, dict):
            return ()
        terms: list[HavingTerm] = []
        for name, tests in argument.items():
            if name == "count":
                terms += [HavingTerm(None, op, value) for op, value in filters.operators(tests)]
            elif isinstance(tests, dict):
                for measured_name, inner in tests.items():
                    measure = self._measure(name, measured_name)
                    terms += [HavingTerm(measure, op, value) for op, value in filters.operators(inner)]
        return tuple(terms)
