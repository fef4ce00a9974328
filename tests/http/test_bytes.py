"""Bytes that are no GraphQL request: each is told so, and the process stays up."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator

import orjson
import pytest

from tests.houses import Systems
from tests.serving import GRAPHQL_RESPONSE, JSON, Served, read_all, serving

GOOD = b'{"query":"{ __typename }"}'
DEEP = 100_000


@pytest.fixture(scope="module")
def strict(files: Systems, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway that takes small bodies and waits for none."""
    limits = "[limits]\nbody_bytes = 2000\nbody_time_s = 1.0\n"
    with serving(files, tmp_path_factory.mktemp("strict"), limits) as one:
        yield one


@pytest.fixture(autouse=True)
def _still_up(served: Served) -> Iterator[None]:
    yield
    assert served.process.poll() is None
    assert served.post(GOOD).told == {"data": {"__typename": "Query"}}


NO_REQUEST = {
    "nothing": b"",
    "broken off": b'{"query":',
    "null": b"null",
    "a number": b"12",
    "text": b'"{ __typename }"',
    "a list": b"[]",
    "a batch": b"[" + GOOD + b"]",
    "no query": b'{"operationName":"A"}',
    "a query that is a number": b'{"query":5}',
    "variables that are a list": b'{"query":"{ __typename }","variables":[]}',
    "extensions that are text": b'{"query":"{ __typename }","extensions":"x"}',
    "an operation name that is an object": b'{"query":"{ __typename }","operationName":{}}',
    "broken UTF-8": b'{"query":"{ __typename }\xff\xfe"}',
    "UTF-16": '{"query":"{ __typename }"}'.encode("utf-16"),
    "half a surrogate pair": b'{"query":"{ __typename } # \\ud800"}',
    "NaN": b'{"query":"{ __typename }","variables":{"a":NaN}}',
    "a number of 400 digits": b'{"query":"{ __typename }","variables":{"a":1%s}}' % (b"0" * 400),
    "lists 100,000 deep": b"[" * DEEP + b"]" * DEEP,
    "objects 100,000 deep": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "variables 100,000 deep": b'{"query":"{ __typename }","variables":{"a":' + b"[" * DEEP + b"]" * DEEP + b"}}",
    "compressed bytes that do not say so": gzip.compress(GOOD),
}


@pytest.mark.parametrize("accept", [JSON, GRAPHQL_RESPONSE])
@pytest.mark.parametrize("body", NO_REQUEST.values(), ids=NO_REQUEST)
def test_a_body_that_is_no_request_is_400_for_both_media_types(body: bytes, accept: str, served: Served) -> None:
    reply = served.post(body, accept=accept)
    assert reply.status == 400
    assert reply.codes == ["BAD_INPUT"]
    assert reply.headers["content-type"] == f"{accept}; charset=utf-8"
    assert "x-ledger-entry" not in reply.headers, "nobody was authenticated: there is nothing to record"


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/jsonx", "application/graphql", "application/x-www-form-urlencoded",
     "multipart/form-data; boundary=x", "application/json; charset=utf-16", 'application/json; charset="latin1"', ""],
)  # fmt: skip
def test_only_json_in_utf_8_is_taken(content_type: str, served: Served) -> None:
    reply = served.post(GOOD, content_type=content_type)
    assert (reply.status, reply.codes) == (415, ["BAD_INPUT"])


@pytest.mark.parametrize("content_type", ["application/json; charset=UTF-8", 'APPLICATION/JSON;charset="utf-8"'])
def test_utf_8_may_be_said(content_type: str, served: Served) -> None:
    assert served.post(GOOD, content_type=content_type).status == 200


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd"])
def test_a_compressed_body_is_refused(encoding: str, served: Served) -> None:
    """A few kilobytes of it could become gigabytes."""
    reply = served.post(gzip.compress(GOOD), content_encoding=encoding)
    assert (reply.status, reply.codes) == (415, ["BAD_INPUT"])


@pytest.mark.parametrize("accept", ["text/html", "image/png", "application/json;q=0", "application/xml, text/*"])
def test_a_media_type_nobody_serves_is_406(accept: str, served: Served) -> None:
    reply = served.post(GOOD, accept=accept)
    assert (reply.status, reply.codes) == (406, ["BAD_INPUT"])


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_405_and_name_what_is_allowed(method: str, served: Served) -> None:
    reply = served.send(method, "/graphql", GOOD, content_type=JSON)
    assert (reply.status, reply.headers["allow"], reply.codes) == (405, "GET, POST", ["BAD_INPUT"])


@pytest.mark.parametrize(
    "query",
    ["", "query=", "variables=%7B%7D", "query=%FF%FE", "query=%7B__typename%7D&variables=%7B",
     "query=%7B__typename%7D&variables=5", "query=%7B__typename%7D&query=%7B__typename%7D",
     "query=%7B__typename%7D&extensions=%5B%5D"],
)  # fmt: skip
def test_an_address_that_is_no_request_is_refused(query: str, served: Served) -> None:
    reply = served.send("GET", f"/graphql?{query}", accept=GRAPHQL_RESPONSE)
    assert (reply.status, reply.codes) == (400, ["BAD_INPUT"])


def head(*lines: str) -> bytes:
    told = ("POST /graphql HTTP/1.1", "Host: gateway", "Content-Type: application/json", *lines)
    return "\r\n".join((*told, "", "")).encode()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize("length", ["-5", "abc", "1e3", "26, 26", "99999999999999999999"])
def test_a_content_length_that_is_no_length_is_refused(length: str, served: Served) -> None:
    answer = served.raw(head(f"Content-Length: {length}", "Connection: close") + GOOD)
    assert status(answer) in (400, 413)
    assert b"Traceback" not in answer


def test_two_content_lengths_are_refused(served: Served) -> None:
    """One server in front would read one request where the other reads two."""
    assert status(served.raw(head("Content-Length: 26", "Content-Length: 4", "Connection: close") + GOOD)) == 400


def test_a_content_length_shorter_than_the_body_breaks_it_off(served: Served) -> None:
    answer = served.raw(head("Content-Length: 9", "Connection: close") + GOOD)
    assert status(answer) == 400


def test_a_body_over_the_limit_is_413_before_it_is_read(strict: Served) -> None:
    answer = strict.raw(head("Content-Length: 2001"))
    assert status(answer) == 413
    assert b"a request may have 2000 bytes" in answer


def test_a_chunked_body_over_the_limit_is_413_as_soon_as_it_is_passed(strict: Served) -> None:
    """No length is declared; the rest is not waited for."""
    answer = strict.raw(head("Transfer-Encoding: chunked") + b"7d1\r\n" + b" " * 2001 + b"\r\n")
    assert status(answer) == 413
    assert orjson.loads(answer.partition(b"\r\n\r\n")[2])["errors"][0]["extensions"]["code"] == "BAD_INPUT"


def test_a_chunked_body_below_the_limit_is_answered(strict: Served) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (GOOD[:5], GOOD[5:]))
    answer = strict.raw(head("Transfer-Encoding: chunked", "Connection: close") + chunks + b"0\r\n\r\n")
    assert status(answer) == 200


def test_half_a_body_is_waited_for_no_longer_than_the_limit(strict: Served) -> None:
    answer = strict.raw(head("Content-Length: 500") + b'{"query":')
    assert status(answer) == 408
    assert b"connection: close" in answer


def test_a_client_that_leaves_in_the_middle_is_forgotten(served: Served) -> None:
    with socket.create_connection(served.place, timeout=30) as connection:
        connection.sendall(head("Content-Length: 500") + b'{"query":')
    assert "Traceback" not in served.written


def test_bytes_that_are_no_http_are_refused(served: Served) -> None:
    answer = served.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
    assert status(answer) == 400


def test_two_requests_sent_at_once_are_both_answered(served: Served) -> None:
    one = head("Content-Length: 26") + GOOD
    with socket.create_connection(served.place, timeout=30) as connection:
        connection.sendall(one + head("Content-Length: 26", "Connection: close") + GOOD)
        assert read_all(connection).count(b'{"data":{"__typename":"Query"}}') == 2
