"""Days, months, years and moments, as legacy systems write them. What has no offset is Karachi's."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from schema.codecs.codec import Codec, unlisted
from schema.errors import Unreadable
from schema.scalars import KARACHI


def _day(year: str, month: str, day: str) -> dt.date:
    try:
        return dt.date(int(year), int(month), int(day))
    except ValueError:
        raise Unreadable("this day does not exist") from None


def _decode_yyyymmdd(raw: Any) -> dt.date | None:
    if isinstance(raw, str):
        if not raw.strip() or raw == "00000000":
            return None
        if len(raw) == 8 and raw.isascii() and raw.isdigit():
            return _day(raw[:4], raw[4:6], raw[6:])
    raise Unreadable("not a date as YYYYMMDD")


yyyymmdd = Codec(
    "yyyymmdd", _decode_yyyymmdd, lambda day: (day.isoformat().replace("-", ""),), kind="text", ordered=True
)  # fmt: skip
"""A day as YYYYMMDD; blank and 00000000 are null."""


def _decode_ddmmyyyy(raw: Any) -> dt.date | None:
    if isinstance(raw, str):
        if not raw.strip():
            return None
        if re.fullmatch(r"[0-9]{2}/[0-9]{2}/[0-9]{4}", raw):
            return _day(raw[6:], raw[3:5], raw[:2])
    raise Unreadable("not a date as DD/MM/YYYY")


ddmmyyyy = Codec("ddmmyyyy", _decode_ddmmyyyy, lambda day: (f"{day:%d/%m}/{day.year:04d}",), kind="text")
"""A day as DD/MM/YYYY; blank is null."""


def _decode_iso_day(raw: Any) -> dt.date | None:
    if isinstance(raw, str):
        if not raw.strip():
            return None
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", raw):
            return _day(raw[:4], raw[5:7], raw[8:])
    raise Unreadable("not a date as YYYY-MM-DD")


iso_day = Codec("iso_day", _decode_iso_day, lambda day: (day.isoformat(),), kind="text")
"""A day kept as text YYYY-MM-DD; blank is null."""


def _decode_yyyymm(raw: Any) -> str | None:
    if isinstance(raw, str):
        if not raw.strip():
            return None
        if len(raw) == 6 and raw.isascii() and raw.isdigit() and "01" <= raw[4:] <= "12":
            return f"{raw[:4]}-{raw[4:]}"
    raise Unreadable("not a month as YYYYMM")


def _spell_yyyymm(value: str) -> tuple[str, ...]:
    return (value.replace("-", ""),) if re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", value) else ()


yyyymm = Codec("yyyymm", _decode_yyyymm, _spell_yyyymm, kind="text")
"""A month kept as YYYYMM, told as 2025-09; blank is null."""


def _decode_year(raw: Any) -> int:
    if isinstance(raw, str) and len(raw) == 4 and raw.isascii() and raw.isdigit():
        return int(raw)
    raise Unreadable("not a year of four digits")


year_text = Codec(
    "year_text", _decode_year, lambda year: (f"{year:04d}",) if 0 <= year <= 9999 else (), kind="text"
)  # fmt: skip
"""A year kept as text of four digits."""


def _decode_local(raw: Any) -> dt.datetime:
    if isinstance(raw, dt.datetime):
        return raw.replace(tzinfo=KARACHI) if raw.tzinfo is None else raw.astimezone(KARACHI)
    raise Unreadable("not a date-time")


local_time = Codec(
    "local_time", _decode_local, lambda value: (value.astimezone(KARACHI).replace(tzinfo=None),), kind="datetime",
    total=True, ordered=True,
)  # fmt: skip
"""A stamp without zone, which means Karachi's time."""


def _decode_stamp(raw: Any) -> dt.datetime | None:
    if isinstance(raw, str):
        if not raw.strip():
            return None
        try:
            stamp = dt.datetime.fromisoformat(raw)
        except ValueError:
            raise Unreadable("not an ISO 8601 date-time") from None
        return stamp.replace(tzinfo=KARACHI) if stamp.tzinfo is None else stamp.astimezone(KARACHI)
    raise Unreadable("not an ISO 8601 date-time")


iso_stamp = Codec("iso_stamp", _decode_stamp, unlisted, kind="text")
"""A moment kept as ISO 8601 text; without an offset it means Karachi's time; blank is null."""


offset_stamp = Codec("offset_stamp", _decode_stamp, unlisted, kind="text", ordered=True)
"""The same, where all raws carry one offset to the second, so that they sort as their moments do."""


def _spell_naive(value: dt.datetime) -> tuple[str, ...]:
    whole = value.astimezone(KARACHI).replace(tzinfo=None)
    return () if whole.microsecond else (whole.isoformat(),)


naive_stamp = Codec("naive_stamp", _decode_stamp, _spell_naive, kind="text", ordered=True)
"""A moment kept as ISO 8601 text to the second, never with an offset: Karachi's time."""
