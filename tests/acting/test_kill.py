"""The gateway's process is ended while it pays: no payment is lost, none is made twice, and the books agree."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.acting.killing import PATIENCE_S, Mortal, check_books, mortal
from tests.acting.till import Till, order, till_over
from tests.houses import Systems

FAULTS = {"late": 10, "late_before": 5, "lost": 10, "broken": 10, "error_before": 5, "error_after": 5, "twice": 10}
BEFORE_IT_LEFT = ("received", "checked", "recorded")
AFTER = ("sent", "called", "settled", "recorded again")
AGAIN = ("resolving", "sending again")


@pytest.fixture
def own_till(files: Systems, tmp_path: Path) -> Iterator[tuple[Till, Systems, set[int]]]:
    """A till whose books nobody else writes to, and the transactions that are there already."""
    folder = tmp_path / "till"
    folder.mkdir()
    with till_over(files, folder) as (till, systems):
        yield till, systems, {one["txn_id"] for one in till.rows("SELECT txn_id FROM transactions")}


@pytest.mark.long
@pytest.mark.parametrize("step", BEFORE_IT_LEFT + AFTER)
async def test_ended_at_a_step_it_pays_once(
    step: str, own_till: tuple[Till, Systems, set[int]], tmp_path: Path
) -> None:
    till, systems, before = own_till
    with mortal(systems, tmp_path) as (gateway, token):
        await _ended_at(step, gateway, token, till, before)


async def _ended_at(step: str, gateway: Mortal, token: str, till: Till, before: set[int]) -> None:
    bill = till.bill()
    gateway.start(step)
    variables = order(bill, "key-at-a-step")
    _ask_until_ended(gateway, token, variables)
    assert gateway.wait_until_ended() == -9
    gateway.start()
    if step in BEFORE_IT_LEFT:
        assert till.paid(bill["psid"]) == []
        assert [row["state"] for row in gateway.outbox()] == ["RECEIVED"]
    else:
        gateway.wait_for_states("CONFIRMED")  # by itself: nobody asks again
    assert gateway.pay_until_final(token, variables)["state"] == "CONFIRMED"
    gateway.stop()
    await check_books(gateway, till, before)


def _ask_until_ended(gateway: Mortal, token: str, variables: dict[str, Any]) -> None:
    """One request that reaches it: until it listens, nothing does."""
    until = time.monotonic() + PATIENCE_S
    while not list(gateway.folder.glob("at *")):
        assert time.monotonic() < until, "the step was never passed"
        gateway.pay(token, variables)
        time.sleep(0.05)


@pytest.mark.long
@pytest.mark.parametrize("step", AGAIN)
async def test_ended_while_it_finds_out_it_pays_once(
    step: str, own_till: tuple[Till, Systems, set[int]], tmp_path: Path
) -> None:
    till, systems, before = own_till
    with mortal(systems, tmp_path) as (gateway, token):
        till.switch(broken=100)
        variables = order(till.bill(), "key-at-a-step")
        gateway.start(step)
        _ask_until_ended(gateway, token, variables)
        assert gateway.wait_until_ended() == -9
        till.switch()
        gateway.start()
        gateway.wait_for_states("CONFIRMED")
        assert gateway.pay_until_final(token, variables)["state"] == "CONFIRMED"
        gateway.stop()
        await check_books(gateway, till, before)


async def test_two_ends_lose_and_double_nothing(own_till: tuple[Till, Systems, set[int]], tmp_path: Path) -> None:
    till, systems, before = own_till
    with mortal(systems, tmp_path) as (gateway, token):
        await _pay_through_kills(gateway, token, till, before, payments=24, kills=2)


@pytest.mark.long
async def test_a_thousand_payments_through_fifty_ends(
    own_till: tuple[Till, Systems, set[int]], tmp_path: Path
) -> None:
    till, systems, before = own_till
    with mortal(systems, tmp_path) as (gateway, token):
        await _pay_through_kills(gateway, token, till, before, payments=1000, kills=50)


async def _pay_through_kills(
    gateway: Mortal, token: str, till: Till, before: set[int], *, payments: int, kills: int
) -> None:
    """Whatever the clients were told, the books say too."""
    settled = pay_through_kills(gateway, token, till, payments, kills)
    assert gateway.kills == kills
    assert len(settled) == payments
    rows = await check_books(gateway, till, before)
    assert {row["state"] for row in rows} == {"CONFIRMED"}
    assert {one["id"]: one["state"] for one in settled} == {row["id"]: row["state"] for row in rows}
    assert sum(till.met().values()) > payments / 4, "the department's answers went well"


def pay_through_kills(gateway: Mortal, token: str, till: Till, payments: int, kills: int) -> list[dict[str, Any]]:
    """Eight clients pay; whenever some more payments are through, the process is ended at a random moment."""
    chance = random.Random(payments)
    till.switch(late_s=0.15, seed=payments, **FAULTS)
    orders = [order(till.bill(), f"key-random-{number}") for number in range(payments)]
    settled: list[dict[str, Any]] = []
    given_up = threading.Event()

    def client(variables: dict[str, Any]) -> None:
        try:
            settled.append(gateway.pay_until_final(token, variables))
        except BaseException:
            given_up.set()
            raise

    gateway.start()
    with ThreadPoolExecutor(8) as clients:
        waiting = [clients.submit(client, one) for one in orders]
        while gateway.kills < kills and not given_up.is_set():
            goal = (gateway.kills + 1) * payments // (kills + 1)
            while len(settled) < goal and not given_up.wait(0.005):
                pass
            time.sleep(chance.uniform(0, 0.1))
            gateway.kill()
            gateway.start()
        for one in waiting:
            one.result()
    gateway.wait_for_states("CONFIRMED", "REJECTED")
    gateway.stop()
    return settled
