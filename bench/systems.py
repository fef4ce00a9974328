"""What is measured against: one build of the departments' systems in PostgreSQL and MariaDB, kept for the next run, and
the gateway's settings over it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncmy
import asyncpg

from legacy.build import Plan, build, is_built

CASE = "ACE-2025-014"
SUBJECT = "auditor-1"
PURPOSE = "LegalCompliance"
SCHEMAS = {"hmis": "health", "lmis": "health", "hr": "health", "geo": "finance", "fabs": "finance"}
SERVICES = {"rtsm": "rtsm", "fabs_soap": "fabs", "bpay": "bpay", "bpay_report": "bpay", "bessi": "bessi"}
"""Source -> the service that stands behind it."""
TIME_S = 60.0
"""Of one operation: services that answer page by page need their time for a whole province."""
NOWHERE = {
    "rtsm": "http://127.0.0.1:9/", "fabs": "http://127.0.0.1:9/soap/fabs", "bpay": "http://127.0.0.1:9/",
    "bessi": "http://127.0.0.1:9/",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Systems:
    """Where a build is. ``postgres`` and ``mariadb``: addresses up to the database's name."""

    scale: str
    postgres: str
    mariadb: str
    folder: Path
    prefix: str = "gateway_bench"

    @property
    def emis(self) -> str:
        return f"{self.mariadb}/{self.prefix}_emis"

    def database(self, department: str) -> str:
        return f"{self.postgres}/{self.prefix}_{department}"

    def plan(self) -> Plan:
        return Plan(
            self.scale, 1, self.folder / "legacy" / self.scale,
            self.database("health"), self.emis, self.database("finance"),
        )  # fmt: skip

    def prepare(self) -> None:
        """Builds the systems unless an earlier run left them."""
        plan = self.plan()
        if not (is_built(plan) and asyncio.run(self._answer())):
            build(plan)

    async def _answer(self) -> bool:
        """Whether the databases of an earlier run are still there."""
        try:
            for department in ("health", "finance"):
                await (await asyncpg.connect(self.database(department), timeout=5)).close()
            connection = await asyncmy.connect(**login(self.emis))
            connection.close()
        except (asyncpg.InvalidCatalogNameError, asyncmy.errors.OperationalError):
            return False
        return True

    def settings(self, services: Mapping[str, str] = NOWHERE) -> Path:
        """Writes the gateway's settings: rules and ledger on, the case register open for the auditor who asks.
        ``services``: addresses by name, where services run."""
        built = self.plan().out.absolute()
        lines = [
            'state = "state"', "[ledger]", 'url = "sqlite:///state/ledger.sqlite"', 'heads = "heads/heads.jsonl"',
            "[limits]", f"time_s = {TIME_S}", "max_first = 3000", "[auth]", "demo_tokens = true",
            f'[auth.cases."{CASE}"]', f'subjects = ["{SUBJECT}"]',
            f'[sources.emis]\nurl = "{self.emis}"', f'[sources.tevta]\nurl = "sqlite:///{built / "tevta.sqlite"}"',
        ]  # fmt: skip
        for source, department in SCHEMAS.items():
            lines.append(f'[sources.{source}]\nurl = "{self.database(department)}?schema={source}"')
        for source, service in SERVICES.items():
            lines.append(f'[sources.{source}]\nurl = "{services[service]}"')
            if service in ("rtsm", "bessi"):
                lines.append(f'key_file = "{built / service}.key"')
            else:
                lines.append(f'user = "gateway"\npassword_file = "{built / service}.password"')
            if service == "bpay":
                lines.append('options = { auth = "headers" }')
        for source, name in (("board", "exam_board"), ("banks", "bank_scroll")):
            lines.append(f'[sources.{source}]\nfolder = "{built / name}"')
        path = self.folder / "gateway.toml"
        path.write_text("\n".join(lines) + "\n")
        return path


def login(url: str) -> dict[str, Any]:
    """A MariaDB address as asyncmy takes it."""
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    return {
        "host": parts.hostname or "127.0.0.1", "port": parts.port or 3306, "user": unquote(parts.username or "root"),
        "password": unquote(parts.password or ""), "database": parts.path.lstrip("/"),
    }  # fmt: skip
