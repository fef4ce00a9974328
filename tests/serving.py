"""A gateway that really serves: its own process on a free port over the demo's systems, and a client that can send what
no well-behaved client would."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from tests.houses import DEMO, Systems

BIN = Path(sys.executable).parent
GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """``headers``: lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        return orjson.loads(self.body)

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.told.get("errors", ())]


@dataclass(frozen=True, slots=True)
class Served:
    """``folder`` holds its settings, its state and what it wrote to standard output and error."""

    address: str
    process: subprocess.Popen[str]
    folder: Path
    environment: Mapping[str, str]

    @property
    def place(self) -> tuple[str, int]:
        parts = urlsplit(self.address)
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    @property
    def written(self) -> str:
        return (self.folder / "errors.txt").read_text()

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """One request on a connection of its own. ``content_type`` stands for ``Content-Type``."""
        connection = http.client.HTTPConnection(*self.place, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            response = connection.getresponse()
            got = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, got, response.read())
        finally:
            connection.close()

    def post(self, request: Any, **headers: str) -> Reply:
        """A request by POST: bytes as they are, anything else as JSON."""
        body = request if isinstance(request, bytes) else orjson.dumps(request)
        return self.send("POST", "/graphql", body, **{"content_type": JSON, **headers})

    def ask(self, query: str, token: str | None = None, /, variables: Any = None, **headers: str) -> Reply:
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        request = {"query": query} if variables is None else {"query": query, "variables": variables}
        return self.post(request, **headers)

    def get(self, query: str, **parameters: str) -> Reply:
        return self.send("GET", f"/graphql?{urlencode({'query': query, **parameters})}")

    def raw(self, request: bytes) -> bytes:
        """Everything that comes back for these bytes, until the server closes."""
        with socket.create_connection(self.place, timeout=30) as connection:
            connection.sendall(request)
            return read_all(connection)

    def refuses_new_connections(self) -> bool:
        """Waits until nobody listens any more: a process that ends closes the connections that wait."""
        try:
            while True:
                with socket.create_connection(self.place, timeout=30) as connection:
                    connection.recv(1)
        except ConnectionResetError:
            return self.refuses_new_connections()
        except ConnectionRefusedError:
            return True

    def command(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """A ``gateway`` command with the settings of this gateway."""
        return command(*arguments, config=self.folder / "gateway.toml", environment=self.environment, stdin=stdin)

    def token(self, subject: str, *roles: str, purposes: tuple[str, ...] = ()) -> str:
        """A token of the demo issuer of this gateway."""
        told = [part for role in roles for part in ("--role", role)]
        told += [part for purpose in purposes for part in ("--purpose", purpose)]
        return self.command("token", "--subject", subject, *told).stdout.strip()


def read_all(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def command(
    *arguments: str, config: Path, environment: Mapping[str, str] | None = None, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs ``gateway --config ...`` to its end."""
    return subprocess.run(
        [BIN / "gateway", "--config", config, *arguments], env={**os.environ, **(environment or {})}, input=stdin,
        text=True, capture_output=True, timeout=120, check=False,
    )  # fmt: skip


def write_settings(systems: Systems, folder: Path, extra: str = "") -> Path:
    """The demo's settings, moved to these systems, with their state under ``folder``."""
    text = DEMO.read_text()
    for said, here in (("var/legacy/demo", str(systems.folder)), ("var/", f"{folder}/")):
        text = text.replace(f'"{said}', f'"{here}').replace(f"sqlite:///{said}", f"sqlite:///{here}")
    path = folder / "gateway.toml"
    path.write_text(f"{text}\n{extra}")
    return path


@contextmanager
def serving(systems: Systems, folder: Path, extra: str = "") -> Iterator[Served]:
    """A gateway that serves these systems. It listens when it says so, and is told to stop at the end."""
    config = write_settings(systems, folder, extra)
    errors = (folder / "errors.txt").open("w")
    process = subprocess.Popen(
        [BIN / "gateway", "--config", config, "serve", "--port", "0"], env={**os.environ, **systems.services},
        stdout=subprocess.PIPE, stderr=errors, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("serving on http://"), (folder / "errors.txt").read_text()
        yield Served(line.split()[-1], process, folder, systems.services)
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()
        errors.close()
