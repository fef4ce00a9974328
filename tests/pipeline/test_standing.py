"""Bounds, ranks and trends: what is not certain is not told apart."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from gateway.columnwise import evaluate
from gateway.standing import bound
from gateway.table import WITHHELD, Table
from schema.derive import Query
from schema.derive.nodes import Given
from schema.derive.shape import cells
from schema.periods import before, covering, frequencies, frequency_of, with_earlier

NAMES = ("place", "period", "value", "low", "high", "better")


def worked(query: Query, given: list[Any]) -> list[Any]:
    return evaluate(query.node, {0: Table.of(given, len(NAMES), withheld=True)}).rows()


def interval(part: int, whole: int, kind: str, places: int = 4) -> tuple[Decimal | None, Decimal | None]:
    low, high = (bound(part, whole, side, kind, 1, places) for side in ("low", "high"))
    return low, high


@pytest.mark.parametrize(("part", "whole", "low", "high"), [
    (81, 263, "0.2552", "0.3663"),  # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
    (15, 148, "0.0624", "0.1606"),
    (0, 20, "0.0000", "0.1612"),
    (29, 29, "0.8829", "1.0000"),
])  # fmt: skip
def test_a_proportion_lies_where_wilson_says(part: int, whole: int, low: str, high: str) -> None:
    found = interval(part, whole, "proportion")
    assert all(
        end is not None and abs(end - Decimal(told)) <= Decimal("0.0001")
        for end, told in zip(found, (low, high), strict=True)
    )


@pytest.mark.parametrize(("events", "low", "high"), [
    (0, "0.00", "3.69"), (10, "4.80", "18.39"), (100, "81.36", "121.63"),
])  # fmt: skip
def test_a_count_of_events_lies_where_poisson_says(events: int, low: str, high: str) -> None:
    """The exact limits; Byar's approximation is within one percent from ten events on."""
    found = interval(events, 1, "rate", 2)
    for end, told in zip(found, (low, high), strict=True):
        assert end is not None
        assert abs(end - Decimal(told)) <= max(Decimal("0.05"), Decimal(told) / 100)


def test_money_has_no_chance_in_it_and_nothing_lies_over_nothing() -> None:
    assert interval(1, 3, "exact", 2) == (Decimal("0.33"), Decimal("0.33"))
    assert interval(5, 3, "proportion", 2) == (Decimal("1.66"), Decimal("1.67")), "a share over one is told as it is"
    assert interval(1, 0, "proportion") == (None, None)


def ranked(*rows: tuple[Any, ...]) -> dict[str, tuple[Any, ...]]:
    """Place -> rank_from, rank_to, band, peers of (place, low, high) where more is better."""
    given = [(place, "p", low, low, high, True) for place, low, high in rows]
    query = Query(Given(0, NAMES)).ranked("period", low="low", high="high", better="better")
    assert cells(query.node)[-4:] == ("rank_from", "rank_to", "band", "peers")
    return {row[0]: row[-4:] for row in worked(query, given)}


def test_places_whose_bounds_overlap_share_a_band_and_their_ranks() -> None:
    found = ranked(("a", 80, 90), ("b", 75, 85), ("c", 74, 76), ("d", 10, 20), ("e", 10, 20), ("f", 1, 2))
    assert found == {
        "a": (1, 2, 1, 6), "b": (1, 3, 1, 6), "c": (2, 3, 1, 6),
        "d": (4, 5, 2, 6), "e": (4, 5, 2, 6), "f": (6, 6, 3, 6),
    }  # fmt: skip


def test_where_less_is_better_the_lowest_is_first() -> None:
    given = [("a", "p", 5, 4, 6, False), ("b", "p", 9, 8, 10, False)]
    query = Query(Given(0, NAMES)).ranked("period", low="low", high="high", better="better")
    assert {row[0]: row[-4] for row in worked(query, given)} == {"a": 1, "b": 2}


def test_a_withheld_place_has_no_rank_and_moves_nobodys() -> None:
    """Whether it is the best or the worst cannot be told from the ranks of the others."""
    others = [("a", 80, 90), ("b", 10, 20)]
    alone = ranked(*others)
    assert ranked(*others, ("x", WITHHELD, WITHHELD)) == {**alone, "x": (None,) * 4}
    assert ranked(*others, ("x", None, None)) == {**alone, "x": (None,) * 4}


def compared(*rows: tuple[Any, ...]) -> dict[str, tuple[Any, ...]]:
    """Period -> previous_period, previous, trend of (period, low, high)."""
    given = [("a", period, low, low, high, True) for period, low, high in rows]
    query = Query(Given(0, NAMES)).compared(
        "place", period="period", value="value", low="low", high="high", better="better", back=2
    )
    return {row[1]: row[-3:] for row in worked(query, given)}


def test_a_change_that_may_be_chance_is_steady() -> None:
    found = compared(
        ("2025-01", 10, 20), ("2025-02", 15, 30), ("2025-03", 40, 50), ("2025-05", 1, 2), ("2025-09", 1, 2)
    )  # fmt: skip
    assert found == {
        "2025-01": (None, None, None), "2025-02": ("2025-01", 10, "Steady"), "2025-03": ("2025-02", 15, "Improving"),
        "2025-05": ("2025-03", 40, "Worsening"), "2025-09": (None, None, None),
    }  # fmt: skip


def test_a_withheld_past_is_not_told_by_the_trend() -> None:
    found = compared(("2025-01", WITHHELD, WITHHELD), ("2025-02", 15, 30))
    assert found["2025-02"] == ("2025-01", WITHHELD, WITHHELD)


def test_periods_are_told_apart_by_how_they_are_written() -> None:
    kinds = {
        "2025-09-30": "DAILY", "2025-09": "MONTHLY", "2025": "ANNUAL", "2024-25": "FISCAL_YEAR", "current": "CURRENT",
    }  # fmt: skip
    assert {period: frequency_of(period) for period in kinds} == kinds
    assert [frequency_of(one) for one in ("2025-02-30", "2025-13", "25", "", "9999", "2024-26")] == [None] * 6
    assert covering("2025-03-31") == ("2025-03-31", "2025-03", "2025", "2024-25", "current")
    assert covering("2024-25") == ("2024-25", "current")
    assert frequencies("2025-09") == ("ANNUAL", "CURRENT", "FISCAL_YEAR", "MONTHLY")
    assert frequencies("soon") == ()
    assert before("2025-01", 2) == ("2024-12", "2024-11")
    assert before("2000-01", 0) == before("current", 3) == before("soon", 3) == ()
    assert before("1999-00", 1) == ("1998-99",)
    assert before("0001", 3) == ()
    assert with_earlier(("2025-03-01", "2025-02-28"), 1) == ("2025-03-01", "2025-02-28", "2025-02-27")
