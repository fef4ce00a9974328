"""What the generators share: scale, seeded randomness, people and the truth as it is planted."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from legacy.geography import District, districts

MONTHS = tuple(
    f"{year}{month:02d}" for year, months in ((2024, (10, 11, 12)), (2025, range(1, 10))) for month in months
)
"""The twelve months of payroll: October 2024 to September 2025."""

PERIODS = (2021, 2022, 2023, 2024, 2025)
"""EMIS's academic years of which there is a school census, March to December."""
PERIOD_IDS = {
    **{year: number for number, year in enumerate(PERIODS, 1)},
    **{year: number for number, year in enumerate(range(2008, 2021), 6)},
}
"""EMIS's numbers of academic years; the earlier ones were entered later."""

MALE = ("Abdul Karim", "Ghulam Rasool", "Muhammad Anwar", "Nasir Ahmed", "Dad Muhammad", "Sher Jan", "Zahid Ali", "Mir Hassan", "Bashir Ahmed", "Khuda Bakhsh")  # fmt: skip
FEMALE = ("Zainab Bibi", "Mah Gul", "Fatima Noor", "Gul Bibi", "Shazia Baloch", "Naz Khatoon", "Hani Rasool", "Mahrang Ali", "Sadia Karim", "Bibi Ayesha")  # fmt: skip
CLANS = ("Baloch", "Rind", "Mengal", "Kakar", "Achakzai", "Bugti", "Marri", "Raisani", "Zehri", "Jamali", "Lasi", "Gichki")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of one build. ``only``: the districts built, empty for all."""

    name: str
    schools: int
    pupils_a_school: int
    teachers_a_school: int
    facilities: int
    employees: int
    bills: int
    figure_months: int
    visits_a_school: int
    only: tuple[str, ...] = ()
    exact: bool = False
    """Schools and facilities come to their numbers exactly."""


SCALES = {
    "demo": Scale("demo", 260, 24, 6, 150, 2_500, 5_000, 12, 4),
    "district": Scale("district", 400, 100, 6, 60, 10_000, 20_000, 24, 12, ("KEC",)),
    "province": Scale("province", 10_788, 102, 6, 1_661, 278_000, 5_000_000, 60, 12, exact=True),
}

Put = Callable[[str, str, tuple[Any, ...]], None]
"""(database, table, row)."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """A teacher with a posting. ``cnic`` bare digits, empty when nobody wrote it down."""

    staff_no: str
    user_id: int
    name: str
    cnic: str
    female: bool
    school: str
    district: str


@dataclass(slots=True)
class World:
    """One build: rows go out through ``put``; ``truth`` gathers what was planted."""

    scale: Scale
    seed: int
    put: Put
    progress: Callable[[str, int, int], None]
    truth: dict[str, Any] = field(default_factory=dict)
    teachers: list[Teacher] = field(default_factory=list)
    schools: list[tuple[str, str]] = field(default_factory=list)
    """(code, district) of every school."""
    school_levels: list[int] = field(default_factory=list)
    """Institution type of every school, as ``schools``."""
    facilities: list[tuple[str, str, str]] = field(default_factory=list)
    """(code, uid, district) of every facility that exists."""
    pupils: dict[str, int] = field(default_factory=dict)
    """Pupils enrolled now, by district."""
    retired: list[Teacher] = field(default_factory=list)
    """Teachers whose last posting has ended."""
    absent: dict[str, list[Teacher]] = field(default_factory=dict)
    """Month (202509) -> absent at every visit of it, and not on leave."""
    on_leave: dict[str, list[Teacher]] = field(default_factory=dict)
    """Month -> absent at every visit of it, and on leave all that month."""
    unpaid: set[tuple[str, str]] = field(default_factory=set)
    """(staff number, month) whose pay was stopped."""
    stock_outs: dict[str, dict[str, int]] = field(default_factory=dict)
    """Facility -> tracer drug -> days of September 2025 without it."""
    outcomes: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    """What is counted -> fiscal year -> district -> how many."""
    _cnic: int = 0

    def note(self, what: str, year: str, district: str, number: int) -> None:
        """Adds to an outcome."""
        own = self.outcomes.setdefault(what, {}).setdefault(year, {})
        own[district] = own.get(district, 0) + number

    @property
    def places(self) -> tuple[District, ...]:
        only = self.scale.only
        return tuple(place for place in districts() if not only or place.code in only)

    def rng(self, part: str) -> random.Random:
        """Randomness of one part, the same at every build with this seed."""
        return random.Random(f"{self.seed}:{self.scale.name}:{part}")

    def new_cnic(self, female: bool) -> str:
        """A CNIC nobody else has: Balochistan's first digit, last digit odd for men."""
        self._cnic += 1
        return f"5{4000 + self._cnic % 999:04d}{self._cnic:07d}{2 if female else 1}"

    def person(self, rng: random.Random) -> tuple[str, bool]:
        """A name and whether it is a woman's."""
        female = rng.random() < 0.45
        return f"{rng.choice(FEMALE if female else MALE)} {rng.choice(CLANS)}", female


class Counters:
    """Running ids of education's systems."""

    def __init__(self) -> None:
        self.school = self.user = self.position = self.staff = self.leave = self.visit = self.mark = 0
        self.absence = self.census = 0


def fiscal_year(day: dt.date) -> str:
    """2025-06-30 -> 2024-25; 2025-07-01 -> 2025-26."""
    first = day.year if day.month >= 7 else day.year - 1
    return f"{first}-{(first + 1) % 100:02d}"


def rupees(paisa: int) -> str:
    """-150 -> "-1.50"."""
    return f"{'-' if paisa < 0 else ''}{abs(paisa) // 100}.{abs(paisa) % 100:02d}"


def per_thousand(part: int, whole: int) -> str:
    """Two places, half-even."""
    return str((Decimal(part * 1000) / whole).quantize(Decimal("0.01"), ROUND_HALF_EVEN))


def dashed(cnic: str) -> str:
    """00000-0000000-0."""
    return f"{cnic[:5]}-{cnic[5:12]}-{cnic[12:]}" if len(cnic) == 13 else cnic


def spelled(place: District, rng: random.Random) -> str:
    """One of the ways systems write the district."""
    return place.spellings[0] if rng.random() < 0.6 else rng.choice(place.spellings)


def shared(total: int, places: tuple[District, ...], index: int, exact: bool = False) -> int:
    """How many of ``total`` fall to the district at ``index``: by population, at least two. With ``exact`` the most
    populous one has what rounding leaves over."""
    population = sum(place.population for place in places)
    parts = [max(2, total * place.population // population) for place in places]
    if exact and places[index].population == max(place.population for place in places):
        return parts[index] + total - sum(parts)
    return parts[index]
