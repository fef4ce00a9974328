"""Filters, orders and groups through links: corners that generated operations have shown to matter."""

from __future__ import annotations

from gateway.pipeline import explain
from gateway.request import GraphQLRequest
from tests.houses import ANONYMOUS, Desk


async def test_objects_that_show_nothing_of_their_own_can_be_ordered_by_linked_fields(file_desk: Desk) -> None:
    asked = "{ facilities(first: 3, orderBy: {district: {name: DESC}}) { nodes { %s } } }"
    named = await file_desk.data(asked % "district { name }")
    told = await file_desk.data(asked % "__typename")
    assert named["facilities"]["nodes"][0]["district"]["name"]
    assert told["facilities"]["nodes"] == [{"__typename": "Facility"}] * 3


def test_the_plan_of_a_list_below_parents_that_cannot_be_there_says_how_many_rows_it_expects(file_desk: Desk) -> None:
    asked = """{ districts(where: {code: {in: []}}) { nodes {
        schools(orderBy: {district: {name: ASC}}) { nodes { code } } } } }"""
    plan = explain(file_desk.house, ANONYMOUS, GraphQLRequest(asked, None, {}, {}))
    assert "about nan" not in plan
    assert plan.count("about 1 rows") >= 2
