"""The province's questions across departments: one operation each, and exactly the planted answer."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from auth.principal import ANONYMOUS, Principal
from gateway.lately import Lately
from schema.fetch import Connector, Fetch, Rows
from tests.houses import AUDITOR, Desk, Systems, person
from tests.legacy.raw import Raw, balances, money


async def everything(desk: Desk, query: str, root: str, principal: Principal = AUDITOR) -> list[dict[str, Any]]:
    """All nodes of a root, page by page; ``query`` takes $after. Unreadable cells of other rows may be told."""
    nodes: list[dict[str, Any]] = []
    after = None
    while True:
        response = await desk.ask(query, principal, {"after": after})
        assert response["data"][root] is not None, response
        assert {error["extensions"]["code"] for error in response.get("errors", ())} <= {"SOURCE_UNAVAILABLE"}
        assert all("cannot be read" in error["message"] for error in response.get("errors", ())), response["errors"]
        nodes += response["data"][root]["nodes"]
        page = response["data"][root]["pageInfo"]
        if not page["hasNextPage"]:
            return nodes
        after = page["endCursor"]


PAGE = "pageInfo { hasNextPage endCursor }"


async def test_facilities_of_a_division_without_a_report(desk: Desk, systems: Systems) -> None:
    data = await desk.data(
        """{ facilities(where: {status: {eq: "Active"}, district: {division: {eq: "Zhob"}},
                                reports: {none: {month: {eq: "2025-09"}}}}, first: 1000)
             { totalCount nodes { code } } }"""
    )
    found = sorted(node["code"] for node in data["facilities"]["nodes"])
    assert found == systems.truth["q3"]
    assert data["facilities"]["totalCount"] == len(found)


async def test_people_paid_as_teachers_without_a_posting(desk: Desk, systems: Systems) -> None:
    by_filter = f"""query ($after: String) {{ payslips(first: 500, after: $after, where: {{
        cadre: {{eq: "Teaching"}}, cnic: {{isNull: false}}, postings: {{none: {{}}}} }})
        {{ nodes {{ cnic }} {PAGE} }} }}"""
    filtered = await everything(desk, by_filter, "payslips")
    assert sorted({node["cnic"] for node in filtered}) == systems.truth["q6"]
    derived = f"""query ($after: String) {{ unpostedPayslips(first: 500, after: $after)
        {{ nodes {{ cnic }} {PAGE} }} }}"""
    assert sorted({node["cnic"] for node in await everything(desk, derived, "unpostedPayslips")}) == systems.truth["q6"]


async def test_teachers_paid_though_absent_at_every_visit(desk: Desk, systems: Systems) -> None:
    for month, told in systems.truth["q7"].items():
        query = f"""query ($after: String) {{ absenteePayslips(first: 500, after: $after,
            where: {{month: {{eq: "{month}"}}}}) {{ nodes {{ teacherCode }} {PAGE} }} }}"""
        found = sorted(node["teacherCode"] for node in await everything(desk, query, "absenteePayslips"))
        assert found == told["listed"]
        assert not set(found) & set(told["on_leave"])


async def test_pay_without_a_person_is_summed_by_month_and_division(desk: Desk, systems: Systems) -> None:
    response = await desk.ask(
        """{ absenteePayslips(where: {month: {eq: "2025-09"}}) { totalCount
             aggregate(groupBy: [DISTRICT_DIVISION]) { key { districtDivision } count countDistinct { teacherCode }
                                                       sum { gross } } } }""",
        AUDITOR,
    )
    told, groups = systems.truth["q7"]["2025-09"]["listed"], response["data"]["absenteePayslips"]["aggregate"]
    assert response["data"]["absenteePayslips"]["totalCount"] == len(told)
    assert sum(group["count"] for group in groups) == len(told)
    assert all(group["countDistinct"]["teacherCode"] == group["count"] for group in groups)
    assert all(Decimal(group["sum"]["gross"]) > 0 for group in groups)


async def test_absent_teachers_by_a_filter_alone(desk: Desk, systems: Systems) -> None:
    """The same through links of three systems, the day of the visit read from the visit's own record."""
    visits = '{visitedAt: {gte: "2025-09-01T00:00:00+05:00", lt: "2025-10-01T00:00:00+05:00"}}'
    query = f"""query ($after: String) {{ teachers(first: 500, after: $after, where: {{
        payslips: {{some: {{month: {{eq: "2025-09"}}}}}},
        leaves: {{none: {{startsOn: {{lte: "2025-09-30"}}, endsOn: {{gte: "2025-09-01"}}}}}},
        marks: {{some: {{visit: {visits}}}, none: {{wasPresent: {{eq: true}}, visit: {visits}}}}} }})
        {{ nodes {{ code }} {PAGE} }} }}"""
    found = sorted(node["code"] for node in await everything(desk, query, "teachers"))
    assert found == systems.truth["q7"]["2025-09"]["listed"]


async def test_enrolment_per_thousand_children_by_the_districts_of_a_census(desk: Desk, systems: Systems) -> None:
    for year, told in systems.truth["q8"].items():
        query = f"""query ($after: String) {{ districtEnrolments(first: 50, after: $after, where: {{
            censusYear: {{eq: {year}}}}}) {{ nodes {{ districtCode enrolment children perThousand }} {PAGE} }} }}"""
        nodes = await everything(desk, query, "districtEnrolments", person("planner"))
        found = {
            node["districtCode"]: {
                "enrolment": node["enrolment"], "school_age": node["children"], "per_1000": node["perThousand"],
            }
            for node in nodes if node["enrolment"] is not None
        }  # fmt: skip
        expected = {
            code: one for code, one in told.items()
            if code in found or one["enrolment"] >= 10
        }  # fmt: skip
        assert found == expected


async def test_facilities_without_a_drug_while_busy(desk: Desk, systems: Systems) -> None:
    told = systems.truth["q9"]
    query = f"""query ($after: String) {{ busyStockOuts(first: 500, after: $after, where: {{
        month: {{eq: "{told["month"]}"}}, daysOut: {{gte: 15}}}})
        {{ nodes {{ facilityCode drugCode daysOut outpatients median }} {PAGE} }} }}"""
    found: dict[str, Any] = {}
    for node in await everything(desk, query, "busyStockOuts", ANONYMOUS):
        own = found.setdefault(node["facilityCode"], {"days": {}, "load": node["outpatients"]})
        own["days"][node["drugCode"]] = node["daysOut"]
        assert Decimal(node["median"]) == Decimal(str(told["median_load"]))
    assert found == told["facilities"]


def daily(nodes: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, str]]]:
    found: dict[str, dict[str, dict[str, str]]] = {}
    for node in nodes:
        amounts = {name: node[name] for name in ("bpay", "bank", "fabs")}
        found.setdefault(node["day"], {})[node["head"]] = amounts
    return found


async def test_daily_collection_in_three_books(desk: Desk, systems: Systems) -> None:
    query = f"""query ($after: String) {{ dailyCollections(first: 200, after: $after)
        {{ nodes {{ day head bpay bank fabs }} {PAGE} }} }}"""
    assert daily(await everything(desk, query, "dailyCollections")) == systems.truth["q12"]["daily"]


REASONS = {
    "not_in_bank": "not in the bank", "not_in_bpay": "not in B-pay", "not_in_fabs": "not in FABS",
    "amount_differs": "settled in excess", "reversed_after_settlement": "reversed after settlement",
    "no_psid": "no PSID", "settled_twice": "settled twice", "booked_twice": "booked twice", "paid_twice": "paid twice",
    "settled_in_part": "settled in part", "under_another_head": "under another head",
    "in_fabs_alone": "in FABS alone", "booked_otherwise": "booked otherwise", "paid_in_part": "paid in part",
    "paid_in_excess": "paid in excess", "without_a_bill": "without a bill",
}  # fmt: skip


Items = dict[str, set[tuple[str, str, str]]]
"""Reason -> what each is known as, its day and its head."""


async def unmatched(desk: Desk, where: str = "{}") -> Items:
    query = f"""query ($after: String) {{ unmatchedPayments(first: 200, after: $after, where: {where})
        {{ nodes {{ knownAs reason day head amount }} {PAGE} }} }}"""
    found: Items = {}
    for node in await everything(desk, query, "unmatchedPayments"):
        found.setdefault(node["reason"], set()).add((node["knownAs"], node["day"], node["head"]))
    return found


def told_unmatched(systems: Systems) -> Items:
    """A reversal stands on the day it was made."""
    return {
        REASONS[reason]: {
            (one.get("receipt", one["psid"]), one.get("reversed_on", one["day"]), one["head"]) for one in items
        }
        for reason, items in systems.truth["q12"]["unmatched"].items()
    }  # fmt: skip


async def test_unmatched_payments_both_ways_with_their_reasons(desk: Desk, systems: Systems) -> None:
    expected = told_unmatched(systems)
    assert expected.keys() == set(REASONS.values())
    assert await unmatched(desk) == expected


@pytest.mark.parametrize("day", ["2025-09-10", "2025-10-06", "2025-10-08", "2025-10-07", "2025-11-05"])
async def test_unmatched_payments_of_a_day(desk: Desk, systems: Systems, day: str) -> None:
    """A day's books are read and what they leave open is looked for: no book is read whole."""
    expected = {
        reason: {one for one in items if one[1] == day} for reason, items in told_unmatched(systems).items()
    }  # fmt: skip
    assert await unmatched(desk, f'{{day: {{eq: "{day}"}}}}') == {
        reason: items for reason, items in expected.items() if items
    }
    read = desk.ledger.last["rows"]
    roots = {"BankScrollLine": "bankScrollLines", "Transaction": "transactions", "Receipt": "receipts"}
    for record, root in roots.items():
        assert read[f"finance.{record}"] * 5 < await how_many(desk, root)


async def test_bills_beside_what_was_paid_for_them(desk: Desk, systems: Systems) -> None:
    """As a till would reckon, of every bill that anything was ever paid for, and of a payment without a bill."""
    query = f"""query ($after: String) {{ billBalances(first: 1000, after: $after)
        {{ nodes {{ psid demanded paid paidMore }} {PAGE} }} }}"""
    found = {
        node["psid"]: (node["demanded"], node["paid"], node["paidMore"])
        for node in await everything(desk, query, "billBalances")
    }
    expected = {
        psid: (None if demanded is None else money(demanded), money(paid),
               None if demanded is None else money(paid - demanded))
        for psid, (demanded, paid) in balances(Raw(systems.folder)).items()
    }  # fmt: skip
    assert {psid: found[psid] for psid in expected} == expected
    assert {found[psid][1] for psid in found.keys() - expected.keys()} == {"0.00"}, "what was taken back is nothing"
    assert sum(one[2] not in (None, "0.00") for one in found.values()) >= 15
    assert sum(one[0] is None for one in found.values()) >= 3


@pytest.mark.parametrize("psids", [1, 6], ids=str)
async def test_calls_for_bills_do_not_grow_with_payments(desk: Desk, systems: Systems, psids: int) -> None:
    """A thousand bills are asked for at once: of one payment or of several it is one call for what they demand, and one
    for all that was paid."""
    told = systems.truth["q12"]["unmatched"]["paid_in_part"][:psids]
    data = await desk.data(
        f"""{{ billBalances(where: {{psid: {{in: [{", ".join(f'"{one["psid"]}"' for one in told)}]}}}}) {{
            nodes {{ psid paidMore }} }} }}""",
        AUDITOR,
    )
    assert len(data["billBalances"]["nodes"]) == psids
    assert all(Decimal(node["paidMore"]) < 0 for node in data["billBalances"]["nodes"])
    assert desk.ledger.last["sourceCalls"] == {"bpay_report": 2}
    assert desk.ledger.last["rows"]["finance.BillDemand"] == psids


async def test_partial_and_over_payments_as_known_then(desk: Desk, systems: Systems) -> None:
    """Of two payments in full the second is not known yet: the bill is as it should be."""
    twice = [one["psid"] for one in systems.truth["q12"]["unmatched"]["paid_in_excess"] if one["day"] == "2025-10-08"]
    query = """query ($psids: [String!], $at: DateTime) {
        unmatchedPayments(asKnownAt: $at, where: {psid: {in: $psids}}) { nodes { psid day reason paidMore } } }"""
    then = await desk.data(query, AUDITOR, psids=twice, at="2025-10-07T23:59:00+05:00")
    assert then["unmatchedPayments"]["nodes"] == []
    now = await desk.data(query, AUDITOR, psids=twice, at="2025-12-01T00:00:00+05:00")
    assert {(node["psid"], node["day"], node["reason"]) for node in now["unmatchedPayments"]["nodes"]} == {
        (psid, "2025-10-08", "paid in excess") for psid in twice
    }  # fmt: skip


async def how_many(desk: Desk, root: str) -> int:
    return int((await desk.data(f"{{ {root} {{ totalCount }} }}", AUDITOR))[root]["totalCount"])


async def test_collection_as_known_then_and_now(desk: Desk, systems: Systems) -> None:
    told = systems.truth["q24"]
    query = f"""query ($after: String) {{ dailyCollections(asKnownAt: "{told["as_known_at"]}", first: 200,
        after: $after, where: {{day: {{lte: "2025-07-05"}}}}) {{ nodes {{ day head bpay bank fabs }} {PAGE} }} }}"""
    then = daily(await everything(desk, query, "dailyCollections"))
    assert then == told["daily"]
    now = systems.truth["q12"]["daily"]
    later = {(one["day"], one["head"], one["system"]) for one in told["recorded_later"]}
    changed = {
        (day, head, system)
        for day, heads in now.items() if day <= "2025-07-05"
        for head, amounts in heads.items()
        for system, amount in amounts.items()
        if then.get(day, {}).get(head, {}).get(system, "0.00") != amount
    }  # fmt: skip
    assert changed <= later
    assert changed


async def test_spending_by_function_beside_outcomes_for_five_years(desk: Desk, systems: Systems) -> None:
    told = systems.truth["q18"]
    query = f"""query ($after: String) {{ districtFunctionSpendings(first: 200, after: $after) {{
        nodes {{ fiscalYear districtCode function budget released spent pupils outpatients }} {PAGE} }} }}"""
    money: dict[str, Any] = {}
    for node in await everything(desk, query, "districtFunctionSpendings", person("planner")):
        year, code = node["fiscalYear"], node["districtCode"]
        amounts = {name: node[name] for name in ("budget", "released", "spent")}
        money.setdefault(year, {}).setdefault(code, {})[node["function"]] = amounts
        assert node["pupils"] == told["enrolment"].get(year, {}).get(code)
        assert node["outpatients"] == told["outpatients"].get(year, {}).get(code)
    assert money == told["money"]


async def test_the_next_page_of_a_derived_list_goes_on_with_the_rows_of_the_first(file_desk: Desk) -> None:
    query = f"""query ($after: String) {{ unpostedPayslips(first: 10, after: $after)
        {{ nodes {{ cnic }} {PAGE} }} }}"""
    calls: list[str] = []
    connectors = file_desk.house.reach.connectors
    file_desk.house.reach = replace(
        file_desk.house.reach, connectors={name: Told(one, calls) for name, one in connectors.items()}
    )
    first = await file_desk.ask(query, AUDITOR, {"after": None})
    after = {"after": first["data"]["unpostedPayslips"]["pageInfo"]["endCursor"]}
    asked = len(calls)
    second = await file_desk.ask(query, AUDITOR, after)
    assert len(calls) == asked
    file_desk.house.reach = replace(file_desk.house.reach, lately=Lately())
    assert await file_desk.ask(query, AUDITOR, after) == second
    assert len(calls) == 2 * asked
    await file_desk.ask(query, AUDITOR, {"after": None})
    assert len(calls) == 3 * asked


class Told:
    """Passes on, and notes that it was asked."""

    def __init__(self, inner: Connector, calls: list[str]) -> None:
        self.inner, self.source, self.calls = inner, inner.source, calls

    async def fetch(self, fetch: Fetch, /) -> Rows:
        self.calls.append(self.source.name)
        return await self.inner.fetch(fetch)

    async def aclose(self) -> None:
        await self.inner.aclose()
