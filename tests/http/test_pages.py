"""What is served beside GraphQL: health, metrics, the schema, the landing page, and how the process ends."""

from __future__ import annotations

import contextlib
import html
import re
import signal
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from tests.houses import Systems
from tests.serving import GRAPHQL_RESPONSE, JSON, Served, read_all, serving

SNAPSHOT = Path(__file__).parent.parent.parent / "schema.graphql"


def test_health_says_that_the_process_is_up(served: Served) -> None:
    reply = served.send("GET", "/healthz")
    assert (reply.status, reply.told) == (200, {"status": "up"})


def test_ready_means_that_the_declarations_are_resolved(served: Served) -> None:
    reply = served.send("GET", "/readyz")
    assert reply.status == 200
    assert reply.told["status"] == "ready"
    assert {"emis", "hmis", "fabs_soap"} <= set(reply.told["sources"])


def test_a_gateway_is_ready_while_no_department_answers(files: Systems, tmp_path: Path) -> None:
    nowhere = Systems(tmp_path / "nowhere", dict.fromkeys(files.services, "http://127.0.0.1:9"))
    nowhere.folder.mkdir()
    for name in ("rtsm.key", "fabs.password", "bpay.password", "bessi.key"):
        (nowhere.folder / name).write_text((files.folder / name).read_text())
    with serving(nowhere, tmp_path) as one:
        assert one.send("GET", "/readyz").status == 200
        reply = one.ask('{ school(code: "KEC-00001") { name } catalog { departments { name } } }')
        assert reply.codes == ["SOURCE_UNAVAILABLE"]
        assert len(reply.told["data"]["catalog"]["departments"]) == 6


def outcomes(served: Served) -> dict[str, float]:
    text = served.send("GET", "/metrics").body.decode()
    return {name: float(count) for name, count in re.findall(r'gateway_requests_total{outcome="(\w+)"} ([\d.]+)', text)}


def test_metrics_count_requests_by_outcome(served: Served) -> None:
    before = outcomes(served)
    served.ask("{ __typename }")
    served.ask("{ nothing }")
    served.ask("{ __typename }", "forged")
    served.post(b"no JSON")
    served.get("mutation { __typename }")
    grown = {name: count - before.get(name, 0) for name, count in outcomes(served).items()}
    assert {name: grown[name] for name in ("ok", "request_error", "unauthenticated", "bad_request", "not_allowed")} == {
        "ok": 1, "request_error": 1, "unauthenticated": 1, "bad_request": 1, "not_allowed": 1,
    }  # fmt: skip


def test_metrics_tell_of_sources_and_of_no_value(served: Served) -> None:
    served.ask('{ school(code: "KEC-00001") { name } }')
    text = served.send("GET", "/metrics").body.decode()
    assert re.search(r'gateway_fetches_total{outcome="ok",source="emis"} [1-9]', text)
    assert "KEC-00001" not in text
    assert "auditor" not in text


def test_the_schema_is_the_one_of_the_snapshot(served: Served) -> None:
    assert served.send("GET", "/schema.graphql").body.decode() == SNAPSHOT.read_text()


@pytest.fixture(scope="module")
def page(served: Served) -> str:
    reply = served.send("GET", "/")
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    return reply.body.decode()


def test_the_landing_page_runs_nothing_and_fetches_nothing(page: str) -> None:
    assert not re.search(r"<script|<img|<iframe|<link|\son\w+=|javascript:|https?://", page, re.IGNORECASE)


def test_the_landing_page_names_the_departments_and_who_answers_for_them(page: str) -> None:
    for told in ("Finance Department, Government of Balochistan", "Secretary Finance"):
        assert told in page


def test_the_three_requests_of_the_landing_page_work(page: str, served: Served) -> None:
    requests = [html.unescape(text) for text in re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL)]
    assert len(requests) == 3
    schema = build_schema(SNAPSHOT.read_text())
    for text in requests:
        assert validate(schema, parse(text)) == []
        for reply in (served.ask(text), served.get(text)):
            assert reply.codes == []
            assert all(reply.told["data"].values())


def test_the_links_of_the_landing_page_lead_somewhere(page: str, served: Served) -> None:
    links = re.findall(r"href=([^ >]+)", page)
    assert links
    assert {served.send("GET", link).status for link in links} == {200}


@pytest.mark.parametrize("path", ["/", "/schema.graphql", "/readyz", "/metrics"])
def test_no_page_takes_another_method(path: str, served: Served) -> None:
    assert served.send("POST", path, b"").status == 405


@pytest.mark.parametrize("path", ["/nothing", "/graphql/", "/../demo.toml", "/%2e%2e/demo.toml", "/var/state/demo.key"])
def test_there_is_nothing_else(path: str, served: Served) -> None:
    assert served.send("GET", path).status == 404


def test_answers_are_kept_by_nobody_on_the_way(served: Served) -> None:
    for accept in (JSON, GRAPHQL_RESPONSE):
        reply = served.ask("{ __typename }", accept=accept)
        assert reply.headers["cache-control"] == "no-store"
        assert {"Accept", "Authorization", "X-Api-Key"} <= set(reply.headers["vary"].split(", "))
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["x-request-id"]


# The end


class Slow(BaseHTTPRequestHandler):
    """A monitoring service that answers when the test lets it."""

    asked = threading.Event()
    go = threading.Event()

    def do_GET(self) -> None:
        self.asked.set()
        self.go.wait(30)
        body = b'{"count": 0, "results": []}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        with contextlib.suppress(ConnectionError):  # whoever asked may have stopped waiting
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def slow() -> Iterator[str]:
    Slow.asked.clear()
    Slow.go.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    Slow.go.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_operation_waits_for_a_department_no_longer_than_its_limit(
    files: Systems, slow: str, tmp_path: Path
) -> None:
    systems = Systems(files.folder, {**files.services, "LEGACY_RTSM_URL": slow})
    with serving(systems, tmp_path, "[limits]\ntime_s = 2.0\n") as one:
        one.ask("{ __typename }")
        reply = one.ask('{ visits(first: 1) { nodes { number } } school(code: "KEC-00001") { code } }')
        assert Slow.asked.is_set()
        assert (reply.status, reply.codes) == (200, ["DEADLINE"])
        assert reply.told["data"] == {"visits": None, "school": {"code": "KEC-00001"}}


def test_what_is_being_answered_is_finished_before_the_process_ends(
    files: Systems, slow: str, tmp_path: Path
) -> None:
    """The department is in the middle of its answer when the process is told to stop."""
    systems = Systems(files.folder, {**files.services, "LEGACY_RTSM_URL": slow})
    with serving(systems, tmp_path) as one, socket.create_connection(one.place, timeout=30) as connection:
        body = b'{"query":"{ visits(first: 1) { nodes { number } } }"}'
        connection.sendall(
            b"POST /graphql HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        assert Slow.asked.wait(30)
        one.process.send_signal(signal.SIGTERM)
        assert one.refuses_new_connections()
        Slow.go.set()
        answer = read_all(connection)
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b'{"data":{"visits":{"nodes":[]}}}')
        assert one.process.wait(20) == -signal.SIGTERM
        recorded = one.command("ledger", "verify").stdout
        assert "1 entries" in recorded or "1 entry" in recorded, recorded
    assert one.written == ""
