"""The measurements measure what they say: the code written by hand gives the gateway's answers, with the same calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import report
from bench.district import run
from bench.measure import Comparison, Figures
from bench.operations import OPERATIONS
from bench.systems import Systems
from tests.servers import PREFIX, need_mariadb, need_postgres


@pytest.mark.postgres
@pytest.mark.mariadb
def test_the_gateway_and_the_code_written_by_hand_say_the_same(tmp_path: Path) -> None:
    systems = Systems("demo", need_postgres(), need_mariadb(), tmp_path, f"{PREFIX}_bench")
    systems.prepare()
    found = run(systems, OPERATIONS, (2,), 1, 0.1, lambda comparison: None)
    assert [(one.gateway.calls, one.by_hand.calls) for one in found] == [(1, 1), (1, 1), (2, 2), (3, 3)]
    assert all(one.gateway.bytes == one.by_hand.bytes for one in found)
    assert report.table(found).count("\n") == len(OPERATIONS)


def test_the_table_tells_both_sides_where_they_differ() -> None:
    one = Comparison("Some", 32, Figures(1.5, 100.0, 234, 2), Figures(1.0, 200.0, 234, 1), 1.5, (1.5,))
    head, line = report.table([one]).splitlines()
    assert head.split()[:2] == ["operation", "at"]
    assert line.split() == ["Some", "32", "1.500", "1.000", "1.50", "100", "200", "0.50", "2/1", "234"]
