"""The access of one person is stopped while a stream of theirs runs."""

from __future__ import annotations

from tests.live.sockets import Depot, socket
from tests.serving import Served

FEED = 'subscription { stockChanged(where: {facilityCode: {eq: "HF-GWA-0002"}}) { change } }'


async def test_a_stopped_subject_is_cut_off_and_refused_until_readmitted(live: Served, depot: Depot) -> None:
    who = {"Authorization": f"Bearer {live.token('officer-7', 'planner')}"}
    async with socket(live.address, **who) as one:
        await one.subscribe(FEED)
        await one.events(1)
        assert live.command("stop", "officer-7").stdout == "the access of officer-7 is stopped\n"
        (error,) = await one.errors()
        assert error["extensions"]["code"] == "REFUSED"
        depot.count(depot.card("HF-GWA-0002", "ORS"), 1, "2025-10-02")
        await one.subscribe(FEED)
        assert (await one.errors())[0]["extensions"]["code"] == "REFUSED"
    assert live.ask("{ __typename }", who["Authorization"].removeprefix("Bearer ")).codes == ["REFUSED"]
    assert live.ask("{ __typename }").status == 200
    assert live.command("readmit", "officer-7").returncode == 0
    assert live.command("readmit", "officer-7").returncode == 1
    async with socket(live.address, **who) as one:
        await one.subscribe(FEED)
        assert (await one.events(1))[0]["change"] == "BEGUN"
    shown = live.command("ledger", "show", "--limit", "2000").stdout
    assert '"outcome":"access_stopped"' in shown
    assert '"outcome":"access_readmitted"' in shown
