"""The page on payments is run against a B-pay of its own: what it pays is in nobody else's books."""

from __future__ import annotations

from pathlib import Path

from tests import pages
from tests.acting.till import till_over
from tests.houses import Systems
from tests.serving import BIN, serving


def test_the_commands_print_what_the_page_says(files: Systems, tmp_path: Path) -> None:
    till = tmp_path / "till"
    till.mkdir()
    with till_over(files, till) as (_, systems), serving(systems, tmp_path) as served:
        environment = {**systems.services, "GATEWAY_CONFIG": str(served.folder / "gateway.toml")}
        replaced = {"http://127.0.0.1:8000": served.address, ".venv/bin/": f"{BIN}/"}
        pages.check(pages.ROOT / "docs" / "bpay.md", environment, replaced)
