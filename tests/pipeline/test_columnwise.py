"""Each step of a derived record's query over rows written out by hand: null keys, ties, ends of months, withheld
counts."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from gateway.columnwise import evaluate
from gateway.table import WITHHELD, Table
from schema.derive import (
    Expression,
    Measured,
    Query,
    Test,
    added,
    both,
    cases,
    cell,
    count,
    day_of,
    days_after,
    distinct,
    either,
    first_of,
    fiscal_year_of,
    fixed,
    has,
    head_of,
    joined,
    lacks,
    least,
    less_if,
    minus,
    month_of,
    most,
    opposite,
    or_else,
    plus,
    ratio,
    rows,
    total,
    values,
)
from schema.derive.nodes import Given, Node
from schema.derive.shape import cells, children

Rows = list[tuple[Any, ...]]
LEFT: Rows = [(1, "a"), (2, "b"), (3, None), (4, "a")]
RIGHT: Rows = [("a", 10), ("a", 11), (None, 12), ("c", 13)]


def given(step: int, *names: str) -> Query:
    return Query(Given(step, names))


def worked(query: Query, *tables: Rows) -> Rows:
    names = given_names(query.node)
    held = {at: table_of(rows, len(names[at])) for at, rows in enumerate(tables)}
    found = evaluate(query.node, held)
    assert len(found.columns) == len(cells(query.node))
    assert all(len(column) == found.size for column in found.columns)
    return sorted(found.rows(), key=repr)


def given_names(node: Node) -> dict[int, tuple[str, ...]]:
    if isinstance(node, Given):
        return {node.step: node.names}
    return {at: names for child in children(node) for at, names in given_names(child).items()}


def table_of(rows: Rows, width: int) -> Table:
    return Table.of(rows, width, withheld=any(value is WITHHELD for row in rows for value in row))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


# Joins

ONE, TWO = given(0, "id", "key"), given(1, "key", "more")


def test_rows_are_joined_where_keys_are_equal_and_null_matches_nothing() -> None:
    assert worked(ONE.join(TWO, key="key"), LEFT, RIGHT) == [(1, "a", 10), (1, "a", 11), (4, "a", 10), (4, "a", 11)]


def test_a_left_join_keeps_what_matches_nothing_with_nulls() -> None:
    found = worked(ONE.left_join(TWO, key="key"), LEFT, RIGHT)
    assert [row for row in found if row[2] is None] == [(2, "b", None), (3, None, None)]


def test_without_keeps_what_matches_nothing_a_null_key_included() -> None:
    assert worked(ONE.without(TWO, key="key"), LEFT, RIGHT) == [(2, "b"), (3, None)]


def test_a_match_has_all_rows_of_both_and_the_key_that_is_there() -> None:
    found = worked(ONE.match(TWO, key="key"), LEFT, RIGHT)
    assert [row for row in found if row[0] is None] == [(None, "c", 13), (None, None, 12)]
    assert [row for row in found if row[2] is None] == [(2, "b", None), (3, None, None)]
    assert len(found) == 8


def test_a_match_of_nothing_with_something_is_all_of_it() -> None:
    assert worked(ONE.match(TWO, key="key"), [], RIGHT[:1]) == [(None, "a", 10)]
    assert worked(ONE.match(TWO, key="key"), LEFT[:1], []) == [(1, "a", None)]


def test_several_keys_match_only_together() -> None:
    one, two = given(0, "a", "b"), given(1, "x", "y", "z")
    assert worked(one.join(two, a="x", b="y"), [(1, 2), (1, None)], [(1, 2, 3), (1, 3, 4), (1, None, 5)]) == [(1, 2, 3)]


def test_without_keys_all_rows_match() -> None:
    one, two = given(0, "a"), given(1, "b")
    assert worked(one.match(two), [(1,), (2,)], [(3,)]) == [(1, 3), (2, 3)]
    assert worked(one.match(two), [], [(3,)]) == [(None, 3)]
    assert worked(one.join(two), [(1,)], []) == []


# Tests

TESTS: dict[str, tuple[Test, list[int]]] = {
    "equal": (cell.one == 2, [2]),
    "not equal passes no null": (cell.one != 2, [1, 3]),
    "two cells": (cell.one < cell.two, [1]),
    "at most": (cell.one <= 2, [1, 2]),
    "more": (cell.one > 2, [3]),
    "at least": (cell.one >= 2, [2, 3]),
    "lacks": (lacks("one"), [4]),
    "has": (has("one"), [1, 2, 3]),
    "either": (either(cell.one == 1, lacks("one")), [1, 4]),
    "both": (both(cell.one > 1, has("two")), [2]),
    "the opposite has the nulls": (opposite(cell.one == 2), [1, 3, 4]),
}  # fmt: skip


@pytest.mark.parametrize("name", TESTS)
def test_a_test_keeps(name: str) -> None:
    test, kept = TESTS[name]
    table: Rows = [(1, 1, 2), (2, 2, 2), (3, 3, None), (4, None, 9)]
    assert [row[0] for row in worked(given(0, "id", "one", "two").keep(test), table)] == kept


def test_a_cell_is_not_compared_with_none() -> None:
    with pytest.raises(TypeError, match=r"use lacks\('one'\)"):
        cell.one == None  # noqa: B015, E711


# Groups

MEASURES: list[tuple[Measured, Any]] = [
    (count(), 4), (count(cell.amount > 1), 2), (values("amount"), 3), (total("amount"), Decimal("6.30")),
    (total("amount", only=cell.amount > 1), Decimal("5.30")), (least("amount"), Decimal("1.00")),
    (most("amount"), Decimal("3.30")), (distinct("name"), 2),
]  # fmt: skip


@pytest.mark.parametrize(("measure", "expected"), MEASURES, ids=lambda value: getattr(value, "function", None))
def test_a_group_is_measured(measure: Measured, expected: Any) -> None:
    table = [("x", Decimal("1.00")), ("x", Decimal("2.00")), ("y", Decimal("3.30")), (None, None)]
    assert worked(given(0, "name", "amount").group(found=measure), table) == [(expected,)]


def test_nothing_is_one_group_without_a_field_and_none_with_one() -> None:
    query = given(0, "name", "amount")
    measures = {"n": count(), "s": total("amount"), "m": least("amount"), "d": distinct("name")}
    assert worked(query.group(**measures), []) == [(0, None, None, 0)]
    assert worked(query.group("name", **measures), []) == []


def test_null_is_a_group_of_its_own() -> None:
    assert worked(given(0, "name").group("name", n=count()), [("a",), (None,), (None,)]) == [("a", 1), (None, 2)]


def test_sums_of_many_digits_are_exact() -> None:
    table = [(Decimal("99999999999999999999999999999.99"),), (Decimal("0.01"),), (Decimal("0.01"),)]
    assert worked(given(0, "a").group(s=total("a")), table) == [(Decimal("100000000000000000000000000000.01"),)]


# What is worked out

STAMP = dt.datetime(2025, 6, 30, 20, 0, tzinfo=dt.UTC)
"""The first of July in Karachi."""
EXPRESSIONS: list[tuple[Expression, Any]] = [
    (ratio("two", "three", times=100, places=1), Decimal("66.7")), (ratio("two", "zero"), None),
    (ratio("two", "none"), None), (ratio("one", "eight", places=2), Decimal("0.12")),
    (minus("three", "two"), 1), (minus("three", "none"), None), (plus("two", "none", "three"), 5), (plus("none"), None),
    (added("two", "three"), 5), (added("two", "none"), None), (less_if("two", "none"), 2),
    (less_if("two", "three"), -2),
    (less_if("none", "three"), None), (or_else("none", 7), 7), (or_else("two", 7), 2), (first_of("none", "three"), 3),
    (first_of("none"), None), (head_of("text", 2), "ab"), (joined("text", "two"), "abc/2"),
    (joined("text", "none"), None), (joined("text", "two", between="-"), "abc-2"), (fixed("x"), "x"),
    (month_of("day"), "2025-06"), (month_of("stamp"), "2025-07"), (month_of("none"), None),
    (day_of("stamp"), day("2025-07-01")), (fiscal_year_of("day"), "2024-25"), (fiscal_year_of("stamp"), "2025-26"),
    (fiscal_year_of("month"), "1999-00"), (days_after("day", 1), day("2025-07-01")),
    (days_after("day", -30), day("2025-05-31")),
]  # fmt: skip
NAMES = ("zero", "one", "two", "three", "eight", "none", "text", "day", "stamp", "month")
ROW = (0, 1, 2, 3, 8, None, "abc", day("2025-06-30"), STAMP, "1999-09")


@pytest.mark.parametrize(("expression", "expected"), EXPRESSIONS, ids=lambda value: getattr(value, "function", None))
def test_a_cell_is_worked_out(expression: Expression, expected: Any) -> None:
    assert worked(given(0, *NAMES).compute(found=expression), [ROW]) == [(*ROW, expected)]


def test_the_first_case_that_holds_is_told() -> None:
    query = given(0, "a").compute(size=cases((cell.a > 10, "large"), (cell.a > 1, "middling"), otherwise="small"))
    assert worked(query, [(11,), (5,), (None,)]) == [(11, "large"), (5, "middling"), (None, "small")]


def test_a_case_may_tell_a_cell() -> None:
    query = given(0, "a", "b", "c").compute(owed=cases((cell.a > 10, cell.b), (cell.a > 1, 0), otherwise=cell.c))
    table = [(11, "b", "c"), (5, "b", "c"), (None, "b", "c"), (12, None, "c")]
    assert {row[0]: row[-1] for row in worked(query, table)} == {11: "b", 5: 0, None: "c", 12: None}


def test_a_case_that_tells_a_cell_reads_it() -> None:
    assert cases((cell.a > 1, cell.b), otherwise=cell.c).reads == ("a", "b", "c")


def test_a_later_cell_of_one_step_reads_an_earlier_one() -> None:
    query = given(0, "a").compute(a=or_else("a", 1), b=plus("a", "a"))
    assert worked(query, [(None,), (3,)]) == [(1, 2), (3, 6)]


# Time


def test_the_latest_row_of_each_group_and_of_a_tie_the_greatest_then() -> None:
    table: Rows = [("a", 1, "x"), ("a", 2, "x"), ("a", 2, "y"), ("a", 2, None), ("b", None, "z"), ("c", 1, None)]
    query = given(0, "who", "when", "what").latest("who", on="when", then=("what",))
    assert worked(query, table) == [("a", 2, "y"), ("c", 1, None)]


def test_a_value_holds_until_the_next_over_the_end_of_a_month() -> None:
    table = [("x", day("2025-01-30"), 0), ("x", day("2025-02-03"), 5)]
    found = worked(given(0, "who", "when", "left").held("who", on="when"), table)
    assert [(row[2], row[3], row[4]) for row in found] == [(0, "2025-01", 2), (0, "2025-02", 2), (5, "2025-02", 26)]


def test_the_last_value_is_carried_on_as_many_months_as_said() -> None:
    found = worked(given(0, "when").held(on="when", months=2), [(day("2024-12-31"),), (None,)])
    assert [row[1:] for row in found] == [("2024-12", 1), ("2025-01", 31), ("2025-02", 28)]


def test_of_two_values_of_one_day_the_later_holds() -> None:
    found = worked(given(0, "when", "left").held(on="when"), [(day("2025-01-31"), 1), (day("2025-01-31"), 2)])
    assert found == [(day("2025-01-31"), 2, "2025-01", 1)]


def test_a_span_is_spread_over_its_months_both_days_included() -> None:
    query = given(0, "first", "last").spread("first", "last")
    found = worked(query, [(day("2025-01-31"), day("2025-03-01")), (day("2025-01-01"), None)])
    assert [row[2] for row in found] == ["2025-01", "2025-02", "2025-03"]
    assert worked(query, [(day("2025-03-01"), day("2025-02-01"))]) == []


# Together, quantiles


def test_parts_are_put_together_by_the_names_of_their_cells() -> None:
    assert worked(given(0, "a", "b").together(given(1, "b", "a")), [(1, 2)], [(4, 3)]) == [(1, 2), (3, 4)]


@pytest.mark.parametrize(
    ("fraction", "expected"), [("0.5", "2.500000"), ("0.25", "1.750000"), ("0", "1.000000"), ("1", "4.000000"),
                               ("0.9", "3.700000")],
)  # fmt: skip
def test_a_quantile_is_interpolated_exactly(fraction: str, expected: str) -> None:
    found = worked(given(0, "a").quantile("q", "a", fraction), [(4,), (1,), (3,), (None,), (2,)])
    assert {row[1] for row in found} == {Decimal(expected)}
    assert len(found) == 5


def test_a_quantile_is_taken_by_group_and_null_over_nothing() -> None:
    table: Rows = [("x", Decimal("0.1")), ("x", Decimal("0.2")), ("y", None)]
    found = worked(given(0, "g", "a").quantile("q", "a", by=("g",)), table)
    assert [row[2] for row in found] == [Decimal("0.150000"), Decimal("0.150000"), None]


# What is withheld


def test_what_is_worked_out_of_a_withheld_figure_is_withheld_and_told_as_null() -> None:
    table = [("a", WITHHELD), ("b", 3), ("b", WITHHELD)]
    query = given(0, "g", "n")
    for expression in (plus("n"), first_of("n", "g"), or_else("n", 0), ratio("n", "n"), minus("n", "n")):
        assert all(
            (row[2] is WITHHELD) is (row[1] is WITHHELD) for row in worked(query.compute(m=expression), table)
        )
    choice = cases((cell.n > 1, "many"), otherwise="few")
    assert worked(query.compute(m=choice), table[:1]) == [("a", WITHHELD, WITHHELD)]
    for measure in (total("n"), count(cell.n > 1), values("n"), most("n"), distinct("n")):
        assert worked(query.group(m=measure), table) == [(WITHHELD,)]
    assert worked(query.group(m=count()), table) == [(3,)]
    assert {row[2] for row in worked(query.quantile("q", "n", by=("g",)), table)} == {WITHHELD}
    assert table_of([("a", WITHHELD)], 2).told().rows() == [("a", None)]
    assert worked(query.keep(either(cell.n >= 0, cell.n < 0)), table) == [("b", 3)]


def test_counts_of_finer_groups_are_added_and_withheld_with_one_of_them() -> None:
    table = [("x", "p", 12), ("x", "q", WITHHELD), ("y", "p", 20)]
    query = given(0, "g", "h", "#0")
    assert worked(query.group("g", n=Measured("counted", "#0"), d=distinct("h")), table) == [
        ("x", WITHHELD, WITHHELD), ("y", 20, 1),
    ]  # fmt: skip


def test_rows_of_a_record_have_to_be_read_first() -> None:
    with pytest.raises(TypeError, match="RowsOf has to be read by a step first"):
        evaluate(rows("office.One", code="code").node, {})
