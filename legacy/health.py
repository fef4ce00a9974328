"""HMIS (DHIS2-shaped), LMIS stock and HR staff."""

from __future__ import annotations

import datetime as dt
import random
import re
from fractions import Fraction
from statistics import median

from legacy.geography import District
from legacy.stock import write_drugs, write_stock
from legacy.wards import write_wards
from legacy.world import World, dashed, fiscal_year, shared, spelled

TYPES = (("DHQ", 3), ("THQ", 2), ("RHC", 12), ("BHU", 60), ("CD", 23))
ELEMENTS = (("OPD_NEW", "OPD new cases"), ("OPD_OLD", "OPD follow-up"), ("DELIV", "Deliveries"), ("ANC1", "First antenatal visits"), ("PENTA3", "Pentavalent 3"), ("MALARIA", "Malaria cases"))  # fmt: skip
JOBS = (("Medical Officer", 17), ("LHV", 9), ("Dispenser", 6), ("Midwife", 5), ("Chowkidar", 1))


def months(number: int) -> list[tuple[str, dt.date, dt.date]]:
    """The last ``number`` months up to 2025-09: iso, first day, last day."""
    found = []
    for back in range(number - 1, -1, -1):
        year, month = divmod(2025 * 12 + 8 - back, 12)
        first = dt.date(year, month + 1, 1)
        following = dt.date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
        found.append((f"{year}{month + 1:02d}", first, following - dt.timedelta(days=1)))
    return found


def build_health(world: World) -> None:
    """Writes the three health systems; fills the world's facilities."""
    rng = world.rng("health")
    periods = months(world.scale.figure_months)
    for number, (iso, first, last) in enumerate(periods, 1):
        world.put("hmis", "period", (number, 3, first, last, iso))
    for number, (code, name) in enumerate(ELEMENTS, 1):
        world.put("hmis", "dataelement", (number, f"de{number:09d}", code, name, "NUMBER", "SUM"))
    world.put("hmis", "dataset", (1, "ds000000001", "Monthly facility report"))
    world.put("hmis", "dataset", (2, "ds000000002", "Epidemic alert form"))
    drugs = write_drugs(world, rng)
    places = world.places
    state = _State()
    for index, place in enumerate(places):
        number = shared(world.scale.facilities, places, index, world.scale.exact)
        if place.division == "Zhob" and world.scale.name == "demo":
            number = 8
        for serial in range(1, number + 1):
            _facility(world, rng, place, serial, periods, drugs, state)
        world.progress("facilities", index + 1, len(places))
    for place in (place for place in places if place.division == "Zhob"):
        _facility(world, world.rng(f"closed {place.code}"), place, 900, periods, drugs, state, closed=True)
    for code, _, _ in world.facilities:
        write_wards(world, code)
    world.truth["q3"] = sorted(state.silent)
    world.truth["q9"] = _out_and_busy(world, state)
    world.truth["posts_health"] = state.posts


class _State:
    def __init__(self) -> None:
        self.facility = self.registration = self.employee = self.post = 0
        self.silent: list[str] = []
        self.load: dict[str, int | None] = {}
        """Facility -> outpatients of September 2025; None when one of its two figures cannot be read."""
        self.posts: dict[str, dict[str, int]] = {}


def _facility(
    world: World,
    rng: random.Random,
    place: District,
    serial: int,
    periods: list[tuple[str, dt.date, dt.date]],
    drugs: list[str],
    state: _State,
    *,
    closed: bool = False,
) -> None:
    state.facility += 1
    uid, code = f"ou{state.facility:09d}", f"HF-{place.code}-{serial:04d}"
    kind = "DHQ" if serial == 1 else rng.choices([name for name, _ in TYPES], [weight for _, weight in TYPES])[0]
    status = "A" if serial <= 2 else rng.choices(("A", "I", "C"), (84, 8, 8))[0]
    if closed:
        status = "C"
    closed_on = dt.date(2022, 12, 31) if status == "C" else None
    _, female = world.person(rng)
    in_charge = dashed(world.new_cnic(female)) if rng.random() < 0.8 else ""
    world.put("hmis", "organisationunit", (
        state.facility, uid, code, f"{kind} {place.name} {serial}" + (" " if serial % 3 == 0 else ""), 1,
        spelled(place, rng), kind, status, dt.date(rng.randint(1960, 2015), 1, 1), closed_on, "", in_charge,
    ))  # fmt: skip
    if status != "C":
        world.facilities.append((code, uid, place.code))
    for position, (iso, _, last) in enumerate(periods, 1):
        figures: dict[int, str] = {}
        silent = status == "C" or rng.random() < (0.25 if iso == "202509" else 0.08)
        if place.division == "Zhob" and iso == "202509" and status == "A" and serial == 2:
            silent = True
        if iso == "202509" and state.facility % 2 == 0:
            world.put("hmis", "completedatasetregistration", (
                10_000_000 + state.facility, 2, position, state.facility, last, "clerk",
            ))  # fmt: skip
        if silent:
            if iso == "202509" and status == "A" and place.division == "Zhob":
                state.silent.append(code)
                if serial % 2 == 0:
                    _figures_without_report(world, state, code, position, last)
            continue
        state.registration += 1
        world.put("hmis", "completedatasetregistration", (
            state.registration, 1, position, state.facility, last + dt.timedelta(days=rng.randint(1, 20)), "clerk",
        ))  # fmt: skip
        for element in range(1, len(ELEMENTS) + 1):
            value = str(rng.randint(0, 900))
            if rng.random() < 0.01:
                value = rng.choice(("n/a", "", "12 "))
            figures[element] = value
            world.put("hmis", "datavalue", (element, position, state.facility, 1, 1, value, "clerk", last, last))
        _note_outpatients(world, state, code, place.code, last, figures)
    write_stock(world, rng, state.facility, code, drugs)
    _staff(world, rng, place, code, status, state)


def _figures_without_report(world: World, state: _State, code: str, period: int, last: dt.date) -> None:
    """Figures were typed in and the report never declared complete: it is still missing."""
    rng = world.rng(f"unreported {code}")
    figures = {element: str(rng.randint(0, 900)) for element in range(1, len(ELEMENTS) + 1)}
    for element, value in figures.items():
        world.put("hmis", "datavalue", (element, period, state.facility, 1, 1, value, "clerk", last, last))
    _note_outpatients(world, state, code, code[3:6], last, figures)


def _note_outpatients(
    world: World, state: _State, code: str, district: str, last: dt.date, figures: dict[int, str]
) -> None:
    """New and follow-up cases. A total of a district adds what can be read; a facility's load needs both."""
    read = [readable(figures[element]) for element in (1, 2)]
    world.note("outpatients", fiscal_year(last), district, sum(value or 0 for value in read))
    if last == dt.date(2025, 9, 30):
        state.load[code] = None if None in read else sum(value or 0 for value in read)


def readable(value: str) -> int | None:
    """A figure as text: blanks around it are nothing, anything else that is no whole number is unknown."""
    text = value.strip()
    return int(text) if re.fullmatch("[0-9]+", text) else None


def _out_and_busy(world: World, state: _State) -> dict[str, object]:
    """Question 9. ``facilities``: out of a tracer drug on 15 days or more of September 2025 with a load above the
    median of all known loads; the other keys are why others that were out are not among them."""
    loads = [Fraction(load) for load in state.load.values() if load is not None]
    middle = median(loads)
    out = {
        code: {drug: days for drug, days in drugs.items() if days >= 15} for code, drugs in world.stock_outs.items()
    }
    long = {code: drugs for code, drugs in sorted(out.items()) if drugs}
    told = {code: {"days": drugs, "load": state.load.get(code)} for code, drugs in long.items()}
    return {
        "month": "2025-09",
        "median_load": float(middle),
        "facilities": {code: one for code, one in told.items() if (load := state.load.get(code)) and load > middle},
        "not_busy": [code for code in told if (load := state.load.get(code)) is not None and load <= middle],
        "load_unknown": [code for code in told if state.load.get(code) is None],
        "out_for_less": sorted(code for code in out if code not in long),
    }


def _staff(world: World, rng: random.Random, place: District, code: str, status: str, state: _State) -> None:
    own = state.posts.setdefault(place.code, {"sanctioned": 0, "filled": 0})
    for title, bps in JOBS:
        for _ in range(1 if bps > 9 else rng.randint(1, 2)):
            state.post += 1
            filled = ""
            if status == "A" and rng.random() < 0.8:
                state.employee += 1
                filled = f"H{state.employee:06d}"
                name, female = world.person(rng)
                cnic = world.new_cnic(female)
                joined = rng.choice((f"{rng.randint(1, 28):02d}/{rng.randint(1, 12):02d}/{rng.randint(2000, 2023)}", "", "31/02/2015"))  # fmt: skip
                world.put("hr", "employees", (
                    filled, name, rng.choice(("Haji Karim", "Mir Jan")), cnic if rng.random() < 0.5 else dashed(cnic),
                    title, bps, code, joined, "A",
                ))  # fmt: skip
                own["filled"] += 1
            own["sanctioned"] += 1
            world.put("hr", "posts", (f"HP-{state.post:06d}", code, title, bps, filled))
