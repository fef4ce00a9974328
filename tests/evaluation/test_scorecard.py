"""A scorecard as a whole: few calls, told again for a while, the same figures for everybody who may see them, and what
is missing named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from typing import Any

from auth.principal import ANONYMOUS
from connectors.province.indicators import indicators
from gateway.lately import Kept, Lately
from gateway.table import Table
from schema.evaluation import levels
from schema.fetch import Connector, ConnectorError, Fetch, Rows, SourceTimeout, SourceUnavailable
from tests.houses import AUDITOR, Desk, Systems, person

PLANNER = person("planner")
VIEWS = {"planner": PLANNER, "auditor": AUDITOR, "anonymous": ANONYMOUS}
FACTS = "indicator place period value numerator denominator target met trend rankFrom rankTo band peers completeness"
DISTRICTS = f"""{{ indicatorValues(first: 1000, where: {{level: {{eq: "DISTRICT"}}, period: {{in: ["2025-09", "2025",
    "2025-26", "current"]}}, frequency: {{ne: "DAILY"}}}}) {{ nodes {{ {FACTS} }} pageInfo {{ hasNextPage }} }} }}"""
PROVINCE = f'{{ scorecard(period: "2025-09") {{ nodes {{ {FACTS} }} }} }}'


class Listening:
    """Passes on and notes what is asked of a source; or fails as a dead or a slow one does."""

    def __init__(self, inner: Connector, asked: list[Any], error: ConnectorError | None = None) -> None:
        self.inner, self.source, self.asked, self.error = inner, inner.source, asked, error

    async def fetch(self, fetch: Fetch, /) -> Rows:
        shape = fetch.shape
        self.asked.append((self.source.name, repr(shape.relation), shape.where, fetch.params, fetch.keys))
        if self.error is not None:
            raise self.error
        return await self.inner.fetch(fetch)

    async def aclose(self) -> None:
        await self.inner.aclose()


def listen(desk: Desk, **errors: ConnectorError) -> list[Any]:
    asked: list[Any] = []
    connectors = {
        name: Listening(one, asked, errors.get(name)) for name, one in desk.house.reach.connectors.items()
    }
    desk.house.reach = replace(desk.house.reach, connectors=connectors, figures=Lately())
    return asked


def by_place(nodes: Iterable[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(node["indicator"], node["place"]): node for node in nodes}


async def test_all_indicators_of_all_districts_cost_a_call_for_each_thing_that_is_read(desk: Desk) -> None:
    """As auditor, who may read all of it: no source is asked twice for the same rows."""
    asked = listen(desk)
    answer = await desk.ask(DISTRICTS, AUDITOR)
    nodes = answer["data"]["indicatorValues"]["nodes"]
    assert len({node["indicator"] for node in nodes}) >= 20
    assert len({node["place"] for node in nodes}) == 36
    assert len(nodes) > 700
    assert len(asked) == len(set(asked))
    assert Counter(name for name, *_ in asked)["hmis"] == 3
    assert len(asked) <= 24, Counter((name, relation[:60]) for name, relation, *_ in asked)


async def test_a_scorecard_asks_each_source_as_often_for_one_place_as_for_all(file_desk: Desk) -> None:
    asked = listen(file_desk)
    await file_desk.ask('{ scorecard(district: "KEC", period: "2025-09") { nodes { value } } }')
    one = Counter(name for name, *_ in asked)
    asked.clear()
    file_desk.house.reach = replace(file_desk.house.reach, figures=Lately())
    await file_desk.ask(DISTRICTS)
    assert Counter(name for name, *_ in asked) == one


# Told again


async def test_one_value_asked_for_by_its_code_reads_what_it_is_made_of_and_no_more(file_desk: Desk) -> None:
    asked = listen(file_desk)
    code = "HLT_REPORTING/DISTRICT/KEC/2025-09"
    told = await file_desk.ask(f'{{ indicatorValue(code: "{code}") {{ {FACTS} }} }}', ANONYMOUS)
    assert {source for source, *_ in asked} == {"hmis"}
    listed = f"""{{ indicatorValues(where: {{indicator: {{eq: "HLT_REPORTING"}}, level: {{eq: "DISTRICT"}},
        place: {{eq: "KEC"}}, period: {{eq: "2025-09"}}}}) {{ nodes {{ {FACTS} }} }} }}"""
    (value,) = (await file_desk.ask(listed, ANONYMOUS))["data"]["indicatorValues"]["nodes"]
    assert told["data"]["indicatorValue"] == value
    assert value["value"] is not None


async def test_a_value_whose_rows_may_not_be_read_is_refused_by_its_code_too(file_desk: Desk) -> None:
    code = "FIN_UTILISED/DISTRICT/KEC/2024-25"
    answer = await file_desk.ask(f'{{ indicatorValue(code: "{code}") {{ value }} }}', ANONYMOUS)
    assert answer["data"] == {"indicatorValue": None}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["REFUSED"]


async def test_figures_are_told_again_without_asking_and_say_of_when_they_are(file_desk: Desk) -> None:
    asked = listen(file_desk)
    first = await file_desk.ask(PROVINCE, PLANNER)
    calls = len(asked)
    again = await file_desk.ask(PROVINCE, PLANNER, provenance=True)
    assert (again["data"], again["errors"]) == (first["data"], first["errors"])
    assert len(asked) == calls
    sources = [source for told in again["extensions"]["provenance"] for source in told["sources"]]
    assert {"hmis.organisationunit", "emis.institutions", "fabs_soap.GetBudgetLines"} <= {
        source["source"] for source in sources
    }
    assert all(source["asOf"] and not source["stale"] for source in sources)
    assert file_desk.ledger.last["sourceCalls"] == {}
    assert file_desk.ledger.last["rows"]["health.Facility"] == 0
    assert file_desk.ledger.last["used"]["MonthlyFigure.opdNew"] == ["derive"]


async def test_another_place_is_told_from_the_same_figures(file_desk: Desk) -> None:
    asked = listen(file_desk)
    query = 'query ($place: String) { scorecard(district: $place, period: "2025-09") { nodes { place } } }'
    for district in ("KEC", "QUE"):
        told = await file_desk.ask(query, ANONYMOUS, {"place": district})
        assert {node["place"] for node in told["data"]["scorecard"]["nodes"]} == {district}
        assert bool(asked) is (district == "KEC")
        asked.clear()


async def test_who_has_other_rights_is_told_other_figures(file_desk: Desk) -> None:
    """What is kept for an auditor is no anonymous caller's to have."""
    asked = listen(file_desk)
    auditors = await file_desk.ask(PROVINCE, AUDITOR)
    calls = len(asked)
    anyones = await file_desk.ask(PROVINCE)
    assert len(asked) > calls
    told = {node["indicator"] for node in anyones["data"]["scorecard"]["nodes"]}
    assert "FIN_UNPOSTED_PAY" not in told
    assert "FIN_UNPOSTED_PAY" in {node["indicator"] for node in auditors["data"]["scorecard"]["nodes"]}
    for officer in (person("district_officer", district="KEC"), person("district_officer", district="QUE")):
        calls = len(asked)
        await file_desk.ask(PROVINCE, officer)
        assert len(asked) > calls, "an attribute that rules compare rows with"


async def test_another_period_is_worked_out_anew(file_desk: Desk) -> None:
    asked = listen(file_desk)
    query = "query ($period: String!) { scorecard(period: $period) { nodes { indicator period value } } }"
    found = []
    for period in ("2025-08", "2025-09"):
        told = await file_desk.ask(query, ANONYMOUS, {"period": period})
        found.append({node["indicator"]: node["value"] for node in told["data"]["scorecard"]["nodes"]})
        assert asked
        asked.clear()
    assert found[0]["HLT_OUTPATIENTS"] != found[1]["HLT_OUTPATIENTS"]
    assert found[0]["EDU_FUNCTIONAL"] == found[1]["EDU_FUNCTIONAL"]


def kept(rows: int) -> Kept:
    return Kept(Table(([1] * rows,), rows), (), {})


def test_figures_are_kept_for_as_long_as_said_and_no_longer() -> None:
    lately = Lately(most_rows=3)
    lately.put("short", kept(1), 0.0, 10.0)
    lately.put("long", kept(1), 0.0, 100.0)
    assert lately.get("short", 9.9) is not None
    assert lately.get("short", 10.0) is None
    assert lately.get("long", 10.0) is not None
    lately.put("large", kept(3), 11.0, 100.0)
    assert lately.get("long", 11.0) is None, "the oldest makes room"
    lately.put("too large", kept(4), 11.0, 100.0)
    assert lately.get("too large", 11.0) is None
    assert lately.get("large", 11.0) is not None


async def test_figures_of_a_dead_source_are_not_kept(file_desk: Desk) -> None:
    asked = listen(file_desk, hmis=SourceUnavailable("down"))
    await file_desk.ask(PROVINCE)
    calls = len(asked)
    await file_desk.ask(PROVINCE)
    assert len(asked) == 2 * calls


# Views


OF_HMIS = {one.code for one in indicators if one.department == "health"}
OF_VISITS = {"EDU_VISITED", "EDU_FOUND_OPEN", "EDU_TEACHERS_PRESENT"}
UNSEEN = {
    "planner": {"EDU_EXAM_PASSES", "FIN_UNPOSTED_PAY"}, "auditor": set(),
    "anonymous": {"EDU_EXAM_PASSES", "EDU_PUPILS_PER_TEACHER", "EDU_WOMEN_TEACHING", "FIN_UNPOSTED_PAY",
                  "FIN_TEACHER_PAY", "FIN_UTILISED", "FIN_PER_PUPIL", "FIN_HEALTH_PER_HEAD"},
}  # fmt: skip


async def test_three_views_with_a_source_down_and_one_too_slow_agree_and_name_what_is_missing(
    desk: Desk, systems: Systems
) -> None:
    whole = by_place((await desk.ask(DISTRICTS, AUDITOR))["data"]["indicatorValues"]["nodes"])
    listen(desk, hmis=SourceUnavailable("down"), rtsm=SourceTimeout("slow"))
    for name, principal in VIEWS.items():
        for query, root in ((DISTRICTS, "indicatorValues"), (PROVINCE, "scorecard")):
            answer = await desk.ask(query, principal)
            nodes = answer["data"][root]["nodes"]
            assert nodes
            if root == "indicatorValues":
                assert all(same(node, whole[key]) for key, node in by_place(nodes).items())
            missing = {one["part"].split()[0]: one for one in answer["extensions"]["missing"]}
            lost = OF_HMIS | OF_VISITS | UNSEEN[name]
            assert {node["indicator"] for node in nodes}.isdisjoint(lost)
            assert missing.keys() == lost - ({"FIN_SETTLED", "FIN_RECEIPTS_MATCHED"})
            codes = {part: one["code"] for part, one in missing.items()}
            assert {codes[part] for part in OF_HMIS} == {"SOURCE_UNAVAILABLE"}
            assert {codes[part] for part in OF_VISITS} == {"DEADLINE"}
            assert {codes[part] for part in UNSEEN[name]} <= {"REFUSED"}
            assert {missing[part]["owner"] for part in OF_VISITS} == {"Project Director, Real-Time School Monitoring"}
            told = {(error["extensions"]["code"], error["extensions"]["department"]) for error in answer["errors"]}
            assert {("SOURCE_UNAVAILABLE", "health"), ("DEADLINE", "education")} <= told


def same(node: dict[str, Any], other: dict[str, Any]) -> bool:
    """Equal, or withheld from one of the two: never another figure."""
    return node == other or (node["value"] is None) or all(
        node[name] == other[name] for name in ("value", "numerator", "denominator", "target", "met")
    )  # fmt: skip


async def test_where_everything_asked_for_is_missing_there_is_an_error_and_no_empty_list(file_desk: Desk) -> None:
    refused = await file_desk.ask('{ indicatorValues(where: {indicator: {eq: "FIN_UTILISED"}}) { nodes { value } } }')
    assert refused["data"] == {"indicatorValues": None}
    assert refused["errors"][0]["extensions"]["code"] == "REFUSED"
    listen(file_desk, fabs_soap=SourceUnavailable("down"))
    dead = await file_desk.ask('{ indicatorValues(where: {indicator: {eq: "FIN_RELEASED"}}) { nodes { value } } }')
    assert dead["data"] == {"indicatorValues": None}
    assert dead["errors"][0]["extensions"]["code"] == "SOURCE_UNAVAILABLE"


# League tables and explanations


async def test_a_league_table_is_in_the_order_of_its_ranks(file_desk: Desk) -> None:
    query = """{ indicatorValues(first: 50, where: {indicator: {eq: "HLT_OUTPATIENTS"}, period: {eq: "2025-09"},
        level: {eq: "DISTRICT"}, value: {isNull: false}}, orderBy: [{value: DESC}])
        { nodes { district { name } value low high rankFrom rankTo band peers } } }"""
    told = await file_desk.ask(query)
    nodes = told["data"]["indicatorValues"]["nodes"]
    assert nodes
    for node in nodes:
        low, high = Decimal(node["low"]), Decimal(node["high"])
        better = sum(Decimal(other["low"]) > high for other in nodes)
        worse = sum(Decimal(other["high"]) < low for other in nodes)
        assert (node["rankFrom"], node["rankTo"], node["peers"]) == (1 + better, len(nodes) - worse, len(nodes))
    for one, other in pairwise(nodes):
        overlap = Decimal(other["high"]) >= Decimal(one["low"])
        assert not overlap or one["band"] == other["band"]


EXPLAINED = """query ($code: String!, $district: String, $period: String!) {
  explainIndicator(code: $code, district: $district, period: $period) { nodes {
    value numerator denominator numeratorRows denominatorRows
    definition { name meaning unit owner }
    columns { nodes { figure coordinate department owner classification system source relation column } } } } }"""


async def test_every_indicator_is_explained_down_to_its_columns(file_desk: Desk) -> None:
    periods = {"CURRENT": "current", "MONTHLY": "2025-09", "ANNUAL": "2025", "FISCAL_YEAR": "2025-26",
               "DAILY": "2025-07-01"}  # fmt: skip
    for one in indicators:
        place = "KEC" if "DISTRICT" in levels(one) and one.frequency.value != "DAILY" else None
        variables = {"code": one.code, "district": place, "period": periods[one.frequency.value]}
        told = await file_desk.ask(EXPLAINED, AUDITOR, variables, provenance=True)
        (node,) = told["data"]["explainIndicator"]["nodes"]
        if node["value"] is None:
            assert (one.k, node["numerator"]) == (10, None), one.code
        else:
            again = Decimal(node["numerator"]) * one.times / Decimal(node["denominator"])
            assert Decimal(node["value"]) == again.quantize(Decimal(1).scaleb(-one.places), ROUND_HALF_EVEN)
        assert node["definition"]["owner"] == one.owner
        columns = node["columns"]["nodes"]
        assert {column["figure"] for column in columns} >= {"numerator", "denominator"}
        assert all(all(column.values()) for column in columns)
        read = {source["source"] for part in told["extensions"]["provenance"] for source in part["sources"]}
        beneath = {f"{column['source']}.{column['relation']}" for column in columns}
        assert beneath <= read, one.code


async def test_owners_in_an_explanation_are_the_catalogues(file_desk: Desk) -> None:
    told = await file_desk.data(
        '{ indicatorColumns(first: 1000) { nodes { coordinate owner classification column } } }'
    )
    for column in {node["coordinate"]: node for node in told["indicatorColumns"]["nodes"]}.values():
        field = await file_desk.data(
            "query ($c: String!) { field(coordinate: $c) { coordinate owner classification column } }",
            c=column["coordinate"],
        )
        assert field["field"] == column
