"""A learner's life as data, from the first class to a first job, and how one is drawn by chance. Nothing is written
here."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, replace

FIRST_YEAR, LAST_YEAR = 2008, 2025
CLASS_10 = 10
PASSED, ALL_MARKS = 363, 1100
"""A third of the marks, rounded up, passes."""

SCHEMES = ("Merit", "Girls' stipend", "Need-based")
TRADES = ("ELC", "WLD", "SOL", "TLR", "COM", "MOB")
SECTORS = ("CON", "MIN", "TRD", "TRN", "MFG", "SRV")


@dataclass(frozen=True, slots=True)
class Person:
    """``bform``: bare digits, empty when nobody wrote it down; ``written``: how EMIS writes it (bare or dashed)."""

    first: str
    last: str
    father: str
    female: bool
    born: dt.date
    bform: str
    written: str = "bare"

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"


@dataclass(frozen=True, slots=True)
class Year:
    """A row of the school's register. ``school``: the institution's number; ``status``: as EMIS calls it;
    ``starts``, ``ends``: where not the whole academic year; ``linked``: whether it names the row before it;
    ``lost``: it names a row that is no longer there; ``report``: school days, absences with and without excuse, late
    days and the mark in hundredths, or None where no register was kept."""

    year: int
    grade: int
    school: int
    status: str = "PROMOTED"
    starts: dt.date | None = None
    ends: dt.date | None = None
    linked: bool = True
    lost: bool = False
    report: tuple[int, int, int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class Exam:
    """``bform``: how the board's register has it (bare, dashed or blank); ``emis``: whether it has the EMIS number;
    ``chained``: whether it names the registration before; ``alias``: somebody declared later whose it is."""

    year: int
    school: int
    marks: int
    bform: str = "bare"
    emis: bool = False
    chained: bool = False
    alias: bool = False

    @property
    def passed(self) -> bool:
        return self.marks >= PASSED


@dataclass(frozen=True, slots=True)
class Course:
    """A vocational course. ``cnic``: how the trainee's form has it; ``board``: it has the board's number."""

    trade: str
    starts: dt.date
    months: int
    status: str = "C"
    cnic: str = "bare"
    board: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """The first contribution that an employer paid."""

    since: dt.date
    sector: str
    employer: int


@dataclass(frozen=True, slots=True)
class Award:
    year: int
    scheme: str
    rupees: int


@dataclass(frozen=True, slots=True)
class Life:
    years: tuple[Year, ...]
    ssc: Exam | None = None
    hssc: Exam | None = None
    course: Course | None = None
    job: Job | None = None
    awards: tuple[Award, ...] = ()
    guardians: tuple[str, ...] = ("Father",)


def report(rng: random.Random, diligence: float) -> tuple[int, int, int, int, int]:
    """Days of school and absences of one year, and its mark: who is more diligent is absent less and marked better."""
    days = rng.randint(178, 196)
    absent = round(days * min(0.6, max(0.0, rng.gauss(0.32 * (1 - diligence), 0.05))))
    excused = round(absent * rng.uniform(0.2, 0.7))
    mark = min(9900, max(1500, round(10_000 * rng.gauss(0.25 + 0.55 * diligence, 0.07))))
    return days, excused, absent - excused, rng.randint(0, 12), mark


def schooling(
    rng: random.Random, first_year: int, primary: int, secondary: int, diligence: float, *, steady: bool = False
) -> tuple[Year, ...]:
    """Years from class 1 on, in one school to class 5 and in another from class 6. ``steady``: neither repeats nor
    gaps nor leaving, to the end of class 10."""
    years: list[Year] = []
    year, grade = first_year, 1
    delays = 0
    while grade <= CLASS_10:
        school = primary if grade <= 5 else secondary
        told = report(rng, diligence) if rng.random() < 0.93 else None
        fate = 1.0 if steady else rng.random()
        linked = rng.random() > 0.04
        if grade >= 3 and fate < 0.10 * (1.35 - diligence):
            years.append(Year(year, grade, school, "WITHDRAWN", linked=linked, report=told))
            break
        if delays < 2 and 0.15 <= fate < 0.15 + 0.06 * (1.5 - diligence):
            years.append(Year(year, grade, school, "REPEATED", linked=linked, report=told))
            delays += 1
            year += 1
            continue
        if delays < 2 and 0.30 <= fate < 0.32:
            year += 1
            delays += 1
        status = "GRADUATED" if grade == CLASS_10 else "PROMOTED"
        years.append(Year(year, grade, school, status, linked=linked, report=told))
        year += 1
        grade += 1
    return (replace(years[0], linked=False), *years[1:])


def drawn(rng: random.Random, person: Person, first_year: int, primary: int, secondary: int) -> Life:
    """A life by chance."""
    diligence = rng.random()
    years = schooling(rng, first_year, primary, secondary, diligence)
    last = years[-1]
    ssc = hssc = course = job = None
    chance = rng.random
    if last.status == "GRADUATED":
        bform = _form(rng, 0.15)
        emis = chance() < 0.5
        blank = not emis and (bform == "blank" or not person.bform)
        ssc = Exam(last.year, last.school, _marks(rng, diligence), bform, emis, alias=blank and chance() < 0.35)
        if ssc.passed and last.year + 2 <= LAST_YEAR and chance() < 0.45:
            hssc = Exam(last.year + 2, last.school, _marks(rng, diligence), _form(rng, 0.15), chained=chance() < 0.6)
    if last.grade >= 8 and chance() < 0.22:
        starts = dt.date(min(last.year + rng.randint(1, 3), 2024), rng.choice((2, 9)), 1)
        status = rng.choice(("C", "C", "C", "D", "F"))
        course = Course(
            rng.choice(TRADES), starts, rng.choice((6, 12)), status, _form(rng, 0.10),
            board=ssc is not None and chance() < 0.5,
        )  # fmt: skip
    share = 0.12 + 0.15 * (ssc is not None and ssc.passed) + 0.35 * (course is not None and course.status == "C")
    grown = max(person.born.year + 18, last.year + 1)
    if grown <= LAST_YEAR and chance() < share:
        year = min(LAST_YEAR, grown + rng.randint(0, 2))
        job = Job(dt.date(year, rng.randint(1, 9), 1), rng.choice(SECTORS), rng.randint(1, 400))
    awards = tuple(
        Award(one.year, rng.choice(SCHEMES), rng.choice((1500, 3000, 6000)))
        for one in years if one.grade >= 6 and chance() < 0.08
    )  # fmt: skip
    guardians = rng.choice((("Father",), ("Father",), ("Father", "Mother"), ("Guardian",), ()))
    return Life(years, ssc, hssc, course, job, awards, guardians)


def _marks(rng: random.Random, diligence: float) -> int:
    return min(1080, max(150, round(rng.gauss(330 + 520 * diligence, 90))))


def _form(rng: random.Random, blank: float) -> str:
    return "blank" if rng.random() < blank else "dashed" if rng.random() < 0.25 else "bare"
