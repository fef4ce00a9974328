"""A till for the session; each test takes bills of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.acting.till import Till, till_over
from tests.houses import Desk, Systems, desk_over


@pytest.fixture(scope="session")
def tills(files: Systems, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Till, Systems]]:
    with till_over(files, tmp_path_factory.mktemp("till")) as both:
        yield both


@pytest.fixture
def till(tills: tuple[Till, Systems]) -> Iterator[Till]:
    """Nothing goes wrong with it before a test says so."""
    yield tills[0]
    tills[0].switch()


@pytest.fixture
async def counter(tills: tuple[Till, Systems], till: Till, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk whose house pays at the till."""
    async with desk_over(tills[1], tmp_path) as desk:
        yield desk
