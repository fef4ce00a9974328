"""About how many rows pass a filter, from declared sizes alone: never from a principal's request, so that a plan tells
nothing about the rows behind it. Rough on purpose; estimates choose between plans, never answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

from gateway.allowed import AllTests, AnyTest, FieldTest, Filter, LinkTest, NoTest, RuleTest
from gateway.templates import Leaf, Literal, Worked
from schema.catalog import Field, Record
from schema.predicates import And, Compare, Constant, IsNull, Not, Or, Predicate

VALUES = 10.0
"""Distinct values of a field of which nothing is known."""
LISTED = 5
"""Values in a list that only the request knows."""
RANGE = 0.3
TEXT = 0.1
ABSENT = 0.1


@dataclass(frozen=True, slots=True)
class Estimates:
    """``sizes``: rows by record name, as declared or as counted on a schedule."""

    sizes: Mapping[str, int]

    @classmethod
    def declared(cls, records: Iterable[Record]) -> Estimates:
        return cls({record.name: record.size for record in records})

    def size(self, record: Record) -> float:
        return float(max(1, self.sizes.get(record.name, record.size)))

    def rows(self, record: Record, where: Filter) -> float:
        """Rows of ``record`` that pass ``where``."""
        return self.size(record) * self.share(record, where)

    def share(self, record: Record, where: Filter) -> float:
        """The share of the record's rows that pass, 0 to 1."""
        match where:
            case AllTests(parts=parts):
                return prod(self.share(record, part) for part in parts)
            case AnyTest(parts=parts):
                return min(1.0, sum(self.share(record, part) for part in parts))
            case NoTest(part=part):
                return 1.0 - self.share(record, part)
            case RuleTest(condition=condition):
                return self._rule(record, condition)
            case LinkTest():
                return self.matched(where)
            case FieldTest(op="isNull", value=Literal(value=False)):
                return 1.0 - ABSENT
            case FieldTest(field=part, op=op, value=value):
                return self._compared(record, part, op, _listed(value))

    def matched(self, test: LinkTest) -> float:
        """The share of rows that some row of the link's target is joined to."""
        target = test.target.record
        passing = self.rows(target, test.where)
        return min(1.0, passing / self.distinct(target, target.fields[test.link.remote]))

    def keys(self, test: LinkTest) -> float:
        """Distinct values that a filter through the link would have to know of its target."""
        target = test.target.record
        return min(self.rows(target, test.where), self.distinct(target, target.fields[test.link.remote]))

    def distinct(self, record: Record, part: Field) -> float:
        """About how many values the field has: as many as rows for the key, as its target has for a link's field."""
        size = self.size(record)
        if part.name == record.key:
            return size
        if part.distinct is not None:
            return max(1.0, min(size, float(part.distinct)))
        targets = [self.sizes.get(link.target, 0) for link in record.links.values() if link.local == part.name]
        if targets:
            return max(1.0, min(size, float(max(targets))))
        if part.scalar.name == "Boolean":
            return 2.0
        return size if part.scalar.name == "NationalId" else VALUES

    def _compared(self, record: Record, part: Field, op: str, listed: int) -> float:
        one = 1.0 / self.distinct(record, part)
        match op:
            case "eq" | "ieq":
                return one
            case "in":
                return min(1.0, one * listed)
            case "ne":
                return 1.0 - one
            case "notIn":
                return max(0.0, 1.0 - one * listed)
            case "lt" | "lte" | "gt" | "gte":
                return RANGE
            case "isNull":
                return ABSENT
        return TEXT

    def _rule(self, record: Record, condition: Predicate) -> float:
        match condition:
            case Constant(value=value):
                return 1.0 if value else 0.0
            case Compare(field=name, op=op, value=value):
                return self._compared(record, record.fields[name], op, len(value) if isinstance(value, tuple) else 1)
            case IsNull():
                return ABSENT
            case And(parts=parts):
                return prod(self._rule(record, part) for part in parts)
            case Or(parts=parts):
                return min(1.0, sum(self._rule(record, part) for part in parts))
            case Not(part=part):
                return 1.0 - self._rule(record, part)
        return 1.0


def _listed(value: Leaf) -> int:
    """About how many values a list has."""
    match value:
        case Literal(value=list() as values):
            return len(values)
        case Worked(listed=int() as listed):
            return listed
    return LISTED
