"""Settings: one TOML file and ``GATEWAY_*`` variables. Addresses and secrets stand here and nowhere else.

``${NAME}`` inside a value is replaced from the environment; paths are relative to the file. ``GATEWAY_SERVER__PORT``
overrides ``[server] port``.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from connectors.address import Address, LogAddress
from gateway.live.limits import LiveLimits
from gateway.weight import OperationLimits


class SettingsError(Exception):
    """What is wrong with the settings, with file and key."""


class Server(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    host: str = "127.0.0.1"
    port: int = 8000


class LogSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A database's log of changes, where its owner lets us read it: see ``connectors.address.LogAddress``."""

    publication: str = ""
    server_id: int = 0
    user: str | None = None
    password_file: str | None = None


class HookSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Where a department may tell that something changed (``gateway.live.hooks``): ``secret_file`` holds what it signs
    with; ``window_s``: how old a message may be."""

    secret_file: str
    window_s: float = 300.0


class SourceSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``*_file`` names a file that holds the secret."""

    url: str = ""
    user: str | None = None
    password_file: str | None = None
    key_file: str | None = None
    folder: str | None = None
    options: dict[str, str] = {}
    log: LogSettings | None = None
    hook: HookSettings | None = None


class LedgerSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``url``: sqlite:///path or postgresql://...; ``heads``: the second place of signed heads."""

    url: str = "sqlite:///var/state/ledger.sqlite"
    heads: str = "var/heads/heads.jsonl"


class IssuerSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Either ``key_file`` (a PEM public key) or ``jwks`` (an address)."""

    audience: str
    key_file: str | None = None
    jwks: str | None = None
    algorithms: tuple[str, ...] = ("EdDSA", "ES256", "RS256")


class CaseSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    subjects: list[str]
    opened: str = "0001-01-01"
    closes: str = "9999-12-31"


class ApiKeySettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``digest``: what ``gateway token --api-key`` prints beside the key; the key itself is kept nowhere."""

    digest: str
    subject: str
    roles: list[str]
    attributes: dict[str, str | int | list[str]] = {}
    purposes: list[str] = []
    expires: str | None = None


class RepresentedSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Whom others may act for, with its own rights: what is answered is what both may see."""

    roles: list[str]
    attributes: dict[str, str | int | list[str]] = {}
    purposes: list[str] = []


class ConsentSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A learner's consent kept in the settings; others are given with ``gateway consent give``. Moments are ISO; a day
    for ``expires`` or ``withdrawn`` counts to its end or from its begin, in Karachi."""

    learner: str
    organisation: str
    purpose: str
    scope: str
    given: str
    expires: str
    recorded_by: str
    withdrawn: str | None = None


class AuthSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    demo_tokens: bool = False
    issuers: dict[str, IssuerSettings] = {}
    api_keys: dict[str, ApiKeySettings] = {}
    cases: dict[str, CaseSettings] = {}
    represented: dict[str, RepresentedSettings] = {}
    consents: dict[str, ConsentSettings] = {}


class LimitSettings(OperationLimits, forbid_unknown_fields=True, frozen=True):
    """How large an operation may be, and around it: ``time_s``: of one operation. ``intermediate_rows``: that a join of
    a derived record may make in the gateway; more go to an embedded engine (the extra ``analytics``), which takes
    ``engine_mb`` of memory for one operation and ``engine_disk_mb`` in the folder of ``state``."""

    body_bytes: int = 1_000_000
    body_time_s: float = 10.0
    time_s: float = 10.0
    default_first: int = 100
    max_first: int = 1_000
    intermediate_rows: int = 1_000_000
    engine_mb: int = 256
    engine_disk_mb: int = 4_096


class LiveSettings(LiveLimits, forbid_unknown_fields=True, frozen=True):
    """Real time: how much of it, and ``kept``: where feeds are kept to be resumed; empty: in the folder of
    ``state``."""

    kept: str = ""


class ActionSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``url``: where what is to be done is kept, sqlite:///path or postgresql://...; empty: a file in the folder of
    ``state``. ``lease_s``: how long one gateway has for an action before another may take it up; ``resolve_s``: how
    often unfinished ones are looked for."""

    url: str = ""
    lease_s: float = 30.0
    resolve_s: float = 5.0


class Settings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``state``: folder of keys made at first start. ``departments``: modules that declare."""

    departments: tuple[str, ...] = (
        "connectors.education", "connectors.health", "connectors.finance", "connectors.labour", "connectors.province",
        "connectors.oversight",
    )  # fmt: skip
    state: str = "var/state"
    server: Server = Server()
    sources: dict[str, SourceSettings] = {}
    ledger: LedgerSettings = LedgerSettings()
    auth: AuthSettings = AuthSettings()
    limits: LimitSettings = LimitSettings()
    live: LiveSettings = LiveSettings()
    actions: ActionSettings = ActionSettings()


def load(path: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a file (all defaults without one). Raises SettingsError."""
    where = str(path) if path else "the environment"
    base = path.parent if path else Path()
    try:
        told = tomllib.loads(path.read_text()) if path else {}
    except OSError as error:
        raise SettingsError(f"{where}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{where}: {error}") from None
    for name, value in environment.items():
        if name.startswith("GATEWAY_") and "__" in name:
            _override(told, name.removeprefix("GATEWAY_").lower().split("__"), value)
    try:
        settings = msgspec.convert(_expanded(told, environment, where), Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{where}: {_readable(str(error))}") from None
    return _located(settings, base)


def _readable(message: str) -> str:
    """msgspec's message with the key first: ``server: Expected `int`, got `str` ``."""
    reason, _, place = message.partition(" - at `$")
    place = place.strip("`.").removesuffix("[...]")
    reason = re.sub(r"Object contains unknown field `(\w+)`", r"there is no setting \1", reason)
    return f"{place}: {reason}" if place else reason


def _override(told: dict[str, Any], keys: list[str], value: str) -> None:
    for key in keys[:-1]:
        told = told.setdefault(key, {})
    try:
        told[keys[-1]] = json.loads(value)
    except ValueError:
        told[keys[-1]] = value


def _expanded(value: Any, environment: Mapping[str, str], where: str) -> Any:
    if isinstance(value, dict):
        return {key: _expanded(part, environment, where) for key, part in value.items()}
    if isinstance(value, list):
        return [_expanded(part, environment, where) for part in value]
    if isinstance(value, str):

        def known(match: re.Match[str]) -> str:
            name, _, default = match.group(1).partition(":-")
            if name not in environment and ":-" not in match.group(1):
                raise SettingsError(f"{where}: the variable {name} is not set; set it or give ${{{name}:-default}}")
            return environment.get(name, default)

        return re.sub(r"\$\{([^}]+)\}", known, value)
    return value


def _located(settings: Settings, base: Path) -> Settings:
    """The settings with every path made absolute."""

    def place(text: str) -> str:
        return str((base / text).absolute())

    def url(text: str) -> str:
        if text.startswith("sqlite:///"):
            return f"sqlite:///{place(text.removeprefix('sqlite:///'))}"
        return text

    def source(one: SourceSettings) -> SourceSettings:
        changes = {
            name: place(value)
            for name in ("password_file", "key_file", "folder")
            if (value := getattr(one, name)) is not None
        }
        log = one.log
        if log is not None and log.password_file is not None:
            log = msgspec.structs.replace(log, password_file=place(log.password_file))
        hook = one.hook
        if hook is not None:
            hook = msgspec.structs.replace(hook, secret_file=place(hook.secret_file))
        return msgspec.structs.replace(one, url=url(one.url), log=log, hook=hook, **changes)

    def issuer(one: IssuerSettings) -> IssuerSettings:
        return one if one.key_file is None else msgspec.structs.replace(one, key_file=place(one.key_file))

    ledger = LedgerSettings(url(settings.ledger.url), place(settings.ledger.heads))
    kept = place(settings.live.kept or f"{settings.state}/live.sqlite")
    sources = {name: source(one) for name, one in settings.sources.items()}
    issuers = {name: issuer(one) for name, one in settings.auth.issuers.items()}
    return msgspec.structs.replace(
        settings, state=place(settings.state), ledger=ledger, sources=sources,
        actions=msgspec.structs.replace(settings.actions, url=url(settings.actions.url)),
        live=msgspec.structs.replace(settings.live, kept=kept),
        auth=msgspec.structs.replace(settings.auth, issuers=issuers),
    )  # fmt: skip


def address_of(name: str, source: SourceSettings) -> Address:
    """A source's address with its secrets read. Raises SettingsError when a secret's file cannot be read."""

    def secret(path: str | None) -> str | None:
        try:
            return None if path is None else Path(path).read_text().strip()
        except OSError as error:
            raise SettingsError(f"source {name}: {error.strerror}: {Path(path or '').name}") from None

    log = source.log
    return Address(
        source.url, source.user, secret(source.password_file), secret(source.key_file),
        None if source.folder is None else Path(source.folder), source.options,
        None if log is None else LogAddress(log.publication, log.server_id, log.user, secret(log.password_file)),
    )  # fmt: skip
