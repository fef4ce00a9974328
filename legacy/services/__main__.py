"""``python -m legacy.services --store DIR [-- COMMAND ...]``: runs the services on loopback, in one process.

Prints their addresses as one line of JSON once they listen; SIGTERM stops them. With a command, its environment gets
LEGACY_..._URL of each (RTSM, FABS, BPAY, BESSI), the services stop with it, and its exit code is ours.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from legacy.services.running import RATED, SERVICES, Running, run
from legacy.services.store import StoreMissing


def main() -> None:
    try:
        sys.exit(asyncio.run(run(_given())))
    except (StoreMissing, OSError) as error:
        sys.exit(f"legacy.services: {error}")


def _given() -> Running:
    parser = argparse.ArgumentParser(
        prog="python -m legacy.services", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", type=Path, required=True, help="folder that python -m legacy build made")
    parser.add_argument("--only", choices=sorted(SERVICES), action="append", help="run just this one (repeatable)")
    for name, service in SERVICES.items():
        parser.add_argument(
            f"--{name}-port", type=int, default=service.port, help=f"default {service.port}; 0 for any free port"
        )
    for name in RATED:
        told = f"{name} refuses more than N requests a second (429)"
        parser.add_argument(f"--{name}-rate", type=float, metavar="N", help=told)
    parser.add_argument("--ready-file", type=Path, help="also write the addresses here")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when standard input ends")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- COMMAND ARGUMENTS to run the services around")
    given = parser.parse_args()
    command = given.command[1:] if given.command[:1] == ["--"] else given.command
    return Running(
        given.store,
        {name: getattr(given, f"{name}_port") for name in given.only or SERVICES},
        tuple(command),
        given.ready_file,
        given.until_stdin_closes,
        {name: getattr(given, f"{name}_rate") for name in RATED},
    )


if __name__ == "__main__":
    main()
