"""Services as processes of their own, one each, for who must stop, hang or restart a single department's system."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from legacy.services.running import SERVICES

STOP_S = 10


class Services:
    """Running services by name: rtsm, fabs, bpay, bessi. Ends them on leaving the ``with`` block; they also end by
    themselves when this process dies, since their standard input does."""

    def __init__(self, store: Path, options: tuple[str, ...] = ()) -> None:
        self._store = store
        self._options = options
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self.urls: dict[str, str] = {}
        """Name -> address; kept while a service is stopped, and the same when it is started again."""

    @property
    def environment(self) -> dict[str, str]:
        """LEGACY_..._URL of every service."""
        return {SERVICES[name].variable: url for name, url in self.urls.items()}

    def start(self, names: Iterable[str]) -> None:
        """Returns when they listen. Raises RuntimeError with what a service said when it did not start."""
        wanted = tuple(names)
        for name in wanted:
            port = urlsplit(self.urls[name]).port if name in self.urls else 0
            self._processes[name] = subprocess.Popen(
                [
                    sys.executable, "-m", "legacy.services", "--store", str(self._store.resolve()), "--only", name,
                    f"--{name}-port", str(port), "--until-stdin-closes", *self._options,
                ],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
            )  # fmt: skip
        for name in wanted:
            output = self._processes[name].stdout
            line = output.readline() if output else ""
            if not line:
                self.stop_one(name)
                raise RuntimeError(f"the service {name} did not start")
            self.urls[name] = json.loads(line)[SERVICES[name].variable]

    def start_one(self, name: str) -> None:
        """Again, at the address it had."""
        self.start([name])

    def stop_one(self, name: str) -> None:
        """The department's system is down: connections are refused. Nothing to do when it already is."""
        process = self._processes.pop(name, None)
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()

    def stop(self) -> None:
        for name in tuple(self._processes):
            self.stop_one(name)

    def pause(self, name: str) -> None:
        """The system hangs: it takes connections and answers nothing."""
        self._processes[name].send_signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self._processes[name].send_signal(signal.SIGCONT)

    def __enter__(self) -> Services:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(store: Path, names: Iterable[str] = tuple(SERVICES), *options: str) -> Services:
    """The services over a build's folder, at free ports. ``options`` go to their command line."""
    services = Services(store, options)
    try:
        services.start(names)
    except BaseException:
        services.stop()
        raise
    return services
