"""The three books of revenue as they are written: B-pay's transactions, the banks' scrolls, FABS's receipts, and beside
them the truth."""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from legacy.world import World, rupees

AS_KNOWN_AT = "2025-07-05T23:59:59+05:00"
SYSTEMS = ("bpay", "bank", "fabs")
LATE_FILE = ("HBL", "20250702")
"""The scroll that arrived a week late."""


@dataclass(slots=True)
class Books:
    """Writes to the three systems and keeps the truth: amounts by day and head, now and as known on 5 July."""

    world: World
    folder: Path
    transaction: int = 0
    receipt: int = 0
    today: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    then: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    unmatched: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    later: list[dict[str, str]] = field(default_factory=list)
    files: dict[tuple[str, str], tuple[TextIO, Any]] = field(default_factory=dict)
    accounts: dict[tuple[str, str, str], list[int]] = field(default_factory=dict)
    """Month, head and district as written -> receipts and paisa of FABS's monthly accounts."""
    standing: dict[tuple[str, str, str, str], list[int]] = field(default_factory=dict)
    """Due date, head, district as written and status -> bills and paisa."""

    def _count(self, system: str, day: dt.date, head: str, paisa: int, recorded: str, what: str) -> None:
        for sheet in (self.today, self.then) if recorded <= AS_KNOWN_AT else (self.today,):
            own = sheet.setdefault(day.isoformat(), {}).setdefault(head, dict.fromkeys(SYSTEMS, 0))
            own[system] += paisa
        if day.isoformat() <= AS_KNOWN_AT[:10] and recorded > AS_KNOWN_AT:
            told = {"system": system, "id": what, "day": day.isoformat(), "head": head, "amount": rupees(paisa)}
            self.later.append({**told, "recorded_at": recorded})

    def issued(
        self, bill: Bill, name: str, due: dt.date, month: str, *, paid_on: dt.date | None = None, payer: str = "",
        expired: bool = False, original: str = "", issue: int = 1, replaced: bool = False, paid: int | None = None,
    ) -> None:  # fmt: skip
        """A bill of B-pay. ``paid``: paisa, if it is not what was due on the day. One that was issued anew since is not
        counted among those that stand."""
        demanded = 0 if paid_on is None else bill.due(paid_on, due).paisa
        amount = demanded if paid is None else paid
        status = "U" if paid_on is None else "T" if amount < demanded else "P"
        self.world.put("bpay", "bills", (
            bill.psid, name.upper()[:30], bill.head, bill.district, status, due.strftime("%Y%m%d"), bill.paisa,
            bill.later, month, paid_on.strftime("%Y%m%d") if paid_on else "", amount, bill.auth if paid_on else "",
            payer, int(expired), original or bill.psid, issue,
        ))  # fmt: skip
        if not replaced:
            key = (due.strftime("%Y%m%d"), bill.head, bill.district, status)
            own = self.standing.setdefault(key, [0, 0])
            own[0] += 1
            own[1] += bill.paisa

    def paid(self, bill: Bill, day: dt.date, time: str, recorded: str, reversal_of: int | None = None) -> int:
        """A transaction of B-pay; a reversal has the same amount and names what it undoes."""
        self.transaction += 1
        stamp = day.strftime("%Y%m%d")
        self.world.put("bpay", "transactions", (
            self.transaction, bill.psid, bill.auth, bill.paisa, stamp, time, bill.bank, recorded, reversal_of, bill.head,
        ))  # fmt: skip
        sign = 1 if reversal_of is None else -1
        self._count("bpay", day, bill.head, sign * bill.paisa, recorded, str(self.transaction))
        return self.transaction

    def settled(self, bill: Bill, day: dt.date, paisa: int) -> None:
        """A line of the scroll of ``day``. The truth counts it on the day before: T+1."""
        stamp = day.strftime("%Y%m%d")
        key = (bill.bank, stamp)
        received = f"{day + dt.timedelta(days=7 if key == LATE_FILE else 0)}T06:00:00+05:00"
        if key not in self.files:
            file = (self.folder / f"{bill.bank}_{stamp}.csv").open("w", newline="")
            writer = csv.writer(file)
            writer.writerow(["bank", "settled", "psid", "auth_id", "amount", "head", "received_at"])
            self.files[key] = (file, writer)
        self.files[key][1].writerow((bill.bank, stamp, bill.psid, bill.auth, rupees(paisa), bill.head, received))
        self._count("bank", day - dt.timedelta(days=1), bill.head, paisa, received, bill.psid)

    def booked(
        self, bill: Bill, day: dt.date, recorded: str, *, psid: str | None = None, reversal_of: str | None = None
    ) -> str:
        """A receipt of FABS; reversals as in B-pay."""
        self.receipt += 1
        number = f"R{self.receipt:09d}"
        self.world.put("fabs_soap", "receipts", (
            number, day.strftime("%Y%m%d"), bill.head, bill.district, bill.paisa,
            bill.psid if psid is None else psid, recorded, reversal_of,
        ))  # fmt: skip
        sign = 1 if reversal_of is None else -1
        self._count("fabs", day, bill.head, sign * bill.paisa, recorded, number)
        own = self.accounts.setdefault((f"{day:%Y%m}", bill.head, bill.district), [0, 0])
        own[0] += sign
        own[1] += sign * bill.paisa
        return number

    def odd(self, reason: str, bill: Bill, day: dt.date, **more: str) -> None:
        told = {"psid": bill.psid, "day": day.isoformat(), "head": bill.head, "amount": rupees(bill.paisa)}
        self.unmatched.setdefault(reason, []).append({**told, **more})

    def close(self) -> None:
        for file, _ in self.files.values():
            file.close()
        self.world.truth["q12"] = {"daily": _told(self.today), "unmatched": self.unmatched}
        self.world.truth["q24"] = {
            "as_known_at": AS_KNOWN_AT,
            "daily": {day: heads for day, heads in _told(self.then).items() if day <= AS_KNOWN_AT[:10]},
            "recorded_later": sorted(self.later, key=lambda one: (one["system"], one["id"])),
        }


@dataclass(frozen=True, slots=True)
class Bill:
    psid: str
    head: str
    paisa: int
    auth: str
    bank: str
    district: str

    @property
    def later(self) -> int:
        """Paisa after the due date: a tenth more."""
        return self.paisa + self.paisa // 10

    def due(self, day: dt.date, due: dt.date) -> Bill:
        """The same of the amount that is due on a day."""
        return self if day <= due else self.of(self.later)

    def under(self, head: str) -> Bill:
        """The same under another head."""
        return replace(self, head=head)

    def of(self, paisa: int) -> Bill:
        """The same of another amount."""
        return replace(self, paisa=paisa)


def _told(sheet: dict[str, dict[str, dict[str, int]]]) -> dict[str, dict[str, dict[str, str]]]:
    return {
        day: {head: {name: rupees(paisa) for name, paisa in own.items()} for head, own in sorted(heads.items())}
        for day, heads in sorted(sheet.items())
    }
