"""REST sources: pages, logins, and whatever a service may answer instead of what was agreed."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from connectors import http
from connectors.address import Address
from connectors.guard import guarded
from connectors.rest import RestConnector
from schema.fetch import (
    AllOf,
    Column,
    Comparison,
    ConnectorError,
    Fetch,
    Param,
    RowBudgetExceeded,
    SourceBusy,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
)
from schema.relations import Collection, Parameter
from tests.connectors.standins import Answer, Service, a_fetch, a_source, in_time, service

PEOPLE = Collection("people", (Parameter("code", "code", "in", many=3), Parameter("place", "place", "eq")), page_size=2)
BILL = Collection(
    "bill", (Parameter("psid", "psid", "in"),), method="POST", rows="", paging="none", fixed={"bank": "GOB"},
    absent={"answer": ("01",)}, echo={"psid": "psid"},
)  # fmt: skip
CODE, PLACE = Column("code", "text"), Column("place", "text")


def people(count: int) -> list[dict[str, Any]]:
    return [{"code": f"P{number}", "place": "Kech" if number % 2 else "Gwadar"} for number in range(count)]


def paged(rows: list[dict[str, Any]]) -> Callable[[web.Request], dict[str, Any]]:
    """A well-behaved collection."""

    def answer(request: web.Request) -> dict[str, Any]:
        query = request.query
        found = [row for row in rows if "code" not in query or row["code"] in query["code"].split(",")]
        found = [row for row in found if "place" not in query or row["place"] == query["place"]]
        page, size = int(query["page"]), int(query["size"])
        return {"count": len(found), "results": found[(page - 1) * size : page * size]}

    return answer


async def asked(answer: Answer, fetch: Callable[[], Fetch], **address: Any) -> tuple[Any, Service]:
    """What the connector gives, or the ConnectorError it raises, and what the service was asked."""
    async with service(answer) as told:
        connector = RestConnector(a_source(**address.pop("limits", {})), Address(told.url, **address))
        try:
            return await connector.fetch(fetch()), told
        except ConnectorError as error:
            return error, told
        finally:
            await connector.aclose()


def everybody() -> Fetch:
    return a_fetch(PEOPLE, "code", "place")


async def test_all_pages_are_read() -> None:
    rows, told = await asked(paged(people(5)), everybody)
    assert sorted(row[0] for row in rows.rows) == ["P0", "P1", "P2", "P3", "P4"]
    assert (rows.calls, sorted(one.query["page"] for one in told.requests)) == (3, ["1", "2", "3"])


@pytest.mark.parametrize("count", [0, 1, 2])
async def test_a_collection_of_one_page_is_one_call(count: int) -> None:
    rows, told = await asked(paged(people(count)), everybody)
    assert (len(rows.rows), rows.calls, len(told.requests)) == (count, 1, 1)


async def test_keys_are_asked_for_as_many_at_once_as_the_service_takes() -> None:
    rows, told = await asked(
        paged(people(9)), lambda: a_fetch(PEOPLE, "code", key="code", keys=("P1", "P2", "P3", "P7", "none"))
    )
    assert sorted(row[0] for row in rows.rows) == ["P1", "P2", "P3", "P7"]
    assert {one.query["code"] for one in told.requests} == {"P1,P2,P3", "P7,none"}


async def test_no_key_is_no_call() -> None:
    rows, told = await asked(paged(people(9)), lambda: a_fetch(PEOPLE, "code", key="code", keys=()))
    assert (rows.rows, rows.calls, told.requests) == ([], 0, [])


async def test_a_value_with_the_separator_in_it_does_not_ask_for_two_others() -> None:
    """Somebody who may see P1,P2 in one text is not shown P1 and P2."""
    rows, told = await asked(paged(people(9)), lambda: a_fetch(PEOPLE, "code", key="code", keys=("P1,P2",)))
    assert (rows.rows, told.requests) == ([], [])


async def test_conditions_become_arguments() -> None:
    where = AllOf((Comparison(PLACE, "eq", Param(0)), Comparison(CODE, "in", Param(1))))
    rows, told = await asked(
        paged(people(9)), lambda: a_fetch(PEOPLE, "code", where=where, params=("Kech", ("P1", "P2", "P3")))
    )
    assert sorted(row[0] for row in rows.rows) == ["P1", "P3"]
    assert dict(told.requests[0].query) == {"place": "Kech", "code": "P1,P2,P3", "page": "1", "size": "2"}


async def test_a_service_that_ignores_an_argument_widens_nothing() -> None:
    """A rule's condition was pushed; the service dropped it silently."""
    rows, _ = await asked(
        lambda request: {"count": 2, "results": people(2)},
        lambda: a_fetch(PEOPLE, "code", where=Comparison(PLACE, "eq", Param(0)), params=("Gwadar",)),
    )
    assert rows.rows == [("P0",)]


async def test_a_service_that_compares_more_loosely_widens_nothing() -> None:
    rows, _ = await asked(
        lambda request: {"count": 1, "results": [{"code": "p1"}]},
        lambda: a_fetch(PEOPLE, "code", key="code", keys=("P1",)),
    )
    assert rows.rows == []


class Changing:
    """A collection of which ``states`` follow one another, one a reading of its first page."""

    def __init__(self, *states: Callable[[web.Request], Any]) -> None:
        self.states = list(states)
        self.readings = 0

    def __call__(self, request: web.Request) -> Any:
        if request.query["page"] == "1":
            self.readings += 1
        return self.states[min(self.readings, len(self.states)) - 1](request)


def stopping(request: web.Request) -> dict[str, Any]:
    """Says five, has no second page."""
    answer = paged(people(5))(request)
    return answer if request.query["page"] != "2" else {**answer, "results": []}


def growing(request: web.Request) -> dict[str, Any]:
    """A row comes in between two pages: the total is another one, the last row of a page stands on the next too."""
    return paged(people(4) if request.query["page"] == "1" else [{"code": "new"}, *people(4)])(request)


def shifted(request: web.Request) -> dict[str, Any]:
    """A row comes in and another goes: the total stays, one row stands on two pages and one on none."""
    return paged(people(4) if request.query["page"] == "1" else [{"code": "new"}, *people(3)])(request)


def capped(request: web.Request) -> dict[str, Any]:
    """The service's pages are smaller than asked for."""
    return {"count": 5, "results": people(5)[int(request.query["page"]) - 1 :][:1]}


def overfull(request: web.Request) -> dict[str, Any]:
    return {"count": 1, "results": people(3)}


UNSTEADY = [stopping, growing, shifted, capped, overfull]


@pytest.mark.parametrize("state", UNSTEADY)
async def test_a_collection_that_changes_while_it_is_read_is_read_again(state: Callable[[web.Request], Any]) -> None:
    rows, _ = await asked(Changing(state, paged(people(5))), everybody)
    assert sorted(row[0] for row in rows.rows) == ["P0", "P1", "P2", "P3", "P4"]
    assert rows.calls >= 4


@pytest.mark.parametrize("state", UNSTEADY)
async def test_pages_that_do_not_hold_what_they_say_are_no_answer(state: Callable[[web.Request], Any]) -> None:
    """Fewer rows than there are would be a wrong total."""
    error, _ = await asked(state, everybody)
    assert isinstance(error, SourceUnavailable)
    assert "its pages do not hold the rows" in str(error)


async def test_a_total_beyond_belief_is_no_answer() -> None:
    error, told = await asked(lambda request: {"count": 10**12, "results": people(2)}, everybody)
    assert isinstance(error, SourceUnavailable)
    assert len(told.requests) == 1


async def test_the_row_budget_is_refused_after_the_first_page() -> None:
    error, told = await asked(paged(people(9)), lambda: a_fetch(PEOPLE, "code", max_rows=8))
    assert isinstance(error, RowBudgetExceeded)
    assert len(told.requests) == 1


async def test_the_row_budget_counts_the_rows_of_all_requests() -> None:
    keys = tuple(f"P{number}" for number in range(6))
    error, _ = await asked(paged(people(9)), lambda: a_fetch(PEOPLE, "code", key="code", keys=keys, max_rows=5))
    assert isinstance(error, RowBudgetExceeded)


def raw(body: bytes, status: int = 200, kind: str = "application/json", **headers: str) -> Answer:
    return lambda request: web.Response(body=body, status=status, content_type=kind, headers=headers)


NONSENSE: dict[str, Answer] = {
    "no JSON": raw(b"{"),
    "nothing": raw(b""),
    "a page of HTML": raw(b"<html>login</html>", kind="text/html"),
    "broken UTF-8": raw(b'{"count": 1, "results": [{"code": "\xff"}]}'),
    "null": raw(b"null"),
    "a number": raw(b"1"),
    "a list": raw(b"[]"),
    "no total": raw(b'{"results": []}'),
    "no rows": raw(b'{"count": 0}'),
    "rows that are one object": raw(b'{"count": 1, "results": {"code": "P1"}}'),
    "rows that are no objects": raw(b'{"count": 2, "results": [1, null]}'),
    "a total that is none": raw(b'{"count": "many", "results": []}'),
    "a total below nothing": raw(b'{"count": -1, "results": []}'),
    "too deep": raw(b"[" * 100_000),
}
REFUSALS = {
    "no such page": raw(b"", 404), "not logged in": raw(b"", 401), "forbidden": raw(b"", 403),
    "too many": raw(b"", 429), "broken": raw(b"{}", 500), "away": raw(b"", 503),
    "moved": raw(b"", 302, Location="http://127.0.0.1:1/elsewhere"), "moved for good": raw(b"", 308, Location="/other"),
    "no content": raw(b"", 204),
}  # fmt: skip


@pytest.mark.parametrize("name", [*NONSENSE, *REFUSALS])
async def test_an_answer_that_is_not_as_agreed_is_no_answer(name: str) -> None:
    """The message is for operators' logs and repeats nothing of what came."""
    error, _ = await asked((NONSENSE | REFUSALS)[name], everybody)
    assert isinstance(error, SourceUnavailable), error
    assert not isinstance(error, SourceRefused)
    assert str(error).startswith("rtsm: ")
    assert len(str(error)) < 60


def busy_once(**headers: str) -> Answer:
    """Too many requests at first, then the answer."""
    told: list[web.Request] = []

    def answer(request: web.Request) -> Any:
        told.append(request)
        if len(told) == 1:
            return web.Response(status=429, headers=headers)
        return paged(people(2))(request)

    return answer


@pytest.mark.parametrize("when", ["0", "Wed, 21 Oct 2015 07:28:00 GMT"])
async def test_a_service_that_says_when_is_asked_again_then(when: str) -> None:
    rows, told = await asked(busy_once(**{"Retry-After": when}), everybody)
    assert (len(rows.rows), len(told.requests)) == (2, 2)


async def test_it_is_left_alone_as_long_as_it_asked() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        connector._http._not_before = 0.0

    async with service(busy_once(**{"Retry-After": "2"})) as told:
        connector = RestConnector(a_source(), Address(told.url))
        connector._http._sleep = sleep
        rows = await connector.fetch(everybody())
        assert (len(rows.rows), len(waits)) == (2, 1)
        assert 0 < waits[0] <= 2.0
        await connector.aclose()


@pytest.mark.parametrize("limits", [{}, {"timeout_s": 30.0, "retries": 3}])
async def test_when_it_asks_for_longer_than_there_is_time_nobody_waits(limits: dict[str, Any]) -> None:
    async with service(raw(b"", 429, **{"Retry-After": "3600"})) as told:
        connector = guarded(RestConnector(a_source(**limits), Address(told.url)))
        for _ in range(7):
            with pytest.raises(SourceBusy):
                await connector.fetch(everybody())
        assert len(told.requests) == 1, "what is known to be too soon is not asked, and is no failure of the source"
        await connector.aclose()


@pytest.mark.parametrize("when", ["soon", "-1", "1.5", ""])
async def test_a_retry_after_that_says_nothing_is_a_refusal_like_another(when: str) -> None:
    error, told = await asked(raw(b"", 429, **{"Retry-After": when}), everybody)
    assert isinstance(error, SourceUnavailable)
    assert not isinstance(error, SourceBusy)
    assert len(told.requests) == 1


async def test_no_redirect_is_followed() -> None:
    """Our key would go to whoever the answer names."""
    error, told = await asked(
        lambda request: web.Response(status=307, headers={"Location": "/people2"}), everybody, key="k"
    )
    assert "HTTP 307" in str(error)
    assert len(told.requests) == 1


@pytest.mark.parametrize("status", [400, 413, 414, 422])
async def test_a_request_that_the_service_calls_wrong_is_told_apart(status: int) -> None:
    error, _ = await asked(raw(b"{}", status), everybody)
    assert isinstance(error, SourceRefused)


async def test_when_one_page_fails_the_others_are_given_up() -> None:
    """An answer is all pages or none; nothing goes on being asked for it."""

    def answer(request: web.Request) -> Any:
        if request.query["page"] == "3":
            return web.Response(status=500)
        return paged(people(400))(request)

    error, told = await asked(answer, everybody, limits={"concurrency": 1})
    assert isinstance(error, SourceUnavailable)
    assert len(told.requests) < 50


async def test_an_answer_larger_than_the_bound_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_BYTES", 1000)
    body = json.dumps({"count": 1, "results": [{"code": "x" * 2000}]}).encode()
    error, _ = await asked(raw(body), everybody)
    assert "over 1000 bytes" in str(error)


async def test_a_small_answer_that_unpacks_to_a_large_one_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_BYTES", 100_000)
    packed = gzip.compress(b" " * 1_000_000)
    assert len(packed) < 2000
    error, _ = await asked(raw(packed, **{"Content-Encoding": "gzip"}), everybody)
    assert isinstance(error, SourceUnavailable)


async def test_nobody_listening_is_unavailable() -> None:
    connector = RestConnector(a_source(), Address("http://127.0.0.1:1"))
    with pytest.raises(SourceUnavailable, match="rtsm: ClientConnectorError"):
        await connector.fetch(everybody())
    await connector.aclose()


async def test_a_service_that_hangs_is_late() -> None:
    async with service(lambda request: {}) as told:
        connector = RestConnector(a_source(), Address(told.url))
        with pytest.raises(SourceTimeout):
            await connector.fetch(a_fetch(PEOPLE, "code", deadline=in_time(-1)))
        await connector.aclose()


async def test_the_key_goes_into_the_header_the_settings_name() -> None:
    _, told = await asked(paged([]), everybody, key="k-1")
    assert told.requests[0].headers["X-Api-Key"] == "k-1"
    _, told = await asked(paged([]), everybody, key="k-1", options={"key_header": "Ocp-Key"})
    assert told.requests[0].headers["Ocp-Key"] == "k-1"


async def test_user_and_password_go_as_basic_login_or_as_headers() -> None:
    _, told = await asked(paged([]), everybody, user="gw", password="p:w")
    assert told.requests[0].headers["Authorization"] == "Basic Z3c6cDp3"
    _, told = await asked(paged([]), everybody, user="gw", password="p", options={"auth": "headers"})
    assert (told.requests[0].headers["username"], told.requests[0].headers["password"]) == ("gw", "p")


def test_secrets_are_not_in_an_addresss_text() -> None:
    address = Address("http://gw:s3cret@host", user="gw", password="s3cret", key="s3cret")
    assert "s3cret" not in repr(address)


async def test_connections_are_kept_and_bounded() -> None:
    async with service(paged(people(60))) as told:
        connector = RestConnector(a_source(concurrency=2), Address(told.url))
        await connector.fetch(everybody())
        ports = {request.transport.get_extra_info("peername")[1] for request in told.requests if request.transport}
        assert len(told.requests) == 30
        assert len(ports) <= 2
        await connector.aclose()


async def test_no_cookie_is_kept() -> None:
    """One operation's session must not colour the next one's."""

    def answer(request: web.Request) -> web.Response:
        response = web.json_response({"count": 0, "results": []})
        response.set_cookie("session", "1")
        return response

    async with service(answer) as told:
        connector = RestConnector(a_source(), Address(told.url))
        await connector.fetch(everybody())
        await connector.fetch(everybody())
        assert [dict(request.cookies) for request in told.requests] == [{}, {}]
        await connector.aclose()


async def test_a_closed_connector_opens_again() -> None:
    async with service(paged(people(1))) as told:
        connector = RestConnector(a_source(), Address(told.url))
        await connector.fetch(everybody())
        await connector.aclose()
        assert len((await connector.fetch(everybody())).rows) == 1
        await connector.aclose()


async def test_an_inquiry_sends_one_key_a_call_and_keeps_what_it_asked_for() -> None:
    def answer(request: web.Request) -> dict[str, Any]:
        body = json.loads(request._read_bytes or b"{}")
        return {"answer": "01"} if body["psid"] == "none" else {"answer": "00", "payer": body["bank"]}

    rows, told = await asked(answer, lambda: a_fetch(BILL, "psid", "payer", key="psid", keys=("1", "none", "2")))
    assert sorted(rows.rows) == [("1", "GOB"), ("2", "GOB")]
    assert rows.calls == 3
    assert {request.method for request in told.requests} == {"POST"}


async def test_values_come_as_their_columns_kind_or_not_at_all() -> None:
    """A number in a text column is its text; an object is no value."""
    row = {"code": 7, "place": {"name": "Kech"}, "more": None}
    rows, _ = await asked(
        lambda request: {"count": 1, "results": [row]}, lambda: a_fetch(PEOPLE, "code", "place", "more", "place.name")
    )
    assert rows.rows == [("7", None, None, "Kech")]


async def test_fetches_at_once_share_the_session() -> None:
    async with service(paged(people(3))) as told:
        connector = RestConnector(a_source(), Address(told.url))
        answers = await asyncio.gather(*(connector.fetch(everybody()) for _ in range(5)))
        assert [len(answer.rows) for answer in answers] == [3] * 5
        await connector.aclose()
