"""SOAP sources: faults, XML that is none, and XML that wants us to read or build something for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from aiohttp import web
from lxml import etree

from connectors.address import Address
from connectors.soap import SoapConnector
from legacy.services.fabs_wsdl import wsdl
from schema.fetch import ConnectorError, Fetch, RowBudgetExceeded, SourceUnavailable
from schema.relations import Operation, Parameter
from tests.connectors.standins import Service, a_fetch, a_source, service

LINES = Operation(
    "GetBudgetLines", "budgetLine",
    (Parameter("lineId", "lineId", "in", 100), Parameter("district", "district", "in", 100)), page_size=2,
)  # fmt: skip
ENVELOPE = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'


def answer_of(total: Any, *rows: str) -> str:
    inner = "".join(f"<budgetLine>{row}</budgetLine>" for row in rows)
    return ENVELOPE.format(f"<GetBudgetLinesResponse><total>{total}</total>{inner}</GetBudgetLinesResponse>")


def xml(text: str | bytes, status: int = 200) -> web.Response:
    body = text.encode() if isinstance(text, str) else text
    return web.Response(body=body, status=status, content_type="text/xml")


def called(request: web.Request) -> dict[str, list[str]]:
    """The arguments of the call."""
    body = etree.fromstring(request._read_bytes or b"")
    operation = body.find("{*}Body")[0]
    found: dict[str, list[str]] = {}
    for part in operation:
        found.setdefault(etree.QName(part).localname, []).append(part.text or "")
    return found


async def asked(
    give: Callable[[web.Request], Any], fetch: Callable[[], Fetch], description: bytes | None = None
) -> tuple[Any, Service]:
    def answer(request: web.Request) -> Any:
        if request.method == "GET":
            return xml(wsdl(str(request.url.with_query(None))) if description is None else description)
        return give(request)

    async with service(answer) as told:
        connector = SoapConnector(a_source("soap"), Address(f"{told.url.rstrip('/')}/soap/fabs"))
        try:
            return await connector.fetch(fetch()), told
        except ConnectorError as error:
            return error, told
        finally:
            await connector.aclose()


def every_line() -> Fetch:
    return a_fetch(LINES, "lineId", "budget")


def listing(count: int) -> Callable[[web.Request], web.Response]:
    def give(request: web.Request) -> web.Response:
        arguments = called(request)
        start, size = int(arguments["offset"][0]), int(arguments["maxRows"][0])
        wanted = arguments.get("lineId", [f"L{number}" for number in range(count)])
        rows = [f"<lineId>{escape(line)}</lineId><budget>1.00</budget>" for line in wanted]
        return xml(answer_of(len(rows), *rows[start : start + size]))

    return give


async def test_all_pages_are_read_and_the_description_once() -> None:
    rows, told = await asked(listing(5), every_line)
    assert sorted(rows.rows) == [(f"L{number}", "1.00") for number in range(5)]
    assert [request.method for request in told.requests] == ["GET", "POST", "POST", "POST"]


async def test_keys_are_repeated_elements_and_their_text_is_escaped() -> None:
    keys = ("L1", "<!ENTITY x>", "&amp;", "a,b")
    rows, told = await asked(listing(0), lambda: a_fetch(LINES, "lineId", key="lineId", keys=keys))
    assert sorted(rows.rows) == [("&amp;",), ("<!ENTITY x>",), ("L1",), ("a,b",)]
    assert called(told.requests[1])["lineId"] == list(keys)


async def test_the_call_names_its_action() -> None:
    _, told = await asked(listing(0), every_line)
    assert told.requests[1].headers["SOAPAction"].endswith(':GetBudgetLines"')


async def test_an_empty_element_is_empty_text_a_missing_or_nil_one_is_null() -> None:
    nil = '<budget xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>'
    rows, _ = await asked(
        lambda request: xml(answer_of(2, "<lineId>a</lineId><budget/>", f"<lineId>b</lineId>{nil}")), every_line
    )
    assert sorted(rows.rows) == [("a", ""), ("b", None)]


async def test_a_comment_inside_a_text_does_not_cut_it() -> None:
    body = answer_of(1, "<lineId>a<!-- x -->b</lineId><budget>1</budget>")
    rows, _ = await asked(lambda request: xml(body), every_line)
    assert rows.rows == [("ab", "1")]


FAULT = ENVELOPE.format(
    "<s:Fault><faultcode>s:Server</faultcode><faultstring>ORA-00942 password is hunter2</faultstring></s:Fault>"
)
ROW = "<lineId>L1</lineId><budget>{}</budget>"


def with_doctype(inner: str, row: str = ROW.format("&x;")) -> str:
    return f"<!DOCTYPE e [{inner}]>" + answer_of(1, row)


LAUGHS = '<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
) + '<!ENTITY x "&j;">'  # fmt: skip
BAD: dict[str, str | bytes] = {
    "a fault": FAULT,
    "no XML": "busy, come back later",
    "nothing": b"",
    "half an envelope": answer_of(1, ROW)[:-20],
    "another document": "<html><body>login</body></html>",
    "no total": ENVELOPE.format("<GetBudgetLinesResponse/>"),
    "a total that is none": answer_of("many"),
    "a total below nothing": answer_of(-1),
    "fewer rows than it says": answer_of(2, ROW.format(1)),
    "bytes of no encoding": answer_of(1, ROW).encode() + b"\xff\xfe",
    "entities that grow": with_doctype(LAUGHS),
    "an entity of its own": with_doctype('<!ENTITY x "1">'),
    "a document type without need": with_doctype("", ROW.format(1)),
    "a document type behind a long comment": f"<!--{'x' * 9000}-->" + with_doctype("", ROW.format(1)),
    "a document type in UTF-16": with_doctype("", ROW.format(1)).encode("utf-16"),
}


@pytest.mark.parametrize("name", BAD)
async def test_an_answer_that_is_not_as_agreed_is_no_answer(name: str) -> None:
    """Nothing of what came is repeated."""
    error, _ = await asked(lambda request: xml(BAD[name]), every_line)
    assert isinstance(error, SourceUnavailable), error
    assert str(error).startswith("rtsm: ")
    for leak in ("ORA", "hunter2", "login", "busy"):
        assert leak not in str(error)


async def test_a_fault_with_status_500_is_told_as_a_fault() -> None:
    error, _ = await asked(lambda request: xml(FAULT, 500), every_line)
    assert "GetBudgetLines answered with a fault" in str(error)


async def test_no_file_of_this_machine_is_read_for_an_answer(tmp_path: Path) -> None:
    """The classic: an entity that stands for a file."""
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    error, _ = await asked(lambda request: xml(with_doctype(f'<!ENTITY x SYSTEM "{secret.as_uri()}">')), every_line)
    assert isinstance(error, SourceUnavailable)


async def test_no_address_is_called_for_an_answer() -> None:
    async with service(lambda request: "never") as elsewhere:
        body = with_doctype(f'<!ENTITY x SYSTEM "{elsewhere.url}"><!ENTITY % p SYSTEM "{elsewhere.url}"> %p;')
        error, _ = await asked(lambda request: xml(body), every_line)
        assert isinstance(error, SourceUnavailable)
        assert elsewhere.requests == []


def described(change: Callable[[str], str]) -> bytes:
    return change(wsdl("http://127.0.0.1/soap/fabs")).encode()


async def test_a_description_that_refers_elsewhere_is_refused() -> None:
    """Else whoever answers for the service makes us call what we can reach and they cannot."""
    async with service(lambda request: "never") as elsewhere:
        imported = f'<import namespace="x" location="{elsewhere.url}"/><types>'
        error, told = await asked(listing(1), every_line, described(lambda text: text.replace("<types>", imported)))
        assert isinstance(error, SourceUnavailable)
        assert "a WSDL that cannot be read" in str(error)
        assert elsewhere.requests == []
        assert len(told.requests) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "not a WSDL",
        lambda text: "<definitions/>",
        lambda text: text.replace("?>", '?><!DOCTYPE d [<!ENTITY x "y">]>', 1),
        lambda text: text.replace("GetBudgetLines", "GetSomethingElse"),
    ],
)
async def test_a_description_that_is_not_as_agreed_is_no_answer(change: Callable[[str], str]) -> None:
    error, told = await asked(listing(1), every_line, described(change))
    assert isinstance(error, SourceUnavailable)
    assert all(request.method == "GET" for request in told.requests)


async def test_calls_go_where_the_settings_say_not_where_the_description_says() -> None:
    async with service(lambda request: "never") as elsewhere:
        rows, _ = await asked(listing(1), every_line, wsdl(elsewhere.url).encode())
        assert len(rows.rows) == 1
        assert elsewhere.requests == []


async def test_a_description_is_asked_for_again_after_a_failure() -> None:
    broken = [True]

    def answer(request: web.Request) -> Any:
        if request.method == "POST":
            return listing(1)(request)
        return web.Response(status=503) if broken.pop() else xml(wsdl("http://127.0.0.1/"))

    async with service(answer) as told:
        connector = SoapConnector(a_source("soap"), Address(told.url))
        with pytest.raises(SourceUnavailable, match="HTTP 503"):
            await connector.fetch(every_line())
        broken.append(False)
        assert len((await connector.fetch(every_line())).rows) == 1
        await connector.aclose()


async def test_the_row_budget_is_refused_after_the_first_page() -> None:
    error, told = await asked(listing(9), lambda: a_fetch(LINES, "lineId", max_rows=8))
    assert isinstance(error, RowBudgetExceeded)
    assert len(told.requests) == 2
