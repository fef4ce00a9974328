"""RTSM's visits, staff leave, and who was never there: the ground of question 7."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable

from legacy.world import MONTHS, Counters, Teacher, World

VISITS_A_MONTH = 2


def visit_months(visits: int) -> list[str]:
    """The month of each visit, two a month, the latest month first."""
    return [MONTHS[-1 - visit // VISITS_A_MONTH % len(MONTHS)] for visit in range(visits)]


def write_visits(
    world: World, rng: random.Random, code: str, serial: int, teachers: list[Teacher], count: Counters
) -> None:
    """Monitors' visits. Every seventh school has none: that means unknown, never absent."""
    if serial % 7 == 0:
        world.truth.setdefault("schools_without_visits", []).append(code)
        return
    ghost = teachers[-1] if serial % 5 == 0 and len(teachers) > 1 else None
    if ghost is not None:
        world.truth.setdefault("absent_at_every_visit", []).append(ghost.staff_no)
    seen: dict[str, set[str]] = {}
    for month in visit_months(world.scale.visits_a_school):
        day = rng.randint(1, 28)
        stamp = f"{month[:4]}-{month[4:]}-{day:02d}T{rng.randint(8, 12):02d}:{rng.randint(0, 59):02d}:00"
        synced = dt.datetime.fromisoformat(stamp) + dt.timedelta(days=rng.choice((0, 0, 0, 3, 9)), hours=5)
        is_open = ghost is not None or rng.random() < 0.92
        present = [teacher for teacher in teachers if is_open and teacher is not ghost and rng.random() < 0.85]
        seen.setdefault(month, set()).update(teacher.staff_no for teacher in present)
        written = code if rng.random() < 0.9 else f" {code.lower()} "
        for copy in range(2 if rng.random() < 0.05 else 1):
            count.visit += 1
            world.put("rtsm", "visits", (
                count.visit, written, code, f"{stamp}+05:00", (synced + dt.timedelta(hours=copy)).isoformat(),
                f"MON-{rng.randint(1, 60):03d}", "", "", "Y" if is_open else "N", len(present),
                rng.randint(5, 60) if is_open else 0, count.visit % 1000,
            ))  # fmt: skip
            for teacher in teachers:
                count.mark += 1
                mark = "Y" if teacher in present else "N"
                world.put("rtsm", "visit_staff", (count.mark, count.visit, teacher.staff_no, mark))
    for month, there in seen.items():
        missing = [teacher for teacher in teachers if teacher.staff_no not in there]
        _excuse(world, month, missing, ghost, code, count)


def _excuse(
    world: World, month: str, missing: Iterable[Teacher], ghost: Teacher | None, code: str, count: Counters
) -> None:
    """Of those absent at every visit of a month, some are on leave all that month and some are not paid for it."""
    for teacher in missing:
        count.absence += 1
        if teacher is not ghost and count.absence % 4 == 0:
            count.leave += 1
            first = dt.date(int(month[:4]), int(month[4:]), 1)
            last = (first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
            reason = ("Maternity", "Medical", "Hajj", "Study")[count.leave % 4]
            world.put("emis", "staff_leaves", (count.leave, teacher.user_id, first, last, reason))
            world.on_leave.setdefault(month, []).append(teacher)
            continue
        if teacher is not ghost and count.absence % 9 == 0 and not code.endswith("-00001"):
            world.unpaid.add((teacher.staff_no, month))
        world.absent.setdefault(month, []).append(teacher)


def write_harmless_leave(world: World, count: Counters) -> None:
    """Leave of teachers who were present: it must change nothing."""
    for teacher in world.teachers[::53]:
        count.leave += 1
        world.put("emis", "staff_leaves", (
            count.leave, teacher.user_id, dt.date(2024, 1, 8), dt.date(2024, 1, 19), "Casual",
        ))  # fmt: skip


def absentees(world: World) -> dict[str, dict[str, list[str]]]:
    """Question 7 by month (2025-09): ``listed`` were paid though absent at every visit; the others are why somebody
    absent is not: ``on_leave`` all that month, ``unpaid`` for it, ``without_cnic`` (nobody can tell their pay)."""
    told = {}
    for month in sorted({*world.absent, *world.on_leave}):
        absent = world.absent.get(month, [])
        known = [teacher for teacher in absent if teacher.cnic]
        told[f"{month[:4]}-{month[4:]}"] = {
            "listed": sorted(one.staff_no for one in known if (one.staff_no, month) not in world.unpaid),
            "on_leave": sorted(teacher.staff_no for teacher in world.on_leave.get(month, [])),
            "unpaid": sorted(one.staff_no for one in known if (one.staff_no, month) in world.unpaid),
            "without_cnic": sorted(teacher.staff_no for teacher in absent if not teacher.cnic),
        }
    return told
