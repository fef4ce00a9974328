"""Steps of a derived record's query as SQL for the engine: exactly what ``gateway.columnwise`` does. Values are never
written into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from gateway.encoding import Kind, encoded, kind_of, shared
from gateway.table import PastBound
from schema.derive.cell_tests import CellRef, CellTest, Either, Lacking, Opposite, Test
from schema.derive.measures import Measured
from schema.derive.nodes import Grouped, Joined
from schema.derive.shape import cells

OPERATORS = {"eq": "=", "ne": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


@dataclass(frozen=True, slots=True)
class EngineRows:
    """``sql``: a select with columns c0, c1 ... of these kinds."""

    sql: str
    kinds: tuple[Kind, ...]

    def taking(self, places: Sequence[int]) -> EngineRows:
        return selected([(f"c{at}", self.kinds[at]) for at in places], f"({self.sql})")


def selected(columns: Sequence[tuple[str, Kind]], rest: str) -> EngineRows:
    told = ", ".join(f"{written} AS c{at}" for at, (written, _) in enumerate(columns))
    return EngineRows(f"SELECT {told} FROM {rest}", tuple(kind for _, kind in columns))


def _as(written: str, kind: Kind, wanted: Kind) -> str:
    """The column as the wanted kind holds it."""
    if kind.name == "none":
        return f"CAST({written} AS {wanted.held})"
    more = wanted.scale - kind.scale
    return f"({written} * CAST('{10**more}' AS HUGEINT))" if more else written


def joined(node: Joined, left: EngineRows, right: EngineRows) -> EngineRows:
    pairs = [(cells(node.left).index(one), cells(node.right).index(other)) for one, other in node.on]
    keys = {one: (other, shared(left.kinds[one], right.kinds[other])) for one, other in pairs}
    equal = [
        f"{_as(f'l.c{one}', left.kinds[one], kind)} = {_as(f'r.c{other}', right.kinds[other], kind)}"
        for one, other in pairs
        for kind in (shared(left.kinds[one], right.kinds[other]),)
    ]
    on = " AND ".join(equal) or "TRUE"
    ours = [(f"l.c{at}", kind) for at, kind in enumerate(left.kinds)]
    if node.kind == "without":
        return selected(ours, f"({left.sql}) l WHERE NOT EXISTS (SELECT 1 FROM ({right.sql}) r WHERE {on})")
    if node.kind == "full":
        for one, (other, kind) in keys.items():
            here = _as(f"l.c{one}", left.kinds[one], kind)
            ours[one] = f"COALESCE({here}, {_as(f'r.c{other}', right.kinds[other], kind)})", kind
    taken = {other for _, other in pairs}
    more = [(f"r.c{at}", kind) for at, kind in enumerate(right.kinds) if at not in taken]
    how = {"inner": "JOIN", "left": "LEFT JOIN", "full": "FULL JOIN"}[node.kind]
    return selected([*ours, *more], f"({left.sql}) l {how} ({right.sql}) r ON {on}")


def union(parts: Sequence[EngineRows]) -> EngineRows:
    if not parts:
        raise PastBound
    kinds = tuple(reduce(shared, side) for side in zip(*(part.kinds for part in parts), strict=True))
    return EngineRows(" UNION ALL ".join(f"({_alike(part, kinds)})" for part in parts), kinds)


def _alike(part: EngineRows, kinds: tuple[Kind, ...]) -> str:
    sides = enumerate(zip(part.kinds, kinds, strict=True))
    return selected([(_as(f"c{at}", own, kind), kind) for at, (own, kind) in sides], f"({part.sql})").sql


def kept(tests: Sequence[Test], names: Sequence[str], of: EngineRows, values: dict[str, Any]) -> EngineRows:
    passing = " AND ".join(_test(test, names, of, values) for test in tests) or "TRUE"
    return replace(of, sql=f"SELECT * FROM ({of.sql}) WHERE {passing}")


def _test(test: Test, names: Sequence[str], of: EngineRows, values: dict[str, Any]) -> str:
    """Two-valued: of a null it is false."""
    match test:
        case CellTest(cell=name, op=op, value=value):
            at = names.index(name)
            one, (other, written) = of.kinds[at], _value(value, names, of, values)
            kind = one if one.name == other.name == "moment" else shared(one, other)
            if kind.name == "bool" and op not in ("eq", "ne"):
                raise PastBound
            compared = f"{_as(f'c{at}', one, kind)} {OPERATORS[op]} {_as(written, other, kind)}"
            return f"COALESCE({compared}, FALSE)"
        case Lacking(cell=name):
            return f"(c{names.index(name)} IS NULL)"
        case Either(tests=tests):
            return f"({' OR '.join(_test(one, names, of, values) for one in tests) or 'FALSE'})"
        case Opposite(test=inner):
            return f"(NOT {_test(inner, names, of, values)})"


def _value(value: Any, names: Sequence[str], of: EngineRows, values: dict[str, Any]) -> tuple[Kind, str]:
    if isinstance(value, CellRef):
        at = names.index(value.name)
        return of.kinds[at], f"c{at}"
    kind = kind_of([value])
    name = f"p{len(values)}"
    (values[name],) = encoded([value], kind)
    return kind, f"CAST(${name} AS {kind.held})"


def grouped(node: Grouped, of: EngineRows, values: dict[str, Any]) -> EngineRows:
    names = cells(node.of)
    by = [names.index(name) for name in node.by]
    columns = [(f"c{at}", of.kinds[at]) for at in by]
    columns += [_measured(measure, names, of, values) for _, measure in node.measures]
    keys = ", ".join(f"c{at}" for at in by)
    return selected(columns, f"({of.sql}) GROUP BY {keys}" if by else f"({of.sql})")


def _measured(measure: Measured, names: Sequence[str], of: EngineRows, values: dict[str, Any]) -> tuple[str, Kind]:
    only = "" if measure.only is None else f" FILTER (WHERE {_test(measure.only, names, of, values)})"
    whole = Kind("int")
    if measure.function == "count":
        return f"count(*){only}", whole
    at = names.index(measure.cell or "")
    cell, kind = f"c{at}", of.kinds[at]
    match measure.function:
        case "values":
            return f"count({cell}){only}", whole
        case "distinct":
            return f"count(DISTINCT {cell}){only}", whole
        case "sum" | "counted":
            if kind.name not in ("none", "int", "decimal"):
                raise PastBound
            total = f"sum(CAST({cell} AS HUGEINT)){only}"
            if measure.function == "sum":
                return total, kind
            return f"COALESCE({total}, 0)", whole if kind.name == "none" else kind
    return f"{measure.function}({cell}){only}", kind
