"""A query in parts is worked out as its inputs come, and the same as when all of them are there."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from gateway.columnwise import begun, evaluate
from gateway.table import PastBound, Table
from schema.derive.measures import Measured
from schema.derive.nodes import Given, Grouped, Joined, Node, Parts

SCHOOLS, VISITS, PUPILS = Given(0, ("school", "district")), Given(1, ("school", "open")), Given(2, ("school", "pupils"))
TABLES = {
    0: Table.of([("s1", "KEC"), ("s2", "KEC"), ("s3", "NOS")], 2),
    1: Table.of([("s1", True), ("s1", False), ("s3", True)], 2),
    2: Table.of([("s1", 10), ("s2", 20), ("s4", 40)], 2),
}
COUNT = (("figure", Measured("count")),)
VISITED = Joined(SCHOOLS, VISITS, (("school", "school"),), "inner")


def parts() -> Parts:
    """Three of them: two share what they read and what it is joined to."""
    return Parts(
        ("district", "figure"),
        (
            ("visits", Grouped(VISITED, ("district",), COUNT)),
            ("open", Grouped(VISITED, ("district",), (("figure", Measured("values", "open")),))),
            (
                "pupils",
                Grouped(
                    Joined(PUPILS, SCHOOLS, (("school", "school"),), "inner"), ("district",),
                    (("figure", Measured("sum", "pupils")),),
                ),
            ),
        ),
    )  # fmt: skip


def needed(node: Node) -> set[int]:
    match node:
        case Given(step=step):
            return {step}
        case Joined(left=left, right=right):
            return needed(left) | needed(right)
        case Grouped(of=of):
            return needed(of)
    raise AssertionError(node)


@pytest.mark.parametrize("order", list(permutations(TABLES)))
def test_parts_worked_out_as_their_inputs_come_are_those_worked_out_at_once(order: tuple[int, ...]) -> None:
    whole = parts()
    come: dict[int, Table] = {}
    evaluation = begun(whole, come)
    for number in order:
        come[number] = TABLES[number]
        for _, part in whole.parts:
            if needed(part) <= come.keys():
                evaluation.work_ahead(part)
    found = evaluation.table(whole)
    assert told(found) == told(evaluate(parts(), TABLES))
    assert told(found) == [("KEC", 2), ("KEC", 2), ("KEC", 30), ("NOS", 1), ("NOS", 1)]


def test_one_part_that_makes_too_many_rows_spoils_no_other() -> None:
    whole = parts()
    evaluation = begun(whole, TABLES, 2)
    outcome = []
    for _, part in whole.parts:
        try:
            evaluation.work_ahead(part)
            outcome.append(True)
        except PastBound:
            outcome.append(False)
    assert outcome == [False, False, True]
    with pytest.raises(PastBound):
        evaluation.table(whole)
    left = Parts(whole.cells, whole.parts[2:])
    assert told(evaluation.table(left)) == [("KEC", 30)]


def told(table: Table) -> list[Any]:
    return sorted(table.rows())
