"""Departments that may be written to: a build of their own, a gateway that serves it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import start_services, stop
from tests.houses import Systems
from tests.live.sockets import Depot
from tests.serving import Served, serving

QUICK = """
[live]
recheck_s = 0.2
every_s = 0.3
init_s = 1.0
ping_s = 0.5
"""


@pytest.fixture(scope="package")
def working(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systems]:
    """The departments' systems on files, a copy that tests write into."""
    folder = tmp_path_factory.mktemp("working") / "demo"
    shutil.copytree(demo_folder, folder)
    process, urls = start_services(folder)
    yield Systems(folder, urls)
    stop(process)


@pytest.fixture(scope="package")
def depot(working: Systems) -> Depot:
    return Depot(working.folder / "lmis.sqlite")


@pytest.fixture(scope="package")
def live(working: Systems, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway in its own process."""
    with serving(working, tmp_path_factory.mktemp("live"), QUICK) as one:
        yield one
