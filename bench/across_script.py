"""The script's turn: what somebody would write by hand for each question, fetching the same rows with the same drivers
and joining them in Python dictionaries. It knows nothing of rules, purposes or the ledger."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import asyncmy
import asyncpg
import orjson
from lxml import etree

from bench.across_questions import DAY, MONTH, YEAR, YEARS
from bench.systems import login
from bench.turn import Meter, main
from schema.districts import SPELLINGS

AT_ONCE = 4
CODE = {spelling: code for code, spellings in SPELLINGS.items() for spelling in spellings}
FABS = "{urn:pk:balochistan:fabs}"
ENVELOPE = (
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:f="urn:pk:balochistan:fabs">'
    "<soap:Body><f:{0}>{1}</f:{0}></soap:Body></soap:Envelope>"
)
PAY = """
SELECT payslip_no, pernr, cnic, gross::text FROM fabs.zpayroll
WHERE paymm = $1 AND desig_cd IN ('1001', '1002', '1003')
"""
FROM_POSTINGS = """
FROM institution_staff st JOIN security_users u ON u.id = st.staff_id AND u.is_staff = 1
JOIN institutions i ON i.id = st.institution_id JOIN areas a ON a.id = i.area_id
JOIN areas d ON d.area_level_id = 3 AND d.id = CASE a.area_level_id WHEN 3 THEN a.id ELSE a.parent_id END
WHERE st.end_date IS NULL
"""
LEAVES = """
SELECT u.openemis_no FROM staff_leaves l JOIN security_users u ON u.id = l.staff_id
WHERE l.date_from < %s AND l.date_to >= %s
"""
COUNTS = """
SELECT d.name, c.counted_on, SUM(c.boys), SUM(c.girls) FROM institution_enrolments c
JOIN institutions i ON i.id = c.institution_id JOIN areas a ON a.id = i.area_id
JOIN areas d ON d.area_level_id = 3 AND d.id = CASE a.area_level_id WHEN 3 THEN a.id ELSE a.parent_id END
GROUP BY d.name, c.counted_on
"""
FIGURES = """
SELECT o.code, p.iso, MAX(CASE WHEN e.code = 'OPD_NEW' THEN v.value END),
    MAX(CASE WHEN e.code = 'OPD_OLD' THEN v.value END)
FROM hmis.datavalue v JOIN hmis.dataelement e ON e.dataelementid = v.dataelementid
JOIN hmis.organisationunit o ON o.organisationunitid = v.sourceid JOIN hmis.period p ON p.periodid = v.periodid
WHERE p.iso BETWEEN $1 AND $2 GROUP BY o.code, p.iso
"""


def plain(cnic: str) -> str | None:
    """A CNIC's digits, None when they are not thirteen."""
    digits = cnic.replace("-", "")
    return digits if len(digits) == 13 else None


class Script:
    def __init__(self, places: dict[str, Any], meter: Meter, http: aiohttp.ClientSession) -> None:
        self.places = places
        self.meter = meter
        self.http = http
        self.turns = asyncio.Semaphore(AT_ONCE)

    async def postgres(self, department: str, statement: str, *values: Any) -> Any:
        connection = await asyncpg.connect(self.places[department])
        try:
            rows = await connection.fetch(statement, *values)
        finally:
            await connection.close()
        self.meter.read(department, len(rows))
        return rows

    async def mariadb(self, statement: str, values: Any = None) -> Any:
        connection = await asyncmy.connect(**login(self.places["emis"]), charset="utf8mb4")
        try:
            async with connection.cursor() as cursor:
                await cursor.execute(statement, values)
                rows = await cursor.fetchall()
        finally:
            connection.close()
        self.meter.read("emis", len(rows))
        return rows

    async def _body(self, method: str, url: str, **options: Any) -> bytes:
        async with self.turns, self.http.request(method, url, **options) as response:
            response.raise_for_status()
            return await response.read()

    async def _pages(
        self, source: str, size: int, ask: Callable[[int], Coroutine[Any, Any, tuple[int, list[Any]]]]
    ) -> list[Any]:
        total, rows = await ask(0)
        further = await asyncio.gather(*(ask(number) for number in range(1, -(-total // size))))
        for _, more in further:
            rows += more
        self.meter.read(source, len(rows), 1 + len(further))
        return rows

    async def rtsm(self, path: str, **asked: str) -> list[dict[str, Any]]:
        async def ask(number: int) -> tuple[int, list[Any]]:
            given = {**asked, "page": str(number + 1), "size": "500"}
            body = await self._body(
                "GET", f"{self.places['rtsm']}/api/v2/{path}", params=given,
                headers={"X-Api-Key": self.places["rtsm_key"]},
            )  # fmt: skip
            told = orjson.loads(body)
            return told["count"], told["results"]

        return await self._pages("rtsm", 500, ask)

    async def bpay(self, **asked: str) -> list[dict[str, Any]]:
        async def ask(number: int) -> tuple[int, list[Any]]:
            given = {**asked, "page": str(number + 1), "page_size": "1000"}
            body = await self._body(
                "POST", f"{self.places['bpay']}/bpay/TransactionReport", json=given,
                headers={"username": "gateway", "password": self.places["bpay_password"]},
            )  # fmt: skip
            told = orjson.loads(body)
            return told["total"], told["transactions"]

        return await self._pages("bpay_report", 1000, ask)

    async def fabs(self, operation: str, row: str, asked: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
        asked = tuple(asked)

        async def ask(number: int) -> tuple[int, list[Any]]:
            given = (*asked, ("offset", str(number * 1000)), ("maxRows", "1000"))
            arguments = "".join(f"<f:{name}>{value}</f:{name}>" for name, value in given)
            body = await self._body(
                "POST", self.places["fabs"], data=ENVELOPE.format(operation, arguments),
                headers={
                    "Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"urn:pk:balochistan:fabs:{operation}"'
                },
                auth=aiohttp.BasicAuth("gateway", self.places["fabs_password"]),
            )  # fmt: skip
            root = etree.fromstring(body)
            rows = [{cell.tag: cell.text or "" for cell in element} for element in root.iter(f"{FABS}{row}")]
            total = root.find(f".//{FABS}total")
            assert total is not None
            return int(total.text or 0), rows

        return await self._pages("fabs_soap", 1000, ask)

    def scrolls(self, settled: str) -> Iterator[dict[str, str]]:
        """The lines of a day's files."""
        for path in Path(self.places["bank_scroll"]).glob(f"*_{settled}.csv"):
            with path.open(newline="") as file:
                lines = 0
                for line in csv.DictReader(file):
                    yield line
                    lines += 1
                self.meter.read("banks", lines)

    async def unposted(self) -> list[list[Any]]:
        pay, posted = await asyncio.gather(
            self.postgres("finance", PAY, MONTH.replace("-", "")),
            self.mariadb(f"SELECT u.identity_number {FROM_POSTINGS}"),
        )
        known = {plain(cnic) for (cnic,) in posted if cnic}
        found = []
        for code, number, written, gross in pay:
            cnic = plain(written)
            if cnic is not None and cnic not in known:
                found.append([code, number, cnic, gross])
        return found

    async def absentees(self) -> list[list[Any]]:
        first = dt.date.fromisoformat(f"{MONTH}-01")
        after = (first + dt.timedelta(days=31)).replace(day=1)
        pay, posted, on_leave, visits = await asyncio.gather(
            self.postgres("finance", PAY, MONTH.replace("-", "")),
            self.mariadb(f"SELECT u.openemis_no, u.identity_number, i.code, d.name {FROM_POSTINGS}"),
            self.mariadb(LEAVES, (after, first)),
            self.rtsm("visits", **{"from": f"{first}T00:00:00+05:00", "to": f"{after}T00:00:00+05:00"}),
        )
        numbers = [str(visit["visit_id"]) for visit in visits]
        chunks = [numbers[at : at + 100] for at in range(0, len(numbers), 100)]
        marks: defaultdict[str, int] = defaultdict(int)
        present = set()
        for some in await asyncio.gather(*(self.rtsm("visit_staff", visit=",".join(chunk)) for chunk in chunks)):
            for mark in some:
                marks[mark["staff_ref"]] += 1
                if mark["present"] == "Y":
                    present.add(mark["staff_ref"])
        excused = {teacher for (teacher,) in on_leave}
        by_cnic = defaultdict(list)
        for teacher, written, school, district in posted:
            cnic = plain(written) if written else None
            if cnic is not None:
                by_cnic[cnic].append((teacher, school, district))
        found = []
        for _, _, written, gross in pay:
            for teacher, school, district in by_cnic.get(plain(written) or "", ()):
                if teacher in marks and teacher not in present and teacher not in excused:
                    found.append([teacher, school, CODE[district], marks[teacher], gross])
        return found

    async def collections(self) -> list[list[Any]]:
        day = DAY.replace("-", "")
        following = (dt.date.fromisoformat(DAY) + dt.timedelta(days=1)).strftime("%Y%m%d")
        books: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal("0.00")] * 3)
        paid, booked = await asyncio.gather(
            self.bpay(from_date=day, to_date=day),
            self.fabs("GetReceipts", "receipt", (("fromDate", day), ("toDate", day))),
        )
        for one in paid:
            amount = Decimal(one["transaction_amount"]).scaleb(-2)
            books[one["head_code"]][0] += amount if one["reversal_of"] is None else -amount
        for line in self.scrolls(following):
            books[line["head"]][1] += Decimal(line["amount"])
        for one in booked:
            amount = Decimal(one[f"{FABS}amount"])
            books[one[f"{FABS}headCode"]][2] += -amount if one.get(f"{FABS}reversalOf") else amount
        return [[head, *map(str, amounts)] for head, amounts in books.items()]

    async def spending(self, years: tuple[str, ...] = (YEAR,)) -> list[list[Any]]:
        asked = [("fiscalYear", year) for year in years]
        first, last = f"{years[0][:4]}07", f"{int(years[-1][:4]) + 1}06"
        lines, centres, counts, figures, facilities = await asyncio.gather(
            self.fabs("GetBudgetLines", "budgetLine", asked),
            self.postgres("finance", "SELECT kostl, dist_txt FROM fabs.cskt"),
            self.mariadb(COUNTS),
            self.postgres("health", FIGURES, first, last),
            self.postgres("health", "SELECT code, dist_nm FROM hmis.organisationunit"),
        )
        district_of = {code: CODE.get(name) for code, name in centres}
        money: dict[tuple[str, str, str], list[Decimal]] = defaultdict(lambda: [Decimal("0.00")] * 3)
        for line in lines:
            district = district_of.get(line.get(f"{FABS}costCentre", ""))
            if district is not None:
                own = money[line[f"{FABS}fiscalYear"], district, line[f"{FABS}functionCode"]]
                for at, name in enumerate(("budget", "released", "spent")):
                    own[at] += Decimal(line[f"{FABS}{name}"])
        pupils: dict[tuple[str, str], int] = defaultdict(int)
        for name, day, boys, girls in counts:
            pupils[fiscal_year(f"{day:%Y%m}"), CODE[name]] += int(boys or 0) + int(girls or 0)
        where = {code: CODE.get(name) for code, name in facilities}
        patients: dict[tuple[str, str | None], int] = defaultdict(int)
        for facility, month, new, again in figures:
            patients[fiscal_year(month), where[facility]] += whole(new) + whole(again)
        return [
            [year, district, function, *map(str, amounts), pupils.get((year, district)), patients.get((year, district))]
            for (year, district, function), amounts in money.items()
        ]

    async def every_year(self) -> list[list[Any]]:
        return await self.spending(YEARS)


def whole(text: str | None) -> int:
    """A figure; what is no number counts nothing."""
    return int(text) if text and text.strip().isdigit() else 0


def fiscal_year(month: str) -> str:
    first = int(month[:4]) - (month[4:6] < "07")
    return f"{first}-{(first + 1) % 100:02d}"


async def ask(places: dict[str, Any], name: str) -> dict[str, Any]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE * 3)) as http:
        meter = Meter()
        script = Script(places, meter, http)
        questions = {
            "unposted": script.unposted, "unposted-filter": script.unposted, "absentees": script.absentees,
            "collections": script.collections, "spending": script.spending, "spending-5-years": script.every_year,
        }  # fmt: skip
        return meter.told(await questions[name]())


if __name__ == "__main__":
    main(ask)
