"""Every value of every indicator is what the departments' own rows say, worked out anew in plain SQL and Python."""

from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest

from connectors.province.indicators import indicators
from schema.indicators import Indicator
from schema.periods import Frequency
from tests.evaluation.recomputed import RECOMPUTED, Made
from tests.houses import AUDITOR, Desk, Systems
from tests.legacy.raw import Raw

PERIODS = {
    Frequency.CURRENT: ("current",), Frequency.MONTHLY: ("2025-08", "2025-09"), Frequency.ANNUAL: ("2024", "2025"),
    Frequency.FISCAL_YEAR: ("2024-25", "2025-26"), Frequency.DAILY: ("2025-07-01", "2025-07-02"),
}  # fmt: skip
QUERY = """query ($code: String!, $level: String!, $periods: [String!], $after: String) {
    indicatorValues(first: 500, after: $after,
        where: {indicator: {eq: $code}, level: {eq: $level}, period: {in: $periods}}) {
      nodes { period districtCode value numerator denominator numeratorRows denominatorRows suppressed }
      pageInfo { hasNextPage endCursor } } }"""


async def values(desk: Desk, code: str, level: str, periods: tuple[str, ...]) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = []
    after = None
    while True:
        asked = {"code": code, "level": level, "periods": list(periods), "after": after}
        response = await desk.ask(QUERY, AUDITOR, asked)
        assert all("cannot be read" in error["message"] for error in response.get("errors", ())), response["errors"]
        assert "missing" not in response.get("extensions", {})
        page = response["data"]["indicatorValues"]
        nodes += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return nodes


def expected(one: Indicator, told: tuple[Any, Any]) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """Value, numerator and denominator, as far as so few may be told of."""
    part, whole = (None if number is None else Decimal(number) for number in told)
    if part is not None and whole is not None and any(0 < number < one.k for number in (part, whole, whole - part)):
        return None, None, whole
    value = None
    if part is not None and whole:
        value = (part * one.times / whole).quantize(Decimal(1).scaleb(-one.places), ROUND_HALF_EVEN)
    return value, part, whole


def decimals(node: dict[str, Any]) -> tuple[Decimal | None, ...]:
    return tuple(
        None if node[name] is None else Decimal(node[name]) for name in ("value", "numerator", "denominator")
    )


def of_the_province(made: Made) -> Made:
    found: dict[str, list[tuple[Any, Any]]] = defaultdict(list)
    for (_, period), told in made.items():
        found[period].append(told)
    return {
        (None, period): (
            sum((part for part, _ in every if part is not None), Decimal(0)) if any(one[0] is not None for one in every)
            else None,
            sum((whole for _, whole in every), Decimal(0)),
        )
        for period, every in found.items()
    }  # fmt: skip


def test_there_are_enough_of_them_and_each_is_worked_out_anew() -> None:
    assert len(indicators) >= 20
    assert {one.code for one in indicators} == RECOMPUTED.keys()


@pytest.mark.parametrize("one", indicators, ids=lambda one: one.code)
async def test_an_indicator_is_what_the_rows_say(one: Indicator, desk: Desk, systems: Systems) -> None:
    made, periods = RECOMPUTED[one.code](Raw(systems.folder)), PERIODS[one.frequency]
    told = {key: figures for key, figures in made.items() if key[1] in periods}
    assert told
    for level, figures in (("DISTRICT", told), ("PROVINCE", of_the_province(told))):
        if level == "DISTRICT" and all(district is None for district, _ in figures):
            continue
        wanted = {
            key: expected(one, numbers) for key, numbers in figures.items() if level == "PROVINCE" or key[0]
        }
        nodes = await values(desk, one.code, level, periods)
        found = {(node["districtCode"], node["period"]): decimals(node) for node in nodes}
        assert len(found) == len(nodes)
        assert found == wanted
        assert all(node["suppressed"] is (node["numerator"] is None and node["value"] is None) for node in nodes
                   if one.k)
        assert all(node["denominatorRows"] > 0 for node in nodes)
