"""What the engine works out is what the gateway itself works out, over generated tables and in the corners."""

from __future__ import annotations

import asyncio
import datetime as dt
import resource
import threading
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from gateway.columnwise import Afar, evaluate
from gateway.engine import Engines, Session, connect
from gateway.table import WITHHELD, PastBound, Table
from schema.derive import (
    Measured,
    Query,
    both,
    cell,
    count,
    distinct,
    either,
    lacks,
    least,
    most,
    opposite,
    total,
    values,
)
from schema.derive.nodes import Given, Grouped, Joined, Kept, Node, Together
from schema.derive.shape import children
from schema.scalars import KARACHI

MANY = 10**6
MULTIPLIED = (Joined, Kept, Grouped, Together)


class EngineOnly(Session):
    """Does every step in the engine, however few the rows are."""

    def table(self, node: Node, given: dict[int, Table]) -> Table:
        return self.brought(self._far(node, given), MANY)

    def _far(self, node: Node, given: dict[int, Table]) -> Afar | Table:
        if isinstance(node, Given):
            return given[node.step]
        assert isinstance(node, MULTIPLIED)
        return self.worked(node, [self._far(child, given) for child in children(node)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engine")


def afar(folder: Path, node: Node, given: dict[int, Table]) -> list[Any]:
    session = EngineOnly(Engines(folder))
    session.connection = connect(session.engines, folder / "own")
    try:
        return session.table(node, given).rows()
    finally:
        session.connection.close()


def agree(folder: Path, query: Query, *tables: Sequence[tuple[Any, ...]], width: int = 3) -> list[Any]:
    given = {at: Table.of(list(rows), width) for at, rows in enumerate(tables)}
    far, near = afar(folder, query.node, given), evaluate(query.node, given).rows()
    assert sorted(map(repr, map(plain, far))) == sorted(map(repr, map(plain, near)))
    return far


def plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Decimals by value and type, not by how many zeros they are written with; moments with their zone."""
    return tuple(
        ("decimal", str(one.normalize())) if isinstance(one, Decimal) and one else repr(one + 0) if one == 0 else one
        for one in row
    )


ONE, TWO = Query(Given(0, ("key", "text", "amount"))), Query(Given(1, ("of", "word", "more")))
KEYS = st.none() | st.integers(-1, 3)
TEXTS = st.none() | st.sampled_from(["", "a", "A", "z", "\uffff", "\U0001f600", "a\0b", "é", "e\u0301"])
SAME = st.sampled_from([Decimal("1"), Decimal("1.0"), Decimal("2E+3")])
AMOUNTS = st.none() | st.decimals(-1000, 1000, places=2) | SAME
ROWS = st.lists(st.tuples(KEYS, TEXTS, AMOUNTS), max_size=8)
LEAVES = [
    cell.key == 1, cell.key != 1, cell.key >= 0, cell.text < "b", cell.text != "a", cell.amount > Decimal("0.5"),
    cell.amount <= Decimal("1.005"), lacks("text"), lacks("amount"), cell.text == cell.text,
]  # fmt: skip
TESTS = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.builds(opposite, inner) | st.builds(either, inner, inner) | st.builds(both, inner, inner),
    max_leaves=5,
)
JOINS = {
    "inner": Query.join, "left": Query.left_join, "without": Query.without, "full": Query.match,
}  # fmt: skip
ON = st.sampled_from([{"key": "of"}, {"text": "word"}, {"amount": "more"}, {"key": "of", "text": "word"}, {}])


@settings(derandomize=True, deadline=None, max_examples=150)
@drawn(ROWS, ROWS, st.sampled_from(sorted(JOINS)), ON, TESTS, TESTS, st.sampled_from([(), ("key",), ("text", "key")]))
def test_the_engine_says_what_the_gateway_says(
    folder: Path, left: Any, right: Any, kind: str, on: Any, test: Any, only: Any, by: Any
) -> None:
    joined = JOINS[kind](ONE, TWO, **on)
    agree(folder, joined.keep(test), left, right)
    agree(folder, joined.together(ONE), left, right)
    measures = {
        "count": count(), "some": count(only), "values": values("amount"), "kinds": distinct("text"),
        "total": total("amount"), "part": total("amount", only), "counted": Measured("counted", "key", only),
        "least": least("text"), "most": most("text"), "low": least("amount"), "high": most("amount"),
    }  # fmt: skip
    agree(folder, joined.keep(test).group(*by, **measures), left, right)


def test_sums_of_large_decimals_are_exact(folder: Path) -> None:
    large = Decimal("99999999999999999999999999999999.99")
    rows = [(1, "a", large), (2, "a", large), (3, "a", Decimal("0.02"))]
    ((found,),) = agree(folder, ONE.group(sum=total("amount")), rows)
    assert found == Decimal("200000000000000000000000000000000.00")


@pytest.mark.parametrize("kind", sorted(JOINS))
def test_decimals_are_compared_whatever_their_scale(folder: Path, kind: str) -> None:
    left = [(1, "a", Decimal("1")), (2, "b", Decimal("20"))]
    right = [(1, "x", Decimal("1.00")), (3, "y", Decimal("0.20")), (4, "z", Decimal("0.3"))]
    agree(folder, JOINS[kind](ONE, TWO, amount="more"), left, right)
    agree(folder, ONE.together(Query(Given(1, ("key", "text", "amount")))), left, right)
    for test in (cell.amount > Decimal("0.5"), cell.amount <= Decimal("1.005"), cell.amount == Decimal("20.000")):
        agree(folder, ONE.keep(test), left)
        agree(folder, ONE.keep(test), right)
    agree(folder, JOINS[kind](ONE, TWO, key="of").keep(*[cell.amount >= cell.more] * (kind != "without")), left, right)


def test_truth_values_are_held_and_grouped(folder: Path) -> None:
    rows = [(True, "a", None), (False, "a", None), (None, "b", None)]
    agree(folder, ONE.keep(cell.key == True).group("key", rows=count()), rows)  # noqa: E712
    agree(folder, ONE.group("text", least=least("key"), most=most("key"), kinds=distinct("key")), rows)
    agree(folder, ONE.join(TWO, key="of").group("key", none=total("amount")), rows, rows)


def test_days_and_moments_keep_their_zone_and_order(folder: Path) -> None:
    at = dt.datetime(2025, 7, 1, 0, 30, tzinfo=KARACHI)
    rows = [(dt.date(2025, 6, 30), at, at), (dt.date(2024, 2, 29), at - dt.timedelta(microseconds=1), None)]
    found = agree(folder, ONE.keep(cell.text <= at).group("key", last=most("text")), rows)
    assert {str(moment.tzinfo) for _, moment in found} == {str(KARACHI)}
    agree(folder, ONE.keep(cell.text < dt.datetime(2025, 6, 30, 19, 30, tzinfo=dt.UTC)), rows)
    agree(folder, ONE.keep(cell.key > dt.date(2025, 1, 1)), rows)


@pytest.mark.parametrize(
    "cells",
    [
        [2**63], [1, "1"], [True, 1], [Decimal("NaN")], [Decimal("1E+38")], [Decimal("1E-39")], [1.5], ["\ud800"],
        [(1,)], [dt.datetime(2025, 1, 1)],
        [dt.datetime(2025, 1, 1, tzinfo=KARACHI), dt.datetime(2025, 1, 1, tzinfo=dt.UTC)],
    ],
)  # fmt: skip
def test_what_cannot_be_held_exactly_is_refused(folder: Path, cells: list[Any]) -> None:
    with pytest.raises(PastBound):
        afar(folder, Kept(Given(0, ("key",)), ()), {0: Table.of([(one,) for one in cells], 1)})


def test_withheld_cells_do_not_go_there(folder: Path) -> None:
    with pytest.raises(PastBound):
        afar(folder, Kept(Given(0, ("key",)), ()), {0: Table.of([(WITHHELD,)], 1, withheld=True)})


def test_a_sum_past_what_it_holds_is_refused_not_rounded(folder: Path) -> None:
    held = {0: Table.of([("a", Decimal(9 * 10**37))] * 2, 2)}
    node = Query(Given(0, ("key", "amount"))).group(sum=total("amount")).node
    engines = Engines(folder)
    session = EngineOnly(engines)
    session.connection = connect(engines, folder / "own")
    with pytest.raises(duckdb.Error):
        session.table(node, held)


# Bounds

PAIRED = ONE.join(TWO, key="of")


def multiplied(rows: int) -> dict[int, Table]:
    return {0: Table.of([(1, "a", at) for at in range(rows)], 3), 1: Table.of([(1, "b", at) for at in range(rows)], 3)}


def test_a_join_is_refused_before_it_is_made() -> None:
    assert evaluate(PAIRED.node, multiplied(10), 100).size == 100
    with pytest.raises(PastBound):
        evaluate(PAIRED.node, multiplied(100_000), 1_000_000)


def test_spans_of_months_past_the_bound_are_refused_while_they_are_made() -> None:
    spans = {0: Table.of([(1, dt.date(1, 1, 1), dt.date(9998, 12, 31))] * 50, 3)}
    for query in (ONE.spread("text", "amount"), ONE.held("key", on="text", months=119_000)):
        with pytest.raises(PastBound):
            evaluate(query.node, spans, 1_000)


def run(engines: Engines, query: Query, given: dict[int, Table], bound: int, time_s: float = 60.0) -> Table:
    async def ran() -> Table:
        return await engines.evaluate(query.node, given, bound, asyncio.get_running_loop().time() + time_s)

    return asyncio.run(ran())


def test_what_the_engine_brings_back_goes_on_in_the_gateway_and_nothing_is_left(tmp_path: Path) -> None:
    found = run(Engines(tmp_path), PAIRED.group("key", pairs=count()).compute(), multiplied(100), 50)
    assert found.rows() == [(1, 10_000)]
    assert not list(tmp_path.iterdir())


def test_what_would_come_back_past_the_bound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PastBound):
        run(Engines(tmp_path), PAIRED, multiplied(100), 50)
    assert not list(tmp_path.iterdir())


def test_it_is_stopped_at_the_deadline(tmp_path: Path) -> None:
    endless = PAIRED.join(Query(Given(1, ("again", "w", "m"))), key="again").keep(cell.amount > cell.more)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        run(Engines(tmp_path), endless.group("key", pairs=count()), multiplied(20_000), 50, time_s=0.5)
    assert time.monotonic() - began < 5
    assert not list(tmp_path.iterdir())
    assert not [one for one in threading.enumerate() if one is not threading.main_thread() and not one.daemon]


def test_what_a_killed_process_left_is_swept_and_what_another_holds_is_not(tmp_path: Path) -> None:
    import fcntl

    for name in ("left", "held"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lock").touch()
    with (tmp_path / "held" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        Engines(tmp_path).sweep()
        assert [one.name for one in tmp_path.iterdir()] == ["held"]


@pytest.mark.parametrize(
    "attempt",
    [
        "SELECT * FROM read_csv('/etc/hostname')", "SELECT * FROM read_text('http://127.0.0.1:1/')",
        "ATTACH '/tmp/engine_attached.db'", "COPY (SELECT 1) TO '/tmp/engine_copied.csv'", "INSTALL httpfs",
        "LOAD httpfs", "SET memory_limit = '64GB'", "SET enable_external_access = true", "SELECT * FROM pytest",
    ],
)  # fmt: skip
def test_the_engine_reaches_nothing_outside(tmp_path: Path, attempt: str) -> None:
    connection = connect(Engines(tmp_path), tmp_path)
    with pytest.raises(duckdb.Error):
        connection.execute(attempt)
    connection.close()


@pytest.mark.long
def test_a_join_of_twenty_five_million_rows_takes_little_memory(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    query = PAIRED.keep(cell.amount >= cell.more).group("key", pairs=count(), least=least("amount"))
    found = run(Engines(tmp_path), query, multiplied(5_000), 1_000_000)
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{time.monotonic() - began:.2f} s, {grown_mb:.0f} MB more")
    assert found.rows() == [(1, 12_502_500, 0)]
    assert grown_mb < 400
