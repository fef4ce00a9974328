"""The departments' systems, built and started once a session."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from legacy.build import Plan, build
from legacy.services.running import SERVICES
from tests.houses import Desk, Systems, desk_over
from tests.servers import PREFIX, need_mariadb, need_postgres

STORAGES = ("files", pytest.param("servers", marks=[pytest.mark.postgres, pytest.mark.mariadb]))


def start_services(folder: Path, *arguments: str) -> tuple[subprocess.Popen[str], dict[str, str]]:
    """The REST and SOAP systems of a build, in their own process, on free ports; their addresses by variable name."""
    command = [sys.executable, "-m", "legacy.services", "--store", str(folder)]
    ports = [part for name in SERVICES for part in (f"--{name}-port", "0")]
    process = subprocess.Popen([*command, *ports, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait(10)
    if process.stdout is not None:
        process.stdout.close()


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo build on files."""
    folder = tmp_path_factory.mktemp("legacy")
    build(Plan("demo", 1, folder), quiet=True)
    return folder


@pytest.fixture(scope="session")
def services(demo_folder: Path) -> Iterator[dict[str, str]]:
    process, urls = start_services(demo_folder)
    yield urls
    stop(process)


@pytest.fixture(scope="session")
def files(demo_folder: Path, services: dict[str, str]) -> Systems:
    """Every database a SQLite file."""
    return Systems(demo_folder, services)


@pytest.fixture(scope="session")
def servers(demo_folder: Path, services: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Systems:
    """Health and finance on PostgreSQL, education on MariaDB, the same rows."""
    postgres, mariadb = need_postgres(), need_mariadb()
    plan = Plan(
        "demo", 1, tmp_path_factory.mktemp("loaded"), f"{postgres}/{PREFIX}_health", f"{mariadb}/{PREFIX}_emis",
        f"{postgres}/{PREFIX}_finance",
    )  # fmt: skip
    build(plan, quiet=True)
    return Systems(demo_folder, services, postgres, mariadb)


@pytest.fixture(params=STORAGES)
def systems(request: pytest.FixtureRequest) -> Systems:
    """The departments' systems on each storage in turn."""
    found: Systems = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def desk(systems: Systems, tmp_path: Path) -> AsyncIterator[Desk]:
    """A house over every storage in turn."""
    async with desk_over(systems, tmp_path) as desk:
        yield desk


@pytest.fixture
async def file_desk(files: Systems, tmp_path: Path) -> AsyncIterator[Desk]:
    """A house over files, for what does not depend on the storage."""
    async with desk_over(files, tmp_path) as desk:
        yield desk
