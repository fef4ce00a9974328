"""The learners whose whole lives are known: the children in class 5 of one district in 2014, question 16's cohort, and
among them the stories a timeline must tell rightly."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import replace

from legacy.lives import Award, Course, Exam, Job, Life, Person, Year, report, schooling
from legacy.registers import Registers
from legacy.world import CLANS, FEMALE, MALE

SIZE, GRADUATES = 60, 44
STORIES = {
    "whole": (0,), "repeated": (1,), "transferred": (2,), "gap": (3,), "chain_broken": (4,), "by_alias": (5,),
    "by_emis_number": (6,), "by_chain": (7,), "two_written_forms": (8,), "unlinked": (9,), "namesakes": (14, 15),
    "left_early": (16,), "consenting": (18, 19, 20, 21, 22, 23, 26, 27),
}  # fmt: skip
"""Story -> the cohort's members it is told of."""

Home = tuple[list[int], list[int]]


def cohort(rng: random.Random, home: Home, abroad: int, registers: Registers) -> Iterator[tuple[Person, Life]]:
    """The members in their order; nine of the sixty are girls."""
    for at in range(SIZE):
        person = _person(rng, at, registers)
        life = _life(rng, at, home[0][at % len(home[0])], home[1][at % len(home[1])])
        yield _person_of_story(at, person), _life_of_story(rng, at, life, abroad)


def _person(rng: random.Random, at: int, registers: Registers) -> Person:
    female = at % 7 == 3
    first, last = rng.choice(FEMALE if female else MALE), rng.choice(CLANS)
    born = dt.date(2004, rng.randint(1, 9), rng.randint(1, 28))
    written = "blank" if at % 13 == 12 else "dashed" if at % 3 == 0 else "bare"
    return Person(first, last, f"{rng.choice(MALE)} {last}", female, born, registers.new_cnic(female), written)


def _person_of_story(at: int, person: Person) -> Person:
    match at:
        case 8:
            return replace(person, written="dashed")
        case 9:
            return replace(person, written="blank")
        case 14 | 15:
            return replace(person, first="Abdul Karim", last="Mengal", father="Ghulam Rasool Mengal", written="bare")
        case 0 | 2 | 3 | 5 | 6 | 7:
            return replace(person, written="bare")
    return person


def _life(rng: random.Random, at: int, primary: int, secondary: int) -> Life:
    """Class 5 in 2014, and who reached what told by the member's number alone."""
    years = schooling(rng, 2010, primary, secondary, rng.uniform(0.4, 0.9), steady=True)
    ssc = hssc = course = job = None
    if at < GRADUATES:
        form = "blank" if at % 6 == 5 else "dashed" if at % 4 == 1 else "bare"
        marks = 300 if at % 11 == 10 else rng.randint(400, 1000)
        ssc = Exam(2019, secondary, marks, form, emis=at % 2 == 0, alias=at % 12 == 11)
        if ssc.passed and at % 3 == 0:
            hssc = Exam(2021, secondary, rng.randint(400, 1000), "blank" if at % 2 else "bare", chained=at % 4 != 3)
    else:
        last = 5 + at % 4
        years = (*years[:last], replace(years[last], status="WITHDRAWN"))
    if at % 3 == 1:
        status = "D" if at % 9 == 1 else "C"
        form = "blank" if at % 15 == 13 else "dashed" if at % 2 else "bare"
        course = Course("SOL" if at % 2 else "WLD", dt.date(2022, 2, 1), 6, status, form, board=ssc is not None and at % 2 == 1)
    if (at % 3 == 1 and at % 2 == 0) or at % 8 == 0:
        job = Job(dt.date(2023, 1 + at % 9, 1), ("CON", "MIN", "TRD")[at % 3], 1 + at % 7)
    awards = (Award(2017, "Merit", 3000),) if at % 10 == 0 and at < GRADUATES else ()
    return Life(years, ssc, hssc, course, job, awards, () if at in (0, 26) else ("Father",))


def _life_of_story(rng: random.Random, at: int, life: Life, abroad: int) -> Life:
    years, ssc = life.years, life.ssc
    match at:
        case 0:
            assert ssc is not None
            return replace(
                life, ssc=replace(ssc, marks=812, bform="bare"), hssc=Exam(2021, ssc.school, 790, "dashed", chained=True),
                course=Course("SOL", dt.date(2022, 2, 1), 6, "C", "bare", board=True),
                job=Job(dt.date(2023, 3, 1), "CON", 1), years=_reported(rng, years),
            )  # fmt: skip
        case 1:
            earlier = tuple(replace(one, year=one.year - 1) for one in years[:4])
            again = replace(earlier[3], status="REPEATED")
            return replace(life, years=(*earlier[:3], again, replace(earlier[3], year=2013), *years[4:]))
        case 2:
            assert ssc is not None
            left, moved = dt.date(2016, 6, 20), dt.date(2016, 6, 21)
            before = replace(years[6], status="TRANSFERRED", ends=left, report=None)
            after = replace(years[6], school=abroad, starts=moved, linked=True)
            rest = tuple(replace(one, school=abroad, linked=True) for one in years[7:])
            return replace(life, years=(*years[:6], before, after, *rest), ssc=replace(ssc, school=abroad))
        case 3:
            assert ssc is not None
            back = replace(years[9], year=2021)
            return replace(life, years=(*years[:9], back), ssc=replace(ssc, year=2021), hssc=None)
        case 4:
            return replace(life, years=(*years[:5], replace(years[5], lost=True), *years[6:]))
        case 5 | 6 | 7 | 8 | 9:
            return _identified(at, life)
        case 16:
            gone = (*years[:7], replace(years[7], status="WITHDRAWN", ends=dt.date(2017, 9, 4)))
            course = Course("WLD", dt.date(2020, 9, 1), 6, "C", "bare")
            return replace(life, years=gone, ssc=None, hssc=None, course=course, job=Job(dt.date(2022, 11, 1), "MIN", 5))
    return life


def _identified(at: int, life: Life) -> Life:
    """How the other systems know the learner."""
    assert life.ssc is not None
    school = life.ssc.school
    match at:
        case 5:
            return replace(life, ssc=replace(life.ssc, bform="blank", emis=False, alias=True))
        case 6:
            return replace(life, ssc=replace(life.ssc, bform="blank", emis=True))
        case 7:
            return replace(
                life, ssc=replace(life.ssc, bform="bare"), hssc=Exam(2021, school, 655, "blank", chained=True),
                course=Course("ELC", dt.date(2021, 9, 1), 12, "C", "blank", board=True),
            )  # fmt: skip
        case 8:
            return replace(
                life, ssc=replace(life.ssc, bform="bare", emis=False),
                course=Course("COM", dt.date(2021, 9, 1), 12, "C", "dashed"), job=Job(dt.date(2023, 5, 1), "SRV", 3),
            )  # fmt: skip
    return replace(
        life, ssc=replace(life.ssc, bform="blank", emis=False), hssc=None,
        course=Course("TLR", dt.date(2022, 2, 1), 6, "C", "bare"), job=Job(dt.date(2023, 6, 1), "TRD", 2),
    )  # fmt: skip


def _reported(rng: random.Random, years: tuple[Year, ...]) -> tuple[Year, ...]:
    return tuple(replace(one, report=one.report or report(rng, 0.8)) for one in years)
