"""The documents tell the truth: commands print what they say, operations are valid, links lead somewhere."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from graphql import build_schema, parse, validate

from gateway.settings import Settings
from tests import pages
from tests.houses import Systems
from tests.servers import free_port

ROOT = pages.ROOT
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
ELSEWHERE = {ROOT / "docs" / name for name in ("departments.md", "bpay.md", "live.md")}
"""Pages whose commands other tests run: test_another_department.py needs what the page builds, test_bpay_page.py and
test_live_page.py write into departments' systems."""
BIN = Path(sys.executable).parent
Served = tuple[dict[str, str], dict[str, str]]


@pytest.fixture(scope="module")
def running(files: Systems, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A served demo: the environment of commands, and what pages say -> what it is here."""
    folder, port = tmp_path_factory.mktemp("served"), free_port()
    (folder / "demo.toml").write_text(pages.moved_settings(files.folder, folder))
    environment = {**files.services, "GATEWAY_CONFIG": str(folder / "demo.toml")}
    replaced = {"127.0.0.1:8000": f"127.0.0.1:{port}", ".venv/bin/": f"{BIN}/", "var/heads": f"{folder}/heads"}
    server = subprocess.Popen([BIN / "gateway", "serve", "--port", str(port)], env={**os.environ, **environment})
    try:
        pages.wait_for(f"http://127.0.0.1:{port}/readyz")
        yield environment, replaced
    finally:
        server.terminate()
        server.wait(20)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in ELSEWHERE], ids=lambda page: page.name)
def test_commands_print_what_the_page_says(page: Path, running: Served) -> None:
    pages.check(page, *running)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_operations_settings_and_code_are_valid(page: Path) -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text())
    for text in pages.blocks(page, "graphql"):
        assert validate(schema, parse(text)) == [], text
    for text in pages.blocks(page, "toml"):
        msgspec.convert(tomllib.loads(text), Settings)
    for text in pages.blocks(page, "python"):
        ast.parse(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if "://" not in link:
            assert (page.parent / link).exists(), link


OURS = re.compile(r"`((?:auth|bench|connectors|docs|examples|gateway|legacy|schema|tests)/[a-z_0-9./]*)`")
MADE_BY_THE_READER = ("connectors/welfare", "connectors/province/visiting.py")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_are_there(page: Path) -> None:
    for file in OURS.findall(page.read_text()):
        assert (ROOT / file).exists() or file.startswith(MADE_BY_THE_READER), file
