"""``python -m legacy.services --store DIR [-- COMMAND ...]``: runs the three services on loopback.

With a command, its environment gets LEGACY_RTSM_URL, LEGACY_FABS_URL and LEGACY_BPAY_URL, and the services stop with it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path

import uvicorn

from legacy.services import bpay, fabs, rtsm

SERVICES = {
    "rtsm": (rtsm.app, "LEGACY_RTSM_URL", "", 8101),
    "fabs": (fabs.app, "LEGACY_FABS_URL", "/soap/fabs", 8102),
    "bpay": (bpay.app, "LEGACY_BPAY_URL", "", 8103),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m legacy.services", description=__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder that python -m legacy build made")
    parser.add_argument("--only", choices=sorted(SERVICES), action="append", help="run just these")
    for name, (_, _, _, port) in SERVICES.items():
        parser.add_argument(f"--{name}-port", type=int, default=port, help=f"default {port}; 0 for any free port")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    ports = {name: getattr(given, f"{name}_port") for name in given.only or SERVICES}
    command = given.command[1:] if given.command[:1] == ["--"] else given.command
    sys.exit(asyncio.run(_run(given.store, ports, command)))


async def _run(store: Path, ports: dict[str, int], command: list[str]) -> int:
    servers, urls = [], {}
    for name, port in ports.items():
        make, variable, path, _ = SERVICES[name]
        listener = socket.create_server(("127.0.0.1", port))
        urls[variable] = f"http://127.0.0.1:{listener.getsockname()[1]}{path}"
        server = uvicorn.Server(uvicorn.Config(make(store), log_level="warning", access_log=False, lifespan="off"))
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        servers.append((server, asyncio.create_task(server.serve(sockets=[listener]))))
    while not all(server.started for server, _ in servers):
        await asyncio.sleep(0.01)
    print(json.dumps(urls), flush=True, file=sys.stderr if command else sys.stdout)
    code = await _command(command, urls) if command else await _until_told()
    for server, _ in servers:
        server.should_exit = True
    await asyncio.gather(*(task for _, task in servers), return_exceptions=True)
    return code


async def _command(command: list[str], urls: dict[str, str]) -> int:
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **urls})
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, process.send_signal, number)
    return await process.wait()


async def _until_told() -> int:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await told.wait()
    return 0


if __name__ == "__main__":
    main()
