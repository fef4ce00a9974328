"""``gateway ledger find``: every access to a field, with the state of the chain. The question is recorded too."""

from __future__ import annotations

import asyncio
import datetime as dt
import getpass
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NoReturn

import click
import orjson

from auth.errors import AuthError
from auth.ledger import Ledger, Link, Report, Store, verify
from auth.ledger.heads import Head, read_heads
from auth.ledger.search import Finding, Question, found
from auth.ledger.writer import entry_body
from auth.tokens import signing_key
from gateway.opening import open_store
from gateway.recording import FORMAT
from gateway.settings import Settings

COLUMNS = ("entry", "at", "who", "office", "purpose", "case", "how", "rows")


@click.command("find")
@click.option("--coordinate", required=True, help="E.g. Student.bForm; Student for any part of it.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), default="0001-01-01", help="First day, Karachi.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), default="9999-12-31", help="Last day, Karachi.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with rules and operation.")
@click.pass_obj
def find(settings: Settings, coordinate: str, since: dt.datetime, until: dt.datetime, as_json: bool) -> None:
    """Who accessed a field: when, in which office, for what purpose and case, shown or masked, and how many rows. Ends
    with 1 when the chain is not intact."""
    question = Question(coordinate, since.date(), until.date())
    try:
        findings, report = asyncio.run(_answer(settings, question, _heads(settings)))
    except AuthError as error:
        _fail(error.message)
    except Exception as error:
        _fail(f"the ledger cannot be read: {type(error).__name__}")
    for line in _as_json(findings) if as_json else _as_table(findings):
        click.echo(line)
    click.echo(f"{len(findings)} accesses; {report.message}", err=as_json)
    sys.exit(0 if report.sound else 1)


def _fail(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(2)


def _heads(settings: Settings) -> Iterator[Head | None] | None:
    """The signed heads there are before the entries are read, which only grow."""
    file = Path(settings.ledger.heads)
    key = signing_key(Path(settings.state) / "ledger.key").public_key()
    return read_heads(file, key) if file.exists() else None


async def _answer(
    settings: Settings, question: Question, heads: Iterator[Head | None] | None
) -> tuple[list[Finding], Report]:
    """The findings, once the question itself is durable in the ledger."""
    findings: list[Finding] = []
    store = open_store(settings)
    ledger = Ledger(store)
    try:
        links = _searched(store, question, findings)
        report = await verify(links, heads)
        async for _ in links:
            pass  # a broken chain is searched to its end all the same
        await ledger.append(_entry(question, len(findings)))
    finally:
        await ledger.aclose()
    return findings, report


async def _searched(store: Store, question: Question, findings: list[Finding]) -> AsyncIterator[Link]:
    """The links as they pass; what is found on the way goes into ``findings``."""
    async for link in store.read():
        if (finding := found(link, question)) is not None:
            findings.append(finding)
        yield link


def _entry(question: Question, count: int) -> bytes:
    now_ms = int(time.time() * 1000)
    asked = {"coordinate": question.coordinate, "since": str(question.since), "until": str(question.until)}
    return entry_body(
        {
            "format": FORMAT, "requestInTs": now_ms, "responseOutTs": now_ms,
            "messageUserId": f"os:{getpass.getuser()}", "outcome": "ledger_search", "succeeded": True,
            "ledgerSearch": asked, "findings": count,
        }
    )  # fmt: skip


def _as_json(findings: list[Finding]) -> list[str]:
    return [orjson.dumps(finding.told()).decode() for finding in findings]


def _as_table(findings: list[Finding]) -> list[str]:
    rows = [COLUMNS, *(_cells(finding) for finding in findings)] if findings else []
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))] if rows else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _cells(finding: Finding) -> tuple[str, ...]:
    how = ", ".join(finding.how)
    return (
        str(finding.entry), finding.at[:19].replace("T", " "), finding.who, finding.office or "-",
        finding.purpose or "-", finding.case or "-", how, str(finding.rows),
    )  # fmt: skip
