"""One gateway that serves, for all tests that only ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.houses import Systems
from tests.serving import Served, serving


@pytest.fixture(scope="session")
def served(files: Systems, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(files, tmp_path_factory.mktemp("served")) as one:
        yield one
