"""Tests of a derived record's query as code generated over columns. Two-valued: a test of a null is false, and so is
one of a withheld cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from gateway.table import WITHHELD, Table
from schema.derive.cell_tests import CellRef, CellTest, Either, Lacking, Opposite, Test

OPERATORS = {"eq": "==", "ne": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


def passing(tests: Sequence[Test], names: Sequence[str], table: Table) -> list[bool]:
    """Of each row, whether it passes all the tests. ``names``: of the table's columns."""
    judge, read = _judge(tuple(tests), table.withheld)
    if not read:
        return [bool(one) for one in judge([()])] * table.size
    columns = [table.columns[names.index(name)] for name in read]
    return judge(columns[0] if len(columns) == 1 else zip(*columns, strict=True))


Judge = Callable[[Any], list[bool]]


@lru_cache(maxsize=1024)
def _judge(tests: tuple[Test, ...], withheld: bool) -> tuple[Judge, tuple[str, ...]]:
    """The code, and the cells it takes of each row: the cell itself where there is one."""
    code = _Code(withheld)
    written = " and ".join(code.test(test) for test in tests) or "True"
    cells = code.cells.values()
    each = ", ".join(cells) if cells else "_"
    scope = {**code.constants, "WITHHELD": WITHHELD}
    exec(f"def judge(rows):\n    return [{written} for {each} in rows]\n", scope)
    judge: Judge = scope["judge"]
    return judge, tuple(code.cells)


@dataclass(slots=True)
class _Code:
    withheld: bool
    cells: dict[str, str] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)

    def _cell(self, name: str) -> str:
        return self.cells.setdefault(name, f"c{len(self.cells)}")

    def _constant(self, value: Any) -> str:
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        return name

    def _there(self, cell: str) -> str:
        return f"{cell} is not None and {cell} is not WITHHELD" if self.withheld else f"{cell} is not None"

    def test(self, test: Test) -> str:
        match test:
            case CellTest(cell=name, op=op, value=CellRef(name=other)):
                one, two = self._cell(name), self._cell(other)
                return f"({self._there(one)} and {self._there(two)} and {one} {OPERATORS[op]} {two})"
            case CellTest(cell=name, op=op, value=value):
                one = self._cell(name)
                return f"({self._there(one)} and {one} {OPERATORS[op]} {self._constant(value)})"
            case Lacking(cell=name):
                return f"({self._cell(name)} is None)"
            case Either(tests=tests):
                return f"({' or '.join(map(self.test, tests))})" if tests else "False"
            case Opposite(test=inner):
                return f"(not {self.test(inner)})"
