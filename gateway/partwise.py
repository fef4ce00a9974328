"""Records in parts: which parts a filter asks for, told from what each part says of all its rows, before anything is
planned; and which are missing. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.allowed import FieldTest, MissingPart, Path, Settled
from gateway.pushdown import COMPARE
from gateway.templates import FromVariable, Leaf, Literal, Worked
from schema.catalog import Record
from schema.derive import nodes
from schema.derive.expressions import Expression
from schema.derive.nodes import Node
from schema.derive.shape import rebuilt
from schema.recent import Recent

UNKNOWN = object()
"""A value only the request's principal or rows would tell."""


@dataclass(frozen=True, slots=True)
class Settling:
    """What stands in the plan cache for operations whose plans depend on values of these tests: only on which of the
    declared constants pass."""

    tests: tuple[FieldTest, ...]
    constants: tuple[frozenset[Any], ...]

    def outcome(self, variables: Mapping[str, Any]) -> tuple[frozenset[Any], ...]:
        return tuple(
            passing(test, constants, variables) for test, constants in zip(self.tests, self.constants, strict=True)
        )


def settled_key(plans: Recent[Hashable, Any], base: Hashable, variables: Mapping[str, Any]) -> Hashable:
    """Where the plan of an operation stands: under ``base``, or beside what settles it."""
    settling = plans.get(base)
    return (base, settling.outcome(variables)) if isinstance(settling, Settling) else base


def keep_plan(
    plans: Recent[Hashable, Any], base: Hashable, variables: Mapping[str, Any], settled: tuple[Settled, ...], plan: Any
) -> None:
    """Keeps a plan that is good for values that settle the same parts, and for no others."""
    if settled:
        plans[base] = Settling(tuple(one.test for one in settled), tuple(one.constants for one in settled))
    plans[settled_key(plans, base, variables)] = plan


def settle(parts: nodes.Parts, tests: Iterable[FieldTest], variables: Mapping[str, Any]) -> list[Settled]:
    """The tests of cells that are the same in all rows of each part."""
    found = []
    for test in tests:
        values = [_fixed(part, test.field.column or "") for _, part in parts.parts]
        if UNKNOWN not in values and now(test.value, test.field.scalar.parse, variables) is not UNKNOWN:
            constants = frozenset(values)
            found.append(Settled(test, constants, passing(test, constants, variables)))
    return found


def passing(test: FieldTest, constants: frozenset[Any], variables: Mapping[str, Any]) -> frozenset[Any]:
    """Those of the constants that pass; all where the test itself cannot be made: then running it says why."""
    value = now(test.value, test.field.scalar.parse, variables)
    if test.op == "isNull":
        return frozenset(one for one in constants if (one is None) is value)
    value = tuple(value) if isinstance(value, list) else value
    try:
        return frozenset(one for one in constants if one is not None and COMPARE[test.op](one, value))
    except (TypeError, AttributeError):
        return constants


def asked(parts: nodes.Parts, tests: Iterable[FieldTest], settled: Iterable[Settled]) -> frozenset[str]:
    """The names of the parts that some row of which could pass the tests."""
    wanted = list(tests)
    found = []
    known = [one for one in settled if one.test in wanted]
    for name, part in parts.parts:
        if all(_fixed(part, one.test.field.column or "") in one.passing for one in known):
            found.append(name)
    return frozenset(found)


def now(leaf: Leaf, parse: Any, variables: Mapping[str, Any]) -> Any:
    """The leaf's value as far as the request itself holds it."""
    match leaf:
        case Literal(value=value):
            if isinstance(value, list):
                return tuple(None if item is None else parse(item) for item in value)
            return value if value is None or isinstance(value, bool) else parse(value)
        case FromVariable():
            return leaf.read(variables)
        case Worked(leaf=inner, function=function, parse=read):
            value = now(inner, read, variables)
            return value if value is UNKNOWN else function(value)
    return UNKNOWN


def missing(record: Record, path: Path, name: str, of: Record, code: str, why: str) -> MissingPart:
    """``of``: the record whose rows the part lacks."""
    return MissingPart(path, record.type_name, name, code, why, of.department.name, of.owner)


def without(node: Node, names: frozenset[str]) -> Node:
    """The query without these parts."""
    if isinstance(node, nodes.Parts):
        return nodes.Parts(node.cells, tuple((name, part) for name, part in node.parts if name not in names))
    return rebuilt(node, lambda below: without(below, names))


def _fixed(node: Node, name: str) -> Any:
    """The value the cell has in every row; UNKNOWN where it differs."""
    while True:
        match node:
            case nodes.Computed(of=of, cells=added):
                own = dict(added)
                if name in own:
                    found = own[name]
                    return found.options[0] if found == Expression("fixed", (), found.options) else UNKNOWN
                node = of
            case nodes.Kept(of=of) | nodes.Ranked(of=of) | nodes.Compared(of=of):
                node = of
            case _:
                return UNKNOWN
