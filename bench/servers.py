"""Server processes under measurement: started on a free port, asked for their processor time, stopped again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Server:
    """One process listening on 127.0.0.1. ``headers`` go with every request."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    headers: tuple[tuple[str, str], ...] = ()

    def cpu_s(self) -> float:
        """Processor seconds of all its threads so far, user and system."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND

    def memory_mb(self) -> int:
        """The most memory it has held."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as response:
            text: str = response.read().decode()
            return text


@contextmanager
def running(
    name: str, command: list[str], headers: tuple[tuple[str, str], ...] = (), patience_s: float = 30.0
) -> Iterator[Server]:
    """``command`` with ``--port N`` added, once ``/readyz`` answers; terminated at the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    process = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL)
    server = Server(name, process, port, headers)
    try:
        _wait(server, patience_s)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(server: Server, patience_s: float) -> None:
    until = time.monotonic() + patience_s
    while True:
        try:
            server.get("/readyz")
            return
        except OSError:
            if server.process.poll() is not None or time.monotonic() > until:
                sys.exit(f"{server.name} did not start; its own words are above")
            time.sleep(0.1)
