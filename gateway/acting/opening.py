"""Opens what does things for clients, from settings."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from connectors.calling import open_caller
from connectors.guard import Observer
from gateway.acting.worker import Timing, Worker, Writer
from gateway.settings import Settings, SettingsError, address_of
from schema.catalog import Catalog
from schema.fetch import Connector

Turns = Mapping[str, asyncio.Semaphore]


def outbox_url(settings: Settings) -> str:
    """Where the outbox stands."""
    return settings.actions.url or f"sqlite:///{settings.state}/outbox.sqlite"


def turns_of(catalog: Catalog) -> Turns:
    """By source that something is done at: how many may call it at once, readers and doers together."""
    sources = {action.source.name: action.source for action in catalog.actions.values()}
    return {name: asyncio.Semaphore(source.limits.concurrency) for name, source in sources.items()}


def open_worker(
    settings: Settings, catalog: Catalog, connectors: Mapping[str, Connector], ledger: Writer, turns: Turns,
    observer: Observer | None = None,
) -> Worker | None:  # fmt: skip
    """Does what the catalog's actions say; None where there are none. Raises SettingsError."""
    if not catalog.actions:
        return None
    callers = {}
    try:
        for action in catalog.actions.values():
            name = action.source.name
            address = address_of(name, settings.sources[name])
            callers[name] = open_caller(action.source, address, turns[name], observer)
        timing = Timing(settings.actions.lease_s, settings.actions.resolve_s)
        return Worker(catalog, connectors, callers, ledger, outbox_url(settings), timing)
    except ValueError as error:
        raise SettingsError(str(error)) from None
