"""Every access to ``Student.bForm`` in thirty days: who, office, purpose, case, rows, shown or masked; is the chain
intact? Refusals included, and the question itself is logged."""

from __future__ import annotations

import asyncio
import datetime as dt
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from auth.principal import Principal
from gateway import pipeline
from gateway.live.form import form_of
from gateway.operation import OperationError
from gateway.request import GraphQLRequest
from schema.scalars import KARACHI
from tests.auth.ledgers import fresh_database
from tests.houses import AUDITOR, Systems, person
from tests.inspectors import CHAIN, Inspection, inspection
from tests.servers import need_postgres

QUESTION = """
query ($since: DateTime!, $coordinate: String!) {
  accesses(where: {coordinate: {eq: $coordinate}, at: {gte: $since}}) {
    totalCount
    nodes { entry at who office roles purpose case how uses code rows rules owner department outcome }
    aggregate(groupBy: [HOW]) { key { how } count sum { rows } }
  }
  ledger(name: "gateway") { entries intact verifiedUpTo provenUpTo headSigned message }
}
"""
INSPECTOR = replace(AUDITOR, office="Anti-Corruption")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def asked(request: pytest.FixtureRequest, files: Systems, tmp_path: Path) -> AsyncIterator[Inspection]:
    url = None
    if request.param == "postgres":
        url = await fresh_database(await asyncio.to_thread(need_postgres), "asked")
    async with inspection(files, tmp_path, url) as one:
        yield one


def since(days: int = 30) -> str:
    return (dt.datetime.now(KARACHI) - dt.timedelta(days=days)).isoformat()


async def accessed(asked: Inspection) -> None:
    """Shown to an auditor, masked to a steward, used to choose by a head teacher, refused to a citizen and to an
    auditor without a case; and a question about something else."""
    await asked.data("{ students(first: 3) { nodes { code bForm } } }", INSPECTOR)
    await asked.data("{ students(first: 2) { nodes { bForm } } }", person("steward"))
    await asked.data('{ students(where: {bForm: {ne: "5440012345671"}}, first: 1) { nodes { grade } } }', INSPECTOR)
    await asked.ask("{ students { nodes { bForm } } }", person("citizen"))
    await asked.ask("{ students { nodes { bForm } } }", replace(INSPECTOR, case=None))
    await asked.data("{ schools(first: 1) { nodes { name } } }")


async def test_the_question_is_one_operation(asked: Inspection) -> None:
    await accessed(asked)
    told = await asked.data(QUESTION, INSPECTOR, since=since(), coordinate="Student.bForm")
    seen = [(row["who"], row["how"], row["rows"], row["code"]) for row in told["accesses"]["nodes"]]
    assert seen == [
        ("auditor-1", "SHOWN", 3, None), ("tester", "MASKED", 2, None), ("auditor-1", "USED", 1, None),
        ("tester", "REFUSED", 0, "REFUSED"), ("auditor-1", "REFUSED", 0, "CASE_REQUIRED"),
    ]  # fmt: skip
    first = told["accesses"]["nodes"][0]
    assert (first["office"], first["purpose"], first["case"], first["roles"]) == (
        "Anti-Corruption", "LegalCompliance", "ACE-2025-014", "auditor",
    )  # fmt: skip
    assert (first["department"], first["owner"], first["entry"], first["outcome"]) == (
        "education", "Director EMIS", "1", "ok",
    )  # fmt: skip
    assert first["rules"].startswith("education/rules.py:")
    assert dt.datetime.fromisoformat(first["at"]) > dt.datetime.now(KARACHI) - dt.timedelta(minutes=5)
    assert told["accesses"]["nodes"][2]["uses"] == "filter"
    assert told["accesses"]["totalCount"] == 5
    counted = {group["key"]["how"]: (group["count"], group["sum"]["rows"]) for group in told["accesses"]["aggregate"]}
    assert counted == {"SHOWN": (1, "3"), "MASKED": (1, "2"), "USED": (1, "1"), "REFUSED": (2, "0")}
    assert told["ledger"] == {
        "entries": "6", "intact": True, "verifiedUpTo": "6", "provenUpTo": "6", "headSigned": "6",
        "message": "6 entries, chain intact, tail proven",
    }  # fmt: skip


async def test_the_question_itself_is_logged_with_the_coordinate_it_was_about(files: Systems, tmp_path: Path) -> None:
    async with inspection(files, tmp_path) as asked:
        await asked.data(QUESTION, INSPECTOR, since=since(), coordinate="Student.bForm")
        entry = asked.entries()[-1]
        assert entry["ledgerSearch"] == {"coordinates": ["Student.bForm"]}
        assert (entry["messageUserId"], entry["messageIssue"]) == ("auditor-1", "ACE-2025-014")
        assert entry["used"]["Access.coordinate"] == ["filter"]
        again = await asked.data(QUESTION, INSPECTOR, since=since(), coordinate="Access.coordinate")
        assert [(row["entry"], row["how"], row["uses"]) for row in again["accesses"]["nodes"]] == [
            ("1", "USED", "filter")
        ]


async def test_an_older_access_is_outside_the_thirty_days(asked: Inspection, monkeypatch: pytest.MonkeyPatch) -> None:
    now = pipeline.time.time
    with monkeypatch.context() as then:
        then.setattr(pipeline.time, "time", lambda: now() - 31 * 86_400)
        await asked.data("{ students(first: 1) { nodes { bForm } } }", INSPECTOR)
    told = await asked.data(QUESTION, INSPECTOR, since=since(), coordinate="Student.bForm")
    assert told["accesses"]["nodes"] == []
    told = await asked.data(QUESTION, INSPECTOR, since=since(32), coordinate="Student.bForm")
    assert len(told["accesses"]["nodes"]) == 1


async def test_accesses_are_paged_from_either_end(asked: Inspection) -> None:
    await accessed(asked)
    query = """query ($after: String, $to: Direction!) {
        accesses(where: {coordinate: {startsWith: "Student."}}, orderBy: [{entry: $to}], first: 2, after: $after) {
          nodes { id } pageInfo { endCursor hasNextPage } } }"""
    found: dict[str, list[str]] = {}
    for to in ("ASC", "DESC"):
        after: str | None = None
        found[to] = []
        while True:
            page = (await asked.data(query, INSPECTOR, after=after, to=to))["accesses"]
            found[to] += [row["id"] for row in page["nodes"]]
            if not page["pageInfo"]["hasNextPage"] or len(found[to]) > 40:
                break
            after = page["pageInfo"]["endCursor"]
    # The entries of these questions themselves say nothing of pupils.
    assert len(found["ASC"]) == len(set(found["ASC"])) == 7
    assert sorted(found["DESC"]) == found["ASC"]
    assert [one[:12] for one in found["DESC"]] == sorted([one[:12] for one in found["ASC"]], reverse=True)


async def test_an_access_is_asked_for_by_its_id(asked: Inspection) -> None:
    await accessed(asked)
    query = '{ access(id: "000000000002.masked.Student.bForm") { who how rows } }'
    assert (await asked.data(query, INSPECTOR))["access"] == {"who": "tester", "how": "MASKED", "rows": 2}
    for other in ("000000000099.masked.Student.bForm", "x", "000000000002.shown.Student.bForm"):
        assert (await asked.data(f'{{ access(id: "{other}") {{ who }} }}', INSPECTOR))["access"] is None


# The chain


async def verified(asked: Inspection) -> dict[str, Any]:
    told: dict[str, Any] = (await asked.data(CHAIN, INSPECTOR))["ledger"]
    return told


@pytest.fixture
async def kept(files: Systems, tmp_path: Path) -> AsyncIterator[Inspection]:
    """Six entries, verified once already."""
    async with inspection(files, tmp_path) as one:
        await accessed(one)
        assert (await verified(one))["intact"] is True
        yield one


TAMPERED = {
    "an entry changed": ("UPDATE ledger SET body = CAST(replace(body, 'tester', 'nobody') AS BLOB) WHERE seq = 4", "4"),
    "an entry that is no entry any more": ("UPDATE ledger SET body = x'00ff' WHERE seq = 4", "4"),
    "an entry removed": ("DELETE FROM ledger WHERE seq = 3", "3"),
    "the first removed": ("DELETE FROM ledger WHERE seq = 1", "1"),
    "the end cut off": ("DELETE FROM ledger WHERE seq > 4", "5"),
    "all of it removed": ("DELETE FROM ledger", "1"),
}


@pytest.mark.parametrize("how", TAMPERED)
async def test_a_changed_chain_is_told(kept: Inspection, how: str) -> None:
    statement, bad = TAMPERED[how]
    kept.tamper(statement)
    told = await verified(kept)
    assert (told["intact"], told["badEntry"]) == (False, bad)
    assert told["message"]
    assert int(told["verifiedUpTo"]) < int(bad)


async def test_what_stands_in_a_changed_ledger_is_still_found(kept: Inspection) -> None:
    kept.tamper("UPDATE ledger SET body = CAST(replace(body, 'tester', 'nobody') AS BLOB) WHERE seq = 4")
    kept.tamper("UPDATE ledger SET body = x'00ff' WHERE seq = 2")
    told = await kept.data(QUESTION, INSPECTOR, since=since(), coordinate="Student.bForm")
    assert [row["who"] for row in told["accesses"]["nodes"]] == ["auditor-1", "auditor-1", "nobody", "auditor-1"]


async def test_a_ledger_that_cannot_be_read_is_no_answer(kept: Inspection) -> None:
    """The entry of the question is written all the same: the table is only made unreadable for who searches."""
    kept.tamper("ALTER TABLE ledger RENAME COLUMN body TO gone")
    response = await kept.ask(QUESTION, INSPECTOR, since=since(), coordinate="Student.bForm")
    assert {error["extensions"]["code"] for error in response["errors"]} == {"SOURCE_UNAVAILABLE"}
    assert response["data"] == {"accesses": None, "ledger": None}


async def test_a_ledger_that_cannot_be_written_gives_no_access_away(kept: Inspection) -> None:
    writer = sqlite3.connect(kept.folder / "ledger.sqlite", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        answered = await kept.answer(QUESTION, INSPECTOR, since=since(), coordinate="Student.bForm")
        assert answered.outcome == "ledger_unavailable"
        assert b"auditor-1" not in answered.body
        assert b"LEDGER_UNAVAILABLE" in answered.body
    finally:
        writer.execute("ROLLBACK")
        writer.close()


async def test_asking_the_ledger_about_itself_comes_to_an_end(kept: Inspection) -> None:
    """Each question is one entry more, no matter how much of the ledger it reads."""
    before = len(kept.entries())
    counts = []
    for _ in range(4):
        told = await kept.data("{ accesses(first: 1000) { totalCount nodes { id coordinate who } } }", INSPECTOR)
        counts.append(told["accesses"]["totalCount"])
        assert len(told["accesses"]["nodes"]) == told["accesses"]["totalCount"]
    assert len(kept.entries()) == before + 4
    assert len({after - then for then, after in pairwise(counts)}) == 1, "the same at each question"


async def test_the_ledger_is_not_watched(kept: Inspection) -> None:
    """What it would send is an entry, and so a change to be sent."""
    access = kept.house.policy.access(INSPECTOR)
    for asked in ("accesses { nodes { who } }", "ledgers { totalCount }",
                  'schools { nodes { name } } ledger(name: "gateway") { entries }'):
        query = f"subscription {{ live {{ {asked} }} }}"
        operation = kept.house.reader(access).read(GraphQLRequest(query, None, {}, {}), streams=True)
        with pytest.raises(OperationError, match="cannot be watched"):
            form_of(kept.house.catalog, access, operation)


async def test_who_may_see_no_access_learns_nothing_of_the_chain_either(kept: Inspection) -> None:
    somebody = Principal("clerk-1", frozenset({"head_teacher"}), {"school": "KEC-00001"})
    response = await kept.ask(CHAIN, somebody)
    assert response["data"] == {"ledger": None}
    assert response["errors"][0]["extensions"]["code"] == "REFUSED"
