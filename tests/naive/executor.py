"""Answers an operation by walking it: every row is looked at, nothing is planned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
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
from tests.naive.arguments import Reading, in_order
from tests.naive.rights import Rights, Shown
from tests.naive.totals import Totals, told
from tests.naive.view import Refused, View
from tests.naive.world import Row, World

Arguments = dict[str, Any]
MASK = "********"


@dataclass(slots=True)
class Naive:
    """One principal's view of the world. ``codes``: error codes told on the way."""

    world: World
    principal: Principal
    codes: set[str] = field(default_factory=set)
    view: View = field(init=False)
    _reading: Reading = field(init=False)
    _totals: Totals = field(init=False)
    _fragments: dict[str, FragmentDefinitionNode] = field(default_factory=dict)
    _variables: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.view = View(self.world, self.principal)
        self._reading = Reading(self.view)
        self._totals = Totals(self._reading, self._collect, self._arguments, self._refuse, self._found, {})

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
        return self.view.rights(record)

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
        target = self.view.record(link.target)
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
        return self._found(target, self.view.one(link, value), selected)

    def _found(self, record: Record, row: Row | None, selected: list[SelectionSetNode | None]) -> Any:
        return None if row is None else self._object(record, row, selected)

    # Connections

    def _connection(
        self, record: Record, arguments: Arguments, selected: list[SelectionSetNode | None], of: tuple[str, Any] | None
    ) -> Any:
        rights = self.rights(record)
        picks = self._collect(selected)
        names = {node.name.value for _, node, _ in picks}
        wants_rows = bool(names & {"nodes", "edges", "pageInfo"})
        wants_totals = bool(names & {"totalCount", "aggregate"})
        if not rights.allowed and (wants_rows or not (wants_totals and rights.totals)):
            return self._refuse()
        candidates = self._candidates(record, of)
        rows: list[Row] = []
        more = False
        try:
            if wants_rows:
                test = self._reading.where(record, arguments.get("where"), None)
                order = self._reading.order(record, arguments.get("orderBy"))
                rows = [row for row in candidates if rights.visible(row) and test(row)]
                rows = in_order(record, rows, order)
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
                case _:
                    answer[key] = self._totals.total(
                        record, node, nested, arguments.get("where"), candidates, of
                    )
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
        return [] if value is None else self.view.rows_by(record, name).get(value, [])


class _Absent:
    pass


_ABSENT = _Absent()
