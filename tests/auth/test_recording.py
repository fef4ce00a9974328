"""What an entry holds, and what cannot be smuggled into one."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import orjson
import pytest
from graphql import parse

from auth.credentials import Context, Credentials
from auth.errors import AuthError
from auth.principal import ANONYMOUS, Principal
from gateway import pipeline
from gateway.executor import Execution
from gateway.operation import redacted
from gateway.pipeline import answer
from gateway.request import GraphQLRequest, Incoming
from schema.errors import Code
from tests.access.planted import leaked
from tests.houses import AUDITOR, Desk, Systems, person

CNIC = "3520112345671"
SMUGGLED = [
    f'{{ students(where: {{bForm: {{eq: "{CNIC}"}}}}) {{ nodes {{ code }} }} }}',
    f'{{ students(where: {{bForm: {{in: ["{CNIC[:5]}-{CNIC[5:12]}-{CNIC[12:]}"]}}}}) {{ nodes {{ code }} }} }}',
    f'{{ students(where: {{name: {{eq: """block {CNIC}"""}}}}) {{ nodes {{ code }} }} }}',
    f"{{ schools(where: {{teachers: {{some: {{code: {{eq: \"{CNIC}\"}}}}}}}}) {{ nodes {{ code }} }} }}",
    f"{{ x{CNIC}: schools {{ nodes {{ a_{CNIC}: code }} }} }}",
    f"query Find_{CNIC} {{ schools {{ nodes {{ code }} }} }}",
    f"query Find {{ ...F{CNIC} }} fragment F{CNIC} on Query {{ schools {{ nodes {{ code }} }} }}",
    f'query ($v{CNIC}: String = "{CNIC}") {{ schools(where: {{code: {{eq: $v{CNIC}}}}}) {{ nodes {{ code }} }} }}',
    f"# {CNIC}\n{{ schools(first: 1) {{ nodes {{ code }} # {CNIC}\n }} }}",
    f'{{ budgetLines(where: {{budget: {{gt: "{CNIC}.00"}}}}) {{ nodes {{ code }} }} }}',
    f"{{ payslips(where: {{employeeNumber: {{eq: {CNIC[:8]}}}}}) {{ nodes {{ code }} }} }}",
    f'{{ field(coordinate: "{CNIC}") {{ owner }} }}',
]


@pytest.mark.parametrize("query", SMUGGLED)
async def test_no_value_gets_into_an_entry(file_desk: Desk, query: str) -> None:
    response = await file_desk.ask(query, AUDITOR)
    assert "data" in response, response
    entry = file_desk.ledger.entries[-1].decode()
    assert CNIC[:8] not in entry
    assert file_desk.ledger.last["operation"], "the form of the question is kept"


async def test_what_came_too_late_is_recorded_with_what_was_read_for_it(
    file_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Execution.run

    async def run_and_dawdle(self: Execution) -> None:
        await whole(self)
        await asyncio.Event().wait()

    monkeypatch.setattr(Execution, "run", run_and_dawdle)
    monkeypatch.setattr(pipeline, "GRACE_S", 0.0)
    monkeypatch.setattr(file_desk.house, "time_s", 1.0)
    response = await file_desk.ask("{ schools(first: 2) { nodes { code } } }", AUDITOR)
    assert [error["extensions"]["code"] for error in response["errors"]] == ["DEADLINE"]
    assert "data" not in response
    entry = file_desk.ledger.last
    assert (entry["outcome"], entry["faultCode"], entry["succeeded"]) == ("late", ["DEADLINE"], False)
    assert entry["rows"]["education.School"] > 0
    assert entry["rowsGiven"] == {}


async def test_variables_are_not_in_an_entry(file_desk: Desk) -> None:
    query = "query ($b: NationalId!) { students(where: {bForm: {eq: $b}}) { nodes { code } } }"
    await file_desk.ask(query, AUDITOR, {"b": CNIC})
    assert CNIC not in file_desk.ledger.entries[-1].decode()


async def test_a_hash_of_the_question_tells_nothing_of_its_values(file_desk: Desk) -> None:
    """Thirteen digits are quickly tried out against a hash of the whole text."""
    hashes = set()
    for number in (CNIC, "1111111111111"):
        await file_desk.ask(f'{{ students(where: {{bForm: {{eq: "{number}"}}}}) {{ nodes {{ code }} }} }}', AUDITOR)
        hashes.add(file_desk.ledger.last["operationHash"])
    assert len(hashes) == 1


def test_the_form_of_the_question_stays_readable() -> None:
    text = """query Q($d: String!, $n: Int = 5) { mine: schools(first: $n, orderBy: [{name: DESC}],
                where: {code: {eq: $d}, status: {isNull: false}}) { ...Part }
              other: schools(first: 3) { nodes { c: code } } }
              fragment Part on SchoolConnection { nodes { name } }"""
    told = redacted(parse(text))
    assert "orderBy: [{ name: DESC }]" in told
    assert "isNull: false" in told
    assert told.count("schools(") == 2
    parse(told)
    for name in ("mine", "Part", "$d", "$n", " Q(", "other", "c: code"):
        assert name not in told


async def test_rows_of_an_answer_are_not_in_its_entry(file_desk: Desk, files: Systems) -> None:
    query = """{ students(first: 50) { nodes { code name bForm school { telephone } } }
                 payslips(first: 50) { nodes { cnic gross } } facilities(first: 50) { nodes { inChargeCnic } } }"""
    response = await file_desk.ask(query, AUDITOR)
    assert leaked(files.folder, orjson.dumps(response).decode())
    assert leaked(files.folder, file_desk.ledger.entries[-1].decode()) == []


async def test_an_entry_says_who_why_what_and_how_much(file_desk: Desk) -> None:
    who = replace(AUDITOR, office="Anti-Corruption Establishment", also=Principal("other", frozenset({"auditor"})))
    who = replace(who, also=replace(AUDITOR, subject="other"))
    await file_desk.ask(
        """{ students(first: 2, where: {bForm: {isNull: false}}, orderBy: [{grade: ASC}]) { nodes { name } }
             teachers { aggregate(groupBy: [GENDER]) { key { gender } count } } }""",
        who,
    )
    entry = file_desk.ledger.last
    assert entry["format"] == 1
    assert entry["messageUserId"] == "auditor-1"
    assert entry["roles"] == ["auditor"]
    assert entry["office"] == "Anti-Corruption Establishment"
    assert entry["purpose"] == "LegalCompliance"
    assert entry["messageIssue"] == "ACE-2025-014"
    assert entry["representedPartyCode"] == "other"
    assert entry["shown"]["Student.name"]
    assert entry["used"] == {"Student.bForm": ["filter"], "Student.grade": ["order"], "Teacher.gender": ["group"]}
    assert entry["rowsGiven"]["education.Student"] == 2
    assert entry["rows"]["education.Student"] > 2, "numbers are compared after reading, so more was read"
    assert entry["outcome"] == "ok"
    assert entry["succeeded"] is True
    assert entry["requestInTs"] <= entry["responseOutTs"]


async def test_a_steward_is_recorded_as_shown_a_mask(file_desk: Desk) -> None:
    await file_desk.ask("{ students(first: 1) { nodes { bForm grade } } }", person("steward"))
    assert "Student.bForm" in file_desk.ledger.last["masked"]
    assert "Student.bForm" not in file_desk.ledger.last["shown"]


async def test_a_filter_through_a_link_is_recorded(file_desk: Desk) -> None:
    query = """{ schools(where: {students: {some: {bForm: {eq: "3520112345671"}}}}) { totalCount }
                 student(code: "S0000001") { grade } payslips { aggregate(having: {sum: {gross: {gt: "1"}}}) {
                 sum { net } } } }"""
    await file_desk.ask(query, AUDITOR)
    assert file_desk.ledger.last["used"] == {
        "School.students": ["filter"], "Student.bForm": ["filter"], "Student.code": ["filter"],
        "Payslip.gross": ["measure"], "Payslip.net": ["measure"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "outcome", "code"),
    [
        ("{ payslips { nodes { gross } } }", "ok", "REFUSED"),
        ("{ payslips { nodes { salary } } }", "request_error", "BAD_INPUT"),
        ("{ payslips {", "request_error", "BAD_INPUT"),
        ("", "request_error", "BAD_INPUT"),
        ("mutation { x }", "request_error", "BAD_INPUT"),
        ("{" + "a{" * 2_000, "request_error", "BAD_INPUT"),
    ],
)
async def test_refusals_and_bad_requests_are_recorded(file_desk: Desk, query: str, outcome: str, code: str) -> None:
    before = len(file_desk.ledger.entries)
    await file_desk.ask(query)
    assert len(file_desk.ledger.entries) == before + 1
    entry = file_desk.ledger.last
    assert (entry["outcome"], entry["faultCode"], entry["succeeded"]) == (outcome, [code], False)


@pytest.mark.parametrize("code", [Code.UNAUTHENTICATED, Code.REFUSED])
async def test_who_is_not_let_in_is_recorded_as_nobody(file_desk: Desk, code: Code) -> None:
    class Refusing:
        async def authenticate(self, credentials: Credentials, context: Context) -> Principal:
            raise AuthError(code, "not you")

    file_desk.house.authenticator = Refusing()  # type: ignore[assignment]
    incoming = Incoming(GraphQLRequest("{ schools { totalCount } }"), authorization="Bearer x")
    told = await answer(file_desk.house, incoming)
    assert told.ledger_entry is not None
    entry = file_desk.ledger.last
    assert entry["messageUserId"] == ANONYMOUS.subject
    assert entry["faultCode"] == [code]
    assert "Bearer" not in file_desk.ledger.entries[-1].decode()


async def test_nothing_is_answered_when_the_ledger_cannot_write(file_desk: Desk, files: Systems) -> None:
    file_desk.ledger.broken = True
    for query in ("{ schools(first: 1) { nodes { name } } }", "{ nonsense }", "{ payslips { nodes { gross } } }"):
        response = await file_desk.ask(query, AUDITOR)
        assert "data" not in response
        assert [error["extensions"]["code"] for error in response["errors"]] == ["LEDGER_UNAVAILABLE"]


BENEATH = {
    "fields of a refused list": ("{ students { nodes { code bForm } edges { node { name } } } }", {},
                                 {"Query.students", "Student.code", "Student.bForm", "Student.name"}),
    "a refused root by key": ('{ student(code: "S1") { bForm } }', {},
                              {"Query.student", "Student.code", "Student.bForm"}),
    "what is behind a refused link": (
        "{ schools(first: 1) { nodes { name teachers(orderBy: [{name: ASC}]) { nodes { cnic } } } } }", {},
        {"School.teachers", "Teacher.name", "Teacher.cnic"},
    ),
    "a filter by a refused field": (
        '{ schools(where: {or: [{not: {teachers: {some: {cnic: {eq: "5440012345671"}}}}}]}) { nodes { name } } }', {},
        {"Query.schools", "School.teachers", "Teacher.cnic", "School.name"},
    ),
    "a filter that comes as a variable": (
        "query ($w: StudentWhere) { students(where: $w) { nodes { code } } }",
        {"w": {"bForm": {"eq": "5440012345671"}, "school": {"code": {"eq": "KEC-00001"}}}},
        {"Query.students", "Student.bForm", "Student.code", "Student.school", "School.code"},
    ),
    "an order, a group and a measure": (
        """{ payslips(orderBy: [{gross: DESC}]) { nodes { code }
             aggregate(groupBy: [MONTH], having: {max: {net: {gt: "1"}}}) { key { month } sum { deductions } } } }""",
        {}, {"Query.payslips", "Payslip.gross", "Payslip.code", "Payslip.month", "Payslip.net", "Payslip.deductions"},
    ),
    "a group through links": (
        "query ($g: [StudentGroupBy!]) { students { aggregate(groupBy: $g) { count } } }",
        {"g": ["SCHOOL_DISTRICT_NAME"]},
        {"Query.students", "Student.school", "School.district", "District.name"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BENEATH)
async def test_what_a_refused_question_asked_for_is_recorded_as_refused(file_desk: Desk, what: str) -> None:
    """Who filters pupils by a B-Form number and may not has been refused the number as much as the pupils."""
    query, variables, refused = BENEATH[what]
    await file_desk.ask(query, person("citizen"), variables)
    entry = file_desk.ledger.last
    assert set(entry["refused"]) == refused
    assert set(entry["refused"].values()) == {"REFUSED"}
    assert entry["shown"].keys().isdisjoint(refused)


async def test_what_was_shown_elsewhere_in_the_answer_is_not_recorded_as_refused(file_desk: Desk) -> None:
    query = """{ schools(first: 1) { nodes { name district { name } } }
                 students { nodes { school { name } } } }"""
    await file_desk.ask(query, person("citizen"))
    entry = file_desk.ledger.last
    assert {"School.name", "District.name"} <= entry["shown"].keys()
    assert entry["refused"] == {"Query.students": "REFUSED", "Student.school": "REFUSED"}


async def test_what_is_missing_to_be_allowed_is_recorded_of_what_stands_beneath(file_desk: Desk) -> None:
    await file_desk.ask("{ students { nodes { bForm } } }", replace(AUDITOR, case=None))
    assert file_desk.ledger.last["refused"] == {"Query.students": "CASE_REQUIRED", "Student.bForm": "CASE_REQUIRED"}
    assert file_desk.ledger.last["owners"] == {"Student": "Director EMIS"}
