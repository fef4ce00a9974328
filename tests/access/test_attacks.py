"""Each folder of ``attacks`` is one attack: why.md tells it, expected.json is the whole answer to it.

Beside the golden answer, no secret value of any department may stand in the answer, refusals name department and owner,
and an attack gives the same answer when there is nothing to find.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import orjson
import pytest

from schema.errors import Code
from tests.access.planted import leaked, principal_of
from tests.houses import Desk, Systems

FOLDER = Path(__file__).parent / "attacks"
ATTACKS = sorted(path for path in FOLDER.iterdir() if path.is_dir())
CODES = {code.value for code in Code}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda path: path.name)
async def test_the_attack_brings_nothing(attack: Path, file_desk: Desk, files: Systems) -> None:
    told = tomllib.loads((attack / "principal.toml").read_text())
    answer = await file_desk.ask(
        (attack / "query.graphql").read_text(), principal_of(told), told.get("variables"), **told.get("extensions", {})
    )
    expected = attack / "expected.json"
    if os.environ.get("GATEWAY_UPDATE_GOLDENS"):
        expected.write_bytes(orjson.dumps(answer, option=orjson.OPT_INDENT_2) + b"\n")
    assert answer == orjson.loads(expected.read_bytes())
    assert leaked(files.folder, orjson.dumps(answer).decode(), tuple(told.get("seen", ()))) == []
    for error in answer.get("errors", []):
        _well_told(error)


def _well_told(error: dict[str, Any]) -> None:
    extensions = error["extensions"]
    assert extensions["code"] in CODES
    if extensions["code"] in ("REFUSED", "PURPOSE_REQUIRED", "CASE_REQUIRED"):
        assert extensions["department"]
        assert extensions["owner"]
    assert not re.search(r"SELECT|sqlite|\.py\"|Traceback|http://", error["message"])


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda path: path.name)
def test_every_attack_says_why(attack: Path) -> None:
    lines = (attack / "why.md").read_text().strip().splitlines()
    assert 1 <= len(lines) <= 4
    assert {path.name for path in attack.iterdir()} == {"why.md", "query.graphql", "principal.toml", "expected.json"}
