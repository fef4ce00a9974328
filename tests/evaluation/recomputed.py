"""Every indicator worked out from the legacy rows alone, in plain SQL and Python that share nothing with the gateway:
(district, period) -> numerator and denominator; a district that nobody can tell is None and counts for the province."""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from tests.legacy.raw import CODE, DISTRICT, Raw, digits, fiscal_year, number

Key = tuple[str | None, str]
Made = dict[Key, tuple[Any, Any]]
NOW = "current"
LAST = dt.date(2025, 9, 30)


def code(spelling: str | None) -> str | None:
    return CODE.get((spelling or "").strip())


def schools(raw: Raw) -> dict[str, tuple[str | None, str | None]]:
    """School -> district and status."""
    return {
        school: (code(district), status)
        for school, district, status in raw.rows("emis", f"""
            SELECT i.code, d.name, s.name FROM institutions i LEFT {DISTRICT.replace(" JOIN", " LEFT JOIN")}
            LEFT JOIN institution_statuses s ON s.id = i.institution_status_id""")
    }  # fmt: skip


def facilities(raw: Raw) -> dict[str, tuple[str | None, str | None]]:
    return {
        facility: (code(district), status)
        for facility, district, status in raw.rows("hmis", "SELECT code, dist_nm, status FROM organisationunit")
    }


def people(raw: Raw) -> dict[str, int]:
    return dict(raw.rows("geo", "SELECT dist_code, pop_2023 FROM districts"))


def beside(numerator: Counter[Key], denominator: Counter[Any], periods: bool, *, absent: Any = 0) -> Made:
    """Each denominator with its numerator; one without a period stands beside every period there is."""
    if not periods:
        return {key: (numerator.get(key, absent), whole) for key, whole in denominator.items()}
    known = {period for _, period in numerator}
    return {
        (place, period): (numerator.get((place, period), absent), whole)
        for place, whole in denominator.items() for period in known
    }  # fmt: skip


def functional(rows: dict[str, tuple[str | None, str | None]], active: str, closed: str) -> Made:
    standing = Counter((district, NOW) for district, status in rows.values() if status not in (closed, None))
    return beside(Counter((district, NOW) for district, status in rows.values() if status == active), standing, False)


def visits(raw: Raw) -> Iterator[tuple[str, str | None, str, str, int]]:
    """School, district, month, whether it was open and teachers present; once each, of active schools."""
    known, met = schools(raw), set()
    for school, at, found, present in raw.rows(
        "rtsm", "SELECT school_code, visit_ts, open_flag, teachers_present FROM visits"
    ):
        school = school.strip().upper()
        if (school, at, found, present) not in met and known.get(school, (None, ""))[1] == "Active":
            met.add((school, at, found, present))
            yield school, known[school][0], at[:7], found, present


def active(rows: dict[str, tuple[str | None, str | None]], status: str) -> Counter[str | None]:
    return Counter(district for district, own in rows.values() if own == status)


def posts_of_schools(raw: Raw) -> dict[str, list[int]]:
    """School -> whether each of its posts is filled."""
    found: dict[str, list[int]] = defaultdict(list)
    for school, filled in raw.rows("emis", """
        SELECT i.code, EXISTS (SELECT 1 FROM institution_staff s
                               WHERE s.institution_position_id = p.id AND s.end_date IS NULL)
        FROM institution_positions p JOIN institutions i ON i.id = p.institution_id"""):  # fmt: skip
        found[school].append(filled)
    return found


def posts_filled(raw: Raw) -> Made:
    where, filled, whole = schools(raw), Counter[Key](), Counter[Key]()
    for school, posts in posts_of_schools(raw).items():
        filled[where[school][0], NOW] += sum(posts)
        whole[where[school][0], NOW] += len(posts)
    return beside(filled, whole, False)


def visited(raw: Raw) -> Made:
    met = Counter((district, month) for _, district, month in {visit[:3] for visit in visits(raw)})
    return beside(met, active(schools(raw), "Active"), True)


def found_open(raw: Raw) -> Made:
    told = list(visits(raw))
    opened = Counter((district, month) for _, district, month, found, _ in told if found == "Y")
    return beside(opened, Counter((visit[1], visit[2]) for visit in told), False)


def teachers_present(raw: Raw) -> Made:
    promised, present, whole = posts_of_schools(raw), Counter[Key](), Counter[Key]()
    for school, district, month, _, there in visits(raw):
        if sum(promised.get(school, ())) > 0:
            present[district, month] += there
            whole[district, month] += sum(promised[school])
    return beside(present, whole, False)


def persons(raw: Raw, statement: str) -> Counter[Key]:
    where = schools(raw)
    return Counter((where[school][0], NOW) for (school,) in raw.rows("emis", statement))


PUPILS = """SELECT i.code FROM institution_students e JOIN institutions i ON i.id = e.institution_id
            WHERE e.student_status_id = 1"""
TEACHERS = """SELECT i.code FROM institution_staff s JOIN security_users u ON u.id = s.staff_id AND u.is_staff = 1
              JOIN institutions i ON i.id = s.institution_id WHERE s.end_date IS NULL"""


def census(raw: Raw, period: Callable[[str], str]) -> dict[Key, tuple[int, int, int]]:
    """Boys, girls and forms."""
    where, found = schools(raw), dict[Key, tuple[int, int, int]]()
    for school, day, boys, girls in raw.rows("emis", """
        SELECT i.code, c.counted_on, c.boys, c.girls FROM institution_enrolments c
        JOIN institutions i ON i.id = c.institution_id"""):  # fmt: skip
        key = where[school][0], period(day)
        had = found.get(key, (0, 0, 0))
        found[key] = had[0] + boys, had[1] + girls, had[2] + 1
    return found


def year(day: str) -> str:
    return day[:4]


def enrolment(raw: Raw) -> Made:
    children = dict(raw.rows("geo", "SELECT dist_code, school_age_2023 FROM districts"))
    pupils = Counter({key: boys + girls for key, (boys, girls, _) in census(raw, year).items()})
    return beside(pupils, Counter(children), True, absent=None)


def exam_passes(raw: Raw) -> Made:
    where, passed, sat = schools(raw), Counter[Key](), Counter[Key]()
    for path in sorted((raw.folder / "exam_board").glob("results_*.csv")):
        with path.open(newline="", encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                got, of = (number(row[name] or "") for name in ("OBTAINED", "TOTAL"))
                if row["SCHOOL"] in where and got is not None and of:
                    key = where[row["SCHOOL"]][0], row["REGNO"][:4]
                    sat[key] += 1
                    passed[key] += got * 100 >= of * 40
    return beside(passed, sat, False)


def reporting(raw: Raw) -> Made:
    where = facilities(raw)
    sent = {
        (facility, f"{iso[:4]}-{iso[4:]}")
        for facility, iso in raw.rows("hmis", """
            SELECT o.code, p.iso FROM completedatasetregistration c
            JOIN organisationunit o ON o.organisationunitid = c.sourceid JOIN period p ON p.periodid = c.periodid
            JOIN dataset s ON s.datasetid = c.datasetid WHERE s.name = 'Monthly facility report'""")
        if where[facility][1] == "A"
    }  # fmt: skip
    told = Counter((where[facility][0], month) for facility, month in sent)
    return beside(told, active(where, "A"), True)


def figures(raw: Raw, *elements: str) -> dict[tuple[str, str], int]:
    """(facility, month) -> the sum of those that can be read."""
    found: dict[tuple[str, str], int] = {}
    for facility, iso, element, value in raw.rows("hmis", """
        SELECT o.code, p.iso, e.code, v.value FROM datavalue v
        JOIN dataelement e ON e.dataelementid = v.dataelementid
        JOIN organisationunit o ON o.organisationunitid = v.sourceid
        JOIN period p ON p.periodid = v.periodid"""):  # fmt: skip
        read = None if value is None else number(value)
        if element in elements and read is not None:
            key = facility, f"{iso[:4]}-{iso[4:]}"
            found[key] = found.get(key, 0) + read
    return found


def rate(*elements: str) -> Callable[[Raw], Made]:
    def made(raw: Raw) -> Made:
        where, events = facilities(raw), Counter[Key]()
        for (facility, month), value in figures(raw, *elements).items():
            events[where[facility][0], month] += value
        return beside(events, Counter(people(raw)), True, absent=None)

    return made


def load(raw: Raw) -> Made:
    where, events, reports = facilities(raw), Counter[Key](), Counter[Key]()
    for (facility, month), value in figures(raw, "OPD_NEW", "OPD_OLD").items():
        events[where[facility][0], month] += value
        reports[where[facility][0], month] += 1
    return beside(events, reports, False)


def stock_out(raw: Raw) -> Made:
    """Day by day: what was counted last holds until the next count, or to the end of the year's last month."""
    where, cards = facilities(raw), defaultdict[tuple[str, str], list[tuple[str, int]]](list)
    for facility, drug, day, level in raw.rows("lmis", """
        SELECT m.hmis_code, o.code, s.occurreddate, s.stockonhand FROM calculated_stocks_on_hand s
        JOIN stock_cards c ON c.id = s.stockcardid JOIN facility_map m ON m.facilityid = c.facilityid
        JOIN orderables o ON o.id = c.orderableid WHERE o.tracer = 1"""):  # fmt: skip
        cards[facility, drug].append((day, level))
    out, known = Counter[Key](), Counter[Key]()
    for (facility, _), entries in cards.items():
        entries.sort()
        for at, (start, level) in enumerate(entries):
            day, more = dt.date.fromisoformat(start), at + 1 < len(entries)
            end = dt.date.fromisoformat(entries[at + 1][0]) if more else LAST + dt.timedelta(days=1)
            while day < end:
                known[where[facility][0], day.isoformat()[:7]] += 1
                out[where[facility][0], day.isoformat()[:7]] += level == 0
                day += dt.timedelta(days=1)
    return beside(out, known, False)


def health_posts(raw: Raw) -> Made:
    where, held, whole = facilities(raw), Counter[Key](), Counter[Key]()
    for facility, by in raw.rows("hr", "SELECT facility_cd, filled_by FROM posts"):
        if facility in where:
            whole[where[facility][0], NOW] += 1
            held[where[facility][0], NOW] += bool((by or "").strip())
    return beside(held, whole, False)


def budget(raw: Raw, what: str, major: str = "") -> Counter[Key]:
    """Rupees by the district of the cost centre and the fiscal year."""
    centres = {centre: code(name) for centre, name in raw.rows("fabs", "SELECT kostl, dist_txt FROM cskt")}
    found = Counter[Key]()
    for centre, period, function, paisa in raw.rows(
        "fabs_soap", f"SELECT cost_centre, fiscal_year, function_code, {what}_paisa FROM budget_lines"
    ):
        if centre in centres and function.startswith(major):
            found[centres[centre], period] += Decimal(paisa).scaleb(-2)  # type: ignore[assignment]
    return found


def per_pupil(raw: Raw) -> Made:
    pupils = Counter({key: boys + girls for key, (boys, girls, _) in census(raw, fiscal_year).items()})
    return beside(budget(raw, "spent", "09"), pupils, False, absent=None)


def teacher_pay(raw: Raw) -> Made:
    centres = {centre: code(name) for centre, name in raw.rows("fabs", "SELECT kostl, dist_txt FROM cskt")}
    paid, slips = Counter[Key](), Counter[Key]()
    for centre, month, gross in raw.rows("fabs", """
        SELECT z.kostl, z.paymm, CAST(z.gross AS TEXT) FROM zpayroll z
        JOIN designations d ON d.desig_cd = z.desig_cd WHERE d.cadre = 'TEACH'"""):  # fmt: skip
        key = centres[centre], f"{month[:4]}-{month[4:]}"
        paid[key] += Decimal(gross).quantize(Decimal("0.01"))  # type: ignore[assignment]
        slips[key] += 1
    return beside(paid, slips, False)


def unposted(raw: Raw) -> Made:
    posted = {digits(cnic) for (cnic,) in raw.rows("emis", """
        SELECT u.identity_number FROM institution_staff s JOIN security_users u ON u.id = s.staff_id
        WHERE s.end_date IS NULL AND u.is_staff = 1""")} - {None}  # fmt: skip
    ghosts, slips = Counter[Key](), Counter[Key]()
    for month, cnic, district in raw.rows("fabs", """
        SELECT z.paymm, z.cnic, c.dist_txt FROM zpayroll z JOIN designations d ON d.desig_cd = z.desig_cd
        JOIN pa0001 a ON a.pernr = z.pernr JOIN cskt c ON c.kostl = a.kostl WHERE d.cadre = 'TEACH'"""):  # fmt: skip
        key = code(district), f"{month[:4]}-{month[4:]}"
        if digits(cnic) is not None:
            slips[key] += 1
            ghosts[key] += digits(cnic) not in posted
    return beside(ghosts, slips, False)


def settled(raw: Raw) -> Made:
    """Of the province only: B-pay does not say in which district somebody paid."""
    paid, bank = Counter[Key](), Counter[Key]()
    for day, paisa, undoes in raw.rows("bpay", "SELECT tran_date, amount_paisa, reversal_of FROM transactions"):
        paid[None, f"{day[:4]}-{day[4:6]}-{day[6:]}"] += -paisa if undoes else paisa
    for line in raw.scroll():
        day = dt.date.fromisoformat(f"{line['settled'][:4]}-{line['settled'][4:6]}-{line['settled'][6:]}")
        bank[None, (day - dt.timedelta(days=1)).isoformat()] += int(Decimal(line["amount"]) * 100)
    rupees = {key: (Decimal(bank.get(key, 0)) / 100, Decimal(paid.get(key, 0)) / 100) for key in {*paid, *bank}}
    return dict(rupees)


def matched(raw: Raw) -> Made:
    bank = {line["psid"]: int(Decimal(line["amount"]) * 100) for line in raw.scroll()}
    same, whole = Counter[Key](), Counter[Key]()
    for day, district, paisa, psid in raw.rows("fabs_soap", """
        SELECT receipt_date, dist_txt, amount_paisa, psid FROM receipts
        WHERE reversal_of IS NULL OR reversal_of = ''"""):  # fmt: skip
        key = code(district), f"{day[:4]}-{day[4:6]}-{day[6:]}"
        whole[key] += 1
        same[key] += bank.get(psid) == paisa
    return beside(same, whole, False)


def girls(raw: Raw) -> Made:
    return {key: (girls, boys + girls) for key, (boys, girls, _) in census(raw, year).items()}


def pupils_per_school(raw: Raw) -> Made:
    return {key: (boys + girls, forms) for key, (boys, girls, forms) in census(raw, year).items()}


RECOMPUTED: dict[str, Callable[[Raw], Made]] = {
    "EDU_FUNCTIONAL": lambda raw: functional(schools(raw), "Active", "Closed"),
    "EDU_PUPILS_PER_TEACHER": lambda raw: beside(persons(raw, PUPILS), persons(raw, TEACHERS), False),
    "EDU_WOMEN_TEACHING": lambda raw: beside(
        persons(raw, f"{TEACHERS} AND u.gender_id = 2"), persons(raw, TEACHERS), False
    ),
    "EDU_POSTS_FILLED": posts_filled,
    "EDU_VISITED": visited,
    "EDU_FOUND_OPEN": found_open,
    "EDU_TEACHERS_PRESENT": teachers_present,
    "EDU_ENROLMENT": enrolment,
    "EDU_GIRLS": girls,
    "EDU_PUPILS_PER_SCHOOL": pupils_per_school,
    "EDU_EXAM_PASSES": exam_passes,
    "HLT_FUNCTIONAL": lambda raw: functional(facilities(raw), "A", "C"),
    "HLT_REPORTING": reporting,
    "HLT_OUTPATIENTS": rate("OPD_NEW", "OPD_OLD"),
    "HLT_ANTENATAL": rate("ANC1"),
    "HLT_PENTAVALENT3": rate("PENTA3"),
    "HLT_DELIVERIES": rate("DELIV"),
    "HLT_MALARIA": rate("MALARIA"),
    "HLT_LOAD": load,
    "HLT_STOCK_OUT": stock_out,
    "HLT_POSTS_FILLED": health_posts,
    "FIN_RELEASED": lambda raw: beside(budget(raw, "released"), budget(raw, "budget"), False),
    "FIN_EDUCATION_SHARE": lambda raw: beside(budget(raw, "budget", "09"), budget(raw, "budget"), False),
    "FIN_UTILISED": lambda raw: beside(budget(raw, "spent"), budget(raw, "released"), False),
    "FIN_PER_PUPIL": per_pupil,
    "FIN_HEALTH_PER_HEAD": lambda raw: beside(
        budget(raw, "spent", "07"), Counter(people(raw)), True, absent=None
    ),
    "FIN_TEACHER_PAY": teacher_pay,
    "FIN_SETTLED": settled,
    "FIN_RECEIPTS_MATCHED": matched,
    "FIN_UNPOSTED_PAY": unposted,
}  # fmt: skip
