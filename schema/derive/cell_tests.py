"""Tests of a row's cells, two-valued: null passes none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class CellRef:
    name: str


@dataclass(frozen=True, slots=True)
class CellTest:
    """``op``: eq ne lt lte gt gte. Null passes none."""

    cell: str
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class Lacking:
    """The cell is null."""

    cell: str


@dataclass(frozen=True, slots=True)
class Either:
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Opposite:
    test: Test


Test: TypeAlias = CellTest | Lacking | Either | Opposite


class _Cell:
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def _test(self, op: str, value: Any) -> CellTest:
        if value is None:
            raise TypeError(f"cell.{self._name} is compared with None; use lacks({self._name!r})")
        return CellTest(self._name, op, told(value))

    def __eq__(self, other: object) -> CellTest:  # type: ignore[override]
        return self._test("eq", other)

    def __ne__(self, other: object) -> CellTest:  # type: ignore[override]
        return self._test("ne", other)

    def __lt__(self, other: object) -> CellTest:
        return self._test("lt", other)

    def __le__(self, other: object) -> CellTest:
        return self._test("lte", other)

    def __gt__(self, other: object) -> CellTest:
        return self._test("gt", other)

    def __ge__(self, other: object) -> CellTest:
        return self._test("gte", other)

    __hash__ = object.__hash__


class _Cells:
    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        return _Cell(name)


cell: Any = _Cells()
"""``cell.<name>`` in a test: ``cell.seen > 0``, ``cell.paid != cell.settled``."""


def told(value: Any) -> Any:
    """``cell.<name>`` as data; any other value as it is."""
    return CellRef(value._name) if isinstance(value, _Cell) else value


def lacks(name: str) -> Test:
    return Lacking(name)


def has(name: str) -> Test:
    return Opposite(Lacking(name))


def either(*tests: Test) -> Test:
    return Either(tests)


def opposite(test: Test) -> Test:
    return Opposite(test)


def both(*tests: Test) -> Test:
    """All of them."""
    return Opposite(Either(tuple(Opposite(test) for test in tests)))


def cells_of(test: Test) -> tuple[str, ...]:
    """The cells a test reads."""
    match test:
        case CellTest(cell=name, value=value):
            return (name, value.name) if isinstance(value, CellRef) else (name,)
        case Lacking(cell=name):
            return (name,)
        case Either(tests=tests):
            return tuple(name for inner in tests for name in cells_of(inner))
        case Opposite(test=inner):
            return cells_of(inner)
