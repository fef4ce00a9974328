"""Arguments of connections, authorized: ``where`` into a filter, ``orderBy`` into terms, the page into a window. What a
principal may not read it cannot filter, order, group or measure by either."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from auth.access import Access
from auth.decisions import Decision, RecordAccess, State, Totals, all_of
from gateway.allowed import (
    AllTests,
    AnyTest,
    FieldTest,
    Filter,
    Hop,
    LinkTest,
    NoTest,
    OrderTerm,
    RuleTest,
    Via,
    Window,
    via_names,
)
from gateway.templates import Leaf, Literal, Template, known_now, objects_of
from schema.catalog import Field, Link, Record
from schema.derivations import forgetful
from schema.errors import Code
from schema.predicates import TRUE, Predicate


class ArgumentRefused(Exception):
    """An argument that cannot be used: the field that carries it becomes null with this error."""

    def __init__(self, code: Code, message: str, record: Record | None = None, owner: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.department = record.department.name if record else None
        self.owner = owner or (record.owner if record else None)


def bad_input(message: str) -> ArgumentRefused:
    return ArgumentRefused(Code.BAD_INPUT, message)


def field_decision(access: RecordAccess, part: Field) -> Decision:
    """The decision for a field, with those for what it is worked out from: shown only where all of them are."""
    decision = access.fields[part.name]
    for name in part.reads:
        read = access.fields[name]
        if not decision.shown:
            break
        if not read.shown:
            return Decision(State.REFUSED, code=read.code, reason=read.reason or f"it is worked out from {name}")
        decision = Decision(State.SHOWN, all_of((decision.condition, read.condition)), decision.rules + read.rules)
    return decision


@dataclass(frozen=True, slots=True)
class Rights:
    """What may be used in arguments over one record: as reader of rows, or as holder of a grant of totals.
    ``by`` / ``measures`` None: whatever may be read. ``k``: the grant suppresses small cells."""

    access: RecordAccess
    population: Predicate
    by: frozenset[str] | None = None
    measures: frozenset[str] | None = None
    k: int = 0

    @classmethod
    def of_rows(cls, access: RecordAccess) -> Rights:
        return cls(access, access.visible)

    @classmethod
    def of_totals(cls, access: RecordAccess, totals: Totals) -> Rights:
        return cls(access, totals.population, totals.by, totals.measures, totals.k)

    def condition(self, part: Field, used: str) -> Predicate:
        """Where the field counts as readable; raises when it never is."""
        record = self.access.record
        if part.column is None:
            raise bad_input(f"{record.type_name}.{part.api_name} is worked out here and cannot be {used}")
        if self.by is not None:
            if part.name in self.by or any(
                link.name in self.by and link.local == part.name and not link.many for link in record.links.values()
            ):
                return TRUE
            raise self._refused(part, used, "the grant of totals does not name it")
        decision = self.access.fields[part.name]
        if decision.shown:
            return decision.condition
        reason = "it comes masked" if decision.state is State.MASKED else decision.reason
        raise self._refused(part, used, reason, decision.code)

    def measure_condition(self, part: Field, function: str) -> Predicate:
        if self.k and function in ("min", "max"):
            raise self._refused(part, "measured so", "the least and the greatest value are one person's own")
        if function == "countDistinct":
            return self.condition(part, "counted by")
        if self.measures is not None:
            if part.name in self.measures:
                return TRUE
            raise self._refused(part, "measured", "the grant of totals does not name it")
        return self.condition(part, "measured")

    def link_condition(self, link: Link, target: RecordAccess, *, key_only: bool = False) -> Predicate:
        """Where the reference counts; raises when the link, or its target, may not be used. ``key_only``: nothing of
        the target is read."""
        record = self.access.record
        decision = self.access.links[link.name]
        granted = self.by is not None and (link.name in self.by or link.local in self.by)
        if self.by is not None and not granted:
            raise self._refused(link, "used", "the grant of totals does not name it")
        if not granted and not decision.shown:
            raise self._refused(link, "used", decision.reason, decision.code)
        if not target.allowed and not (granted and key_only):
            raise ArgumentRefused(
                target.refusal.code,
                f"{record.type_name}.{link.api_name} cannot be used: {target.refusal.reason}",
                target.record,
            )
        return TRUE if granted else decision.condition

    def _refused(self, part: Field | Link, used: str, reason: str, code: Code = Code.REFUSED) -> ArgumentRefused:
        record = self.access.record
        message = f"{record.type_name}.{part.api_name} cannot be {used} with your rights: {reason}"
        return ArgumentRefused(code, message, record, part.owner)


@dataclass(frozen=True, slots=True)
class Scope:
    """What reading arguments needs to know: the rights over the record, and how to say that a link's target is
    narrowed."""

    access: Access
    rights: Rights
    variables: Mapping[str, Any]
    note_narrowed: Callable[[RecordAccess], None]
    known_at: bool = False
    """The operation asks for what was known at a moment: every record on the way must be able to tell."""

    @property
    def record(self) -> Record:
        return self.rights.access.record

    def into(self, target: RecordAccess) -> Scope:
        if self.known_at:
            check_known_at(self.access, target.record)
        return Scope(self.access, Rights.of_rows(target), self.variables, self.note_narrowed, self.known_at)


def check_known_at(access: Access, record: Record) -> None:
    """Raises ArgumentRefused for a record that cannot tell what was known at a moment."""
    forgets = forgetful(access.catalog.records, record)
    if forgets is not None:
        message = f"{forgets.type_name} does not say since when its rows are known; ask without asKnownAt"
        raise ArgumentRefused(Code.BAD_INPUT, message, forgets)


def where_filter(argument: Template | None, scope: Scope) -> Filter:
    """The caller's ``where``; nothing or ``{}`` is true."""
    if argument is None or argument == Literal(None):
        return AllTests()
    assert isinstance(argument, dict)
    parts: list[Filter] = []
    for name, value in argument.items():
        match name:
            case "and":
                parts += [where_filter(item, scope) for item in objects_of(_given(value, name))]
            case "or":
                parts.append(AnyTest(tuple(where_filter(item, scope) for item in objects_of(_given(value, name)))))
            case "not":
                parts.append(NoTest(where_filter(_given(value, name), scope)))
            case _:
                parts += _tests(name, _given(value, name), scope)
    return parts[0] if len(parts) == 1 else AllTests(tuple(parts))


def within(population: Predicate, asked: Filter) -> Filter:
    """``asked`` among the rows of ``population``."""
    rule = () if population == TRUE else (RuleTest(population),)
    return AllTests((*rule, *asked.parts)) if isinstance(asked, AllTests) else AllTests((*rule, asked))


def _given(value: Template, name: str) -> Template:
    if value == Literal(None):
        raise bad_input(f"{name} is null; leave it out, or use isNull")
    return value


def _tests(name: str, value: Template, scope: Scope) -> list[Filter]:
    part = scope.record.by_api_name[name]
    if isinstance(part, Field):
        condition = scope.rights.condition(part, "filtered on")
        return [_field_test(part, op, leaf, condition, scope) for op, leaf in operators(value)]
    target = scope.access.record(part.target)
    assert isinstance(value, dict)
    if not part.many:
        return [_to_one(part, value, target, scope)]
    condition = scope.rights.link_condition(part, target)
    local = scope.record.fields[part.local]
    inner = scope.into(target)
    tests: list[Filter] = []
    for quantifier, asked in value.items():
        where = where_filter(_given(asked, quantifier), inner)
        if quantifier == "every":
            where = NoTest(where)
        test = _link_test(part, local, condition, target, where, scope)
        tests.append(test if quantifier == "some" else NoTest(test))
    return tests


def _field_test(part: Field, op: str, leaf: Leaf, condition: Predicate, scope: Scope) -> FieldTest:
    if leaf == Literal(None):
        raise bad_input(f"{part.api_name} {{ {op}: null }} compares with nothing; use isNull")
    if op == "isNull":
        leaf = Literal(known_now(leaf, scope.variables))
    return FieldTest(part, op, leaf, condition)


def _to_one(link: Link, value: dict[str, Template], target: RecordAccess, scope: Scope) -> Filter:
    """A filter on a linked record. One that reads only the target's key is asked of the local key, when every target
    row may be seen; it holds only where the reference itself is there."""
    local = scope.record.fields[link.local]
    key = target.record.key_field
    key_only = target.visible == TRUE and target.fields[key.name].unconditional and _reads_only(value, key.api_name)
    condition = scope.rights.link_condition(link, target, key_only=key_only)
    if key_only:
        present = FieldTest(local, "isNull", Literal(False), condition)
        return AllTests((present, _on_local(value, local, condition, key.api_name, scope)))
    return _link_test(link, local, condition, target, where_filter(value, scope.into(target)), scope)


def _reads_only(value: Template, key: str) -> bool:
    if isinstance(value, dict):
        return all(
            name == key or (name in ("and", "or", "not") and all(_reads_only(item, key) for item in objects_of(inner)))
            for name, inner in value.items()
        )
    return True


def _on_local(value: Template, local: Field, condition: Predicate, key: str, scope: Scope) -> Filter:
    assert isinstance(value, dict)
    parts: list[Filter] = []
    for name, inner in value.items():
        items = objects_of(_given(inner, name)) if name in ("and", "or", "not") else []
        nested = tuple(_on_local(item, local, condition, key, scope) for item in items)
        match name:
            case "and":
                parts += nested
            case "or":
                parts.append(AnyTest(nested))
            case "not":
                parts.append(NoTest(nested[0]))
            case _:
                tests = operators(_given(inner, name))
                parts += [_field_test(local, op, leaf, condition, scope) for op, leaf in tests]
    return AllTests(tuple(parts))


def _link_test(
    link: Link, local: Field, condition: Predicate, target: RecordAccess, where: Filter, scope: Scope
) -> LinkTest:
    if target.visible != TRUE:
        where = AllTests((RuleTest(target.visible), where))
    scope.note_narrowed(target)
    return LinkTest(link, local, condition, target, where)


def operators(value: Template) -> Iterator[tuple[str, Leaf]]:
    """(operator, value) of a filter input such as ``{gte: 3, lt: 9}``."""
    assert isinstance(value, dict)
    for op, leaf in value.items():
        if isinstance(leaf, list):
            raise bad_input(f"{op} takes a list written out in full or a variable for the whole list")
        assert not isinstance(leaf, dict)
        yield op, leaf


def order_terms(argument: Template | None, scope: Scope) -> tuple[OrderTerm, ...]:
    """The caller's order; the record's key is added when planning. A field named twice counts where first named."""
    if argument is None or argument == Literal(None):
        return ()
    terms: dict[tuple[str, ...], OrderTerm] = {}
    for item in objects_of(argument):
        for term in _order_terms(item, scope, ()):
            terms.setdefault((*via_names(term.via), term.field.name), term)
    return tuple(terms.values())


def _order_terms(entry: Template, scope: Scope, via: Via) -> Iterator[OrderTerm]:
    """The terms of one entry. Through a link a row is ordered by the linked record, as far as it may be seen; by that
    record's key alone it is ordered by the local one, when every target row may be seen."""
    assert isinstance(entry, dict)
    for name, value in entry.items():
        part = scope.record.by_api_name[name]
        value = _given(value, name)
        if isinstance(part, Field):
            yield OrderTerm(part, _descends(value, scope), scope.rights.condition(part, "ordered by"), via)
            continue
        target = scope.access.record(part.target)
        key = target.record.key_field
        local = scope.record.fields[part.local]
        unconditional = target.visible == TRUE and target.fields[key.name].unconditional
        condition = scope.rights.link_condition(part, target)
        assert isinstance(value, dict)
        if unconditional and set(value) == {key.api_name}:
            yield OrderTerm(local, _descends(_given(value[key.api_name], name), scope), condition, via)
            continue
        scope.note_narrowed(target)
        yield from _order_terms(value, scope.into(target), (*via, Hop(part, local, condition, target)))


def _descends(value: Template, scope: Scope) -> bool:
    return enum_names(known_now(value, scope.variables)) == ["DESC"]


def enum_names(value: Any) -> list[str]:
    """Names of one or several enum values, however the schema library represents them."""
    items = value if isinstance(value, (list, tuple)) else [value]
    return [item.name if isinstance(item, Enum) else str(item) for item in items]


def window(arguments: Mapping[str, Template], variables: Mapping[str, Any]) -> Window:
    """first/after or last/before; both ways at once is BAD_INPUT."""
    given: dict[str, Leaf] = {}
    for name in ("first", "last", "after", "before"):
        leaf = arguments.get(name)
        if leaf is not None and leaf != Literal(None):
            assert not isinstance(leaf, (dict, list))
            given[name] = leaf
    for one, other in (("first", "last"), ("after", "before")):
        if one in given and other in given:
            raise bad_input(f"{one} and {other} together ask for two pages at once; give one of them")
    return Window(**given)
