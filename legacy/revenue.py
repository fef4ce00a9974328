"""Revenue as three systems know it: B-pay's bills and transactions, the banks' scrolls, FABS's receipts. Questions 4,
12 and 24.

Each payment has a case of its own. Most cases are plain; every few hundredth goes wrong in one of the ways that happen.
"""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any

from legacy.accounts import write_accounts
from legacy.books import Bill, Books
from legacy.oddities import write_oddities
from legacy.world import World, dashed, rupees, spelled

HEADS = (("TOKTAX", "Token tax"), ("VEHREG", "Vehicle registration"), ("PROPTX", "Property tax"), ("B016", "Tax on professions"), ("MUTFEE", "Mutation fee"))  # fmt: skip
BANKS = ("NBP", "HBL", "UBL")
CASES = {211: "not_in_bank", 223: "not_in_fabs", 227: "amount_differs", 229: "reversed", 233: "reversed_after_settlement", 239: "settled_late", 241: "booked_late"}  # fmt: skip
"""Every so many-th payment -> what happens to it; ``settled_late`` and ``booked_late`` are whole in the end."""


def write_revenue(world: World, folder: Path) -> None:
    rng = world.rng("bpay")
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.csv"):
        old.unlink()
    books = Books(world, folder)
    places = world.places
    truth: dict[str, Any] = {"paid": None, "unpaid": None, "expired": None, "unknown": "99999999999999999"}
    for serial in range(1, world.scale.bills + 1):
        place = places[serial % len(places)]
        head = HEADS[serial % len(HEADS)][0]
        amount = rng.randint(500, 90_000) * 100 + rng.choice((0, 0, 50))
        due = dt.date(2025, 9, 1) + dt.timedelta(days=serial % 30)
        expired = serial % 50 == 0
        paid = not expired and rng.random() < 0.6
        into = rng.randint(0, 27)
        summer = serial % 10 == 3
        day = dt.date(2025, 6, 24) + dt.timedelta(days=into // 3) if summer else dt.date(2025, 9, 1) + dt.timedelta(days=into)  # fmt: skip
        name, female = world.person(rng)
        payer = dashed(world.new_cnic(female)) if rng.random() < 0.7 else ""
        bill = Bill(
            f"{10_000_000_000_000_000 + serial * 7:017d}", head, amount, f"{serial % 1_000_000:06d}",
            BANKS[serial % 3], spelled(place, rng),
        )  # fmt: skip
        if paid:
            case = _pay(books, rng, bill.due(day, due), day)
        elif not expired and serial % 61 == 0:
            case = "not_in_bpay"
            _pay_at_the_counter(books, bill.due(day, due), day)
        else:
            case = "expired" if expired else "unpaid"
        done = paid and not case.startswith("reversed")
        books.issued(
            bill, name, due, "2506" if summer else "2509", paid_on=day if done else None, expired=expired,
            payer=payer or (f"{1_000_000 + serial:07d}-{serial % 10}" if serial % 2 else ""),
        )  # fmt: skip
        kind = "paid" if case == "plain" else case
        if kind in truth and truth[kind] is None:
            truth[kind] = {"psid": bill.psid, "amountWithin": rupees(amount)}
        if serial % 50_000 == 0:
            world.progress("bills", serial, world.scale.bills)
    _challans(world, books)
    write_oddities(world, books)
    write_accounts(world, books)
    books.close()
    world.truth["q4"] = truth


def _pay(books: Books, rng: random.Random, bill: Bill, day: dt.date) -> str:
    """What happens to a payment; the name of its case."""
    case = next((name for every, name in CASES.items() if (books.transaction + 1) % every == 0), "plain")
    recorded, booked = f"{day}T20:00:00+05:00", f"{day}T23:00:00+05:00"
    number = books.paid(bill, day, f"{rng.randint(8, 17):02d}1500", recorded)
    following = day + dt.timedelta(days=1)
    match case:
        case "not_in_bank":
            books.booked(bill, day, booked)
            books.odd(case, bill, day)
        case "not_in_fabs":
            books.settled(bill, following, bill.paisa)
            books.odd(case, bill, day)
        case "amount_differs":
            books.settled(bill, following, bill.paisa + 50)
            books.booked(bill, day, booked)
            books.odd(case, bill, day, bank=rupees(bill.paisa + 50))
        case "reversed":
            books.paid(bill, day, "181500", f"{day}T20:30:00+05:00", number)
        case "reversed_after_settlement":
            books.settled(bill, following, bill.paisa)
            receipt = books.booked(bill, day, booked)
            undone = day + dt.timedelta(days=8)
            books.paid(bill, undone, "101500", f"{undone}T20:00:00+05:00", number)
            books.booked(bill, undone, f"{undone}T23:00:00+05:00", reversal_of=receipt)
            books.odd(case, bill, day, reversed_on=undone.isoformat())
        case "settled_late":
            books.settled(bill, day + dt.timedelta(days=4), bill.paisa)
            books.booked(bill, day, booked)
        case "booked_late":
            books.settled(bill, following, bill.paisa)
            books.booked(bill, day, f"{day + dt.timedelta(days=9)}T11:00:00+05:00")
        case _:
            books.settled(bill, following, bill.paisa)
            books.booked(bill, day, booked)
    return case


def _pay_at_the_counter(books: Books, bill: Bill, day: dt.date) -> None:
    """The bank took the money and B-pay never heard of it: the bill still stands as unpaid."""
    books.settled(bill, day + dt.timedelta(days=1), bill.paisa)
    books.booked(bill, day, f"{day}T23:00:00+05:00")
    books.odd("not_in_bpay", bill, day)


def _challans(world: World, books: Books) -> None:
    """Receipts without a PSID: paid by a paper challan, known to FABS alone."""
    rng = world.rng("challans")
    for serial in range(max(5, world.scale.bills // 1000)):
        day = dt.date(2025, 9, 1) + dt.timedelta(days=rng.randint(0, 27))
        place = world.places[serial % len(world.places)]
        paisa = rng.randint(500, 20_000) * 100
        bill = Bill("", HEADS[serial % len(HEADS)][0], paisa, "", "", spelled(place, rng))
        number = books.booked(bill, day, f"{day}T23:00:00+05:00", psid="")
        books.odd("no_psid", bill, day, receipt=number)
