"""Where a log is not to be had, changes are noticed as the record says otherwise, and whoever runs the gateway is told
why: the owner does not allow it, the server is not set for it, a table has nothing to tell its rows by."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gateway.checking import check_live
from gateway.opening import open_catalog
from gateway.settings import LogSettings
from tests.live.desks import LiveDesk
from tests.live.hospitals import PostgresHospital, hospital_desk, hospital_settings, postgres_hospital
from tests.live.test_logs import BEDS, PATIENTS, SURGEON, VISITORS, begun, told, watch_of
from tests.own_servers import own_postgres

pytestmark = pytest.mark.postgres
names = (f"refused_{number}" for number in itertools.count(1))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    settings = {"max_replication_slots": "6", "synchronous_standby_names": "away", "synchronous_commit": "local"}
    with own_postgres(wal_level="logical", **settings) as url:
        yield url


@pytest.fixture(scope="module")
def server_without() -> Iterator[str]:
    with own_postgres(wal_level="replica") as url:
        yield url


@pytest.fixture
async def hospital(server: str) -> AsyncIterator[PostgresHospital]:
    found = await postgres_hospital(server, next(names))
    yield found
    await found.aclose()


async def checked(hospital: PostgresHospital, state: Path) -> str:
    settings = hospital_settings(hospital, state)
    return "\n".join(await check_live(settings, open_catalog(settings)))


async def falls_back(desk: LiveDesk, hospital: PostgresHospital, because: str) -> None:
    """A bed that is moved is found by its mark."""
    async with desk.watch(BEDS) as seat:
        await begun(seat)
        assert because in (watch_of(desk, "Bed").reason or "")
        await hospital.do("UPDATE beds SET state = 'free', moved_at = '2025-10-02' WHERE id = 2")
        assert await told(seat) == [("UPDATED", "B/1")]


async def test_a_server_that_is_not_set_for_it(server_without: str, tmp_path: Path) -> None:
    hospital = await postgres_hospital(server_without, "not_set")
    async with hospital_desk(hospital, tmp_path) as desk:
        await falls_back(desk, hospital, "wal_level")
    assert "wal_level" in await checked(hospital, tmp_path)
    await hospital.aclose()


async def test_an_owner_who_publishes_nothing(hospital: PostgresHospital, tmp_path: Path) -> None:
    await hospital.do("DROP PUBLICATION gateway")
    async with hospital_desk(hospital, tmp_path) as desk:
        await falls_back(desk, hospital, "no publication 'gateway'")
    assert "no publication 'gateway'" in await checked(hospital, tmp_path)


async def test_a_publication_that_keeps_something_back(hospital: PostgresHospital, tmp_path: Path) -> None:
    await hospital.do("ALTER PUBLICATION gateway SET (publish = 'insert, update')")
    async with hospital_desk(hospital, tmp_path) as desk:
        await falls_back(desk, hospital, "does not publish delete, truncate")


async def test_who_may_not_read_it(hospital: PostgresHospital, tmp_path: Path) -> None:
    await hospital.do("DROP ROLE IF EXISTS nobody_in_particular", "CREATE ROLE nobody_in_particular LOGIN")
    hospital.log = LogSettings(publication="gateway", user="nobody_in_particular")
    async with hospital_desk(hospital, tmp_path) as desk:
        await falls_back(desk, hospital, "sender")


async def test_what_a_department_grants_is_enough(hospital: PostgresHospital, tmp_path: Path) -> None:
    """As docs/live.md says it: a role that may read the log, and no table."""
    await hospital.do(
        "DROP ROLE IF EXISTS gateway_log", "CREATE ROLE gateway_log LOGIN REPLICATION",
        "GRANT USAGE ON SCHEMA public TO gateway_log",
    )  # fmt: skip
    assert not await hospital.connection.fetchval("SELECT has_table_privilege('gateway_log', 'patients', 'SELECT')")
    hospital.log = LogSettings(publication="gateway", user="gateway_log")
    async with hospital_desk(hospital, tmp_path) as desk, desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        await hospital.do("DELETE FROM patients WHERE patient_no = 1")
        assert await told(seat) == [("DELETED", "1")]


async def test_over_tls(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = Encoding.PEM
    files = {
        "server.crt": certificate.public_bytes(pem),
        "server.key": key.private_bytes(pem, PrivateFormat.PKCS8, NoEncryption()),
    }
    with own_postgres(files=files, wal_level="logical", ssl="on") as server:
        hospital = await postgres_hospital(server, "over_tls")
        hospital.url += "?sslmode=require"
        async with hospital_desk(hospital, tmp_path) as desk, desk.watch(PATIENTS, SURGEON) as seat:
            await begun(seat)
            encrypted = (
                "SELECT bool_and(s.ssl) FROM pg_stat_replication r JOIN pg_stat_ssl s USING (pid) HAVING count(*) = 1"
            )
            assert await hospital.connection.fetchval(encrypted)
            await hospital.do("DELETE FROM patients WHERE patient_no = 1")
            assert await told(seat) == [("DELETED", "1")]
        await hospital.aclose()


async def test_a_table_without_a_key_is_told_by_its_marks(hospital: PostgresHospital, tmp_path: Path) -> None:
    """Published as it is, its owner's programs could not even strike a row of it: the check says so."""
    await hospital.do("ALTER PUBLICATION gateway ADD TABLE visitors")
    async with hospital_desk(hospital, tmp_path) as desk, desk.watch(VISITORS) as seat, desk.watch(BEDS) as other:
        await begun(seat)
        await begun(other)
        assert "no primary key or replica identity" in (watch_of(desk, "Visitor").reason or "")
        assert watch_of(desk, "Bed").reason is None, "one table spoils nothing for the others"
        await hospital.do("INSERT INTO visitors VALUES ('v2', '2025-10-02')")
        assert await told(seat) == [("INSERTED", "v2")]
    problems = await checked(hospital, tmp_path)
    assert "Visitor is not told by the log of ward" in problems
    assert "cannot alter or strike rows" in problems
    await hospital.do("ALTER TABLE visitors REPLICA IDENTITY FULL")
    assert await checked(hospital, tmp_path) == ""
    async with hospital_desk(hospital, tmp_path) as desk, desk.watch(VISITORS) as seat:
        await begun(seat)
        await hospital.do("DELETE FROM visitors WHERE visitor_cd = 'v1'")
        assert await told(seat) == [("DELETED", "v1")]


async def test_a_key_that_is_not_the_replica_identity(hospital: PostgresHospital, tmp_path: Path) -> None:
    """Its columns published are not those the server needs: nobody could alter it at all, and the check says so."""
    await hospital.do("ALTER TABLE beds REPLICA IDENTITY DEFAULT")
    if hospital.connection.get_server_version() >= (15,):
        assert "rows of beds while it is in publication gateway: it is published without id" in await checked(
            hospital, tmp_path
        )
    await hospital.do("ALTER PUBLICATION gateway SET TABLE beds, wards")
    async with hospital_desk(hospital, tmp_path) as desk:
        await falls_back(desk, hospital, "bed_cd is not in the replica identity of beds")


async def test_a_table_taken_out_of_the_publication_later(
    hospital: PostgresHospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream says nothing of it: it is looked every minute whether what is published still is."""
    monkeypatch.setattr("connectors.sql.postgres_log.RECHECK_S", 0.2)
    async with hospital_desk(hospital, tmp_path) as desk, desk.watch(BEDS) as seat:
        await begun(seat)
        await hospital.do("ALTER PUBLICATION gateway DROP TABLE beds")
        await hospital.do("UPDATE beds SET state = 'free', moved_at = '2025-10-02' WHERE id = 2")
        assert await told(seat) == [("UPDATED", "B/1")]
        assert "beds is not in publication gateway" in (watch_of(desk, "Bed").reason or "")


async def test_a_publication_of_more_than_is_declared_costs_one_look_a_table(
    hospital: PostgresHospital, tmp_path: Path
) -> None:
    async with hospital_desk(hospital, tmp_path) as desk, desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        await hospital.do("CREATE TABLE other (id int PRIMARY KEY)", "ALTER PUBLICATION gateway ADD TABLE other")
        for number in range(3):
            await hospital.do(f"INSERT INTO other VALUES ({number})")
            await hospital.do(f"INSERT INTO patients VALUES ('x', {60 + number}, 'n', 'A')")
            assert await told(seat) == [("INSERTED", str(60 + number))]
        assert desk.house.live.logs["ward"].opened == 1


async def test_rows_left_out_of_the_publication(hospital: PostgresHospital, tmp_path: Path) -> None:
    await hospital.do("ALTER PUBLICATION gateway SET TABLE wards, beds WHERE (bed_cd <> 'B/1')")
    async with hospital_desk(hospital, tmp_path) as desk:
        await falls_back(desk, hospital, "leaves out rows of beds")


async def test_all_slots_are_taken(hospital: PostgresHospital, tmp_path: Path) -> None:
    await hospital.do(*(f"SELECT pg_create_physical_replication_slot('other_{n}')" for n in range(6)))
    try:
        async with hospital_desk(hospital, tmp_path) as desk:
            await falls_back(desk, hospital, "slots")
    finally:
        await hospital.do(*(f"SELECT pg_drop_replication_slot('other_{n}')" for n in range(6)))


async def test_a_transaction_that_stands_open_does_not_hold_up_whoever_subscribes(
    hospital: PostgresHospital, tmp_path: Path
) -> None:
    """A slot is made only when every running transaction has ended: some programs leave one open all day. What waits
    for that is given up by the server itself, or each new try would take another of its slots."""
    other = await postgres_hospital(hospital.url.rpartition("/")[0], next(names))
    await other.do("BEGIN", "INSERT INTO visitors VALUES ('v9', NULL)")
    quick = replace(hospital_limits(), timeout_s=0.5)
    try:
        async with hospital_desk(hospital, tmp_path) as desk:
            log = desk.house.live
            make = log.readers["ward"]

            def hurried() -> object:
                reader = make()
                reader.source = replace(reader.source, limits=quick)  # type: ignore[attr-defined]
                return reader

            log.readers = {"ward": hurried}  # type: ignore[dict-item]
            await falls_back(desk, hospital, "does a transaction stand open there?")
            async with asyncio.timeout(20):
                while await hospital.readers():  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            watch = watch_of(desk, "Bed")
            async with desk.watch(BEDS) as seat:
                await begun(seat)
                await other.do("COMMIT")
                async with asyncio.timeout(20):
                    while watch.reason is not None:  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                await hospital.do("DELETE FROM beds WHERE id = 2")
                assert await told(seat) == [("DELETED", "B/1")], "back at the log as soon as it is to be had"
    finally:
        await other.aclose()


def hospital_limits() -> object:
    from tests.live.ward import ward

    return ward.limits


async def test_a_table_made_anew_and_one_published_later(hospital: PostgresHospital, tmp_path: Path) -> None:
    async with hospital_desk(hospital, tmp_path) as desk, desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        await hospital.do(
            "CREATE TABLE patients_new (LIKE patients INCLUDING ALL)",
            "INSERT INTO patients_new SELECT * FROM patients",
            "CREATE TABLE other (id int PRIMARY KEY)", "ALTER PUBLICATION gateway ADD TABLE patients_new, other",
            "INSERT INTO other VALUES (1)",
        )  # fmt: skip
        await hospital.together("DROP TABLE patients", "ALTER TABLE patients_new RENAME TO patients")
        await hospital.do("DELETE FROM patients WHERE patient_no = 1")
        assert await told(seat) == [("DELETED", "1")]
        await hospital.do("INSERT INTO patients VALUES ('x', 40, 'New', 'A')")
        assert await told(seat) == [("INSERTED", "40")]


async def test_what_is_told_before_it_can_be_seen_is_looked_at_when_it_can(
    hospital: PostgresHospital, tmp_path: Path
) -> None:
    """A commit that waits for a standby stands in the log already, and nobody sees yet what it did. Whoever looked then
    would find nothing, and never look again."""
    writer = PostgresHospital(hospital.url, connection=await asyncpg.connect(hospital.url))
    await writer.do("SET synchronous_commit = on")
    waits = "SELECT count(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    async with hospital_desk(hospital, tmp_path) as desk, desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        writing = asyncio.create_task(writer.do("INSERT INTO patients VALUES ('x', 50, 'Waits', 'A')"))
        async with asyncio.timeout(20):
            while not await hospital.connection.fetchval(waits):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        await hospital.do(waits.replace("count(pid)", "pg_cancel_backend(pid)"))  # it is committed, and waits no more
        await writing
        await writer.aclose()
        assert await told(seat) == [("INSERTED", "50")]


@pytest.mark.parametrize("as_root", [False, True])
async def test_partitions_are_told_as_their_table(hospital: PostgresHospital, tmp_path: Path, as_root: bool) -> None:
    await hospital.do(
        "DROP TABLE patients",
        "CREATE TABLE patients (photo text, patient_no bigint PRIMARY KEY, nm text, ward_cd text) "
        "PARTITION BY RANGE (patient_no)",
        "CREATE TABLE patients_1 PARTITION OF patients FOR VALUES FROM (0) TO (100)",
        f"ALTER PUBLICATION gateway SET (publish_via_partition_root = {str(as_root).lower()})",
        "ALTER PUBLICATION gateway ADD TABLE patients", "INSERT INTO patients VALUES ('x', 1, 'Gul', 'A')",
    )  # fmt: skip
    async with hospital_desk(hospital, tmp_path) as desk, desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        await hospital.do("DELETE FROM patients WHERE patient_no = 1")
        assert await told(seat) == [("DELETED", "1")]
        await hospital.do(
            "CREATE TABLE patients_2 PARTITION OF patients FOR VALUES FROM (100) TO (200)",
            "INSERT INTO patients VALUES ('x', 150, 'Later', 'A')",
        )  # fmt: skip
        assert await told(seat) == [("INSERTED", "150")]
        await hospital.do("DELETE FROM patients WHERE patient_no = 150")
        assert await told(seat) == [("DELETED", "150")]
