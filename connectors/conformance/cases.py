"""The fetches a connector is checked with, made out of what its source says it can do and of values its rows hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from connectors.conformance.subject import Subject, Tested, spelled
from schema.fetch import (
    EVERYTHING,
    NOTHING,
    AllOf,
    Among,
    AnyOf,
    Cell,
    Column,
    Comparison,
    Complement,
    Condition,
    FetchShape,
    Function,
    Measure,
    NullCheck,
    Ordering,
    Param,
)
from schema.sources import OPERATORS

WILD = ("%", "_", "\\", "'", "")
"""Texts that a careless pattern would read as something else."""
MANY_ROWS = 2000
"""About how many rows the largest set of keys brings."""
PAIRS = 5
"""Pairs of columns that conditions are combined over."""


@dataclass(frozen=True, slots=True)
class Case:
    """A fetch to try and the promise it tests. ``whole``: over all rows, also where the others look at a part."""

    promise: str
    told: str
    shape: FetchShape
    keys: tuple[Any, ...] = ()
    params: tuple[Any, ...] = ()
    limit: int | None = None
    whole: bool = False


@dataclass(slots=True)
class _Written:
    """A condition being written, with its values."""

    params: list[Any] = field(default_factory=list)

    def test(self, column: Column, op: str, value: Any) -> Condition:
        if op == "isNull":
            return NullCheck(column)
        self.params.append(value)
        return Comparison(column, op, Param(len(self.params) - 1))


def cases(subject: Subject) -> Iterator[Case]:
    """Every case for the subject."""
    yield from _keys(subject)
    if not subject.can.list_all:
        return
    yield from _projection(subject)
    yield from _operators(subject)
    yield from _several(subject)
    yield from _joined(subject)
    yield from _orders(subject)
    yield from _limits(subject)
    yield from _conditional(subject)
    yield from _groups(subject)


def _keys(subject: Subject) -> Iterator[Case]:
    most = subject.source.limits.max_keys
    for tested in subject.compared():
        if not subject.can.takes_keys(tested.plain.name) or tested.column.kind in ("bool", "float"):
            continue
        present, absent = subject.sample(tested, 3), subject.absent(tested)
        if tested.column.normaliser is None:
            present = spelled(tested, present)
        values = subject.values(tested)
        many = values[: min(most, MANY_ROWS * len(values) // max(1, len(subject.rows)) + 1)]
        asked = {
            "one that is there": present[:1],
            "every spelling": present[:most],
            "some absent": (absent + present)[:most],
            "only absent": absent[:most],
            "as many as allowed": many,
            "none": [],
        }
        name = tested.plain.name
        shape = FetchShape(subject.relation, subject.cells, key=tested.column)
        for told, keys in asked.items():
            for batch in _batches(keys, most):
                yield Case("keys", f"{name}, {told}", shape, tuple(batch), whole=True)
        if subject.can.groups:
            count = FetchShape(
                subject.relation, key=tested.column, groups=(tested.cell,), measures=(Measure(Function.COUNT),)
            )
            yield Case("keys", f"{name}, counted by key", count, tuple(many), whole=True)


def _batches(keys: list[Any], most: int) -> list[list[Any]]:
    """All keys in one fetch, or a fetch for each where a source takes one at a time."""
    return [[key] for key in keys] if most == 1 else [keys]


def _projection(subject: Subject) -> Iterator[Case]:
    yield Case("projection", "every column", FetchShape(subject.relation, subject.cells))
    yield Case("projection", "columns turned round", FetchShape(subject.relation, subject.cells[::-1]))
    yield Case("projection", "the key alone", FetchShape(subject.relation, (Cell(subject.key.plain),)))


def _operands(subject: Subject, tested: Tested, op: str) -> list[Any]:
    sample, absent = subject.sample(tested), subject.absent(tested)
    match op:
        case "isNull":
            return [None]
        case "in" | "notIn":
            return [tuple(sample + absent), ()]
        case "startsWith" | "contains":
            if tested.column.kind != "text":
                return []
            parts = [value[:3] if op == "startsWith" else value[1:4] for value in sample[:1]]
            return list(dict.fromkeys([*parts, *(part.swapcase() for part in parts), *WILD]))
        case "lt" | "lte" | "gt" | "gte" if tested.column.kind == "bool":
            return []
        case "lt" | "lte" | "gt" | "gte":
            # Where a codec cannot read every raw, sources are only asked for bounds that stand for a value.
            return sample[1:] + (absent[:1] if tested.codec.total else [])
    return sample[:1] + absent[:2]


def _operators(subject: Subject) -> Iterator[Case]:
    for tested in subject.compared():
        cells = tuple(dict.fromkeys((Cell(subject.key.plain), Cell(tested.plain))))
        for op in OPERATORS:
            if not subject.can.takes(tested.plain.name, op):
                continue
            for place, operand in enumerate(_operands(subject, tested, op)):
                written = _Written()
                test = written.test(tested.column, op, operand)
                told, params = f"{tested.plain.name} {op}", tuple(written.params)
                yield Case(f"operator {op}", told, FetchShape(subject.relation, cells, test), params=params)
                if subject.can.boolean and place < 2:
                    shape = FetchShape(subject.relation, cells, Complement(test))
                    yield Case("complement", f"not ({told})", shape, params=params)


def _comparable(subject: Subject, op: str) -> list[Tested]:
    """Columns that take the operator and have values to compare with."""
    return [
        tested for tested in subject.compared()
        if subject.can.takes(tested.plain.name, op) and subject.sample(tested) and tested.column.kind != "bool"
    ]  # fmt: skip


def _several(subject: Subject) -> Iterator[Case]:
    """Conditions on several columns at once, and on one column with one that has nulls."""
    columns = _comparable(subject, "eq")
    for one, other in list(pairwise(columns))[:PAIRS]:
        written = _Written()
        first = written.test(one.column, "eq", subject.sample(one)[0])
        second = written.test(other.column, "eq", subject.sample(other)[0])
        both: dict[str, Condition] = {"and": AllOf((first, second))}
        if subject.can.boolean and subject.can.takes(one.plain.name, "ne"):
            third = written.test(one.column, "ne", subject.sample(one)[-1])
            fourth = written.test(other.column, "gt", subject.sample(other)[0])
            absent = NullCheck(other.column)
            both |= {
                "or": AnyOf((first, second)),
                "not and": Complement(AllOf((first, second))),
                "not or": Complement(AnyOf((third, second))),
                "not (ne and not (gt or null))": Complement(AllOf((third, Complement(AnyOf((fourth, absent)))))),
                "or of ands with a null": AnyOf((AllOf((first, absent)), AllOf((third, Complement(absent))))),
                "never": AllOf((first, NOTHING)),
                "always": AnyOf((first, EVERYTHING)),
            }
        for told, condition in both.items():
            case = f"{one.plain.name} {told} {other.plain.name}"
            shape = FetchShape(subject.relation, subject.cells, condition)
            yield Case("combination", case, shape, params=tuple(written.params))


def _joined(subject: Subject) -> Iterator[Case]:
    """Rows filtered by other rows of the relation: by the same column, so that ties and nulls meet, and by another
    one of its kind."""
    if not subject.can.joins:
        return
    condition = _condition_of(subject)
    columns = [tested for tested in subject.compared() if tested.column.kind in ("text", "int")]
    for place, one in enumerate(columns):
        others = [tested for tested in columns if tested.column.kind == one.column.kind and tested != one]
        for other in (one, *others[place : place + 1]):
            where, params, by = condition or (EVERYTHING, (), "")
            among = Among(one.column, subject.relation, other.column, where)
            twice = Among(one.column, subject.relation, other.column, Complement(among))
            told = f"{one.plain.name} among {other.plain.name}" + (f" where {by} is small" if by else "")
            for what, test in ((told, among), (f"not {told}", Complement(among)), (f"{told}, of a join", twice)):
                shape = FetchShape(subject.relation, (Cell(subject.key.plain),), test)
                yield Case("join", what, shape, params=params, whole=True)
            either = FetchShape(
                subject.relation, where=AnyOf((NullCheck(one.column), among)), measures=(Measure(Function.COUNT),)
            )
            if subject.can.groups:
                yield Case("join", f"{told}, or null, counted", either, params=params, whole=True)


def _orders(subject: Subject) -> Iterator[Case]:
    if not subject.can.order:
        return
    for tested in subject.compared():
        for descending in (False, True):
            way = "descending" if descending else "ascending"
            order = (Ordering(tested.cell, descending), Ordering(subject.key.cell, not descending))
            shape = FetchShape(subject.relation, subject.cells, order=order)
            yield Case("order", f"{tested.plain.name} {way}", shape)


def _limits(subject: Subject) -> Iterator[Case]:
    for tested in subject.compared():
        name, cells, relation = tested.plain.name, subject.cells, subject.relation
        order = (Ordering(tested.cell), Ordering(subject.key.cell)) if subject.can.order else ()
        down = (Ordering(tested.cell, True),) if subject.can.order else ()
        if subject.can.limit:
            for limit in (1, 7):
                shape = FetchShape(relation, cells, order=order, limited=True)
                yield Case("limit", f"{limit} by {name}", shape, limit=limit)
        if subject.can.per_key_limit and subject.can.takes_keys(name) and tested.column.kind not in ("bool", "float"):
            keys = tuple(subject.sample(tested, 3) + subject.absent(tested))
            for limit, sorting in ((1, order), (2, down), (2, ())):
                by = (Ordering(subject.key.cell, True),) if sorting == order else sorting
                shape = FetchShape(relation, cells, key=tested.column, order=by, limited=True, per_key=True)
                yield Case("per-key limit", f"{limit} a {name}", shape, keys, limit=limit, whole=True)


def _condition_of(subject: Subject) -> tuple[Condition, tuple[Any, ...], str] | None:
    """A condition that holds in some rows and not in others, and is unknown to three-valued logic where it can be."""
    columns = _comparable(subject, "lt")
    holed = [one for one in columns if any(row.get(one.plain.name) is None for row in subject.rows)]
    for tested in holed + columns:
        values = subject.values(tested)
        if len(values) > 1:
            written = _Written()
            test = written.test(tested.column, "lt", values[len(values) // 2])
            return test, tuple(written.params), tested.plain.name
    return None


def _conditional(subject: Subject) -> Iterator[Case]:
    condition = _condition_of(subject)
    if not subject.can.conditional or condition is None:
        return
    when, params, by = condition
    for tested in subject.compared():
        for told, test in (("where", when), ("except where", Complement(when))):
            case = f"{tested.plain.name} shown {told} {by} is small"
            cells = tuple(dict.fromkeys((Cell(tested.plain, test), Cell(subject.key.plain))))
            yield Case("conditional cell", case, FetchShape(subject.relation, cells), params=params)
            cell = Cell(tested.column, test)
            if subject.can.order:
                shape = FetchShape(subject.relation, subject.cells, order=(Ordering(cell), Ordering(subject.key.cell)))
                yield Case("conditional cell", f"{case}, in the order", shape, params=params)
            if subject.can.groups:
                measures = (Measure(Function.COUNT), Measure(Function.COUNT, cell))
                shape = FetchShape(subject.relation, groups=(cell,), measures=measures)
                yield Case("conditional cell", f"{case}, as a group", shape, params=params)


def _groups(subject: Subject) -> Iterator[Case]:
    if not subject.can.groups:
        return
    measures = measures_of(subject)
    relation = subject.relation
    for tested in subject.compared():
        name = tested.plain.name
        yield Case("group", f"by {name}", FetchShape(relation, groups=(tested.cell,), measures=measures))
        pair = FetchShape(relation, groups=(tested.cell, subject.compared()[-1].cell), measures=measures[:1])
        yield Case("group", f"by {name} and another", pair)
        if tested.column.kind == "decimal":
            sums = FetchShape(relation, measures=(Measure(Function.SUM, tested.cell),))
            yield Case("exact sum", f"of {name} over everything", sums, whole=True)
    yield Case("group", "without groups", FetchShape(relation, measures=measures), whole=True)
    if subject.can.boolean:
        nobody = FetchShape(relation, where=NOTHING, measures=measures)
        yield Case("group", "over no rows, without groups", nobody)
        grouped = FetchShape(relation, where=NOTHING, groups=(subject.key.cell,), measures=measures)
        yield Case("group", "over no rows", grouped)


def measures_of(subject: Subject) -> tuple[Measure, ...]:
    """The row count, and of every column the measures its kind has."""
    found = [Measure(Function.COUNT)]
    for tested in subject.compared():
        found.append(Measure(Function.COUNT, tested.cell))
        if tested.column.kind in ("int", "decimal"):
            found.append(Measure(Function.SUM, tested.cell))
        if tested.column.kind not in ("bool", "float"):
            found += [Measure(Function.MIN, tested.cell), Measure(Function.MAX, tested.cell)]
    return tuple(found)
