"""One outbox for several gateways and principals: a thing is sent by one of them, and belongs to who asked for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from gateway.acting.outbox import Wanted, reference_of
from gateway.opening import open_house
from gateway.settings import ActionSettings
from tests.acting.test_paying import pay, resolve
from tests.acting.till import Till, citizen
from tests.auth.ledgers import database
from tests.houses import AnyPrincipal, Desk, Remembered, Systems
from tests.servers import need_postgres


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the outbox is."""
    if request.param == "postgres":
        return database(need_postgres(), "outbox")
    return f"sqlite:///{tmp_path}/both.sqlite"


@pytest.fixture
async def two(url: str, tills: tuple[Till, Systems], till: Till, tmp_path: Path) -> AsyncIterator[tuple[Desk, Desk]]:
    """Two gateways with one outbox and one ledger."""
    ledger = Remembered()
    async with AsyncExitStack() as stack:
        desks = []
        for name in ("one", "other"):
            told = tills[1].settings(tmp_path / name)
            settings = msgspec.structs.replace(told, actions=ActionSettings(url, lease_s=30.0, resolve_s=60.0))
            house = await stack.enter_async_context(open_house(settings))
            believer = AnyPrincipal()
            house.authenticator, house.ledger = believer, ledger  # type: ignore[assignment]
            desks.append(Desk(house, believer, ledger))
        yield desks[0], desks[1]


async def test_two_gateways_send_it_once(two: tuple[Desk, Desk], till: Till) -> None:
    bill = till.bill()
    till.switch(late_s=0.3, late=100)
    told = await asyncio.gather(*(pay(desk, bill, "key-shared-1") for desk in (*two, *two)))
    assert {(one["id"], one["state"]) for one in told} == {(told[0]["id"], "CONFIRMED")}
    assert len(till.paid(bill["psid"])) == 1
    states = [orjson.loads(entry).get("action", {}).get("state") for entry in two[0].ledger.entries]
    assert states.count("SENT") == 1


async def test_what_one_leaves_behind_the_other_finds_out(two: tuple[Desk, Desk], till: Till) -> None:
    bill = till.bill()
    till.switch(broken=100)
    one, other = two
    assert (await pay(one, bill, "key-left-001"))["state"] == "UNKNOWN"
    till.switch()
    await resolve(other)
    query = '{ payments(where: {idempotencyKey: {eq: "key-left-001"}}) { nodes { state amount } } }'
    found = await one.data(query, citizen())
    assert found["payments"]["nodes"] == [{"state": "CONFIRMED", "amount": bill["due"]}]
    assert len(till.paid(bill["psid"])) == 1


async def test_the_key_of_another_opens_nothing(two: tuple[Desk, Desk], till: Till) -> None:
    bill = till.bill()
    mine = await pay(two[0], bill, "key-replayed")
    theirs = await pay(two[0], bill, "key-replayed", citizen("citizen-2"))
    assert theirs["id"] != mine["id"]
    assert (theirs["state"], theirs["reason"]) == ("REJECTED", "BILL_PAID")


async def test_a_payment_for_another_is_seen_by_both(two: tuple[Desk, Desk], till: Till) -> None:
    bill = till.bill()
    represented = replace(citizen("trader-1"), purpose="PaymentManagement")
    agent = citizen("agent-1", also=represented)
    told = await pay(two[0], bill, "key-agent-01", agent)
    assert told["state"] == "CONFIRMED"
    query = f'{{ payment(id: "{told["id"]}") {{ subject represented }} }}'
    seen: Any = {"payment": {"subject": "agent-1", "represented": "trader-1"}}
    for who in (agent, citizen("agent-1"), citizen("trader-1")):
        assert await two[1].data(query, who) == seen
    assert await two[1].data(query, citizen("agent-1", also=citizen("trader-2"))) == {"payment": None}


async def test_two_payments_of_one_bill_never_have_one_reference(
    two: tuple[Desk, Desk], till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six digits are few: the first may be taken."""
    monkeypatch.setattr("gateway.acting.outbox.reference_of", lambda id, attempt, digits: f"{attempt:0{digits}d}")
    bill = till.bill()
    action = two[0].house.catalog.actions["payBill"]
    asked = Wanted("citizen-1", "", "", "key-first-01", {"psid": bill["psid"], "amount": 1}, True)
    found = [
        await two[0].house.acting.outbox.receive(action, replace(asked, key=key, inputs=_inputs(bill)))
        for key in ("key-first-01", "key-second-1", "key-first-01")
    ]
    assert [one.reference for one in found] == ["000000", "000001", "000000"]
    assert found[0] == found[2]


def _inputs(bill: dict[str, Any]) -> dict[str, Any]:
    from decimal import Decimal

    return {"psid": bill["psid"], "amount": Decimal(bill["due"])}


def test_a_reference_is_always_the_same() -> None:
    assert reference_of("a" * 32, 0, 6) == reference_of("a" * 32, 0, 6)
    assert reference_of("a" * 32, 0, 6) != reference_of("a" * 32, 1, 6)
    assert len(reference_of("b" * 32, 3, 6)) == 6
