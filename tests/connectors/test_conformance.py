"""Every source of every department keeps the connector's contract, on every storage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.conformance import check_connector
from connectors.conformance.subject import subject_of
from connectors.memory import MemoryConnector
from gateway.opening import open_catalog, open_connectors
from gateway.settings import load
from schema.catalog import Catalog, Record
from schema.fetch import Connector, Fetch, FetchShape
from schema.relations import relation_name
from schema.sources import OPERATORS
from tests.houses import DEMO, Systems

CATALOG = open_catalog(load(DEMO, {"PATH": ""}))


UNASKED = ("derived", "kept", "ledger")
"""Sources of the gateway's own."""
LONG = frozenset({
    ("files", "finance.Payslip"), ("files", "health.MonthlyFigure"), ("servers", "education.Position"),
    ("servers", "education.Student"), ("servers", "finance.Payslip"), ("servers", "education.Scholarship"),
    ("servers", "labour.Training"),
    *((where, f"education.{name}") for where in ("files", "servers")
      for name in ("Learner", "Enrolment", "YearReport", "Guardian")),
})  # fmt: skip
"""The largest relations; others of their sources are checked on the same storage every time."""
PATIENCE_S = 60.0
"""What some cases ask of a large relation (all of it joined with all of it) no client may ask within its limits."""


def storages() -> list[Any]:
    """Every record on files, and on servers those whose source is another one there."""
    found = [("files", name) for name, record in CATALOG.records.items() if record.source.kind not in UNASKED]
    found += [("servers", name) for name, record in CATALOG.records.items() if record.source.kind == "sql"]
    return [
        pytest.param(*one, marks=[
            *([pytest.mark.long] if one in LONG else []),
            *([pytest.mark.postgres, pytest.mark.mariadb] if one[0] == "servers" else []),
        ])
        for one in found
    ]  # fmt: skip


@pytest.fixture
def systems(storage: str, request: pytest.FixtureRequest) -> Systems:
    found: Systems = request.getfixturevalue(storage)
    return found


@pytest.fixture
async def connectors(systems: Systems, tmp_path: Path) -> AsyncIterator[dict[str, Connector]]:
    """Every source's connector, with its guards."""
    opened = open_connectors(systems.settings(tmp_path), patient(CATALOG))
    yield opened
    for connector in opened.values():
        await connector.aclose()


def patient(catalog: Catalog) -> Catalog:
    """The same sources, given more time."""
    given = {
        name: replace(source, limits=replace(source.limits, timeout_s=PATIENCE_S))
        for name, source in catalog.sources.items()
    }
    return replace(catalog, sources=given)


@pytest.mark.parametrize(("storage", "name"), storages())
async def test_every_record_of_every_source_keeps_the_contract(
    storage: str, name: str, connectors: dict[str, Connector], systems: Systems
) -> None:
    """Where a source cannot be listed, the truth file knows keys that exist."""
    record = CATALOG.records[name]
    keys = () if record.source.capabilities.list_all else EXISTING[name](systems)
    report = await check_connector(connectors[record.source.name], record, keys=keys, timeout_s=PATIENCE_S)
    assert report.ok, str(report)
    assert report.rows > (5 if name in SMALL else 30) or keys
    assert report.rows >= len(keys)
    assert report.checks.keys() >= promised(record), str(report)


def test_every_source_is_checked_every_time() -> None:
    for storage in ("files", "servers"):
        sources = {record.source.name for record in CATALOG.records.values() if record.source.kind not in UNASKED}
        left_out = {CATALOG.records[name].source.name for where, name in LONG if where == storage}
        checked = {
            record.source.name for name, record in CATALOG.records.items()
            if (storage, name) not in LONG and record.source.kind not in UNASKED
        }  # fmt: skip
        assert left_out <= checked == sources


def bills(systems: Systems) -> list[str]:
    told = systems.truth["q4"]
    return [told[kind]["psid"] for kind in ("expired", "paid", "unpaid") if kind in told]


def contributors(systems: Systems) -> list[str]:
    told = systems.truth["q15"]
    return [told[story][0]["b_form"] for story in ("whole", "two_written_forms", "left_early")]


EXISTING = {"finance.Bill": bills, "labour.FirstContribution": contributors}
SMALL = {"labour.Trade", "education.DeclaredCandidate"}
"""Records of which there are few."""


def promised(record: Record) -> set[str]:
    """What a report must have looked at, by what the source says it can do."""
    can = record.source.capabilities
    found = {"keys", "fetches at once", "row budget", "deadline", "codec", "nothing changed"}
    if can.list_all:
        found |= {"projection", "operator eq", "operator in"}
    if can.joins:
        found |= {"join"}
    if can.groups:
        found |= {"order", "limit", "per-key limit", "group", "complement", "combination", "conditional cell"}
        found |= {f"operator {op}" for op in OPERATORS}
    return found


async def all_rows(connector: Connector, record: Record) -> list[dict[str, Any]]:
    subject = subject_of(record)
    deadline = asyncio.get_running_loop().time() + 30
    answer = await connector.fetch(Fetch(FetchShape(record.relation, subject.cells), deadline))
    names = [cell.column.name for cell in subject.cells]
    return [dict(zip(names, row, strict=True)) for row in answer.rows]


@pytest.mark.parametrize("name", ["education.School", "finance.District", "finance.BankScrollLine"])
async def test_the_reference_keeps_its_own_contract(
    name: str, files: Systems, tmp_path: Path
) -> None:
    record = CATALOG.records[name]
    opened = open_connectors(files.settings(tmp_path), CATALOG)
    rows = await all_rows(opened[record.source.name], record)
    for connector in opened.values():
        await connector.aclose()
    reference = MemoryConnector(record.source, {relation_name(record.relation): list(rows)})
    report = await check_connector(reference, record, rows=rows)
    assert report.ok, str(report)
