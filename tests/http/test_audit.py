"""The endpoint keeps the GraphQL over HTTP specification: every case of graphql-http's server audit, one test each."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.servers import without
from tests.serving import Served

AUDIT = Path(__file__).parent / "audit"
CASES = dict(line.split(" ", 1) for line in (AUDIT / "cases.txt").read_text().splitlines())
HOW = "the audit needs node 18 or newer with npm, and a registry npm can reach; install them and run pytest tests/http"
Results = dict[str, dict[str, Any]]


def installed() -> Path:
    """The audit's folder with its two packages in place, exactly as the lock names them; installed once a lock."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        without(HOW)
    stamp, lock = AUDIT / "node_modules" / ".package-lock.json", AUDIT / "package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts"], cwd=AUDIT, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode:
            without(f"{HOW}\n{done.stderr}")
        stamp.touch()
    return AUDIT


@pytest.fixture(scope="module")
def results(served: Served) -> Results:
    """What the audit says of a gateway that serves, by case."""
    done = subprocess.run(
        ["node", "run.mjs", f"{served.address}/graphql"], cwd=installed(), capture_output=True, text=True,
        timeout=120, check=True,
    )  # fmt: skip
    return {case["id"]: case for case in map(orjson.loads, done.stdout.splitlines())}


def test_the_list_of_cases_is_the_whole_audit(results: Results) -> None:
    assert {case["id"]: case["name"] for case in results.values()} == CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case} {CASES[case]}")
def test_a_case_of_the_audit_passes(case: str, results: Results) -> None:
    """What the audit only recommends counts like what it demands."""
    assert results[case]["status"] == "ok", results[case]["reason"]
