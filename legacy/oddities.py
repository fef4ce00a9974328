"""What else happens to money, with clean controls beside it: payments of October 2025 that the three books tell
differently, or that do not come to what the bill demands. Question 12."""

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


def _told_alike(books: Books, bill: Bill, days: int) -> None:
    """Paid that many days after ``DAY``, settled a day later, booked."""
    day = _after(days)
    books.paid(bill, day, "101500", _recorded(day))
    books.settled(bill, day + dt.timedelta(days=1), bill.paisa)
    books.booked(bill, day, _recorded(day))


def _paid_in_part(books: Books, bill: Bill) -> None:
    _told_alike(books, bill.of(bill.paisa - 5_000), 0)
    books.odd("paid_in_part", bill, DAY)


def _late_at_the_first_amount(books: Books, bill: Bill) -> None:
    """After the due date a tenth more was due."""
    _told_alike(books, bill, LATE)
    books.odd("paid_in_part", bill, _after(LATE))


def _taken_back_and_late(books: Books, bill: Bill) -> None:
    """Paid in time and taken back the same day; paid again when more was due already."""
    number = books.paid(bill, DAY, "101500", _recorded(DAY))
    books.paid(bill, DAY, "111500", _recorded(DAY), number)
    _late_at_the_first_amount(books, bill)


def _paid_in_excess(books: Books, bill: Bill) -> None:
    _told_alike(books, bill.of(bill.paisa + 1), 0)
    books.odd("paid_in_excess", bill, DAY)


def _paid_in_full_twice(books: Books, bill: Bill) -> None:
    """All three books have both payments; the second one is too much."""
    _told_alike(books, bill, 0)
    _told_alike(books, bill, 2)
    books.odd("paid_in_excess", bill, _after(2))


def _without_a_bill(books: Books, bill: Bill) -> None:
    """All three books have the payment, and B-pay no bill of that number."""
    _told_alike(books, bill, 0)
    books.odd("without_a_bill", bill, DAY)


def _late_in_full(books: Books, bill: Bill) -> None:
    """A control: the amount after the due date, after the due date."""
    _told_alike(books, bill.of(bill.later), LATE)


def _in_instalments(books: Books, bill: Bill) -> None:
    """A control: two payments that come to the amount in time."""
    _told_alike(books, bill.of(20_000), 0)
    _told_alike(books, bill.of(bill.paisa - 20_000), 3)


def _in_instalments_late(books: Books, bill: Bill) -> None:
    """A control: one payment in time, and the rest of what was due later."""
    _told_alike(books, bill.of(20_000), 0)
    _told_alike(books, bill.of(bill.later - 20_000), LATE)


def _twice_and_returned(books: Books, bill: Bill) -> None:
    """A control: the second payment was taken back before it was settled."""
    _told_alike(books, bill, 0)
    number = books.paid(bill, _after(2), "101500", _recorded(_after(2)))
    books.paid(bill, _after(2), "111500", _recorded(_after(2)), number)


LATE = 30
DUE = dt.date(2025, 10, 31)
CASES: tuple[Callable[[Books, Bill], None], ...] = (
    _settled_twice, _booked_twice, _paid_twice, _settled_in_part, _under_another_head, _in_fabs_alone,
    _booked_otherwise, _plain, _late_everywhere, _undone_and_paid_again, _paid_in_part, _late_at_the_first_amount,
    _taken_back_and_late, _paid_in_excess, _paid_in_full_twice, _without_a_bill, _late_in_full, _in_instalments,
    _in_instalments_late, _twice_and_returned,
)  # fmt: skip
STANDING: dict[Callable[[Books, Bill], None], tuple[int, Callable[[Bill], int]]] = {
    _paid_in_part: (0, lambda bill: bill.paisa - 5_000),
    _late_at_the_first_amount: (LATE, lambda bill: bill.paisa),
    _taken_back_and_late: (LATE, lambda bill: bill.paisa),
    _paid_in_excess: (0, lambda bill: bill.paisa + 1),
    _paid_in_full_twice: (2, lambda bill: 2 * bill.paisa),
    _late_in_full: (LATE, lambda bill: bill.later),
    _in_instalments: (3, lambda bill: bill.paisa),
    _in_instalments_late: (LATE, lambda bill: bill.later),
}
"""How a bill stands in B-pay where it is not paid in full on ``DAY``: days until the last payment, and what was paid."""
EACH = 2_000
"""One more of each case for so many bills of the build; three at least."""


def write_oddities(world: World, books: Books) -> None:
    """Some bills of each case. How a case pays is written; how its bill stands then is ``STANDING``."""
    rng = world.rng("oddities")
    for serial in range(max(3, world.scale.bills // EACH) * len(CASES)):
        case = CASES[serial % len(CASES)]
        place = world.places[serial % len(world.places)]
        name, _ = world.person(rng)
        amount = rng.randint(500, 9_000) * 100
        bill = Bill(
            f"{FIRST + serial * 7:017d}", "PROPTX", amount, f"{serial:06d}", ("NBP", "HBL", "UBL")[serial % 3],
            spelled(place, rng),
        )  # fmt: skip
        case(books, bill)
        if case is _in_fabs_alone:
            books.issued(bill, name, DUE, "2510")
        elif case is not _without_a_bill:
            days, paid = STANDING.get(case, (0, lambda bill: bill.paisa))
            books.issued(bill, name, DUE, "2510", paid_on=_after(days), paid=paid(bill))
