"""``gateway stop`` and ``gateway readmit``: the access of one subject ends at once, in running streams too, and may be
given back; each is in the ledger."""

from __future__ import annotations

from pathlib import Path

import click

from auth.errors import AuthError
from auth.stops import Stops
from gateway.operator_entries import record_operator
from gateway.settings import Settings


def stops_of(settings: Settings) -> Stops:
    return Stops(Path(settings.state) / "stopped")


@click.command()
@click.argument("subject")
@click.pass_obj
def stop(settings: Settings, subject: str) -> None:
    """End the access of SUBJECT at once, whatever its credential still says. It ends even where the ledger cannot be
    written."""
    if not subject.strip() or "\n" in subject:
        raise click.BadParameter("a subject is one line of text")
    stops = stops_of(settings)
    stops.write(stops.listed() | {subject})
    _record(settings, "access_stopped", subject)
    click.echo(f"the access of {subject} is stopped")


@click.command()
@click.argument("subject")
@click.pass_obj
def readmit(settings: Settings, subject: str) -> None:
    """Give the access of SUBJECT back."""
    stops = stops_of(settings)
    if subject not in stops.listed():
        raise click.ClickException(f"the access of {subject} is not stopped")
    _record(settings, "access_readmitted", subject)
    stops.write(stops.listed() - {subject})
    click.echo(f"{subject} has access again")


def _record(settings: Settings, outcome: str, subject: str) -> None:
    try:
        record_operator(settings, outcome, {"subject": subject})
    except AuthError as error:
        raise click.ClickException(error.message) from None
