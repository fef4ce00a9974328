"""A cell whose value the filter says is not fetched, and stands in the answer as if it had been."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.pipeline import explain
from gateway.request import GraphQLRequest
from tests.houses import AUDITOR, Desk

ONE = '(first: 1, where: {month: {eq: "2025-09"}}) { nodes { code month cnic gross } }'


async def first_slip(desk: Desk) -> dict[str, str]:
    (slip,) = (await desk.data("{ payslips" + ONE + " }", AUDITOR))["payslips"]["nodes"]
    return dict(slip)


def plan(desk: Desk, query: str) -> str:
    return explain(desk.house, AUDITOR, GraphQLRequest(query, None, {}, {}))


async def test_what_the_filter_says_is_not_fetched(desk: Desk) -> None:
    told = plan(desk, "{ payslips" + ONE + " }")
    assert "the filter says: month\n" in told
    assert "columns: payslip_no, cnic, gross\n" in told
    assert (await first_slip(desk))["month"] == "2025-09"


async def test_a_number_is_told_in_its_own_form_however_it_was_asked_for(desk: Desk) -> None:
    cnic = (await first_slip(desk))["cnic"]
    dashed = f"{cnic[:5]}-{cnic[5:12]}-{cnic[12]}"
    query = "query ($cnic: NationalId!) { payslips(where: {cnic: {eq: $cnic}}) { nodes { cnic } } }"
    nodes = (await desk.data(query, AUDITOR, cnic=dashed))["payslips"]["nodes"]
    assert {node["cnic"] for node in nodes} == {cnic}


async def test_a_decimal_keeps_its_places(desk: Desk) -> None:
    gross = (await first_slip(desk))["gross"]
    query = '{ payslips(first: 1, where: {gross: {eq: "' + gross + '0"}}) { nodes { gross } } }'
    assert "the filter says" not in plan(desk, query)
    assert (await desk.data(query, AUDITOR))["payslips"]["nodes"] == [{"gross": gross}]


@pytest.mark.parametrize(
    ("where", "passes"),
    [
        ('{or: [{level: {eq: "Primary"}}, {level: {eq: "Middle"}}]}', lambda level: level in ("Primary", "Middle")),
        ('{not: {level: {eq: "Primary"}}}', lambda level: level != "Primary"),
        ('{and: [{level: {eq: "Primary"}}, {level: {eq: "Middle"}}]}', lambda level: False),
        ('{and: [{level: {eq: "Primary"}}, {code: {startsWith: "KEC"}}]}', lambda level: level == "Primary"),
    ],
)
async def test_only_what_holds_of_every_row_is_said(desk: Desk, where: str, passes: Callable[[str], bool]) -> None:
    everything = await desk.data("{ schools(first: 1000) { nodes { level } } }")
    found = await desk.data("{ schools(first: 1000, where: " + where + ") { nodes { level } } }")
    wanted = {node["level"] for node in everything["schools"]["nodes"] if passes(node["level"])}
    assert {node["level"] for node in found["schools"]["nodes"]} == wanted


async def test_groups_are_decoded_though_the_filter_says_them(desk: Desk) -> None:
    query = (
        '{ payslips(where: {month: {eq: "2025-09"}, cadre: {eq: "Teaching"}}) '
        "{ aggregate(groupBy: [MONTH, CADRE]) { key { month cadre } count } } }"
    )
    assert "the filter says" not in plan(desk, query)
    (group,) = (await desk.data(query, AUDITOR))["payslips"]["aggregate"]
    assert group["key"] == {"month": "2025-09", "cadre": "Teaching"}


async def test_one_cell_is_fetched_where_the_filter_says_all(desk: Desk) -> None:
    query = '{ schools(where: {level: {eq: "Primary"}}) { nodes { level } } }'
    assert "columns: " in plan(desk, query)
    nodes = (await desk.data(query))["schools"]["nodes"]
    assert nodes
    assert all(node == {"level": "Primary"} for node in nodes)
