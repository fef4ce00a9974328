"""Opens the connector of a source by its kind and address. Never touches the network before the first fetch."""

from __future__ import annotations

import asyncio

from connectors.address import Address
from connectors.guard import Observer, guarded
from schema.fetch import Connector
from schema.sources import Source
from schema.trail import LEDGER, Trail


class UnknownKind(ValueError):
    """The source's kind or its address's scheme has no connector."""


def open_connector(
    source: Source, address: Address | Trail, observer: Observer | None = None, turns: asyncio.Semaphore | None = None
) -> Connector:
    """The guarded connector of the source, whose address is the ledger itself where that is the source; ``turns`` as
    in ``guarded``."""
    return guarded(_bare(source, address), observer, turns)


def _bare(source: Source, address: Address | Trail) -> Connector:
    if source.kind == LEDGER:
        from connectors.trail import TrailConnector

        assert not isinstance(address, Address), "the ledger has no address but itself"
        return TrailConnector(source, address)
    assert isinstance(address, Address)
    match source.kind:
        case "sql" | "kept":
            from connectors.sql import open_sql

            return open_sql(source, address)
        case "rest":
            from connectors.rest import RestConnector

            return RestConnector(source, address)
        case "soap":
            from connectors.soap import SoapConnector

            return SoapConnector(source, address)
        case "drop":
            from connectors.drop import DropConnector

            return DropConnector(source, address)
    raise UnknownKind(f"source {source.name}: no connector for kind {source.kind!r}; use sql, rest, soap or drop")
