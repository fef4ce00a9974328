"""FABS's payroll and budget (SAP-shaped), geography and census. Questions 6, 7 and 18."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from legacy.enrolment import write_population
from legacy.geography import SPLITS, District, districts
from legacy.monitoring import absentees
from legacy.revenue import write_revenue
from legacy.world import MONTHS, Teacher, World, dashed, rupees, spelled

DESIGNATIONS = (("1001", "Junior Vernacular Teacher", "TEACH"), ("1002", "Secondary School Teacher", "TEACH"), ("1003", "Head Teacher", "TEACH"), ("2001", "Medical Officer", "HEALTH"), ("2002", "Lady Health Visitor", "HEALTH"), ("3001", "Naib Qasid", "ADMIN"), ("3002", "Junior Clerk", "ADMIN"))  # fmt: skip
FUNCTIONS = (("092101", "A01101"), ("092101", "A01151"), ("091101", "A01151"), ("073101", "A01101"), ("073101", "A03927"), ("041310", "A01202"))  # fmt: skip
UNNAMED = ("091101", "A03970")
OFFICES = {"09": 0, "07": 1, "04": 2}
"""Major function -> which of a district's cost centres spends it."""

FIRST_PERNR = 30_000_000
NAMELESS = 5
"""People paid as teachers whose CNIC nobody wrote down."""

YEARS = ("2021-22", "2022-23", "2023-24", "2024-25", "2025-26")


def build_finance(world: World, out: Path) -> None:
    """Writes everything of finance."""
    _geography(world)
    _budget(world, _payroll(world))
    write_revenue(world, out / "bank_scroll")


def _geography(world: World) -> None:
    for place in districts():
        split, since = SPLITS.get(place.code, (None, "1970-07-01"))
        world.put("geo", "districts", (
            place.code, place.name, place.division, place.population, place.school_age, place.literacy,
            dt.date.fromisoformat(since), None, split,
        ))  # fmt: skip
    write_population(world)


def _cost_centres(world: World, rng: random.Random) -> dict[str, list[str]]:
    """District -> the cost centres of its education office, its health office and its deputy commissioner."""
    centres: dict[str, list[str]] = {}
    for number, place in enumerate(districts()):
        for serial, office in enumerate(("District Education Office", "District Health Office", "Deputy Commissioner")):
            centre = f"{chr(65 + number // 26)}{chr(65 + number % 26)}{4000 + serial:04d}"
            centres.setdefault(place.code, []).append(centre)
            world.put("fabs", "cskt", (centre, f"{office} {place.name}", spelled(place, rng)))
    return centres


def _payroll(world: World) -> dict[str, list[str]]:
    """Writes employees and payslips; every district's cost centres."""
    rng = world.rng("payroll")
    for row in DESIGNATIONS:
        world.put("fabs", "designations", row)
    centres = _cost_centres(world, rng)
    blank: list[int] = []
    pay: dict[str, list[dict[str, str]]] = {}
    named = {code for code, _ in world.schools[:1]} | {f"{place.code}-00001" for place in world.places}
    pernr = FIRST_PERNR
    for position, teacher in enumerate(world.teachers):
        pernr += 1
        stopped = frozenset(month for month in MONTHS if (teacher.staff_no, month) in world.unpaid)
        slips = _employee(world, rng, pernr, _person(teacher, centres[teacher.district][0], rng.choice(("1001", "1002"))), stopped)  # fmt: skip
        if not teacher.cnic:
            blank.append(pernr)
        if teacher.school in named and teacher.cnic:
            pay.setdefault(teacher.school, []).append({"teacher": teacher.staff_no, **slips})
        if position % 1000 == 0:
            world.progress("payroll", position, len(world.teachers))
    invented = [_nobody(world, rng, world.places[serial % len(world.places)], centres) for serial in range(max(12, len(world.teachers) // 50))]  # fmt: skip
    others = world.scale.employees - len(world.teachers) - len(invented) - len(world.retired) - NAMELESS
    for person in invented:
        pernr += 1
        _employee(world, rng, pernr, person)
    for serial in range(max(0, others)):
        pernr += 1
        name, female = world.person(rng)
        place = world.places[serial % len(world.places)]
        designation = rng.choice(("2001", "2002", "3001", "3002"))
        person = _Person(name, female, world.new_cnic(female), centres[place.code][1 + serial % 2], designation)
        _employee(world, rng, pernr, person)
        if serial % 20_000 == 0:
            world.progress("payroll", serial, world.scale.employees)
    for teacher in world.retired:
        pernr += 1
        _employee(world, rng, pernr, _person(teacher, centres[teacher.district][0], "1003"))
    for serial in range(NAMELESS):
        pernr += 1
        blank.append(pernr)
        nobody = _nobody(world, rng, world.places[serial % len(world.places)], centres)
        _employee(world, rng, pernr, replace(nobody, cnic=""))
    ended = [teacher.cnic for teacher in world.retired]
    world.truth["q6"] = sorted([*(person.cnic for person in invented), *ended])
    world.truth["q6_why"] = {
        "never_posted": sorted(person.cnic for person in invented),
        "posting_ended": sorted(ended),
        "unverifiable": blank,
    }
    world.truth["q7"] = absentees(world)
    world.truth["pay"] = pay
    return centres


@dataclass(frozen=True, slots=True)
class _Person:
    name: str
    female: bool
    cnic: str
    centre: str
    designation: str


def _person(teacher: Teacher, centre: str, designation: str) -> _Person:
    return _Person(teacher.name, teacher.female, teacher.cnic, centre, designation)


def _nobody(world: World, rng: random.Random, place: District, centres: dict[str, list[str]]) -> _Person:
    """Somebody paid as a teacher whom EMIS does not know."""
    name, female = world.person(rng)
    return _Person(name, female, world.new_cnic(female), centres[place.code][0], "1001")


def _employee(
    world: World, rng: random.Random, pernr: int, person: _Person, stopped: frozenset[str] = frozenset()
) -> dict[str, str]:
    """An employee with twelve payslips, less those of ``stopped`` months; what September's says. Every fourth CNIC is
    written without dashes."""
    written = person.cnic if pernr % 4 == 0 else dashed(person.cnic)
    sex = "2" if person.female else "1"
    world.put("fabs", "pa0001", (pernr, "20150701", "99991231", "BA01", person.centre, "50001234", person.name.upper()))
    world.put("fabs", "pa0002", (pernr, written, f"{rng.randint(1966, 1999)}0615", sex))
    basic = rng.randint(25_000, 110_000) * 100
    told: dict[str, str] = {}
    for month in MONTHS:
        gross = basic + rng.randint(0, 500_000)
        deducted = gross // 11
        amounts = [rupees(value) for value in (gross, deducted, gross - deducted)]
        number = f"{month}-{pernr}"
        if month not in stopped:
            world.put("fabs", "zpayroll", (
                number, pernr, month, written, person.centre, person.designation, *amounts, f"PK00NBP{pernr}", f"{month}25",
            ))  # fmt: skip
        told = {"payslip": number, "gross": amounts[0], "net": amounts[2]}
    return told


def _budget(world: World, centres: dict[str, list[str]]) -> None:
    """Lines of five years; every seventh names no district, only the cost centre tells whose it is."""
    rng, apart = world.rng("budget"), world.rng("budget without district")
    truth: dict[str, list[dict[str, Any]]] = {}
    money: dict[str, dict[str, dict[str, list[int]]]] = {}
    for place in world.places:
        for year in YEARS:
            for serial, (function, account) in enumerate((*FUNCTIONS, UNNAMED)):
                named = serial < len(FUNCTIONS)
                draw = rng if named else apart
                budget = draw.randint(20_000_000, 900_000_000) * 100
                released = budget * draw.randint(40, 100) // 100
                spent = released * draw.randint(60, 100) // 100
                line = f"{year[:4]}-{place.code}-{serial:03d}"
                centre = centres[place.code][OFFICES[function[:2]]]
                world.put("fabs_soap", "budget_lines", (
                    line, year, spelled(place, rng) if named else "", centre, function, account, budget, released,
                    spent, f"{year[:4]}-07-01T09:00:00+05:00",
                ))  # fmt: skip
                own = money.setdefault(year, {}).setdefault(place.code, {}).setdefault(function, [0, 0, 0])
                for position, paisa in enumerate((budget, released, spent)):
                    own[position] += paisa
                if named and year == "2025-26":
                    truth.setdefault(place.code, []).append({"line": line, "budget": rupees(budget)})
    world.truth["budget"] = truth
    world.truth["q18"] = {"money": _money(money), **world.outcomes}


def _money(sums: dict[str, dict[str, dict[str, list[int]]]]) -> dict[str, Any]:
    """Year -> district -> function -> budget, released, spent, in rupees."""
    names = ("budget", "released", "spent")
    return {
        year: {
            code: {
                function: dict(zip(names, map(rupees, paisa), strict=True)) for function, paisa in functions.items()
            }
            for code, functions in places.items()
        }
        for year, places in sums.items()
    }
