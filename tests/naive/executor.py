"""Answers an operation by walking it: every row is looked at, nothing is planned."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import cmp_to_key
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)
from graphql.utilities import value_from_ast_untyped

from auth.principal import Principal
from schema.catalog import Field, Link, Record
from schema.scalars import Scalar
from tests.naive.rights import Rights, Shown, compare
from tests.naive.world import Row, World

Arguments = dict[str, Any]
MASK = "********"


class Refused(Exception):
    """The field that carries the argument is null, with this code."""


@dataclass(slots=True)
class Naive:
    """One principal's view of the world. ``codes``: error codes told on the way."""

    world: World
    principal: Principal
    codes: set[str] = field(default_factory=set)
    _rights: dict[str, Rights] = field(default_factory=dict)
    _joined: dict[tuple[str, str], dict[Any, list[Row]]] = field(default_factory=dict)
    _fragments: dict[str, FragmentDefinitionNode] = field(default_factory=dict)
    _variables: dict[str, Any] = field(default_factory=dict)

    def data(self, text: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """What the operation answers, as JSON would tell it."""
        self.codes.clear()
        document = parse(text)
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        (operation,) = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        defaults = {
            each.variable.name.value: value_from_ast_untyped(each.default_value)
            for each in operation.variable_definitions or () if each.default_value is not None
        }  # fmt: skip
        self._variables = {**defaults, **(variables or {})}
        records = self.world.catalog.records.values()
        roots = {record.plural: (record, True) for record in records}
        roots |= {record.singular: (record, False) for record in records}
        answer: dict[str, Any] = {}
        for key, node, selected in self._collect([operation.selection_set]):
            record, many = roots[node.name.value]
            arguments = self._arguments(node)
            if many:
                answer[key] = self._connection(record, arguments, selected, None)
            else:
                answer[key] = self._by_key(record, arguments, selected)
        return answer

    def rights(self, record: Record) -> Rights:
        if record.name not in self._rights:
            self._rights[record.name] = Rights(self.world.catalog, record, self.principal)
        return self._rights[record.name]

    def _record(self, name: str) -> Record:
        return self.world.catalog.records[name]

    # Selections

    def _collect(
        self, sets: Iterable[SelectionSetNode | None]
    ) -> list[tuple[str, FieldNode, list[SelectionSetNode | None]]]:
        found: dict[str, tuple[FieldNode, list[SelectionSetNode | None]]] = {}
        self._into(found, sets)
        return [(key, node, nested) for key, (node, nested) in found.items()]

    def _into(
        self, found: dict[str, tuple[FieldNode, list[SelectionSetNode | None]]], sets: Iterable[SelectionSetNode | None]
    ) -> None:
        for selections in sets:
            for node in selections.selections if selections else ():
                if not self._included(node):
                    continue
                match node:
                    case FieldNode():
                        key = node.alias.value if node.alias else node.name.value
                        found.setdefault(key, (node, []))[1].append(node.selection_set)
                    case InlineFragmentNode():
                        self._into(found, [node.selection_set])
                    case FragmentSpreadNode():
                        self._into(found, [self._fragments[node.name.value].selection_set])

    def _included(self, node: Any) -> bool:
        for directive in node.directives or ():
            value = value_from_ast_untyped(directive.arguments[0].value, self._variables)
            if directive.name.value == ("skip" if value else "include"):
                return False
        return True

    def _arguments(self, node: FieldNode) -> Arguments:
        told: Arguments = {}
        for argument in node.arguments or ():
            value = self._plain(argument.value)
            if value is not _ABSENT:
                told[argument.name.value] = value
        return told

    def _plain(self, node: Any) -> Any:
        """An argument's value; object members whose variable was not given are left out."""
        kind = node.kind
        if kind == "variable":
            return self._variables.get(node.name.value, _ABSENT)
        if kind == "object_value":
            told = {each.name.value: self._plain(each.value) for each in node.fields}
            return {name: value for name, value in told.items() if value is not _ABSENT}
        if kind == "list_value":
            return [self._plain(each) for each in node.values]
        return value_from_ast_untyped(node)

    # Rows

    def _by_key(self, record: Record, arguments: Arguments, selected: list[SelectionSetNode | None]) -> Any:
        rights = self.rights(record)
        key = record.key_field
        if not rights.allowed or not isinstance(rights.shown(key), Shown):
            return self._refuse()
        value = key.scalar.parse(arguments[key.api_name])
        found = [row for row in self.world.rows[record.name] if row[record.key] == value and rights.visible(row)]
        return self._object(record, found[0], selected) if len(found) == 1 else None

    def _refuse(self, code: str = "REFUSED") -> None:
        self.codes.add(code)

    def _object(self, record: Record, row: Row, selected: list[SelectionSetNode | None]) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        for key, node, nested in self._collect(selected):
            if node.name.value == "__typename":
                answer[key] = record.type_name
                continue
            part = record.by_api_name[node.name.value]
            if isinstance(part, Field):
                answer[key] = self._value(record, part, row)
            else:
                answer[key] = self._link(record, part, row, node, nested)
        return answer

    def _value(self, record: Record, part: Field, row: Row) -> Any:
        shown = self.rights(record).shown(part)
        if shown == "refused":
            return self._refuse()
        if isinstance(shown, str):
            return MASK if part.scalar.kind == "text" else None
        return told(part.scalar, row[part.name]) if shown.test(row) else None

    def _link(
        self, record: Record, link: Link, row: Row, node: FieldNode, selected: list[SelectionSetNode | None]
    ) -> Any:
        shown = self.rights(record).shown(link)
        target = self._record(link.target)
        if not isinstance(shown, Shown):
            return self._refuse()
        value = row[link.local] if shown.test(row) else None
        if link.many:
            if value is None and not shown.always:
                # What is refused for the whole plan is told nevertheless.
                self._connection(target, self._arguments(node), selected, (link.remote, value))
                return None
            return self._connection(target, self._arguments(node), selected, (link.remote, value))
        if not self.rights(target).allowed:
            return self._refuse()
        return self._one(target, link.remote, value, selected)

    def _one(self, target: Record, remote: str, value: Any, selected: list[SelectionSetNode | None]) -> Any:
        found = [row for row in self._rows_by(target, remote).get(value, ()) if self.rights(target).visible(row)]
        return self._object(target, found[0], selected) if value is not None and len(found) == 1 else None

    def _rows_by(self, record: Record, name: str) -> dict[Any, list[Row]]:
        if (record.name, name) not in self._joined:
            index: dict[Any, list[Row]] = {}
            for row in self.world.rows[record.name]:
                index.setdefault(row[name], []).append(row)
            self._joined[record.name, name] = index
        return self._joined[record.name, name]

    # Connections

    def _connection(
        self, record: Record, arguments: Arguments, selected: list[SelectionSetNode | None], of: tuple[str, Any] | None
    ) -> Any:
        rights = self.rights(record)
        picks = self._collect(selected)
        names = {node.name.value for _, node, _ in picks}
        wants_rows = bool(names & {"nodes", "edges", "pageInfo"})
        wants_totals = bool(names & {"totalCount", "aggregate"})
        if not rights.allowed and (wants_rows or not (wants_totals and rights.counts)):
            return self._refuse()
        candidates = self._candidates(record, of)
        rows: list[Row] = []
        more = False
        try:
            if wants_rows:
                test = self._where(record, arguments.get("where"), False)
                order = self._order(record, arguments.get("orderBy"))
                rows = [row for row in candidates if rights.visible(row) and test(row)]
                rows = self._ordered(record, rows, order)
            for one, other in (("first", "last"), ("after", "before")):
                if arguments.get(one) is not None and arguments.get(other) is not None:
                    raise Refused("BAD_INPUT")
        except Refused as refused:
            return self._refuse(str(refused))
        first, last = arguments.get("first"), arguments.get("last")
        size = last if last is not None else 100 if first is None else first
        if wants_rows and not 0 <= size <= 1000:
            return self._refuse("BAD_INPUT")
        if wants_rows:
            more = len(rows) > size
            rows = rows[len(rows) - size if more else 0 :] if last is not None else rows[:size]
        answer: dict[str, Any] = {}
        for key, node, nested in picks:
            match node.name.value:
                case "__typename":
                    answer[key] = f"{record.type_name}Connection"
                case "nodes":
                    answer[key] = [self._object(record, row, nested) for row in rows]
                case "edges":
                    answer[key] = [self._edge(record, row, nested) for row in rows]
                case "pageInfo":
                    facts = {"hasNextPage": more and last is None, "hasPreviousPage": more and last is not None}
                    facts["__typename"] = "PageInfo"
                    answer[key] = {inner: facts[each.name.value] for inner, each, _ in self._collect(nested)}
                case name:
                    answer[key] = self._total(record, name, node, nested, arguments.get("where"), candidates)
        return answer

    def _edge(self, record: Record, row: Row, selected: list[SelectionSetNode | None]) -> dict[str, Any]:
        return {
            key: self._object(record, row, nested) if node.name.value == "node" else f"{record.type_name}Edge"
            for key, node, nested in self._collect(selected)
        }

    def _candidates(self, record: Record, of: tuple[str, Any] | None) -> list[Row]:
        if of is None:
            return self.world.rows[record.name]
        name, value = of
        return [] if value is None else self._rows_by(record, name).get(value, [])

    # Filters

    def _where(self, record: Record, where: Any, totals: bool) -> Callable[[Row], bool]:
        """``totals``: by the grant of totals instead of the right to read rows."""
        tests = [self._clause(record, name, value, totals) for name, value in (where or {}).items()]
        return lambda row: all(test(row) for test in tests)

    def _clause(self, record: Record, name: str, value: Any, totals: bool) -> Callable[[Row], bool]:
        if value is None:
            raise Refused("BAD_INPUT")
        match name:
            case "and":
                parts = [self._where(record, each, totals) for each in value]
                return lambda row: all(part(row) for part in parts)
            case "or":
                parts = [self._where(record, each, totals) for each in value]
                return lambda row: any(part(row) for part in parts)
            case "not":
                part = self._where(record, value, totals)
                return lambda row: not part(row)
        named = record.by_api_name[name]
        if isinstance(named, Field):
            return self._tests(named.scalar, value, self._cell(record, named, totals))
        return self._through(record, named, value, totals)

    def _cell(self, record: Record, part: Field, totals: bool) -> Callable[[Row], Any]:
        rights = self.rights(record)
        if totals and rights.granted:
            if part.name not in rights.by:
                raise Refused("REFUSED")
            return lambda row: row[part.name]
        shown = rights.shown(part)
        if not isinstance(shown, Shown):
            raise Refused("REFUSED")
        return lambda row: row[part.name] if shown.test(row) else None

    def _reference(self, record: Record, link: Link, totals: bool) -> Callable[[Row], Any]:
        rights = self.rights(record)
        if totals and rights.granted:
            if link.name not in rights.by and link.local not in rights.by:
                raise Refused("REFUSED")
            return lambda row: row[link.local]
        shown = rights.shown(link)
        if not isinstance(shown, Shown) or not self.rights(self._record(link.target)).allowed:
            raise Refused("REFUSED")
        return lambda row: row[link.local] if shown.test(row) else None

    def _tests(self, scalar: Scalar, value: dict[str, Any], cell: Callable[[Row], Any]) -> Callable[[Row], bool]:
        tests: list[Callable[[Row], bool]] = []
        for op, operand in value.items():
            if operand is None or (isinstance(operand, list) and None in operand):
                raise Refused("BAD_INPUT")
            if op == "isNull":
                tests.append(lambda row, wanted=operand: (cell(row) is None) is wanted)
            else:
                parsed = [scalar.parse(x) for x in operand] if isinstance(operand, list) else scalar.parse(operand)
                tests.append(lambda row, op=op, parsed=parsed: compare(op, cell(row), parsed))
        return lambda row: all(test(row) for test in tests)

    def _through(self, record: Record, link: Link, value: Any, totals: bool) -> Callable[[Row], bool]:
        target = self._record(link.target)
        rights = self.rights(target)
        key = target.key_field
        shown = rights.shown(key)
        if not link.many and rights.sees_all and isinstance(shown, Shown) and shown.always and _only(value, key):
            local = self._reference(record, link, totals)
            on_key = self._on_key(value, key, record.fields[link.local].scalar)
            return lambda row: local(row) is not None and on_key(local(row))
        local = self._reference(record, link, totals)
        tests = []
        for quantifier, where in (value if link.many else {"some": value}).items():
            if where is None:
                raise Refused("BAD_INPUT")
            inner = self._where(target, where, False)
            if target.department != record.department or not target.source.capabilities.list_all:
                raise Refused("BAD_INPUT")
            tests.append((quantifier, inner))

        def holds(row: Row) -> bool:
            key = local(row)
            linked = [] if key is None else self._rows_by(target, link.remote).get(key, [])
            linked = [each for each in linked if rights.visible(each)]
            answers = {
                "some": lambda inner: any(inner(each) for each in linked),
                "every": lambda inner: all(inner(each) for each in linked),
                "none": lambda inner: not any(inner(each) for each in linked),
            }
            return all(answers[quantifier](inner) for quantifier, inner in tests)

        return holds

    def _on_key(self, value: Any, key: Field, scalar: Scalar) -> Callable[[Any], bool]:
        tests: list[Callable[[Any], bool]] = []
        for name, inner in value.items():
            if inner is None:
                raise Refused("BAD_INPUT")
            if name in ("and", "or"):
                parts = [self._on_key(each, key, scalar) for each in inner]
                every = all if name == "and" else any
                tests.append(lambda cell, parts=parts, every=every: every(part(cell) for part in parts))
            elif name == "not":
                part = self._on_key(inner, key, scalar)
                tests.append(lambda cell, part=part: not part(cell))
            else:
                part = self._tests(scalar, inner, lambda row: row["cell"])
                tests.append(lambda cell, part=part: part({"cell": cell}))
        return lambda cell: all(test(cell) for test in tests)

    # Order

    def _order(self, record: Record, told: Any) -> list[tuple[Callable[[Row], Any], bool]]:
        terms: dict[str, tuple[Callable[[Row], Any], bool]] = {}
        for each in [told] if isinstance(told, dict) else told or ():
            for name, direction in each.items():
                if direction is None:
                    raise Refused("BAD_INPUT")
                part = record.by_api_name[name]
                if isinstance(part, Field):
                    terms.setdefault(part.name, (self._cell(record, part, False), direction == "DESC"))
                    continue
                target = self._record(part.target)
                key, rights = target.key_field, self.rights(target)
                shown = rights.shown(key)
                whole = rights.sees_all and isinstance(shown, Shown) and shown.always
                if set(direction) != {key.api_name} or not whole:
                    raise Refused("BAD_INPUT")
                term = (self._reference(record, part, False), direction[key.api_name] == "DESC")
                terms.setdefault(part.local, term)
        return list(terms.values())

    def _ordered(
        self, record: Record, rows: list[Row], terms: list[tuple[Callable[[Row], Any], bool]]
    ) -> list[Row]:
        terms = [*terms, (lambda row: row[record.key], False)]

        def order(one: Row, other: Row) -> int:
            for cell, descending in terms:
                mine, its = cell(one), cell(other)
                if mine == its:
                    continue
                if mine is None or its is None:
                    after = mine is None
                    return 1 if after is not descending else -1
                return 1 if (mine > its) is not descending else -1
            return 0

        return sorted(rows, key=cmp_to_key(order)) if len(rows) > 1 else rows

    # Totals

    def _total(
        self, record: Record, name: str, node: FieldNode, selected: list[SelectionSetNode | None], where: Any,
        candidates: list[Row],
    ) -> Any:  # fmt: skip
        rights = self.rights(record)
        if not rights.counts:
            return self._refuse()
        try:
            test = self._where(record, where, True)
            population = [row for row in candidates if rights.counted(row)]
            counted = [row for row in population if test(row)]
            if name == "totalCount":
                (group,) = self._groups(rights, [], population, counted, bool(where))
                return None if group.hidden else len(group.rows)
            return self._aggregate(record, node, selected, population, counted, bool(where))
        except Refused as refused:
            return self._refuse(str(refused))

    def _groups(
        self, rights: Rights, by: list[Callable[[Row], Any]], population: list[Row], rows: list[Row], filtered: bool
    ) -> list[_Group]:
        cells: dict[tuple[Any, ...], list[Row]] = {} if by else {(): []}
        for row in rows:
            cells.setdefault(tuple(cell(row) for cell in by), []).append(row)
        whole: dict[tuple[Any, ...], int] = {}
        for row in population:
            key = tuple(cell(row) for cell in by)
            whole[key] = whole.get(key, 0) + 1
        groups = [_Group(key, found) for key, found in sorted(cells.items(), key=lambda item: _nulls_last(item[0]))]
        if rights.k:
            for group in groups:
                left_out = whole.get(group.key, 0) - len(group.rows)
                group.hidden = len(group.rows) < rights.k or (filtered and 0 < left_out < rights.k)
            if by:
                _hide_more(groups, rights.k)
        return groups

    def _aggregate(
        self, record: Record, node: FieldNode, selected: list[SelectionSetNode | None], population: list[Row],
        rows: list[Row], filtered: bool,
    ) -> list[dict[str, Any]]:  # fmt: skip
        rights, arguments = self.rights(record), self._arguments(node)
        told_by = arguments.get("groupBy") or []
        names = list(dict.fromkeys([told_by] if isinstance(told_by, str) else told_by))
        upper = {name.upper(): part for name, part in (*record.fields.items(), *record.links.items())}
        parts = [upper[name] for name in names]
        by = [
            self._cell(record, part, True) if isinstance(part, Field) else self._reference(record, part, True)
            for part in parts
        ]
        having = arguments.get("having") or {}
        groups = self._groups(rights, by, population, rows, filtered)
        measured = {
            id(each): self._cell_measured(record, each.name.value)
            for _, function, nested in self._collect(selected)
            if function.name.value in ("sum", "avg", "min", "max")
            for _, each, _ in self._collect(nested) if each.name.value != "__typename"
        }  # fmt: skip
        kept = [group for group in groups if not having or (not group.hidden and self._having(record, having, group))]
        answer = []
        for group in kept:
            out: dict[str, Any] = {}
            for key, each, nested in self._collect(selected):
                match each.name.value:
                    case "__typename":
                        out[key] = f"{record.type_name}Aggregate"
                    case "count":
                        out[key] = None if group.hidden else len(group.rows)
                    case "suppressed":
                        out[key] = group.hidden
                    case "key":
                        out[key] = self._group_key(record, parts, group, nested)
                    case function:
                        out[key] = {
                            inner: self._measured(record, function, it.name.value, group, measured.get(id(it)))
                            for inner, it, _ in self._collect(nested)
                        }
            answer.append(out)
        return answer

    def _measured(self, record: Record, function: str, name: str, group: _Group, cell: Any) -> Any:
        if name == "__typename":
            return f"{record.type_name}{function.capitalize()}"
        if group.hidden:
            return None
        return _told_measure(function, self._scalar(record, name), measure(function, group.rows, cell))

    def _scalar(self, record: Record, api_name: str) -> Scalar:
        part = record.by_api_name[api_name]
        assert isinstance(part, Field)
        return part.scalar

    def _cell_measured(self, record: Record, api_name: str) -> Callable[[Row], Any]:
        part = record.by_api_name[api_name]
        assert isinstance(part, Field)
        rights = self.rights(record)
        if rights.granted:
            if part.name not in rights.measures:
                raise Refused("REFUSED")
            return lambda row: row[part.name]
        return self._cell(record, part, True)

    def _having(self, record: Record, having: Any, group: _Group) -> bool:
        for name, tests in having.items():
            if name == "count":
                if not all(_passes(len(group.rows), op, value, int) for op, value in tests.items()):
                    return False
                continue
            for api_name, inner in (tests or {}).items():
                scalar = self._scalar(record, api_name)
                read = {"sum": _number, "avg": Decimal}.get(name, scalar.parse)
                found = measure(name, group.rows, self._cell_measured(record, api_name))
                if not all(_passes(found, op, value, read) for op, value in inner.items()):
                    return False
        return True

    def _group_key(
        self, record: Record, parts: list[Field | Link], group: _Group, selected: list[SelectionSetNode | None]
    ) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        for key, node, nested in self._collect(selected):
            if node.name.value == "__typename":
                answer[key] = f"{record.type_name}GroupKey"
                continue
            asked = record.by_api_name[node.name.value]
            local = asked.name if isinstance(asked, Field) else asked.local
            at = [part.name if isinstance(part, Field) else part.local for part in parts]
            if local not in at:
                answer[key] = None
                continue
            value = group.key[at.index(local)]
            if isinstance(asked, Field):
                answer[key] = told(asked.scalar, value)
                continue
            target = self._record(asked.target)
            if not self.rights(target).allowed or not isinstance(self.rights(record).shown(asked), Shown):
                answer[key] = self._refuse()
            else:
                answer[key] = self._one(target, asked.remote, value, nested)
        return answer


@dataclass(slots=True)
class _Group:
    key: tuple[Any, ...]
    rows: list[Row]
    hidden: bool = False


class _Absent:
    pass


_ABSENT = _Absent()


def _only(value: Any, key: Field) -> bool:
    """Whether a filter speaks of nothing but the key."""
    for name, inner in value.items():
        if name in ("and", "or"):
            if not all(_only(each, key) for each in inner or ()):
                return False
        elif name == "not":
            if not _only(inner or {}, key):
                return False
        elif name != key.api_name:
            return False
    return True


def _hide_more(groups: list[_Group], k: int) -> None:
    """No cell may be worked out from the others: at least two are hidden, of k rows together."""
    hidden = [group for group in groups if group.hidden]
    for group in sorted((group for group in groups if not group.hidden), key=lambda group: len(group.rows)):
        if not hidden or (len(hidden) > 1 and sum(len(each.rows) for each in hidden) >= k):
            return
        group.hidden = True
        hidden.append(group)


def _nulls_last(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple((part is None, 0 if part is None else part) for part in key)


def measure(function: str, rows: list[Row], cell: Callable[[Row], Any]) -> Any:
    """Over the cells that are not null; null over none."""
    values = [value for value in (cell(row) for row in rows) if value is not None]
    if not values:
        return None
    with localcontext() as context:
        context.prec = 60
        match function:
            case "min":
                return min(values)
            case "max":
                return max(values)
            case "sum":
                return sum(values[1:], values[0])
        total = sum(values[1:], values[0])
        return (Decimal(total) / len(values)).quantize(Decimal("0.000001"), ROUND_HALF_EVEN)


def _number(value: Any) -> Decimal:
    return Decimal(str(value))


def _passes(found: Any, op: str, value: Any, read: Callable[[Any], Any]) -> bool:
    if op == "isNull":
        return (found is None) is value
    return compare(op, found, [read(each) for each in value] if isinstance(value, list) else read(value))


def _told_measure(function: str, scalar: Scalar, value: Any) -> Any:
    if value is None:
        return None
    return str(value) if function in ("sum", "avg") else told(scalar, value)


def told(scalar: Scalar, value: Any) -> Any:
    """A decoded value as JSON tells it."""
    if value is None:
        return None
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    return str(value) if scalar.name in ("Long", "Decimal") else value
