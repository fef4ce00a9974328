"""Attacks on derived records: what is worked out tells no more than what its reader may read and count."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auth.principal import Principal
from tests.access import wages
from tests.houses import Desk, person

PLANNER, AUDITOR = person("planner"), person("auditor")
OFFICER, PARTLY = person("district_officer", district="A"), person("clinician", district="A")


@pytest.fixture(scope="module")
def desk() -> Desk:
    return wages.desk()


async def nodes(desk: Desk, root: str, fields: str, who: Principal) -> dict[str, dict[str, Any]]:
    told = await desk.data(f"{{ {root} {{ nodes {{ {fields} }} }} }}", who)
    return {next(iter(node.values())): node for node in told[root]["nodes"]}


async def refused(desk: Desk, root: str, fields: str, who: Principal) -> str:
    """The message of the refusal of the whole root."""
    answer = await desk.ask(f"{{ {root} {{ nodes {{ {fields} }} }} }}", who)
    assert answer["data"] == {root: None}
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "REFUSED"
    message: str = error["message"]
    return message


# Totals


async def test_withheld_counts_are_null_and_so_is_all_that_is_made_of_them(desk: Desk) -> None:
    """A1 has 3 hands; another cell is withheld with it, so that nobody subtracts."""
    fields = "area hands wages mean more atLeast"
    whole = await nodes(desk, "areaWages", fields, AUDITOR)
    shown = await nodes(desk, "areaWages", fields, PLANNER)
    assert shown["A1"] == {name: "A1" if name == "area" else None for name in fields.split()}
    withheld = [area for area, node in shown.items() if node["atLeast"] is None]
    assert len(withheld) == 2
    assert {area: node for area, node in shown.items() if area not in withheld} == {
        area: node for area, node in whole.items() if area not in withheld
    }
    assert shown["C"]["atLeast"] == 0, "nobody there is not withheld"


async def test_a_sum_over_a_withheld_count_is_withheld_and_never_a_part_of_it(desk: Desk) -> None:
    whole = await nodes(desk, "wholeWages", "whole hands parts", AUDITOR)
    assert {code: node["hands"] for code, node in whole.items()} == {"A": 15, "B": 25}
    shown = await nodes(desk, "wholeWages", "whole hands parts", PLANNER)
    assert shown["A"] == {"whole": "A", "hands": None, "parts": 2}
    assert shown["B"]["hands"] == 25


@pytest.mark.parametrize("root", ["smallAreas", "emptyAreas"])
async def test_a_count_that_may_be_withheld_does_not_decide_which_rows_there_are(desk: Desk, root: str) -> None:
    """Keeping the areas of few hands would list the withheld ones; leaving them out would call them empty."""
    assert await nodes(desk, root, "area", AUDITOR)
    assert "no rule allows Hand" in await refused(desk, root, "area", PLANNER)


@pytest.mark.parametrize(("root", "fields"), [("wageClasses", "wage hands"), ("bestWages", "area best")])
async def test_a_grant_of_totals_is_not_widened_by_a_query(desk: Desk, root: str, fields: str) -> None:
    """Grouped by a field the grant only lets be summed, or measured by the greatest, which is one person's own."""
    assert await nodes(desk, root, fields, AUDITOR)
    assert "no rule allows Hand" in await refused(desk, root, fields, PLANNER)


async def test_rows_are_not_read_under_a_grant_of_totals(desk: Desk) -> None:
    """What is summed is worked out of each row: no source counts that, and the rows themselves are not granted."""
    assert await nodes(desk, "halfWages", "area half", AUDITOR)
    assert "no rule allows Hand" in await refused(desk, "halfWages", "area half", PLANNER)


async def test_a_table_withheld_as_a_whole_leaves_nothing_to_work_out() -> None:
    """Women of two areas, few of them in one: with the areas' totals known, no cell of the table can be shown."""
    people = [
        {"code": f"{area}-{at}", "dist": area, "sex": "F", "cnic": None, "wage": 1, "inf": None}
        for area, number in (("A", 3), ("B", 30)) for at in range(number)
    ]  # fmt: skip
    message = await refused(wages.desk(people), "areaSexes", "code hands", PLANNER)
    assert "withheld as a whole" in message


async def test_a_filter_on_a_withheld_count_does_not_find_it(desk: Desk) -> None:
    query = "{ areaWages(where: {hands: {lt: 10}}) { nodes { area } } }"
    assert (await desk.data(query, AUDITOR))["areaWages"]["nodes"] == [{"area": "A1"}]
    assert (await desk.data(query, PLANNER))["areaWages"]["nodes"] == []


# Rows


async def test_an_accusing_record_is_refused_where_rows_are_hidden(desk: Desk) -> None:
    """Of the hands of one area alone, the pay of everybody else would be that of a ghost."""
    assert set(await nodes(desk, "ghostPays", "pay", AUDITOR)) == {"P-3"}
    assert "rules show you only some hands" in await refused(desk, "ghostPays", "pay", OFFICER)


async def test_an_accusing_record_is_refused_where_a_cell_is_hidden_in_some_rows(desk: Desk) -> None:
    """Every hand is shown, the numbers of one area only: those without would look like no hands at all."""
    assert "rules show you only some hands" in await refused(desk, "ghostPays", "pay", PARTLY)


async def test_acting_for_another_an_accusing_record_needs_all_of_both(desk: Desk) -> None:
    acting = replace(AUDITOR, also=replace(OFFICER, subject="represented"))
    assert "rules show you only some hands" in await refused(desk, "ghostPays", "pay", acting)
    both = replace(AUDITOR, also=replace(AUDITOR, subject="represented"))
    assert set(await nodes(desk, "ghostPays", "pay", both)) == {"P-3"}


@pytest.mark.parametrize(("who", "numbers"), [(OFFICER, 30), (PARTLY, 30)])
async def test_what_rules_hide_beneath_a_derived_record_is_said(desk: Desk, who: Principal, numbers: int) -> None:
    answer = await desk.ask("{ rosters(first: 500) { nodes { hand cnic } } }", who)
    found = answer["data"]["rosters"]["nodes"]
    assert len([node for node in found if node["cnic"]]) == numbers
    (narrowed,) = answer["extensions"]["narrowed"]
    assert (narrowed["path"], narrowed["record"]) == (["rosters"], "Hand")
    assert "wages.py:" in narrowed["rule"]
    assert desk.ledger.last["narrowed"] == ["Hand"]


async def test_a_field_made_of_what_may_not_be_read_is_refused_and_the_rest_stands(desk: Desk) -> None:
    who = person("app")
    answer = await desk.ask("{ rosters(first: 1) { nodes { hand cnic } } }", who)
    assert answer["data"]["rosters"]["nodes"] == [{"hand": "A-0", "cnic": None}]
    assert "Hand.cnic: no rule allows Restricted fields here" in answer["errors"][0]["message"]
    filtered = await desk.ask('{ rosters(where: {cnic: {eq: "N-A-1"}}) { nodes { hand } } }', who)
    assert filtered["data"] == {"rosters": None}
    assert filtered["errors"][0]["extensions"]["code"] == "REFUSED"


async def test_a_hidden_cell_that_decides_refuses_the_whole_record(desk: Desk) -> None:
    assert "Hand.cnic" in await refused(desk, "numbereds", "hand", person("app"))


async def test_the_refusal_names_nothing_secret(desk: Desk) -> None:
    message = await refused(desk, "informers", "hand", AUDITOR)
    assert "nforms" not in message


async def test_the_ledger_names_the_fields_a_record_is_worked_out_from(desk: Desk) -> None:
    await desk.ask("{ rosters(first: 1) { nodes { hand } } }", AUDITOR)
    assert desk.ledger.last["used"] == {
        "Hand.area": ["derive"], "Hand.cnic": ["derive"], "Hand.code": ["derive"], "Hand.wage": ["derive"],
    }  # fmt: skip
    await desk.ask("{ areaWages { nodes { area } } }", PLANNER)
    assert set(desk.ledger.last["used"]) == {"Area.code", "Area.partOf", "Hand.area", "Hand.wage"}
