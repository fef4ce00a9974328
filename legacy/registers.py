"""EMIS's registers of a pupil: rows of earlier years, a report a year, guardians, scholarships. What a pupil's life was
is decided elsewhere."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Iterable

from legacy.lives import SCHEMES, Award, Year, report
from legacy.world import CLANS, FEMALE, MALE, PERIOD_IDS, World, dashed

STATUS_IDS = {"CURRENT": 1, "TRANSFERRED": 2, "WITHDRAWN": 3, "GRADUATED": 4, "PROMOTED": 5, "REPEATED": 6}
MOST_MOVED = 6
RELATION_IDS = {"Father": 1, "Mother": 2, "Guardian": 3}


def new_id(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


class Registers:
    """Writes rows about pupils who exist. It has randomness of its own, so that other rows stay what they are, and
    leaves guardians for the end: numbers of users are given out in one row."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = world.rng("registers")
        self._reports = self._guardians = self._awards = self._bforms = 0
        self._wards: list[tuple[int, str, str]] = []
        """(pupil, relation, a father's name) of guardians not yet written."""
        self.moved: list[tuple[int, int, int]] = []
        """(pupil, institution now, institution before) of the first who came from another school."""
        for relation, number in RELATION_IDS.items():
            world.put("emis", "guardian_relations", (number, relation))
        for number, scheme in enumerate(SCHEMES, 1):
            provider = "Balochistan Education Endowment Fund" if scheme == "Merit" else "Secondary Education Department"
            world.put("emis", "scholarships", (number, f"SCH-{number}", scheme, provider))

    def new_cnic(self, female: bool) -> str:
        """A CNIC or B-Form of a block of numbers that the rest of the province does not use."""
        self._bforms += 1
        return f"5{5000 + self._bforms % 999:04d}{self._bforms:07d}{2 if female else 1}"

    def earlier(self, pupil: int, name: str, grade: int, school: int) -> str | None:
        """Years 2021 to 2023 of somebody enrolled now in class ``grade``, and a guardian; the last row's id. Every
        fifth of them came from another school."""
        rng = self._rng
        moved = pupil % 40 == 0 and school > 1
        before = None
        for year in (2021, 2022, 2023):
            own = grade - (2025 - year)
            if own < 0:
                continue
            elsewhere = moved and year < 2023
            status = "TRANSFERRED" if elsewhere and year == 2022 else "PROMOTED"
            told = Year(year, own, school - 1 if elsewhere else school, status, report=report(rng, rng.random()))
            before = self.year(pupil, told, before)
        self.reported(pupil, 2024, max(0, grade - 1), school)
        if moved and grade > 3 and len(self.moved) < MOST_MOVED:
            self.moved.append((pupil, school, school - 1))
        father = f"{rng.choice(MALE)} {name.rpartition(' ')[2]}"
        self._wards.append((pupil, "Father", father))
        if pupil % 24 == 0:
            self._wards.append((pupil, "Mother", father))
        return before

    def year(self, pupil: int, told: Year, before: str | None) -> str:
        """A row of the register, and the report when one was kept; the row's id."""
        identity = new_id(self._rng)
        starts = told.starts or dt.date(told.year, 3, 1)
        ends = told.ends or dt.date(told.year, 12, 15)
        if told.status == "WITHDRAWN" and told.ends is None:
            ends = dt.date(told.year, self._rng.randint(5, 11), self._rng.randint(1, 28))
        previous = new_id(self._rng) if told.lost else before if told.linked else None
        self._world.put("emis", "institution_students", (
            identity, STATUS_IDS[told.status], pupil, told.grade + 1, PERIOD_IDS[told.year], starts, ends, told.school,
            previous,
        ))  # fmt: skip
        if told.report is not None:
            self._report(pupil, told.year, told.grade, told.school, told.report)
        return identity

    def reported(self, pupil: int, year: int, grade: int, school: int) -> None:
        """A year's report of somebody enrolled; one in fifteen is missing, as when a register is lost."""
        if self._rng.random() < 0.93:
            self._report(pupil, year, grade, school, report(self._rng, self._rng.random()))

    def _report(self, pupil: int, year: int, grade: int, school: int, told: tuple[int, int, int, int, int]) -> None:
        self._reports += 1
        days, excused, unexcused, late, mark = told
        examined = mark if grade > 0 else None
        self._world.put("emis", "student_year_reports", (
            self._reports, pupil, school, PERIOD_IDS[year], grade + 1, days, excused, unexcused, late, examined,
        ))  # fmt: skip

    def awarded(self, pupil: int, awards: Iterable[Award]) -> None:
        for one in awards:
            self._awards += 1
            self._world.put("emis", "scholarship_recipients", (
                self._awards, SCHEMES.index(one.scheme) + 1, pupil, PERIOD_IDS[one.year], f"{one.rupees}.00",
                dt.date(one.year, 5, 2), "P",
            ))  # fmt: skip

    def guardian_of(self, pupil: int, relation: str, father: str) -> None:
        self._wards.append((pupil, relation, father))

    def write_guardians(self, next_user: int) -> dict[int, str]:
        """Everybody's guardians, numbered from ``next_user``; pupil -> the first one's CNIC."""
        found: dict[int, str] = {}
        for user, (pupil, relation, father) in enumerate(self._wards, next_user):
            found.setdefault(pupil, self.guardian(user, [(pupil, relation)], father))
        self._wards.clear()
        return found

    def guardian(self, user: int, wards: Iterable[tuple[int, str]], father: str) -> str:
        """One guardian of one or more pupils (pupil, relation); the CNIC."""
        rng = self._rng
        pairs = list(wards)
        female = pairs[0][1] == "Mother"
        name = f"{rng.choice(FEMALE)} {rng.choice(CLANS)}" if female else father
        first, _, last = name.rpartition(" ")
        cnic = self.new_cnic(female)
        self._world.put("emis", "security_users", (
            user, f"guardian{user}", "$2y$10$notforanyone", f"G{user:08d}", first, last, 2 if female else 1, None,
            dashed(cnic) if rng.random() < 0.5 else cnic, 0, 0, 1, None,
        ))  # fmt: skip
        for pupil, relation in pairs:
            self._guardians += 1
            self._world.put("emis", "student_guardians", (self._guardians, pupil, user, RELATION_IDS[relation]))
        return cnic
