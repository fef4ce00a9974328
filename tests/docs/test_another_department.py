"""docs/departments.md is followed to the letter: its folder and its line are added to an otherwise untouched tree,
which is then checked, explained, served and asked."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import pages
from tests.houses import Systems
from tests.servers import free_port

PAGE = pages.ROOT / "docs" / "departments.md"
PACKAGES = ("auth", "gateway", "schema")
BIN = Path(sys.executable).parent
CASE = ("--purpose", "LegalCompliance", "--case", "ACE-2025-014")


def lay_out(root: Path, systems: Systems) -> dict[str, str]:
    """The page's folder and line in a tree whose every other part is the project's own; the environment of commands."""
    (root / "connectors" / "welfare").mkdir(parents=True)
    for name in PACKAGES:
        (root / name).symlink_to(pages.ROOT / name)
    for part in (pages.ROOT / "connectors").iterdir():
        if part.name != "__pycache__":
            (root / "connectors" / part.name).symlink_to(part)
    for text in pages.blocks(PAGE, "python"):
        (root / text.splitlines()[0].removeprefix("# ")).write_text(text)
    (line,) = pages.blocks(PAGE, "toml")
    (root / "demo.toml").write_text(line + pages.moved_settings(systems.folder, root / "var"))
    (sql,) = pages.blocks(PAGE, "sql")
    with sqlite3.connect(root / "swr.sqlite") as register:
        register.executescript(sql)
    register.close()
    address = f"sqlite:///{root / 'swr.sqlite'}"
    return {**systems.services, "PYTHONPATH": str(root), "GATEWAY_SOURCES__SWR__URL": address}


@dataclass(frozen=True, slots=True)
class Province:
    """A served tree with one department more."""

    root: Path
    environment: dict[str, str]
    url: str

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "gateway", *arguments], cwd=self.root, env={**os.environ, **self.environment}, text=True,
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip

    def ask(self, query: str, *token: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """The response to an anonymous caller, or to the bearer of a demo token with these arguments."""
        told = {"Content-Type": "application/json", **(headers or {})}
        if token:
            told["Authorization"] = f"Bearer {self.command('token', *token).stdout.strip()}"
        request = urllib.request.Request(f"{self.url}/graphql", json.dumps({"query": query}).encode(), told)
        with urllib.request.urlopen(request, timeout=20) as response:
            body: dict[str, Any] = json.load(response)
        return body


@contextmanager
def served(root: Path, environment: dict[str, str]) -> Iterator[Province]:
    port = free_port()
    with subprocess.Popen(
        [BIN / "gateway", "serve", "--port", str(port)], cwd=root, env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
    ) as server:  # fmt: skip
        try:
            pages.wait_for(f"http://127.0.0.1:{port}/healthz")
            yield Province(root, environment, f"http://127.0.0.1:{port}")
        finally:
            server.terminate()
            server.wait(20)


@pytest.fixture(scope="module")
def province(files: Systems, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    root = tmp_path_factory.mktemp("province")
    with served(root, lay_out(root, files)) as province:
        yield province


def test_the_page_prints_what_it_says(province: Province) -> None:
    replaced = {"127.0.0.1:8000": province.url.removeprefix("http://"), ".venv/bin/": f"{BIN}/"}
    pages.check(PAGE, province.environment, replaced, province.root)


def test_one_folder_and_one_line_are_all_there_is(province: Province) -> None:
    ours = [
        path.relative_to(province.root).as_posix()
        for folder in (province.root, province.root / "connectors")
        for path in folder.iterdir()
        if path.is_dir() and not path.is_symlink() and path.name not in ("connectors", "var", "__pycache__")
    ]
    assert ours == ["connectors/welfare"]
    settings = (province.root / "demo.toml").read_text().splitlines()
    assert len(settings) == 1 + len((pages.ROOT / "demo.toml").read_text().splitlines())


def test_a_filter_on_another_departments_key_finds_every_spelling(province: Province) -> None:
    token = ("--role", "department_officer", "--attribute", "department=welfare")
    answer = province.ask(
        '{ grants(where: {district: {code: {eq: "GWA"}}}) { nodes { number district { name } cnic } } }', *token
    )
    assert answer["data"]["grants"]["nodes"] == [
        {"number": "SWG-002", "district": {"name": "Gwadar"}, "cnic": "5409600060902"}
    ]


def test_a_citizen_sees_own_training_only_from_either_side(province: Province) -> None:
    token = ("--role", "citizen", "--attribute", "cnic=5409600060902")
    query = """{ grants { nodes { number } }
      own: district(code: "GWA") { grants { nodes { number } } }
      others: district(code: "KEC") { grants { nodes { number } } } }"""
    answer = province.ask(query, *token)
    assert answer["data"] == {
        "grants": {"nodes": [{"number": "SWG-002"}]},
        "own": {"grants": {"nodes": [{"number": "SWG-002"}]}},
        "others": {"grants": {"nodes": []}},
    }
    assert {part["record"] for part in answer["extensions"]["narrowed"]} == {"Grant"}


def test_nobody_else_sees_anything_and_is_told_whom_to_turn_to(province: Province) -> None:
    finance = ("--role", "department_officer", "--attribute", "department=finance")
    for token in ((), finance):
        query = '{ grants { nodes { number } } district(code: "KEC") { grants { totalCount } } }'
        answer = province.ask(query, *token)
        assert answer["data"] == {"grants": None, "district": {"grants": None}}
        told = [error["extensions"] for error in answer["errors"]]
        assert told == [{"code": "REFUSED", "department": "welfare", "owner": "Director Social Welfare"}] * 2


def test_an_impossible_day_is_null_and_names_its_column(province: Province) -> None:
    token = ("--role", "department_officer", "--attribute", "department=welfare")
    answer = province.ask('{ grant(number: "SWG-002") { startedOn status } }', *token)
    assert answer["data"] == {"grant": {"startedOn": None, "status": "Requested"}}
    assert "strt" in answer["errors"][0]["message"]
    assert "31/02" not in json.dumps(answer)


def test_every_mistake_of_the_page_is_told_at_once(files: Systems, tmp_path: Path) -> None:
    environment = lay_out(tmp_path, files)
    rows = re.findall(r"^\| `(.+)` \| (`.+`|\(left out\)) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    assert len(rows) > 8
    modules = sorted((tmp_path / "connectors" / "welfare").glob("*.py"))
    for right, wrong, _ in rows:
        right, wrong = (text.replace("\\|", "|").strip("`").replace("(left out)", "") for text in (right, wrong))
        (module,) = [module for module in modules if right in module.read_text()]
        module.write_text(module.read_text().replace(right, wrong, 1))
    done = Province(tmp_path, environment, "").command("check")
    assert done.returncode == 2
    for _, _, said in rows:
        assert re.search(rf"^welfare/\w+\.py:\d+: {re.escape(said)}", done.stderr, re.MULTILINE), (said, done.stderr)
    assert len(done.stderr.splitlines()) == len(rows)


def test_the_province_serves_while_the_new_departments_system_is_away(files: Systems, tmp_path: Path) -> None:
    environment = lay_out(tmp_path, files)
    (tmp_path / "swr.sqlite").unlink()
    with served(tmp_path, environment) as province:
        answer = province.ask('{ schemes { nodes { code } } school(code: "KEC-00001") { status } }')
    assert answer["data"] == {"schemes": None, "school": {"status": "Active"}}
    (error,) = answer["errors"]
    assert error["extensions"] == {
        "code": "SOURCE_UNAVAILABLE", "department": "welfare", "owner": "Director Social Welfare",
    }  # fmt: skip
    assert "swr.sqlite" not in json.dumps(answer)
