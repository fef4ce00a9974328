"""Filters through links within one source: one statement, the same answer as with keys or rows carried here."""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from auth.decisions import RecordAccess
from auth.principal import Principal
from gateway import linking
from gateway.allowed import AllTests, AnyTest, FieldTest, LinkTest, NoTest
from gateway.estimates import Estimates
from gateway.linking import Linker, Parent
from gateway.pipeline import explain
from gateway.request import GraphQLRequest
from gateway.templates import Literal
from schema.catalog import Catalog, Record
from schema.classification import open_
from schema.codecs import local_time, stripped
from schema.declare import column, many, one, record
from schema.fetch import Among, Comparison
from schema.predicates import TRUE
from schema.resolve import Declared, resolve
from schema.sources import SQL, Department, Source
from tests.houses import AUDITOR, Desk, Systems, desk_over, person
from tests.pipeline.test_source_calls import counting

JOINED = "joined in the source"


def rows(root: str, where: str, fields: str = "code") -> str:
    total = "" if root == "payslips" else "totalCount "
    return f"{{ {root}(where: {where}, first: 1000) {{ {total}nodes {{ {fields} }} }} }}"


FILTERS = {
    "some": rows("schools", '{teachers: {some: {title: {ne: "Head Teacher"}}}}'),
    "every": rows("schools", '{teachers: {every: {gender: {eq: "Female"}}}}'),
    "none": rows("schools", '{teachers: {none: {title: {startsWith: "Junior"}}}}'),
    "none at all": rows("facilities", "{reports: {none: {}}}"),
    "to-one": rows("teachers", '{school: {level: {eq: "Primary"}, name: {contains: "a"}}}'),
    "not to-one": rows("teachers", '{not: {school: {level: {eq: "Primary"}}}}'),
    "a number": rows("payslips", '{employee: {name: {startsWith: "A"}}, month: {eq: "2025-09"}}'),
    "nested": rows("schools", '{teachers: {some: {leaves: {some: {startsOn: {gte: "2025-03-01"}}}}}}'),
    "there and back": rows("teachers", '{school: {positions: {some: {filled: {eq: 0}}}}}'),
    "none inside some": rows("schools", "{teachers: {some: {leaves: {none: {}}}}}"),
    "or": rows("schools", '{or: [{status: {eq: "Closed"}}, {positions: {none: {bps: {gt: 15}}}}]}'),
    "not or": rows("facilities", '{not: {or: [{type: {eq: "BHU"}}, {reports: {some: {month: {eq: "2025-09"}}}}]}}'),
    "two links": rows("schools", '{teachers: {some: {gender: {eq: "Male"}}}, positions: {some: {bps: {gte: 16}}}}'),
    "inside a grouped select": rows(
        "monthlyFigures", '{facility: {status: {eq: "Active"}}, month: {eq: "2025-09"}}', "code opdNew"
    ),
    "to a grouped select": rows("facilities", '{figures: {none: {month: {eq: "2025-09"}, code: {gt: "HF-L"}}}}'),
    "counted": '{ teachers(where: {school: {level: {eq: "Primary"}}}) { aggregate(groupBy: [GENDER]) '
    "{ key { gender } count } } }",
    "within a list": '{ districts { nodes { code schools(first: 3, where: {teachers: {some: {gender: {eq: "Male"}}}}) '
    "{ totalCount nodes { code } } } } }",
    "ordered from a page on": '{ schools(where: {teachers: {some: {}}}, first: 7, orderBy: {name: DESC}) '
    "{ nodes { code name } pageInfo { hasNextPage } } }",
}


PLAN = """[0] fetch health.Facility from hmis.organisationunit (health) at facilities
    about 1,000 rows
    joined in the source: health.Report for the filter through Facility.reports, less than keys or rows first
    columns: code
    where: code in (completedatasetregistration.facility_code where iso in ?)
    order: code ASC; page
"""
FIRST = "{ schools(first: 1) { nodes { code districtCode } } facilities(first: 1) { nodes { code } } }"


def officers(data: Any) -> dict[str, Principal]:
    school, facility = data["schools"]["nodes"][0], data["facilities"]["nodes"][0]
    return {
        "auditor": AUDITOR,
        "head teacher": person("head_teacher", school=school["code"]),
        "district officer": person("district_officer", district=school["districtCode"]),
        "officer of education": person("department_officer", department="education"),
        "clinician": person("clinician", facility=facility["code"]),
        "steward": person("steward"),
    }


def collapse(monkeypatch: pytest.MonkeyPatch, desk: Desk, always: bool) -> None:
    """Wherever it can be done, or never."""
    monkeypatch.setattr(linking, "reads_less", lambda *_: always)
    desk.house.plans.clear()


@pytest.mark.parametrize("name", FILTERS)
async def test_the_answer_is_the_same_with_and_without(name: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """For whoever may ask, row rules of the target's included."""
    first = await desk.data(FIRST)
    answers = []
    for always in (False, True):
        collapse(monkeypatch, desk, always)
        answers.append({who: await desk.ask(FILTERS[name], one) for who, one in officers(first).items()})
    assert answers[0] == answers[1]
    assert any("errors" not in response for response in answers[0].values())
    assert str(answers[0]).count("'code'") + str(answers[0]).count("'count'") > 3


@pytest.mark.parametrize("name", [name for name in FILTERS if name != "within a list"])
async def test_a_collapsed_filter_is_one_statement(name: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One a list or total asked for, whatever the filter holds; without, one more for each link in it."""
    collapse(monkeypatch, desk, True)
    calls = counting(desk)
    await desk.data(FILTERS[name], AUDITOR)
    assert calls.total() == 1 + ("totalCount" in FILTERS[name])
    collapse(monkeypatch, desk, False)
    calls.clear()
    await desk.data(FILTERS[name], AUDITOR)
    assert calls.total() > 1 + ("totalCount" in FILTERS[name])


async def plan_of(desk: Desk, query: str, principal: Principal = AUDITOR) -> str:
    return explain(desk.house, principal, GraphQLRequest(query, None, {}, {}))


COLLAPSES = {
    "neither schools nor teachers are few": FILTERS["some"],
    "every pupil of a kind of school": rows("students", '{school: {level: {eq: "Tertiary"}}}'),
}
STAYS = {
    "an only key is read first": (rows("schools", '{teachers: {some: {code: {eq: "T0000001"}}}}'), "keys first"),
    "a few rows are read first": (rows("schools", '{code: {in: ["KEC-00001"]}, teachers: {some: {}}}'), "rows first"),
    "another source": (rows("facilities", "{workers: {some: {}}}"), "first"),
    "another source behind the link": (
        rows("teachers", '{school: {district: {name: {ne: "Kech"}}, level: {eq: "Primary"}}}'), "first"
    ),
    "keys that are spelled in several ways": (rows("posts", '{worker: {bps: {gt: 3}}}'), "first"),
}


@pytest.mark.parametrize("name", COLLAPSES)
async def test_it_collapses(name: str, file_desk: Desk) -> None:
    text = await plan_of(file_desk, COLLAPSES[name])
    assert JOINED in text
    assert "keys first" not in text
    assert "rows first, then" not in text


@pytest.mark.parametrize("name", STAYS)
async def test_it_does_not_collapse(name: str, file_desk: Desk) -> None:
    query, told = STAYS[name]
    text = await plan_of(file_desk, query)
    assert JOINED not in text
    assert told in text


async def test_the_plan_says_what_is_joined_and_why(file_desk: Desk) -> None:
    query = '{ facilities(where: {reports: {some: {month: {eq: "2025-09"}}}}, first: 1000) { nodes { code } } }'
    assert await plan_of(file_desk, query) == PLAN


async def test_a_record_that_is_only_joined_stands_in_ledger_and_provenance(file_desk: Desk) -> None:
    """Nothing of the teachers is read here, and still the auditor must see that they were looked at."""
    response = await file_desk.ask(FILTERS["some"], AUDITOR, provenance=True)
    assert file_desk.ledger.last["rows"].keys() == {"education.School", "education.Teacher"}
    assert file_desk.ledger.last["rows"]["education.Teacher"] == 0
    assert "Teacher.title" in str(file_desk.ledger.last["used"])
    (department,) = response["extensions"]["provenance"]
    assert {source["record"] for source in department["sources"]} == {"School", "Teacher"}


async def test_a_target_that_is_not_all_seen_narrows_the_answer(
    file_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A head teacher's `some` speaks of the own school's teachers alone, and the answer says so."""
    collapse(monkeypatch, file_desk, True)
    head = person("head_teacher", school="KEC-00002")
    response = await file_desk.ask(rows("schools", "{teachers: {some: {}}}"), head)
    assert [node["code"] for node in response["data"]["schools"]["nodes"]] == ["KEC-00002"]
    assert response["extensions"]["narrowed"][0]["record"] == "Teacher"


async def test_a_hidden_field_of_the_target_is_refused_all_the_same(
    file_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    collapse(monkeypatch, file_desk, True)
    head = person("head_teacher", school="KEC-00002")
    response = await file_desk.ask(rows("schools", '{teachers: {some: {cnic: {eq: "5220112345671"}}}}'), head)
    assert response["errors"][0]["extensions"]["code"] == "REFUSED"


async def test_pages_go_on_over_a_collapsed_filter(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    collapse(monkeypatch, desk, True)
    where = '{teachers: {some: {gender: {eq: "Male"}}}}'
    walk = "query ($after: String) { schools(where: %s, first: 40, after: $after, orderBy: {name: ASC}) "
    walk = walk % where + "{ nodes { code } pageInfo { endCursor hasNextPage } } }"
    found: list[str] = []
    after, more = None, True
    while more:
        page = (await desk.data(walk, AUDITOR, after=after))["schools"]
        found += [node["code"] for node in page["nodes"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    whole = await desk.data(rows("schools", where), AUDITOR)
    assert len(found) == len(set(found)) > 40
    assert set(found) == {node["code"] for node in whole["schools"]["nodes"]}


@pytest.fixture
async def holed_desk(files: Systems, tmp_path: Path) -> AsyncIterator[Desk]:
    """Facilities with no code, with a blank one and with one in capitals and in small letters, and pay of nobody."""
    folder = tmp_path / "legacy"
    shutil.copytree(files.folder, folder)
    with sqlite3.connect(folder / "hmis.sqlite") as hmis:
        codes = [code for (code,) in hmis.execute("SELECT code FROM organisationunit ORDER BY code LIMIT 4")]
        for code, other in zip(codes, (None, "", "   ", codes[3].lower()), strict=True):
            hmis.execute("UPDATE organisationunit SET code = ? WHERE code = ?", (other, code))
    with sqlite3.connect(folder / "fabs.sqlite") as fabs:
        fabs.execute("UPDATE zpayroll SET pernr = NULL WHERE payslip_no LIKE '%7'")
    async with desk_over(Systems(folder, files.services), tmp_path) as desk:
        yield desk


HOLED = {
    "some": rows("facilities", "{reports: {some: {}}}"),
    "none": rows("facilities", "{reports: {none: {}}}"),
    "to-one": rows("reports", '{facility: {type: {ne: "BHU"}}}', "number facilityCode"),
    "not to-one": rows("reports", '{not: {facility: {type: {ne: "BHU"}}}}', "number facilityCode"),
    "pay of somebody": rows("payslips", '{employee: {name: {ne: "x"}}, month: {eq: "2025-09"}}'),
    "pay of nobody": rows("payslips", '{not: {employee: {name: {ne: "x"}}}, month: {eq: "2025-09"}}'),
}


@pytest.mark.parametrize("name", HOLED)
async def test_null_and_blank_keys_match_as_they_do_here(
    name: str, holed_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = []
    for always in (False, True):
        collapse(monkeypatch, holed_desk, always)
        answers.append(await holed_desk.ask(HOLED[name], AUDITOR))
    assert answers[0] == answers[1]
    assert "code" in str(answers[0]).lower()


TILL = Source("till", "test", "sql", "A till", SQL)


@record(TILL, "shops", key="code", size=50_000)
class Shop:
    """A shop."""

    code: str = column("code", open_)
    sign: str | None = column("sign", open_, codec=stripped)
    sales = many("test.Sale", on="shop_code")


@record(TILL, "sales", key="code", size=900_000, recorded="recorded_at")
class Sale:
    """A sale, written down once and never changed."""

    code: str = column("code", open_)
    shop_code: str | None = column("shop_code", open_)
    sign: str | None = column("sign", open_, codec=stripped)
    recorded_at: dt.datetime | None = column("recorded_at", open_, codec=local_time)
    shop = one("test.Shop", on="shop_code")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return resolve([Declared(Department("test", "A department", "Its secretary"), (Shop, Sale), ())])


def sold(catalog: Catalog, where: Any = AllTests()) -> LinkTest:  # noqa: B008
    shop, sale = catalog.records["test.Shop"], catalog.records["test.Sale"]
    link = shop.links["sales"]
    return LinkTest(link, shop.fields[link.local], TRUE, access(sale), where)


def access(target: Record) -> RecordAccess:
    return cast(RecordAccess, SimpleNamespace(record=target, visible=TRUE))


def test_only_rows_known_at_the_moment_are_joined(catalog: Catalog) -> None:
    linker = Linker(Estimates.declared(catalog.records.values()))
    linker.known_at = Literal("2025-01-01T00:00:00Z")
    draft = linker.draft(catalog.records["test.Shop"], ("shops",))
    test = sold(catalog)
    linker.choose(draft, test, None, None)
    condition = draft.push.condition(test)
    assert isinstance(condition, Among)
    known = condition.where
    assert isinstance(known, Comparison)
    assert (known.column.name, known.op) == ("recorded_at", "lte")
    assert draft.push.params[known.param.index].leaf == linker.known_at


def test_it_does_not_collapse_where_every_chunk_of_parents_would_join_anew(catalog: Catalog) -> None:
    linker = Linker(Estimates.declared(catalog.records.values()))
    shop = catalog.records["test.Shop"]
    for about, collapses in ((900.0, True), (5_000.0, False)):
        draft, test = linker.draft(shop, ("shops",)), sold(catalog)
        linker.choose(draft, test, Parent(0, 0, about), None)
        assert bool(draft.push.collapsed) is collapses


def test_it_does_not_collapse_beside_a_filter_that_the_source_cannot_apply(catalog: Catalog) -> None:
    """Of `or` the gateway has to tell the whole; then the keys are chosen as carefully as ever."""
    shop = catalog.records["test.Shop"]
    linker = Linker(Estimates.declared(catalog.records.values()))
    blind = NoTest(FieldTest(shop.fields["sign"], "ieq", Literal("a shop"), TRUE))
    for where, collapses in ((AllTests, True), (AnyTest, False)):
        draft, test = linker.draft(shop, ("shops",)), sold(catalog)
        linker.choose(draft, where((test, blind)), None, None)
        assert bool(draft.push.collapsed) is collapses


def test_it_does_not_collapse_around_a_filter_that_the_source_cannot_apply(catalog: Catalog) -> None:
    """Case-blind comparison is done here, so the target's rows have to come."""
    sale = catalog.records["test.Sale"]
    linker = Linker(Estimates.declared(catalog.records.values()))
    blind = FieldTest(sale.fields["code"], "ieq", Literal("s1"), TRUE)
    for where, collapses in ((AllTests(), True), (blind, False)):
        draft, test = linker.draft(catalog.records["test.Shop"], ("shops",)), sold(catalog, where)
        linker.choose(draft, test, None, None)
        assert bool(draft.push.collapsed) is collapses
