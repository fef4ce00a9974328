"""Walking along a chain: heads are met on the way, a little out of order too, and never held all at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auth.ledger import chain
from auth.ledger.chain import GENESIS, Link, Walk, chained
from auth.ledger.heads import Head
from tests.auth.ledgers import body


def links(count: int) -> list[Link]:
    return chained(GENESIS, 0, [body(number) for number in range(1, count + 1)])


def heads_of(told: list[Link]) -> list[Head]:
    return [Head(link.seq, link.hash, "2025-10-09") for link in told]


def walked(told: list[Link], walk: Walk) -> Walk:
    for link in told:
        if not walk.step(link):
            break
    return walk


@pytest.fixture(autouse=True)
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads are looked for ten entries ahead."""
    monkeypatch.setattr(chain, "AHEAD", 10)


def test_heads_are_read_as_they_are_met() -> None:
    told = links(100)
    read = []

    def heads() -> Iterator[Head]:
        for head in heads_of(told):
            read.append(head.count)
            yield head

    walk = Walk()
    walk.meet(heads())
    walked(told[:20], walk)
    assert 20 < len(read) <= 31
    report = walked(told[20:], walk).report()
    assert (report.tail_proven, walk.proven, len(read)) == (True, 100, 100)


def test_gateways_that_share_a_chain_may_append_heads_out_of_order() -> None:
    told = links(30)
    heads = heads_of(told)
    heads[9], heads[4] = heads[4], heads[9]
    heads[20:23] = reversed(heads[20:23])
    walk = Walk()
    walk.meet(heads)
    assert walked(told, walk).report().tail_proven


def test_a_head_far_out_of_its_place_proves_nothing_and_is_told() -> None:
    told = links(40)
    heads = heads_of(told)
    walk = Walk()
    walk.meet([*heads[:2], *heads[3:], heads[2]])
    report = walked(told, walk).report()
    assert (report.sound, walk.worthless) == (False, 1)
    assert "1 lines of the head file" in report.message


def test_a_late_head_of_another_chain_is_found() -> None:
    told = links(40)
    other = Head(38, "f" * 64, "2025-10-09")
    walk = Walk()
    walk.meet([*heads_of(told), other])
    report = walked(told, walk).report()
    assert (report.sound, report.bad_seq) == (False, 38)


def test_a_walk_goes_on_with_entries_and_heads_that_were_added() -> None:
    told = links(30)
    walk = Walk()
    walk.meet(heads_of(told[:10]))
    assert walked(told[:10], walk).report().tail_proven
    assert walked(told[10:20], walk).report().message.endswith("proven up to 10, the tail after it is unproven")
    walk.meet(heads_of(told[10:]))
    report = walk.report()
    assert (report.sound, report.bad_seq) == (False, 21), "heads beyond the end"
    assert walked(told[20:], walk).report().tail_proven


def test_a_walk_that_found_something_wrong_does_not_go_on() -> None:
    told = links(10)
    walk = walked([*told[:4], *told[5:]], Walk())
    assert (walk.seq, walk.step(told[4])) == (4, False)
    assert walk.report().bad_seq == 5
