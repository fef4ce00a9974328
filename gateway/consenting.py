"""``gateway consent``: consents are given, withdrawn and listed here; each change leaves an entry in the ledger."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import Any, NoReturn

import click

from auth.consents import SCOPES, Consent, StoredConsents
from auth.errors import AuthError
from gateway.operator_entries import record_operator
from gateway.settings import AuthSettings, Settings, SettingsError
from schema.purposes import PURPOSES
from schema.scalars import KARACHI

COLUMNS = ("number", "learner", "organisation", "purpose", "scope", "given", "expires", "withdrawn", "recorded by")


def consent_store(settings: Settings) -> StoredConsents:
    return StoredConsents(Path(settings.state) / "consents.sqlite")


def listed_consents(auth: AuthSettings) -> tuple[Consent, ...]:
    """The consents of the settings. Raises SettingsError naming the one that cannot be understood."""
    found = []
    for name, one in auth.consents.items():
        where = f"auth.consents.{name}"
        if one.scope not in SCOPES:
            raise SettingsError(f"{where}.scope: one of {', '.join(SCOPES)}")
        if one.purpose not in PURPOSES:
            raise SettingsError(f"{where}.purpose: one of {', '.join(PURPOSES)}")
        given, expires = _moment(where, one.given), _moment(where, one.expires, to_its_end=True)
        withdrawn = None if one.withdrawn is None else _moment(where, one.withdrawn)
        found.append(
            Consent(
                name, one.learner, one.organisation, one.purpose, one.scope, given, expires, one.recorded_by, withdrawn
            )
        )
    return tuple(found)


def _moment(where: str, told: str, *, to_its_end: bool = False) -> float:
    """Seconds since the epoch. What has no offset is Karachi's; a day may count to its end."""
    try:
        moment = dt.datetime.fromisoformat(told)
    except ValueError:
        raise SettingsError(f"{where}: a moment looks like 2026-06-30 or 2026-06-30T12:00:00+05:00") from None
    if to_its_end and len(told) == len("2026-06-30"):
        moment += dt.timedelta(days=1)
    return (moment if moment.tzinfo else moment.replace(tzinfo=KARACHI)).timestamp()


@click.group()
def consent() -> None:
    """Who lets which organisation see a learner's record."""


@consent.command("give")
@click.option("--learner", required=True, help="EMIS pupil number.")
@click.option("--organisation", required=True, help="As its credential's attribute `organisation` has it.")
@click.option("--purpose", required=True, type=click.Choice(PURPOSES))
@click.option("--scope", required=True, type=click.Choice(SCOPES))
@click.option("--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Last day it holds, Karachi.")
@click.option("--recorded-by", required=True, help="The post that keeps the signed paper.")
@click.pass_obj
def give(
    settings: Settings, learner: str, organisation: str, purpose: str, scope: str, until: dt.datetime, recorded_by: str
) -> None:
    """Record that a learner consents, from now on."""
    now = time.time()
    expires = (until + dt.timedelta(days=1)).replace(tzinfo=KARACHI).timestamp()
    if expires <= now:
        _fail("a consent that has expired already gives nothing; name a later day")
    told = {"organisation": organisation, "purpose": purpose, "scope": scope, "recordedBy": recorded_by}
    _record(settings, "consent_given", told)
    number = consent_store(settings).give(
        Consent("", learner, organisation, purpose, scope, now, expires, recorded_by)
    )
    click.echo(f"consent {number} recorded")


@consent.command("withdraw")
@click.argument("number")
@click.pass_obj
def withdraw(settings: Settings, number: str) -> None:
    """End a consent now. It ends even where the ledger cannot be written."""
    if not consent_store(settings).withdraw(number, time.time()):
        _fail(f"there is no consent {number}")
    _record(settings, "consent_withdrawn", {"number": number})
    click.echo(f"consent {number} withdrawn")


@consent.command("list")
@click.option("--learner", help="Only this learner's.")
@click.pass_obj
def show(settings: Settings, learner: str | None) -> None:
    """Print all consents, those of the settings file too; that somebody looked is recorded."""
    found = [*listed_consents(settings.auth), *consent_store(settings).listed(learner)]
    kept = [one for one in found if learner is None or one.learner == learner]
    _record(settings, "consents_listed", {"consents": len(kept)})
    rows = [COLUMNS, *map(_cells, kept)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cells(one: Consent) -> tuple[str, ...]:
    withdrawn = "-" if one.withdrawn is None else _day(one.withdrawn)
    return (
        one.number, one.learner, one.organisation, one.purpose, one.scope, _day(one.given), _day(one.expires),
        withdrawn, one.recorded_by,
    )  # fmt: skip


def _day(moment: float) -> str:
    return dt.datetime.fromtimestamp(moment, KARACHI).isoformat(timespec="minutes")


def _record(settings: Settings, outcome: str, told: dict[str, Any]) -> None:
    """An entry of the ledger, without the learner's number: entries hold no value of a record."""
    try:
        record_operator(settings, outcome, {"consent": told})
    except AuthError as error:
        _fail(error.message)


def _fail(message: str) -> NoReturn:
    click.echo(message, err=True)
    raise SystemExit(2)
