"""Every codec reads what its column holds, spells what it read, keeps order where it says so, and calls the rest
unreadable without repeating it."""

from __future__ import annotations

import datetime as dt
import string
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.memory import compared
from schema.codecs import (
    Codec,
    bare_cnic,
    blank_is_null,
    cnic,
    code_table,
    ddmmyyyy,
    decimal,
    fixed_paisa,
    flag,
    identity,
    iso_day,
    iso_stamp,
    local_time,
    naive_stamp,
    offset_stamp,
    paisa,
    rupees_text,
    stripped,
    upper_trimmed,
    whole_number_text,
    year_text,
    yyyymm,
    yyyymmdd,
)
from schema.codecs.numbers import quantized
from schema.districts import ALIASES, NAMES, district_alias
from schema.errors import Unreadable
from schema.fetch import Column
from schema.scalars import KARACHI

anything = st.one_of(
    st.text(max_size=20), st.integers(), st.floats(), st.booleans(), st.decimals(allow_nan=False), st.dates(),
    st.decimals(-(10**6), 10**6, places=2), st.binary(max_size=8),
    st.text("0123456789-/+. :T", max_size=20), st.just([]), st.just({}),
)  # fmt: skip
text = st.text(max_size=12)
blanks = st.text(" \t\r\n", max_size=2)
padded = st.tuples(blanks, text, blanks).map("".join)
days = st.dates(min_value=dt.date(1000, 1, 1))
cents = st.decimals(min_value=Decimal("-9999999999.99"), max_value=Decimal("9999999999.99"), places=2)
naive = st.datetimes(min_value=dt.datetime(1900, 1, 1), max_value=dt.datetime(2100, 1, 1))
gender = code_table("gender", {1: "Male", 2: "Female", 3: "Male", 9: None}, kind="int")
emis = district_alias("EMIS")

VALUES: dict[Codec, st.SearchStrategy[Any]] = {
    cnic: st.text("0123456789", min_size=13, max_size=13),
    bare_cnic: st.text("0123456789", min_size=13, max_size=13), year_text: st.integers(0, 9999),
    gender: st.sampled_from(["Male", "Female"]),
    yyyymmdd: days, ddmmyyyy: days, iso_day: days,
    yyyymm: st.builds("{:04d}-{:02d}".format, st.integers(0, 9999), st.integers(1, 12)),
    paisa: cents, fixed_paisa(13, signed=True): cents, fixed_paisa(12, signed=False): cents.map(abs),
    local_time: naive.map(lambda stamp: stamp.replace(tzinfo=KARACHI)),
    naive_stamp: naive.map(lambda stamp: stamp.replace(microsecond=0, tzinfo=KARACHI)),
    flag("Y", "N", kind="text"): st.booleans(), flag(1, 0): st.booleans(),
    emis: st.sampled_from(sorted(NAMES)),
    identity: text,
}  # fmt: skip
CODECS = (
    *VALUES, stripped, blank_is_null, upper_trimmed, decimal(2), rupees_text, whole_number_text, iso_stamp,
    offset_stamp,
)  # fmt: skip


@pytest.mark.parametrize("codec", VALUES, ids=lambda codec: codec.name)
@given(data=st.data())
def test_every_spelling_of_a_value_is_read_as_that_value(codec: Codec, data: st.DataObject) -> None:
    value = data.draw(VALUES[codec])
    spelled = codec.spellings(value)
    assert spelled
    assert len(set(spelled)) == len(spelled)
    assert {codec.decode(raw) for raw in spelled} == {value}


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
@given(raw=anything)
def test_a_raw_that_is_read_is_among_the_spellings_of_what_it_means(codec: Codec, raw: Any) -> None:
    """The other direction: nothing decodes to a value that would not be asked for."""
    kinds = {"text": str, "int": int, "decimal": Decimal, "datetime": dt.datetime, None: str}
    if not isinstance(raw, kinds[codec.kind]) or isinstance(raw, bool):
        return
    try:
        value = codec.decode(raw)
    except Unreadable:
        return
    if isinstance(raw, Decimal) and raw != value:
        return  # a column with more places than declared
    if isinstance(raw, int) and not -(2**63) <= raw < 2**63:
        return  # no column holds it
    spelled = codec.spellings(value) if value is not None else None
    assert spelled is None or raw in spelled


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
@given(raw=anything)
def test_what_cannot_be_read_is_unreadable_and_not_repeated(codec: Codec, raw: Any) -> None:
    """Codecs for text say so for text; a value of the column's kind never raises anything else."""
    if codec.kind == "text" and not isinstance(raw, str) and codec.inline is not None:
        return
    told = ""
    try:
        codec.decode(raw)
    except Unreadable as error:
        told = str(error)
    assert isinstance(raw, (list, dict)) or len(str(raw)) < 5 or str(raw) not in told


@given(one=padded, other=padded)
@pytest.mark.parametrize("codec", [stripped, blank_is_null, upper_trimmed], ids=lambda codec: codec.name)
def test_a_source_that_normalises_compares_as_the_values_do(codec: Codec, one: str, other: str) -> None:
    column = Column("c", "text", normaliser=codec.normaliser)
    for raw in (one, other):
        assert (compared(column, {"c": raw}) or None) == (codec.decode(raw) or None)
        assert eval(str(codec.inline).format(v="raw"), {"raw": raw}) == codec.decode(raw)


ORDERED: dict[Codec, st.SearchStrategy[Any]] = {
    identity: text, decimal(2): cents, paisa: st.integers(-(10**15), 10**15), local_time: naive, stripped: padded,
    yyyymmdd: st.dates(dt.date(1000, 1, 1)).map(lambda day: day.strftime("%Y%m%d")),
    bare_cnic: st.text("0123456789", min_size=13, max_size=13),
    naive_stamp: naive.map(lambda stamp: stamp.replace(microsecond=0).isoformat()),
    offset_stamp: st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1)).map(
        lambda moment: moment.replace(microsecond=0, tzinfo=dt.timezone(dt.timedelta(hours=5))).isoformat()
    ),
}  # fmt: skip


@pytest.mark.parametrize("codec", ORDERED, ids=lambda codec: codec.name)
@given(data=st.data())
def test_raws_sort_as_their_values_where_a_codec_says_so(codec: Codec, data: st.DataObject) -> None:
    assert codec.ordered
    one, other = data.draw(ORDERED[codec]), data.draw(ORDERED[codec])
    column = Column("c", "text", normaliser=codec.normaliser)
    raws = (compared(column, {"c": one}), compared(column, {"c": other}))
    assert (raws[0] < raws[1]) == (codec.decode(one) < codec.decode(other))
    assert (raws[0] == raws[1]) == (codec.decode(one) == codec.decode(other))


def test_every_codec_that_claims_order_is_tested_for_it() -> None:
    assert {codec.name for codec in CODECS if codec.ordered} == {codec.name for codec in ORDERED}


@pytest.mark.parametrize("codec", [codec for codec in ORDERED if codec.total], ids=lambda codec: codec.name)
@given(data=st.data())
def test_a_total_codec_reads_every_raw(codec: Codec, data: st.DataObject) -> None:
    assert codec.decode(data.draw(ORDERED[codec])) is not None


def test_no_source_is_asked_for_more_paisa_than_it_can_hold() -> None:
    assert paisa.spellings(Decimal("92233720368547758.07")) == (2**63 - 1,)
    assert paisa.spellings(Decimal("92233720368547758.08")) == ()
    assert year_text.spellings(-1) == year_text.spellings(10_000) == ()


@given(raw=st.integers(-(10**17), 10**17))
def test_paisa_are_rupees_times_the_factor(raw: int) -> None:
    assert paisa.factor is not None
    assert paisa.decode(raw) == raw * paisa.factor
    assert eval(str(paisa.inline).format(v="raw"), {"raw": raw, "Decimal": Decimal}) == paisa.decode(raw)


@dataclass(frozen=True)
class Reads:
    """What a codec makes of raws: values, nulls and what it cannot read."""

    codec: Codec
    values: dict[Any, Any]
    nulls: tuple[Any, ...]
    unreadable: tuple[Any, ...]


TABLE = {
    "cnic": Reads(
        cnic, {"5440112345671": "5440112345671", "54401-1234567-1": "5440112345671"}, ("", "   "),
        ("544011234567", "54401123456712", "54401-123456-71", "54401 1234567 1", "5440112345671 ", "544O112345671",
         "\u0665440112345671", 5440112345671, 0, True),
    ),
    "bare_cnic": Reads(
        bare_cnic, {"5440112345671": "5440112345671"}, (),
        ("", "54401-1234567-1", "544011234567", "\u0665440112345671", 5440112345671),
    ),
    "year_text": Reads(
        year_text, {"2019": 2019, "0007": 7}, (), ("", "19", "20190", "-019", "\u0662\u0660\u0661\u0669", 2019)
    ),
    "yyyymmdd": Reads(
        yyyymmdd, {"20250930": dt.date(2025, 9, 30), "20240229": dt.date(2024, 2, 29)}, ("", " ", "00000000"),
        ("20250931", "20250229", "20251301", "2025093", "2025-09-30", "202509300", "00010000", 20250930, "\u0662" * 8),
    ),
    "ddmmyyyy": Reads(
        ddmmyyyy, {"30/09/2025": dt.date(2025, 9, 30)}, ("", " "),
        ("31/09/2025", "09/30/2025", "30-09-2025", "30/9/2025", "30/09/25", "00/00/0000", 30092025),
    ),
    "iso_day": Reads(
        iso_day, {"2025-09-30": dt.date(2025, 9, 30)}, ("", " "),
        ("2025-09-31", "2025-9-30", "20250930", "2025-09-30T00:00", "0000-00-00", dt.date(2025, 9, 30)),
    ),
    "yyyymm": Reads(
        yyyymm, {"202509": "2025-09"}, ("", "  "), ("202513", "202500", "2025-09", "20259", "2025099", 202509),
    ),
    "fixed_paisa": Reads(
        fixed_paisa(13, signed=True),
        {"+0000000186900": Decimal("1869.00"), "-0000000000001": Decimal("-0.01"), "+0000000000000": Decimal("0.00"),
         "-0000000000000": Decimal("0.00")},
        ("", " "),
        ("0000000186900", "+000000186900", "+00000001869000", "+00000001869.0", "+ 000000186900", "*0000000186900",
         186900),
    ),
    "fixed_paisa unsigned": Reads(
        fixed_paisa(12, signed=False), {"000000186900": Decimal("1869.00")}, ("", " "),
        ("+00000186900", "-00000186900", "00000186900", "0000001869000", "00000018690a"),
    ),
    "rupees_text": Reads(
        rupees_text, {"1869.00": Decimal("1869.00"), "-0.50": Decimal("-0.50")}, ("", " "),
        ("1869", "1869.0", "1,869.00", "1869.000", "NaN", "Infinity", "1e2", "Rs 5.00", 1869.0, Decimal("1869.00")),
    ),
    "whole_number_text": Reads(
        whole_number_text, {"42": 42, " -7 ": -7, "007": 7}, ("", " "),
        ("4.0", "4,000", "1e3", "--1", "1 2", "9" * 19, "\u0664", 42),
    ),
    "iso_stamp": Reads(
        iso_stamp,
        {"2025-09-30T14:05:00": dt.datetime(2025, 9, 30, 14, 5, tzinfo=KARACHI),
         "2025-09-30T09:05:00+00:00": dt.datetime(2025, 9, 30, 14, 5, tzinfo=KARACHI)},
        ("", " "), ("2025-09-31T00:00:00", "yesterday", "2025-09-30T25:00:00", 20250930),
    ),
    "flag": Reads(flag("Y", "N", kind="text"), {"Y": True, "N": False}, (), ("y", "", " ", "Y ", 1, None)),
    "code_table": Reads(gender, {1: "Male", 2: "Female", 3: "Male"}, (9,), (0, 4, "1", "", [])),
    "stripped": Reads(stripped, {" a ": "a", "": "", "\ta b\r\n": "a b", "\u00a0a": "\u00a0a"}, (), ()),
    "blank_is_null": Reads(blank_is_null, {" a ": "a"}, ("", " \t"), ()),
    "upper_trimmed": Reads(upper_trimmed, {" que-1 ": "QUE-1"}, ("", " "), ()),
    "decimal": Reads(
        decimal(2), {Decimal("1.005"): Decimal("1.00"), Decimal("1.015"): Decimal("1.02"), 3: Decimal("3.00")}, (),
        (Decimal("NaN"), Decimal("Infinity"), "many", ""),
    ),
    "paisa": Reads(paisa, {186900: Decimal("1869.00"), -1: Decimal("-0.01")}, (), ("186900", 1.5, Decimal(5))),
    "local_time": Reads(
        local_time, {dt.datetime(2025, 9, 30, 14, 5): dt.datetime(2025, 9, 30, 14, 5, tzinfo=KARACHI)}, (),
        ("2025-09-30", dt.date(2025, 9, 30), 0),
    ),
    "district_alias": Reads(
        emis, {"Chagai": "CHG", "CHAGHI": "CHG", "Quetta": "QUE", "QUETTA": "QUE", "Kech (Turbat)": "KEC"}, ("", "  "),
        ("quetta", "Quetta ", "Karachi", "QUE", 1, []),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_what_a_codec_reads(name: str) -> None:
    reads = TABLE[name]
    for raw, value in reads.values.items():
        assert reads.codec.decode(raw) == value
        assert type(reads.codec.decode(raw)) is type(value)
    for raw in reads.nulls:
        assert reads.codec.decode(raw) is None, repr(raw)
    for raw in reads.unreadable:
        with pytest.raises(Unreadable):
            print(repr(raw), reads.codec.decode(raw))


def test_fixed_amounts_that_do_not_fit_have_no_spelling() -> None:
    assert fixed_paisa(4, signed=True).spellings(Decimal("100.00")) == ()
    assert fixed_paisa(12, signed=False).spellings(Decimal("-1.00")) == ()
    assert fixed_paisa(12, signed=False).spellings(Decimal("1.005")) == ()
    assert paisa.spellings(Decimal("0.001")) == ()


def test_zero_is_written_with_either_sign() -> None:
    assert fixed_paisa(3, signed=True).spellings(Decimal(0)) == ("+000", "-000")


@given(value=text)
def test_a_text_that_is_no_month_or_code_has_no_spelling(value: str) -> None:
    for codec in (yyyymm, gender, emis):
        assert all(codec.decode(raw) == value for raw in codec.spellings(value) or ())


def test_no_spelling_means_two_districts() -> None:
    for code in NAMES:
        for spelling in emis.spellings(code) or ():
            assert emis.decode(spelling) == code, spelling
    assert ALIASES.keys() <= NAMES.keys()
    assert len(NAMES) == 36


def test_a_code_with_several_raws_has_them_all_as_spellings() -> None:
    assert gender.spellings("Male") == (1, 3)
    assert gender.spellings("Unknown") == ()


@given(raw=st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20))
def test_decimals_round_half_even_to_their_scale(raw: Decimal) -> None:
    value = quantized(raw, Decimal("0.01"))
    assert abs(value - raw) <= Decimal("0.005")
    assert value.as_tuple().exponent == -2


@given(raw=st.text(string.digits, min_size=1, max_size=20).filter(lambda digits: len(digits) != 13))
def test_a_number_of_another_length_is_no_cnic(raw: str) -> None:
    with pytest.raises(Unreadable):
        cnic.decode(raw)
