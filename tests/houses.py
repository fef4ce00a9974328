"""Houses for tests: the demo's systems on files or on servers, any principal, and a ledger that only remembers."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import orjson

from auth.credentials import Context, Credentials
from auth.principal import ANONYMOUS, Principal
from gateway.house import House
from gateway.opening import open_house
from gateway.pipeline import answer
from gateway.request import GraphQLRequest, Incoming
from gateway.settings import LedgerSettings, Settings, SourceSettings, load
from tests.servers import PREFIX

DEMO = Path(__file__).parent.parent / "demo.toml"
SERVERS = {"hmis": "health", "lmis": "health", "hr": "health", "fabs": "finance", "geo": "finance"}


@dataclass(frozen=True, slots=True)
class Systems:
    """Where one build of the departments' systems is: its folder, its services, its servers (None: files)."""

    folder: Path
    services: dict[str, str]
    postgres: str | None = None
    mariadb: str | None = None

    @property
    def truth(self) -> dict[str, Any]:
        told: dict[str, Any] = orjson.loads((self.folder / "truth.json").read_bytes())
        return told

    def settings(self, state: Path) -> Settings:
        """The demo's settings, moved to these systems."""
        told = load(DEMO, {**os.environ, **self.services})
        sources = {name: self._moved(name, source) for name, source in told.sources.items()}
        ledger = LedgerSettings(f"sqlite:///{state / 'ledger.sqlite'}", str(state / "heads" / "heads.jsonl"))
        return msgspec.structs.replace(told, state=str(state), sources=sources, ledger=ledger)

    def _moved(self, name: str, source: SourceSettings) -> SourceSettings:
        built = str(DEMO.parent / "var/legacy/demo")
        move = {
            key: value.replace(built, str(self.folder))
            for key in ("url", "password_file", "key_file", "folder")
            if (value := getattr(source, key)) is not None
        }
        if name == "emis" and self.mariadb:
            move["url"] = f"{self.mariadb}/{PREFIX}_emis"
        if name in SERVERS and self.postgres:
            move["url"] = f"{self.postgres}/{PREFIX}_{SERVERS[name]}?schema={name}"
        return msgspec.structs.replace(source, **move)


class AnyPrincipal:
    """Believes whom the test says."""

    def __init__(self) -> None:
        self.principal = ANONYMOUS

    async def authenticate(self, credentials: Credentials, context: Context) -> Principal:
        return self.principal


@dataclass(slots=True)
class Remembered:
    """A ledger that keeps entries in memory; ``broken`` makes it fail."""

    entries: list[bytes] = field(default_factory=list)
    broken: bool = False

    async def append(self, body: bytes, patience_s: float = 0.0) -> str:
        if self.broken:
            from auth.errors import LedgerUnavailable

            raise LedgerUnavailable()
        self.entries.append(body)
        return f"{len(self.entries)}-test"

    @property
    def last(self) -> dict[str, Any]:
        told: dict[str, Any] = orjson.loads(self.entries[-1])
        return told


@dataclass(slots=True)
class Desk:
    """Where tests ask: one house, any principal."""

    house: House
    believer: AnyPrincipal
    ledger: Remembered

    async def ask(
        self, query: str, principal: Principal = ANONYMOUS, variables: dict[str, Any] | None = None, **extensions: Any
    ) -> dict[str, Any]:
        """The whole response."""
        self.believer.principal = principal
        request = GraphQLRequest(query, None, variables or {}, extensions)
        told = await answer(self.house, Incoming(request))
        body: dict[str, Any] = orjson.loads(told.body)
        return body

    async def data(self, query: str, principal: Principal = ANONYMOUS, **variables: Any) -> Any:
        """The data of a response that must have no errors."""
        response = await self.ask(query, principal, variables)
        assert "errors" not in response, response["errors"]
        return response["data"]


@asynccontextmanager
async def desk_over(systems: Systems, state: Path) -> AsyncIterator[Desk]:
    """A desk over a house opened from settings, as the server opens it."""
    async with open_house(systems.settings(state)) as house:
        believer, ledger = AnyPrincipal(), Remembered()
        house.authenticator = believer  # type: ignore[assignment]
        house.ledger = ledger
        yield Desk(house, believer, ledger)


def with_batch(house: House, batch: int | None) -> None:
    """Fetches take at most this many keys."""
    house.reach = replace(house.reach, batch=batch)
    house.plans.clear()


def person(*roles: str, **attributes: Any) -> Principal:
    """Somebody with these roles and attributes."""
    return Principal("tester", frozenset(roles), attributes)


AUDITOR = Principal(
    "auditor-1", frozenset({"auditor"}), {}, frozenset({"LegalCompliance"}), purpose="LegalCompliance",
    case="ACE-2025-014",
)  # fmt: skip
