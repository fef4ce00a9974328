"""What an answer may cost at most: how many values it can hold, from the sizes of its pages and the declared sizes of
records, before anything is asked. Looks at no row; see Note [cost].

Note [cost]. A list holds its page (``first``, ``last`` or the default) for each parent, so pages of nested lists
multiply. No list of distinct parents can hold more rows than its record has: sizes are declared with the record. A
parent that may be met several times (below a to-one link, or linked by something else than its key) lifts that bound.
How many groups a total has cannot be known: it counts as a page of the default size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.allowed import (
    AggregatePart,
    Allowed,
    ConnectionPart,
    ConnectionRoot,
    EdgesPart,
    GroupValuePart,
    KeyPart,
    KeyRoot,
    ManyPart,
    MeasuresPart,
    NodesPart,
    ObjectPart,
    OnePart,
    PageInfoPart,
    Part,
    Window,
)
from gateway.templates import FromVariable, Leaf, Literal
from schema.catalog import Record


@dataclass(frozen=True, slots=True)
class Level:
    """Rows of one selection: a page for each row of level ``above`` (-1: of the operation), at most ``most`` of them;
    ``bound`` holds for all parents together, None where rows may repeat. ``window`` None: ``most`` rows a parent.
    ``values``: how many each row shows."""

    above: int
    window: Window | None
    most: int
    bound: int | None
    values: int


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of every run of a plan; what pages are asked for is looked up in the variables."""

    levels: tuple[Level, ...]

    @property
    def varies(self) -> bool:
        """Whether a page size comes from a variable: else every run costs the same."""
        windows = [level.window for level in self.levels if level.window is not None]
        return any(isinstance(leaf, FromVariable) for window in windows for leaf in (window.first, window.last))

    def of(self, variables: Mapping[str, Any], default_first: int, max_first: int) -> int:
        """Most values the answer can hold. Sizes out of bounds count as the nearest in bounds: they are refused
        later."""
        rows: list[int] = []
        total = 0
        for level in self.levels:
            page = level.most
            if level.window is not None:
                page = min(page, max(0, min(_size(level.window, variables, default_first), max_first)))
            found = page if level.above < 0 else rows[level.above] * page
            if level.bound is not None:
                found = min(found, level.bound)
            rows.append(found)
            total += found * level.values
        return total


def cost_of(allowed: Allowed) -> Cost:
    """The cost of an authorized operation, worked out once a plan."""
    levels = _Levels()
    for root in allowed.roots:
        match root:
            case KeyRoot(object=part):
                levels.object(part, _Above(-1, True), None, 1)
            case ConnectionRoot(connection=connection):
                levels.connection(connection, _Above(-1, True))
    return Cost(tuple(levels.found))


def _size(window: Window, variables: Mapping[str, Any], default_first: int) -> int:
    leaf = window.last if window.last is not None else window.first
    size = None if leaf is None else _now(leaf, variables)
    return size if isinstance(size, int) else default_first


def _now(leaf: Leaf, variables: Mapping[str, Any]) -> Any:
    match leaf:
        case Literal(value=value):
            return value
        case FromVariable():
            return leaf.read(variables)
    return None


@dataclass(frozen=True, slots=True)
class _Above:
    """``distinct``: no two rows of this level are the same row of the record."""

    level: int
    distinct: bool


@dataclass(slots=True)
class _Levels:
    found: list[Level] = field(default_factory=list)

    def _level(self, above: _Above, window: Window | None, most: int, bound: int | None, values: int) -> int:
        self.found.append(Level(above.level, window, most, bound, values))
        return len(self.found) - 1

    def object(self, part: ObjectPart, above: _Above, window: Window | None, most: int) -> None:
        record = part.access.record
        level = self._level(above, window, most, record.size if above.distinct else None, len(part.parts))
        self._parts(part.parts, _Above(level, above.distinct), record.key)

    def _parts(self, parts: tuple[Part | GroupValuePart, ...], here: _Above, key: str) -> None:
        for part in parts:
            match part:
                case OnePart():
                    self.object(part.part, _Above(here.level, False), None, 1)
                case ManyPart(connection=connection, local=local):
                    self.connection(connection, _Above(here.level, here.distinct and local.name == key))

    def connection(self, part: ConnectionPart, above: _Above) -> None:
        size = part.record.size
        beside = 0
        for inner in part.parts:
            match inner:
                case NodesPart(object=nodes):
                    self.object(nodes, above, part.window, size)
                case EdgesPart(fields=fields):
                    self._level(above, part.window, size, size if above.distinct else None, len(fields))
                    for _, what in fields:
                        if isinstance(what, ObjectPart):
                            self.object(what, above, part.window, size)
                case AggregatePart():
                    self._aggregate(inner, part.record, above)
                case PageInfoPart(fields=asked):
                    beside += len(asked)
                case _:
                    beside += 1
        self._level(above, None, 1, None, beside)

    def _aggregate(self, part: AggregatePart, record: Record, above: _Above) -> None:
        bound = record.size if part.groups and above.distinct else None
        window = Window() if part.groups else None
        values = sum(len(inner.fields) if isinstance(inner, MeasuresPart) else 1 for inner in part.parts)
        keys = [inner for inner in part.parts if isinstance(inner, KeyPart)]
        values += sum(len(key.parts) for key in keys)
        level = self._level(above, window, record.size if part.groups else 1, bound, values)
        for key in keys:
            self._parts(key.parts, _Above(level, False), record.key)
