"""The page on HTTP names every limit with its default, every error code and every status there is."""

from __future__ import annotations

import re

import msgspec

from gateway.http import STATUS
from gateway.settings import LimitSettings
from gateway.weight import INTROSPECTIONS, TEXT
from schema.errors import Code
from tests.pages import ROOT

PAGE = (ROOT / "docs" / "http.md").read_text()


def rows(first: str) -> list[list[str]]:
    """The rows of the table whose header begins with ``first``."""
    table = PAGE.partition(f"| {first} |")[2].partition("\n\n")[0]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_every_limit_is_named_with_its_default() -> None:
    told = {name: float(default.replace(",", "")) for name, default, _ in rows("Setting")}
    assert told == {name: float(value) for name, value in msgspec.structs.asdict(LimitSettings()).items()}


def test_limits_that_no_setting_moves_are_named() -> None:
    assert f"{TEXT:,} characters" in PAGE
    assert f"at {INTROSPECTIONS} types" in PAGE.replace("\n", " ")


def test_every_error_code_is_named() -> None:
    assert [code for code, *_ in rows("Code")] == [code.value for code in Code]


def test_every_status_is_named() -> None:
    told = {int(status) for status, *_ in rows("Status")}
    raised = {int(status) for status in re.findall(r"HttpProblem\(\s*(\d{3})", (ROOT / "gateway/http.py").read_text())}
    assert told == {*STATUS.values(), *raised}
