"""One run of a plan: what its steps are given, what they have brought so far, and what has to be told of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auth.principal import Principal
from gateway import grouping
from gateway.allowed import MissingPart, Path, cut
from gateway.columnwise import Evaluation
from gateway.cursors import Sealer
from gateway.engine import Engines
from gateway.fetching import Fetching, who
from gateway.lately import Lately
from gateway.plan import Binding, Keyed, KeySetStep, KeysOf, Reading
from gateway.prepared import Prepared
from gateway.results import Failed, Problem, Result, RowsResult
from gateway.table import Table
from gateway.templates import FromPrincipal, FromVariable, Known, Leaf, Literal, Worked
from schema.catalog import Field, Record
from schema.errors import Code
from schema.fetch import Connector
from schema.scalars import KARACHI

MOST_FIGURES = 400_000


@dataclass(frozen=True, slots=True)
class Reach:
    """What a run reaches out through."""

    connectors: Mapping[str, Connector]
    sealer: Sealer
    default_first: int = 100
    max_first: int = 1000
    batch: int | None = None
    """Most keys a fetch, where smaller than the source's own limit; tests use 1 and 2."""
    lately: Lately = field(default_factory=Lately)
    figures: Lately = field(default_factory=lambda: Lately(MOST_FIGURES))
    """Rows that may be told again: see ``gateway.plan.Keeping``."""
    intermediate_rows: int = 1_000_000
    """Most rows that a join of a derived record may make here; more are left to the engine."""
    engine: Engines | None = None


class Stop(Exception):
    """A step cannot give anything; the problem is already told."""

    def __init__(self, code: str) -> None:
        self.code = code


@dataclass(slots=True)
class Run:
    """``results`` by step."""

    prepared: Prepared
    variables: Mapping[str, Any]
    principal: Principal
    reach: Reach
    deadline: float
    results: dict[int, Result] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    sources: Fetching = field(init=False)
    turned: set[str] = field(default_factory=set)
    """Links whose keys turned out to be too many to come first: the plan has to be turned round."""
    missing: list[MissingPart] = field(default_factory=list)
    """Parts of derived records that could not be worked out."""
    began: dt.datetime = field(default_factory=lambda: dt.datetime.now(KARACHI))
    undated: dict[int, int] = field(default_factory=dict)
    """Rows left out by step, because no recorded date says since when they are known."""
    begun: dict[int, tuple[Evaluation, dict[int, Table]]] = field(default_factory=dict)
    """Derived records in parts of which some could be worked out already, with what they were given, by step."""
    _told: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.sources = Fetching(self.reach.connectors, self.deadline, self.reach.batch)

    @property
    def sealer(self) -> Sealer:
        return self.reach.sealer

    def tell(self, path: Path, code: str, message: str, record: Record | None = None, about: str = "") -> None:
        """Reports a problem once per coordinate."""
        coordinate = (code, about or "/".join(path))
        if coordinate not in self._told:
            self._told.add(coordinate)
            department = record.department.name if record else None
            self.problems.append(Problem(cut(path), code, message, department, record.owner if record else None))

    def fail(self, path: Path, code: str, message: str, record: Record | None = None) -> Stop:
        """What to raise where a step cannot go on, once its problem is told."""
        self.tell(path, code, message, record)
        return Stop(code)

    def tell_again(self, problems: tuple[Problem, ...]) -> None:
        """Problems of an earlier run whose rows are taken up."""
        self.problems += problems
        self._told |= {(problem.code, "/".join(problem.path)) for problem in problems}

    def unreadable(self, path: Path, part: Field, reading: Reading) -> None:
        """Tells of a cell that cannot be read."""
        if reading.quiet:
            return
        record = reading.record
        self.tell(
            path, Code.SOURCE_UNAVAILABLE,
            f"{record.type_name}.{part.api_name}: a value of {record.source_name}.{part.column} cannot be read",
            record, f"{record.name}.{part.name}",
        )  # fmt: skip

    def brought(self, step: int) -> RowsResult | Table | grouping.Groups:
        """The rows or groups of a step. Raises Stop when it failed."""
        found = self.results[step]
        if isinstance(found, Failed):
            raise Stop(found.code)
        assert isinstance(found, (RowsResult, Table, grouping.Groups)), "a step that brings no rows"
        return found

    def read(self, leaf: Leaf, parse: Any = None) -> Any:
        """The decoded value of a leaf."""
        match leaf:
            case FromVariable():
                return leaf.read(self.variables)
            case Literal(value=value):
                if parse is None or value is None:
                    return value
                return tuple(parse(item) for item in value) if isinstance(value, list) else parse(value)
            case FromPrincipal(attribute=name):
                return self.principal.attribute(name)
            case Known(value=value):
                return value
            case Worked(leaf=inner, function=function, parse=read):
                return function(self.read(inner, read))

    def params(self, bindings: tuple[Binding, ...], path: Path) -> tuple[Any, ...]:
        """The parameters' raw values. Raises Stop."""
        return tuple([self._param(binding, path) for binding in bindings])

    def _param(self, binding: Binding, path: Path) -> Any:
        leaf = binding.leaf
        if isinstance(leaf, KeysOf):
            keys = self.results[leaf.step]
            if isinstance(keys, Failed):
                raise Stop(keys.code)
            return binding.encode(keys)
        value = self.read(leaf, binding.parse)
        if isinstance(value, (list, tuple)):
            if any(item is None for item in value):
                raise self.fail(path, Code.BAD_INPUT, "a list of values holds null; null equals nothing, use isNull")
            value = tuple(value)
        return binding.encode(value)

    def pushed(self, reading: Reading, path: Path) -> tuple[Any, ...]:
        """The values of the conditions its source applies. Keys that turn out to be more than the source takes turn
        the plan round; where that was tried already, they are refused."""
        limits = reading.record.source.limits
        for binding in reading.params:
            keys = self.results.get(binding.leaf.step) if isinstance(binding.leaf, KeysOf) else None
            if isinstance(keys, frozenset) and len(keys) > limits.max_filter_keys:
                step = self.prepared.plan.steps[binding.leaf.step]  # type: ignore[union-attr]
                assert isinstance(step, KeySetStep)
                if step.into not in self.prepared.plan.turned:
                    self.turned.add(step.into)
                    raise Stop(Code.BUDGET_EXCEEDED)
                raise self.fail(
                    path, Code.BUDGET_EXCEEDED,
                    f"{who(reading.record)}: a filter through {step.into} may bring {limits.max_filter_keys} keys to "
                    f"{reading.record.source.name}; narrow it", reading.record,
                )  # fmt: skip
        return self.params(reading.params, path)

    def keys(self, keyed: Keyed | None) -> list[Any] | None:
        """The distinct decoded values to ask for; None where rows are not asked for by key."""
        if keyed is None:
            return None
        if keyed.parent is None:
            assert keyed.value is not None
            value = self.read(keyed.value, keyed.parse)
            return [] if value is None else [value]
        above, position = self.brought(keyed.parent), keyed.position
        if isinstance(above, grouping.Groups):
            distinct = dict.fromkeys([key[position] for key in above.keys])
        else:
            table = above if isinstance(above, Table) else above.table
            distinct = dict.fromkeys(table.columns[position])
        distinct.pop(None, None)
        return list(distinct)
