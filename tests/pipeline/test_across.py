"""Filters, orders and groups through links: corners that generated operations have shown to matter."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from connectors.memory import MemoryConnector
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


@pytest.fixture
def lost_key(file_desk: Desk) -> Desk:
    """A house where one of ten visits of a school has come without its number."""
    reach = file_desk.house.reach
    visits = [
        {"visit_id": number or None, "school_code": "KEC-00001", "teachers_present": 3, "open_flag": "Y"}
        for number in range(10)
    ]
    rtsm = MemoryConnector(reach.connectors["rtsm"].source, {"visits": visits})  # type: ignore[dict-item]
    file_desk.house.reach = replace(reach, connectors={**reach.connectors, "rtsm": rtsm})
    return file_desk


LEFT_OUT = "Visit: a row without a readable number is left out"


async def test_counts_over_a_row_without_a_key_are_null_and_say_so(lost_key: Desk) -> None:
    for asked in ("totalCount", "aggregate { count }", "aggregate(groupBy: [SCHOOL_DISTRICT_NAME]) { count }"):
        told = await lost_key.ask(f"{{ visits {{ {asked} }} }}")
        assert told["data"]["visits"] == {asked.split("(")[0].split(" ")[0]: None}
        assert [error["message"] for error in told["errors"]] == [LEFT_OUT]
    narrowed = await lost_key.ask("{ visits(where: {number: {gt: 4}}) { totalCount nodes { number } } }")
    assert narrowed["data"]["visits"]["totalCount"] == 5


async def test_a_row_without_a_key_matches_no_filter_through_a_link(lost_key: Desk) -> None:
    for quantifier, number in (("some", 0), ("none", 1)):
        told = await lost_key.ask(
            f"""{{ schools(where: {{code: {{eq: "KEC-00001"}}, visits: {{{quantifier}: {{number: {{isNull: true}}}}}}}})
                 {{ nodes {{ code }} }} }}"""
        )
        assert len(told["data"]["schools"]["nodes"]) == number
        assert [error["message"] for error in told["errors"]] == [LEFT_OUT]


async def test_a_sum_the_source_made_has_the_places_of_its_field(file_desk: Desk) -> None:
    """A source that writes 34.7 for 34.70 adds up to 69.4, which is told as each value is."""
    reach = file_desk.house.reach
    districts = [{"dist_code": code, "literacy_pct": Decimal("34.7")} for code in ("KEC", "GWA")]
    geo = MemoryConnector(reach.connectors["geo"].source, {"districts": districts})  # type: ignore[dict-item]
    file_desk.house.reach = replace(reach, connectors={**reach.connectors, "geo": geo})
    data = await file_desk.data("{ districts { aggregate { sum { literacyPercent } } nodes { literacyPercent } } }")
    assert data["districts"]["aggregate"] == [{"sum": {"literacyPercent": "69.40"}}]
    assert data["districts"]["nodes"] == [{"literacyPercent": "34.70"}] * 2
