"""Rows without a recorded date: no moment knows them, so what is asked as it was known leaves them out, and says how
many."""

from __future__ import annotations

from typing import Any

from gateway.plan import DeriveStep, LookupStep, Plan, Undated
from gateway.table import Table


def among(undated: Undated, table: Table, params: tuple[Any, ...]) -> int:
    """How many of the rows read have no recorded date and pass everything else that is asked."""
    if undated.position < 0:
        return 0
    without = table.kept([cell is None for cell in table.columns[undated.position]])
    test = undated.test
    return without.size if test is None else test.judged_columns(without.columns, without.size, params).count(True)


def left_out(plan: Plan, counted: dict[int, int]) -> dict[str, int]:
    """By record, how many of its rows were left out: the most that one reading of it did, for two may read the same
    rows."""
    found: dict[str, int] = {}
    for number, rows in counted.items():
        step = plan.steps[number]
        assert not isinstance(step, (LookupStep, DeriveStep))
        name = step.reading.record.name
        found[name] = max(found.get(name, 0), rows)
    return found
