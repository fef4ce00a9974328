"""JSON REST sources: paged collections, and inquiries that answer one key at a time."""

from __future__ import annotations

from typing import Any

import orjson

from connectors.address import Address
from connectors.http import HttpSession
from connectors.paged import Arguments, Page, arguments_of, read_all, shaped
from schema.fetch import Fetch, Rows, SourceUnavailable
from schema.relations import Collection, Parameter
from schema.sources import Source


class RestConnector:
    """Asks what the collection's parameters can say; the gateway does the rest."""

    def __init__(self, source: Source, address: Address) -> None:
        self.source = source
        self._http = HttpSession(source, address)

    async def fetch(self, fetch: Fetch, /) -> Rows:
        relation = fetch.shape.relation
        if not isinstance(relation, Collection):
            raise TypeError(f"a REST source has no {type(relation).__name__}")
        asked = arguments_of(fetch, relation.parameters)
        arguments = tuple((parameter, _joinable(parameter, values)) for parameter, values in asked)

        async def ask(request: Arguments, number: int) -> Page:
            return await self._ask(relation, request, number, fetch.deadline)

        rows, calls = await read_all(self.source, fetch, arguments, relation.page_size, ask)
        return shaped(fetch, rows, calls)

    async def _ask(self, relation: Collection, arguments: Arguments, number: int, deadline: float) -> Page:
        sent = dict(relation.fixed)
        for parameter, values in arguments:
            sent[parameter.name] = parameter.separator.join(map(str, values))
        if relation.paging == "page":
            sent[relation.page_argument] = str(number + 1)
            sent[relation.size_argument] = str(relation.page_size)
        if relation.method == "POST":
            body = await self._http.request("POST", relation.path, deadline, json=sent)
        else:
            body = await self._http.request("GET", relation.path, deadline, params=sent)
        return self._page(relation, sent, body)

    def _page(self, relation: Collection, sent: dict[str, str], body: bytes) -> Page:
        try:
            answer = orjson.loads(body)
            rows: list[dict[str, Any]] = [answer] if not relation.rows else answer[relation.rows]
            total = None if relation.paging != "page" else int(answer[relation.total])
            if not isinstance(rows, list) or not set(map(type, rows)) <= {dict}:
                raise TypeError("rows are objects in a list")
        except (ValueError, KeyError, TypeError) as error:
            raise SourceUnavailable(f"{self.source.name}: an answer that is not as agreed") from error
        if relation.absent and any(_is_absent(row, relation) for row in rows):
            rows, total = [row for row in rows if not _is_absent(row, relation)], None
        for argument, column in relation.echo.items():
            for row in rows:
                row[column] = sent[argument]
        return Page(rows, total)

    async def aclose(self) -> None:
        await self._http.aclose()


def _joinable(parameter: Parameter, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Without those that hold the separator: they would arrive as two others, and by the parameter's declaration no
    row has them."""
    if parameter.many == 1:
        return values
    return tuple(one for one in values if parameter.separator not in str(one))


def _is_absent(row: dict[str, Any], relation: Collection) -> bool:
    return any(row.get(name) in values for name, values in relation.absent.items())
