"""Learners who have left school: their years in EMIS, their exams, courses and first jobs in the other systems, and for
those planted the whole of it in the truth. Questions 15 and 16."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from legacy import planted_lives
from legacy.board import Board
from legacy.geography import District
from legacy.labour import Labour
from legacy.lives import Exam, Life, Person, drawn
from legacy.registers import Registers
from legacy.world import CLANS, FEMALE, MALE, Counters, World, dashed

COHORT_PLACE, COHORT_YEAR = "NOS", 2014
FORMER_SHARE = 12
"""One former learner for so many pupils enrolled now."""


@dataclass(slots=True)
class Told:
    """What a planted learner's timeline is: ``events`` in their order; ``links``: system -> how the learner is found
    there (exact, chain, alias, none), for what there is to find."""

    code: str
    name: str
    b_form: str
    female: bool
    events: list[dict[str, str]] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)

    def event(self, kind: str, when: str, what: str, where: str) -> None:
        """``when``: a day, a month or a year, as precisely as it is known."""
        self.events.append({"kind": kind, "when": when, "what": what, "where": where})


class LifeWriter:
    """Writes a life into every system that knows of it."""

    def __init__(self, world: World, registers: Registers, count: Counters, board: Board, labour: Labour) -> None:
        self._world = world
        self._registers = registers
        self._count = count
        self._board = board
        self._labour = labour
        self._places = {place.code: place for place in world.places}

    def write(self, person: Person, life: Life) -> Told:
        """The learner's timeline as planted."""
        self._count.user += 1
        user = self._count.user
        told = Told(f"S{user:08d}", person.name, person.bform, person.female)
        written = dashed(person.bform) if person.written == "dashed" else person.bform
        self._world.put("emis", "security_users", (
            user, f"student{user}", "$2y$10$notforanyone", told.code, person.first, person.last,
            2 if person.female else 1, person.born, "" if person.written == "blank" else written, 1, 0, 0, None,
        ))  # fmt: skip
        known = person.written != "blank"
        self._schooling(user, life, told)
        for award in life.awards:
            told.event("scholarship", f"{award.year}-05-02", award.scheme, "")
        self._registers.awarded(user, life.awards)
        for relation in life.guardians:
            self._registers.guardian_of(user, relation, person.father)
        number = self._exam(person, life.ssc, 1, told, known, "") if life.ssc else ""
        if life.hssc:
            self._exam(person, life.hssc, 2, told, known, number)
        place = self._places[self._world.schools[life.years[-1].school - 1][1]]
        self._work(person, life, place, told, known, number)
        told.events.sort(key=lambda one: one["when"])
        return told

    def _schooling(self, user: int, life: Life, told: Told) -> None:
        before = None
        for one in life.years:
            before = self._registers.year(user, one, before)
            school = self._school(one.school)
            told.event("enrolment", str(one.year), f"Class {one.grade}: {one.status.capitalize()}", school)
            if one.report:
                days, excused, unexcused, *_ = one.report
                told.event("report", str(one.year), f"{excused + unexcused} of {days} days absent", school)

    def _exam(self, person: Person, exam: Exam, digit: int, told: Told, known: bool, before: str) -> str:
        """The registration number."""
        school = self._school(exam.school)
        number = self._board.number(exam.year, digit, exam.school)
        bform = {"blank": "", "dashed": dashed(person.bform), "bare": person.bform}[exam.bform]
        emis_no = told.code if exam.emis else ""
        level = "10" if digit == 1 else "12"
        name, father = person.name.upper(), person.father.upper()
        day = dt.date(exam.year, 5, 2 + exam.marks % 20)
        chained = before if exam.chained else ""
        self._board.registered(number, f"{day:%d/%m/%Y}", name, father, bform, emis_no, school, level, chained)
        marks = exam.marks
        grade = "A" if marks > 770 else "B" if marks > 550 else "C" if exam.passed else "F"
        self._board.examined(number, name, father, school, level, marks, 1100, grade, bform, emis_no)
        if exam.alias:
            self._board.declared(number, told.code, "Headmaster", f"{day + dt.timedelta(days=30):%d/%m/%Y}")
        system = "SSC" if digit == 1 else "HSSC"
        exact = (bool(bform) and known) or bool(emis_no)
        chain = bool(chained) and told.links.get("SSC") not in (None, "none")
        told.links[system] = "exact" if exact else "chain" if chain else "alias" if exam.alias else "none"
        told.event("registration", day.isoformat(), f"{system} {number}", school)
        told.event("result", str(exam.year), f"{system} {marks} of 1100, grade {grade}", school)
        return number

    def _work(self, person: Person, life: Life, place: District, told: Told, known: bool, number: str) -> None:
        if life.course:
            told_number = number if life.course.board else ""
            admission, centre = self._labour.trained(person, life.course, place, told_number)
            exact = known and life.course.cnic != "blank"
            chain = bool(told_number) and told.links.get("SSC") not in (None, "none")
            told.links["training"] = "exact" if exact else "chain" if chain else "none"
            told.event("training", life.course.starts.isoformat(), f"{life.course.trade} {admission}", centre)
        if life.job:
            employer = self._labour.employed(person.bform, life.job)
            told.links["job"] = "exact" if known else "none"
            told.event("job", life.job.since.isoformat(), life.job.sector, employer)

    def _school(self, institution: int) -> str:
        return self._world.schools[institution - 1][0]


def build_learners(world: World, registers: Registers, count: Counters, board: Board) -> None:
    """Writes everybody who has left school, and others whom only the labour department knows."""
    rng = world.rng("learners")
    labour = Labour(world)
    writer = LifeWriter(world, registers, count, board, labour)
    places = {place.code: place for place in world.places}
    home = places.get(COHORT_PLACE, world.places[0])
    schools = _schools(world)
    cohort = [
        writer.write(*one) for one in planted_lives.cohort(rng, schools[home.code], _abroad(schools, home.code), registers)
    ]  # fmt: skip
    number = sum(world.pupils.values()) // FORMER_SHARE
    codes = [code for code in schools for _ in range(len(schools[code][0]) + len(schools[code][1]))]
    for done in range(number):
        place = rng.choice(codes)
        primary, secondary = schools[place]
        # Nobody but those planted is in class 5 in the cohort's place and year.
        first_years = (2012, 2013) if place == home.code else (2008, 2009, 2010, 2011, 2012)
        person = somebody(rng, registers, first := rng.choice(first_years))
        writer.write(person, drawn(rng, person, first, rng.choice(primary), rng.choice(secondary)))
        if done % 5_000 == 0:
            world.progress("learners", done, number)
    labour.others(max(60, number // 4), registers.new_cnic)
    shared = registers.guardian(count.user + 1, [(int(cohort[at].code[1:]), "Father") for at in (0, 26)], "Haji Murad")
    guardians = registers.write_guardians(count.user + 2)
    _tell(world, registers, cohort, guardians, shared)


def _schools(world: World) -> dict[str, tuple[list[int], list[int]]]:
    """District -> institutions of classes 1 to 5, and of classes 6 to 10. A district's first school is left out where
    there are others."""
    found: dict[str, tuple[list[int], list[int]]] = {place.code: ([], []) for place in world.places}
    every: dict[str, list[int]] = {place.code: [] for place in world.places}
    for number, ((code, place), level) in enumerate(zip(world.schools, world.school_levels, strict=True), 1):
        every[place].append(number)
        if not code.endswith("-00001"):
            found[place][0 if level <= 2 else 1].append(number)
    return {code: (small or every[code], large or every[code]) for code, (small, large) in found.items()}


def _abroad(schools: dict[str, tuple[list[int], list[int]]], home: str) -> int:
    """A school of another district, or another of this one where there is only one."""
    for code, (_, large) in schools.items():
        if code != home:
            return large[0]
    return schools[home][1][-1]


def somebody(rng: random.Random, registers: Registers, first_year: int) -> Person:
    """Somebody who is in class 1 in ``first_year``."""
    female = rng.random() < 0.4
    last = rng.choice(CLANS)
    return Person(
        rng.choice(FEMALE if female else MALE), last, f"{rng.choice(MALE)} {last}", female,
        dt.date(first_year - 6 - rng.randint(0, 1), rng.randint(1, 12), rng.randint(1, 28)),
        registers.new_cnic(female), rng.choices(("bare", "dashed", "blank"), (6, 3, 1))[0],
    )  # fmt: skip


def _tell(
    world: World, registers: Registers, cohort: Sequence[Told], guardians: dict[int, str], shared: str
) -> None:
    def stands(one: Told) -> dict[str, Any]:
        return {
            "code": one.code, "name": one.name, "b_form": one.b_form, "events": one.events, "links": one.links,
        }  # fmt: skip

    world.truth["q15"] = {
        name: [stands(cohort[at]) for at in found] for name, found in planted_lives.STORIES.items()
    } | {
        "guardian_of_two": {"cnic": shared, "codes": [cohort[at].code for at in (0, 26)]},
        "still_enrolled": [
            {
                "code": f"S{pupil:08d}", "school": world.schools[now - 1][0],
                "former_school": world.schools[before - 1][0], "guardian": guardians[pupil],
            }
            for pupil, now, before in registers.moved
        ],
    }  # fmt: skip
    reached = {
        "ssc": [one for one in cohort if _passed(one)],
        "training": [one for one in cohort if "training" in one.links],
        "job": [one for one in cohort if "job" in one.links],
    }
    world.truth["q16"] = {
        "district": _home(world), "year": COHORT_YEAR,
        "class": 5, "size": len(cohort), "codes": [one.code for one in cohort],
        "girls": [one.code for one in cohort if one.female],
        "reached": {name: [one.code for one in those] for name, those in reached.items()},
        "found": {
            name: [one.code for one in those if one.links[_system(name)] != "none"] for name, those in reached.items()
        },
        "examined": [one.code for one in cohort if one.links.get("SSC", "none") != "none"],
        "exactly": {
            name: [one.code for one in those if one.links[_system(name)] == "exact"] for name, those in reached.items()
        },
    }  # fmt: skip


def _system(name: str) -> str:
    return "SSC" if name == "ssc" else name


def _passed(one: Told) -> bool:
    return any(event["kind"] == "result" and event["what"].startswith("SSC") and not event["what"].endswith("F")
               for event in one.events)  # fmt: skip


def _home(world: World) -> str:
    codes = [place.code for place in world.places]
    return COHORT_PLACE if COHORT_PLACE in codes else codes[0]
