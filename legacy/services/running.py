"""Runs services in this process: sockets, servers, and the command they may be run around."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from legacy.services import bessi, bpay, fabs, rtsm

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Service:
    """``variable``: the environment variable that carries its address; ``path`` is the address's path."""

    app: Callable[[Path], Starlette]
    variable: str
    path: str
    port: int


SERVICES = {
    "rtsm": Service(rtsm.app, "LEGACY_RTSM_URL", "", 8101),
    "fabs": Service(fabs.app, "LEGACY_FABS_URL", "/soap/fabs", 8102),
    "bpay": Service(bpay.app, "LEGACY_BPAY_URL", "", 8103),
    "bessi": Service(bessi.app, "LEGACY_BESSI_URL", "", 8104),
}
RATED = {"rtsm": rtsm.app, "bessi": bessi.app}
"""Services that may be told how many requests a second they take."""


@dataclass(frozen=True, slots=True)
class Running:
    """How to run: ``ports`` of the services wanted (0: any free one), a ``command`` to run them around or none,
    ``ready_file`` to write the addresses into, whether the end of standard input is the end, and ``rates_per_s`` of
    services that limit them."""

    store: Path
    ports: Mapping[str, int]
    command: tuple[str, ...] = ()
    ready_file: Path | None = None
    until_stdin_closes: bool = False
    rates_per_s: Mapping[str, float | None] = field(default_factory=dict)


class _Server(uvicorn.Server):
    """Leaves signals to us: there are several servers, and a command that wants them too."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run(running: Running) -> int:
    """Serves until told to stop or the command has ended; its exit code, or 0. Raises StoreMissing, and OSError for a
    port that is taken."""
    apps = {name: _app(running, name) for name in running.ports}
    with contextlib.ExitStack() as sockets:
        listening, urls = {}, {}
        for name, port in running.ports.items():
            listener = sockets.enter_context(socket.create_server(("127.0.0.1", port), backlog=512))
            # asyncio sets this only on sockets that say they speak TCP, and those made by create_server do not: without
            # it every answer's body waits 40 ms for the acknowledgement of its head.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            listening[name] = listener
            urls[SERVICES[name].variable] = f"http://127.0.0.1:{listener.getsockname()[1]}{SERVICES[name].path}"
        # The sockets listen already: who connects before a server's first breath waits in the queue.
        servers = [
            _Server(
                uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=2)
            )
            for app in apps.values()
        ]
        serving = [
            asyncio.create_task(server.serve(sockets=[listener]))
            for server, listener in zip(servers, listening.values(), strict=True)
        ]
        stopped = _until_signal()
        _tell(running, urls)
        try:
            return await (_command(running.command, urls) if running.command else _idle(running, stopped, serving))
        finally:
            for server in servers:
                server.should_exit = True
            await asyncio.gather(*serving)


def _app(running: Running, name: str) -> Starlette:
    if name in RATED:
        return RATED[name](running.store, running.rates_per_s.get(name))
    return SERVICES[name].app(running.store)


def _tell(running: Running, urls: dict[str, str]) -> None:
    """The addresses as one line of JSON: to standard output, or to standard error when that is the command's."""
    line = json.dumps(urls)
    print(line, flush=True, file=sys.stderr if running.command else sys.stdout)
    if running.ready_file is not None:
        unfinished = running.ready_file.with_name(f"{running.ready_file.name}.part")
        unfinished.write_text(line)
        unfinished.replace(running.ready_file)


def _until_signal() -> asyncio.Event:
    """An event set by SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


async def _idle(running: Running, stopped: asyncio.Event, serving: list[asyncio.Task[None]]) -> int:
    """Until told to stop, or a server has stopped by itself."""
    waits = [asyncio.ensure_future(stopped.wait()), *serving]
    if running.until_stdin_closes:
        waits.append(asyncio.ensure_future(_stdin_closed()))
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    return 0


async def _stdin_closed() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(1024):
        pass


async def _command(command: tuple[str, ...], urls: dict[str, str]) -> int:
    """Signals go on to the command; the services outlive it. 127 when there is no such command, 128 + n when signal n
    ended it, as a shell has it."""
    try:
        process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **urls})
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, _pass_on, process, number)
    code = await process.wait()
    return 128 - code if code < 0 else code


def _pass_on(process: asyncio.subprocess.Process, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)
