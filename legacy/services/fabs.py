"""FABS: budget lines, releases and receipts behind SOAP 1.1, document/literal, described by a WSDL."""

from __future__ import annotations

import base64
import hmac
from pathlib import Path
from typing import Any

from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from legacy.services.common import Statistics, Store

NS = "urn:pk:balochistan:fabs"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MONEY = ("budget", "released", "spent", "amount")

OPERATIONS: dict[str, dict[str, Any]] = {
    "GetBudgetLines": {
        "table": "budget_lines",
        "row": "budgetLine",
        "key": "line_id",
        "arguments": {"lineId": "line_id IN", "fiscalYear": "fiscal_year IN", "district": "dist_txt IN", "functionCode": "function_code IN"},
        "columns": {"lineId": "line_id", "fiscalYear": "fiscal_year", "district": "dist_txt", "costCentre": "cost_centre", "functionCode": "function_code", "objectCode": "object_code", "budget": "budget_paisa", "released": "released_paisa", "spent": "spent_paisa", "recordedAt": "recorded_at"},
    },
    "GetReceipts": {
        "table": "receipts",
        "row": "receipt",
        "key": "receipt_no",
        "arguments": {"receiptNo": "receipt_no IN", "fromDate": "receipt_date >=", "toDate": "receipt_date <=", "headCode": "head_code IN", "psid": "psid IN"},
        "columns": {"receiptNo": "receipt_no", "receiptDate": "receipt_date", "headCode": "head_code", "district": "dist_txt", "amount": "amount_paisa", "psid": "psid", "recordedAt": "recorded_at", "reversalOf": "reversal_of"},
    },
}  # fmt: skip


def app(folder: Path) -> Starlette:
    """``POST /soap/fabs`` and ``GET /soap/fabs?wsdl``; HTTP Basic, user ``gateway``, password of ``fabs.password``."""
    service = _Fabs(Store(folder / "fabs_soap.sqlite"), (folder / "fabs.password").read_text())
    return Starlette(
        routes=[
            Route("/soap/fabs", service.wsdl, methods=["GET"]),
            Route("/soap/fabs", service.call, methods=["POST"]),
            *service.statistics.routes(),
        ]
    )


class _Fabs:
    def __init__(self, store: Store, password: str) -> None:
        self._store = store
        self._login = "Basic " + base64.b64encode(f"gateway:{password}".encode()).decode()
        self.statistics = Statistics()

    async def wsdl(self, request: Request) -> Response:
        return Response(wsdl(str(request.url.replace(query=""))), media_type="text/xml")

    async def call(self, request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get("authorization", ""), self._login):
            return Response("", 401, {"WWW-Authenticate": 'Basic realm="FABS"'})
        body = await request.body()
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        try:
            root = etree.fromstring(body, parser)
        except etree.XMLSyntaxError:
            return _fault("Client", "the envelope is no XML")
        if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
            return _fault("Client", "document types are refused")
        called = root.find(f"{{{SOAP}}}Body/*")
        name = etree.QName(called).localname if called is not None else ""
        self.statistics.by_path[f"/soap/fabs#{name}"] += 1
        if called is None or name not in OPERATIONS:
            return _fault("Client", "no such operation")
        try:
            return self._answer(name, called)
        except ValueError:
            return _fault("Client", "an argument is not as described")

    def _answer(self, name: str, called: Any) -> Response:
        operation = OPERATIONS[name]
        given: dict[str, list[str]] = {}
        for part in called:
            given.setdefault(etree.QName(part).localname, []).append(part.text or "")
        where, values = ["1 = 1"], list[Any]()
        for argument, condition in operation["arguments"].items():
            asked = given.get(argument)
            if asked and condition.endswith(" IN"):
                where.append(f"{condition} ({', '.join('?' * len(asked))})")
                values += asked
            elif asked:
                where.append(f"{condition} ?")
                values.append(asked[0])
        offset, size = int(given.get("offset", ["0"])[0]), int(given.get("maxRows", ["100"])[0])
        if offset < 0 or not 1 <= size <= 1000:
            raise ValueError
        condition, table = " AND ".join(where), operation["table"]
        total = self._store.one(f"SELECT COUNT(*) FROM {table} WHERE {condition}", tuple(values))[0]
        rows = self._store.rows(
            f"SELECT * FROM {table} WHERE {condition} ORDER BY {operation['key']} LIMIT ? OFFSET ?",
            (*values, size, offset),
        )
        envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP, "f": NS})
        answer = etree.SubElement(etree.SubElement(envelope, f"{{{SOAP}}}Body"), f"{{{NS}}}{name}Response")
        etree.SubElement(answer, f"{{{NS}}}total").text = str(total)
        for row in rows:
            element = etree.SubElement(answer, f"{{{NS}}}{operation['row']}")
            for told, column in operation["columns"].items():
                if row[column] is not None:
                    value = row[column]
                    text = f"{value // 100}.{value % 100:02d}" if told in MONEY else str(value)
                    etree.SubElement(element, f"{{{NS}}}{told}").text = text
        return Response(etree.tostring(envelope, xml_declaration=True, encoding="utf-8"), media_type="text/xml")


def _fault(who: str, why: str) -> Response:
    text = (
        f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Body><soap:Fault><faultcode>soap:{who}</faultcode>'
        f"<faultstring>{why}</faultstring></soap:Fault></soap:Body></soap:Envelope>"
    )
    return Response(text, 500, media_type="text/xml")


def wsdl(address: str) -> str:
    """The service's description."""
    types, messages, operations, bindings = [], [], [], []
    for name, operation in OPERATIONS.items():
        arguments = "".join(
            f'<xs:element name="{argument}" type="xs:string" minOccurs="0"'
            f"{' maxOccurs=' + chr(34) + 'unbounded' + chr(34) if condition.endswith(' IN') else ''}/>"
            for argument, condition in operation["arguments"].items()
        )
        cells = "".join(f'<xs:element name="{told}" type="xs:string" minOccurs="0"/>' for told in operation["columns"])
        types.append(
            f'<xs:element name="{name}"><xs:complexType><xs:sequence>{arguments}'
            '<xs:element name="offset" type="xs:int" minOccurs="0"/>'
            '<xs:element name="maxRows" type="xs:int" minOccurs="0"/>'
            f"</xs:sequence></xs:complexType></xs:element>"
            f'<xs:element name="{name}Response"><xs:complexType><xs:sequence><xs:element name="total" type="xs:int"/>'
            f'<xs:element name="{operation["row"]}" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:sequence>'
            f"{cells}</xs:sequence></xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element>"
        )
        messages.append(
            f'<message name="{name}In"><part name="parameters" element="f:{name}"/></message>'
            f'<message name="{name}Out"><part name="parameters" element="f:{name}Response"/></message>'
        )
        operations.append(
            f'<operation name="{name}"><input message="f:{name}In"/><output message="f:{name}Out"/></operation>'
        )
        bindings.append(
            f'<operation name="{name}"><soap:operation soapAction="{NS}:{name}"/><input><soap:body use="literal"/>'
            '</input><output><soap:body use="literal"/></output></operation>'
        )
    return (
        '<?xml version="1.0" encoding="utf-8"?><definitions xmlns="http://schemas.xmlsoap.org/wsdl/" '
        f'xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:f="{NS}" '
        f'xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{NS}" name="FABS"><types>'
        f'<xs:schema targetNamespace="{NS}" elementFormDefault="qualified">{"".join(types)}</xs:schema></types>'
        f'{"".join(messages)}<portType name="FabsPort">{"".join(operations)}</portType>'
        '<binding name="FabsBinding" type="f:FabsPort"><soap:binding style="document" '
        f'transport="http://schemas.xmlsoap.org/soap/http"/>{"".join(bindings)}</binding>'
        f'<service name="Fabs"><port name="FabsPort" binding="f:FabsBinding"><soap:address location="{address}"/>'
        "</port></service></definitions>"
    )
