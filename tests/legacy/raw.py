"""The questions answered from the legacy rows alone, in plain SQL and Python that share nothing with the generator or
the gateway: what ``truth.json`` says must come out of the databases themselves."""

from __future__ import annotations

import csv
import datetime as dt
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import closing
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from schema.districts import SPELLINGS

CODE = {spelling: code for code, spellings in SPELLINGS.items() for spelling in spellings}
Daily = dict[str, dict[str, dict[str, str]]]


class Raw:
    """One build's SQLite files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def rows(self, database: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / f"{database}.sqlite")) as connection:
            return connection.execute(statement, values).fetchall()

    def scroll(self) -> Iterable[dict[str, str]]:
        for path in sorted((self.folder / "bank_scroll").glob("*.csv")):
            with path.open(newline="") as file:
                yield from csv.DictReader(file)


def digits(cnic: str | None) -> str | None:
    """A CNIC's thirteen digits; None for what is blank or is none."""
    bare = (cnic or "").replace("-", "")
    return bare if re.fullmatch("[0-9]{13}", bare) else None


def number(value: str) -> int | None:
    return int(value.strip()) if value.strip().isdigit() else None


def fiscal_year(day: str) -> str:
    year = int(day[:4]) - (day[5:7] < "07")
    return f"{year}-{(year + 1) % 100:02d}"


def money(paisa: int) -> str:
    return str(Decimal(paisa).scaleb(-2).quantize(Decimal("0.01")))


DISTRICT = (
    "JOIN areas a ON a.id = i.area_id JOIN areas d ON d.area_level_id = 3 AND d.lft <= a.lft AND a.rght <= d.rght"
)


def active_schools(raw: Raw) -> dict[str, dict[str, int]]:
    """Question 1, of every district."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for name, group, count in raw.rows("emis", f"""
        SELECT d.name, t.name || '/' || g.name, COUNT(*) FROM institutions i {DISTRICT}
        JOIN institution_types t ON t.id = i.institution_type_id
        JOIN institution_genders g ON g.id = i.institution_gender_id
        JOIN institution_statuses s ON s.id = i.institution_status_id
        WHERE s.name = 'Active' GROUP BY 1, 2"""):  # fmt: skip
        found[CODE[name]][group] = count
    return dict(found)


def silent_facilities(raw: Raw, division: tuple[str, ...], month: str) -> list[str]:
    """Question 3."""
    facilities = raw.rows("hmis", """
        SELECT o.code, o.dist_nm FROM organisationunit o WHERE o.status = 'A' AND NOT EXISTS (
          SELECT 1 FROM completedatasetregistration c JOIN period p ON p.periodid = c.periodid
          JOIN dataset s ON s.datasetid = c.datasetid
          WHERE c.sourceid = o.organisationunitid AND p.iso = ? AND s.name = 'Monthly facility report')""", month)
    return sorted(code for code, district in facilities if CODE[district] in division)


def paid_without_posting(raw: Raw) -> tuple[list[str], list[int]]:
    """Question 6: CNICs, and the personnel numbers of which nobody can tell."""
    posted = {digits(cnic) for (cnic,) in raw.rows("emis", """
        SELECT u.identity_number FROM institution_staff s JOIN security_users u ON u.id = s.staff_id
        WHERE s.end_date IS NULL AND u.is_staff = 1""")} - {None}  # fmt: skip
    paid = raw.rows("fabs", """
        SELECT DISTINCT z.pernr, z.cnic FROM zpayroll z JOIN designations d ON d.desig_cd = z.desig_cd
        WHERE d.cadre = 'TEACH'""")
    known = {pernr: digits(cnic) for pernr, cnic in paid}
    return (
        sorted({cnic for cnic in known.values() if cnic is not None and cnic not in posted}),
        sorted(pernr for pernr, cnic in known.items() if cnic is None),
    )


def paid_though_absent(raw: Raw, month: str) -> list[str]:
    """Question 7 of a month (2025-09): staff numbers."""
    first, last = f"{month}-01", f"{month}-31"
    present: dict[str, list[str]] = defaultdict(list)
    for staff, mark in raw.rows("rtsm", """
        SELECT s.staff_ref, s.present FROM visit_staff s JOIN visits v ON v.visit_id = s.visit_id
        WHERE substr(v.visit_ts, 1, 7) = ?""", month):  # fmt: skip
        present[staff].append(mark)
    absent = {staff for staff, marks in present.items() if "Y" not in marks}
    slips = raw.rows("fabs", "SELECT cnic FROM zpayroll WHERE paymm = ?", month.replace("-", ""))
    paid = {digits(cnic) for (cnic,) in slips} - {None}
    listed = raw.rows("emis", """
        SELECT u.openemis_no, u.identity_number FROM security_users u WHERE u.is_staff = 1 AND NOT EXISTS (
          SELECT 1 FROM staff_leaves l WHERE l.staff_id = u.id AND l.date_from <= ? AND l.date_to >= ?)""", last, first)
    return sorted(staff for staff, cnic in listed if staff in absent and digits(cnic) in paid)


def enrolment_shares(raw: Raw, census: int) -> dict[str, dict[str, Any]]:
    """Question 8, by the districts of a census."""
    pupils: dict[str, int] = defaultdict(int)
    for name, count in raw.rows("emis", f"""
        SELECT d.name, COUNT(*) FROM institution_students e JOIN institutions i ON i.id = e.institution_id {DISTRICT}
        JOIN student_statuses s ON s.id = e.student_status_id
        JOIN academic_periods p ON p.id = e.academic_period_id
        WHERE s.code = 'CURRENT' AND p.code = '2025' GROUP BY 1"""):  # fmt: skip
        pupils[CODE[name]] += count
    children = dict(raw.rows("geo", "SELECT dist_code, school_age FROM census WHERE census_year = ?", census))
    before = dict(raw.rows("geo", "SELECT dist_code, split_from FROM districts"))
    found: dict[str, int] = defaultdict(int)
    for code, count in pupils.items():
        found[code if code in children else before[code]] += count
    return {
        code: {
            "enrolment": count,
            "school_age": children[code],
            "per_1000": str((Decimal(count) * 1000 / children[code]).quantize(Decimal("0.01"), ROUND_HALF_EVEN)),
        }
        for code, count in sorted(found.items())
    }


def stock_outs(raw: Raw, month: str, least: int) -> dict[str, dict[str, int]]:
    """Facility -> tracer drug -> days without it in a month of thirty days, told from the movements."""
    first, after = dt.date.fromisoformat(f"{month}-01"), dt.date.fromisoformat(f"{month}-30") + dt.timedelta(days=1)
    cards: dict[tuple[str, str], list[tuple[dt.date, int]]] = defaultdict(list)
    for facility, drug, day, quantity in raw.rows("lmis", """
        SELECT m.hmis_code, o.code, l.occurreddate, l.quantity FROM stock_card_line_items l
        JOIN stock_cards c ON c.id = l.stockcardid JOIN facility_map m ON m.facilityid = c.facilityid
        JOIN orderables o ON o.id = c.orderableid WHERE o.tracer = 1 ORDER BY l.occurreddate"""):  # fmt: skip
        cards[facility, drug].append((dt.date.fromisoformat(day), quantity))
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for (facility, drug), movements in cards.items():
        days = sum(
            sum(quantity for when, quantity in movements if when <= day) == 0
            for day in (first + dt.timedelta(days=step) for step in range((after - first).days))
            if movements[0][0] <= day
        )
        if days >= least:
            found[facility][drug] = days
    return dict(found)


def loads(raw: Raw, month: str) -> dict[str, int]:
    """Facility -> outpatients, where both figures can be read."""
    told: dict[str, list[int | None]] = defaultdict(list)
    for code, value in raw.rows("hmis", """
        SELECT o.code, v.value FROM datavalue v JOIN organisationunit o ON o.organisationunitid = v.sourceid
        JOIN period p ON p.periodid = v.periodid JOIN dataelement e ON e.dataelementid = v.dataelementid
        WHERE p.iso = ? AND e.code IN ('OPD_NEW', 'OPD_OLD')""", month.replace("-", "")):  # fmt: skip
        told[code].append(number(value))
    return {code: sum(values) for code, values in told.items() if None not in values}  # type: ignore[arg-type]


def median(values: Iterable[int]) -> Fraction:
    ordered = sorted(values)
    middle, odd = divmod(len(ordered), 2)
    return Fraction(ordered[middle] if odd else ordered[middle - 1] + ordered[middle], 1 if odd else 2)


def collection(raw: Raw, known_at: str = "9999") -> Daily:
    """Question 12, and 24 with ``known_at``: rupees by day, head and system."""
    sheet: dict[str, dict[str, dict[str, int]]] = defaultdict(
        lambda: defaultdict(lambda: dict.fromkeys(("bpay", "bank", "fabs"), 0))
    )
    for day, head, paisa, reversal, recorded in raw.rows(
        "bpay", "SELECT tran_date, head_code, amount_paisa, reversal_of, recorded_at FROM transactions"
    ):
        if recorded <= known_at:
            sheet[f"{day[:4]}-{day[4:6]}-{day[6:]}"][head]["bpay"] += paisa if reversal is None else -paisa
    for day, head, paisa, reversal, recorded in raw.rows(
        "fabs_soap", "SELECT receipt_date, head_code, amount_paisa, reversal_of, recorded_at FROM receipts"
    ):
        if recorded <= known_at:
            sheet[f"{day[:4]}-{day[4:6]}-{day[6:]}"][head]["fabs"] += paisa if reversal is None else -paisa
    for line in raw.scroll():
        if line["received_at"] <= known_at:
            settled = dt.date.fromisoformat(line["settled"]) - dt.timedelta(days=1)
            sheet[settled.isoformat()][line["head"]]["bank"] += int(Decimal(line["amount"]) * 100)
    return {
        day: {head: {name: money(paisa) for name, paisa in own.items()} for head, own in heads.items()}
        for day, heads in sheet.items()
    }


def unmatched(raw: Raw) -> dict[str, set[str]]:
    """Question 12's leftovers: reason -> PSIDs, or receipts where there is no PSID."""
    books: dict[str, dict[str, dict[str, int]]] = {}
    many: dict[str, Counter[str]] = {}

    def enter(book: str, psid: str, head: str, paisa: int, what: str) -> None:
        own = books.setdefault(psid, {"bpay": {}, "bank": {}, "fabs": {}})[book]
        own[head] = own.get(head, 0) + paisa
        many.setdefault(psid, Counter())[what] += 1

    for psid, head, paisa, reversal in raw.rows(
        "bpay", "SELECT psid, head_code, amount_paisa, reversal_of FROM transactions"
    ):
        enter("bpay", psid, head, paisa if reversal is None else -paisa, "payment" if reversal is None else "undone")
    for line in raw.scroll():
        enter("bank", line["psid"], line["head"], int(Decimal(line["amount"]) * 100), "line")
    found: dict[str, set[str]] = {}
    for number, psid, head, paisa, reversal in raw.rows(
        "fabs_soap", "SELECT receipt_no, psid, head_code, amount_paisa, reversal_of FROM receipts"
    ):
        if not psid:
            found.setdefault("no_psid", set()).add(number)
        else:
            enter("fabs", psid, head, paisa if not reversal else -paisa, "receipt" if not reversal else "returned")
    unlike = set()
    for psid, told in books.items():
        bpay, bank, fabs = ({head: paisa for head, paisa in book.items() if paisa} for book in told.values())
        if not bpay == bank == fabs:
            sums = [sum(book.values()) for book in (bpay, bank, fabs)]
            found.setdefault(_reason(many[psid], *sums), set()).add(psid)
            unlike.add(psid)
    for psid, (demanded, paid) in balances(raw).items():
        if psid not in unlike and paid and paid != demanded:
            reason = "without_a_bill" if demanded is None else f"paid_in_{'part' if paid < demanded else 'excess'}"
            found.setdefault(reason, set()).add(psid)
    return found


def balances(raw: Raw) -> dict[str, tuple[int | None, int]]:
    """PSID -> paisa demanded (None without a bill) and paid, as a till would reckon: day by day, what still lacks."""
    bills = {psid: more for psid, *more in raw.rows(
        "bpay", "SELECT psid, due_date, amount_within_paisa, amount_after_paisa FROM bills")}  # fmt: skip
    payments = raw.rows("bpay", """SELECT psid, tran_date, amount_paisa FROM transactions AS one
        WHERE reversal_of IS NULL AND NOT EXISTS (SELECT 1 FROM transactions WHERE reversal_of = one.txn_id)
        ORDER BY psid, tran_date""")  # fmt: skip
    found: dict[str, tuple[int | None, int]] = {}
    for psid, day, paisa in payments:
        demanded, paid = found.get(psid, (None, 0))
        if psid in bills:
            due, within, after = bills[psid]
            done = demanded is not None and paid >= demanded
            demanded = demanded if done else within if day <= due else after
        found[psid] = (demanded, paid + paisa)
    return found


def _reason(many: Counter[str], bpay: int, bank: int, fabs: int) -> str:
    if bpay == bank == fabs:
        return "under_another_head"
    if not many["payment"]:
        return "not_in_bpay" if many["line"] else "in_fabs_alone"
    if many["undone"] and not bpay:
        return "reversed_after_settlement"
    if not many["line"]:
        return "not_in_bank"
    if bank > bpay:
        return "settled_twice" if many["line"] > many["payment"] else "amount_differs"
    if bank < bpay:
        return "paid_twice" if many["payment"] > many["line"] else "settled_in_part"
    if not many["receipt"]:
        return "not_in_fabs"
    return "booked_twice" if fabs > bpay else "booked_otherwise"


def spending(raw: Raw) -> dict[str, Any]:
    """Question 18: budget, released, spent by year, district and function; pupils and outpatients by year, district."""
    centre = {kostl: CODE[text] for kostl, text in raw.rows("fabs", "SELECT kostl, dist_txt FROM cskt")}
    sums: dict[str, dict[str, dict[str, list[int]]]] = {}
    for year, kostl, function, *paisa in raw.rows("fabs_soap", """
        SELECT fiscal_year, cost_centre, function_code, SUM(budget_paisa), SUM(released_paisa), SUM(spent_paisa)
        FROM budget_lines GROUP BY 1, 2, 3"""):  # fmt: skip
        own = sums.setdefault(year, {}).setdefault(centre[kostl], {}).setdefault(function, [0, 0, 0])
        own[:] = [one + other for one, other in zip(own, paisa, strict=True)]
    names = ("budget", "released", "spent")
    return {
        "money": {
            year: {
                code: {function: dict(zip(names, map(money, three), strict=True)) for function, three in own.items()}
                for code, own in places.items()
            }
            for year, places in sums.items()
        },
        "enrolment": _by_year(
            (counted, name, pupils)
            for counted, name, pupils in raw.rows("emis", f"""
                SELECT e.counted_on, d.name, e.boys + e.girls FROM institution_enrolments e
                JOIN institutions i ON i.id = e.institution_id {DISTRICT}""")
        ),
        "outpatients": _by_year(
            (day, name, number(value) or 0)
            for day, name, value in raw.rows("hmis", """
                SELECT p.enddate, o.dist_nm, v.value FROM datavalue v
                JOIN organisationunit o ON o.organisationunitid = v.sourceid JOIN period p ON p.periodid = v.periodid
                JOIN dataelement e ON e.dataelementid = v.dataelementid WHERE e.code IN ('OPD_NEW', 'OPD_OLD')""")
        ),
    }  # fmt: skip


def _by_year(rows: Iterable[tuple[str, str, int]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for day, name, count in rows:
        own = found.setdefault(fiscal_year(day), {})
        own[CODE[name]] = own.get(CODE[name], 0) + count
    return found
