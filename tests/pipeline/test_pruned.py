"""Of a derived record only the cells asked for are read and worked out; they are what they are among all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import combinations
from typing import Any

import pytest

from gateway.columnwise import evaluate
from gateway.plan import DeriveStep, ScanStep
from gateway.table import Table
from schema.derive.nodes import Given, Node, RowsOf
from schema.derive.shape import cells, leaves
from schema.pruned import pruned
from tests.houses import AUDITOR, Desk
from tests.pipeline import steps
from tests.pipeline.test_decode import prepared
from tests.pipeline.test_narrowing import RECORDS, whole


def subsets(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for size in range(len(names) + 1):
        yield from combinations(names, size)


def filled(node: Node, tables: list[list[dict[str, Any]]], given: dict[int, Table]) -> Node:
    """The query with the rows of its leaves in place."""
    if isinstance(node, RowsOf):
        table = tables["Other" in node.record]
        rows = [tuple(row[path] for _, path in node.cells) for row in table]
        given[len(given)] = Table.of(rows, len(node.cells))
        return Given(len(given) - 1, tuple(name for name, _ in node.cells))
    changed: dict[str, Any] = {}
    for one in fields(node):
        value = getattr(node, one.name)
        if one.name in ("of", "left", "right"):
            changed[one.name] = filled(value, tables, given)
        elif one.name == "parts":
            changed[one.name] = tuple(filled(part, tables, given) for part in value)
    return replace(node, **changed)


def worked(node: Node, names: tuple[str, ...], seed: int) -> list[str]:
    """The named cells of its rows, in an order of their own."""
    given: dict[int, Table] = {}
    whole = filled(node, [steps.random_rows(seed, "A"), steps.random_rows(seed, "B")], given)
    places = [cells(whole).index(name) for name in names]
    return sorted(map(repr, evaluate(whole, given).taking(places).rows()))


@pytest.mark.parametrize("name", steps.QUERIES)
def test_fewer_cells_are_the_same_cells_of_the_same_rows(name: str) -> None:
    query = steps.QUERIES[name].node
    for seed, names in enumerate(subsets(cells(query))):
        less = pruned(query, names)
        assert set(names) <= set(cells(less)) <= set(cells(query))
        assert worked(less, names, seed) == worked(query, names, seed), names


def test_what_no_cell_asked_for_is_worked_out_of_is_not_there() -> None:
    without = {name: pruned(query.node, ("code",)) for name, query in steps.QUERIES.items()}
    read = {name: [dict(leaf.cells).keys() for leaf in leaves(query)] for name, query in without.items()}
    assert read["kept"] == [{"code", "kind", "number"}]
    assert read["left"] == [{"code", "kind"}, {"kind"}]
    assert read["without"] == [{"code", "kind", "number"}, {"kind", "size"}]
    assert read["computed"] == [{"code"}]
    assert read["quantile_by"] == [{"code"}]


@pytest.mark.parametrize("root", RECORDS)
async def test_each_field_asked_alone_is_what_it_is_among_all(root: str, file_desk: Desk) -> None:
    rows = await whole(file_desk, root, RECORDS[root], AUDITOR)
    for name in RECORDS[root].split():
        alone = await whole(file_desk, root, name, AUDITOR)
        assert alone == [{name: row[name]} for row in rows]


async def test_a_list_and_its_count_and_sums_are_worked_out_once_with_what_each_of_them_needs(file_desk: Desk) -> None:
    found = prepared(
        file_desk,
        "{ unpostedPayslips(first: 2) { nodes { cnic } totalCount aggregate { sum { gross } } } }",
    )
    steps_of = found.plan.steps
    assert sum(isinstance(step, DeriveStep) for step in steps_of) == 1
    read = [
        {cell.field.name for cell in step.reading.cells}
        for step in steps_of
        if isinstance(step, ScanStep) and step.reading.record.type_name == "Payslip"
    ]
    assert read == [{"code", "cnic", "gross"}]
