"""What control rooms watch, while the departments work: question 21 and the boards, over every kind of storage."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncmy
import asyncpg
import pytest

from gateway.live.watch import now
from schema.changes import Logged
from tests.houses import AUDITOR, Systems
from tests.live.desks import LiveDesk, live_desk
from tests.live.sockets import Depot
from tests.servers import PREFIX, need_mariadb, need_postgres

DAY = "2025-10-03"
VISITS = """subscription { visitChanged(where: {wasOpen: {eq: false}}) {
  change key node { number visitedAt school { code name } } } }"""


@pytest.fixture
async def desk(working: Systems, tmp_path: Path) -> AsyncIterator[LiveDesk]:
    async with live_desk(working, tmp_path) as one:
        yield one


def stamp(moment: dt.datetime) -> str:
    return moment.replace(microsecond=0).isoformat()


async def test_a_tracer_drug_at_zero_raises_an_alarm_once_and_restocking_ends_it(desk: LiveDesk, depot: Depot) -> None:
    card = depot.card("HF-GWA-0001", "ORS")
    where = '{facilityCode: {eq: "HF-GWA-0001"}, drugCode: {eq: "ORS"}}'
    query = f"subscription {{ stockAlarmChanged(where: {where}) {{ change key node {{ drugCode since }} }} }}"
    async with desk.watch(query) as seat:
        await seat.event()
        depot.count(card, 0, DAY)
        out = await seat.event()
        assert out == {
            "change": "INSERTED", "key": "HF-GWA-0001/ORS", "node": {"drugCode": "ORS", "since": DAY},
        }  # fmt: skip
        depot.count(card, 7, "2025-10-04")
        assert await seat.event() == {"change": "DELETED", "key": "HF-GWA-0001/ORS", "node": None}


async def test_a_visit_that_finds_a_school_closed_is_told(desk: LiveDesk, working: Systems) -> None:
    rtsm = Depot(working.folder / "rtsm.sqlite")
    ((last,),) = rtsm.rows("SELECT max(visit_id) FROM visits")
    async with desk.watch(VISITS) as seat:
        await seat.event()
        at = now() - dt.timedelta(hours=3)
        for number, school, flag in ((1, "KEC-00001", "Y"), (2, " kec-00002 ", "N"), (3, "KEC-00003", "N")):
            synced = stamp(now().replace(tzinfo=None) - dt.timedelta(minutes=number * 5))
            rtsm.write(
                "INSERT INTO visits (visit_id, school_code, school_key, visit_ts, synced_ts, monitor, lat, lon, "
                "open_flag, teachers_present, students_present, device_seq) "
                "VALUES (?, ?, ?, ?, ?, 'MON-001', '', '', ?, 0, 0, 1)",
                last + number, school, school.strip().upper(), stamp(at), synced, flag,
            )
        told = {event["key"]: event for event in [await seat.event(), await seat.event()]}
        assert set(told) == {str(last + 2), str(last + 3)}
        assert all(event["change"] == "INSERTED" for event in told.values())
        assert told[str(last + 2)]["node"]["school"]["code"] == "KEC-00002"
        assert dt.datetime.fromisoformat(told[str(last + 2)]["node"]["visitedAt"]) == at.replace(microsecond=0)


async def test_beds_and_staff_of_a_facility_as_they_change(desk: LiveDesk, working: Systems) -> None:
    hmis, hr = Depot(working.folder / "hmis.sqlite"), Depot(working.folder / "hr.sqlite")
    query = 'subscription { live { facilityNow(facilityCode: "HF-KEC-0001") { beds occupied occupancy present } } }'
    async with desk.watch(query) as seat:
        first = (await seat.next())["data"]["live"]["facilityNow"]
        beds = first["beds"]
        hmis.write(
            "UPDATE bed_states SET occupied = ?, updated_at = ? WHERE ou_code = ?", beds // 2, stamp(now()),
            "HF-KEC-0001",
        )  # fmt: skip
        then = first
        while then["occupancy"] != "50.0":
            then = (await seat.next())["data"]["live"]["facilityNow"]
        hr.write(
            "UPDATE shift_presence SET present = 1, updated_at = ? WHERE facility_cd = ?", stamp(now()), "HF-KEC-0001"
        )
        assert (await seat.next())["data"]["live"]["facilityNow"] == {**then, "present": 1}


async def test_the_board_of_a_district_is_what_was_planted(desk: LiveDesk, working: Systems) -> None:
    query = """subscription { live { facilitiesNow(where: {facility: {districtCode: {eq: "ZHB"}}}) {
      aggregate { sum { beds occupied onRoll present } } } } }"""
    planted = working.truth["wards"]["ZHB"]
    async with desk.watch(query) as seat:
        (told,) = (await seat.next())["data"]["live"]["facilitiesNow"]["aggregate"]
        assert told["sum"] == {
            "beds": str(planted["beds"]), "occupied": str(planted["occupied"]), "onRoll": str(planted["staff"]),
            "present": str(planted["present"]),
        }  # fmt: skip


async def test_collections_are_added_up_as_payments_come(desk: LiveDesk, working: Systems) -> None:
    bpay = Depot(working.folder / "bpay.sqlite")
    today = now().date()
    query = f"""subscription {{ live {{ transactions(where: {{paidOn: {{eq: "{today}"}}}}) {{
      aggregate(groupBy: [HEAD]) {{ key {{ head }} count sum {{ amount }} }} }} }} }}"""
    ((last,),) = bpay.rows("SELECT max(txn_id) FROM transactions")
    record = desk.house.catalog.records["finance.Transaction"]
    quicken(record, every_s=0.2)
    async with desk.watch(query, AUDITOR) as seat:
        assert (await seat.next())["data"]["live"]["transactions"]["aggregate"] == []
        for number, paisa in ((1, 150_050), (2, 20_000)):
            bpay.write(
                "INSERT INTO transactions VALUES (?, ?, '000001', ?, ?, '101500', 'NBP', ?, NULL, 'B016')",
                last + number, "12345678901234567", paisa, today.strftime("%Y%m%d"), stamp(now().replace(tzinfo=None)),
            )  # fmt: skip
        told: list[Any] = []
        while not told or told[0]["count"] < 2:
            told = (await seat.next())["data"]["live"]["transactions"]["aggregate"]
        assert told == [{"key": {"head": "B016"}, "count": 2, "sum": {"amount": "1700.50"}}]


def quicken(record: Any, **changes: Any) -> None:
    """The same declaration at a test's pace: the catalog is shared, so it is set once for good."""
    told = record.changes
    quick = replace(told, otherwise=replace(told.otherwise, **changes)) if isinstance(told, Logged) else None
    object.__setattr__(record, "changes", quick or replace(told, **changes))


@pytest.mark.postgres
@pytest.mark.mariadb
async def test_deletions_and_changes_are_noticed_on_database_servers(servers: Systems, tmp_path: Path) -> None:
    """PostgreSQL by mark and by comparison, MariaDB by comparison: nothing is added to either."""
    health = await asyncpg.connect(f"{need_postgres()}/{PREFIX}_health")
    parts = urlsplit(need_mariadb())
    emis = await asyncmy.connect(
        host=parts.hostname, port=parts.port, user=parts.username, password=parts.password or "", db=f"{PREFIX}_emis",
        autocommit=True,
    )  # fmt: skip
    code = "HF-KEC-0001"
    async with live_desk(servers, tmp_path) as desk:
        quicken(desk.house.catalog.records["health.BedState"], compare_s=0.5)
        quicken(desk.house.catalog.records["education.School"], every_s=0.3)
        beds = "subscription { bedStateChanged { change key node { occupied } } }"
        schools = 'subscription { schoolChanged(where: {districtCode: {eq: "KEC"}}) { change key node { name } } }'
        async with desk.watch(beds) as bed, desk.watch(schools) as school:
            await bed.event()
            await school.event()
            row = await health.fetchrow("SELECT * FROM hmis.bed_states WHERE ou_code = $1", code)
            try:
                one_more = row["occupied"] + 1
                await health.execute(
                    "UPDATE hmis.bed_states SET occupied = $3, updated_at = $2 WHERE ou_code = $1", code, stamp(now()),
                    one_more,
                )  # fmt: skip
                assert await bed.event() == {"change": "UPDATED", "key": code, "node": {"occupied": one_more}}
                await health.execute("DELETE FROM hmis.bed_states WHERE ou_code = $1", code)
                assert await bed.event() == {"change": "DELETED", "key": code, "node": None}
                async with emis.cursor() as cursor:
                    await cursor.execute("UPDATE institutions SET name = 'Renamed' WHERE code = 'KEC-00007'")
                told = await school.event()
                assert told == {"change": "UPDATED", "key": "KEC-00007", "node": {"name": "Renamed"}}
            finally:
                await health.execute("DELETE FROM hmis.bed_states WHERE ou_code = $1", code)
                await health.execute("INSERT INTO hmis.bed_states VALUES ($1, $2, $3, $4)", *row)
                await health.close()
                await emis.ensure_closed()
