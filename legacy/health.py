"""HMIS (DHIS2-shaped), LMIS stock and HR staff."""

from __future__ import annotations

import datetime as dt
import random
import uuid

from legacy.geography import District
from legacy.world import World, dashed, shared, spelled

TYPES = (("DHQ", 3), ("THQ", 2), ("RHC", 12), ("BHU", 60), ("CD", 23))
ELEMENTS = (("OPD_NEW", "OPD new cases"), ("OPD_OLD", "OPD follow-up"), ("DELIV", "Deliveries"), ("ANC1", "First antenatal visits"), ("PENTA3", "Pentavalent 3"), ("MALARIA", "Malaria cases"))  # fmt: skip
DRUGS = (("PCM500", "Paracetamol 500 mg", 1), ("ORS", "Oral rehydration salts", 1), ("AMX250", "Amoxicillin 250 mg", 1), ("GLV", "Gloves", 0))  # fmt: skip
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
    drugs = []
    for code, name, tracer in DRUGS:
        drugs.append(str(uuid.UUID(int=rng.getrandbits(128), version=4)))
        world.put("lmis", "orderables", (drugs[-1], code, name, tracer))
    places = world.places
    state = _State()
    for index, place in enumerate(places):
        number = shared(world.scale.facilities, places, index, world.scale.exact)
        if place.division == "Zhob" and world.scale.name == "demo":
            number = 8
        for serial in range(1, number + 1):
            _facility(world, rng, place, serial, periods, drugs, state)
        world.progress("facilities", index + 1, len(places))
    world.truth["q3"] = sorted(state.silent)
    world.truth["posts_health"] = state.posts


class _State:
    def __init__(self) -> None:
        self.facility = self.registration = self.employee = self.post = 0
        self.silent: list[str] = []
        self.posts: dict[str, dict[str, int]] = {}


def _facility(
    world: World,
    rng: random.Random,
    place: District,
    serial: int,
    periods: list[tuple[str, dt.date, dt.date]],
    drugs: list[str],
    state: _State,
) -> None:
    state.facility += 1
    uid, code = f"ou{state.facility:09d}", f"HF-{place.code}-{serial:04d}"
    kind = "DHQ" if serial == 1 else rng.choices([name for name, _ in TYPES], [weight for _, weight in TYPES])[0]
    status = "A" if serial <= 2 else rng.choices(("A", "I", "C"), (84, 8, 8))[0]
    closed = dt.date(2022, 12, 31) if status == "C" else None
    _, female = world.person(rng)
    in_charge = dashed(world.new_cnic(female)) if rng.random() < 0.8 else ""
    world.put("hmis", "organisationunit", (
        state.facility, uid, code, f"{kind} {place.name} {serial}" + (" " if serial % 3 == 0 else ""), 1,
        spelled(place, rng), kind, status, dt.date(rng.randint(1960, 2015), 1, 1), closed, "", in_charge,
    ))  # fmt: skip
    if status != "C":
        world.facilities.append((code, uid, place.code))
    for position, (iso, _, last) in enumerate(periods, 1):
        silent = status == "C" or rng.random() < (0.25 if iso == "202509" else 0.08)
        if place.division == "Zhob" and iso == "202509" and status == "A" and serial == 2:
            silent = True
        if silent:
            if iso == "202509" and status == "A" and place.division == "Zhob":
                state.silent.append(code)
            continue
        state.registration += 1
        world.put("hmis", "completedatasetregistration", (
            state.registration, 1, position, state.facility, last + dt.timedelta(days=rng.randint(1, 20)), "clerk",
        ))  # fmt: skip
        for element in range(1, len(ELEMENTS) + 1):
            value = str(rng.randint(0, 900))
            if rng.random() < 0.01:
                value = rng.choice(("n/a", "", "12 "))
            world.put("hmis", "datavalue", (element, position, state.facility, 1, 1, value, "clerk", last, last))
    _stock(world, rng, code, drugs)
    _staff(world, rng, place, code, status, state)


def _stock(world: World, rng: random.Random, code: str, drugs: list[str]) -> None:
    facility = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    world.put("lmis", "facility_map", (facility, code))
    for drug in drugs:
        card = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        world.put("lmis", "stock_cards", (card, facility, drug, drug))
        day = dt.date(2025, 9, 1)
        level = rng.randint(0, 500)
        for _ in range(3):
            line = str(uuid.UUID(int=rng.getrandbits(128), version=4))
            world.put("lmis", "calculated_stocks_on_hand", (line, level, day, card))
            day += dt.timedelta(days=rng.randint(3, 9))
            level = max(0, level - rng.randint(0, 200))


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
