"""``where`` and ``orderBy``, read anew for every row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

from schema.catalog import Field, Link, Record
from schema.scalars import Scalar
from tests.naive.rights import Right, Test, compare
from tests.naive.view import Reader, Refused, View
from tests.naive.world import Row

Terms = list[tuple[Reader, bool]]
"""What rows are ordered by, and whether downwards."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads the arguments of one principal's operation."""

    view: View

    def where(self, record: Record, where: Any, right: Right | None) -> Test:
        tests = [self._clause(record, name, value, right) for name, value in (where or {}).items()]
        return lambda row: all(test(row) for test in tests)

    def _clause(self, record: Record, name: str, value: Any, right: Right | None) -> Test:
        if value is None:
            raise Refused("BAD_INPUT")
        match name:
            case "and":
                parts = [self.where(record, each, right) for each in value]
                return lambda row: all(part(row) for part in parts)
            case "or":
                parts = [self.where(record, each, right) for each in value]
                return lambda row: any(part(row) for part in parts)
            case "not":
                part = self.where(record, value, right)
                return lambda row: not part(row)
        named = record.by_api_name[name]
        if isinstance(named, Field):
            return _tests(named.scalar, value, self.view.cell(record, named, right))
        if not named.many and self.view.keys_are_open(self.view.record(named.target)):
            key = self.view.record(named.target).key_field
            if only(value, key):
                local = self.view.reference(record, named, right, key_only=True)
                on_key = _on_key(value, record.fields[named.local].scalar)
                return lambda row: local(row) is not None and on_key(local(row))
        return self._through(record, named, value, right)

    def _through(self, record: Record, link: Link, value: Any, right: Right | None) -> Test:
        """``some``, ``every``, ``none`` of the visible rows a link leads to; one of them where it leads to one."""
        local = self.view.reference(record, link, right)
        target = self.view.record(link.target)
        tests: list[Test] = []
        for quantifier, where in (value if link.many else {"some": value}).items():
            if where is None:
                raise Refused("BAD_INPUT")
            tests.append(self._quantified(link, quantifier, self.where(target, where, None), local))
        return lambda row: all(test(row) for test in tests)

    def _quantified(self, link: Link, quantifier: str, inner: Test, local: Reader) -> Test:
        known: dict[Any, bool] = {}

        def holds(row: Row) -> bool:
            value = local(row)
            if value not in known:
                answers = [inner(each) for each in self.view.linked(link, value)]
                if quantifier == "every":
                    known[value] = all(answers)
                elif quantifier == "none":
                    known[value] = not any(answers)
                else:
                    known[value] = any(answers)
            return known[value]

        return holds

    def order(self, record: Record, told: Any) -> Terms:
        terms: dict[tuple[str, ...], tuple[Reader, bool]] = {}
        for each in [told] if isinstance(told, dict) else told or ():
            self._order(record, each, (), record, terms)
        return list(terms.values())

    def _order(
        self, root: Record, entry: dict[str, Any], links: tuple[Link, ...], record: Record,
        terms: dict[tuple[str, ...], tuple[Reader, bool]],
    ) -> None:  # fmt: skip
        """A term named twice counts where it is first named."""
        for name, direction in entry.items():
            if direction is None:
                raise Refused("BAD_INPUT")
            part = record.by_api_name[name]
            if isinstance(part, Field):
                path = (*(link.name for link in links), part.name)
                terms.setdefault(path, (self.view.through(root, links, part, None), direction == "DESC"))
                continue
            target = self.view.record(part.target)
            self.view.reference(record, part, None)
            if set(direction) == {target.key_field.api_name} and self.view.keys_are_open(target):
                path = (*(link.name for link in links), part.local)
                down = direction[target.key_field.api_name]
                if down is None:
                    raise Refused("BAD_INPUT")
                terms.setdefault(path, (self._to_reference(root, links, part), down == "DESC"))
                continue
            self._order(root, direction, (*links, part), target, terms)

    def _to_reference(self, root: Record, links: tuple[Link, ...], last: Link) -> Reader:
        """The key that the last link holds, whether or not a row has it."""
        if not links:
            return self.view.reference(root, last, None)
        local = self.view.reference(root, links[0], None)
        beyond = self._to_reference(self.view.record(links[0].target), links[1:], last)

        def read(row: Row) -> Any:
            found = self.view.one(links[0], local(row))
            return None if found is None else beyond(found)

        return read


def in_order(record: Record, rows: list[Row], terms: Terms) -> list[Row]:
    """Completed by the key; nulls last upwards, first downwards."""
    if len(rows) < 2:
        return rows
    downwards = [descending for _, descending in terms] + [False]
    decorated = [([*(cell(row) for cell, _ in terms), row[record.key]], row) for row in rows]

    def order(one: tuple[list[Any], Row], other: tuple[list[Any], Row]) -> int:
        for mine, its, descending in zip(one[0], other[0], downwards, strict=True):
            if mine == its:
                continue
            if mine is None or its is None:
                after = mine is None
                return 1 if after is not descending else -1
            return 1 if (mine > its) is not descending else -1
        return 0

    return [row for _, row in sorted(decorated, key=cmp_to_key(order))]


def only(value: Any, key: Field) -> bool:
    """Whether a filter speaks of nothing but the key."""
    for name, inner in value.items():
        if name in ("and", "or"):
            if not all(only(each, key) for each in inner or ()):
                return False
        elif name == "not":
            if not only(inner or {}, key):
                return False
        elif name != key.api_name:
            return False
    return True


def _tests(scalar: Scalar, value: dict[str, Any], cell: Reader) -> Test:
    tests: list[Test] = []
    for op, operand in value.items():
        if operand is None or (isinstance(operand, list) and None in operand):
            raise Refused("BAD_INPUT")
        if op == "isNull":
            tests.append(lambda row, wanted=operand: (cell(row) is None) is wanted)
        else:
            parsed = [scalar.parse(x) for x in operand] if isinstance(operand, list) else scalar.parse(operand)
            tests.append(lambda row, op=op, parsed=parsed: compare(op, cell(row), parsed))
    return lambda row: all(test(row) for test in tests)


def _on_key(value: Any, scalar: Scalar) -> Callable[[Any], bool]:
    tests: list[Callable[[Any], bool]] = []
    for name, inner in value.items():
        if inner is None:
            raise Refused("BAD_INPUT")
        if name in ("and", "or"):
            parts = [_on_key(each, scalar) for each in inner]
            every = all if name == "and" else any
            tests.append(lambda cell, parts=parts, every=every: every(part(cell) for part in parts))
        elif name == "not":
            part = _on_key(inner, scalar)
            tests.append(lambda cell, part=part: not part(cell))
        else:
            test = _tests(scalar, inner, lambda row: row["cell"])
            tests.append(lambda cell, test=test: test({"cell": cell}))
    return lambda cell: all(test(cell) for test in tests)


def read_fields(record: Record, where: Any) -> set[str]:
    """The record's own fields that a filter reads, through links their own end."""
    found: set[str] = set()
    for name, value in (where or {}).items():
        if name in ("and", "or", "not"):
            for each in value if isinstance(value, list) else [value]:
                found |= read_fields(record, each)
            continue
        part = record.by_api_name[name]
        if isinstance(part, Link):
            if value or not part.many:
                found.add(part.local)
        elif value:
            found.add(part.name)
    return found
