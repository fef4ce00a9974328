"""The limit: one handler a question, as a careful developer would write it for that question alone. Starlette, asyncpg
and asyncmy pools, the best SQL we know, orjson. It knows nothing of rules, ledger or GraphQL; it answers the same JSON.

``python -m bench.handwritten --port N --emis mysql://... --finance postgresql://...``
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncmy
import asyncpg
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bench.systems import login

POOL = 8
DESIGNATIONS = {
    "1001": ("Junior Vernacular Teacher", "Teaching"), "1002": ("Secondary School Teacher", "Teaching"),
    "1003": ("Head Teacher", "Teaching"), "2001": ("Medical Officer", "Health"),
    "2002": ("Lady Health Visitor", "Health"), "3001": ("Naib Qasid", "Administration"),
    "3002": ("Junior Clerk", "Administration"),
}  # fmt: skip
DISTRICTS = {"Kech": "KEC", "KECH": "KEC", "Kech (Turbat)": "KEC"}
GENDERS = {1: "Male", 2: "Female"}

ONE_SCHOOL = """
SELECT i.code, TRIM(i.name), t.name, g.name, s.name, c.name, d.name, i.date_opened, NULLIF(TRIM(i.telephone), '')
FROM institutions i
JOIN institution_types t ON t.id = i.institution_type_id
JOIN institution_genders g ON g.id = i.institution_gender_id
JOIN institution_statuses s ON s.id = i.institution_status_id
JOIN institution_sectors c ON c.id = i.institution_sector_id
JOIN areas a ON a.id = i.area_id
JOIN areas d ON d.area_level_id = 3 AND d.lft <= a.lft AND d.rght >= a.rght
WHERE i.code = %s
"""
SCHOOLS = """
SELECT i.id, i.code, TRIM(i.name), t.name FROM institutions i JOIN institution_types t ON t.id = i.institution_type_id
ORDER BY i.code LIMIT {limit}
"""
TEACHERS = """
SELECT st.institution_id, u.openemis_no, CONCAT(u.first_name, ' ', u.last_name), u.gender_id, t.name, st.start_date
FROM institution_staff st
JOIN security_users u ON u.id = st.staff_id AND u.is_staff = 1
JOIN institution_positions p ON p.id = st.institution_position_id
JOIN staff_position_titles t ON t.id = p.staff_position_title_id
WHERE st.end_date IS NULL AND st.institution_id IN %s ORDER BY u.openemis_no
"""
PAID_TEACHERS = """
SELECT st.institution_id, u.openemis_no, CONCAT(u.first_name, ' ', u.last_name), u.identity_number
FROM institution_staff st JOIN security_users u ON u.id = st.staff_id AND u.is_staff = 1
WHERE st.end_date IS NULL AND st.institution_id IN %s ORDER BY u.openemis_no
"""
PAYSLIPS = """
SELECT payslip_no, pernr, cnic, desig_cd, kostl, gross::text, ddctn::text, net::text
FROM fabs.zpayroll WHERE paymm = $1 ORDER BY payslip_no COLLATE "C" LIMIT 1000
"""
PAY = """
SELECT cnic, payslip_no, gross::text, net::text FROM fabs.zpayroll
WHERE cnic = ANY($1) AND paymm = $2 ORDER BY payslip_no COLLATE "C"
"""


class Questions:
    """Answers by operation name. ``calls`` counts statements."""

    def __init__(self, emis: Any, finance: Any) -> None:
        self._emis = emis
        self._finance = finance
        self.calls = 0
        self.by_name: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]] = {
            "SchoolByKey": self.school,
            "ThousandPayslips": self.payslips,
            "SchoolsAndTeachers": self.schools_and_teachers,
            "SchoolsTeachersPay": self.schools_teachers_pay,
        }

    async def _mariadb(self, statement: str, values: Any = None) -> Any:
        self.calls += 1
        async with self._emis.acquire() as connection, connection.cursor() as cursor:
            await cursor.execute(statement, values)
            return await cursor.fetchall()

    async def _postgres(self, statement: str, *values: Any) -> Any:
        self.calls += 1
        async with self._finance.acquire() as connection:
            return await connection.fetch(statement, *values)

    async def school(self, given: dict[str, Any]) -> dict[str, Any]:
        rows = await self._mariadb(ONE_SCHOOL, (given["code"],))
        if not rows:
            return {"school": None}
        code, name, level, gender, status, sector, district, opened, telephone = rows[0]
        return {
            "school": {
                "code": code, "name": name, "level": level, "gender": gender, "status": status, "sector": sector,
                "districtCode": DISTRICTS[district], "openedOn": opened, "telephone": telephone,
            }
        }  # fmt: skip

    async def payslips(self, given: dict[str, Any]) -> dict[str, Any]:
        month = given["month"]
        rows = await self._postgres(PAYSLIPS, month.replace("-", ""))
        return {
            "payslips": {
                "nodes": [
                    {
                        "code": code, "employeeNumber": number, "month": month, "cnic": cnic.replace("-", "") or None,
                        "designation": DESIGNATIONS[designation][0], "cadre": DESIGNATIONS[designation][1],
                        "costCentre": centre, "gross": gross, "deductions": deductions, "net": net,
                    }
                    for code, number, cnic, designation, centre, gross, deductions, net in rows
                ]
            }
        }  # fmt: skip

    async def schools_and_teachers(self, given: dict[str, Any]) -> dict[str, Any]:
        schools = await self._mariadb(SCHOOLS.format(limit=100))
        found: dict[int, list[dict[str, Any]]] = {row[0]: [] for row in schools}
        for school, code, name, gender, title, since in await self._mariadb(TEACHERS, (tuple(found),)):
            found[school].append(
                {"code": code, "name": name, "gender": GENDERS[gender], "title": title, "postedSince": since}
            )
        return {
            "schools": {
                "nodes": [
                    {"code": code, "name": name, "level": level, "teachers": {"nodes": found[school]}}
                    for school, code, name, level in schools
                ]
            }
        }

    async def schools_teachers_pay(self, given: dict[str, Any]) -> dict[str, Any]:
        schools = await self._mariadb(SCHOOLS.format(limit=50))
        found: dict[int, list[dict[str, Any]]] = {row[0]: [] for row in schools}
        slips: dict[str, list[dict[str, Any]]] = {}
        for school, code, name, cnic in await self._mariadb(PAID_TEACHERS, (tuple(found),)):
            own = slips.setdefault(cnic.replace("-", ""), []) if cnic else []
            found[school].append({"code": code, "name": name, "payslips": {"nodes": own}})
        keys = [spelling for cnic in slips for spelling in (cnic, f"{cnic[:5]}-{cnic[5:12]}-{cnic[12:]}")]
        for cnic, code, gross, net in await self._postgres(PAY, keys, given["month"].replace("-", "")):
            slips[cnic.replace("-", "")].append({"code": code, "gross": gross, "net": net})
        return {
            "schools": {
                "nodes": [
                    {"code": code, "name": name, "teachers": {"nodes": found[school]}}
                    for school, code, name, _ in schools
                ]
            }
        }


def create_app(emis: str, finance: str) -> Starlette:
    """The application. ``/calls`` tells how many statements were sent."""
    held: dict[str, Questions] = {}

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        mariadb = await asyncmy.create_pool(
            **login(emis), minsize=0, maxsize=POOL, autocommit=True, charset="utf8mb4"
        )  # fmt: skip
        postgres = await asyncpg.create_pool(finance, min_size=0, max_size=POOL, server_settings={"jit": "off"})
        held["questions"] = Questions(mariadb, postgres)
        yield
        mariadb.close()
        await mariadb.wait_closed()
        await postgres.close()

    async def ask(request: Request) -> Response:
        told = orjson.loads(await request.body())
        answer = await held["questions"].by_name[told["operationName"]](told.get("variables") or {})
        return Response(orjson.dumps({"data": answer}), media_type="application/json")

    async def calls(request: Request) -> Response:
        return JSONResponse(held["questions"].calls)

    return Starlette(
        routes=[Route("/graphql", ask, methods=["POST"]), Route("/calls", calls), Route("/readyz", calls)],
        lifespan=lifespan,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.handwritten")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--emis", required=True)
    parser.add_argument("--finance", required=True)
    given = parser.parse_args()
    uvicorn.run(
        create_app(given.emis, given.finance), host="127.0.0.1", port=given.port, loop="uvloop", http="httptools",
        ws="none", access_log=False, log_level="warning", lifespan="on", server_header=False, date_header=False,
    )  # fmt: skip


if __name__ == "__main__":
    main()
