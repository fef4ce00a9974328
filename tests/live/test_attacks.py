"""Each folder of ``attacks`` is one attack by subscription, in the form of ``tests/access/attacks``: why.md tells it,
expected.json is what the attacker gets first. No department is asked for what is refused."""

from __future__ import annotations

import os
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.live.stream import StreamEnded
from tests.access.planted import leaked, principal_of
from tests.houses import Systems
from tests.live.desks import LiveDesk, live_desk
from tests.live.test_crowds import Counting

FOLDER = Path(__file__).parent / "attacks"
ATTACKS = sorted(path for path in FOLDER.iterdir() if path.is_dir())


async def first(desk: LiveDesk, attack: Path) -> Any:
    told = tomllib.loads((attack / "principal.toml").read_text())
    try:
        async with desk.watch((attack / "query.graphql").read_text(), principal_of(told)) as seat:
            return await seat.next()
    except StreamEnded as end:
        return {"errors": end.errors}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda path: path.name)
async def test_the_attack_brings_nothing(attack: Path, files: Systems, tmp_path: Path) -> None:
    async with live_desk(files, tmp_path) as desk:
        reach = desk.house.reach
        counting = {name: Counting(one) for name, one in reach.connectors.items()}
        desk.house.reach = replace(reach, connectors=counting)
        answer = await first(desk, attack)
        asked = sum(one.fetches for one in counting.values())
    expected = attack / "expected.json"
    if os.environ.get("GATEWAY_UPDATE_GOLDENS"):
        expected.write_bytes(orjson.dumps(answer, option=orjson.OPT_INDENT_2) + b"\n")
    assert answer == orjson.loads(expected.read_bytes())
    assert leaked(files.folder, orjson.dumps(answer).decode()) == []
    if "data" not in answer:
        assert asked == 0, "a refusal takes as long whether there is something to find or not"


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda path: path.name)
def test_every_attack_says_why(attack: Path) -> None:
    assert 1 <= len((attack / "why.md").read_text().strip().splitlines()) <= 4
    assert {path.name for path in attack.iterdir()} == {"why.md", "query.graphql", "principal.toml", "expected.json"}
