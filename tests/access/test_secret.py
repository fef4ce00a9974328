"""What is Secret does not exist for those who may not see it: not in answers, errors, introspection or documents."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from graphql import get_introspection_query

from auth.principal import ANONYMOUS, Principal
from gateway import landing
from gateway.dictionary import dictionary
from tests.access import inquiries
from tests.houses import Desk, person

KNOWING = replace(person("auditor"), purpose="LegalCompliance")
EVERYWHERE = """{ __schema { types { name description fields { name description } inputFields { name }
                             enumValues { name } } }
  catalog { departments { name } records { name typeName relation }
            fields { coordinate column description owner owners { owner } } } }"""


@pytest.fixture(scope="module")
def desk() -> Desk:
    return inquiries.desk()


def secrets_in(text: str) -> list[str]:
    return [word for word in inquiries.SECRET_WORDS if word in text]


@pytest.mark.parametrize(
    "query", [EVERYWHERE, EVERYWHERE.replace("catalog", 'catalog(asOf: "2020-01-01")'), get_introspection_query()],
    ids=["short", "then", "full"],
)
@pytest.mark.parametrize("who", [ANONYMOUS, person("planner"), person("auditor")], ids=["nobody", "planner", "auditor"])
async def test_introspection_and_the_catalogue_do_not_show_it(desk: Desk, query: str, who: Principal) -> None:
    answer = await desk.ask(query, who)
    assert "errors" not in answer
    assert secrets_in(orjson.dumps(answer).decode()) == []


@pytest.mark.parametrize(
    "query",
    [
        "{ inquiries { nodes { informantCode } } }",
        "{ inquiries { nodes { informant { name } } } }",
        "{ inquiries { nodes { summary } } }",
        "{ inquiries { nodes { informantCod } } }",
        '{ inquiries(where: {informantCode: {eq: "INF-777"}}) { totalCount } }',
        "{ inquiries(where: {informant: {name: {isNull: false}}}) { totalCount } }",
        "{ inquiries(orderBy: [{reward: DESC}]) { nodes { number } } }",
        "{ inquiries { aggregate(groupBy: [INFORMANT_CODE]) { count } } }",
        "{ inquiries { aggregate { max { reward } } } }",
        "{ inquiries { aggregate(having: {sum: {reward: {gt: \"1\"}}}) { count } } }",
        "{ informants { totalCount } }",
        '{ informant(code: "INF-777") { name } }',
        "query ($w: InformantWhere) { informants(where: $w) { totalCount } }",
        "fragment F on Informant { name } { inquiries { nodes { number } } ...F }",
    ],
)
async def test_it_is_told_as_what_does_not_exist(desk: Desk, query: str) -> None:
    """The same text as for a name nobody uses: who guesses right learns nothing."""
    answer = await desk.ask(query, person("planner"))
    assert "data" not in answer

    invented = await desk.ask(_renamed(query), person("planner"))
    assert [_renamed(error["message"]) for error in answer["errors"]] == [
        error["message"] for error in invented["errors"]
    ]


def _renamed(text: str) -> str:
    """With names that no department uses."""
    for name, other in (("nforman", "nvestig"), ("NFORMAN", "NVESTIG"), ("reward", "zzzzzz"), ("summary", "zzzzzzz")):
        text = text.replace(name, other)
    return text


@pytest.mark.parametrize(
    "coordinate", ["Inquiry.informantCode", "Inquiry.informant", "Inquiry.summary", "Informant.name"]
)
async def test_field_does_not_know_it(desk: Desk, coordinate: str) -> None:
    answer = await desk.data(f'{{ field(coordinate: "{coordinate}") {{ owner }} }}')
    assert answer == {"field": None}


def test_no_document_has_it(desk: Desk) -> None:
    catalog = desk.house.catalog
    for kind in ("md", "csv", "json"):
        assert secrets_in(dictionary(catalog, kind)) == []
    assert secrets_in(desk.house.published_sdl) == []
    assert secrets_in(bytes(landing.page(catalog).body).decode()) == []


async def test_it_is_there_for_who_may_see_it(desk: Desk) -> None:
    answer = await desk.data(
        """{ inquiries(where: {informantCode: {eq: "INF-777"}}, orderBy: [{reward: DESC}]) {
               nodes { number informantCode reward summary informant { name } } }
             informant(code: "INF-777") { name inquiries { nodes { number } } } }""",
        KNOWING,
    )
    node = answer["inquiries"]["nodes"][0]
    assert node["informant"] == {"name": "Zarghoona Secretname"}
    assert node["reward"] == 987654
    assert node["summary"] == "IN Roads"
    assert answer["informant"]["inquiries"]["nodes"] == [{"number": "1"}]
    types = await desk.ask('{ __type(name: "Informant") { fields { name } } }', KNOWING)
    assert {"name": "name"} in types["data"]["__type"]["fields"]


async def test_the_same_text_is_read_anew_for_who_may_not_see_it(desk: Desk) -> None:
    """What was parsed and planned for one who may see it is kept; the next one asks the same text."""
    query = "{ inquiries { nodes { informantCode } } }"
    assert "data" in await desk.ask(query, KNOWING)
    for other in (ANONYMOUS, replace(KNOWING, purpose=None)):
        answer = await desk.ask(query, other)
        assert answer["errors"][0]["message"] == "Cannot query field 'informantCode' on type 'Inquiry'."


async def test_a_refused_operation_leaves_no_secret_in_the_ledger(desk: Desk) -> None:
    await desk.ask('{ inquiries(where: {informantCode: {eq: "INF-777"}}) { totalCount } }', ANONYMOUS)
    assert secrets_in(desk.ledger.entries[-1].decode()) == []
