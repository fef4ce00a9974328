"""MariaDB's binary log: every type of column is skipped rightly on the way to a key, what the owner grants is enough,
and where the server is not set for it changes are noticed otherwise."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from struct import pack
from urllib.parse import urlsplit

import asyncmy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.address import Address, LogAddress
from connectors.sql.binlog import Decoder, KeyColumn, Unreadable
from connectors.sql.mariadb_log import MariaLog
from gateway.checking import check_live
from gateway.live.logs import LogWatch
from gateway.opening import open_catalog, open_readers
from gateway.settings import LogSettings, Settings, SettingsError, SourceSettings
from legacy.build import Plan, build
from schema.changelog import LoggedTable, LogRefused
from tests.houses import Systems
from tests.live import ward
from tests.live.desks import live_desk
from tests.live.hospitals import MariaHospital, hospital_desk, hospital_settings, maria_hospital
from tests.live.test_logs import BEDS, PATIENTS, SURGEON, begun, told, watch_of
from tests.live.test_logs_declared import Moved
from tests.own_servers import own_mariadb

pytestmark = pytest.mark.mariadb
names = (f"maria_{number}" for number in itertools.count(1))
SET = {"log-bin": "log", "binlog-format": "ROW", "server-id": "1"}
TYPES = {
    "tinyint": "-5", "smallint unsigned": "60000", "mediumint": "-70000", "int unsigned": "4000000000",
    "bigint": "-9000000000", "float": "1.5", "double": "2.25", "decimal(3,0)": "-12", "decimal(13,2)": "12345678901.25",
    "decimal(30,15)": "123456789012345.123456789012345", "date": "'2025-10-01'", "time": "'10:11:12'",
    "time(3)": "'10:11:12.345'", "datetime": "'2025-10-01 10:11:12'", "datetime(6)": "'2025-10-01 10:11:12.345678'",
    "timestamp": "'2025-10-01 10:11:12'", "timestamp(2)": "'2025-10-01 10:11:12.25'", "year": "2025", "bit(1)": "1",
    "bit(13)": "b'1010101010101'", "char(5)": "'abc'", "char(200)": "repeat('ž', 150)", "varchar(20)": "'kurz'",
    "varchar(300)": "repeat('x', 290)", "varchar(20) character set latin1": "'latin'", "binary(16)": "'sixteen'",
    "varbinary(300)": "'y'", "tinyblob": "'t'", "blob": "repeat('b', 3000)", "mediumblob": "repeat('m', 70000)",
    "longblob": "'l'", "text": "'text'", "longtext": "repeat('z', 70000)", "enum('a', 'b')": "'b'",
    "set('a', 'b', 'c')": "'a,c'", "json": "json_array(1, 'a')", "point": "ST_GeomFromText('POINT(1 2)')",
    "uuid": "'123e4567-e89b-12d3-a456-426655440000'", "inet6": "'::1'",
}  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with own_mariadb(**SET) as url:
        yield url


@pytest.fixture
async def hospital(server: str) -> AsyncIterator[MariaHospital]:
    found = await maria_hospital(server, next(names))
    yield found
    await found.aclose()


async def known(hospital: MariaHospital, kind: str) -> bool:
    """Whether this server has the type."""
    try:
        await hospital.do(f"CREATE TABLE tried (a {kind})", "DROP TABLE tried")
    except (asyncmy.errors.ProgrammingError, asyncmy.errors.OperationalError):
        return False
    return True


@pytest.mark.parametrize("image", ["FULL", "NOBLOB"])
async def test_every_type_of_column_is_skipped_on_the_way_to_the_key(hospital: MariaHospital, image: str) -> None:
    kinds = [kind for kind in TYPES if await known(hospital, kind)]
    assert len(kinds) >= len(TYPES) - 2
    columns = ", ".join(f"`c{place}` {kind} NULL" for place, kind in enumerate(kinds))
    await hospital.do(
        f"SET SESSION binlog_row_image = '{image}'",
        f"CREATE TABLE wide ({columns}, code varchar(40), number bigint unsigned PRIMARY KEY)",
    )
    codes, numbers = LoggedTable("wide", "code"), LoggedTable("wide", "number", "int")
    log = MariaLog(ward.ward, Address(hospital.url, log=LogAddress(server_id=77)))
    assert await log.open((codes, numbers)) == {}
    values = ", ".join(TYPES[kind] for kind in kinds)
    await hospital.do(f"INSERT INTO wide VALUES ({values}, 'Sibi–ž', {2**64 - 1}), ({values}, NULL, 2)")
    assert await log.read() == {codes: {"Sibi–ž"}, numbers: {2**64 - 1, 2}}
    for place, _ in enumerate(kinds):
        await hospital.do(f"UPDATE wide SET `c{place}` = NULL WHERE number = 2")
    seen: set[int] = set()
    await hospital.do(f"INSERT INTO wide (number) VALUES ({3})")
    while 3 not in seen:
        told_now = (await log.read())[numbers]
        assert told_now is not None
        assert told_now <= {2, 3}
        seen |= told_now
    await hospital.do("DELETE FROM wide WHERE number > 3")
    assert await log.read() == {codes: {"Sibi–ž"}, numbers: {2**64 - 1}}
    await log.aclose()


async def test_what_a_department_grants_is_enough(hospital: MariaHospital, tmp_path: Path) -> None:
    """As docs/live.md says it."""
    await hospital.do(
        "CREATE OR REPLACE USER gateway_log@'%' IDENTIFIED BY 'secret'",
        "GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO gateway_log@'%'",
        "GRANT SELECT (patient_no) ON patients TO gateway_log@'%'", "GRANT SELECT (bed_cd) ON beds TO gateway_log@'%'",
        "GRANT SELECT (ward_cd) ON wards TO gateway_log@'%'",
    )  # fmt: skip
    password = tmp_path / "password"
    password.write_text("secret\n")
    hospital.log = LogSettings(server_id=4712, user="gateway_log", password_file=str(password))
    async with hospital_desk(hospital, tmp_path) as desk, desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        await hospital.do("DELETE FROM patients WHERE patient_no = 1")
        assert await told(seat) == [("DELETED", "1")]
    assert await hospital.readers() == 0, "its own thread it may end itself"


async def test_a_table_defined_anew_is_told_on(hospital: MariaHospital, tmp_path: Path) -> None:
    async with hospital_desk(hospital, tmp_path) as desk, desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        await hospital.do(
            "ALTER TABLE patients ADD COLUMN blood varchar(3) FIRST",
            "INSERT INTO patients VALUES ('A+', 'x', 9, 'n', 'A')",
        )
        assert await told(seat) == [("INSERTED", "9")]
        await hospital.do("DELETE FROM patients WHERE patient_no = 9")
        assert await told(seat) == [("DELETED", "9")]
        assert desk.house.live.logs["ward"].opened == 2


async def test_a_log_that_goes_on_in_another_file(hospital: MariaHospital, tmp_path: Path) -> None:
    async with hospital_desk(hospital, tmp_path) as desk, desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        for number in (11, 12):
            await hospital.do("FLUSH BINARY LOGS", f"INSERT INTO patients VALUES ('x', {number}, 'n', 'A')")
            assert await told(seat) == [("INSERTED", str(number))]
        assert desk.house.live.logs["ward"].opened == 1


async def test_what_is_told_before_it_can_be_seen_is_looked_at_when_it_can(
    hospital: MariaHospital, tmp_path: Path
) -> None:
    """A commit that waits for a replica stands in the log already, and nobody sees yet what it did."""
    waiting = "SET GLOBAL rpl_semi_sync_master_"
    async with hospital_desk(hospital, tmp_path) as desk, desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        await hospital.do(
            f"{waiting}wait_point = 'AFTER_SYNC'", f"{waiting}timeout = 1000", f"{waiting}wait_no_slave = ON",
            f"{waiting}enabled = ON",
        )  # fmt: skip
        try:
            await hospital.do("INSERT INTO patients VALUES ('x', 15, 'n', 'A')")
            (timed_out,) = await hospital.ask("SHOW STATUS LIKE 'Rpl_semi_sync_master_no_tx'")
            assert int(timed_out[1]) > 0, "it waited"
        finally:
            await hospital.do(f"{waiting}enabled = OFF")
        assert await told(seat) == [("INSERTED", "15")]


async def test_a_log_that_is_reset_is_opened_anew(hospital: MariaHospital, tmp_path: Path) -> None:
    async with hospital_desk(hospital, tmp_path) as desk, desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        await hospital.do("FLUSH BINARY LOGS", "RESET MASTER", "INSERT INTO patients VALUES ('x', 14, 'n', 'A')")
        assert await told(seat) == [("INSERTED", "14")]
        await hospital.do("DELETE FROM patients WHERE patient_no = 14")
        assert await told(seat) == [("DELETED", "14")]


async def test_a_session_that_logs_statements_is_compared(hospital: MariaHospital, tmp_path: Path) -> None:
    async with hospital_desk(hospital, tmp_path) as desk, desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        await hospital.do("SET SESSION binlog_format = STATEMENT", "UPDATE patients SET nm = 'Other'")
        assert await told(seat) == [("UPDATED", "1")]


async def test_prepared_transactions_are_told_when_they_are_committed(hospital: MariaHospital, tmp_path: Path) -> None:
    async with hospital_desk(hospital, tmp_path) as desk, desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        await hospital.do(
            "XA START 'x'", "INSERT INTO patients VALUES ('x', 13, 'n', 'A')", "XA END 'x'", "XA PREPARE 'x'",
            "XA COMMIT 'x'",
        )  # fmt: skip
        assert await told(seat) == [("INSERTED", "13")]


@pytest.mark.parametrize(
    ("settings", "because"),
    [({}, "log_bin is OFF"), ({**SET, "binlog-format": "MIXED"}, "binlog_format is MIXED"),
     ({**SET, "log-bin-compress": "ON"}, "log_bin_compress is ON"),
     ({**SET, "binlog-row-image": "MINIMAL"}, "binlog_row_image is MINIMAL")],
)  # fmt: skip
async def test_a_server_that_is_not_set_for_it(settings: dict[str, str], because: str, tmp_path: Path) -> None:
    with own_mariadb(**settings) as server:
        hospital = await maria_hospital(server, "not_set")
        async with hospital_desk(hospital, tmp_path) as desk, desk.watch(BEDS) as seat:
            await begun(seat)
            assert because in (watch_of(desk, "Bed").reason or "")
            await hospital.do("UPDATE beds SET state = 'free', moved_at = '2025-10-02' WHERE id = 2")
            assert await told(seat) == [("UPDATED", "B/1")]
        told_settings = hospital_settings(hospital, tmp_path)
        assert any(because in one for one in await check_live(told_settings, open_catalog(told_settings)))
        await hospital.aclose()


async def test_who_may_not_read_it(hospital: MariaHospital, tmp_path: Path) -> None:
    await hospital.do(
        "CREATE OR REPLACE USER reader@'%'", "GRANT SELECT ON *.* TO reader@'%'",
        "CREATE OR REPLACE USER stranger@'%' IDENTIFIED BY 'x'",
    )  # fmt: skip
    for user in ("reader", "stranger"):
        log = MariaLog(ward.ward, Address(hospital.url, log=LogAddress(server_id=77, user=user)))
        with pytest.raises(LogRefused, match="denied"):
            await log.open((LoggedTable("patients", "patient_no", "int"),))


async def test_keys_that_cannot_be_read_are_refused(hospital: MariaHospital) -> None:
    await hospital.do("CREATE TABLE odd (a varchar(9) character set utf16, b decimal(9,2), c text)")
    tables = [LoggedTable("odd", name) for name in "abcd"]
    tables += [LoggedTable("none", "a"), LoggedTable("beds", "id", "int")]
    log = MariaLog(ward.ward, Address(hospital.url, log=LogAddress(server_id=77)))
    refused = await log.open(tuple(tables))
    await log.aclose()
    assert set(refused) == set(tables[:5])


def test_two_sources_of_one_server_need_a_number_each(tmp_path: Path) -> None:
    """The server would end the one whenever the other begins."""
    catalog = open_catalog(Settings())
    same = LogSettings(server_id=5)
    sources = {name: SourceSettings(f"mysql://u@127.0.0.1:3306/{name}", log=same) for name in ("emis", "hmis")}
    with pytest.raises(SettingsError, match="server_id each"):
        open_readers(Settings(sources=sources), catalog)
    with pytest.raises(SettingsError, match="needs server_id"):
        open_readers(Settings(sources={"emis": SourceSettings("mysql://u@h/emis", log=LogSettings())}), catalog)
    with pytest.raises(SettingsError, match="no log is read"):
        open_readers(Settings(sources={"emis": SourceSettings("sqlite:///x", log=same)}), catalog)
    with pytest.raises(SettingsError, match="of kind 'rest'"):
        open_readers(Settings(sources={"rtsm": SourceSettings("http://h", log=same)}), catalog)


@given(st.binary(max_size=60), st.sampled_from([2, 4, 19, 23, 24, 25, 30, 31, 165]))
def test_whatever_comes_it_is_read_or_refused(rest: bytes, kind: int) -> None:
    decoder = Decoder({("d", "t"): [(LoggedTable("t", "a"), KeyColumn(0, bytes.decode))]}, "log.000001")
    mapped = (1).to_bytes(6, "little") + b"\0\0\1d\0\1t\0\1\x0f\2\x14\0\1"
    try:
        decoder.take(pack("<IBIIIH", 0, 19, 1, 0, 0, 0) + mapped)
        decoder.take(pack("<IBIIIH", 0, kind, 1, 0, 0, 0) + (1).to_bytes(6, "little") + rest)
    except Unreadable:
        pass


@pytest.fixture(scope="module")
def emis_server(server: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    build(Plan("demo", 1, tmp_path_factory.mktemp("emis"), None, f"{server}/emis"), quiet=True)
    return server


async def test_schools_are_told_by_the_log_of_emis(files: Systems, emis_server: str, tmp_path: Path) -> None:
    server = emis_server
    query = 'subscription { schoolChanged(where: {districtCode: {eq: "KEC"}}) { change key node { name level } } }'
    sources = {"emis": SourceSettings(f"{server}/emis", log=LogSettings(server_id=4713))}
    parts = urlsplit(server)
    emis = MariaHospital(
        server, await asyncmy.connect(host=parts.hostname, port=parts.port, user="root", db="emis", autocommit=True)
    )
    moved = Moved(files.folder, files.services, sources=sources)
    async with live_desk(moved, tmp_path) as desk, desk.watch(query) as seat:
        assert (await seat.event())["change"] == "BEGUN"
        watch = desk.house.live.watches["education.School"]
        assert isinstance(watch, LogWatch)
        assert watch.reason is None
        await emis.do("UPDATE institutions SET name = 'Renamed' WHERE code = 'KEC-00007'")
        event = await seat.event()
        assert (event["change"], event["key"], event["node"]["name"]) == ("UPDATED", "KEC-00007", "Renamed")
        await emis.do("DELETE FROM institutions WHERE code = 'KEC-00007'")
        event = await seat.event()
        assert (event["change"], event["key"]) == ("DELETED", "KEC-00007")
        await emis.aclose()
