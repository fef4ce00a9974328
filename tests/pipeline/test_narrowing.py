"""A filter on a derived record is carried down to what it is worked out from, and that changes no answer: each is what
the unfiltered answer gives when it is filtered here."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from auth.principal import Principal
from gateway.narrowing import narrowed
from tests.houses import AUDITOR, Desk, person
from tests.pipeline import steps

RECORDS = {
    "unpostedPayslips": "code month employeeNumber cnic gross",
    "absenteePayslips": "code teacherCode month schoolCode districtCode marks gross",
    "dailyCollections": "code day head bpay bank fabs",
    "unmatchedPayments": "code reason day head amount paid settled booked",
    "districtFunctionSpendings": "code fiscalYear districtCode function budget released spent pupils outpatients",
    "districtEnrolments": "code censusYear districtCode enrolment children perThousand",
    "busyStockOuts": "code facilityCode drugCode month daysOut outpatients median",
}
ACTING = replace(AUDITOR, also=replace(AUDITOR, subject="represented"))
AMOUNTS = {"gross", "bpay", "bank", "fabs", "amount", "paid", "settled", "booked", "budget", "released", "spent",
           "perThousand", "median"}  # fmt: skip
Test = Callable[[Any], bool]


def comparable(field: str, value: Any) -> Any:
    return Decimal(value) if field in AMOUNTS else value


def filters_of(field: str, values: list[Any]) -> list[tuple[str, Test]]:
    """Filters on the field and what they say, around values it has and one it has not."""
    present = sorted({value for value in values if value is not None}, key=lambda value: comparable(field, value))
    found: list[tuple[str, Test]] = [
        ("isNull: true", lambda value: value is None), ("isNull: false", lambda value: value is not None),
    ]  # fmt: skip
    if not present:
        return found
    middle, several = present[len(present) // 2], [present[0], present[-1]]
    bound = comparable(field, middle)
    there: Callable[[Test], Test] = lambda test: lambda value: value is not None and test(comparable(field, value))  # noqa: E731
    written = ", ".join(literal(value) for value in several)
    wanted = {comparable(field, value) for value in several}
    return [
        *found,
        (f"eq: {literal(middle)}", there(lambda value: value == bound)),
        (f"ne: {literal(middle)}", there(lambda value: value != bound)),
        (f"in: [{written}]", there(lambda value: value in wanted)),
        (f"lt: {literal(middle)}", there(lambda value: value < bound)),
        (f"gte: {literal(middle)}", there(lambda value: value >= bound)),
        (f"gte: {literal(present[0])}, lt: {literal(middle)}", there(lambda value: value < bound)),
    ]


def literal(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


async def whole(desk: Desk, root: str, fields: str, who: Principal) -> list[dict[str, Any]]:
    """All rows; values of other rows may be unreadable."""
    nodes: list[dict[str, Any]] = []
    after = None
    query = f"query ($a: String) {{ {root}(first: 500, after: $a) {{ nodes {{ {fields} }} " + (
        "pageInfo { hasNextPage endCursor } } }"
    )
    while True:
        told = (await desk.ask(query, who, {"a": after}))["data"][root]
        nodes += told["nodes"]
        if not told["pageInfo"]["hasNextPage"]:
            return nodes
        after = told["pageInfo"]["endCursor"]


async def compare(desk: Desk, root: str, fields: str, who: Principal) -> int:
    """Asks every filter on every field; how many of them found some rows and left some out."""
    rows = await whole(desk, root, fields, who)
    key = fields.split()[0]
    telling = 0
    for field in fields.split():
        for written, holds in filters_of(field, [row[field] for row in rows]):
            query = f"{{ {root}(first: 1000, where: {{{field}: {{{written}}}}}) {{ nodes {{ {key} }} }} }}"
            answer = await desk.ask(query, who)
            if "not to include unknown field" in str(answer.get("errors")):
                continue  # no such operator on such a field
            if "errors" in answer:
                assert {error["extensions"]["code"] for error in answer["errors"]} == {"SOURCE_UNAVAILABLE"}, answer
            expected = sorted(row[key] for row in rows if holds(row[field]))
            assert [node[key] for node in answer["data"][root]["nodes"]] == expected[:1000], query
            telling += 0 < len(expected) < len(rows)
    return telling


@pytest.mark.parametrize(
    ("root", "who"),
    [
        *((root, AUDITOR) for root in RECORDS),
        ("districtEnrolments", person("planner")),
        ("absenteePayslips", ACTING),
        ("districtEnrolments", ACTING),
    ],
    ids=lambda value: value if isinstance(value, str) else "for another" if value is ACTING else min(value.roles),
)
async def test_every_filter_on_every_field_gives_what_filtering_the_whole_gives(
    root: str, who: Principal, file_desk: Desk
) -> None:
    assert await compare(file_desk, root, RECORDS[root], who) >= 3


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", sorted(steps.QUERIES))
async def test_through_every_kind_of_step(name: str, seed: int) -> None:
    desk = steps.desk(seed)
    fields = " ".join(part.api_name for part in steps.record_of(desk, name).fields.values())
    assert await compare(desk, steps.record_of(desk, name).plural, fields, AUDITOR) >= 1


async def test_a_filter_through_a_link_to_a_derived_record(file_desk: Desk) -> None:
    rows = await whole(file_desk, "absenteePayslips", "code month districtCode", AUDITOR)
    month = rows[0]["month"]
    query = f"""{{ absenteePayslips(first: 1000, where: {{month: {{eq: "{month}"}},
        district: {{division: {{eq: "Makran"}}}}}}) {{ nodes {{ code district {{ division }} }} }} }}"""
    told = (await file_desk.ask(query, AUDITOR))["data"]["absenteePayslips"]["nodes"]
    makran = {"KEC", "GWA", "PAN"}
    expected = [row["code"] for row in rows if row["month"] == month and row["districtCode"] in makran]
    assert [node["code"] for node in told] == sorted(expected)


@pytest.mark.parametrize(
    ("root", "where"),
    [
        ("absenteePayslips", 'month: {eq: "9999-12"}'), ("absenteePayslips", 'month: {eq: "nonsense"}'),
        ("absenteePayslips", 'month: {eq: "0001-01"}'), ("dailyCollections", 'day: {eq: "9999-12-31"}'),
        ("dailyCollections", 'day: {eq: "0001-01-01"}'), ("districtFunctionSpendings", 'fiscalYear: {eq: "9999-00"}'),
        ("districtFunctionSpendings", 'fiscalYear: {eq: "x"}'), ("busyStockOuts", 'month: {eq: "2025-13"}'),
    ],
)  # fmt: skip
async def test_a_month_or_day_that_is_none_finds_nothing(root: str, where: str, file_desk: Desk) -> None:
    answer = await file_desk.ask(f"{{ {root}(where: {{{where}}}) {{ nodes {{ code }} }} }}", AUDITOR)
    assert answer["data"] == {root: {"nodes": []}}
    assert "INTERNAL" not in str(answer)


def test_a_filter_is_carried_to_the_records_beneath() -> None:
    """Otherwise the tests above would hold for a gateway that carries nothing down."""
    desk = steps.desk(0)
    access = desk.house.policy.access(AUDITOR)
    carried = set()
    for name in steps.QUERIES:
        record = steps.record_of(desk, name)
        query = access.record(record.name).query
        assert query is not None
        for part in record.fields.values():
            test = steps.equal(part, _value(part.scalar.kind))
            if narrowed(record.relation.query, [test], query.leaves):  # type: ignore[union-attr]
                carried.add(name)
    assert carried == steps.QUERIES.keys() - {"quantile"}


def _value(kind: str) -> Any:
    return {"int": 1, "date": dt.date(2025, 7, 3), "decimal": Decimal(1)}.get(kind, random.Random(0).choice("ab"))
