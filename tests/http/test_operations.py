"""Operations nobody should send: each gets a clear error with its stable code, is recorded, and tells nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from graphql import get_introspection_query

from tests.serving import GRAPHQL_RESPONSE, JSON, Reply, Served

SECRETS = re.compile(rb"Traceback|\.py\b|SELECT |sqlite|/tmp/|/home/|/root/|asyncpg|Exception", re.IGNORECASE)


@pytest.fixture(autouse=True)
def _still_up(served: Served) -> Iterator[None]:
    yield
    assert served.process.poll() is None
    assert served.ask("{ __typename }").status == 200


def entry(served: Served, reply: Reply) -> dict[str, Any]:
    """The ledger's entry of a reply."""
    seq = int(reply.headers["x-ledger-entry"].split("-")[0])
    shown = served.command("ledger", "show", "--after", str(seq - 1), "--limit", "1")
    told: dict[str, Any] = orjson.loads(shown.stdout)
    assert told["xRequestId"] == reply.headers["x-request-id"]
    return told


def doubling(levels: int) -> str:
    """Fragments each of which spreads the next twice."""
    chain = "".join(f" fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(levels))
    return "{ ...f0 }" + chain + f" fragment f{levels} on Query {{ __typename }}"


def nested(levels: int) -> str:
    return '{ school(code: "x") ' + "{ district { schools { nodes " * levels + "{ name }" + " } } }" * levels + " }"


REFUSED: dict[str, tuple[str, str]] = {
    "no text": ("", "BAD_INPUT"),
    "only a comment": ("# hello", "BAD_INPUT"),
    "no GraphQL": ("SELECT * FROM schools", "BAD_INPUT"),
    "an unknown root field": ("{ scools { nodes { code } } }", "BAD_INPUT"),
    "an unknown field": ('{ school(code: "x") { nme } }', "BAD_INPUT"),
    "an unknown argument": ('{ school(code: "x", kode: "y") { name } }', "BAD_INPUT"),
    "a missing argument": ("{ school { name } }", "BAD_INPUT"),
    "an unknown directive": ('{ school(code: "x") @defer2 { name } }', "BAD_INPUT"),
    "a variable nobody declared": ("{ school(code: $c) { name } }", "BAD_INPUT"),
    "a variable of an unknown type": ("query ($c: Nothing) { school(code: $c) { name } }", "BAD_INPUT"),
    "two operations and no name": ("query A { __typename } query B { __typename }", "BAD_INPUT"),
    "one operation name twice": ("query A { __typename } query A { __typename }", "BAD_INPUT"),
    "a type definition": ("type A { b: Int }", "BAD_INPUT"),
    "a mutation nobody declared": ("mutation { payNothing { __typename } }", "BAD_INPUT"),
    "a subscription": ("subscription { stockChanged { change } }", "BAD_INPUT"),
    "a float for a Decimal": ("{ budgetLines(where: {budget: {gt: 1.5}}) { nodes { code } } }", "BAD_INPUT"),
    "not a number for a Decimal": ('{ budgetLines(where: {budget: {gt: "NaN"}}) { nodes { code } } }', "BAD_INPUT"),
    "30 February": ('{ schools(where: {openedOn: {eq: "2025-02-30"}}) { nodes { code } } }', "BAD_INPUT"),
    "a CNIC of 12 digits": ('{ teachers(where: {cnic: {eq: "123456789012"}}) { nodes { code } } }', "BAD_INPUT"),
    "an Int of 33 bits": ("{ schools(first: 4294967296) { nodes { code } } }", "BAD_INPUT"),
    "half a surrogate pair": ('{ school(code: "\\ud800") { name } }', "BAD_INPUT"),
    "the character NUL": ('{ school(code: "\\u0000") { name } }', "BAD_INPUT"),
    "a control character": ('{ schools(where: {name: {in: ["\\u0001"]}}) { nodes { code } } }', "BAD_INPUT"),
    "17 levels": (nested(6), "BUDGET_EXCEEDED"),
    "50,000 levels": ("{ a " * 50_000 + "}" * 50_000, "BUDGET_EXCEEDED"),
    "3,000 levels": ("{ a " * 3_000 + "}" * 3_000, "BAD_INPUT"),
    "an argument of 4,000 levels": (
        "{ schools(where: " + "[" * 4_000 + "]" * 4_000 + ") { totalCount } }", "BAD_INPUT"
    ),
    "a type of 4,000 levels": ("query ($a: " + "[" * 4_000 + "Int" + "]" * 4_000 + ") { __typename }", "BAD_INPUT"),
    "a filter of 60 levels": (
        "{ schools(where: " + "{not: " * 60 + "{}" + "}" * 60 + ") { totalCount } }", "BUDGET_EXCEEDED"
    ),
    "a filter of 300 tests": (
        "{ schools(where: {or: [" + '{name: {eq: "x"}} ' * 300 + "]}) { totalCount } }", "BUDGET_EXCEEDED"
    ),
    "a text of 1,001 characters": ('{ school(code: "' + "x" * 1_001 + '") { name } }', "BUDGET_EXCEEDED"),
    "101 aliases": ("{ " + " ".join(f"a{n}: __typename" for n in range(101)) + " }", "BUDGET_EXCEEDED"),
    "2,001 fields": ('{ school(code: "x") { ' + "name " * 2_001 + "} }", "BUDGET_EXCEEDED"),
    "1,900 times one field": ('{ school(code: "x") { ' + "name " * 1_900 + "} }", "BUDGET_EXCEEDED"),
    "10,001 tokens": ('{ school(code: "x") { ' + "name " * 10_001 + "} }", "BUDGET_EXCEEDED"),
    "fragments that double 20 times": (doubling(20), "BUDGET_EXCEEDED"),
    "fragments that double 400 times": (doubling(400), "BUDGET_EXCEEDED"),
    "fragments in a ring": (
        "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }", "BAD_INPUT"
    ),
    "a fragment in itself": ("{ ...a } fragment a on Query { __typename ...a }", "BAD_INPUT"),
    "a fragment nobody wrote": ("{ ...a }", "BAD_INPUT"),
    "introspection that goes round": (
        "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }", "BAD_INPUT"
    ),
    "introspection 90 times": (
        "{ " + " ".join(f"a{n}: __schema {{ types {{ name }} }}" for n in range(90)) + " }", "BUDGET_EXCEEDED"
    ),
    "introspection with aliases inside": (
        "{ __schema { " + " ".join(f"a{n}: types {{ fields {{ name }} }}" for n in range(90)) + " } }",
        "BUDGET_EXCEEDED",
    ),
    "11 types": ("{ " + " ".join(f'a{n}: __type(name: "A") {{ name }}' for n in range(11)) + " }", "BUDGET_EXCEEDED"),
    "an answer of 100 million values": (
        "{ schools(first: 1000) { nodes { district { schools(first: 1000) { nodes { district { "
        "schools(first: 100) { nodes { name } } } } } } } } }", "BUDGET_EXCEEDED"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("query", "code"), REFUSED.values(), ids=REFUSED)
def test_an_operation_that_cannot_be_asked_is_refused_whole(query: str, code: str, served: Served) -> None:
    plain = served.ask(query, accept=JSON)
    strict = served.ask(query, accept=GRAPHQL_RESPONSE)
    assert (plain.status, strict.status) == (200, 400)
    for reply in (plain, strict):
        assert set(reply.codes) == {code}
        assert "data" not in reply.told
        assert not SECRETS.search(reply.body.replace(query.encode(), b"")), reply.body
        assert "Did you mean" not in reply.body.decode()
    assert orjson.loads(plain.body) == orjson.loads(strict.body)


def test_what_is_refused_is_recorded(served: Served) -> None:
    told = entry(served, served.ask('{ school(code: "KEC-00001") { nme } }'))
    assert (told["succeeded"], told["faultCode"], told["messageUserId"]) == (False, ["BAD_INPUT"], "anonymous")


def test_an_error_names_no_limit_without_its_number(served: Served) -> None:
    messages = [served.ask(query).told["errors"][0]["message"] for query, code in REFUSED.values()
                if code == "BUDGET_EXCEEDED"]  # fmt: skip
    assert all(re.search(r"\d", message) or "once" in message for message in messages), messages


ONE = "query ($c: String!) { school(code: $c) { name } }"
PAGE = "query ($n: Int) { schools(first: $n) { nodes { name } } }"
WHERE = "query ($w: SchoolWhere) { schools(where: $w) { nodes { name } } }"
MONEY = "query ($d: Decimal) { budgetLines(where: {budget: {gt: $d}}) { nodes { code } } }"
DAY = "query ($d: Date) { schools(where: {openedOn: {lt: $d}}) { nodes { code } } }"
CNIC = "query ($c: NationalId) { teachers(where: {cnic: {eq: $c}}) { nodes { code } } }"
GROUP = "query ($g: [SchoolGroupBy!]) { schools { aggregate(groupBy: $g) { count } } }"
MARK = "Zarghuna-38201"
"""A value that must not come back."""


def deep(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels):
        value = {"not": value}
    return value


WRONG: dict[str, tuple[str, Any]] = {
    "missing": (ONE, {}),
    "null": (ONE, {"c": None}),
    "a number for text": (ONE, {"c": 382010}),
    "a list for text": (ONE, {"c": [MARK]}),
    "an object for text": (ONE, {"c": {MARK: MARK}}),
    "text for a number": (PAGE, {"n": MARK}),
    "a fraction for a whole number": (PAGE, {"n": 1.5}),
    "33 bits": (PAGE, {"n": 2**40}),
    "true for a number": (PAGE, {"n": True}),
    "text for an object": (WHERE, {"w": MARK}),
    "a field a filter has not": (WHERE, {"w": {"owner": {"eq": MARK}}}),
    "an operator a filter has not": (WHERE, {"w": {"name": {"regex": MARK}}}),
    "words that look like a message": (PAGE, {"n": f"a; Expected: {MARK}, found: Int cannot: {MARK}"}),
    "a group there is not": (GROUP, {"g": [f"{MARK}' does not exist in '{MARK}"]}),
    "null in a list": (WHERE, {"w": {"name": {"in": [MARK, None]}}}),
    "a float for a Decimal": (MONEY, {"d": 1.5}),
    "words for a Decimal": (MONEY, {"d": MARK}),
    "a Decimal of a billion digits": (MONEY, {"d": "1e999999999"}),
    "30 February": (DAY, {"d": "2025-02-30"}),
    "a day in another form": (DAY, {"d": "31/12/2025"}),
    "a CNIC of 12 digits": (CNIC, {"c": "382010123456"}),
    "a CNIC with letters": (CNIC, {"c": "38201-012345x-1"}),
    "a filter of 40 levels": (WHERE, {"w": deep(40)}),
    "a filter of 200 levels": (WHERE, {"w": deep(200)}),
    "a filter of 300 tests": (WHERE, {"w": {"or": [{"name": {"eq": MARK}}] * 300}}),
    "a filter of 9,000 empty tests": (WHERE, {"w": {"or": [{}] * 9_000}}),
    "the character NUL": (ONE, {"c": f"{MARK}\0"}),
    "the character NUL in a list": (WHERE, {"w": {"name": {"in": ["a", f"{MARK}\0"]}}}),
    "a text of 100,000 characters": (ONE, {"c": MARK * 10_000}),
}


@pytest.mark.parametrize(("query", "variables"), WRONG.values(), ids=WRONG)
def test_wrong_variables_are_refused_without_being_repeated(query: str, variables: Any, served: Served) -> None:
    reply = served.ask(query, variables=variables, accept=GRAPHQL_RESPONSE)
    assert reply.status == 400
    assert set(reply.codes) <= {"BAD_INPUT", "BUDGET_EXCEEDED"}
    assert reply.codes
    assert MARK.encode() not in reply.body
    assert b"38201" not in reply.body
    assert not SECRETS.search(reply.body)


def test_variables_do_not_multiply_a_filter(served: Served) -> None:
    """200 tests in a variable that is used 20 times are 4,000."""
    query = "query ($w: [SchoolWhere!]) { schools(where: {and: [%s]}) { totalCount } }" % ("{or: $w} " * 20)
    few, many = [{"name": {"eq": "x"}}] * 10, [{"name": {"eq": "x"}}] * 200
    assert served.ask(query, variables={"w": few}).codes == []
    assert served.ask(query, variables={"w": many}).codes == ["BUDGET_EXCEEDED"]


def test_a_variable_nobody_asked_for_is_left_alone(served: Served) -> None:
    reply = served.ask(ONE, variables={"c": "KEC-00001", "other": {"deep": [[[]]]}})
    assert reply.codes == []


def test_an_operation_name_picks_one_operation(served: Served) -> None:
    two = 'query A { __typename } query B { school(code: "KEC-00001") { name } }'
    assert "school" in served.post({"query": two, "operationName": "B"}).told["data"]
    assert served.post({"query": two, "operationName": "C"}).codes == ["BAD_INPUT"]


def test_only_queries_are_taken_by_get(served: Served) -> None:
    assert served.get("{ __typename }").told == {"data": {"__typename": "Query"}}
    variables = {"variables": '{"c": "KEC-00001"}'}
    assert served.get(ONE, **variables).told["data"]["school"]["name"]
    for reply in (
        served.get("mutation { __typename }"),
        served.get("subscription { stockChanged { change } }"),
        served.get("query A { __typename } mutation B { __typename }", operationName="B"),
    ):
        assert (reply.status, reply.headers["allow"], reply.codes) == (405, "POST", ["BAD_INPUT"])
        assert "x-ledger-entry" in reply.headers


def test_more_roots_than_a_source_takes_calls_leave_the_rest_standing(served: Served) -> None:
    roots = " ".join(f'a{n}: school(code: "KEC-00001") {{ name }}' for n in range(90))
    reply = served.ask(f"{{ {roots} }}")
    assert set(reply.codes) == {"BUDGET_EXCEEDED"}
    assert sum(root is not None for root in reply.told["data"].values()) == 64


def test_tools_can_introspect(served: Served) -> None:
    """What editors and code generators send, as they send it."""
    assert served.ask(get_introspection_query()).codes == []
    assert served.ask('{ a: __type(name: "School") { name } b: __type(name: "District") { name } }').codes == []
