"""SOAP sources: zeep reads the WSDL and writes envelopes, our own session sends them, lxml reads the answer."""

from __future__ import annotations

import asyncio
from typing import Any

import zeep
import zeep.wsdl.bindings  # zeep itself would load it at the first request: 25 ms
from lxml import etree
from zeep.transports import Transport

from connectors.address import Address
from connectors.http import HttpSession
from connectors.paged import Arguments, Page, arguments_of, read_all, shaped
from schema.fetch import Fetch, Rows, SourceRefused, SourceUnavailable
from schema.relations import Operation
from schema.sources import Source

GIVEN = "http://wsdl.invalid/"
"""What the description is called while it is read; nothing is fetched from there."""
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"


class _Given(Transport):
    """A transport that has the WSDL already and loads nothing else."""

    def __init__(self, wsdl: bytes) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._wsdl = wsdl

    def load(self, url: str) -> bytes:
        if url != GIVEN:
            raise ValueError("the WSDL refers to another document")
        return self._wsdl


def _client(wsdl: bytes) -> Any:
    settings = zeep.Settings(forbid_dtd=True, forbid_entities=True, forbid_external=True)
    return zeep.Client(GIVEN, transport=_Given(wsdl), settings=settings)  # type: ignore[no-untyped-call]


class SoapConnector:
    """The WSDL is read at the first fetch, once, and again after a failure."""

    def __init__(self, source: Source, address: Address) -> None:
        self.source = source
        self._http = HttpSession(source, address)
        self._client: Any = None
        self._lock = asyncio.Lock()

    async def fetch(self, fetch: Fetch, /) -> Rows:
        relation = fetch.shape.relation
        if not isinstance(relation, Operation):
            raise TypeError(f"a SOAP source has no {type(relation).__name__}")
        arguments = arguments_of(fetch, relation.parameters)
        client = self._client or await self._described(fetch.deadline)

        async def ask(request: Arguments, number: int) -> Page:
            return await self._ask(client, relation, request, number, fetch.deadline)

        rows, calls = await read_all(self.source, fetch, arguments, relation.page_size, ask)
        return shaped(fetch, rows, calls)

    async def _described(self, deadline: float) -> Any:
        async with self._lock:
            if self._client is None:
                wsdl = await self._http.request("GET", "?wsdl", deadline)
                try:
                    self._client = await asyncio.to_thread(_client, wsdl)
                except Exception as error:
                    raise SourceUnavailable(f"{self.source.name}: a WSDL that cannot be read") from error
        return self._client

    async def _ask(self, client: Any, relation: Operation, arguments: Arguments, number: int, deadline: float) -> Page:
        sent: dict[str, Any] = {
            parameter.name: list(values) if parameter.many > 1 else values[0] for parameter, values in arguments
        }
        sent[relation.offset_argument] = number * relation.page_size
        sent[relation.size_argument] = relation.page_size
        try:
            envelope = etree.tostring(client.create_message(client.service, relation.operation, **sent))
            action = client.service._binding.get(relation.operation).soapaction
        except Exception as error:
            raise SourceUnavailable(f"{self.source.name}: {relation.operation} is not as agreed") from error
        body = await self._http.request(
            "POST", "", deadline, data=envelope,
            headers={"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{action}"'},
        )  # fmt: skip
        return self._page(relation, body)

    def _page(self, relation: Operation, body: bytes) -> Page:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        try:
            root = etree.fromstring(body, parser)
        except etree.XMLSyntaxError as error:
            raise SourceUnavailable(f"{self.source.name}: an answer that is no XML") from error
        tree: Any = root.getroottree()
        if tree.docinfo.doctype:
            raise SourceUnavailable(f"{self.source.name}: an answer with a document type")
        fault = root.find(f"{ENVELOPE}Body/{ENVELOPE}Fault")
        if fault is not None:
            problem = SourceRefused if (fault.findtext("faultcode") or "").endswith("Client") else SourceUnavailable
            raise problem(f"{self.source.name}: {relation.operation} answered with a fault")
        total = root.find(f".//{{*}}{relation.total}")
        if total is None or not (total.text or "").strip().isdigit():
            raise SourceUnavailable(f"{self.source.name}: an answer that is not as agreed")
        names: dict[Any, str | None] = {}
        may_be_nil = b"nil" in body
        rows = [_row(element, names, may_be_nil) for element in root.iter(f"{{*}}{relation.rows}")]
        return Page(rows, int(total.text or "0"))

    async def aclose(self) -> None:
        await self._http.aclose()


def _row(element: Any, names: dict[Any, str | None], may_be_nil: bool) -> dict[str, Any]:
    """The texts of its elements by local name. ``names``: of the tags met so far, None for what is no element."""
    row: dict[str, Any] = {}
    for cell in element:
        tag = cell.tag
        if tag not in names:
            names[tag] = etree.QName(tag).localname if isinstance(tag, str) else None
        name = names[tag]
        if name is not None:
            row[name] = _text(cell) if may_be_nil or len(cell) else cell.text or ""
    return row


def _text(cell: Any) -> str | None:
    """An element that is there has a text, be it empty, unless it says that it is nil."""
    return None if cell.get(NIL) in ("true", "1") else "".join(cell.itertext())
