"""EMIS (OpenEMIS-shaped) and RTSM's visits."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from pathlib import Path

from legacy.board import Board
from legacy.enrolment import write_annual_census, write_earlier_year
from legacy.geography import District, districts
from legacy.learners import build_learners
from legacy.monitoring import write_harmless_leave, write_visits
from legacy.registers import Registers
from legacy.world import PERIOD_IDS, Counters, Teacher, World, dashed, shared

LEVELS = ("Pre-primary", "Primary", "Secondary", "Tertiary")
GENDERS = ("Boys", "Girls", "Mixed")
STATUSES = (("Active", "ACT"), ("Closed", "CLS"), ("Non-functional", "NFN"))
TITLES = ("JVT", "JET", "SST", "Head Teacher", "Subject Specialist")
BPS = (9, 14, 16, 17, 17)


def build_education(world: World, out: Path) -> None:
    """Writes EMIS and the exam board's files; fills the world's schools and teachers."""
    areas = _areas(world)
    _code_tables(world)
    rng = world.rng("education")
    places = world.places
    truth_active: dict[str, dict[str, int]] = {}
    posts: dict[str, dict[str, int]] = {}
    counters = Counters()
    registers = Registers(world)
    for index, place in enumerate(places):
        number = shared(world.scale.schools, places, index, world.scale.exact)
        if world.scale.name == "demo" and place.code == "KEC":
            number = 40
        for serial in range(1, number + 1):
            _school(world, rng, place, serial, areas[place.code], registers, counters, truth_active, posts)
        world.progress("schools", index + 1, len(places))
    _retired(world, counters)
    write_harmless_leave(world, counters)
    world.truth["q1"] = truth_active
    world.truth["posts_education"] = posts
    board = Board(out / "exam_board")
    board.strangers(world)
    build_learners(world, registers, counters, board)
    board.close()


def _areas(world: World) -> dict[str, tuple[int, int]]:
    """The nested set of areas; district code -> ids of its two tehsils."""
    rows: list[tuple[int, str, str, int | None, int, int, int]] = []
    counter = 0
    found: dict[str, tuple[int, int]] = {}

    def step() -> int:
        nonlocal counter
        counter += 1
        return counter

    province_left = step()
    next_id = 1
    province = next_id
    inner: list[tuple[int, str, str, int | None, int, int, int]] = []
    by_division: dict[str, list[District]] = {}
    for place in districts():
        by_division.setdefault(place.division, []).append(place)
    for division, members in by_division.items():
        next_id += 1
        division_id, division_left = next_id, step()
        for place in members:
            next_id += 1
            district_id, left = next_id, step()
            tehsils = []
            for position in (1, 2):
                next_id += 1
                tehsils.append(next_id)
                inner.append(
                    (
                        next_id,
                        f"T-{place.code}-{position}",
                        f"{place.name} Tehsil {position}",
                        district_id,
                        step(),
                        step(),
                        4,
                    )
                )
            emis_name = place.spellings[1] if place.code in ("CHG", "NOS", "GWA") else place.name
            inner.append((district_id, f"D-{place.code}", emis_name, division_id, left, step(), 3))
            found[place.code] = (tehsils[0], tehsils[1])
        inner.append((division_id, f"V-{division[:3].upper()}", division, province, division_left, step(), 2))
    rows.append((province, "PK-BA", "Balochistan", None, province_left, step(), 1))
    for row in (*rows, *inner):
        world.put("emis", "areas", row)
    return found


def _code_tables(world: World) -> None:
    for table, values in (
        ("institution_types", [(name, name[:3].upper()) for name in LEVELS]),
        ("institution_statuses", list(STATUSES)),
        ("institution_genders", [(name, name[0]) for name in GENDERS]),
        ("institution_sectors", [("Government", "GOV"), ("Community", "COM")]),
    ):
        for number, (name, code) in enumerate(values, 1):
            world.put("emis", table, (number, name, code))
    for number, status in enumerate(("CURRENT", "TRANSFERRED", "WITHDRAWN", "GRADUATED", "PROMOTED", "REPEATED"), 1):
        world.put("emis", "student_statuses", (number, status, status.capitalize()))
    for number in range(11):
        name = "Kachi" if number == 0 else f"Class {number}"
        world.put("emis", "education_grades", (number + 1, f"G{number:02d}", name))
    for year, number in PERIOD_IDS.items():
        world.put("emis", "academic_periods", (
            number, str(year), f"Academic year {year}", dt.date(year, 3, 1), dt.date(year, 12, 15), year,
        ))  # fmt: skip
    for number, (title, bps) in enumerate(zip(TITLES, BPS, strict=True), 1):
        world.put("emis", "staff_position_titles", (number, title, 1))
        world.put("emis", "staff_position_grades", (number, f"BPS-{bps}", bps))


def _school(
    world: World,
    rng: random.Random,
    place: District,
    serial: int,
    tehsils: tuple[int, int],
    registers: Registers,
    count: Counters,
    active: dict[str, dict[str, int]],
    posts: dict[str, dict[str, int]],
) -> None:
    count.school += 1
    code = f"{place.code}-{serial:05d}"
    first = serial == 1
    level = 3 if first else rng.choices((1, 2, 3, 4), (10, 62, 25, 3))[0]
    gender = 2 if first else rng.choices((1, 2, 3), (50, 38, 12))[0]
    status = 1 if first else rng.choices((1, 2, 3), (80, 6, 14))[0]
    kind = ("Pre-Primary", "Primary", "High", "Higher Secondary")[level - 1]
    who = ("Boys", "Girls", "Community")[gender - 1]
    name = f"Govt. {who} {kind} School {rng.choice(CLAN_PLACES)} {place.name}"
    if serial % 17 == 0:
        name = f"  {name.upper()} "
    if serial == 2:
        name = "Govt. 100%_\\Model School"
    opened = dt.date(rng.randint(1950, 2018), rng.randint(1, 12), 1)
    closed = dt.date(2019, 6, 30) if status == 2 else None
    longitude = f"{rng.uniform(61, 69):.5f}" if rng.random() > 0.05 else ""
    world.put("emis", "institutions", (
        count.school, name, code, "", "n/a" if rng.random() < 0.2 else f"08{rng.randint(10, 99)}-{rng.randint(200000, 999999)}",
        opened, closed, longitude, f"{rng.uniform(25, 32):.5f}", rng.choice(tehsils), level, status,
        1 if rng.random() < 0.9 else 2, gender, "2025-09-01 08:00:00",
    ))  # fmt: skip
    if serial % 9 == 0:
        world.put("emis", "z_institutions_2019", (count.school, name, code))
    world.schools.append((code, place.code))
    world.school_levels.append(level)
    if status == 1:
        own = active.setdefault(place.code, {})
        group = f"{LEVELS[level - 1]}/{GENDERS[gender - 1]}"
        own[group] = own.get(group, 0) + 1
    teachers = _posts(world, rng, place, code, count, first, posts)
    pupils = _pupils(world, rng, registers, count)
    world.pupils[place.code] = world.pupils.get(place.code, 0) + sum(pupils)
    write_annual_census(world, world.rng(f"census {code}"), place, count.school, pupils, count)
    if status == 1:
        write_visits(world, rng, code, serial, teachers, count)


CLAN_PLACES = ("Absor", "Killi Karani", "Mand", "Tump", "Killi Ismail", "Kallag", "Killi Deba", "Sorap", "Buleda")


def _posts(
    world: World,
    rng: random.Random,
    place: District,
    code: str,
    count: Counters,
    first: bool,
    posts: dict[str, dict[str, int]],
) -> list[Teacher]:
    sanctioned = 8 if first else max(1, round(rng.gauss(world.scale.teachers_a_school, 2)))
    own = posts.setdefault(place.code, {"sanctioned": 0, "filled": 0})
    teachers = []
    for _ in range(sanctioned):
        count.position += 1
        title = rng.choices((1, 2, 3, 4, 5), (45, 25, 18, 6, 6))[0]
        world.put(
            "emis", "institution_positions", (count.position, f"P-{count.position:07d}", title, title, count.school)
        )
        own["sanctioned"] += 1
        if first or rng.random() < 0.88:
            own["filled"] += 1
            teachers.append(_teacher(world, rng, place, code, count))
    return teachers


def _teacher(world: World, rng: random.Random, place: District, code: str, count: Counters) -> Teacher:
    name, female = world.person(rng)
    count.user += 1
    count.staff += 1
    staff_no = f"T{count.staff:07d}"
    cnic = world.new_cnic(female)
    written = "" if count.staff % 101 == 0 else cnic if rng.random() < 0.7 else dashed(cnic)
    if count.staff % 997 == 0:
        written = cnic[:12]
    first, _, last = name.rpartition(" ")
    world.put("emis", "security_users", (
        count.user, f"staff{count.staff}", "$2y$10$notforanyone", staff_no, first, last, 2 if female else 1,
        dt.date(rng.randint(1966, 1999), rng.randint(1, 12), rng.randint(1, 28)), written, 0, 1, 0, None,
    ))  # fmt: skip
    started = dt.date(rng.randint(2005, 2023), rng.randint(1, 12), 1)
    world.put("emis", "institution_staff", (
        count.staff, "1.00", started, None, count.user, count.school, count.position,
    ))  # fmt: skip
    known = cnic if written and len(written) != 12 else ""
    teacher = Teacher(staff_no, count.user, name, known, female, code, place.code)
    world.teachers.append(teacher)
    return teacher


def _retired(world: World, count: Counters) -> None:
    """Teachers whose only posting has ended: EMIS still knows them, and they hold no posting."""
    rng = world.rng("retired")
    for _ in range(max(6, len(world.teachers) // 200)):
        name, female = world.person(rng)
        first, _, last = name.rpartition(" ")
        cnic = world.new_cnic(female)
        count.user += 1
        count.staff += 1
        staff_no = f"T{count.staff:07d}"
        world.put("emis", "security_users", (
            count.user, f"staff{count.staff}", "$2y$10$notforanyone", staff_no, first, last, 2 if female else 1,
            dt.date(1964, rng.randint(1, 12), rng.randint(1, 28)), dashed(cnic), 0, 1, 0, None,
        ))  # fmt: skip
        code, district = rng.choice(world.schools)
        school, position = rng.randint(1, count.school), rng.randint(1, count.position)
        world.put("emis", "institution_staff", (
            count.staff, "1.00", dt.date(1990, 3, 1), dt.date(2024, 6, 30), count.user, school, position,
        ))  # fmt: skip
        world.retired.append(Teacher(staff_no, count.user, name, cnic, female, code, district))


def _pupils(world: World, rng: random.Random, registers: Registers, count: Counters) -> tuple[int, int]:
    """Writes a school's pupils; how many boys and girls there are."""
    earlier = world.rng(f"earlier {count.school}")
    girls = 0
    number = max(0, round(rng.gauss(world.scale.pupils_a_school, world.scale.pupils_a_school / 3)))
    for _ in range(number):
        count.user += 1
        name, female = world.person(rng)
        first, _, last = name.rpartition(" ")
        grade = rng.randint(0, 10)
        bform = "" if rng.random() < 0.15 else world.new_cnic(female)
        world.put("emis", "security_users", (
            count.user, f"student{count.user}", "$2y$10$notforanyone", f"S{count.user:08d}", first, last,
            2 if female else 1, dt.date(2020 - grade - rng.randint(0, 2), rng.randint(1, 12), rng.randint(1, 28)),
            bform if rng.random() < 0.6 else dashed(bform), 1, 0, 0, None,
        ))  # fmt: skip
        identity = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        before = None
        if count.user % 8 == 0:
            before = registers.earlier(count.user, name, grade, count.school)
            before = write_earlier_year(world, earlier, count.user, grade, count.school, before)
        world.put("emis", "institution_students", (
            identity, 1, count.user, grade + 1, 5, dt.date(2025, 3, 1), dt.date(2025, 12, 15), count.school, before,
        ))  # fmt: skip
        girls += female
        registers.reported(count.user, 2025, grade, count.school)
    return number - girls, girls
