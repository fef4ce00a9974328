"""Opens a house from settings: catalog, connectors, authenticator, ledger. No department's system has to be up."""

from __future__ import annotations

import datetime as dt
import functools
import importlib
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from auth.consents import ListedConsents, Register
from auth.credentials import ALGORITHMS, Authenticator, Case, Issuer
from auth.keysets import Jwks, StaticKey
from auth.ledger import HeadFile, Ledger, PostgresStore, SqliteStore, Store
from auth.ledger.trail import LedgerTrail
from auth.principal import Principal
from auth.tokens import AUDIENCE, ISSUER, secret_file, signing_key
from connectors.address import Address
from connectors.guard import Observer
from connectors.open import UnknownKind, open_connector
from connectors.sql import open_log
from connectors.tags import TagReader
from connectors.whole import WholeCounts
from gateway.acting.opening import Turns, open_worker, outbox_url, turns_of
from gateway.consenting import consent_store, listed_consents
from gateway.coordinates import departments_of
from gateway.cursors import Sealer, load_sealer
from gateway.engine import open_engines
from gateway.house import House, make_house
from gateway.live.hooks import Hook, Hooks
from gateway.live.kept import Kept
from gateway.live.room import Room
from gateway.run import Reach
from gateway.settings import AuthSettings, IssuerSettings, Settings, SettingsError, address_of
from gateway.stopping import stops_of
from schema.acting import KEPT
from schema.catalog import Catalog, Declared
from schema.changelog import ChangeLog
from schema.fetch import Connector
from schema.relations import Select
from schema.resolve import resolve
from schema.rules import ROLES
from schema.scalars import KARACHI
from schema.sources import Source
from schema.trail import LEDGER, Trail


def open_catalog(settings: Settings) -> Catalog:
    """The catalog of the departments the settings name. Raises SettingsError and DeclarationError."""
    return _catalog(settings.departments, dt.datetime.now(KARACHI).date())


@functools.lru_cache(maxsize=4)
def _catalog(departments: tuple[str, ...], today: dt.date) -> Catalog:
    declared = []
    for name in departments:
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise SettingsError(f"departments: there is no module {error.name}") from None
        part = getattr(module, "declared", None)
        if not isinstance(part, Declared):
            raise SettingsError(f"departments: {name} has no `declared = Declared(...)`")
        declared.append(part)
    return resolve(declared, today)


def open_connectors(
    settings: Settings, catalog: Catalog, observer: Observer | None = None, turns: Turns | None = None
) -> dict[str, Connector]:
    """A guarded connector for each source. ``turns``: of sources that others call too. Raises SettingsError naming
    every source without an address."""
    sources = {name: source for name, source in catalog.sources.items() if source.kind != "derived"}
    kept = {name for name, source in sources.items() if source.kind in (KEPT, LEDGER)}
    missing = sorted(set(sources) - set(settings.sources) - kept)
    if missing:
        raise SettingsError(f"sources: no address for {', '.join(missing)}; add [sources.<name>] with url or folder")
    connectors: dict[str, Connector] = {}
    whole = {
        record.source.name for record in catalog.records.values()
        if isinstance(record.relation, Select) and record.relation.whole is not None
    }  # fmt: skip
    for name, source in sources.items():
        try:
            connector = open_connector(source, _place(settings, catalog, source), observer, (turns or {}).get(name))
            connectors[name] = WholeCounts(connector) if name in whole else connector
        except (UnknownKind, ValueError) as error:
            raise SettingsError(str(error)) from None
    return connectors


def _place(settings: Settings, catalog: Catalog, source: Source) -> Address | Trail:
    """Where the source is: what the gateway keeps itself has no address in the settings of sources."""
    if source.kind == LEDGER:
        key = signing_key(Path(settings.state) / "ledger.key").public_key()
        return LedgerTrail(open_store(settings), Path(settings.ledger.heads), key, departments_of(catalog))
    if source.kind == KEPT:
        return Address(outbox_url(settings))
    return address_of(source.name, settings.sources[source.name])


def open_readers(settings: Settings, catalog: Catalog) -> dict[str, Callable[[], ChangeLog]]:
    """What reads the log of each source whose owner allows it, not open yet. Raises SettingsError."""
    found: dict[str, Callable[[], ChangeLog]] = {}
    ids: dict[tuple[str, int], str] = {}
    for name, told in settings.sources.items():
        source = catalog.sources.get(name)
        if told.log is None or source is None:
            continue
        if source.kind != "sql":
            raise SettingsError(f"source {name}: no log is read of a source of kind {source.kind!r}; leave log out")
        if told.log.server_id:
            # The server ends the older of two readers with the same number.
            same = ids.setdefault((urlsplit(told.url).netloc.rpartition("@")[2], told.log.server_id), name)
            if same != name:
                raise SettingsError(f"sources {same} and {name}: their logs need a server_id each; change one")
        make = functools.partial(open_log, source, address_of(name, told))
        try:
            make()
        except ValueError as error:
            raise SettingsError(str(error)) from None
        found[name] = make
    return found


def open_hooks(settings: Settings) -> Hooks:
    """Where departments may say that something changed. Raises SettingsError for a secret that cannot be read, is too
    short to be one, or is another source's too: a message to one would do for the other."""
    hooks: dict[str, Hook] = {}
    for name, told in settings.sources.items():
        if told.hook is None:
            continue
        try:
            secret = Path(told.hook.secret_file).read_bytes().strip()
        except OSError as error:
            raise SettingsError(f"source {name}: {error.strerror}: {Path(told.hook.secret_file).name}") from None
        if len(secret) < 32:
            raise SettingsError(f"source {name}: the secret of its hook has {len(secret)} bytes; 32 are needed")
        if any(one.secret == secret for one in hooks.values()):
            raise SettingsError(f"source {name}: the secret of its hook is another source's too; make one of its own")
        hooks[name] = Hook(secret, told.hook.window_s)
    return Hooks(hooks)


def open_store(settings: Settings) -> Store:
    """The ledger's store with its head file."""
    heads = HeadFile(Path(settings.ledger.heads), signing_key(Path(settings.state) / "ledger.key"))
    url = settings.ledger.url
    if url.startswith(("postgresql:", "postgres:")):
        return PostgresStore(url, heads)
    if not url.startswith("sqlite:///"):
        raise SettingsError("ledger.url: write sqlite:///path or postgresql://...")
    return SqliteStore(Path(url.removeprefix("sqlite:///")), heads)


def open_authenticator(settings: Settings, roles: frozenset[str] = frozenset(ROLES)) -> Authenticator:
    """Knows the issuers, keys and cases of the settings, and what ``roles`` there are; the demo issuer only when they
    say so."""
    auth, state = settings.auth, Path(settings.state)
    issuers = {name: _issuer(name, one) for name, one in auth.issuers.items()}
    if auth.demo_tokens:
        key = signing_key(state / "demo.key").public_key()
        issuers[ISSUER] = Issuer(ISSUER, AUDIENCE, StaticKey(key), ("EdDSA",))
    return Authenticator(
        issuers, time.time, lambda: dt.datetime.now(KARACHI).date().isoformat(),
        pepper=api_key_pepper(settings), api_keys=_api_keys(auth),
        cases={name: Case(frozenset(case.subjects), case.opened, case.closes) for name, case in auth.cases.items()},
        represented={
            name: Principal(name, frozenset(one.roles), _attributes(one.attributes), frozenset(one.purposes))
            for name, one in auth.represented.items()
        },
        consents=Register((ListedConsents(listed_consents(auth)), consent_store(settings))), stops=stops_of(settings),
        roles=roles,
    )  # fmt: skip


def _issuer(name: str, told: IssuerSettings) -> Issuer:
    algorithms = told.algorithms
    if other := set(algorithms) - set(ALGORITHMS):
        allowed = ", ".join(ALGORITHMS)
        raise SettingsError(f"auth.issuers.{name}: {min(other)} is no algorithm we accept; use {allowed}")
    if told.jwks is not None:
        return Issuer(name, told.audience, Jwks(told.jwks, time.monotonic), algorithms)
    if told.key_file is None:
        raise SettingsError(f"auth.issuers.{name}: give key_file or jwks")
    try:
        key = load_pem_public_key(Path(told.key_file).read_bytes())
    except OSError as error:
        raise SettingsError(f"auth.issuers.{name}.key_file: {error.strerror}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise SettingsError(f"auth.issuers.{name}.key_file: no PEM public key") from None
    return Issuer(name, told.audience, StaticKey(key), algorithms)


def api_key_pepper(settings: Settings) -> bytes:
    """What API keys are hashed with; made at first use."""
    return secret_file(Path(settings.state) / "api-keys.pepper", os.urandom(32))


def _api_keys(auth: AuthSettings) -> dict[str, Principal]:
    return {
        one.digest: Principal(
            one.subject, frozenset(one.roles), _attributes(one.attributes), frozenset(one.purposes),
            expires_at=_moment(f"auth.api_keys.{name}.expires", one.expires),
        )
        for name, one in auth.api_keys.items()
    }  # fmt: skip


def _moment(where: str, told: str | None) -> float | None:
    """Seconds since the epoch; a moment without offset is Karachi's."""
    try:
        moment = None if told is None else dt.datetime.fromisoformat(told)
    except ValueError:
        raise SettingsError(f"{where}: a moment looks like 2026-06-30T00:00:00+05:00") from None
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=KARACHI)).timestamp()


def _attributes(told: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}


def check_settings(settings: Settings, catalog: Catalog) -> None:
    """Raises SettingsError for what would keep the house from opening. Connects to nothing."""
    connectors = open_connectors(settings, catalog)
    open_worker(settings, catalog, connectors, Ledger(open_store(settings)), turns_of(catalog))
    open_readers(settings, catalog)
    open_hooks(settings)
    open_store(settings)
    open_authenticator(settings)


def _room(settings: Settings, catalog: Catalog, sealer: Sealer) -> Room:
    limits = settings.live
    kept = Kept(Path(limits.kept or f"{settings.state}/live.sqlite"), sealer, limits.window_s)
    tags = {
        name: functools.partial(TagReader, catalog.sources[name], address_of(name, one))
        for name, one in settings.sources.items() if name in catalog.sources and catalog.sources[name].kind == "rest"
    }  # fmt: skip
    return Room(limits, kept, open_readers(settings, catalog), tags=tags, hooks=open_hooks(settings))


class _LedgerOf:
    """The ledger of a house, looked up at each entry."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def append(self, body: bytes, patience_s: float = 0.0) -> str:
        return await self._house.ledger.append(body, patience_s)


@asynccontextmanager
async def open_house(settings: Settings, observer: Observer | None = None) -> AsyncIterator[House]:
    """The house the settings describe; its connectors and ledger are closed at the end."""
    catalog = open_catalog(settings)
    limits = settings.limits
    turns = turns_of(catalog)
    connectors = open_connectors(settings, catalog, observer, turns)
    ledger = Ledger(open_store(settings))
    sealer = load_sealer(Path(settings.state) / "cursors.key")
    house = make_house(
        catalog, open_authenticator(settings, catalog.roles), ledger,
        Reach(
            connectors, sealer, limits.default_first, limits.max_first, intermediate_rows=limits.intermediate_rows,
            engine=open_engines(Path(settings.state) / "engine", limits.engine_mb, limits.engine_disk_mb),
        ),
        limits=limits, time_s=limits.time_s, live=_room(settings, catalog, sealer),
    )  # fmt: skip
    # Not the ledger itself but whichever the house has, so that there is one place to change it.
    house.worker = open_worker(settings, catalog, connectors, _LedgerOf(house), turns, observer)
    if house.worker is not None:
        await house.worker.open()
    try:
        yield house
    finally:
        await house.live.aclose()
        if house.worker is not None:
            await house.worker.aclose()
        for connector in connectors.values():
            await connector.aclose()
        await ledger.aclose()
