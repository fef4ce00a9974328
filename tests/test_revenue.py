"""Revenue in sums, told again by plain SQL over what the departments' systems hold; bills of a payer, for the payer."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal

import pytest

from auth.principal import ANONYMOUS, Principal
from schema.districts import SPELLINGS
from tests.houses import AUDITOR, Desk, Systems, person
from tests.legacy.raw import Raw
from tests.test_province import everything, told_unmatched

CODE = {spelling: code for code, spellings in SPELLINGS.items() for spelling in spellings}
PAGE = "pageInfo { hasNextPage endCursor }"
OFFICER = person("department_officer", department="finance")


@pytest.fixture
def raw(systems: Systems) -> Raw:
    return Raw(systems.folder)


def rupees(paisa: int) -> str:
    return str(Decimal(paisa).scaleb(-2).quantize(Decimal("0.01")))


def percent(part: int, whole: int) -> str | None:
    if not whole:
        return None
    return str((Decimal(part) * 100 / whole).quantize(Decimal("0.1"), ROUND_HALF_EVEN))


async def test_collection_beside_target_and_last_year(desk: Desk, raw: Raw) -> None:
    """The accounts' lines are the receipts' own sums, and every month of the year has its target."""
    collected: Counter[tuple[str, str, str]] = Counter()
    for day, head, place, paisa, reversal in raw.rows(
        "fabs_soap", "SELECT receipt_date, head_code, dist_txt, amount_paisa, reversal_of FROM receipts"
    ):
        collected[f"{day[:4]}-{day[4:6]}", CODE[place], head] += -paisa if reversal else paisa
    aimed: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for month, head, place, *paisa in raw.rows(
        "fabs_soap", "SELECT acct_month, head_code, dist_txt, target_paisa, last_year_paisa FROM revenue_targets"
    ):
        own = aimed[f"{month[:4]}-{month[4:]}", CODE[place], head]
        own[:] = [one + other for one, other in zip(own, paisa, strict=True)]
    expected = {
        key: (
            rupees(collected[key]) if key in collected else None, rupees(target), rupees(last_year),
            percent(collected[key], target) if key in collected else None,
            percent(collected[key], last_year) if key in collected else None,
        )
        for key, (target, last_year) in aimed.items()
    }  # fmt: skip
    assert collected.keys() <= aimed.keys()
    query = f"""query ($after: String) {{ revenueCollections(first: 1000, after: $after) {{ nodes {{
        month districtCode head collected target lastYear ofTarget ofLastYear }} {PAGE} }} }}"""
    nodes = await everything(desk, query, "revenueCollections", ANONYMOUS)
    found = {
        (node["month"], node["districtCode"], node["head"]): (
            node["collected"], node["target"], node["lastYear"], node["ofTarget"], node["ofLastYear"],
        )
        for node in nodes
    }  # fmt: skip
    assert found == expected
    assert {one[4] for one in found.values()} > {None}


async def test_collection_of_a_month_reads_that_month(desk: Desk) -> None:
    data = await desk.data(
        """{ revenueCollections(where: {month: {eq: "2025-09"}, district: {division: {eq: "Makran"}}}) {
             aggregate(groupBy: [HEAD]) { key { head } count sum { collected target } } } }""",
        ANONYMOUS,
    )
    assert {group["key"]["head"] for group in data["revenueCollections"]["aggregate"]} == {
        "TOKTAX", "VEHREG", "PROPTX", "B016", "MUTFEE",
    }  # fmt: skip
    read = desk.ledger.last["rows"]
    assert read["finance.RevenueTarget"] <= 36 * 5
    assert read["finance.ReceiptTotal"] <= 36 * 5 * 6


async def test_arrears_by_age_and_nothing_of_few(desk: Desk, raw: Raw) -> None:
    owing: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for due, head, place, paisa in raw.rows(
        "bpay", """SELECT due_date, head_code, dist_txt, amount_within_paisa FROM bills AS one
        WHERE bill_status = 'U' AND NOT EXISTS (
            SELECT 1 FROM bills WHERE original_psid = one.original_psid AND issue > one.issue)"""
    ):  # fmt: skip
        age = next(
            name for until, name in (
                ("20241030", "More than a year"), ("20250801", "91 to 365 days"), ("20250930", "31 to 90 days"),
                ("20251031", "0 to 30 days"), ("99999999", "Not yet due"),
            ) if due <= until
        )  # fmt: skip
        own = owing[CODE[place], head, age]
        own[:] = [own[0] + 1, own[1] + paisa]
    query = f"""query ($after: String) {{ arrearsLines(first: 500, after: $after) {{ nodes {{
        districtCode head age bills amount countedOn }} {PAGE} }} }}"""
    nodes = await everything(desk, query, "arrearsLines", ANONYMOUS)
    found = {(node["districtCode"], node["head"], node["age"]): (node["bills"], node["amount"]) for node in nodes}
    assert found == {
        key: (bills, rupees(paisa)) if bills >= 10 else (None, None) for key, (bills, paisa) in owing.items()
    }
    assert {age for _, _, age in found} == {
        "0 to 30 days", "31 to 90 days", "91 to 365 days", "More than a year",
    }  # fmt: skip
    assert {node["countedOn"] for node in nodes} == {"2025-10-31"}
    told = [bills for bills, _ in found.values()]
    assert None in told
    assert any(told)


async def test_few_bills_cannot_be_found_by_filters_order_or_sums(desk: Desk) -> None:
    few = await desk.data("{ arrearsLines(where: {bills: {lt: 10}}) { totalCount } }", ANONYMOUS)
    assert few["arrearsLines"]["totalCount"] == 0
    query = '{ arrearsLines(where: {not: {amount: {gte: "0"}}}) { nodes { bills amount } } }'
    rest = await desk.data(query, ANONYMOUS)
    assert {(node["bills"], node["amount"]) for node in rest["arrearsLines"]["nodes"]} == {(None, None)}
    refused = await desk.ask("{ billTotals { nodes { bills } } }", ANONYMOUS)
    assert refused["errors"][0]["extensions"]["code"] == "REFUSED"


async def test_leaks_are_the_unmatched_payments_counted(desk: Desk, systems: Systems) -> None:
    query = f"""query ($after: String) {{ revenueLeaks(first: 500, after: $after) {{ nodes {{
        day head reason payments }} {PAGE} }} }}"""
    found = {
        (node["reason"], node["day"], node["head"]): node["payments"]
        for node in await everything(desk, query, "revenueLeaks")
    }
    unmatched = told_unmatched(systems)
    assert found == Counter((reason, day, head) for reason, items in unmatched.items() for _, day, head in items)


async def test_bills_issued_again_and_again(desk: Desk, systems: Systems) -> None:
    query = f"""query ($after: String) {{ reissuedBills(after: $after) {{
        nodes {{ originalPsid issues districtCode amount }} {PAGE} }} }}"""
    nodes = await everything(desk, query, "reissuedBills", OFFICER)
    found = {node["originalPsid"]: (node["issues"], node["districtCode"], node["amount"]) for node in nodes}
    assert found == {
        one["original"]: (one["issues"], one["district"], one["amount"])
        for one in systems.truth["issued_again"] if one["issues"] >= 3
    }  # fmt: skip
    assert desk.ledger.last["rows"]["finance.IssuedBill"] < 20


BILLS = f"""query ($after: String) {{ issuedBills(first: 100, after: $after) {{ nodes {{
    psid payerNumber status dueOn amountWithinDueDate bill {{ status }} }} {PAGE} }} }}"""


async def a_payer(desk: Desk, raw: Raw, pattern: str) -> tuple[str, set[str]]:
    """Somebody's number, digits only where it is a CNIC, and the PSIDs of the bills."""
    ((number,), *_) = raw.rows("bpay", "SELECT cnic FROM bills WHERE cnic GLOB ? ORDER BY psid LIMIT 1", pattern)
    psids = {psid for (psid,) in raw.rows("bpay", "SELECT psid FROM bills WHERE cnic = ?", number)}
    return number.replace("-", "") if len(number) == 15 else number, psids


def citizen(cnic: str | None) -> Principal:
    return person("citizen") if cnic is None else person("citizen", cnic=cnic)


async def test_a_citizen_sees_the_own_bills_and_only_these(desk: Desk, raw: Raw) -> None:
    cnic, psids = await a_payer(desk, raw, "5*-*")
    nodes = await everything(desk, BILLS, "issuedBills", citizen(cnic))
    assert {node["psid"] for node in nodes} == psids
    assert {node["payerNumber"] for node in nodes} == {cnic}
    assert all(node["bill"]["status"] == node["status"] for node in nodes)
    assert desk.ledger.last["rows"]["finance.IssuedBill"] == len(psids)


async def test_an_organisation_sees_the_bills_of_its_ntn(desk: Desk, raw: Raw) -> None:
    ntn, psids = await a_payer(desk, raw, "???????-?")
    nodes = await everything(desk, BILLS, "issuedBills", person("organisation", ntn=ntn))
    assert {node["psid"] for node in nodes} == psids


@pytest.mark.parametrize("who", [ANONYMOUS, citizen(None), person("organisation"), person("planner")], ids=str)
async def test_who_is_nobody_in_particular_sees_no_bill_of_anybody(desk: Desk, who: Principal) -> None:
    response = await desk.ask("{ issuedBills { nodes { psid } } }", who)
    assert response["data"]["issuedBills"] is None
    assert response["errors"][0]["extensions"]["code"] == "REFUSED"


@pytest.mark.parametrize("where", [
    '{payerNumber: {eq: "%s"}}', '{payerNumber: {ne: "x"}}', '{psid: {eq: "%s"}}', '{not: {payerNumber: {eq: "x"}}}',
    '{payerNumber: {startsWith: "5"}}', '{or: [{payerNumber: {eq: "%s"}}, {status: {eq: "Paid"}}]}',
])  # fmt: skip
async def test_nobody_finds_the_bills_of_another(desk: Desk, raw: Raw, where: str) -> None:
    own, psids = await a_payer(desk, raw, "5*-*")
    ((other, psid), *_) = raw.rows(
        "bpay", "SELECT cnic, psid FROM bills WHERE cnic LIKE '5%' AND replace(cnic, '-', '') <> ? LIMIT 1", own
    )
    asked = where.replace("%s", psid if "psid" in where else other.replace("-", ""))
    data = await desk.data(
        f"{{ issuedBills(where: {asked}) {{ nodes {{ psid }} pageInfo {{ hasNextPage }} }} }}", citizen(own)
    )  # fmt: skip
    assert {node["psid"] for node in data["issuedBills"]["nodes"]} <= psids
    assert not data["issuedBills"]["pageInfo"]["hasNextPage"]


async def test_how_many_bills_there_are_of_others_is_not_counted(desk: Desk, raw: Raw) -> None:
    own, _ = await a_payer(desk, raw, "5*-*")
    response = await desk.ask("{ issuedBills { totalCount } }", citizen(own))
    assert response["errors"][0]["extensions"]["code"] == "REFUSED"


async def test_a_cursor_of_one_payer_is_nothing_to_another(desk: Desk, raw: Raw) -> None:
    own, _ = await a_payer(desk, raw, "5*-*")
    data = await desk.data("{ issuedBills(first: 1) { edges { cursor } } }", citizen(own))
    cursor = data["issuedBills"]["edges"][0]["cursor"]
    stranger = replace(citizen("5400100000012"), subject="somebody-else")
    query = "query ($after: String) { issuedBills(after: $after) { nodes { psid } } }"
    response = await desk.ask(query, stranger, {"after": cursor})
    assert response["errors"][0]["extensions"]["code"] == "BAD_CURSOR"


async def test_an_auditor_needs_a_case_for_whose_bill_it_is(desk: Desk) -> None:
    response = await desk.ask("{ issuedBills(first: 1) { nodes { payerNumber } } }", person("auditor"))
    assert response["errors"][0]["extensions"]["code"] in ("PURPOSE_REQUIRED", "CASE_REQUIRED")
    assert await desk.data("{ issuedBills(first: 1) { nodes { payerNumber } } }", AUDITOR)


