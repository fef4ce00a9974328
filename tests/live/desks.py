"""A house in this process, where tests say who is who, take rights away, and see the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import orjson

from auth.credentials import Context, Credentials
from auth.errors import AuthError
from auth.principal import ANONYMOUS, Principal
from gateway.house import House
from gateway.live.stream import Stream, StreamEnded, open_stream
from gateway.opening import open_house
from gateway.request import GraphQLRequest, Incoming
from gateway.settings import LiveSettings
from schema.errors import Code
from tests.houses import Remembered, Systems

PATIENCE_S = 20.0


@dataclass(slots=True)
class Register:
    """Who is who, by the Authorization header."""

    known: dict[str | None, Principal] = field(default_factory=lambda: {None: ANONYMOUS})

    async def authenticate(self, credentials: Credentials, context: Context) -> Principal:
        found = self.known.get(credentials.authorization)
        if found is None:
            raise AuthError(Code.UNAUTHENTICATED, "the token has expired; ask its issuer for a new one")
        return found


@dataclass(slots=True)
class Seat:
    """One subscriber."""

    stream: Stream
    batches: AsyncIterator[list[bytes]]
    left: list[Any] = field(default_factory=list)

    async def next(self) -> Any:
        """The next payload. Raises StreamEnded."""
        while not self.left:
            async with asyncio.timeout(PATIENCE_S):
                self.left = [orjson.loads(one) for one in await anext(self.batches)]
        return self.left.pop(0)

    async def event(self) -> dict[str, Any]:
        told = await self.next()
        ((_, event),) = told["data"].items()
        return dict(event)

    async def ended(self) -> list[str]:
        """The codes it ends with; what still comes before is passed over."""
        try:
            while True:
                await self.next()
        except StreamEnded as end:
            return [error["extensions"]["code"] for error in end.errors]


@dataclass(slots=True)
class LiveDesk:
    house: House
    register: Register
    ledger: Remembered

    @asynccontextmanager
    async def watch(self, query: str, who: Principal = ANONYMOUS, **variables: Any) -> AsyncIterator[Seat]:
        name = None if who is ANONYMOUS else who.subject
        self.register.known.setdefault(name, who)
        stream = await open_stream(self.house, Incoming(GraphQLRequest(query, None, variables), authorization=name))
        try:
            yield Seat(stream, stream.batches())
        finally:
            stream.close()
            await self.house.live.settled()

    async def refused(self, query: str, who: Principal = ANONYMOUS, **variables: Any) -> list[dict[str, Any]]:
        """The errors of a subscription that is not opened."""
        try:
            async with self.watch(query, who, **variables):
                raise AssertionError("it was opened")
        except StreamEnded as end:
            return end.errors

    def entries(self, state: str) -> list[dict[str, Any]]:
        """The ledger's entries of streams in a state."""
        told = [orjson.loads(entry) for entry in self.ledger.entries]
        return [entry for entry in told if entry.get("stream", {}).get("state") == state]


@asynccontextmanager
async def live_desk(systems: Systems, state: Path, **limits: Any) -> AsyncIterator[LiveDesk]:
    told = LiveSettings(**{"recheck_s": 0.05, "every_s": 0.1, **limits})
    settings = msgspec.structs.replace(systems.settings(state), live=told)
    async with open_house(settings) as house:
        register, ledger = Register(), Remembered()
        house.authenticator = register  # type: ignore[assignment]
        house.ledger = ledger
        yield LiveDesk(house, register, ledger)


def named(subject: str, *roles: str, **attributes: Any) -> Principal:
    return Principal(subject, frozenset(roles), attributes)
