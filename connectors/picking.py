"""Code generated once a shape that tests rows and picks their cells: what the reference connector says, at the speed
of a loop written by hand for that one shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from connectors.memory import BLANKS
from schema.fetch import (
    AllOf,
    Among,
    AnyOf,
    Column,
    Comparison,
    Complement,
    Condition,
    Fetch,
    FetchShape,
    Fixed,
    NullCheck,
)

Picker = Callable[[Iterable[Any], tuple[Any, ...], frozenset[Any]], list[tuple[Any, ...]]]
"""(rows, parameters with lists as sets, keys) -> the cells of the rows that pass."""
Access = Callable[[Column], str]
"""The expression that reads a column of row ``r``."""

OPERATORS = {
    "eq": "{0} == {1}", "ne": "{0} != {1}", "in": "{0} in {1}", "notIn": "{0} not in {1}", "lt": "{0} < {1}",
    "lte": "{0} <= {1}", "gt": "{0} > {1}", "gte": "{0} >= {1}", "startsWith": "{0}.startswith({1})",
    "contains": "{1} in {0}",
}  # fmt: skip


def make_picker(shape: FetchShape, access: Access, env: dict[str, Any]) -> Picker:
    """For a shape without order, limit and measures. ``env``: what the expressions of ``access`` use."""
    written = _Written(access)
    tests = [written.condition(shape.where)] if shape.where != Fixed(True) else []
    if shape.key is not None:
        key = written.compared(shape.key)
        tests.append(f"({key} is not None and {key} in keys)")
    cells = []
    for cell in shape.cells:
        shown = written.shown(cell.column)
        cells.append(shown if cell.when is None else f"({shown} if {written.condition(cell.when)} else None)")
    lines = ["def pick(rows, p, keys):", "    found = []", "    add = found.append", "    for r in rows:"]
    lines += [f"        {line}" for line in written.lines]
    if tests:
        lines.append(f"        if {' and '.join(tests)}:")
    lines.append(f"        {'    ' if tests else ''}add(({''.join(f'{cell}, ' for cell in cells)}))")
    lines.append("    return found")
    scope = {**env, "BLANKS": BLANKS}
    exec("\n".join(lines), scope)
    picker: Picker = scope["pick"]
    return picker


def bound(fetch: Fetch) -> tuple[tuple[Any, ...], frozenset[Any]]:
    """The fetch's parameters and keys as a picker takes them."""
    params = tuple(frozenset(value) if isinstance(value, (tuple, list)) else value for value in fetch.params)
    return params, frozenset(fetch.keys)


class _Written:
    """Each column is read once a row."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._names: dict[tuple[str, str, str | None], str] = {}
        self.lines: list[str] = []

    def shown(self, column: Column) -> str:
        return self._named(column, None, self._access(column))

    def compared(self, column: Column) -> str:
        shown = self.shown(column)
        if column.normaliser not in ("trim", "upper_trim"):
            return shown
        change = "" if column.normaliser == "trim" else ".upper()"
        text = f"{shown}.strip(BLANKS){change} if {shown}.__class__ is str else {shown}"
        return self._named(column, column.normaliser, text)

    def _named(self, column: Column, normaliser: str | None, text: str) -> str:
        key = (column.name, column.kind, normaliser)
        if key not in self._names:
            self._names[key] = f"c{len(self._names)}"
            self.lines.append(f"{self._names[key]} = {text}")
        return self._names[key]

    def condition(self, condition: Condition) -> str:
        match condition:
            case Fixed(value=always):
                return str(bool(always))
            case AllOf(parts=parts):
                return f"({' and '.join(map(self.condition, parts))})" if parts else "True"
            case AnyOf(parts=parts):
                return f"({' or '.join(map(self.condition, parts))})" if parts else "False"
            case Complement(part=part):
                return f"(not {self.condition(part)})"
            case NullCheck(column=column):
                return f"({self.shown(column)} is None)"
            case Comparison(column=column, op=op, param=param):
                value = self.compared(column)
                return f"({value} is not None and {OPERATORS[op].format(value, f'p[{int(param.index)}]')})"
            case Among():
                raise TypeError("a page or a file has no other relation to look into")
