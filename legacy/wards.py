"""What a facility's ward clerk and its attendance machine last sent: beds occupied, staff present. Their shape is
invented: no public schema exists."""

from __future__ import annotations

import datetime as dt

from legacy.world import World

LATEST = dt.datetime(2025, 9, 30, 8, 0)


def write_wards(world: World, code: str) -> None:
    """The states of one facility; what they come to in its district is planted truth."""
    rng = world.rng(f"wards {code}")
    beds = rng.choice((20, 20, 40, 120))
    occupied, staff = rng.randint(0, beds), rng.randint(3, 30)
    present = rng.randint(0, staff)
    at = (LATEST - dt.timedelta(minutes=rng.randint(0, 600))).isoformat() + "+05:00"
    world.put("hmis", "bed_states", (code, beds, occupied, at))
    world.put("hr", "shift_presence", (code, staff, present, at))
    told = world.truth.setdefault("wards", {}).setdefault(code[3:6], {})
    for name, number in (("beds", beds), ("occupied", occupied), ("staff", staff), ("present", present)):
        told[name] = told.get(name, 0) + number
