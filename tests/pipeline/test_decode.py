"""Rows are decoded a column at a time, and no row is the worse for its neighbours."""

from __future__ import annotations

from typing import Any

from gateway.decode import make_decoder
from gateway.pipeline import allow
from gateway.plan import CellUse
from gateway.planner import make_plan
from gateway.prepared import Prepared, prepare
from gateway.request import GraphQLRequest
from gateway.table import Table
from schema.catalog import Field
from schema.recent import Recent
from tests.houses import AUDITOR, Desk


def cells(desk: Desk, record: str, *names: str) -> tuple[CellUse, ...]:
    fields = desk.house.catalog.records[record].fields
    return tuple(CellUse(fields[name]) for name in names)


def decoded(uses: tuple[CellUse, ...], rows: list[Any]) -> tuple[list[Any], list[str]]:
    reported: list[Field] = []
    decoder = make_decoder(uses)
    assert decoder is not None
    return decoder.table(Table.of(rows, len(uses)), reported.append).rows(), [part.name for part in reported]


async def test_a_cell_that_cannot_be_read_is_null_and_its_neighbours_stand(file_desk: Desk) -> None:
    uses = cells(file_desk, "finance.Payslip", "code", "month", "cnic")
    rows = [("a", "202509", "5400100000012"), ("b", "202513", "54001-0000001-2"), ("c", None, "12"), ("d", "", None)]
    found, reported = decoded(uses, rows)
    assert found[:2] == [("a", "2025-09", "5400100000012"), ("b", None, "5400100000012")]
    assert found[2:] == [("c", None, None), ("d", None, None)]
    assert sorted(set(reported)) == ["cnic", "month"]


async def test_no_rows_and_rows_of_nothing_but_nulls_are_fine(file_desk: Desk) -> None:
    uses = cells(file_desk, "finance.Payslip", "month", "cnic", "gross")
    assert decoded(uses, []) == ([], [])
    assert decoded(uses, [(None, None, None)] * 2) == ([(None, None, None)] * 2, [])


async def test_values_behind_the_cells_are_kept(file_desk: Desk) -> None:
    """Grouped rows carry measures after their cells."""
    assert decoded(cells(file_desk, "finance.Payslip", "month"), [("202509", 7)]) == ([("2025-09", 7)], [])


def prepared(desk: Desk, query: str) -> Prepared:
    house = desk.house
    access = house.policy.access(AUDITOR)
    operation = house.reader(access).read(GraphQLRequest(query))
    return prepare(make_plan(allow(operation, access)))


async def test_only_decimals_that_nothing_but_the_answer_reads_come_as_text(file_desk: Desk) -> None:
    shown = prepared(file_desk, "{ payslips(first: 2) { nodes { gross net } } }")
    assert {shown.plan.steps[0].reading.cells[at].field.name for at in shown.as_text[0]} == {"gross", "net"}  # type: ignore[union-attr]
    ordered = prepared(file_desk, "{ payslips(first: 2, orderBy: [{gross: DESC}]) { nodes { gross net } } }")
    assert {ordered.plan.steps[0].reading.cells[at].field.name for at in ordered.as_text[0]} == {"net"}  # type: ignore[union-attr]


async def test_decimals_read_the_same_whether_ordered_by_or_only_shown(desk: Desk) -> None:
    shown = await desk.data("{ payslips(first: 50) { nodes { code gross deductions } } }", AUDITOR)
    ordered = await desk.data(
        "{ payslips(first: 50, orderBy: [{code: ASC}, {gross: DESC}, {deductions: ASC}]) "
        "{ nodes { code gross deductions } } }",
        AUDITOR,
    )
    assert shown == ordered
    assert all(node["gross"][-3] == "." for node in shown["payslips"]["nodes"])


def test_a_bounded_memory_forgets_what_was_used_longest_ago() -> None:
    memory: Recent[str, int] = Recent(2)
    memory["a"], memory["b"] = 1, 2
    assert memory.get("a") == 1
    memory["c"] = 3
    assert (memory.get("a"), memory.get("b"), memory.get("c"), len(memory)) == (1, None, 3, 2)
