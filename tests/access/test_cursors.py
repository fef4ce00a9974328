"""A cursor is good for the one who got it, in the list it came from, and shows nothing."""

from __future__ import annotations

import base64
import sqlite3

import pytest

from auth.principal import Principal
from tests.houses import AUDITOR, Desk, Systems, person

OFFICER = person("district_officer", district="KEC")
LIST = "query ($a: String) { teachers(first: 2, orderBy: [{name: ASC}], after: $a) { edges { cursor node { code } } } }"


async def first_cursor(desk: Desk, query: str = LIST, principal: Principal = OFFICER, **variables: object) -> str:
    answer = await desk.data(query, principal, **variables)
    cursor: str = answer["teachers"]["edges"][0]["cursor"]
    return cursor


async def code_of(desk: Desk, query: str, principal: Principal, **variables: object) -> str | None:
    answer = await desk.ask(query, principal, dict(variables))
    errors = answer.get("errors")
    return None if errors is None else errors[0]["extensions"]["code"]


async def test_it_goes_on_for_its_owner(file_desk: Desk) -> None:
    cursor = await first_cursor(file_desk)
    assert await code_of(file_desk, LIST, OFFICER, a=cursor) is None


@pytest.mark.parametrize(
    ("thief", "why"),
    [
        (Principal("another", OFFICER.roles, OFFICER.attributes), "another subject with the same rights"),
        (Principal("tester", OFFICER.roles, {"district": "QUE"}), "the same subject with another district"),
        (AUDITOR, "somebody who may see more"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_it_is_refused_to_others(file_desk: Desk, thief: Principal, why: str) -> None:
    cursor = await first_cursor(file_desk)
    assert await code_of(file_desk, LIST, thief, a=cursor) == "BAD_CURSOR"


@pytest.mark.parametrize(
    "query",
    [
        LIST.replace("name: ASC", "name: DESC"),
        LIST.replace("name: ASC", "code: ASC"),
        LIST.replace("teachers(", 'teachers(where: {gender: {eq: "Female"}}, '),
        LIST.replace("teachers(first: 2, orderBy: [{name: ASC}]", "students(first: 2, orderBy: [{grade: ASC}]"),
    ],
    ids=["order turned round", "another order", "another filter", "another list"],
)
async def test_it_is_refused_in_another_list(file_desk: Desk, query: str) -> None:
    cursor = await first_cursor(file_desk)
    assert await code_of(file_desk, query, OFFICER, a=cursor) == "BAD_CURSOR"


@pytest.mark.parametrize(
    "where", ["gender: {eq: $x}", "school: {name: {startsWith: $x}}"], ids=["of the row", "through a link"]
)
async def test_it_is_bound_to_the_values_of_the_filter(file_desk: Desk, where: str) -> None:
    query = LIST.replace("$a: String", "$a: String, $x: String!").replace("teachers(", f"teachers(where: {{{where}}}, ")
    one, other = ("Male", "Female") if "gender" in where else ("G", "Go")
    cursor = await first_cursor(file_desk, query, x=one)
    assert await code_of(file_desk, query, OFFICER, a=cursor, x=one) is None
    assert await code_of(file_desk, query, OFFICER, a=cursor, x=other) == "BAD_CURSOR"


async def test_a_nested_cursor_is_bound_to_its_parent(file_desk: Desk) -> None:
    query = """query ($c: [String!], $a: String) { schools(where: {code: {in: $c}}) { nodes {
                 teachers(first: 1, after: $a) { edges { cursor } } } } }"""
    answer = await file_desk.data(query, OFFICER, c=["KEC-00001"])
    cursor = answer["schools"]["nodes"][0]["teachers"]["edges"][0]["cursor"]
    assert await code_of(file_desk, query, OFFICER, c=["KEC-00001"], a=cursor) is None
    assert await code_of(file_desk, query, OFFICER, c=["KEC-00002"], a=cursor) == "BAD_CURSOR"
    assert await code_of(file_desk, query, OFFICER, c=["KEC-00001", "KEC-00002"], a=cursor) == "BAD_CURSOR"


async def test_it_is_refused_when_a_byte_is_changed_or_cut_off(file_desk: Desk) -> None:
    cursor = await first_cursor(file_desk)
    changed = cursor[:20] + ("A" if cursor[20] != "A" else "B") + cursor[21:]
    for broken in (changed, "B" + cursor[1:], cursor[:-4], cursor[:4], "", "?", "e30"):
        assert await code_of(file_desk, LIST, OFFICER, a=broken) == "BAD_CURSOR"


async def test_it_shows_no_value_and_not_how_long_it_is(file_desk: Desk, files: Systems) -> None:
    """Hidden order values would stand in it: names of persons, and their length."""
    answer = await file_desk.data(LIST.replace("first: 2", "first: 50"), OFFICER)
    cursors = [edge["cursor"] for edge in answer["teachers"]["edges"]]
    connection = sqlite3.connect(files.folder / "emis.sqlite")
    names = [row[0].encode() for row in connection.execute("SELECT first_name FROM security_users WHERE is_staff = 1")]
    connection.close()
    for cursor in cursors:
        sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        assert not any(name in sealed for name in names)
    assert len({len(cursor) for cursor in cursors}) == 1


async def test_it_is_authorized_again_when_used(file_desk: Desk) -> None:
    """The rights a cursor was made with are gone: the list is refused, whatever the cursor holds."""
    cursor = await first_cursor(file_desk)
    assert await code_of(file_desk, LIST, person("planner"), a=cursor) == "REFUSED"


async def test_a_cursor_of_a_blanked_order_says_nothing_of_the_cell(file_desk: Desk) -> None:
    """Ordered by telephone, an officer's cursor of another district's school holds null: the next page starts there."""
    query = """query ($a: String) { schools(first: 1, where: {districtCode: {eq: "QUE"}}, orderBy: [{telephone: ASC}],
                 after: $a) { edges { cursor node { code } } } }"""
    codes = []
    cursor = None
    for _ in range(4):
        answer = await file_desk.data(query, OFFICER, a=cursor)
        edge = answer["schools"]["edges"][0]
        cursor = edge["cursor"]
        codes.append(edge["node"]["code"])
    assert codes == sorted(codes)
