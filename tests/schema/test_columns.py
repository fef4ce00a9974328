"""A whole column decodes to what its values decode to one by one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from schema.codecs import Codec, cnic, code_table, decimal, rupees_text
from schema.codecs.numbers import written
from schema.districts import district_alias
from schema.errors import PartlyUnreadable, Unreadable

CLEAN: list[tuple[Codec, list[Any]]] = [
    (cnic, ["5400100000012", "54001-0000001-2", ""]),
    (code_table("table", {"A": "Active", "B": None}), ["A", "B", "A"]),
    (decimal(2), [Decimal("1"), Decimal("2.345"), Decimal("-0.005")]),
    (written(decimal(2)), ["1.00", "-2.34", "123456789012345678901234567890.00"]),
    (written(decimal(2)), [Decimal("1"), Decimal("2.345")]),
    (rupees_text, ["1.00", "-2.34", "", "12345678901234567890.00"]),
    (rupees_text, ["1.00", "12345678901234567890.00"]),
    (district_alias("EMIS"), ["Kech", "KECH"]),
]
DIRTY: list[tuple[Codec, list[Any]]] = [
    (cnic, ["5400100000012", "540010000001"]),
    (cnic, ["54001-0000001-2\n54001-0000002-3"]),
    (cnic, ["\u06f5400100000012"]),
    (cnic, [5400100000012]),
    (code_table("table", {"A": "Active"}), ["A", "Z"]),
    (cnic, ["5400100000012", "][", "5400100000012"]),
    (decimal(2), ["1.00"]),
    (decimal(2), [Decimal("1.00"), Decimal("NaN")]),
    (decimal(2), [Decimal("1.00"), Decimal("Infinity")]),
    (written(decimal(2)), ["1.00", "1.5"]),
    (written(decimal(2)), ["NaN"]),
    (written(decimal(2)), ["1.00", "2\n3.00"]),
    (rupees_text, ["1.00", "1.5"]),
    (rupees_text, ["1.00", ".50"]),
    (rupees_text, ["1.00", "123456789012345678901.00"]),
    (rupees_text, ["1.00", "\u0661.00"]),
    (rupees_text, ["1.00", "2.00\n3.00"]),
    (rupees_text, ["1.00", "2.00\n"]),
    (district_alias("EMIS"), ["Kech", ""]),
]


@pytest.mark.parametrize(("codec", "values"), CLEAN, ids=lambda part: getattr(part, "name", ""))
def test_a_column_gives_what_its_values_give(codec: Codec, values: list[Any]) -> None:
    assert codec.column is not None
    assert list(codec.column(values)) == [codec.decode(value) for value in values]


@pytest.mark.parametrize(("codec", "values"), DIRTY, ids=lambda part: getattr(part, "name", ""))
def test_a_column_with_anything_unusual_in_it_is_not_decoded_as_a_whole(codec: Codec, values: list[Any]) -> None:
    assert codec.column is not None
    with pytest.raises((Unreadable, TypeError, KeyError, AttributeError, ArithmeticError)):
        codec.column(values)


@pytest.mark.parametrize("codec", {codec.name: codec for codec, _ in CLEAN}.values(), ids=lambda codec: codec.name)
def test_a_column_reads_no_null_as_a_value(codec: Codec) -> None:
    assert codec.column is not None
    with pytest.raises((Unreadable, TypeError, KeyError, AttributeError)):
        codec.column([None])


def test_a_column_of_cnics_says_which_are_none_and_tells_the_others() -> None:
    assert cnic.column is not None
    with pytest.raises(PartlyUnreadable) as told:
        cnic.column(["54001-0000001-2", "540010000001", "", "[5400100000012]", "5400100000012"])
    assert told.value.places == (1, 3)
    assert [value for at, value in enumerate(told.value.column) if at not in (1, 3)] == [
        "5400100000012", None, "5400100000012",
    ]  # fmt: skip


def test_what_is_written_with_other_places_is_told_with_the_declared_ones() -> None:
    assert [written(decimal(2)).decode(raw) for raw in ("1.5", "2", Decimal("2.345"))] == ["1.50", "2.00", "2.34"]


def test_the_spellings_of_many_are_those_of_each() -> None:
    values = ["5400100000012", "5400200000021"]
    assert cnic.spell_all is not None
    assert set(cnic.spell_all(values)) == {raw for value in values for raw in cnic.spellings(value) or ()}
