"""The house: what lives as long as the process. Opening it needs no department's system to be up."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Protocol

from graphql import GraphQLSchema

from auth.access import Access
from auth.credentials import Authenticator
from auth.policy import Policy
from gateway.acting.worker import Worker
from gateway.live.room import Room
from gateway.operation import Reader
from gateway.run import Reach
from gateway.surface import Surface, build_surface, secret_coordinates
from gateway.weight import OperationLimits
from schema.catalog import Catalog
from schema.recent import Recent


class LedgerWriter(Protocol):
    async def append(self, body: bytes, patience_s: float = 0.0) -> str: ...


@dataclass(slots=True)
class House:
    """``plans`` is bounded; a plan holds no value of any request. ``under_way``: requests whose ledger entry is yet
    to come."""

    catalog: Catalog
    surface: Surface
    policy: Policy
    authenticator: Authenticator
    ledger: LedgerWriter
    reach: Reach
    limits: OperationLimits = field(default_factory=OperationLimits)
    time_s: float = 10.0
    under_way: int = 0
    live: Room = field(default_factory=Room)
    worker: Worker | None = None
    """Does what clients have done; None: nothing can be."""
    plans: Recent[Hashable, Any] = field(default_factory=lambda: Recent(1024))
    _readers: dict[frozenset[str], tuple[GraphQLSchema, Reader]] = field(default_factory=dict)
    _sdl: str | None = None
    _hidden: Recent[Hashable, frozenset[str]] = field(default_factory=lambda: Recent(512))

    @property
    def acting(self) -> Worker:
        assert self.worker is not None, "this house does nothing for clients"
        return self.worker

    @property
    def published_sdl(self) -> str:
        """The schema as anybody may read it, without what is Secret."""
        if self._sdl is None:
            self._sdl = build_surface(self.catalog, secret_coordinates(self.catalog)).sdl
        return self._sdl

    def _variant(self, access: Access) -> tuple[GraphQLSchema, Reader]:
        hidden = self._hidden.get(access.key)
        if hidden is None:
            hidden = self._hidden[access.key] = access.secret_hidden()
        known = self._readers.get(hidden)
        if known is None:
            schema = build_surface(self.catalog, hidden).schema if hidden else self.surface.schema
            known = self._readers[hidden] = (schema, Reader(schema, self.limits))
        return known

    def reader(self, access: Access) -> Reader:
        """Reads operations against the schema this principal has: without what is Secret for it."""
        return self._variant(access)[1]

    def schema_of(self, access: Access) -> GraphQLSchema:
        return self._variant(access)[0]


def make_house(
    catalog: Catalog,
    authenticator: Authenticator,
    ledger: LedgerWriter,
    reach: Reach,
    **options: Any,
) -> House:
    """A house over connectors that are already made."""
    return House(catalog, build_surface(catalog), Policy(catalog), authenticator, ledger, reach, **options)
