"""The record of docs/derived.md is declared as the page says, among the province's own, and asked as it says."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import orjson
import pytest

from connectors import province
from gateway.settings import Settings
from schema.catalog import Declared
from tests import pages
from tests.houses import Desk, Systems, desk_over

PAGE = pages.ROOT / "docs" / "derived.md"


@pytest.fixture
def visiting(tmp_path: Path) -> Iterator[ModuleType]:
    """The page's module."""
    (text,) = pages.blocks(PAGE, "python")
    file = tmp_path / "visiting.py"
    file.write_text(text)
    spec = importlib.util.spec_from_file_location("connectors.province.visiting", file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def province_with_it(visiting: ModuleType, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a department's module: the province with one record more."""
    own = province.declared
    records, rules = (*own.records, visiting.DistrictVisiting), (*own.rules, *visiting.rules)
    more = Declared(own.department, records, rules, own.links_from)
    module = ModuleType("province_with_it")
    module.declared = more  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module.__name__


async def test_the_pages_record_answers_as_the_page_says(
    province_with_it: str, files: Systems, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = files.settings(tmp_path)
    names = (*(name for name in settings.departments if name != "connectors.province"), province_with_it)
    monkeypatch.setattr(Systems, "settings", lambda *_: with_departments(settings, names))
    (query,), (printed,) = pages.blocks(PAGE, "gql"), pages.blocks(PAGE, "json")
    async with desk_over(files, tmp_path) as desk:
        answer = await desk.data(query)
        if os.environ.get("GATEWAY_UPDATE_GOLDENS"):
            told = orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode()
            PAGE.write_text(PAGE.read_text().replace(f"```json\n{printed}```", f"```json\n{told}\n```"))
        assert answer == orjson.loads(printed)
        await as_counted_otherwise(desk, answer["districtVisitings"]["nodes"])


async def as_counted_otherwise(desk: Desk, nodes: list[dict[str, Any]]) -> None:
    """The same figures, asked of the records beneath."""
    at = '{gte: "2025-09-01T00:00:00+05:00", lt: "2025-10-01T00:00:00+05:00"}'
    told = await desk.data(f"""{{ visits(where: {{visitedAt: {at}}}) {{ aggregate(groupBy: [SCHOOL_DISTRICT_CODE]) {{
        key {{ schoolDistrictCode }} countDistinct {{ schoolCode }} }} }}
        schools {{ aggregate(groupBy: [DISTRICT_CODE]) {{ key {{ districtCode }} count }} }} }}""")
    visited = {
        one["key"]["schoolDistrictCode"]: one["countDistinct"]["schoolCode"] for one in told["visits"]["aggregate"]
    }
    schools = {one["key"]["districtCode"]: one["count"] for one in told["schools"]["aggregate"]}
    assert nodes
    for node in nodes:
        district = node["districtCode"]
        assert (node["visited"], node["schools"]) == (visited[district], schools[district])


def with_departments(settings: Settings, names: tuple[str, ...]) -> Settings:
    return msgspec.structs.replace(settings, departments=names)
