"""How values travel to clients and back: nothing is rounded on the way, and no message repeats what was sent."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.objects import written
from schema.scalars import (
    BOOLEAN,
    BY_ANNOTATION,
    DATE,
    DATETIME,
    DECIMAL,
    FLOAT,
    INT,
    KARACHI,
    LONG,
    NATIONAL_ID,
    STRING,
    Long,
    NationalId,
    Scalar,
)

GOOD: list[tuple[Scalar, Any, Any]] = [
    (STRING, "", ""), (STRING, "a", "a"), (INT, 0, 0), (INT, 2**31 - 1, 2**31 - 1), (INT, -(2**31), -(2**31)),
    (LONG, "9223372036854775807", 2**63 - 1), (LONG, -5, -5), (LONG, "-5", -5),
    (DECIMAL, "1250.50", Decimal("1250.50")), (DECIMAL, 3, Decimal(3)), (DECIMAL, "-0.01", Decimal("-0.01")),
    (DECIMAL, Decimal("1.5"), Decimal("1.5")), (FLOAT, 1, 1.0), (FLOAT, 1.5, 1.5), (BOOLEAN, True, True),
    (DATE, "2024-02-29", dt.date(2024, 2, 29)),
    (DATETIME, "2025-09-30T14:05:00+05:00", dt.datetime(2025, 9, 30, 14, 5, tzinfo=dt.timezone(dt.timedelta(hours=5)))),
    (DATETIME, "2025-09-30T14:05:00Z", dt.datetime(2025, 9, 30, 14, 5, tzinfo=dt.UTC)),
    (NATIONAL_ID, "5440112345671", "5440112345671"), (NATIONAL_ID, "54401-1234567-1", "5440112345671"),
]  # fmt: skip
BAD: list[tuple[Scalar, Any]] = [
    (STRING, 1), (STRING, None), (STRING, True), (INT, True), (INT, 1.0), (INT, "1"), (INT, 2**31),
    (LONG, True), (LONG, 1.0), (LONG, "1.0"), (LONG, "9223372036854775808"), (LONG, 2**63), (LONG, ""), (LONG, "+1"),
    (LONG, "\u0661"), (LONG, "1" * 5000), (DECIMAL, 1.5), (DECIMAL, True), (DECIMAL, "1e5"), (DECIMAL, "NaN"),
    (DECIMAL, "Infinity"), (DECIMAL, ""), (DECIMAL, "1,250.50"), (DECIMAL, "1."), (DECIMAL, ".5"), (DECIMAL, "9" * 29),
    (DECIMAL, "\u0661.\u0665"), (FLOAT, "1.5"), (FLOAT, True), (BOOLEAN, 1), (BOOLEAN, "true"), (DATE, "2025-02-29"),
    (DATE, "2025-9-1"), (DATE, "20250901"), (DATE, "2025-09-01T00:00:00Z"), (DATE, 20250901), (DATE, "0000-01-01"),
    (DATE, "\u0662\u0660\u0662\u0665-\u0660\u0669-\u0660\u0661"),
    (DATETIME, "2025-09-30T14:05:00"), (DATETIME, "2025-09-30"), (DATETIME, "yesterday"), (DATETIME, 0),
    (NATIONAL_ID, "544011234567"), (NATIONAL_ID, "54401123456712"), (NATIONAL_ID, 5440112345671),
    (NATIONAL_ID, "5440-11234567-1"), (NATIONAL_ID, ""),
]  # fmt: skip


@pytest.mark.parametrize(("scalar", "sent", "value"), GOOD, ids=lambda part: getattr(part, "name", repr(part)[:30]))
def test_what_a_client_may_send(scalar: Scalar, sent: Any, value: Any) -> None:
    assert scalar.parse(sent) == value
    assert type(scalar.parse(sent)) is type(value)


@pytest.mark.parametrize(("scalar", "sent"), BAD, ids=lambda part: getattr(part, "name", repr(part)[:30]))
def test_what_a_client_may_not_send(scalar: Scalar, sent: Any) -> None:
    with pytest.raises(ValueError, match=r"is expected|has 13 digits|looks like"):
        scalar.parse(sent)


@pytest.mark.parametrize("scalar", [LONG, DECIMAL, DATE, DATETIME, NATIONAL_ID, INT], ids=lambda scalar: scalar.name)
def test_no_message_repeats_what_was_sent(scalar: Scalar) -> None:
    """It may be somebody's number."""
    with pytest.raises(ValueError, match=r"expected|digits|looks like") as caught:
        scalar.parse("5440112345671x")
    assert "54401" not in str(caught.value)


@given(value=st.integers(-(2**63), 2**63 - 1))
def test_a_long_comes_back_as_it_went(value: int) -> None:
    assert isinstance(LONG.output(value), str)
    assert LONG.parse(LONG.output(value)) == value


@given(value=st.decimals(min_value=-(10**20), max_value=10**20, places=2))
def test_a_decimal_comes_back_as_it_went(value: Decimal) -> None:
    told = DECIMAL.output(value)
    assert isinstance(told, str)
    assert DECIMAL.parse(told) == value


DECODED: dict[Any, Any] = {
    str: "text", int: 2**60, float: 1.5, bool: True, Decimal: Decimal("1.50"), dt.date: dt.date(2025, 9, 30),
    dt.datetime: dt.datetime(2025, 9, 30, 14, 5, tzinfo=KARACHI), NationalId: "5440012345671", Long: 2**60,
}  # fmt: skip


@pytest.mark.parametrize("annotation", BY_ANNOTATION, ids=str)
def test_what_goes_out_as_it_is_is_what_output_tells(annotation: Any) -> None:
    scalar, value = BY_ANNOTATION[annotation], DECODED[annotation]
    assert (scalar.output(value) is value) is scalar.as_it_is


def test_a_moment_keeps_its_offset() -> None:
    told = written(DATETIME.output(dt.datetime(2025, 9, 30, 9, 5, tzinfo=dt.UTC)))
    assert told == b'"2025-09-30T09:05:00+00:00"'


@pytest.mark.parametrize("scalar", BY_ANNOTATION.values(), ids=lambda scalar: scalar.name)
@given(sent=st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none(), st.just([]), st.just({})))
def test_whatever_a_client_sends_is_read_or_a_value_error(scalar: Scalar, sent: Any) -> None:
    try:
        value = scalar.parse(sent)
    except ValueError:
        return
    assert isinstance(value, scalar.python) or scalar in (LONG, NATIONAL_ID)
