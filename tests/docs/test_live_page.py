"""The page on subscriptions, with departments of its own to write into; and every setting it names."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from gateway.opening import open_catalog
from gateway.settings import LiveSettings, load
from tests import pages
from tests.conftest import start_services, stop
from tests.docs.test_docs import BIN
from tests.houses import DEMO, Systems
from tests.serving import serving

PAGE = pages.ROOT / "docs" / "live.md"


def rows(first: str) -> list[list[str]]:
    """The rows of the table whose header begins with ``first``."""
    table = PAGE.read_text().partition(f"| {first} |")[2].partition("\n\n")[0]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_commands_print_what_the_page_says(demo_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    shutil.copytree(demo_folder, folder)
    process, urls = start_services(folder)
    try:
        with serving(Systems(folder, urls), tmp_path) as gateway:
            pages.wait_for(f"{gateway.address}/readyz")
            # Programs of the page have the demo's addresses in them.
            examples = tmp_path / "examples"
            shutil.copytree(pages.ROOT / "examples", examples)
            watch = examples / "watch.py"
            watch.write_text(watch.read_text().replace("127.0.0.1:8000", gateway.address.removeprefix("http://")))
            count = examples / "count.py"
            count.write_text(count.read_text().replace("var/legacy/demo", str(folder)))
            replaced = {
                "127.0.0.1:8000": gateway.address.removeprefix("http://"), ".venv/bin/": f"{BIN}/",
                "examples/": f"{examples}/", "var/": f"{tmp_path}/",
            }  # fmt: skip
            pages.check(PAGE, urls, replaced)
    finally:
        stop(process)


def test_every_setting_is_named_with_its_default() -> None:
    told = {name: float(default.replace(",", "")) for name, default, _ in rows("Setting")}
    declared = msgspec.structs.asdict(LiveSettings())
    del declared["kept"]
    assert told == {name: float(value) for name, value in declared.items()}


def test_every_record_with_a_feed_is_named() -> None:
    catalog = open_catalog(load(DEMO))
    named = {name.strip("` ") for cell, *_ in rows("Record") for name in cell.split(",")}
    assert named == {record.type_name for record in catalog.records.values() if record.changes is not None}
