"""LMIS: movements of stock, and what was on hand after each. Half of question 9."""

from __future__ import annotations

import datetime as dt
import random
import uuid

from legacy.world import World

DRUGS = (("PCM500", "Paracetamol 500 mg", 1), ("ORS", "Oral rehydration salts", 1), ("AMX250", "Amoxicillin 250 mg", 1), ("GLV", "Gloves", 0))  # fmt: skip
FIRST, LAST = dt.date(2025, 9, 1), dt.date(2025, 9, 30)
"""The month of question 9."""

Entries = list[tuple[dt.date, int]]
"""(day, stock on hand from that day on), in the order of days."""


def identity(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def write_drugs(world: World, rng: random.Random) -> list[str]:
    """The ids of the drugs."""
    drugs = []
    for code, name, tracer in DRUGS:
        drugs.append(identity(rng))
        world.put("lmis", "orderables", (drugs[-1], code, name, tracer))
    return drugs


def write_stock(world: World, rng: random.Random, number: int, code: str, drugs: list[str]) -> None:
    """The cards of the facility at ``number``; what is out in September is noted in ``world.stock_outs``."""
    apart = world.rng(f"stock {number}")
    facility = identity(rng)
    world.put("lmis", "facility_map", (facility, code))
    for position, drug in enumerate(drugs):
        card = identity(rng)
        world.put("lmis", "stock_cards", (card, facility, drug, drug))
        day, level = FIRST, rng.randint(0, 500)
        drawn: Entries = []
        lines = []
        for _ in range(3):
            lines.append(identity(rng))
            drawn.append((day, level))
            day += dt.timedelta(days=rng.randint(3, 9))
            level = max(0, level - rng.randint(0, 200))
        entries = _planted(number, position, drawn)
        before = 0
        for line, (day, level) in zip(lines, entries, strict=False):
            late = dt.timedelta(days=apart.choice((0, 0, 1, 12)))
            world.put("lmis", "calculated_stocks_on_hand", (line, level, day, card))
            world.put("lmis", "stock_card_line_items", (
                identity(apart), card, level - before, day, day + late, "receipt" if level > before else "issue", None, None,
            ))  # fmt: skip
            before = level
        days = days_out(entries)
        if DRUGS[position][2] and days:
            world.stock_outs.setdefault(code, {})[DRUGS[position][0]] = days


def _planted(number: int, position: int, drawn: Entries) -> Entries:
    """Empty since July and never counted again; restocked within the fortnight; never counted at all."""
    if number % 10 == 3 and position == 1:
        return [(dt.date(2025, 7, 2), 40), (dt.date(2025, 7, 20), 0)]
    if number % 10 == 7 and position == 0:
        return [(FIRST, 0), (dt.date(2025, 9, 15), 300)]
    if number % 17 == 5 and position == 2:
        return []
    return drawn


def days_out(entries: Entries) -> int:
    """Days of September without stock, the last entry carried forward; days before the first entry are unknown."""
    days = 0
    for (start, level), (end, _) in zip(entries, [*entries[1:], (LAST + dt.timedelta(days=1), 0)], strict=False):
        if level == 0:
            days += max(0, (end - max(start, FIRST)).days)
    return days
