"""``python -m bench``: every group of measurements; ``python -m bench district``: one of them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from bench import across as crossing
from bench import district as districts
from bench import live as watching
from bench import report
from bench import scorecard as cards
from bench.across_questions import QUESTIONS
from bench.measure import AnswersDiffer, Comparison
from bench.operations import OPERATIONS
from bench.systems import Systems

FOLDER = Path("var/bench")
RESULTS = Path("bench/results")
POSTGRES = "postgresql://root@127.0.0.1:5432"
MARIADB = "mysql://root@127.0.0.1:3306"


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Measure the gateway. Without a command every group runs, each with its own defaults."""
    if context.invoked_subcommand is None:
        for command in main.commands.values():
            context.invoke(command)


@main.command()
@click.option("--postgres", envvar="GATEWAY_BENCH_POSTGRES", default=POSTGRES, show_default=True)
@click.option("--mariadb", envvar="GATEWAY_BENCH_MARIADB", default=MARIADB, show_default=True)
@click.option("--rounds", default=5, show_default=True, help="How often each side has its turn.")
@click.option("--seconds", default=1.0, show_default=True, help="How long a turn lasts.")
@click.option("--concurrency", "concurrencies", type=int, multiple=True, default=(1, 32), show_default=True)
@click.option("--only", multiple=True, type=click.Choice([one.name for one in OPERATIONS]), help="May be repeated.")
@click.option("--save", help="Also write the figures to bench/results/NAME.json.")
def district(
    postgres: str, mariadb: str, rounds: int, seconds: float, concurrencies: tuple[int, ...], only: tuple[str, ...],
    save: str | None,
) -> None:  # fmt: skip
    """Four operations at district scale beside code written by hand for each."""
    systems = Systems("district", postgres, mariadb, FOLDER)
    systems.prepare()
    chosen = [one for one in OPERATIONS if not only or one.name in only]

    def told(one: Comparison) -> None:
        click.echo(f"{one.operation} at {one.concurrency}: {one.ratio:.2f}", err=True)

    try:
        found = districts.run(systems, chosen, concurrencies, rounds, seconds, told)
    except AnswersDiffer as error:
        sys.exit(f"the answers differ: {error}")
    click.echo(report.table(found))
    for one in chosen:
        click.echo(f"{one.name}: {one.what}")
    if save:
        report.write(RESULTS / f"{save}.json", found)


@main.command()
@click.option("--postgres", envvar="GATEWAY_BENCH_POSTGRES", default=POSTGRES, show_default=True)
@click.option("--mariadb", envvar="GATEWAY_BENCH_MARIADB", default=MARIADB, show_default=True)
@click.option("--scale", type=click.Choice(["demo", "province"]), default="province", show_default=True)
@click.option("--rounds", default=3, show_default=True, help="How often each side has its turn.")
@click.option("--only", multiple=True, type=click.Choice([one.name for one in QUESTIONS]), help="May be repeated.")
@click.option("--save", help="Also write the figures to bench/results/NAME.json.")
def across(postgres: str, mariadb: str, scale: str, rounds: int, only: tuple[str, ...], save: str | None) -> None:
    """Questions over systems that cannot join, beside a script that joins in dictionaries."""
    systems = Systems(scale, postgres, mariadb, FOLDER, f"gateway_bench_{scale}")
    systems.prepare()
    chosen = [one for one in QUESTIONS if not only or one.name in only]

    def told(one: crossing.Found) -> None:
        click.echo(f"{one.question}: {one.ratio:.2f}", err=True)

    try:
        found = crossing.run(systems, chosen, rounds, told)
    except AnswersDiffer as error:
        sys.exit(f"the answers differ: {error}")
    click.echo(crossing.table(found))
    for one in chosen:
        click.echo(f"{one.name}: {one.what}")
    if save:
        report.write(RESULTS / f"{save}.json", found)


@main.command()
@click.option("--postgres", envvar="GATEWAY_BENCH_POSTGRES", default=POSTGRES, show_default=True)
@click.option("--mariadb", envvar="GATEWAY_BENCH_MARIADB", default=MARIADB, show_default=True)
@click.option("--scale", type=click.Choice(["demo", "province"]), default="province", show_default=True)
@click.option("--rounds", default=3, show_default=True, help="How often it is asked with nothing known.")
@click.option("--save", help="Also write the figures to bench/results/NAME.json.")
def scorecard(postgres: str, mariadb: str, scale: str, rounds: int, save: str | None) -> None:
    """All indicators of all districts, with nothing known and asked again."""
    systems = Systems(scale, postgres, mariadb, FOLDER, f"gateway_bench_{scale}")
    systems.prepare()
    found = asyncio.run(cards.run(systems, rounds))
    click.echo(cards.table(found))
    if save:
        report.write(RESULTS / f"{save}.json", found)


@main.command()
@click.option("--subscribers", "crowds", type=int, multiple=True, default=(1, 100, 1_000), show_default=True)
@click.option("--changes", default=20, show_default=True, help="How many are waited for by everybody.")
@click.option("--save", help="Also write the figures to bench/results/NAME.json.")
@click.option("--postgres", "server", help="A PostgreSQL with wal_level=logical: LMIS stands there, watched both ways.")
def live(crowds: tuple[int, ...], changes: int, save: str | None, server: str | None) -> None:
    """How long a change takes to reach all who watch, and what watching costs."""
    found = watching.run(FOLDER, crowds, changes, server)
    click.echo(watching.table(found))
    if save:
        report.write(RESULTS / f"{save}.json", found)


if __name__ == "__main__":
    main()
