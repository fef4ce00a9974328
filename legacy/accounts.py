"""What the treasury and B-pay tell of revenue in sums: FABS's monthly accounts with what was aimed at and collected a year
before, and B-pay's nightly count of its bills, beside old debts and bills that were issued again and again."""

from __future__ import annotations

import datetime as dt
from typing import Any

from legacy.books import Bill, Books
from legacy.world import World, rupees, spelled

HEADS = ("TOKTAX", "VEHREG", "PROPTX", "B016", "MUTFEE")
MONTHS = ("202506", *(f"2025{month:02d}" for month in range(7, 13)), *(f"2026{month:02d}" for month in range(1, 7)))
AS_OF = dt.date(2025, 10, 31)
OLD = (dt.date(2023, 11, 15), dt.date(2025, 1, 15), dt.date(2025, 10, 20))
"""Due dates of old and of fresh debts."""
FIRST_OLD, FIRST_AGAIN = 22_000_000_000_000_000, 21_000_000_000_000_000
BILLS = 5_000
"""Targets are of so many bills; where there are more, they are higher."""
CHAINS = (4, 3, 5, 2)
"""How often a bill was issued; twice is no cause for a question."""


def write_accounts(world: World, books: Books) -> None:
    _debts(world, books)
    _issued_again(world, books)
    _monthly(world, books)
    for number, (key, (bills, paisa)) in enumerate(sorted(books.standing.items()), 1):
        world.put("bpay", "bill_totals", (f"{AS_OF:%Y%m%d}-{number:06d}", *key, bills, paisa, f"{AS_OF:%Y%m%d}"))


def _debts(world: World, books: Books) -> None:
    """Twelve bills each of some districts and heads that nobody has paid, and four where only few are owing."""
    rng, serial = world.rng("debts"), 0
    for place in world.places[:6]:
        for head, due in zip(HEADS, OLD, strict=False):
            for _ in range(4 if (place, head) == (world.places[0], HEADS[0]) else 12):
                name, _ = world.person(rng)
                paisa = rng.randint(500, 20_000) * 100
                bill = Bill(f"{FIRST_OLD + serial * 7:017d}", head, paisa, "", "", spelled(place, rng))
                books.issued(bill, name, due, f"{due:%y%m}", expired=due.year < 2025)
                serial += 1


def _issued_again(world: World, books: Books) -> None:
    rng, serial = world.rng("issued again"), 0
    told: list[dict[str, Any]] = []
    for times in CHAINS:
        place, name = world.places[times % len(world.places)], world.person(rng)[0]
        paisa, first = rng.randint(500, 20_000) * 100, ""
        for issue in range(1, times + 1):
            bill = Bill(f"{FIRST_AGAIN + serial * 7:017d}", "VEHREG", paisa, "", "", spelled(place, rng))
            first = first or bill.psid
            due = dt.date(2025, 4 + issue, 15)
            books.issued(
                bill, name, due, f"{due:%y%m}", expired=issue < times, original=first, issue=issue,
                replaced=issue < times,
            )  # fmt: skip
            serial += 1
        told.append({"original": first, "issues": times, "district": place.code, "amount": rupees(paisa)})
    world.truth["issued_again"] = told


def _monthly(world: World, books: Books) -> None:
    """Lines of FABS's accounts, districts as the receipts have them, and targets for every month of the year."""
    rng = world.rng("targets")
    for number, (key, (receipts, paisa)) in enumerate(sorted(books.accounts.items()), 1):
        world.put("fabs_soap", "receipt_totals", (f"T{number:07d}", *key, receipts, paisa))
    number, times = 0, max(1, world.scale.bills // BILLS)
    for place in world.places:
        for head in HEADS:
            for month in MONTHS:
                number += 1
                target = rng.randint(2_000, 90_000) * 10_000 * times
                last_year = 0 if head == "MUTFEE" else target * rng.randint(60, 110) // 100
                world.put("fabs_soap", "revenue_targets", (
                    f"G{number:07d}", month, head, spelled(place, rng), target, last_year,
                ))  # fmt: skip
