"""Counts and measures, group by group."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

from graphql import FieldNode, SelectionSetNode

from schema.catalog import Field, Link, Record
from schema.scalars import Scalar
from tests.naive import guarded
from tests.naive.arguments import Reading, read_fields
from tests.naive.guarded import Guarded, GuardedGroups, Table
from tests.naive.paths import Grouped, groupings
from tests.naive.rights import Right, Shown, compare
from tests.naive.view import Reader, Refused
from tests.naive.world import Row

Selected = list[SelectionSetNode | None]
Picks = list[tuple[str, FieldNode, Selected]]
FUNCTIONS = ("sum", "avg", "min", "max", "countDistinct")


@dataclass(frozen=True, slots=True)
class Group:
    key: tuple[Any, ...]
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Totals:
    """``collect`` merges selections; ``refuse`` notes a code; ``object`` answers a row, or None, of a record."""

    reading: Reading
    collect: Callable[[Selected], Picks]
    arguments: Callable[[FieldNode], dict[str, Any]]
    refuse: Callable[[str], None]
    object: Callable[[Record, Row | None, Selected], Any]
    _tables: dict[tuple[str, Right, frozenset[str]], Table]

    def total(
        self, record: Record, node: FieldNode, selected: Selected, where: Any, candidates: list[Row],
        of: tuple[str, Any] | None,
    ) -> Any:  # fmt: skip
        """A figure under the first right that covers all of it. ``of``: the field each parent's rows are found by, and
        its value there. Over a row whose key cannot be read nothing is told; over others of its record neither may."""
        problem = "REFUSED"
        for number, right in enumerate(self.reading.view.rights(record).totals):
            try:
                if of is not None and right.by is not None:
                    self.reading.view.cell(record, record.fields[of[0]], right)
                test = self.reading.where(record, where, right)
                rows = [row for row in candidates if right.test(row) and test(row)]
                read = read_fields(record, where) | ({of[0]} if of else set())
                figure = Figure(self, record, right, rows, read, not where and of is None)
                found = figure.count() if node.name.value == "totalCount" else figure.groups(node, selected)
                lost = self.reading.view.world.keyless.get(record.name)
                if not lost:
                    return found
                own = [row for row in lost if of is None or row[of[0]] == of[1] is not None]
                return Guarded(found, None, any(right.test(row) and test(row) for row in own))
            except Refused as refused:
                problem = str(refused) if not number else problem
        return self.refuse(problem)

    def table(self, record: Record, right: Right, names: set[str]) -> Table:
        known = (record.name, right, frozenset(names))
        if known not in self._tables:
            rows = [row for row in self.reading.view.world.rows[record.name] if right.test(row)]
            self._tables[known] = guarded.table(record, right, rows, names)
        return self._tables[known]


@dataclass(slots=True)
class Figure:
    """One figure of one right over the rows that passed. ``read``: fields already filtered on or joined by; ``whole``:
    all of the table is asked for."""

    totals: Totals
    record: Record
    right: Right
    rows: list[Row]
    read: set[str]
    whole: bool

    def count(self) -> Any:
        if not self.right.k:
            return len(self.rows)
        table = self.totals.table(self.record, self.right, self.read)
        return Guarded(len(self.rows) or None, None, any(table.key(row) in table.unsafe for row in self.rows))

    def groups(self, node: FieldNode, selected: Selected) -> Any:
        arguments = self.totals.arguments(node)
        told = arguments.get("groupBy") or []
        known = groupings(self.totals.reading.view.world.catalog, self.record)
        by: dict[str, Grouped] = {}
        for name in [told] if isinstance(told, str) else told:
            by.setdefault(known[name].name, known[name])
        cells = [self._grouped(each) for each in by.values()]
        measured, distinct = self._measured(selected, arguments.get("having") or {})
        groups = self._made(cells)
        having = arguments.get("having") or {}
        answer = [self._group(list(by.values()), group, selected, measured) for group in groups]
        if not self.right.k:
            return [told for group, told in zip(groups, answer, strict=True) if self._passes(having, group, measured)]
        return self._guarded(list(by.values()), distinct, groups, answer, selected, having, measured)

    def _grouped(self, asked: Grouped) -> Reader:
        view = self.totals.reading.view
        if isinstance(asked.part, Link):
            return view.reference(self.record, asked.part, self.right, key_only=True)
        return view.through(self.record, asked.links, asked.part, self.right)

    def _made(self, cells: list[Reader]) -> list[Group]:
        found: dict[tuple[Any, ...], list[Row]] = {} if cells else {(): []}
        for row in self.rows:
            found.setdefault(tuple(cell(row) for cell in cells), []).append(row)
        return [Group(key, rows) for key, rows in sorted(found.items(), key=lambda item: _nulls_last(item[0]))]

    def _measured(self, selected: Selected, having: Any) -> tuple[dict[tuple[str, str], Reader], set[str]]:
        """What is measured, by function and field; and what is counted distinctly."""
        wanted = {
            (function.name.value, each.name.value)
            for _, function, nested in self.totals.collect(selected) if function.name.value in FUNCTIONS
            for _, each, _ in self.totals.collect(nested) if each.name.value != "__typename"
        }  # fmt: skip
        wanted |= {(function, name) for function in FUNCTIONS for name in having.get(function) or ()}
        found: dict[tuple[str, str], Reader] = {}
        for function, name in sorted(wanted):
            part = self._field(name)
            if self.right.k and function in ("min", "max"):
                raise Refused("REFUSED")
            if function == "countDistinct" or self.right.measures is None:
                found[function, name] = self.totals.reading.view.cell(self.record, part, self.right)
            elif part.name in self.right.measures:
                found[function, name] = lambda row, name=part.name: row[name]
            else:
                raise Refused("REFUSED")
        return found, {self._field(name).name for function, name in wanted if function == "countDistinct"}

    def _field(self, api_name: str) -> Field:
        part = self.record.by_api_name[api_name]
        assert isinstance(part, Field)
        return part

    def _passes(self, having: Any, group: Group, cells: dict[tuple[str, str], Reader]) -> bool:
        for name, tests in having.items():
            if name == "count":
                if not all(_passes(len(group.rows), op, value, int) for op, value in tests.items()):
                    return False
                continue
            for api_name, inner in (tests or {}).items():
                plain = self._field(api_name).scalar.parse
                read = {"sum": _number, "avg": Decimal, "countDistinct": int}.get(name, plain)
                found = measure(name, group.rows, cells[name, api_name])
                if not all(_passes(found, op, value, read) for op, value in inner.items()):
                    return False
        return True

    def _group(
        self, by: list[Grouped], group: Group | None, selected: Selected, measured: dict[tuple[str, str], Reader],
        key: tuple[Any, ...] = (),
    ) -> dict[str, Any]:  # fmt: skip
        """A group's answer; of None what is told where it is withheld."""
        out: dict[str, Any] = {}
        for name, each, nested in self.totals.collect(selected):
            match each.name.value:
                case "__typename":
                    out[name] = f"{self.record.type_name}Aggregate"
                case "count":
                    out[name] = None if group is None else len(group.rows)
                case "suppressed":
                    out[name] = group is None
                case "key":
                    out[name] = self._key(by, key if group is None else group.key, nested)
                case function:
                    out[name] = {
                        inner: self._told(function, it.name.value, group, measured)
                        for inner, it, _ in self.totals.collect(nested)
                    }
        return out

    def _told(self, function: str, name: str, group: Group | None, measured: dict[tuple[str, str], Reader]) -> Any:
        if name == "__typename":
            return f"{self.record.type_name}{function[0].upper()}{function[1:]}"
        if group is None:
            return None
        value = measure(function, group.rows, measured[function, name])
        if value is None or function == "countDistinct":
            return value
        return str(value) if function in ("sum", "avg") else told(self._field(name).scalar, value)

    def _key(self, by: list[Grouped], key: tuple[Any, ...], selected: Selected) -> dict[str, Any]:
        view = self.totals.reading.view
        at = {each.name: index for index, each in enumerate(by)}
        local = {
            each.part.name if isinstance(each.part, Field) else each.part.local: index
            for index, each in reversed(list(enumerate(by))) if not each.links
        }  # fmt: skip
        answer: dict[str, Any] = {}
        for name, node, nested in self.totals.collect(selected):
            wanted = node.name.value
            if wanted == "__typename":
                answer[name] = f"{self.record.type_name}GroupKey"
                continue
            part = self.record.by_api_name.get(wanted)
            own = part.local if isinstance(part, Link) else part.name if part is not None else ""
            index = at.get(wanted, local.get(own))
            if index is None:
                answer[name] = None
            elif not isinstance(part, Link):
                asked = by[index].part
                of = asked if isinstance(asked, Field) else self.record.fields[asked.local]
                answer[name] = told(of.scalar, key[index])
            elif not self._may_follow(part):
                answer[name] = self.totals.refuse("REFUSED")
            else:
                target = view.record(part.target)
                answer[name] = self.totals.object(target, view.one(part, key[index]), nested)
        return answer

    def _may_follow(self, link: Link) -> bool:
        view = self.totals.reading.view
        granted = self.right.by is not None and (link.name in self.right.by or link.local in self.right.by)
        shown = isinstance(view.rights(self.record).shown(link), Shown)
        return (granted or shown) and view.rights(view.record(link.target)).allowed

    # Under a grant with a least number of persons

    def _guarded(
        self, by: list[Grouped], distinct: set[str], groups: list[Group], answer: list[Any], selected: Selected,
        having: Any, measured: dict[tuple[str, str], Reader],
    ) -> GuardedGroups:  # fmt: skip
        names = self.read | distinct
        for each in by:
            link = each.links[0] if each.links else each.part
            names.add(link.local if isinstance(link, Link) else link.name)
        table = self.totals.table(self.record, self.right, names)
        made = []
        of: list[set[guarded.Key]] = []
        for group, shown in zip(groups, answer, strict=True):
            own = {table.key(row) for row in group.rows}
            of.append(own)
            withheld = self._group(by, None, selected, measured, group.key)
            made.append(Guarded(shown, withheld, not own or bool(own & table.unsafe)))
        if having:
            passing = [one for one, group in zip(made, groups, strict=True) if self._passes(having, group, measured)]
            made = passing
        keys = [next(iter(own)) for own in of if len(own) == 1]
        whole = self.whole and not having and len(keys) == len(groups) == len(table.weights)
        return GuardedGroups(
            made, self._group(by, None, selected, measured, (None,) * len(by)), bool(having),
            guarded.lines(table, self.right, keys) if whole else [],
            [table.weights[key] for key in keys] if whole else [], self.right.k,
        )  # fmt: skip


def _nulls_last(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple((part is None, 0 if part is None else part) for part in key)


def measure(function: str, rows: list[Row], cell: Reader) -> Any:
    """Over the cells that are not null; null over none."""
    values = [value for value in (cell(row) for row in rows) if value is not None]
    if function == "countDistinct":
        return len(set(values))
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


def told(scalar: Scalar, value: Any) -> Any:
    """A decoded value as JSON tells it."""
    if value is None:
        return None
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    return str(value) if scalar.name in ("Long", "Decimal") else value
