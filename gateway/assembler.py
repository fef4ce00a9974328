"""Rows into the answer: objects are built from the leaves up, by what was worked out once a plan; objects many parents
share are written once and spliced in. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.allowed import (
    AggregatePart,
    CountPart,
    EdgesPart,
    GroupValuePart,
    KeyPart,
    ManyPart,
    MeasuresPart,
    NodesPart,
    NullPart,
    OnePart,
    PageInfoPart,
    PlainPart,
    TypeNamePart,
)
from gateway.grouping import EMPTY, Group, Groups, average
from gateway.objects import Builder, Found, make_builder, output, written_once
from gateway.plan import (
    AggregateLayout,
    ConnectionLayout,
    ConnectionRootLayout,
    KeyRootLayout,
    ObjectLayout,
    RowsStep,
)
from gateway.results import Failed, Finished, RowsResult
from schema.scalars import Scalar

SHARED_BY = 3
"""A linked object is written once and spliced in when it has at least this many parents on average."""


@dataclass(slots=True)
class Assembler:
    """Puts one execution's answer together. ``builders`` live as long as the plan, by layout identity."""

    run: Finished
    builders: dict[int, Builder]
    _reported: set[str] = field(default_factory=set)

    def data(self) -> dict[str, Any]:
        """The planned roots by response key."""
        answer: dict[str, Any] = {}
        for root in self.run.prepared.plan.roots:
            match root:
                case KeyRootLayout(key=key, object=layout):
                    answer[key] = self._key_root(layout)
                case ConnectionRootLayout(key=key, connection=connection):
                    answer[key] = self._connections(connection, (None,)).get(None)
                case _:
                    answer[root.key] = None
        return answer

    def _key_root(self, layout: ObjectLayout) -> Any:
        result = self.run.results[layout.step]
        if not isinstance(result, RowsResult) or not result.by_key:
            return None
        ((index,),) = result.by_key.values()
        return self._objects(layout)[index]

    def _objects(self, layout: ObjectLayout) -> list[Any]:
        """The objects of a layout, one a row of its step."""
        result = self.run.results[layout.step]
        assert isinstance(result, RowsResult)
        found = {key: self._link(layout, inner, result.table.size) for key, inner in layout.links.items()}
        found |= {key: self._looked_up(step) for key, step in layout.lookups.items()}
        build = self.builders.get(id(layout))
        if build is None:
            build = self.builders[id(layout)] = make_builder(layout, self.run.prepared)
        return build(result.table, found, self.run.report_computed)

    def _looked_up(self, step: int) -> Found:
        found = self.run.results[step]
        return found.get if isinstance(found, dict) else _nothing

    def _link(self, layout: ObjectLayout, inner: ObjectLayout | ConnectionLayout, parents: int) -> Found:
        """What a link shows for a value of its local field; None where nothing is joined, or its step failed."""
        if isinstance(inner, ObjectLayout):
            return self._one_index(inner, parents).get
        return self._connections(inner, self._parent_keys(layout.step, inner.parent_position)).get

    def _parent_keys(self, step: int, position: int) -> tuple[Any, ...]:
        result = self.run.results[step]
        assert isinstance(result, RowsResult)
        return tuple(dict.fromkeys(result.table.columns[position]))

    def _one_index(self, layout: ObjectLayout, parents: int) -> Mapping[Any, Any]:
        result = self.run.results[layout.step]
        if not isinstance(result, RowsResult) or result.by_key is None:
            return {}
        objects = self._objects(layout)
        if parents >= SHARED_BY * len(objects):
            objects = [written_once(each) for each in objects]
        if len(result.by_key) == len(objects):
            return dict(zip(result.by_key, objects, strict=True))
        return {key: objects[found[0]] for key, found in result.by_key.items()}

    def _connections(self, layout: ConnectionLayout, parents: tuple[Any, ...]) -> dict[Any, Any]:
        """The connection of each parent (None at a root); a parent whose list failed has none."""
        result = None if layout.rows is None else self.run.results[layout.rows]
        if isinstance(result, Failed):
            return {}
        rows = result if isinstance(result, RowsResult) else None
        objects = {where: self._objects(inner) for where, inner in layout.objects.items()}
        if rows is not None and rows.by_key is not None and len(objects) == len(layout.part.parts) == 1:
            (((key, where), built),) = objects.items()
            if where == "nodes":
                return _node_lists(key, built, rows.by_key, parents)
        makers: list[tuple[str, Callable[[Any], Any]]] = []
        for part in layout.part.parts:
            makers.append((part.key, self._connection_field(part, layout, rows, objects)))
        if len(makers) == 1:
            ((key, make),) = makers
            return {parent: {key: make(parent)} for parent in parents}
        return {parent: {key: make(parent) for key, make in makers} for parent in parents}

    def _connection_field(
        self,
        part: Any,
        layout: ConnectionLayout,
        rows: RowsResult | None,
        objects: Mapping[tuple[str, str], list[Any]],
    ) -> Callable[[Any], Any]:
        match part:
            case NodesPart(key=key):
                return _slices(rows, objects[key, "nodes"])
            case EdgesPart():
                return self._edges(part, layout, rows, objects)
            case PageInfoPart():
                return self._page_info(part, layout, rows)
            case CountPart(key=key):
                counts = self.run.results[layout.counts[key]]
                if not isinstance(counts, Groups) or (rows is not None and rows.incomplete):
                    return _nothing
                return counts.count
            case AggregatePart(key=key):
                return self._aggregates(layout.aggregates[key])
            case TypeNamePart(type_name=type_name):
                return lambda parent: type_name
        return _nothing

    def _edges(
        self,
        part: EdgesPart,
        layout: ConnectionLayout,
        rows: RowsResult | None,
        objects: Mapping[tuple[str, str], list[Any]],
    ) -> Callable[[Any], list[Any]]:
        assert rows is not None
        cursor = self._cursors(layout, rows)

        def edges(parent: Any) -> list[Any]:
            built = []
            for index in _indexes(rows, parent):
                edge: dict[str, Any] = {}
                for key, what in part.fields:
                    if what == "cursor":
                        edge[key] = cursor(index, parent)
                    else:
                        edge[key] = what if isinstance(what, str) else objects[part.key, key][index]
                built.append(edge)
            return built

        return edges

    def _cursors(self, layout: ConnectionLayout, rows: RowsResult) -> Callable[[int, Any], str]:
        assert layout.rows is not None
        step = self.run.prepared.plan.steps[layout.rows]
        assert isinstance(step, RowsStep)
        assert step.paging is not None
        columns = [rows.table.columns[term.position] for term in step.paging.order]
        sealer = self.run.sealer
        bindings: dict[Any, bytes] = {}

        def cursor(index: int, parent: Any) -> str:
            binding = bindings.get(parent)
            if binding is None:
                binding = bindings[parent] = self.run.binding(step, parent)
            return sealer.seal(tuple(column[index] for column in columns), binding)

        return cursor

    def _page_info(
        self, part: PageInfoPart, layout: ConnectionLayout, rows: RowsResult | None
    ) -> Callable[[Any], dict[str, Any]]:
        assert rows is not None
        page = rows.page
        assert page is not None
        cursor = self._cursors(layout, rows)

        def page_info(parent: Any) -> dict[str, Any]:
            indexes = _indexes(rows, parent)
            more, other = parent in rows.more, page.start is not None
            values: dict[str, Any] = {}
            for key, name in part.fields:
                match name:
                    case "hasNextPage":
                        values[key] = other if page.backward else more
                    case "hasPreviousPage":
                        values[key] = more if page.backward else other
                    case "startCursor":
                        values[key] = cursor(indexes[0], parent) if indexes else None
                    case "endCursor":
                        values[key] = cursor(indexes[-1], parent) if indexes else None
                    case _:
                        values[key] = "PageInfo"
            return values

        return page_info

    def _aggregates(self, layout: AggregateLayout) -> Callable[[Any], list[Any] | None]:
        groups = self.run.results[layout.step]
        if not isinstance(groups, Groups):
            return _nothing
        links = {key: self._one_index(inner, len(groups.keys)) for key, inner in layout.links.items()}
        having = [
            (_measured(layout, test.measure), self.run.having(test.op, test.value, test.measure))
            for test in layout.part.having
        ]

        def aggregate(parent: Any) -> list[Any]:
            found = groups.of(parent)
            if not found and not layout.part.groups:
                found = [_empty(layout, groups.protected)]
            return [
                self._aggregate_row(layout, group, links)
                for group in found
                if all(not group.suppressed and passes(value(group)) for value, passes in having)
            ]

        return aggregate

    def _aggregate_row(
        self, layout: AggregateLayout, group: Group, links: Mapping[str, Mapping[Any, Any]]
    ) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for part in layout.part.parts:
            match part:
                case KeyPart():
                    row[part.key] = _group_key(layout, part, group, links)
                case MeasuresPart():
                    row[part.key] = {
                        key: part.type_name if term is None else _output(
                            part.function, term.field.scalar,
                            None if group.suppressed else _measured(layout, term)(group),
                        )
                        for key, term in part.fields
                    }  # fmt: skip
                case PlainPart(what="count"):
                    row[part.key] = None if group.suppressed else group.count
                case PlainPart(what="suppressed"):
                    row[part.key] = group.suppressed
                case PlainPart(what=what):
                    row[part.key] = what
        return row


def _nothing(parent: Any) -> None:
    return None


def _indexes(rows: RowsResult, parent: Any) -> Sequence[int]:
    return range(rows.table.size) if rows.by_key is None else rows.by_key.get(parent, ())


def _node_lists(
    key: str, objects: list[Any], by_key: Mapping[Any, Sequence[int]], parents: tuple[Any, ...]
) -> dict[Any, Any]:
    """The usual connection, of which only the nodes are asked for. A parent's rows stand together."""
    lists: dict[Any, Any] = {
        parent: {key: objects[found[0] : found[-1] + 1]} for parent, found in by_key.items() if found
    }
    for parent in parents:
        if parent not in lists:
            lists[parent] = {key: []}
    return lists


def _slices(rows: RowsResult | None, objects: list[Any]) -> Callable[[Any], list[Any]]:
    """A linked step's rows stand parent by parent, so each parent's are one slice."""
    assert rows is not None
    if rows.by_key is None:
        return lambda parent: objects
    by_key = rows.by_key

    def nodes(parent: Any) -> list[Any]:
        found = by_key.get(parent)
        return objects[found[0] : found[-1] + 1] if found else []

    return nodes


def _group_key(
    layout: AggregateLayout, part: KeyPart, group: Group, links: Mapping[str, Mapping[Any, Any]]
) -> dict[str, Any]:
    at = {term.field.name: index for index, term in enumerate(layout.part.groups) if not term.via}
    values: dict[str, Any] = {}
    for inner in part.parts:
        match inner:
            case GroupValuePart(key=key, index=index, field=shown):
                values[key] = output(shown.scalar, group.key[index])
            case OnePart(key=key, local=local):
                values[key] = links[key].get(group.key[at[local.name]])
            case TypeNamePart(key=key, type_name=type_name):
                values[key] = type_name
            case NullPart(key=key) | ManyPart(key=key):
                values[key] = None
    return values


def _empty(layout: AggregateLayout, protected: bool) -> Group:
    values = tuple(EMPTY.get(partial.function) for partial in layout.partials)
    return Group((), values, protected)


def _measured(layout: AggregateLayout, term: Any) -> Callable[[Group], Any]:
    """How a measure is read from a group; None is the number of rows."""
    if term is None:
        return lambda group: group.values[0]
    at = {
        (partial.function, partial.term.field.name, partial.term.condition): index
        for index, partial in enumerate(layout.partials)
        if partial.term is not None
    }
    name, condition = term.field.name, term.condition
    if term.function == "avg":
        total, count = at["sum", name, condition], at["values", name, condition]
        return lambda group: average(group.values[total], group.values[count])
    index = at["distinct" if term.function == "countDistinct" else term.function, name, condition]
    return lambda group: group.values[index]


def _output(function: str, scalar: Scalar, value: Any) -> Any:
    if value is None or function == "countDistinct":
        return value
    if function == "avg" or (function == "sum" and scalar.kind in ("int", "decimal")):
        return value if isinstance(value, float) else str(value)
    return scalar.output(value)
