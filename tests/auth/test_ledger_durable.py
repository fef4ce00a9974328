"""Real gateways, killed and robbed of their disk: an answer that left has its entry, and no entry means no answer."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx
import pytest
from click.testing import CliRunner, Result

from auth.ledger import Link, PostgresStore, SqliteStore
from gateway.cli import main
from tests.auth.ledgers import database, entries
from tests.houses import Systems
from tests.pages import ROOT
from tests.servers import free_port, need_postgres

QUERY = '{ schools(where: {code: {eq: "KEC-00001"}}) { nodes { name level } } }'


@dataclass(frozen=True, slots=True)
class Place:
    """Where a gateway of a test keeps its ledger, and how it is started."""

    config: Path
    url: str
    environment: dict[str, str]

    def stored(self) -> list[Link]:
        if self.url.startswith("sqlite"):
            return asyncio.run(entries(SqliteStore(Path(self.url.removeprefix("sqlite:///")))))
        return asyncio.run(entries(PostgresStore(self.url)))

    def command(self, *arguments: str) -> Result:
        """The ``gateway`` command, in this process."""
        return CliRunner().invoke(main, ["--config", str(self.config), *arguments], env=self.environment)


def place(files: Systems, folder: Path, url: str | None = None) -> Place:
    url = url or f"sqlite:///{folder}/ledger/ledger.sqlite"
    text = (ROOT / "demo.toml").read_text().replace('"sqlite:///var/state/ledger.sqlite"', f'"{url}"')
    for said, here in (("var/legacy/demo", str(files.folder)), ("var/", f"{folder}/")):
        text = text.replace(f'"{said}', f'"{here}').replace(f"sqlite:///{said}", f"sqlite:///{here}")
    config = folder / "gateway.toml"
    config.write_text(text)
    return Place(config, url, files.services)


@contextmanager
def serving(where: Place) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A gateway process and its address; it is killed at the end if it still runs."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", "--config", str(where.config), "serve", "--port", str(port)],
        env={**os.environ, **where.environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait(f"http://127.0.0.1:{port}/healthz", process)
        yield f"http://127.0.0.1:{port}/graphql", process
    finally:
        process.kill()
        process.wait(20)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(1200):
        assert process.poll() is None, "the gateway did not start"
        try:
            httpx.get(url, timeout=5)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the gateway did not answer")


def ask(url: str, query: str = QUERY) -> httpx.Response:
    return httpx.post(url, json={"query": query}, timeout=30)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def where(request: pytest.FixtureRequest, files: Systems, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return place(files, tmp_path)
    return place(files, tmp_path, database(need_postgres(), "durable"))


def test_an_answer_that_left_has_its_entry_though_the_process_is_killed(where: Place) -> None:
    with serving(where) as (url, process):
        receipts = []
        for _ in range(3):
            answer = ask(url)
            receipts.append(answer.headers["x-ledger-entry"])
        os.kill(process.pid, signal.SIGKILL)
        process.wait(20)
    links = where.stored()
    assert [f"{link.seq}-{link.hash[:16]}" for link in links] == receipts
    assert "School.name" in json.loads(links[-1].body)["shown"]
    checked = where.command("ledger", "verify", "--head", str(where.config.parent / "heads/ledger-heads.jsonl"))
    assert checked.exit_code == 0, checked.stderr
    assert "tail proven" in checked.stdout


@pytest.mark.long
def test_killed_under_load_every_answer_that_came_has_its_entry(where: Place) -> None:
    receipts: list[str] = []
    with serving(where) as (url, process), httpx.Client(timeout=30) as client, ThreadPoolExecutor(8) as threads:

        def one(_: int) -> None:
            try:
                receipts.append(client.post(url, json={"query": QUERY}).headers["x-ledger-entry"])
            except (httpx.HTTPError, KeyError):
                return
            if len(receipts) == 40:
                os.kill(process.pid, signal.SIGKILL)

        list(threads.map(one, range(120)))
        process.wait(20)
    stored = {f"{link.seq}-{link.hash[:16]}" for link in where.stored()}
    assert len(receipts) >= 40
    assert stored.issuperset(receipts)
    assert where.command("ledger", "verify").exit_code == 0


@pytest.mark.long
def test_two_gateways_write_one_chain(where: Place) -> None:
    with serving(where) as (one, _), serving(where) as (other, _), ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, [one, other] * 20))
    assert all("data" in answer.json() for answer in answers)
    assert len({answer.headers["x-ledger-entry"] for answer in answers}) == 40
    head = str(where.config.parent / "heads/ledger-heads.jsonl")
    checked = where.command("ledger", "verify", "--head", head)
    assert checked.exit_code == 0, checked.stdout
    assert "40 entries, chain intact, tail proven" in checked.stdout


def test_a_ledger_that_cannot_be_written_stops_every_answer_until_it_can(files: Systems, tmp_path: Path) -> None:
    where = place(files, tmp_path)
    ledger = Path(where.url.removeprefix("sqlite:///"))
    with serving(where) as (url, _):
        assert "data" in ask(url).json()
        lock = sqlite3.connect(ledger, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        answer = ask(url)
        assert answer.status_code == 503
        assert answer.json() == {
            "errors": [
                {
                    "message": "the ledger cannot record this request, so it is not answered",
                    "extensions": {"code": "LEDGER_UNAVAILABLE"},
                }
            ]
        }
        assert "x-ledger-entry" not in answer.headers
        lock.execute("ROLLBACK")
        lock.close()
        assert "data" in ask(url).json()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes to read-only files too")
def test_a_read_only_ledger_file_stops_every_answer(files: Systems, tmp_path: Path) -> None:
    where = place(files, tmp_path)
    ledger = Path(where.url.removeprefix("sqlite:///"))
    with serving(where) as (url, _):
        ask(url)
    ledger.chmod(stat.S_IRUSR)
    with serving(where) as (url, _):
        assert ask(url).json()["errors"][0]["extensions"]["code"] == "LEDGER_UNAVAILABLE"


# The command


def test_verify_ends_with_0_1_or_2(files: Systems, tmp_path: Path) -> None:
    where = place(files, tmp_path)
    assert where.command("ledger", "verify").exit_code == 2, "there is no ledger yet"
    with serving(where) as (url, _):
        for _ in range(4):
            ask(url)
    assert where.command("ledger", "verify").exit_code == 0
    connection = sqlite3.connect(where.url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("DELETE FROM ledger WHERE seq = 4")
    assert where.command("ledger", "verify").exit_code == 0, "the tail is unproven"
    cut = where.command("ledger", "verify", "--head", str(tmp_path / "heads/ledger-heads.jsonl"))
    assert cut.exit_code == 1
    assert "the last 1 entries are cut off" in cut.stdout
    connection.execute("UPDATE ledger SET body = x'7b7d' WHERE seq = 2")
    connection.close()
    changed = where.command("ledger", "verify")
    assert changed.exit_code == 1
    assert "entry 2 was changed" in changed.stdout


FIND = ("ledger", "find", "--coordinate", "Student.bForm")


def test_who_accessed_a_field_and_is_the_chain_intact(where: Place) -> None:
    def token(*arguments: str) -> str:
        return where.command("token", *arguments).stdout.strip()

    auditor = token("--role", "auditor", "--subject", "auditor-1", "--purpose", "LegalCompliance", "--office", "ACE")
    steward = token("--role", "steward", "--subject", "steward-3")
    context = {"x-purpose": "LegalCompliance", "x-case": "ACE-2025-014"}
    with serving(where) as (url, _):
        for headers, query in (
            ({"authorization": f"Bearer {auditor}", **context}, "{ students(first: 3) { nodes { bForm } } }"),
            ({"authorization": f"Bearer {auditor}", **context}, "{ students(first: 3) { nodes { name } } }"),
            ({"authorization": f"Bearer {steward}"}, "{ students(first: 5) { nodes { bForm } } }"),
            (
                {"authorization": f"Bearer {auditor}", **context},
                '{ students(where: {bForm: {eq: "3520112345671"}}) { nodes { grade } } }',
            ),
        ):
            answer = httpx.post(url, json={"query": query}, headers=headers, timeout=30)
            assert "errors" not in answer.json(), answer.text
    told = where.command(*FIND, "--json", "--since", "2025-01-01")
    assert told.exit_code == 0, told.stderr
    found = [json.loads(line) for line in told.stdout.splitlines()]
    assert [(one["who"], list(one["how"]), one["rows"]) for one in found] == [
        ("auditor-1", ["shown"], 3), ("steward-3", ["masked"], 5), ("auditor-1", ["used"], 0),
    ]  # fmt: skip
    assert (found[0]["office"], found[0]["purpose"], found[0]["case"]) == ("ACE", "LegalCompliance", "ACE-2025-014")
    assert found[0]["rules"][0].startswith("education/rules.py:")
    assert "3520112345671" not in told.stdout
    assert "3 accesses; 4 entries, chain intact, tail proven" in told.stderr
    search = json.loads(where.stored()[-1].body)
    assert search["ledgerSearch"]["coordinate"] == "Student.bForm"
    assert search["messageUserId"].startswith("os:")
    table = where.command(*FIND)
    assert table.stdout.splitlines()[0].split() == ["entry", "at", "who", "office", "purpose", "case", "how", "rows"]
    assert "3 accesses; 5 entries, chain intact" in table.stdout
    assert where.command(*FIND, "--until", "2025-01-01").stdout.startswith("0 accesses")


def test_a_broken_chain_is_searched_and_told(files: Systems, tmp_path: Path) -> None:
    where = place(files, tmp_path)
    with serving(where) as (url, _):
        for _ in range(3):
            ask(url)
    connection = sqlite3.connect(where.url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("UPDATE ledger SET previous = 'x' WHERE seq = 2")
    connection.close()
    told = where.command("ledger", "find", "--coordinate", "School")
    assert told.exit_code == 1
    assert "3 accesses; entry 2 does not follow entry 1" in told.stdout


def test_a_question_that_cannot_be_recorded_is_not_answered(tmp_path: Path) -> None:
    """The auditor's question is an access too."""
    config = tmp_path / "gateway.toml"
    (tmp_path / "heads").mkdir()
    config.write_text('state = "state"\n[ledger]\nurl = "sqlite:///ledger.sqlite"\nheads = "heads"\n')
    told = CliRunner().invoke(main, ["--config", str(config), *FIND])
    assert told.exit_code == 2
    assert "accesses" not in told.output
