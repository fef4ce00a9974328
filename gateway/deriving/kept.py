"""How long the rows of a derived record may be told again, and what they depend on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Any

from auth.decisions import QueryAccess, RecordAccess
from gateway.allowed import FieldTest
from gateway.deriving.promise import Promise
from gateway.narrowing import narrowed
from gateway.plan import Keeping
from gateway.templates import Leaf
from schema.derive.nodes import Parts
from schema.derive.shape import leaves, parts_of
from schema.scalars import DATETIME


def keeping_of(
    promise: Promise, query: QueryAccess, tests: list[FieldTest], chosen: frozenset[str]
) -> Keeping | None:
    """As long as the most careful of the sources they come from says. They depend on those tests only that reach a
    record beneath, or choose parts. Only of a record in parts: it is worked out whole, so that nothing of who asks goes
    into it but what its rights are."""
    whole = parts_of(promise.derivation.query)
    if whole is None or promise.keys is not None:
        return None
    for_s = min([inf, *_each_kept_s(whole, query, chosen)])
    if not 0 < for_s < inf:
        return None
    reaching = [test for test in tests if narrowed(promise.derivation.query, [test], query.leaves)]
    tested = tuple((test.field.name, test.op) for test in reaching)
    told = promise.record.name, chosen, tested, promise.moment is None
    values: list[tuple[Leaf, Callable[[Any], Any] | None]] = [
        (test.value, test.field.scalar.parse) for test in reaching
    ]
    if promise.moment is not None:
        values.append((promise.moment, DATETIME.parse))
    return Keeping(for_s, told, tuple(values))


def _each_kept_s(whole: Parts, query: QueryAccess, chosen: frozenset[str]) -> Iterator[float]:
    """Of each leaf of the chosen parts, and of what its cells' links lead to."""
    number = 0
    for name, part in whole.parts:
        for _ in leaves(part):
            if name in chosen:
                leaf = query.leaves[number]
                yield _kept_s(leaf.access)
                for cell in leaf.cells.values():
                    yield from (target.record.source.kept_s for _, _, target in cell.hops)
            number += 1


def _kept_s(access: RecordAccess) -> float:
    """Of a derived record, what those say that it is worked out from."""
    if access.query is None:
        return access.record.source.kept_s
    return min([inf, *(_kept_s(leaf.access) for leaf in access.query.leaves)])
