"""A house whose ledger is a real one, so that it can be asked what it holds; and the hand that changes it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import orjson

from auth.principal import ANONYMOUS, Principal
from gateway.house import House
from gateway.opening import open_house
from gateway.pipeline import answer
from gateway.request import Answer, GraphQLRequest, Incoming
from gateway.settings import LedgerSettings
from tests.houses import AnyPrincipal, Systems

OFFICER = Principal("officer-1", frozenset({"department_officer"}), {"department": "education"})
CHAIN = """{ ledger(name: "gateway") {
    entries intact badEntry verifiedUpTo verifiedAt headSigned provenUpTo lastHash message } }"""


@dataclass(slots=True)
class Inspection:
    """Where tests ask. ``folder`` holds the ledger and its heads."""

    house: House
    believer: AnyPrincipal
    folder: Path

    async def answer(self, query: str, principal: Principal = ANONYMOUS, **variables: Any) -> Answer:
        self.believer.principal = principal
        return await answer(self.house, Incoming(GraphQLRequest(query, None, variables, {})))

    async def ask(self, query: str, principal: Principal = ANONYMOUS, **variables: Any) -> dict[str, Any]:
        body: dict[str, Any] = orjson.loads((await self.answer(query, principal, **variables)).body)
        return body

    async def data(self, query: str, principal: Principal = ANONYMOUS, **variables: Any) -> Any:
        response = await self.ask(query, principal, **variables)
        assert "errors" not in response, response["errors"]
        return response["data"]

    def entries(self) -> list[dict[str, Any]]:
        connection = sqlite3.connect(self.folder / "ledger.sqlite")
        try:
            return [orjson.loads(row[0]) for row in connection.execute("SELECT body FROM ledger ORDER BY seq")]
        finally:
            connection.close()

    def tamper(self, *statements: str) -> None:
        connection = sqlite3.connect(self.folder / "ledger.sqlite", isolation_level=None)
        for statement in statements:
            connection.execute(statement)
        connection.close()


@asynccontextmanager
async def inspection(systems: Systems, folder: Path, url: str | None = None) -> AsyncIterator[Inspection]:
    """A house opened as the server opens it, any principal. ``url``: of its ledger; None: a file in ``folder``."""
    settings = systems.settings(folder)
    if url is not None:
        settings = msgspec.structs.replace(settings, ledger=LedgerSettings(url, settings.ledger.heads))
    async with open_house(settings) as house:
        believer = AnyPrincipal()
        house.authenticator = believer  # type: ignore[assignment]
        yield Inspection(house, believer, folder)
