"""Tests that the gateway itself does over decoded rows, as code generated once a plan: what a source cannot apply, or
applies more loosely than we do. They say exactly what a pushed condition says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.allowed import AllTests, AnyTest, FieldTest, Filter, LinkTest, NoTest, RuleTest
from gateway.plan import Binding, KeysOf
from gateway.pushdown import COMPARE, rule_filter
from gateway.templates import FromVariable, Literal, Worked
from schema.catalog import Field, Record
from schema.predicates import TRUE, Predicate

WRITTEN = {
    "eq": "{0} == {1}", "ne": "{0} != {1}", "in": "{0} in {1}", "notIn": "{0} not in {1}", "lt": "{0} < {1}",
    "lte": "{0} <= {1}", "gt": "{0} > {1}", "gte": "{0} >= {1}", "startsWith": "{0}.startswith({1})",
    "contains": "{1} in {0}",
}  # fmt: skip
ONE_VALUE = (FromVariable, Literal, Worked)
"""Leaves whose value is never a list where one value is compared."""
CELL = re.compile(r"\bc(\d+)\b")


@dataclass(frozen=True, slots=True, eq=False)
class LocalTest:
    """``written``: an expression over the row's cells ``c0``, ``c1`` ... and the parameters ``p``; ``scope``: what else
    it names."""

    written: str
    scope: dict[str, Any]
    _made: dict[str, Callable[..., Any]] = field(default_factory=dict)

    def kept(self, rows: list[Any], params: tuple[Any, ...]) -> list[Any]:
        """The rows that pass."""
        made = self._made.get("kept") or self._make("kept", f"[r for r in rows if {self._of_row}]")
        kept: list[Any] = made(rows, params)
        return kept

    def judged(self, rows: Iterable[Any], params: tuple[Any, ...]) -> list[bool]:
        """Of each row, whether it passes."""
        made = self._made.get("judged") or self._make("judged", f"[{self._of_row} for r in rows]")
        judged: list[bool] = made(rows, params)
        return judged

    def judged_columns(self, columns: Sequence[Sequence[Any]], size: int, params: tuple[Any, ...]) -> list[bool]:
        """The same of ``size`` rows that are held a column at a time."""
        read = sorted({int(at) for at in CELL.findall(self.written)})
        cells = "".join(f"c{at}, " for at in read) or "_"
        made = self._made.get("columns") or self._make("columns", f"[{self.written} for {cells} in rows]")
        rows = zip(*(columns[at] for at in read), strict=True) if read else [()] * size
        judged: list[bool] = made(rows, params)
        return judged

    @property
    def _of_row(self) -> str:
        return CELL.sub(r"r[\1]", self.written)

    def _make(self, name: str, written: str) -> Callable[..., Any]:
        made: Callable[..., Any] = eval(f"lambda rows, p: {written}", self.scope)
        self._made[name] = made
        return made


@dataclass(slots=True)
class Local:
    """Builds the tests of one step. ``position`` gives a field's place in the row."""

    record: Record
    position: Callable[[Field], int]
    link_keys: Callable[[LinkTest], int]
    params: list[Binding] = field(default_factory=list)
    waits_on: list[int] = field(default_factory=list)
    _scope: dict[str, Any] = field(default_factory=dict)

    def test(self, parts: tuple[Filter, ...]) -> LocalTest | None:
        """One test for all the parts; None when there are none."""
        return None if not parts else LocalTest(self._test(AllTests(parts)), self._scope)

    def blanking(self, condition: Predicate) -> LocalTest:
        return LocalTest(self._test(rule_filter(condition, self.record)), self._scope)

    def _test(self, test: Filter) -> str:
        match test:
            case AllTests(parts=parts):
                return f"({' and '.join(map(self._test, parts))})" if parts else "True"
            case AnyTest(parts=parts):
                return f"({' or '.join(map(self._test, parts))})" if parts else "False"
            case NoTest(part=part):
                return f"(not {self._test(part)})"
            case RuleTest(condition=predicate):
                return self._test(rule_filter(predicate, self.record))
            case LinkTest(local=local, condition=condition):
                step = self.link_keys(test)
                self.waits_on.append(step)
                cell, keys = f"c{self.position(local)}", self._param(Binding(KeysOf(step), frozenset))
                return self._under(condition, f"({cell} is not None and {cell} in {keys})")
            case FieldTest():
                return self._field_test(test)

    def _under(self, condition: Predicate, inner: str) -> str:
        return inner if condition == TRUE else f"({self._test(rule_filter(condition, self.record))} and {inner})"

    def _field_test(self, test: FieldTest) -> str:
        cell = f"c{self.position(test.field)}"
        if test.op == "isNull":
            present = self._under(test.condition, f"({cell} is not None)")
            return present if test.value == Literal(False) else f"(not {present})"
        encode = frozenset if test.op in ("in", "notIn") else _same
        value = self._param(Binding(test.value, encode, test.field.scalar.parse))
        return self._under(test.condition, f"({cell} is not None and {self._compared(test, cell, value)})")

    def _compared(self, test: FieldTest, cell: str, value: str) -> str:
        if test.op in WRITTEN and (test.op not in ("eq", "ne") or isinstance(test.value, ONE_VALUE)):
            return WRITTEN[test.op].format(cell, value)
        name = f"compare_{test.op}"
        self._scope[name] = COMPARE[test.op]
        return f"{name}({cell}, {value})"

    def _param(self, binding: Binding) -> str:
        self.params.append(binding)
        return f"p[{len(self.params) - 1}]"


def _same(value: Any) -> Any:
    return value
