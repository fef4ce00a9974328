"""Cost: how many values an answer can hold, worked out before anything is asked."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from auth.principal import ANONYMOUS, Principal
from gateway.cost import cost_of
from gateway.pipeline import allow
from gateway.request import GraphQLRequest
from tests.houses import AUDITOR, Desk

DISTRICTS = 36
"""What finance declares; teachers are declared as 60,000."""


def cost(desk: Desk, query: str, principal: Principal = ANONYMOUS, **variables: Any) -> int:
    access = desk.house.policy.access(principal)
    operation = desk.house.reader(access).read(GraphQLRequest(query, None, variables))
    reach = desk.house.reach
    return cost_of(allow(operation, access)).of(
        operation.variables, reach.default_first, reach.max_first
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('{ school(code: "KEC-00001") { name level } }', 2),
        ('{ school(code: "KEC-00001") { name district { name division } } }', 2 + 2),
        ("{ schools(first: 7) { nodes { name level } } }", 7 * 2),
        ("{ schools { nodes { name } } }", 100),
        ("{ schools(last: 3) { edges { cursor node { name } } } }", 3 * 2 + 3),
        ("{ schools(first: 5) { totalCount pageInfo { hasNextPage endCursor } nodes { name } } }", 5 + 3),
        ("{ a: schools(first: 5) { nodes { name } } b: schools(first: 6) { nodes { name } } }", 5 + 6),
        ("{ schools { totalCount aggregate { count } } }", 2),
        ("{ schools { aggregate(groupBy: [LEVEL]) { key { level } count } } }", 100 * 3),
        ("{ schools(first: 5000) { nodes { name } } }", 1000),
        ("{ schools(first: -5) { nodes { name } } }", 0),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
async def test_every_value_an_answer_can_hold_counts(query: str, expected: int, file_desk: Desk) -> None:
    assert cost(file_desk, query) == expected


async def test_pages_of_nested_lists_multiply(file_desk: Desk) -> None:
    query = "{ districts(first: 10) { nodes { schools(first: 20) { nodes { name status } } } } }"
    assert cost(file_desk, query) == 10 + 10 * 20 * 2


async def test_a_list_is_no_longer_than_its_record(file_desk: Desk) -> None:
    assert cost(file_desk, "{ districts(first: 1000) { nodes { name } } }") == DISTRICTS
    nested = "{ schools(first: 1000) { nodes { teachers(first: 1000) { nodes { name } } } } }"
    assert cost(file_desk, nested, AUDITOR) == 1_000 + 60_000


async def test_below_a_link_to_one_the_same_rows_may_come_again(file_desk: Desk) -> None:
    query = "{ schools(first: 1000) { nodes { district { schools(first: 1000) { nodes { name } } } } } }"
    assert cost(file_desk, query) == 1_000 + 1_000 + 1_000 * 1_000


async def test_a_page_size_may_come_from_a_variable(file_desk: Desk) -> None:
    query = "query ($size: Int) { schools(first: $size) { nodes { name } } }"
    assert cost(file_desk, query, size=4) == 4
    assert cost(file_desk, query, size=None) == 100
    assert cost(file_desk, query) == 100


async def test_what_is_refused_costs_its_null(file_desk: Desk) -> None:
    query = "{ schools(first: 10) { nodes { name teachers(first: 1000) { nodes { cnic } } } } }"
    assert cost(file_desk, query) == 10 * 2


async def test_an_operation_over_the_limit_is_refused_before_anything_is_asked(file_desk: Desk) -> None:
    file_desk.house.limits = msgspec.structs.replace(file_desk.house.limits, cost=200)
    query = "query ($size: Int!) { schools(first: $size) { nodes { name level } } }"
    assert len((await file_desk.ask(query, variables={"size": 100}))["data"]["schools"]["nodes"]) > 0
    refused = await file_desk.ask(query, variables={"size": 101})
    assert "data" not in refused
    (error,) = refused["errors"]
    assert error["extensions"]["code"] == "BUDGET_EXCEEDED"
    assert "may be 200" in error["message"]
    assert file_desk.ledger.last["faultCode"] == ["BUDGET_EXCEEDED"]
    assert "sourceCalls" not in file_desk.ledger.last
