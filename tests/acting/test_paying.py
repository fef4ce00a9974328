"""Paying a bill: once, in full, recorded before it leaves, whatever the department's answer does on its way."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import orjson
import pytest

from schema.scalars import KARACHI
from tests.acting.till import PAY, Till, citizen, order
from tests.houses import Desk


async def pay(counter: Desk, bill: dict[str, Any], key: str, who: Any = None, **instead: Any) -> dict[str, Any]:
    answer = await counter.ask(PAY, who or citizen(), order(bill, key, **instead))
    assert "errors" not in answer, answer
    told: dict[str, Any] = answer["data"]["payBill"]["payment"]
    return told


def actions(counter: Desk, id: str) -> list[str]:
    """The states of an action that the ledger was told, in order."""
    entries = [orjson.loads(entry) for entry in counter.ledger.entries]
    return [entry["action"]["state"] for entry in entries if entry.get("action", {}).get("id") == id]


async def test_a_bill_is_paid_and_shown_as_paid(counter: Desk, till: Till) -> None:
    bill = till.bill()
    answer = await counter.ask(PAY, citizen(), order(bill, "key-paid-1"))
    told = answer["data"]["payBill"]
    assert (told["payment"]["state"], told["payment"]["amount"]) == ("CONFIRMED", bill["due"])
    assert told["bill"] == {"status": "Paid", "amountPaid": bill["due"]}
    (booked,) = till.paid(bill["psid"])
    assert booked["tran_auth_id"] == told["payment"]["reference"]
    assert booked["amount_paisa"] == bill["amount_after_paisa"]
    assert actions(counter, told["payment"]["id"]) == ["SENT", "CONFIRMED"]


async def test_a_refusal_is_in_the_ledger(counter: Desk, till: Till) -> None:
    await counter.ask(PAY, citizen(purpose=None), order(till.bill(), "key-refused-1"))
    assert counter.ledger.last["refused"] == {"Mutation.payBill": "PURPOSE_REQUIRED"}


async def test_no_value_of_a_payment_is_in_the_ledger(counter: Desk, till: Till) -> None:
    bill = till.bill()
    await pay(counter, bill, "key-secret-1")
    written = b"".join(counter.ledger.entries).decode()
    assert "Mutation.payBill" in written
    assert not [value for value in (bill["psid"], bill["due"], "key-secret-1") if value in written]


async def test_a_repetition_gives_the_first_answer(counter: Desk, till: Till) -> None:
    bill = till.bill()
    first = await pay(counter, bill, "key-twice-1")
    assert await pay(counter, bill, "key-twice-1") == first
    assert await pay(counter, bill, "key-twice-1", amount=f"{bill['due'].rstrip('0').rstrip('.')}") == first
    assert len(till.paid(bill["psid"])) == 1


async def test_many_at_once_with_one_key_pay_once(counter: Desk, till: Till) -> None:
    bill = till.bill()
    till.switch(late_s=0.3, late=100)
    told = await asyncio.gather(*(pay(counter, bill, "key-many-01") for _ in range(8)))
    assert {one["state"] for one in told} == {"CONFIRMED"}
    assert len({one["id"] for one in told}) == 1
    assert len(till.paid(bill["psid"])) == 1


async def test_one_key_for_two_bills_is_bad_input(counter: Desk, till: Till) -> None:
    first, second = till.bill(), till.bill()
    await pay(counter, first, "key-other-1")
    answer = await counter.ask(PAY, citizen(), order(second, "key-other-1"))
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_INPUT"]
    assert till.paid(second["psid"]) == []


@pytest.mark.parametrize(
    ("state", "reason"),
    [("P", "BILL_PAID"), ("B", "BILL_NOT_PAYABLE"), ("T", "BILL_NOT_PAYABLE"), ("?", "BILL_NOT_PAYABLE")],
)
async def test_what_cannot_be_paid_is_not_sent(state: str, reason: str, counter: Desk, till: Till) -> None:
    bill = till.bill()
    if state == "?":
        till.change("UPDATE bills SET due_date = '' WHERE psid = ?", bill["psid"])
    else:
        till.change("UPDATE bills SET bill_status = ? WHERE psid = ?", state, bill["psid"])
    told = await pay(counter, bill, f"key-state-{ord(state)}")
    assert (told["state"], told["reason"]) == ("REJECTED", reason)
    assert actions(counter, told["id"]) == ["REJECTED"]
    assert till.paid(bill["psid"]) == []


async def test_an_expired_and_an_unknown_bill_are_not_sent(counter: Desk, till: Till) -> None:
    (expired,) = till.rows("SELECT * FROM bills WHERE expired = 1 LIMIT 1")
    told = await pay(counter, {**expired, "due": "1.00"}, "key-expired-1")
    assert (told["state"], told["reason"]) == ("REJECTED", "BILL_EXPIRED")
    told = await pay(counter, {"psid": "99999999999999999", "due": "1.00"}, "key-unknown-1")
    assert (told["state"], told["reason"]) == ("REJECTED", "BILL_UNKNOWN")


async def test_the_amount_is_what_is_due_on_the_day(counter: Desk, till: Till) -> None:
    bill = till.bill()
    early = dt.datetime.strptime(bill["due_date"], "%Y%m%d").replace(hour=23, tzinfo=KARACHI)
    told = await pay(counter, bill, "key-less-001", amount="0.01")
    assert (told["state"], told["reason"]) == ("REJECTED", "AMOUNT_NOT_DUE")
    counter.house.acting.clock = early.timestamp
    told = await pay(counter, bill, "key-early-01")
    assert (told["state"], told["reason"]) == ("REJECTED", "AMOUNT_NOT_DUE")
    within = str(bill["amount_within_paisa"] / 100)
    told = await pay(counter, bill, "key-early-02", amount=within)
    assert told["state"] == "CONFIRMED"
    (booked,) = till.paid(bill["psid"])
    assert (booked["tran_date"], booked["amount_paisa"]) == (bill["due_date"], bill["amount_within_paisa"])


@pytest.mark.parametrize("amount", ["-1.00", "0.001", "99999999999.99"])
async def test_an_amount_that_cannot_be_written_is_bad_input(amount: str, counter: Desk, till: Till) -> None:
    bill = till.bill()
    answer = await counter.ask(PAY, citizen(), order(bill, f"key-bad-{amount}", amount=amount))
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_INPUT"]
    assert amount not in answer["errors"][0]["message"]


@pytest.mark.parametrize("fault", ["lost", "error_after"])
async def test_a_lost_answer_is_found_out_at_once(fault: str, counter: Desk, till: Till) -> None:
    bill = till.bill()
    till.switch(**{fault: 100})
    told = await pay(counter, bill, f"key-{fault}-1")
    assert told["state"] == "CONFIRMED"
    assert len(till.paid(bill["psid"])) == 1


@pytest.mark.parametrize("fault", ["broken", "error_before"])
async def test_what_did_not_arrive_is_unknown_and_then_sent_again(fault: str, counter: Desk, till: Till) -> None:
    bill = till.bill()
    till.switch(**{fault: 100})
    told = await pay(counter, bill, f"key-{fault}-1")
    assert told["state"] == "UNKNOWN"
    till.switch()
    await resolve(counter)
    assert (await pay(counter, bill, f"key-{fault}-1"))["state"] == "CONFIRMED"
    assert len(till.paid(bill["psid"])) == 1
    assert actions(counter, told["id"]) == ["SENT", "SENT", "CONFIRMED"]


async def resolve(counter: Desk) -> None:
    """As the background does once the lease is over."""
    worker = counter.house.acting
    now = worker.clock()
    worker.clock = lambda: now + 100
    worker.outbox._clock = worker.clock
    await worker.resolve_all()


async def test_a_call_that_arrives_twice_pays_once(counter: Desk, till: Till) -> None:
    bill = till.bill()
    till.switch(twice=100)
    assert (await pay(counter, bill, "key-arrives-twice"))["state"] == "CONFIRMED"
    assert len(till.paid(bill["psid"])) == 1


async def test_somebody_else_may_have_paid_meanwhile(counter: Desk, till: Till) -> None:
    bill = till.bill()
    till.switch(error_before=100)
    told = await pay(counter, bill, "key-meanwhile")
    assert told["state"] == "UNKNOWN"
    till.change("UPDATE bills SET bill_status = 'P', tran_auth_id = '000000' WHERE psid = ?", bill["psid"])
    till.switch()
    await resolve(counter)
    told = await pay(counter, bill, "key-meanwhile")
    assert (told["state"], told["reason"]) == ("REJECTED", "BILL_PAID")


async def test_nothing_is_sent_when_the_department_does_not_answer(counter: Desk, till: Till) -> None:
    bill = till.bill()
    till.switch(down=100)
    answer = await counter.ask(PAY, citizen(), order(bill, "key-down-01"))
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["SOURCE_UNAVAILABLE"]
    assert answer["data"] == {"payBill": None}
    till.switch()
    assert (await pay(counter, bill, "key-down-01"))["state"] == "CONFIRMED"


async def test_no_record_no_payment(counter: Desk, till: Till) -> None:
    bill = till.bill()
    counter.ledger.broken = True
    answer = await counter.ask(PAY, citizen(), order(bill, "key-ledger-1"))
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["LEDGER_UNAVAILABLE"]
    assert till.paid(bill["psid"]) == []
    counter.ledger.broken = False
    assert (await pay(counter, bill, "key-ledger-1"))["state"] == "CONFIRMED"


async def test_one_sees_ones_own_payments_only(counter: Desk, till: Till) -> None:
    bill = till.bill()
    told = await pay(counter, bill, "key-own-001")
    query = '{ payments(where: {idempotencyKey: {eq: "key-own-001"}}) { nodes { id state bill { status } } } }'
    mine = await counter.data(query, citizen())
    assert mine["payments"]["nodes"] == [{"id": told["id"], "state": "CONFIRMED", "bill": {"status": "Paid"}}]
    for other in (citizen("citizen-2"), citizen("citizen-2", attributes={"subject": "citizen-1"})):
        assert (await counter.data(query, other))["payments"]["nodes"] == []
        assert (await counter.data(f'{{ payment(id: "{told["id"]}") {{ state }} }}', other))["payment"] is None


async def test_things_are_done_in_order_and_each_payload_is_read_after_its_own(counter: Desk, till: Till) -> None:
    first, second = till.bill(), till.bill()
    query = """
    mutation ($one: PayBillInput!, $two: PayBillInput!, $three: PayBillInput!) {
      a: payBill(input: $one) { __typename bill { psid status } }
      b: payBill(input: $two) { payment { state reason } }
      c: payBill(input: $three) { p: payment { state } q: payment { amount } }
    }
    """
    variables = {
        "one": order(first, "key-order-1")["input"], "two": order(first, "key-order-2")["input"],
        "three": order(second, "key-order-3")["input"],
    }  # fmt: skip
    answer = await counter.ask(query, citizen(), variables)
    assert answer == {
        "data": {
            "a": {"__typename": "PayBillPayload", "bill": {"psid": first["psid"], "status": "Paid"}},
            "b": {"payment": {"state": "REJECTED", "reason": "BILL_PAID"}},
            "c": {"p": {"state": "CONFIRMED"}, "q": {"amount": second["due"]}},
        }
    }


async def test_a_source_is_not_called_more_often_than_its_owner_allows(counter: Desk, till: Till) -> None:
    bills = [till.bill() for _ in range(7)]
    fields = "\n".join(
        f'a{at}: payBill(input: {{psid: "{bill["psid"]}", amount: "{bill["due"]}", idempotencyKey: "key-calls-{at}"}})'
        " { bill { status } }"
        for at, bill in enumerate(bills)
    )
    answer = await counter.ask(f"mutation {{ {fields} }}", citizen())
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BUDGET_EXCEEDED"]
    assert "data" not in answer
    assert not [bill for bill in bills if till.paid(bill["psid"])]


async def test_payments_are_filtered_and_ordered_like_any_record(counter: Desk, till: Till) -> None:
    worker, bills = counter.house.acting, [till.bill() for _ in range(3)]
    start = dt.datetime(2025, 12, 1, 23, 59, 58, tzinfo=KARACHI)
    for at, bill in enumerate(bills):
        worker.clock = lambda at=at: start.timestamp() + at  # type: ignore[misc]
        await pay(counter, bill, f"key-filter-{at}")
    query = """
    query ($since: DateTime, $amount: Decimal) {
      later: payments(where: {sentAt: {gte: $since}}, orderBy: [{receivedAt: DESC}]) { nodes { idempotencyKey sentAt } }
      one: payments(where: {amount: {eq: $amount}, state: {ne: "REJECTED"}}) { nodes { psid } }
    }
    """
    seen = await counter.data(query, citizen(), since="2025-12-01T18:59:59Z", amount=bills[0]["due"])
    assert seen["later"]["nodes"] == [
        {"idempotencyKey": "key-filter-2", "sentAt": "2025-12-02T00:00:00+05:00"},
        {"idempotencyKey": "key-filter-1", "sentAt": "2025-12-01T23:59:59+05:00"},
    ]
    assert seen["one"]["nodes"] == [{"psid": bills[0]["psid"]}]
