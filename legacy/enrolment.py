"""Pupils beyond the current roll: earlier years of some, and the annual school census by year. Question 8."""

from __future__ import annotations

import datetime as dt
import random
import uuid

from legacy.geography import SPLITS, District, districts
from legacy.world import PERIODS, Counters, World, fiscal_year, per_thousand

CENSUS_2017 = dt.date(2017, 3, 15)
PROMOTED, TRANSFERRED, WITHDRAWN = 5, 2, 3


def write_earlier_year(
    world: World, rng: random.Random, pupil: int, grade: int, school: int, before: str | None = None
) -> str:
    """A pupil's row of the year before: a second row of the same pupil, never a second enrolment. ``before``: the row
    it follows. Its own id."""
    status = rng.choice((PROMOTED, PROMOTED, TRANSFERRED, WITHDRAWN))
    identity = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    world.put("emis", "institution_students", (
        identity, status, pupil, max(1, grade), 4, dt.date(2024, 3, 1), dt.date(2024, 12, 15), school, before,
    ))  # fmt: skip
    return identity


def write_annual_census(
    world: World, rng: random.Random, place: District, school: int, pupils: tuple[int, int], count: Counters
) -> None:
    """One form a school a year, counted on 31 October; this year's says what the roll says. Academic years run from
    March to December, so the count falls into the fiscal year that began in July."""
    for number, year in enumerate(PERIODS, 1):
        share = 1.0 if year == PERIODS[-1] else rng.uniform(0.75, 1.1)
        boys, girls = (round(part * share) for part in pupils)
        count.census += 1
        counted = dt.date(year, 10, 31)
        world.put("emis", "institution_enrolments", (count.census, school, number, counted, boys, girls))
        world.note("enrolment", fiscal_year(counted), place.code, boys + girls)


def write_population(world: World) -> None:
    """The census of 2017 by the districts of its day, beside that of 2023."""
    parents = {code: (parent, dt.date.fromisoformat(since)) for code, (parent, since) in SPLITS.items()}
    earlier: dict[str, list[int]] = {}
    for place in districts():
        parent, since = parents.get(place.code, (place.code, CENSUS_2017))
        code = parent if since > CENSUS_2017 else place.code
        own = earlier.setdefault(code, [0, 0])
        own[0] += place.population * 83 // 100
        own[1] += place.school_age * 85 // 100
        world.put("geo", "census", (f"2023-{place.code}", 2023, place.code, place.population, place.school_age))
    for code, (population, school_age) in earlier.items():
        world.put("geo", "census", (f"2017-{code}", 2017, code, population, school_age))
    world.truth["q8"] = {
        "2023": _shares(world.pupils, {place.code: place.school_age for place in districts()}),
        "2017": _shares(_within(world.pupils), {code: numbers[1] for code, numbers in earlier.items()}),
    }


def _within(pupils: dict[str, int]) -> dict[str, int]:
    """Pupils by the districts of March 2017."""
    found: dict[str, int] = {}
    for code, number in pupils.items():
        parent, since = SPLITS.get(code, (code, "1970-07-01"))
        whole = parent if dt.date.fromisoformat(since) > CENSUS_2017 else code
        found[whole] = found.get(whole, 0) + number
    return found


def _shares(pupils: dict[str, int], children: dict[str, int]) -> dict[str, dict[str, object]]:
    """District -> enrolment, school-age children, and enrolment per 1,000 of them with two places, half-even."""
    return {
        code: {"enrolment": number, "school_age": children[code], "per_1000": per_thousand(number, children[code])}
        for code, number in sorted(pupils.items())
    }
