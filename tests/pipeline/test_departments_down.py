"""A dead department never stops the province: what depended on it is null with one error, the rest stands."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.opening import open_house
from gateway.settings import Settings
from legacy.services.process import Services, start
from tests.cables import Cable, cable_to
from tests.houses import AUDITOR, AnyPrincipal, Desk, Remembered, Systems, desk_over, person
from tests.servers import PREFIX, free_port

DATABASES = {"education": ("emis",), "health": ("hmis", "lmis", "hr"), "finance": ("geo", "fabs")}
SERVICES = {"education": ("rtsm",), "health": (), "finance": ("fabs", "bpay")}
ROOTS = {
    "education": ("schools", "visits"), "health": ("facilities", "posts"),
    "finance": ("districts", "budgetLines", "transactions"),
}  # fmt: skip
LISTED = (f"{root}(first: 2) {{ nodes {{ __typename }} }}" for names in ROOTS.values() for root in names)
PROVINCE = f"{{ {' '.join(LISTED)} }}"
"""Something of every system of every department."""


@pytest.fixture(scope="module")
def own_services(demo_folder: Path) -> Iterator[Services]:
    """Services that may be stopped: nobody else uses them."""
    with start(demo_folder) as running:
        yield running


@dataclass(frozen=True, slots=True)
class Province:
    """A desk whose departments can be taken down one by one."""

    desk: Desk
    cables: dict[str, Cable]
    services: Services

    async def down(self, department: str) -> None:
        for name in DATABASES[department]:
            await self.cables[name].cut()
        for name in SERVICES[department]:
            self.services.stop_one(name)

    async def up(self, department: str) -> None:
        for name in DATABASES[department]:
            await self.cables[name].plug()
        for name in SERVICES[department]:
            self.services.start_one(name)


@asynccontextmanager
async def _asked_at(settings: Settings) -> AsyncIterator[Desk]:
    async with open_house(settings) as house:
        believer, ledger = AnyPrincipal(), Remembered()
        house.authenticator = believer  # type: ignore[assignment]
        house.ledger = ledger
        yield Desk(house, believer, ledger)


def _moved(settings: Settings, urls: dict[str, str]) -> Settings:
    sources = {
        name: msgspec.structs.replace(source, url=urls.get(name, source.url))
        for name, source in settings.sources.items()
    }
    return msgspec.structs.replace(settings, sources=sources)


@pytest.fixture
async def province(servers: Systems, own_services: Services, tmp_path: Path) -> AsyncIterator[Province]:
    settings = replace(servers, services=own_services.environment).settings(tmp_path)
    async with AsyncExitStack() as stack:
        cables, urls = {}, {}
        for names in DATABASES.values():
            for name in names:
                url = settings.sources[name].url
                assert url is not None
                default = ":3306" if url.startswith("mysql") else ":5432"
                assert default in url
                cables[name], urls[name] = await stack.enter_async_context(cable_to(url))
        desk = await stack.enter_async_context(_asked_at(_moved(settings, urls)))
        yield Province(desk, cables, own_services)


@pytest.mark.postgres
@pytest.mark.mariadb
@pytest.mark.parametrize("department", sorted(DATABASES))
async def test_the_other_departments_answer(province: Province, department: str) -> None:
    whole = await province.desk.data(PROVINCE, AUDITOR)
    await province.down(department)
    try:
        response = await province.desk.ask(PROVINCE, AUDITOR)
    finally:
        await province.up(department)
    lost = set(ROOTS[department])
    assert {name for name, value in response["data"].items() if value is None} == lost
    assert {name: value for name, value in response["data"].items() if name not in lost} == {
        name: value for name, value in whole.items() if name not in lost
    }
    assert {error["path"][0] for error in response["errors"]} == lost
    assert len(response["errors"]) == len(lost)
    for error in response["errors"]:
        told = error["extensions"]
        assert told["code"] == "SOURCE_UNAVAILABLE"
        assert told["department"] == department
        assert told["owner"] in error["message"]
        assert "127.0.0.1" not in error["message"]
    assert province.desk.ledger.last["faultCode"] == ["SOURCE_UNAVAILABLE"]
    assert await province.desk.data(PROVINCE, AUDITOR) == whole


TOTALS = """
{
  district(code: "KEC") {
    name
    facilities { totalCount aggregate { count } nodes { code } }
    positions { totalCount aggregate { count sum { filled } } }
  }
  facilities { totalCount aggregate(groupBy: [TYPE]) { count } }
}
"""


@pytest.mark.postgres
@pytest.mark.mariadb
async def test_totals_that_lack_a_part_are_null_never_smaller(province: Province) -> None:
    whole = await province.desk.data(TOTALS, AUDITOR)
    await province.cables["hmis"].cut()
    response = await province.desk.ask(TOTALS, AUDITOR)
    await province.cables["hmis"].plug()
    district = response["data"]["district"]
    assert district["name"] == "Kech"
    assert district["positions"] == whole["district"]["positions"]
    assert district["facilities"] is None
    assert response["data"]["facilities"] == {"totalCount": None, "aggregate": None}
    assert {error["extensions"]["department"] for error in response["errors"]} == {"health"}


@pytest.mark.postgres
@pytest.mark.mariadb
@pytest.mark.parametrize(
    ("system", "root", "department"),
    [
        pytest.param("emis", "schools", "education", id="mariadb"),
        pytest.param("hmis", "facilities", "health", id="postgresql"),
        pytest.param("rtsm", "visits", "education", id="rest"),
        pytest.param("fabs", "budgetLines", "finance", id="soap"),
    ],
)
async def test_a_system_that_hangs_is_given_up_at_the_deadline(
    province: Province, system: str, root: str, department: str
) -> None:
    desk, service = province.desk, system in SERVICES[department]
    await desk.data(PROVINCE, AUDITOR)
    desk.house.time_s = 0.8
    if service:
        province.services.pause(system)
    else:
        province.cables[system].block()
    try:
        response = await desk.ask(f"{{ {root} {{ totalCount }} posts {{ totalCount }} }}", AUDITOR)
    finally:
        if service:
            province.services.resume(system)
        else:
            await province.cables[system].cut()
    assert response["data"][root] == {"totalCount": None}
    assert response["data"]["posts"]["totalCount"] > 0
    (error,) = response["errors"]
    assert (error["extensions"]["department"], error["extensions"]["code"]) == (department, "DEADLINE")


@pytest.mark.parametrize(
    "query", ["{ schools(first: 1) { nodes { code } } }", "{ __schema { queryType { name } } }", "{ nonsense }"]
)
async def test_nothing_is_answered_when_the_ledger_cannot_write(files: Systems, tmp_path: Path, query: str) -> None:
    async with open_house(files.settings(tmp_path)) as house:
        house.authenticator = AnyPrincipal()  # type: ignore[assignment]
        desk = Desk(house, house.authenticator, Remembered())  # type: ignore[arg-type]
        await desk.ask(query)
        with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as connection:
            connection.execute("DROP TABLE ledger")
            connection.execute("CREATE VIEW ledger AS SELECT 1 AS seq, 'x' AS hash")
        response = await desk.ask(query)
    assert "data" not in response
    (error,) = response["errors"]
    assert error["extensions"]["code"] == "LEDGER_UNAVAILABLE"


async def test_the_house_opens_while_every_source_is_down(files: Systems, tmp_path: Path) -> None:
    settings = files.settings(tmp_path)
    nowhere = f"127.0.0.1:{free_port()}"
    urls = {
        "emis": f"mysql://nobody@{nowhere}/{PREFIX}_emis", "geo": f"postgresql://nobody@{nowhere}/geo",
        "fabs": f"postgresql://nobody@{nowhere}/fabs", "hmis": f"postgresql://nobody@{nowhere}/hmis",
        "lmis": f"sqlite:///{tmp_path}/missing.sqlite", "hr": f"sqlite:///{tmp_path}/missing.sqlite",
        "rtsm": f"http://{nowhere}", "fabs_soap": f"http://{nowhere}/soap/fabs", "bpay": f"http://{nowhere}",
        "bpay_report": f"http://{nowhere}",
    }  # fmt: skip
    settings = _moved(settings, urls)
    gone = {
        name: msgspec.structs.replace(source, folder=str(tmp_path / "gone") if source.folder else None)
        for name, source in settings.sources.items()
    }
    async with _asked_at(msgspec.structs.replace(settings, sources=gone)) as desk:
        told = await desk.data("{ __schema { queryType { name } } catalog { departments { name } } }")
        names = [each["name"] for each in told["catalog"]["departments"]]
        assert names == ["education", "health", "finance", "labour", "province", "oversight"]
        response = await desk.ask(
            "{ schools { nodes { code } } districts { nodes { code } } facilities { nodes { code } } "
            "stocks { nodes { code } } visits { nodes { number } } budgetLines { nodes { code } } "
            "transactions { nodes { number } } examResults { nodes { grade } } }",
            AUDITOR,
        )
        assert set(response["data"].values()) == {None}
        codes = {error["extensions"]["code"] for error in response["errors"]}
        assert codes == {"SOURCE_UNAVAILABLE"}
        assert len(response["errors"]) == len(response["data"])


async def test_a_value_no_codec_reads_is_null_alone(files: Systems, tmp_path: Path) -> None:
    folder = tmp_path / "legacy"
    shutil.copytree(files.folder, folder)
    with closing(sqlite3.connect(folder / "hmis.sqlite")) as connection:
        connection.execute("UPDATE organisationunit SET fac_type = 'XX' WHERE code IN ('HF-KEC-0001', 'HF-KEC-0002')")
        connection.commit()
    async with desk_over(replace(files, folder=folder), tmp_path) as desk:
        response = await desk.ask(
            '{ facilities(where: {districtCode: {eq: "KEC"}}) { totalCount nodes { code name type status } } }',
            person("department_officer", department="health"),
        )
    nodes: list[dict[str, Any]] = response["data"]["facilities"]["nodes"]
    assert len(nodes) == response["data"]["facilities"]["totalCount"] > 2
    assert [node["code"] for node in nodes if node["type"] is None] == ["HF-KEC-0001", "HF-KEC-0002"]
    assert all(node["code"] and node["name"] and node["status"] for node in nodes)
    (error,) = response["errors"]
    assert error["path"] == ["facilities"]
    assert "Facility.type: a value of hmis.organisationunit.fac_type cannot be read" in error["message"]
    assert error["extensions"]["department"] == "health"
    assert "XX" not in error["message"]
