"""Cursors of lists ordered through links, and of what was known at a moment: no page says more than its rows."""

from __future__ import annotations

from typing import Any

import pytest

from auth.principal import Principal
from tests.houses import AUDITOR, Desk, person

OFFICER = person("district_officer", district="KEC")
VISITS = """query ($a: String) { visits(first: 1, after: $a, orderBy: [{school: {telephone: ASC}}, {number: ASC}],
    where: {schoolCode: {in: ["KEC-00001", "QUE-00001", "QUE-00002"]}})
    { edges { cursor node { number schoolCode } } pageInfo { hasNextPage } } }"""
THEN, LATER = "2025-07-06T00:00:00+05:00", "2025-07-20T00:00:00+05:00"


async def walk(desk: Desk, query: str, root: str, who: Principal) -> list[dict[str, Any]]:
    """The nodes of a list, one page after the other."""
    nodes: list[dict[str, Any]] = []
    after = None
    while True:
        told = (await desk.data(query, who, a=after))[root]
        nodes += [edge["node"] for edge in told["edges"]]
        if not told["pageInfo"]["hasNextPage"]:
            return nodes
        after = told["edges"][-1]["cursor"]


async def test_page_by_page_hidden_cells_stand_together_in_the_order_of_the_key(file_desk: Desk) -> None:
    """Cursors between rows whose linked telephone is hidden go on by number alone: no telephones are compared."""
    nodes = await walk(file_desk, VISITS, "visits", OFFICER)
    hidden = [node["number"] for node in nodes if node["schoolCode"].startswith("QUE")]
    assert len(hidden) > 4
    assert [node["number"] for node in nodes[-len(hidden) :]] == hidden == sorted(hidden)


async def test_a_cursor_at_a_hidden_cell_is_nobody_elses(file_desk: Desk) -> None:
    told = await file_desk.data(VISITS, OFFICER, a=None)
    cursor = told["visits"]["edges"][0]["cursor"]
    answer = await file_desk.ask(VISITS, person("district_officer", district="QUE"), {"a": cursor})
    assert answer["errors"][0]["extensions"]["code"] == "BAD_CURSOR"


LISTS = {
    "transactions": "{ edges { cursor node { number } } } }",
    "dailyCollections": "{ edges { cursor node { code } } } }",
}


@pytest.mark.parametrize("root", LISTS)
async def test_a_cursor_belongs_to_the_moment_its_list_was_asked_for(root: str, file_desk: Desk) -> None:
    query = f"query ($a: String, $t: DateTime) {{ {root}(first: 1, after: $a, asKnownAt: $t) {LISTS[root]}"
    now = query.replace(", asKnownAt: $t", "").replace(", $t: DateTime", "")
    then = await file_desk.data(query, AUDITOR, t=THEN)
    cursor = then[root]["edges"][0]["cursor"]
    assert "errors" not in await file_desk.ask(query, AUDITOR, {"a": cursor, "t": THEN})
    for other, moment in ((query, {"t": LATER}), (query, {"t": None}), (now, {})):
        answer = await file_desk.ask(other, AUDITOR, {"a": cursor, **moment})
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_CURSOR"]
