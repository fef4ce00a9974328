"""The scalar types of the unified schema: how a decoded value is told to a client and read back from one.

``Decimal`` and ``Long`` travel as JSON strings so that no client rounds them; floats are refused as input for both.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NewType
from zoneinfo import ZoneInfo

NationalId = NewType("NationalId", str)
"""A CNIC or B-Form number: 13 digits, kept bare."""

Long = NewType("Long", int)
"""A whole number that may exceed 32 bits; a string in JSON."""

KARACHI = ZoneInfo("Asia/Karachi")


@dataclass(frozen=True, slots=True)
class Scalar:
    """``kind`` is the storage family connectors compare by; ``output`` makes JSON-ready values, ``parse`` reads a
    client's value (ValueError says what is wrong without repeating it). ``as_it_is``: ``output`` changes nothing."""

    name: str
    kind: str
    python: type
    parse: Callable[[Any], Any]
    output: Callable[[Any], Any]
    as_it_is: bool
    description: str


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a string is expected")
    return value


def _int32(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
        raise ValueError("a whole number of 32 bits is expected")
    return value


def _long(value: Any) -> int:
    if isinstance(value, (bool, float)):
        raise ValueError("a whole number, best as a string, is expected")
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value):
        value = int(value)
    if not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise ValueError("a whole number of 64 bits is expected")
    return value


def _decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, (bool, float)) or not isinstance(value, (str, int)):
        raise ValueError('a decimal number as a string is expected, e.g. "1250.50"; floats are refused')
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,28}(\.[0-9]{1,12})?", value):
        raise ValueError('a decimal number as a string is expected, e.g. "1250.50"')
    try:
        return Decimal(value)
    except InvalidOperation:
        raise ValueError("a decimal number is expected") from None


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("a number is expected")
    return float(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false is expected")
    return value


def _date(value: Any) -> dt.date:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            raise ValueError("this day does not exist; a date looks like 2025-09-30") from None
    raise ValueError("a date looks like 2025-09-30")


def _datetime(value: Any) -> dt.datetime:
    if isinstance(value, str):
        try:
            stamp = dt.datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("a date-time looks like 2025-09-30T14:05:00+05:00") from None
        if stamp.tzinfo is not None:
            return stamp
    raise ValueError("a date-time with its offset is expected, e.g. 2025-09-30T14:05:00+05:00")


def _national_id(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{13}|[0-9]{5}-[0-9]{7}-[0-9]", value):
        return value.replace("-", "")
    raise ValueError("a CNIC or B-Form number has 13 digits, bare or as 00000-0000000-0")


def _same(value: Any) -> Any:
    return value


STRING = Scalar("String", "text", str, _text, _same, True, "Text.")
INT = Scalar("Int", "int", int, _int32, _same, True, "A whole number of 32 bits.")
FLOAT = Scalar("Float", "float", float, _float, _same, True, "A floating-point number.")
BOOLEAN = Scalar("Boolean", "bool", bool, _boolean, _same, True, "True or false.")
LONG = Scalar("Long", "int", int, _long, str, False, "A whole number of 64 bits, as a string in JSON.")
DECIMAL = Scalar(
    "Decimal", "decimal", Decimal, _decimal, str, False,
    "An exact decimal number, as a string in JSON with its declared scale; floats are refused as input.",
)  # fmt: skip
DATE = Scalar("Date", "date", dt.date, _date, _same, True, "A calendar day, e.g. 2025-09-30; no time zone.")
DATETIME = Scalar(
    "DateTime", "datetime", dt.datetime, _datetime, dt.datetime.isoformat, False, "A moment with its offset from UTC."
)  # fmt: skip
NATIONAL_ID = Scalar(
    "NationalId", "text", str, _national_id, _same, True, "A CNIC or B-Form number: 13 digits, shown bare."
)  # fmt: skip

BY_ANNOTATION: dict[Any, Scalar] = {
    str: STRING, int: INT, float: FLOAT, bool: BOOLEAN, Decimal: DECIMAL, dt.date: DATE, dt.datetime: DATETIME,
    Long: LONG, NationalId: NATIONAL_ID,
}  # fmt: skip
CUSTOM = (LONG, DECIMAL, DATE, DATETIME, NATIONAL_ID)
