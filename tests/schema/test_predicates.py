"""Conditions of rules are written so that a mistake is an error, never a rule that is silently false or true."""

from __future__ import annotations

from typing import Any

import pytest

from schema.predicates import (
    And,
    Attribute,
    Compare,
    Holds,
    IsNull,
    Not,
    Or,
    is_in,
    is_null,
    predicate_of,
    principal,
    row,
)

EVERY_NAME = (
    "name", "_name", "__class__", "__dict__", "__init__", "_compare", "value", "mro", "__getattribute__", "__eq__",
)  # fmt: skip


@pytest.mark.parametrize("name", EVERY_NAME)
def test_row_and_principal_have_no_attributes_of_their_own(name: str) -> None:
    """`row.name == principal.name` compares the two fields of that name, whatever the name."""
    condition = getattr(row, name) == getattr(principal, name)
    assert predicate_of(condition) == Compare(name, "eq", Attribute(name))


def test_a_condition_has_no_truth() -> None:
    """`and`, `or`, `not`, `if` and a chained comparison would each lose a part of it."""
    one, other = row.a == 1, row.b == 2
    for losing in (
        lambda: one and other, lambda: one or other, lambda: not one, lambda: 1 if one else 2, lambda: 1 < row.a < 3,
    ):  # fmt: skip
        with pytest.raises(TypeError, match=r"write conditions with &, \| and ~"):
            losing()


@pytest.mark.parametrize(
    ("condition", "op"),
    [
        (lambda: row.a == 1, "eq"), (lambda: row.a != 1, "ne"), (lambda: row.a < 1, "lt"), (lambda: row.a <= 1, "lte"),
        (lambda: row.a > 1, "gt"), (lambda: row.a >= 1, "gte"),
    ],
)  # fmt: skip
def test_comparisons_say_what_is_written(condition: Any, op: str) -> None:
    assert predicate_of(condition()) == Compare("a", op, 1)


def test_conditions_combine() -> None:
    one, other = row.a == 1, is_null(row.b)
    parts = Compare("a", "eq", 1), IsNull("b")
    assert predicate_of(one & other) == And(parts)
    assert predicate_of(one | other) == Or(parts)
    assert predicate_of(~one) == Not(parts[0])


def test_membership_takes_values_or_the_principals_list() -> None:
    assert predicate_of(is_in(row.a, ("x", "y"))) == Compare("a", "in", ("x", "y"))
    assert predicate_of(is_in(row.a, ["x"])) == Compare("a", "in", ("x",))
    assert predicate_of(is_in(row.a, principal.districts)) == Compare("a", "in", Attribute("districts"))


def test_a_principals_attribute_may_stand_on_either_side() -> None:
    expected = Compare("district_code", "eq", Attribute("district"))
    assert predicate_of(row.district_code == principal.district) == expected
    assert predicate_of(principal.district == row.district_code) == expected


def test_a_principals_attribute_may_be_compared_with_a_literal() -> None:
    assert predicate_of(principal.department == "health") == Holds("department", "health")


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (lambda: row.a == None, r"row.a is compared with None; use is_null\(row.a\)"),  # noqa: E711
        (lambda: row.a != None, "row.a is compared with None"),  # noqa: E711
        (lambda: row.a == row.b, "row.a is compared with another field"),
        (lambda: principal.a == principal.b, "principal.a is compared with something that is no row field"),
        (lambda: principal.a == None, "principal.a is compared with something"),  # noqa: E711
        (lambda: principal.a == [1], "principal.a is compared with something"),
    ],
)
def test_a_comparison_that_could_never_hold_is_an_error(condition: Any, told: str) -> None:
    with pytest.raises(TypeError, match=told):
        condition()


def test_a_value_may_stand_on_the_left() -> None:
    value = 1
    assert predicate_of(value > row.a) == Compare("a", "lt", 1)
    assert predicate_of(principal.a >= row.b) == Compare("b", "lte", Attribute("a"))


@pytest.mark.parametrize("losing", [lambda: principal.a != "x", lambda: principal.a != row.b, lambda: principal.a < 3])
def test_what_a_principals_attribute_cannot_be_asked_is_an_error(losing: Any) -> None:
    """Python would answer some of these by itself, with a plain True."""
    with pytest.raises(TypeError):
        assert predicate_of(losing()) is None
