"""What else happens to money, each planted once with clean controls beside it: payments of October 2025 that the three
books tell differently. Question 12."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from legacy.books import Bill, Books
from legacy.world import World, spelled

FIRST = 20_000_000_000_000_000
"""PSIDs of these payments begin here."""
DAY = dt.date(2025, 10, 6)
OTHER_HEAD = "MUTFEE"


def _recorded(day: dt.date) -> str:
    return f"{day}T20:00:00+05:00"


def _after(days: int) -> dt.date:
    return DAY + dt.timedelta(days=days)


def _settled_twice(books: Books, bill: Bill) -> None:
    _plain(books, bill)
    books.settled(bill, _after(3), bill.paisa)
    books.odd("settled_twice", bill, _after(2))


def _booked_twice(books: Books, bill: Bill) -> None:
    _plain(books, bill)
    books.booked(bill, _after(2), _recorded(_after(2)))
    books.odd("booked_twice", bill, _after(2))


def _paid_twice(books: Books, bill: Bill) -> None:
    """The payer's second payment was booked, and the bank never passed it on."""
    _plain(books, bill)
    books.paid(bill, _after(2), "101500", _recorded(_after(2)))
    books.booked(bill, _after(2), _recorded(_after(2)))
    books.odd("paid_twice", bill, _after(2))


def _settled_in_part(books: Books, bill: Bill) -> None:
    books.paid(bill, DAY, "101500", _recorded(DAY))
    books.settled(bill, _after(1), bill.paisa - 1_000)
    books.booked(bill, DAY, _recorded(DAY))
    books.odd("settled_in_part", bill, DAY)


def _under_another_head(books: Books, bill: Bill) -> None:
    books.paid(bill, DAY, "101500", _recorded(DAY))
    books.settled(bill.under(OTHER_HEAD), _after(1), bill.paisa)
    books.booked(bill, DAY, _recorded(DAY))
    books.odd("under_another_head", bill, DAY)
    books.odd("under_another_head", bill.under(OTHER_HEAD), DAY)


def _in_fabs_alone(books: Books, bill: Bill) -> None:
    books.booked(bill, DAY, _recorded(DAY))
    books.odd("in_fabs_alone", bill, DAY)


def _booked_otherwise(books: Books, bill: Bill) -> None:
    books.paid(bill, DAY, "101500", _recorded(DAY))
    books.settled(bill, _after(1), bill.paisa)
    books.booked(bill.of(bill.paisa - 1), DAY, _recorded(DAY))
    books.odd("booked_otherwise", bill, DAY)


def _plain(books: Books, bill: Bill) -> None:
    books.paid(bill, DAY, "101500", _recorded(DAY))
    books.settled(bill, _after(1), bill.paisa)
    books.booked(bill, DAY, _recorded(DAY))


def _late_everywhere(books: Books, bill: Bill) -> None:
    """A control: the bank is five days late and FABS three, and in the end all is there."""
    books.paid(bill, DAY, "101500", _recorded(DAY))
    books.settled(bill, _after(6), bill.paisa)
    books.booked(bill, _after(3), _recorded(_after(3)))


def _undone_and_paid_again(books: Books, bill: Bill) -> None:
    """A control: taken back the same day in two books, paid again the next."""
    number = books.paid(bill, DAY, "101500", _recorded(DAY))
    books.paid(bill, DAY, "111500", _recorded(DAY), number)
    books.paid(bill, _after(1), "101500", _recorded(_after(1)))
    books.settled(bill, _after(2), bill.paisa)
    books.booked(bill, _after(1), _recorded(_after(1)))


CASES: tuple[Callable[[Books, Bill], None], ...] = (
    _settled_twice, _booked_twice, _paid_twice, _settled_in_part, _under_another_head, _in_fabs_alone,
    _booked_otherwise, _plain, _late_everywhere, _undone_and_paid_again,
)  # fmt: skip


def write_oddities(world: World, books: Books) -> None:
    """Three bills a case, each standing as paid."""
    rng = world.rng("oddities")
    for serial in range(3 * len(CASES)):
        case = CASES[serial % len(CASES)]
        place = world.places[serial % len(world.places)]
        name, _ = world.person(rng)
        amount = rng.randint(500, 9_000) * 100
        bill = Bill(
            f"{FIRST + serial * 7:017d}", "PROPTX", amount, f"{serial:06d}", ("NBP", "HBL", "UBL")[serial % 3],
            spelled(place, rng),
        )  # fmt: skip
        case(books, bill)
        paid = case is not _in_fabs_alone
        world.put("bpay", "bills", (
            bill.psid, name.upper()[:30], bill.head, bill.district, "P" if paid else "U", "20251031", amount,
            amount + amount // 10, "2510", DAY.strftime("%Y%m%d") if paid else "", amount if paid else 0,
            bill.auth if paid else "", "", 0,
        ))  # fmt: skip
