"""Changes told by a database's own log. What is watched here is compared only every hour: what is told in time, the log
told."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.live.logs import LogWatch
from gateway.live.running import Asking
from tests.live.desks import LiveDesk, Seat, named
from tests.live.hospitals import Hospital, hospital_desk, maria_hospital, postgres_hospital
from tests.own_servers import own_mariadb, own_postgres

PATIENTS = "subscription ($a: String) { patientChanged(after: $a) { change cursor key node { number name } } }"
BEDS = "subscription { bedChanged { change key node { state ward } } }"
VISITORS = "subscription { visitorChanged { change key } }"
SURGEON = named("surgeon", "clinician", facility="A")
ATTACKS = sorted(path for path in (Path(__file__).parent / "log_attacks").iterdir() if path.is_dir())
names = (f"hospital_{number}" for number in itertools.count(1))


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[str]:
    with own_postgres(wal_level="logical") as url:
        yield url


@pytest.fixture(scope="module")
def mariadb_server() -> Iterator[str]:
    with own_mariadb(**{"log-bin": "log", "binlog-format": "ROW", "server-id": "1"}) as url:
        yield url


@pytest.fixture(
    params=[
        pytest.param("postgres", marks=pytest.mark.postgres), pytest.param("mariadb", marks=pytest.mark.mariadb),
    ]
)  # fmt: skip
async def hospital(request: pytest.FixtureRequest) -> AsyncIterator[Hospital]:
    make: Any = {"postgres": postgres_hospital, "mariadb": maria_hospital}[request.param]
    found: Hospital = await make(request.getfixturevalue(f"{request.param}_server"), next(names))
    yield found
    await found.aclose()


@pytest.fixture
async def desk(hospital: Hospital, tmp_path: Path) -> AsyncIterator[LiveDesk]:
    async with hospital_desk(hospital, tmp_path) as one:
        yield one


async def begun(seat: Seat) -> None:
    assert (await seat.event())["change"] == "BEGUN"


async def told(seat: Seat, count: int = 1) -> list[tuple[str, str]]:
    return [(event["change"], event["key"]) for event in [await seat.event() for _ in range(count)]]


def watch_of(desk: LiveDesk, record: str) -> LogWatch:
    watch = desk.house.live.watches[f"hospital.{record}"]
    assert isinstance(watch, LogWatch)
    return watch


class Looks:
    """How often everything was read, and how often only certain rows."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.whole = self.keyed = 0
        inner = Asking.look

        async def look(asking: Asking, keys: tuple[Any, ...] | None, **options: Any) -> Any:
            self.whole += keys is None
            self.keyed += keys is not None
            return await inner(asking, keys, **options)

        monkeypatch.setattr(Asking, "look", look)


async def test_rows_added_altered_and_struck_are_told_by_the_log_alone(
    desk: LiveDesk, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch)
    async with desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        await hospital.do("INSERT INTO patients VALUES ('x', 3, 'Mahnaz', 'A')")
        assert await told(seat) == [("INSERTED", "3")]
        await hospital.do("UPDATE patients SET nm = 'Mahnaz Baloch' WHERE patient_no = 3")
        event = await seat.event()
        assert (event["change"], event["node"]) == ("UPDATED", {"number": 3, "name": "Mahnaz Baloch"})
        await hospital.do("DELETE FROM patients WHERE patient_no = 3")
        assert await told(seat) == [("DELETED", "3")]
        assert looks.whole == 1, "when the feed began, and never again"
        assert looks.keyed == 3


async def test_a_key_that_is_altered_is_one_row_gone_and_another_come(desk: LiveDesk, hospital: Hospital) -> None:
    async with desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        await hospital.do("UPDATE patients SET patient_no = 10 WHERE patient_no = 1")
        assert sorted(await told(seat, 2)) == [("DELETED", "1"), ("INSERTED", "10")]


async def test_what_is_rolled_back_was_never_there(desk: LiveDesk, hospital: Hospital) -> None:
    async with desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        await hospital.together("INSERT INTO patients VALUES ('x', 3, 'Nobody', 'A')", kept=False)
        await hospital.do("INSERT INTO patients VALUES ('x', 4, 'Somebody', 'A')")
        assert await told(seat) == [("INSERTED", "4")]


async def test_one_transaction_is_told_whole(desk: LiveDesk, hospital: Hospital) -> None:
    async with desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        await hospital.together(
            "INSERT INTO patients VALUES ('x', 5, 'a', 'A'), ('x', 6, 'b', 'A'), ('x', 7, 'c', 'B')",
            "DELETE FROM patients WHERE patient_no = 5", "UPDATE patients SET nm = 'd' WHERE patient_no = 1",
        )  # fmt: skip
        assert sorted(await told(seat, 2)) == [("INSERTED", "6"), ("UPDATED", "1")]


async def test_a_table_that_is_emptied_at_once_is_compared(desk: LiveDesk, hospital: Hospital) -> None:
    async with desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        await hospital.do("TRUNCATE TABLE patients")
        assert await told(seat) == [("DELETED", "1")]


async def test_a_table_rows_are_joined_from_is_told_too(desk: LiveDesk, hospital: Hospital) -> None:
    async with desk.watch(BEDS) as seat:
        await begun(seat)
        await hospital.do("UPDATE wards SET title = 'Surgery, new wing' WHERE ward_cd = 'A'")
        event = await seat.event()
        assert (event["key"], event["node"]["ward"]) == ("A/1", "Surgery, new wing")
        await hospital.do("DELETE FROM beds WHERE id = 1")
        assert await told(seat) == [("DELETED", "A/1")]
        watch = watch_of(desk, "Bed")
        assert watch.otherwise is not None
        assert watch.otherwise.polls == 0, "its marks are not asked for while the log is read"


async def test_a_connection_that_is_cut_loses_nothing(desk: LiveDesk, hospital: Hospital) -> None:
    async with desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        for number in range(20, 24):
            await hospital.cut()
            await hospital.do(f"INSERT INTO patients VALUES ('x', {number}, 'a', 'A')")
            assert await told(seat) == [("INSERTED", str(number))]
        await hospital.do("DELETE FROM patients WHERE patient_no = 20")
        assert await told(seat) == [("DELETED", "20")]
        assert desk.house.live.logs["ward"].opened > 2, "it came back to the log"


async def test_nothing_is_left_in_the_database_when_the_last_one_leaves(desk: LiveDesk, hospital: Hospital) -> None:
    async with desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        async with desk.watch(BEDS) as other:
            await begun(other)
            assert await hospital.readers() == 1
        assert await hospital.readers() == 1
    await until_nobody_reads(hospital)
    async with desk.watch(BEDS) as seat:
        await begun(seat)
        await hospital.do("UPDATE beds SET state = 'being cleaned' WHERE id = 2")
        assert await told(seat) == [("UPDATED", "B/1")]


async def until_nobody_reads(hospital: Hospital) -> None:
    async with asyncio.timeout(20):
        while await hospital.readers():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_thousand_subscribers_are_one_reader(desk: LiveDesk, hospital: Hospital) -> None:
    async with AsyncExitStack() as stack:
        seats = [
            await stack.enter_async_context(desk.watch(PATIENTS, named(f"s{number}", "clinician", facility="A")))
            for number in range(1_000)
        ]
        for seat in seats:
            await begun(seat)
        assert await hospital.readers() == 1
        await hospital.do("DELETE FROM patients WHERE patient_no = 1")
        for seat in seats:
            assert await told(seat) == [("DELETED", "1")]
        assert desk.house.live.logs["ward"].opened == 1


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda path: path.name)
async def test_the_attack_tells_nothing(attack: Path, desk: LiveDesk, hospital: Hospital) -> None:
    """The log tells of the attack's statements, then of a row that is the surgeon's to see: that is all there is."""
    query = (attack / "query.graphql").read_text()
    statements = [one for one in (attack / "statements.sql").read_text().split(";\n") if one.strip()]
    async with desk.watch(query, SURGEON) as seat:
        await begun(seat)
        for statement in statements:
            await hospital.do(statement)
            await asyncio.sleep(0.05)
        await hospital.do("INSERT INTO patients VALUES ('x', 90, 'Own', 'A')")
        assert await told(seat) == [("INSERTED", "90")]
    assert len(desk.entries("batch")) == 2, "BEGUN, and that one row"


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda path: path.name)
def test_every_attack_says_why(attack: Path) -> None:
    assert 1 <= len((attack / "why.md").read_text().strip().splitlines()) <= 4
    assert {path.name for path in attack.iterdir()} == {"why.md", "query.graphql", "statements.sql"}


async def test_a_row_that_becomes_ones_to_see_is_told_from_then_on(desk: LiveDesk, hospital: Hospital) -> None:
    async with desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        await hospital.do("UPDATE patients SET ward_cd = 'A' WHERE patient_no = 2")
        assert await told(seat) == [("INSERTED", "2")]
        await hospital.do("UPDATE patients SET ward_cd = 'B' WHERE patient_no = 2")
        assert await told(seat) == [("DELETED", "2")]


async def test_a_feed_goes_on_after_the_gateway_was_down(hospital: Hospital, tmp_path: Path) -> None:
    async with hospital_desk(hospital, tmp_path) as first, first.watch(PATIENTS, SURGEON) as seat:
        cursor = (await seat.event())["cursor"]
    await until_nobody_reads(hospital)
    await hospital.do("DELETE FROM patients WHERE patient_no = 1", "INSERT INTO patients VALUES ('x', 8, 'New', 'A')")
    async with hospital_desk(hospital, tmp_path) as second, second.watch(PATIENTS, SURGEON, a=cursor) as seat:
        assert sorted(await told(seat, 2)) == [("DELETED", "1"), ("INSERTED", "8")]
        await hospital.do("DELETE FROM patients WHERE patient_no = 8")
        assert await told(seat) == [("DELETED", "8")]


async def test_a_run_of_changes_and_cuts_comes_to_what_is_there(desk: LiveDesk, hospital: Hospital) -> None:
    """Rows come, change, move between wards and go, in transactions kept and undone, while the connection is cut now
    and then: whoever keeps what was told has what the surgeon may see in the end."""
    rng = random.Random(7)
    kept: dict[str, str | None] = {"1": "Gul"}
    truth: dict[int, tuple[str, str]] = {1: ("Gul", "A"), 2: ("Zarak", "B")}

    def statement(rows: dict[int, tuple[str, str]]) -> str:
        number, name, place = rng.randrange(1, 40), f"n{rng.randrange(1_000)}", rng.choice("AAB")
        if number not in rows:
            rows[number] = (name, place)
            return f"INSERT INTO patients VALUES ('x', {number}, '{name}', '{place}')"
        if rng.random() < 0.3:
            del rows[number]
            return f"DELETE FROM patients WHERE patient_no = {number}"
        rows[number] = (name, place)
        return f"UPDATE patients SET nm = '{name}', ward_cd = '{place}' WHERE patient_no = {number}"

    async with desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        for turn in range(120):
            after = dict(truth)
            keep = rng.random() < 0.8
            await hospital.together(*(statement(after) for _ in range(rng.randrange(1, 4))), kept=keep)
            truth = after if keep else truth
            if turn % 30 == 17:
                await hospital.cut()
            await asyncio.sleep(rng.random() * 0.02)
        await hospital.do("INSERT INTO patients VALUES ('x', 99, 'last', 'A')")
        wanted = {str(number): name for number, (name, place) in truth.items() if place == "A"} | {"99": "last"}
        async with asyncio.timeout(20):
            while kept != wanted:
                event = await seat.event()
                if event["change"] == "DELETED":
                    del kept[event["key"]]
                else:
                    assert (event["change"] == "INSERTED") == (event["key"] not in kept)
                    kept[event["key"]] = event["node"]["name"]


async def test_many_changes_are_told_to_their_end(desk: LiveDesk, hospital: Hospital) -> None:
    """Faster than they can be looked at, and more in one transaction than are told one by one."""
    values = ", ".join(f"({number}, 'new {number}', 'A', 'free', NULL)" for number in range(1_000, 12_000))
    async with desk.watch(PATIENTS, SURGEON) as seat:
        await begun(seat)
        for number in range(100, 160):
            await hospital.do(f"INSERT INTO patients VALUES ('x', {number}, 'n', 'A')")
        assert sorted(await told(seat, 60)) == [("INSERTED", str(number)) for number in range(100, 160)]
    async with desk.watch("subscription { live { beds { totalCount } } }") as seat:
        assert (await seat.next())["data"]["live"]["beds"]["totalCount"] == 2
        await hospital.do(f"INSERT INTO beds VALUES {values}")
        assert (await seat.next())["data"]["live"]["beds"]["totalCount"] == 11_002
