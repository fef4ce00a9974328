"""Walks over the conditions of a fetch."""

from __future__ import annotations

from collections.abc import Iterator

from schema.fetch import AllOf, Among, AnyOf, Comparison, Complement, Condition, FetchShape, Fixed, NullCheck
from schema.relations import Relation


def conjuncts(condition: Condition) -> list[Condition]:
    """The conditions that all have to hold."""
    if isinstance(condition, AllOf):
        return [inner for part in condition.parts for inner in conjuncts(part)]
    return [] if condition == Fixed(True) else [condition]


def columns_of(condition: Condition) -> frozenset[str]:
    """The columns of the fetch's own relation that the condition reads."""
    match condition:
        case AllOf(parts=parts) | AnyOf(parts=parts):
            return frozenset().union(*(columns_of(part) for part in parts))
        case Complement(part=part):
            return columns_of(part)
        case NullCheck(column=column) | Comparison(column=column) | Among(column=column):
            return frozenset({column.name})
    return frozenset()


def columns_asked(shape: FetchShape) -> frozenset[str]:
    """The columns of its relation that a fetch of the shape reads."""
    measured = (measure.cell for measure in shape.measures if measure.cell is not None)
    cells = (*shape.cells, *shape.groups, *measured, *(ordering.cell for ordering in shape.order))
    tests = (shape.where, *(cell.when for cell in cells if cell.when is not None))
    own = {cell.column.name for cell in cells} | ({shape.key.name} if shape.key is not None else set())
    return frozenset(own).union(*(columns_of(test) for test in tests))


def relations_of(condition: Condition) -> Iterator[Relation]:
    """The other relations that the condition reads."""
    match condition:
        case AllOf(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from relations_of(part)
        case Complement(part=part):
            yield from relations_of(part)
        case Among(relation=relation, where=where):
            yield relation
            yield from relations_of(where)
