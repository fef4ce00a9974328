"""A key can be hidden in a visible row; then no position finds the row by it."""

from __future__ import annotations

import pytest

from tests.access import inquiries
from tests.houses import Desk, person

READER = person("app", "citizen", note="N-1")
"""Reads every text, and knows the key of one note."""


@pytest.fixture(scope="module")
def desk() -> Desk:
    return inquiries.desk()


async def test_the_key_is_null_where_it_is_hidden(desk: Desk) -> None:
    answer = await desk.data("{ notes(orderBy: [{text: ASC}]) { nodes { code text } } }", READER)
    assert answer["notes"]["nodes"] == [{"code": "N-1", "text": "one"}, {"code": None, "text": "two"}]


async def test_a_row_is_not_found_by_a_key_that_is_hidden_in_it(desk: Desk) -> None:
    """Or the caller learns which text belongs to the key, and that there is such a key."""
    answer = await desk.data('{ own: note(code: "N-1") { text } other: note(code: "N-2") { text } }', READER)
    assert answer == {"own": {"text": "one"}, "other": None}


@pytest.mark.parametrize(
    "where", ['{code: {eq: "N-2"}}', '{code: {gt: "N-1"}}', '{not: {code: {isNull: true}}, text: {eq: "two"}}']
)
async def test_nor_by_a_filter(desk: Desk, where: str) -> None:
    answer = await desk.data(f"{{ notes(where: {where}) {{ nodes {{ text }} totalCount }} }}", READER)
    assert answer == {"notes": {"nodes": [], "totalCount": 0}}


async def test_groups_and_extremes_do_not_tell_it(desk: Desk) -> None:
    query = "{ notes { aggregate(groupBy: [CODE]) { key { code } count } whole: aggregate { max { code } } } }"
    answer = await desk.data(query, READER)
    assert answer["notes"]["aggregate"] == [
        {"key": {"code": "N-1"}, "count": 1}, {"key": {"code": None}, "count": 1},
    ]  # fmt: skip
    assert answer["notes"]["whole"] == [{"max": {"code": "N-1"}}]
