"""The ``gateway`` command."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import click
import orjson
import structlog
import uvicorn
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from auth.errors import AuthError
from auth.ledger import verify
from auth.ledger.heads import Head, read_heads
from auth.principal import ANONYMOUS, Principal
from auth.tokens import mint, signing_key
from gateway import dictionary as dictionaries
from gateway.apikeys import new_api_key
from gateway.checking import check_live
from gateway.consenting import consent
from gateway.ledger_search import find
from gateway.opening import api_key_pepper, check_settings, open_catalog, open_house, open_store
from gateway.operation import OperationError
from gateway.pipeline import explain as explain_request
from gateway.pipeline import explain_run
from gateway.request import GraphQLRequest
from gateway.settings import ApiKeySettings, Settings, SettingsError, load
from gateway.stopping import readmit, stop
from gateway.surface import build_surface, secret_coordinates
from schema.catalog import Catalog
from schema.errors import DeclarationError
from schema.rules import ROLES
from schema.scalars import KARACHI

USUAL = (Path("gateway.toml"), Path("demo.toml"))


def fail(message: str) -> NoReturn:
    """Says what is wrong on standard error and ends with 2."""
    click.echo(message, err=True)
    sys.exit(2)


def _opened(settings: Settings) -> Catalog:
    """The catalog; problems of the declarations are printed and end the command."""
    try:
        return open_catalog(settings)
    except (DeclarationError, SettingsError) as error:
        fail(str(error))


def known_roles(context: click.Context, option: click.Parameter, told: tuple[str, ...]) -> tuple[str, ...]:
    """Roles that the province or a department has; departments are asked only for one the province does not know."""
    if not set(told) <= set(ROLES):
        roles = _opened(context.obj).roles
        for unknown in sorted(set(told) - roles):
            raise click.BadParameter(f"{unknown!r} is not one of {', '.join(sorted(roles))}")
    return told


@click.group()
@click.option(
    "--config", type=click.Path(dir_okay=False, path_type=Path), envvar="GATEWAY_CONFIG",
    help="Settings file (TOML); without it gateway.toml, else demo.toml, of this folder.",
)  # fmt: skip
@click.pass_context
def main(context: click.Context, config: Path | None) -> None:
    """One GraphQL endpoint over the departments' own systems."""
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    try:
        context.obj = load(config or next((path for path in USUAL if path.exists()), None))
    except SettingsError as error:
        fail(str(error))


@main.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.")
@click.pass_obj
def serve(settings: Settings, host: str | None, port: int | None) -> None:
    """Serve until told to stop."""
    from gateway.app import create_app

    try:
        check_settings(settings, _opened(settings))
    except SettingsError as error:
        fail(str(error))
    listener = _listener(host or settings.server.host, settings.server.port if port is None else port)
    app = create_app(settings, _settle)
    server = _Server(
        uvicorn.Config(
            app, loop="uvloop", http="httptools", ws="websockets-sansio", ws_max_size=settings.limits.body_bytes,
            access_log=False, log_level="warning", lifespan="on", server_header=False, date_header=False,
            timeout_graceful_shutdown=10,
        )
    )  # fmt: skip
    server.closing = app.state.close
    server.run(sockets=[listener])
    if not server.started:
        sys.exit(3)


class _Server(uvicorn.Server):
    """Ends the streams before it waits for requests to end."""

    closing: Callable[[], None]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.closing()
        await super().shutdown(sockets)


def _listener(host: str, port: int) -> socket.socket:
    """Listens and says where; who connects from now on is answered as soon as the house is open."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        fail(f"cannot listen on {host}:{port}: {reason}; choose another with --host or --port")
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"serving on http://{shown}:{listener.getsockname()[1]}")
    return listener


def _settle() -> None:
    """What opening the house made stays as long as the process: the garbage collector need not walk it over and over,
    and need not run for the rows of every answer."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@main.command()
@click.option("--live", is_flag=True, help="Also compare the declarations with what each source really has.")
@click.pass_obj
def check(settings: Settings, live: bool) -> None:
    """Check the declarations; every problem is told with file, line and what to do."""
    catalog = _opened(settings)
    click.echo(
        f"{len(catalog.departments)} departments, {len(catalog.sources)} sources, {len(catalog.records)} records"
    )
    if live:
        try:
            problems = asyncio.run(check_live(settings, catalog))
        except SettingsError as error:
            fail(str(error))
        for problem in problems:
            click.echo(problem, err=True)
        click.echo(f"{len(problems)} problems found in the sources")
        sys.exit(1 if problems else 0)


@main.command()
@click.argument("operation", type=click.File(), default="-")
@click.option("--role", "roles", multiple=True, callback=known_roles, help="As whom to plan; may be repeated.")
@click.option("--attribute", "attributes", multiple=True, help="name=value; may be repeated.")
@click.option("--purpose", help="The purpose claimed.")
@click.option("--case", help="The case claimed.")
@click.option("--run", "running", is_flag=True, help="Run it too, and tell what each step read.")
@click.option("--variables", default="{}", help="Variables as JSON.")
@click.pass_obj
def explain(
    settings: Settings,
    operation: Any,
    roles: tuple[str, ...],
    attributes: tuple[str, ...],
    purpose: str | None,
    case: str | None,
    variables: str,
    running: bool,
) -> None:
    """Print the plan of an OPERATION (a file, or standard input); with --run what each step really read, too."""
    principal = ANONYMOUS
    if roles:
        purposes = frozenset({purpose} if purpose else ())
        principal = Principal("explain", frozenset(roles), _pairs(attributes), purposes, purpose=purpose, case=case)
    try:
        given = orjson.loads(variables)
    except ValueError as error:
        fail(f"--variables: {error}")
    if not isinstance(given, dict):
        fail("--variables: write a JSON object")
    request = GraphQLRequest(operation.read(), None, given)

    async def run() -> str:
        async with open_house(settings) as house:
            if running:
                return await explain_run(house, principal, request)
            return explain_request(house, principal, request)

    try:
        click.echo(asyncio.run(run()), nl=False)
    except (OperationError, SettingsError, DeclarationError, AuthError) as error:
        fail(str(error))


@main.command()
@click.pass_obj
def sdl(settings: Settings) -> None:
    """Print the schema, without what is Secret."""
    catalog = _opened(settings)
    click.echo(build_surface(catalog, secret_coordinates(catalog)).sdl, nl=False)


@main.command()
@click.option("--format", "kind", type=click.Choice(["md", "csv", "json"]), default="md")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="With the owners of that day, not today's.")
@click.pass_obj
def dictionary(settings: Settings, kind: str, as_of: dt.datetime | None) -> None:
    """Print the data dictionary."""
    day = None if as_of is None else as_of.date()
    click.echo(dictionaries.dictionary(_opened(settings), kind, day), nl=False)


@main.command()
@click.option("--role", "roles", multiple=True, required=True, callback=known_roles)
@click.option("--subject", default="demo", show_default=True)
@click.option("--attribute", "attributes", multiple=True, help="name=value, e.g. district=KEC; may be repeated.")
@click.option("--purpose", "purposes", multiple=True, help="A purpose the token permits; may be repeated.")
@click.option("--office", help="The post its holder fills.")
@click.option("--act-for", multiple=True, help="A subject its holder may act for.")
@click.option("--ttl", type=int, help="Seconds until it expires: 8 hours for a token, never for an API key.")
@click.option("--api-key", is_flag=True, help="Make an API key instead, and the settings that make it known.")
@click.pass_obj
def token(
    settings: Settings,
    roles: tuple[str, ...],
    subject: str,
    attributes: tuple[str, ...],
    purposes: tuple[str, ...],
    office: str | None,
    act_for: tuple[str, ...],
    ttl: int | None,
    api_key: bool,
) -> None:
    """Print a demo token, signed with a key made at first use; or a new API key, which is shown only now."""
    if api_key:
        if office or act_for:
            fail("--office and --act-for are for tokens; an API key stands for an application")
        expires = None if ttl is None else dt.datetime.fromtimestamp(int(time.time()) + ttl, KARACHI).isoformat()
        made = ApiKeySettings("", subject, list(roles), _pairs(attributes), list(purposes), expires)
        click.echo(new_api_key(api_key_pepper(settings), made))
        return
    key = signing_key(Path(settings.state) / "demo.key")
    click.echo(
        mint(
            key, now=time.time(), subject=subject, roles=roles, attributes=_pairs(attributes), purposes=purposes,
            office=office, act_for=act_for, ttl_s=8 * 3600 if ttl is None else ttl,
        )
    )  # fmt: skip


def _pairs(told: tuple[str, ...]) -> dict[str, Any]:
    pairs: dict[str, Any] = {}
    for part in told:
        name, found, value = part.partition("=")
        if not found:
            fail(f"--attribute {part}: write name=value")
        pairs[name] = value
    return pairs


@main.group()
def ledger() -> None:
    """The ledger of what was asked and shown."""


@ledger.command("verify")
@click.option("--head", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File of signed heads.")
@click.option("--public-key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="PEM of their key.")
@click.pass_obj
def verify_ledger(settings: Settings, head: Path | None, public_key: Path | None) -> None:
    """Find a changed, removed, reordered or cut-off entry; ends with 1 when there is one."""
    heads: Iterator[Head | None] | None = None
    if head is not None:
        key = (
            load_pem_public_key(public_key.read_bytes())
            if public_key is not None
            else signing_key(Path(settings.state) / "ledger.key").public_key()
        )
        heads = read_heads(head, key)  # type: ignore[arg-type]

    async def run() -> Any:
        store = open_store(settings)
        try:
            return await verify(store.read(), heads)
        finally:
            await store.aclose()

    try:
        report = asyncio.run(run())
    except Exception as error:
        fail(f"the ledger cannot be read: {type(error).__name__}")
    click.echo(report.message)
    sys.exit(0 if report.sound else 1)


@ledger.command("show")
@click.option("--after", default=0, help="Number of the entry to start after.")
@click.option("--limit", default=20, show_default=True)
@click.pass_obj
def show_ledger(settings: Settings, after: int, limit: int) -> None:
    """Print entries as JSON, one a line."""

    async def run() -> None:
        store = open_store(settings)
        try:
            count = 0
            async for link in store.read(after):
                if count == limit:
                    break
                click.echo(orjson.dumps({"seq": link.seq, "hash": link.hash, **orjson.loads(link.body)}).decode())
                count += 1
        finally:
            await store.aclose()

    try:
        asyncio.run(run())
    except AuthError as error:
        fail(str(error))


ledger.add_command(find)
main.add_command(consent)
main.add_command(stop)
main.add_command(readmit)


if __name__ == "__main__":
    main()
