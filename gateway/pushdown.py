"""Filters into conditions a source applies, or into tests the gateway applies to decoded rows when the source cannot.

Both say exactly the same: two-valued, a hidden or unreadable cell is null, text by code point.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from gateway.allowed import AllTests, AnyTest, FieldTest, Filter, LinkTest, NoTest, RuleTest
from gateway.plan import Binding, Joined, KeysOf
from gateway.templates import FromPrincipal, Known, Leaf, Literal
from schema.catalog import Field, Record
from schema.codecs.codec import LEAST, MOST, Codec
from schema.fetch import (
    NOTHING,
    AllOf,
    Among,
    AnyOf,
    Cell,
    Column,
    Comparison,
    Complement,
    Condition,
    Fixed,
    NullCheck,
    Param,
)
from schema.predicates import TRUE, And, Attribute, Compare, Constant, IsNull, Not, Or, Predicate

RANGES = frozenset({"lt", "lte", "gt", "gte"})


def column_of(part: Field) -> Column:
    """The field's column as connectors compare it."""
    assert part.column is not None
    assert part.codec is not None
    codec = part.codec
    return Column(part.column, codec.kind or part.scalar.kind, codec.scale, codec.normaliser)


def plain_column(part: Field) -> Column:
    """The field's column as it is selected."""
    column = column_of(part)
    return Column(column.name, column.kind, column.scale)


def rule_filter(predicate: Predicate, record: Record) -> Filter:
    """A rule's condition in the form filters have."""
    match predicate:
        case Compare(field=name, op=op, value=value):
            leaf: Leaf = FromPrincipal(value.name) if isinstance(value, Attribute) else Known(value)
            return FieldTest(record.fields[name], op, leaf, TRUE)
        case IsNull(field=name):
            return FieldTest(record.fields[name], "isNull", Literal(True), TRUE)
        case And(parts=parts):
            return AllTests(tuple(rule_filter(part, record) for part in parts))
        case Or(parts=parts):
            return AnyTest(tuple(rule_filter(part, record) for part in parts))
        case Not(part=part):
            return NoTest(rule_filter(part, record))
        case Constant(value=value):
            return AllTests() if value else AnyTest()
    raise TypeError(f"{type(predicate).__name__} is not about rows")


def encode_keys(codec: Codec) -> Callable[[Any], tuple[Any, ...]]:
    """Decoded values -> every raw spelling, distinct; values the codec cannot spell have none."""
    if codec.name == "identity":
        return lambda values: tuple(dict.fromkeys(values))
    if codec.enumerable:
        spell = codec.spellings
        return lambda values: tuple(dict.fromkeys(raw for value in values for raw in spell(value) or ()))
    return lambda values: tuple(dict.fromkeys(value for value in values if codec.decode(value) == value))


def encode_range(codec: Codec, op: str) -> Callable[[Any], Any]:
    """A bound of an ordered codec; between two raws the nearer one that keeps the comparison's meaning."""
    if codec.kind == "int" and codec.factor not in (None, Decimal(1)):
        factor = codec.factor
        assert factor is not None
        rounding = math.ceil if op in ("lt", "gte") else math.floor
        return lambda value: max(LEAST, min(MOST, rounding(Decimal(value) / factor)))
    if codec.normaliser is not None:
        return _same

    def encode(value: Any) -> Any:
        spelled = codec.spellings(value)
        if spelled:
            return spelled[0]
        return value.isoformat() if codec.kind == "text" and isinstance(value, dt.date) else value

    return encode


def _same(value: Any) -> Any:
    return value


@dataclass(slots=True)
class Pushdown:
    """Builds the conditions of one step. ``link_keys`` plans the key-set step a filter through a link needs."""

    record: Record
    link_keys: Callable[[LinkTest], int]
    rows_first: set[int] = field(default_factory=set)
    """Identities of the link tests that wait for the rows they filter: these cannot be pushed."""
    params: list[Binding] = field(default_factory=list)
    waits_on: list[int] = field(default_factory=list)
    known: Callable[[Record], Filter] = lambda record: AllTests()
    """What holds of every row of a record that is read here."""
    collapsed: set[int] = field(default_factory=set)
    """Identities of the link tests that the source applies by itself, and of those inside them."""
    joined: list[Joined] = field(default_factory=list)
    """The collapsed tests in the conditions built so far."""

    def inside(self, test: LinkTest) -> Pushdown:
        """The conditions on a collapsed test's target, which stand in the same fetch."""
        return replace(self, record=test.target.record)

    def asked_inside(self, test: LinkTest) -> Filter:
        """Everything asked of a collapsed test's target."""
        return AllTests((self.known(test.target.record), test.where))

    def split(self, where: Filter) -> tuple[Condition, tuple[Filter, ...]]:
        """What the source applies, and what is left for the gateway: both together are the filter."""
        conditions: list[Condition] = []
        left: list[Filter] = []
        for part in conjuncts(where):
            if self.can_push(part):
                conditions.append(self.condition(part))
                continue
            left.append(part)
            covering = self._covering(part)
            if covering is not None:
                conditions.append(covering)
        return all_of(conditions), tuple(left)

    def can_push(self, test: Filter) -> bool:
        boolean = self.record.source.capabilities.boolean
        match test:
            case AllTests(parts=parts):
                return all(self.can_push(part) for part in parts)
            case AnyTest(parts=parts):
                return (boolean or not parts) and all(self.can_push(part) for part in parts)
            case NoTest(part=part):
                return boolean and self.can_push(part)
            case RuleTest(condition=predicate):
                return self.can_push(rule_filter(predicate, self.record))
            case FieldTest():
                return self._can_push_field(test)
            case LinkTest(local=local, condition=condition):
                if id(test) in self.collapsed:
                    return self._can_push_rule(condition)
                first = id(test) in self.rows_first
                return not first and self._can_push_in(local) and self._can_push_rule(condition)

    def _covering(self, test: Filter) -> Condition | None:
        """What lets the source leave out most of what fails a comparison, though it may read a value otherwise than we
        do: what it brings is tested again here."""
        if not isinstance(test, FieldTest) or test.condition != TRUE or test.op not in (*RANGES, "eq"):
            return None
        part, capabilities = test.field, self.record.source.capabilities
        if part.column is None or part.codec is None or not part.codec.ordered:
            return None
        wanted = ("gte", "lte") if test.op == "eq" else (test.op,)
        if not all(capabilities.takes(part.column, op) for op in wanted):
            return None
        if part.name != self.record.recorded:
            return all_of([self.condition(FieldTest(part, op, test.value, TRUE)) for op in wanted])
        if not (capabilities.boolean and capabilities.takes(part.column, "isNull")):
            return None
        dated = all_of([self.condition(FieldTest(part, op, test.value, TRUE)) for op in wanted])
        return AnyOf((dated, NullCheck(column_of(part))))  # rows without a recorded date are counted here

    def can_push_cell(self, condition: Predicate) -> bool:
        """Whether the source can blank a cell where the condition fails."""
        return condition == TRUE or (self.record.source.capabilities.conditional and self._can_push_rule(condition))

    def _can_push_rule(self, condition: Predicate) -> bool:
        return condition == TRUE or self.can_push(rule_filter(condition, self.record))

    def _can_push_in(self, part: Field) -> bool:
        capabilities = self.record.source.capabilities
        codec = part.codec
        if codec is None or part.column is None or not capabilities.takes(part.column, "in"):
            return False
        return codec.enumerable or codec.normaliser in capabilities.normalisers

    def _can_push_field(self, test: FieldTest) -> bool:
        part, codec = test.field, test.field.codec
        capabilities = self.record.source.capabilities
        if codec is None or part.column is None or not self._can_push_rule(test.condition):
            return False
        if test.condition != TRUE and test.op in ("ne", "notIn", "isNull") and not capabilities.boolean:
            return False
        if codec.normaliser is not None and codec.normaliser not in capabilities.normalisers and test.op != "isNull":
            return False
        if test.op in ("eq", "in"):
            return self._can_push_in(part)
        if test.op == "isNull":
            negated = test.value == Literal(False)
            return codec.total and capabilities.takes(part.column, "isNull") and (capabilities.boolean or not negated)
        if not codec.total or not capabilities.takes(part.column, test.op):
            return False
        if test.op in RANGES:
            return codec.ordered
        if test.op in ("ne", "notIn"):
            return codec.enumerable or codec.normaliser is not None
        if test.op in ("startsWith", "contains"):
            return codec.name in ("identity", "stripped") and part.scalar.kind == "text"
        return False

    def condition(self, test: Filter) -> Condition:
        match test:
            case AllTests(parts=parts):
                return all_of([self.condition(part) for part in parts])
            case AnyTest(parts=parts):
                return NOTHING if not parts else AnyOf(tuple(self.condition(part) for part in parts))
            case NoTest(part=part):
                return Complement(self.condition(part))
            case RuleTest(condition=predicate):
                return self.condition(rule_filter(predicate, self.record))
            case LinkTest(local=local, condition=condition):
                return self._under(condition, self._link_condition(test, local))
            case FieldTest():
                return self._field_condition(test)

    def cell_condition(self, condition: Predicate) -> Condition | None:
        return None if condition == TRUE else self.condition(rule_filter(condition, self.record))

    def cell(self, part: Field, condition: Predicate) -> Cell:
        """The cell as it is ordered, grouped or measured by."""
        return Cell(column_of(part), self.cell_condition(condition))

    def _under(self, condition: Predicate, inner: Condition) -> Condition:
        return inner if condition == TRUE else all_of([self.condition(rule_filter(condition, self.record)), inner])

    def _link_condition(self, test: LinkTest, local: Field) -> Condition:
        if id(test) in self.collapsed:
            target = test.target.record
            self.joined.append(Joined(target, coordinate(self.record, test)))
            where = self.inside(test).condition(self.asked_inside(test))
            return Among(column_of(local), target.relation, column_of(target.fields[test.link.remote]), where)
        step = self.link_keys(test)
        self.waits_on.append(step)
        assert local.codec is not None
        return Comparison(column_of(local), "in", self._param(Binding(KeysOf(step), encode_keys(local.codec))))

    def _field_condition(self, test: FieldTest) -> Condition:
        column = column_of(test.field)
        if test.op == "isNull":
            present = self._under(test.condition, Complement(NullCheck(column)))
            return present if test.value == Literal(False) else Complement(present)
        return self._under(test.condition, self._comparison(test, column))

    def _comparison(self, test: FieldTest, column: Column) -> Condition:
        codec = test.field.codec
        assert codec is not None
        op, parse = test.op, test.field.scalar.parse
        if op in RANGES:
            return Comparison(column, op, self._param(Binding(test.value, encode_range(codec, op), parse)))
        if op in ("startsWith", "contains"):
            return Comparison(column, op, self._param(Binding(test.value, _same, parse)))
        single = op in ("eq", "ne") and codec.name == "identity"
        if single and not isinstance(test.value, FromPrincipal):
            return Comparison(column, op, self._param(Binding(test.value, _same, parse)))
        many = {"eq": "in", "ne": "notIn"}.get(op, op)
        encode = encode_keys(codec)
        if op in ("eq", "ne"):
            return Comparison(column, many, self._param(Binding(test.value, _of_one(encode), parse)))
        return Comparison(column, many, self._param(Binding(test.value, encode, parse)))

    def _param(self, binding: Binding) -> Param:
        self.params.append(binding)
        return Param(len(self.params) - 1)


def coordinate(record: Record, test: LinkTest) -> str:
    """How a filter through a link is named in plans, e.g. ``School.visits``."""
    return f"{record.type_name}.{test.link.api_name}"


def _of_one(encode: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], tuple[Any, ...]]:
    return lambda value: encode(value if isinstance(value, tuple) else (value,))


def conjuncts(where: Filter) -> list[Filter]:
    if isinstance(where, AllTests):
        return [inner for part in where.parts for inner in conjuncts(part)]
    return [where]


def link_tests(where: Filter) -> list[LinkTest]:
    """The filters through links in a filter, not those inside their targets'."""
    match where:
        case AllTests(parts=parts) | AnyTest(parts=parts):
            return [found for part in parts for found in link_tests(part)]
        case NoTest(part=part):
            return link_tests(part)
        case LinkTest():
            return [where]
    return []


def all_of(conditions: list[Condition]) -> Condition:
    """All of them; one that nothing satisfies makes it nothing, which no source needs to be asked for."""
    if NOTHING in conditions:
        return NOTHING
    kept = [condition for condition in conditions if condition != Fixed(True)]
    return Fixed(True) if not kept else kept[0] if len(kept) == 1 else AllOf(tuple(kept))


def _equal(cell: Any, value: Any) -> bool:
    return bool(cell in value) if isinstance(value, tuple) else bool(cell == value)


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": _equal,
    "ne": lambda cell, value: not _equal(cell, value),
    "in": lambda cell, value: cell in value,
    "notIn": lambda cell, value: cell not in value,
    "lt": lambda cell, value: cell < value,
    "lte": lambda cell, value: cell <= value,
    "gt": lambda cell, value: cell > value,
    "gte": lambda cell, value: cell >= value,
    "startsWith": lambda cell, value: cell.startswith(value),
    "contains": lambda cell, value: value in cell,
    "ieq": lambda cell, value: cell.casefold() == value.casefold(),
    "icontains": lambda cell, value: value.casefold() in cell.casefold(),
}
