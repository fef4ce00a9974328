"""Rights while a stream runs: applied to each delivery, taken away in the middle of it, never shared by those who have
not the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.houses import AUDITOR, Systems
from tests.live.desks import LiveDesk, live_desk, named
from tests.live.sockets import Depot

FEED = "subscription ($w: StockWhere, $a: String) { stockChanged(where: $w, after: $a) { change cursor key node { quantity } } }"  # fmt: skip  # noqa: E501
DAY = "2025-10-02"


def of(facility: str) -> dict[str, object]:
    return {"facilityCode": {"eq": facility}}


@pytest.fixture
async def desk(working: Systems, tmp_path: Path) -> AsyncIterator[LiveDesk]:
    async with live_desk(working, tmp_path) as one:
        yield one


async def test_a_token_that_expires_ends_the_stream(desk: LiveDesk) -> None:
    async with desk.watch(FEED, named("officer", "public"), w=of("HF-KEC-0001")) as seat:
        assert (await seat.event())["change"] == "BEGUN"
        del desk.register.known["officer"]
        assert await seat.ended() == ["UNAUTHENTICATED"]


async def test_nothing_is_told_after_the_right_is_gone(desk: LiveDesk, depot: Depot) -> None:
    """The change is there already when the right goes: the check comes before everything that is sent."""
    async with desk.watch(FEED, named("officer"), w=of("HF-KEC-0001")) as seat:
        await seat.event()
        del desk.register.known["officer"]
        depot.count(depot.card("HF-KEC-0001", "ORS"), 5, DAY)
        assert await seat.ended() == ["UNAUTHENTICATED"]
    assert len(desk.entries("batch")) == 1


@pytest.mark.parametrize(
    "now",
    [
        replace(AUDITOR, case=None), replace(AUDITOR, purpose=None), replace(AUDITOR, roles=frozenset()),
        replace(AUDITOR, subject="somebody-else"),
    ],
    ids=["case closed", "purpose withdrawn", "role gone", "another person"],
)  # fmt: skip
async def test_a_right_that_is_another_ends_the_stream(now: object, desk: LiveDesk) -> None:
    async with desk.watch("subscription { live { workers(first: 1) { nodes { name } } } }", AUDITOR) as seat:
        assert (await seat.next())["data"]["live"]["workers"]["nodes"]
        desk.register.known[AUDITOR.subject] = now  # type: ignore[assignment]
        assert await seat.ended() == ["REFUSED"]
    (closed,) = desk.entries("closed")
    assert closed["faultCode"] == ["REFUSED"]


async def test_an_officer_moved_to_another_district_sees_no_more_of_the_first(desk: LiveDesk) -> None:
    query = "subscription { live { teachers(first: 1) { nodes { districtCode } } } }"
    async with desk.watch(query, named("officer", "district_officer", district="KEC")) as seat:
        await seat.next()
        desk.register.known["officer"] = named("officer", "district_officer", district="GWA")
        assert await seat.ended() == ["REFUSED"]


async def test_a_cohort_is_shared_by_those_with_the_same_rights_and_values_only(desk: LiveDesk) -> None:
    query = "subscription { live { teachers(first: 3) { nodes { districtCode } } } }"
    kech, other = (named(f"kech-{n}", "district_officer", district="KEC") for n in (1, 2))
    gwadar = named("gwadar", "district_officer", district="GWA")
    both = named("both", "district_officer", "planner", district="KEC")
    async with (
        desk.watch(query, kech) as one, desk.watch(query, other) as two, desk.watch(query, gwadar) as three,
        desk.watch(query, both) as four,
    ):  # fmt: skip
        assert one.stream.cohort is two.stream.cohort
        assert len({seat.stream.cohort.id for seat in (one, three, four)}) == 3
        for seat, district in ((one, "KEC"), (two, "KEC"), (three, "GWA"), (four, "KEC")):
            nodes = (await seat.next())["data"]["live"]["teachers"]["nodes"]
            assert {node["districtCode"] for node in nodes} == {district}


async def test_a_cursor_of_another_subject_opens_nothing(desk: LiveDesk) -> None:
    async with desk.watch(FEED, named("one"), w=of("HF-KEC-0001")) as seat:
        cursor = (await seat.event())["cursor"]
        (error,) = await desk.refused(FEED, named("two"), w=of("HF-KEC-0001"), a=cursor)
        assert error["extensions"]["code"] == "BAD_CURSOR"
        async with desk.watch(FEED, named("one"), w=of("HF-KEC-0001"), a=cursor):
            pass


@pytest.mark.parametrize("facility", ["HF-KEC-0002", "HF-KEC-0001"])
async def test_a_cursor_of_another_filter_or_made_up_opens_nothing(facility: str, desk: LiveDesk) -> None:
    async with desk.watch(FEED, w=of("HF-KEC-0001")) as seat:
        cursor = (await seat.event())["cursor"]
        if facility == "HF-KEC-0001":
            cursor = cursor[:-2] + "AA"
        (error,) = await desk.refused(FEED, w=of(facility), a=cursor)
        assert error["extensions"]["code"] == "BAD_CURSOR"


async def test_a_feed_is_not_resumed_with_other_rights_than_it_was_begun_with(desk: LiveDesk) -> None:
    query = "subscription ($a: String) { visitChanged(after: $a) { cursor node { wasOpen } } }"
    async with desk.watch(query, AUDITOR) as seat:
        cursor = (await seat.event())["cursor"]
    desk.register.known[AUDITOR.subject] = replace(AUDITOR, case=None)
    (error,) = await desk.refused(query, AUDITOR, a=cursor)
    assert error["extensions"]["code"] == "BAD_CURSOR"


async def test_a_filter_in_a_cursors_variable_does_not_share_a_cohort(desk: LiveDesk) -> None:
    """One variable used as cursor and as filter must not be taken for a cursor alone."""
    query = 'subscription ($a: String!) { stockChanged(where: {facilityCode: {eq: $a}}, after: $a) { cursor key } }'
    (error,) = await desk.refused(query, a="HF-KEC-0001")
    assert error["extensions"]["code"] == "BAD_CURSOR"


async def test_changes_of_what_one_may_not_see_are_not_told(desk: LiveDesk, working: Systems) -> None:
    """A row changes in a column the subscriber does not see: not even that is told."""
    hr = Depot(working.folder / "hr.sqlite")
    ((post,),) = hr.rows("SELECT post_no FROM posts WHERE filled_by <> '' LIMIT 1")
    query = "subscription ($c: String!) { live { post(code: $c) { code designation } } }"
    async with desk.watch(query, c=post) as seat:
        await seat.next()
        hr.write("UPDATE posts SET filled_by = 'H999999' WHERE post_no = ?", post)
        hr.write("UPDATE posts SET desig = 'Night Watch' WHERE post_no = ?", post)
        assert (await seat.next())["data"]["live"]["post"]["designation"] == "Night Watch"


async def test_published_totals_cannot_be_watched(desk: LiveDesk) -> None:
    """Two tables before and after one payslip would tell that payslip."""
    query = "subscription { live { payslips { aggregate(groupBy: [CADRE]) { count sum { gross } } } } }"
    (error,) = await desk.refused(query, named("planner", "planner"))
    assert error["extensions"]["code"] == "REFUSED"
    assert error["extensions"]["owner"]


async def test_every_stream_is_in_the_ledger_from_its_opening_to_its_end(desk: LiveDesk, depot: Depot) -> None:
    async with desk.watch(FEED, named("officer"), w=of("HF-KEC-0005")) as seat:
        await seat.event()
        (opened,) = desk.entries("opened")
        assert opened["messageUserId"] == "officer"
        assert opened["shown"]["Stock.quantity"]
        depot.count(depot.card("HF-KEC-0005", "ORS"), 5, DAY)
        await seat.event()
    batches = desk.entries("batch")
    assert [entry["rowsGiven"] for entry in batches] == [{"health.Stock": 0}, {"health.Stock": 1}]
    assert all(entry["shown"]["Stock.quantity"] for entry in batches)
    (closed,) = desk.entries("closed")
    assert {entry["stream"]["id"] for entry in (opened, *batches, closed)} == {seat.stream.id}
    assert "HF-KEC-0005" not in "".join(entry.decode() for entry in desk.ledger.entries)


async def test_no_record_no_data(desk: LiveDesk, depot: Depot) -> None:
    async with desk.watch(FEED, w=of("HF-KEC-0006")) as seat:
        await seat.event()
        desk.ledger.broken = True
        depot.count(depot.card("HF-KEC-0006", "ORS"), 5, DAY)
        assert await seat.ended() == ["LEDGER_UNAVAILABLE"]
    assert [error["extensions"]["code"] for error in await desk.refused(FEED)] == ["LEDGER_UNAVAILABLE"]
