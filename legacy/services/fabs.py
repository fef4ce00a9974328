"""FABS: budget lines, releases and receipts behind SOAP 1.1, document/literal, described by a WSDL."""

from __future__ import annotations

import base64
import hmac
import sqlite3
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from legacy.services.common import BadArgument, Statistics, secret, service, whole
from legacy.services.fabs_operations import INDEXES, MOST_ROWS, NS, OPERATIONS, ROWS, Argument, SoapOperation
from legacy.services.fabs_wsdl import wsdl
from legacy.services.store import Condition, Listing, Store, among

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
XML = "text/xml; charset=utf-8"


class Fault(Exception):
    """A SOAP fault: ``who`` is Client, Server, VersionMismatch or MustUnderstand."""

    def __init__(self, who: str, why: str) -> None:
        super().__init__(why)
        self.who = who
        self.why = why


def app(folder: Path) -> Starlette:
    """``POST /soap/fabs`` and ``GET /soap/fabs?wsdl``; HTTP Basic, user ``gateway``, password of ``fabs.password``."""
    statistics = Statistics()
    fabs = _Fabs(Store(folder / "fabs_soap.sqlite", INDEXES), secret(folder, "fabs.password"), statistics)
    routes = [
        Route("/soap/fabs", fabs.wsdl, methods=["GET"]),
        Route("/soap/fabs", fabs.call, methods=["POST"]),
    ]
    return service(routes, statistics)


class _Fabs:
    def __init__(self, store: Store, password: str, statistics: Statistics) -> None:
        self._store = store
        self._login = b"Basic " + base64.b64encode(f"gateway:{password}".encode())
        self._statistics = statistics

    async def wsdl(self, request: Request) -> Response:
        return Response(wsdl(str(request.url.replace(query=""))), media_type="text/xml")

    async def call(self, request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), self._login):
            return Response("", 401, {"WWW-Authenticate": 'Basic realm="FABS"'})
        if request.headers.get("content-type", "").split(";")[0].strip().lower() != "text/xml":
            return Response("", 415)
        body = await request.body()
        try:
            called = _called(body)
            operation = OPERATIONS.get(etree.QName(called).localname)
            if operation is None or etree.QName(called).namespace != NS:
                raise Fault("Client", "no such operation")
            self._statistics.rename(request.url.path, f"{request.url.path}#{operation.name}")
            total, rows = await self._store.page(_listing(operation, called))
        except BadArgument as error:
            return _fault(Fault("Client", str(error)))
        except sqlite3.Error:
            return _fault(Fault("Server", "the system is out of order"))
        except Fault as fault:
            return _fault(fault)
        return Response(_answer(operation, total, rows), media_type=XML)


def _called(body: bytes) -> Any:
    """The element in the envelope's body. Raises Fault. A document type is refused before anything is parsed, and
    UTF-8 is the only encoding, or a declaration could hide one."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Fault("Client", "UTF-8 is needed") from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise Fault("Client", "document types are refused")
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise Fault("Client", "the envelope is no XML") from error
    name = etree.QName(root)
    if name.localname != "Envelope":
        raise Fault("Client", "no SOAP envelope")
    if name.namespace != SOAP:
        raise Fault("VersionMismatch", "SOAP 1.1 is spoken here")
    if root.find(f"{{{SOAP}}}Header/*[@{{{SOAP}}}mustUnderstand='1']") is not None:
        raise Fault("MustUnderstand", "no header is understood")
    called = root.findall(f"{{{SOAP}}}Body/*")
    if len(called) != 1:
        raise Fault("Client", "one operation a call")
    return called[0]


def _listing(operation: SoapOperation, called: Any) -> Listing:
    """The rows asked for. Raises BadArgument, also for an argument that does not exist: left aside, it would show
    more rows than were asked for."""
    given: dict[str, list[str]] = {}
    for element in called:
        given.setdefault(etree.QName(element).localname, []).append((element.text or "").strip())
    offset, size = given.pop("offset", []), given.pop("maxRows", [])
    if len(offset) > 1 or len(size) > 1:
        raise BadArgument("offset and maxRows are given once")
    known = {argument.name: argument for argument in operation.arguments}
    if not given.keys() <= known.keys():
        raise BadArgument(f"no such argument; there are: {', '.join(known)}, offset, maxRows")
    return Listing(
        operation.table,
        ", ".join(part.column for part in operation.parts),
        operation.key,
        _conditions(given, known),
        whole(offset[0] if offset else None, 0, 10**9, 0),
        whole(size[0] if size else None, ROWS, MOST_ROWS),
    )


def _conditions(given: dict[str, list[str]], known: dict[str, Argument]) -> tuple[Condition, ...]:
    """Raises BadArgument."""
    conditions = {name: known[name].condition(values) for name, values in given.items()}
    if "fromDate" in given and given["fromDate"] == given.get("toDate"):
        # One day as an equality: its rows come from the index in the order of their numbers, without sorting.
        del conditions["toDate"]
        conditions["fromDate"] = among(known["fromDate"].column, given["fromDate"])
    return tuple(conditions.values())


def _answer(operation: SoapOperation, total: int, rows: list[dict[str, Any]]) -> bytes:
    """The envelope; an empty column has no element."""
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP, "f": NS})
    answer = etree.SubElement(etree.SubElement(envelope, f"{{{SOAP}}}Body"), f"{{{NS}}}{operation.name}Response")
    etree.SubElement(answer, f"{{{NS}}}total").text = str(total)
    for row in rows:
        element = etree.SubElement(answer, f"{{{NS}}}{operation.row}")
        for part in operation.parts:
            value = row[part.column]
            if value is not None:
                etree.SubElement(element, f"{{{NS}}}{part.name}").text = part.text(value)
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")


def _fault(fault: Fault) -> Response:
    """Status 500, as SOAP 1.1 over HTTP has it."""
    text = (
        f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Body><soap:Fault><faultcode>soap:{fault.who}</faultcode>'
        f"<faultstring>{escape(fault.why)}</faultstring></soap:Fault></soap:Body></soap:Envelope>"
    )
    return Response(text, 500, media_type=XML)
