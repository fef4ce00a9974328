"""Periods as they are written: a day 2025-09-30, a month 2025-09, a year 2025, a fiscal year 2024-25 (July to June), or
``current`` for what is only known now. What lies before a period, and which longer ones it stands in."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from enum import StrEnum


class Frequency(StrEnum):
    """How often a figure is known."""

    DAILY = "DAILY"
    MONTHLY = "MONTHLY"
    ANNUAL = "ANNUAL"
    FISCAL_YEAR = "FISCAL_YEAR"
    CURRENT = "CURRENT"


CURRENT = "current"
"""The period of what registers hold now and of no other day."""
_WRITTEN = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


def frequency_of(period: str) -> Frequency | None:
    """What kind of period is written there; None when it is none. What may be a month is one: 2011-12."""
    if period == CURRENT:
        return Frequency.CURRENT
    written = _WRITTEN.fullmatch(period)
    if written is None or written.group(1) in ("0000", "9999"):
        return None
    year, second, day = written.groups()
    if second is None:
        return Frequency.ANNUAL
    if day is not None:
        try:
            dt.date.fromisoformat(period)
        except ValueError:
            return None
        return Frequency.DAILY
    if 1 <= int(second) <= 12:
        return Frequency.MONTHLY
    return Frequency.FISCAL_YEAR if int(second) == (int(year) + 1) % 100 else None


def fiscal_year(year: int) -> str:
    return f"{year}-{(year + 1) % 100:02d}"


def covering(period: str) -> tuple[str, ...]:
    """The period and the longer ones it stands in; what is only known now stands beside every period."""
    match frequency_of(period):
        case Frequency.DAILY:
            return (period, *covering(period[:7]))
        case Frequency.MONTHLY:
            year, month = int(period[:4]), int(period[5:])
            return (period, period[:4], fiscal_year(year if month >= 7 else year - 1), CURRENT)
        case Frequency.ANNUAL | Frequency.FISCAL_YEAR:
            return (period, CURRENT)
    return (period,)


def frequencies(period: str) -> tuple[str, ...]:
    """The frequencies of the figures that stand beside the period."""
    return tuple(sorted({found.value for one in covering(period) if (found := frequency_of(one)) is not None}))


def last_day(period: str) -> dt.date | None:
    """The last day of the period; None of what is only known now, and of what is no period."""
    match frequency_of(period):
        case Frequency.DAILY:
            return dt.date.fromisoformat(period)
        case Frequency.MONTHLY:
            year, month = int(period[:4]), int(period[5:])
            return dt.date(year + month // 12, month % 12 + 1, 1) - dt.timedelta(days=1)
        case Frequency.ANNUAL:
            return dt.date(int(period), 12, 31)
        case Frequency.FISCAL_YEAR:
            return dt.date(int(period[:4]) + 1, 6, 30)
    return None


def before(period: str, back: int) -> tuple[str, ...]:
    """The ``back`` periods of its kind before it, the nearest first."""
    found: list[str] = []
    for _ in range(back):
        try:
            period = _before(period)
        except (ValueError, OverflowError):
            break
        if frequency_of(period) is None:
            break
        found.append(period)
    return tuple(found)


def _before(period: str) -> str:
    match frequency_of(period):
        case Frequency.DAILY:
            return (dt.date.fromisoformat(period) - dt.timedelta(days=1)).isoformat()
        case Frequency.MONTHLY:
            return (dt.date.fromisoformat(f"{period}-01") - dt.timedelta(days=1)).isoformat()[:7]
        case Frequency.ANNUAL:
            return f"{int(period) - 1:04d}"
        case Frequency.FISCAL_YEAR:
            return fiscal_year(int(period[:4]) - 1)
    return ""


def with_earlier(periods: Iterable[str], back: int) -> tuple[str, ...]:
    """The periods and the ``back`` ones before each."""
    return tuple(dict.fromkeys(one for period in periods for one in (period, *before(period, back))))
