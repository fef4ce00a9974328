"""Rows of a derived record that are too many to be held as Python's: an embedded engine holds them, fed only from what
was fetched under the departments' rules and limits. It reads no file and no address, says exactly what
``gateway.columnwise`` says, and refuses what it could only say inexactly."""

from __future__ import annotations

import asyncio
import fcntl
import importlib.util
import shutil
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.columnwise import Afar, Multiplied, evaluate
from gateway.encoding import encoded, kind_of
from gateway.engine_sql import EngineRows, grouped, joined, kept, union
from gateway.table import PastBound, Table
from schema.derive.nodes import Grouped, Joined, Kept, Node, Parts, Together
from schema.derive.shape import cells, children

CLOSED: dict[str, Any] = {
    "threads": 1, "autoinstall_known_extensions": "false", "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}  # fmt: skip
AT_ONCE = 50_000
"""Rows that come back at a time."""
AGAIN_S = 0.05
AT_A_TIME = 2
"""Operations of one process that have an engine; others wait, within their own deadline."""


@dataclass(frozen=True, slots=True)
class Engines:
    """``folder``: what one operation cannot hold in ``memory_mb`` is put into a folder of its own in it."""

    folder: Path
    memory_mb: int = 256
    disk_mb: int = 4_096
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_A_TIME))

    def sweep(self) -> None:
        """Removes what processes have left that ended without doing so: nobody holds its lock."""
        for one in self.folder.glob("*/lock"):
            with one.open() as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                shutil.rmtree(one.parent, ignore_errors=True)

    async def evaluate(self, node: Node, given: Mapping[int, Table], most: int, deadline: float) -> Table:
        """As ``gateway.columnwise.evaluate``, on a thread of its own. Raises TimeoutError at the deadline."""
        async with asyncio.timeout_at(deadline), self.turns:
            return await self._run(Session(self), node, given, most)

    async def _run(self, session: Session, node: Node, given: Mapping[int, Table], most: int) -> Table:
        """Also when it is cancelled, it ends with its thread."""
        work = asyncio.create_task(asyncio.to_thread(session.run, node, given, most))
        try:
            return await asyncio.shield(work)
        finally:
            while not work.done():
                session.stop()
                await asyncio.wait({work}, timeout=AGAIN_S)
            if not work.cancelled():
                work.exception()


def open_engines(folder: Path, memory_mb: int, disk_mb: int) -> Engines | None:
    """None where the extra ``analytics`` is not installed."""
    if not all(importlib.util.find_spec(name) for name in ("duckdb", "arro3")):
        return None
    engines = Engines(folder, memory_mb, disk_mb)
    engines.sweep()
    return engines


@dataclass(slots=True)
class Session:
    """The engine of one evaluation."""

    engines: Engines
    connection: Any = None
    tables: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self, node: Node, given: Mapping[int, Table], most: int) -> Table:
        import duckdb

        self.engines.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = Path(tempfile.mkdtemp(dir=self.engines.folder))
        try:
            with (own / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self.connection = connect(self.engines, own)
                return evaluate(node, given, most, self)
        except (
            duckdb.OutOfMemoryException, duckdb.OutOfRangeException, duckdb.ConversionException, duckdb.IOException,
            duckdb.InterruptException,
        ) as error:  # its memory, its disk, its numbers are too small, or it was stopped; all else is a mistake of ours
            raise PastBound from error
        finally:
            if self.connection is not None:
                self.connection.close()
            shutil.rmtree(own, ignore_errors=True)

    def stop(self) -> None:
        import duckdb

        self.stopped.set()
        with suppress(duckdb.Error):  # it may have ended just now
            if self.connection is not None:
                self.connection.interrupt()

    def worked(self, node: Multiplied, below: Sequence[Table | Afar]) -> EngineRows:
        sides = [one if isinstance(one, EngineRows) else self._put(one) for one in below]
        match node:
            case Joined():
                return joined(node, *sides)
            case Kept(of=of, tests=tests):
                return kept(tests, cells(of), sides[0], self.values)
            case Grouped():
                return grouped(node, sides[0], self.values)
            case Together() | Parts():
                names = cells(node)
                own = [cells(child) for child in children(node)]
                return union(
                    [side.taking([of.index(name) for name in names]) for of, side in zip(own, sides, strict=True)]
                )

    def brought(self, rows: Afar, most: int) -> Table:
        assert isinstance(rows, EngineRows)
        self._go_on()
        asked = {name: value for name, value in self.values.items() if f"${name} " in rows.sql}
        found = self.connection.execute(f"SELECT * FROM ({rows.sql}) LIMIT {most + 1}", asked or None)
        columns: list[list[Any]] = [[] for _ in rows.kinds]
        size = 0
        while some := found.fetchmany(AT_ONCE):
            self._go_on()
            size += len(some)
            if size > most:
                raise PastBound
            for column, kind, cells_ in zip(columns, rows.kinds, zip(*some, strict=True), strict=True):
                column += kind.decoded(cells_)
        return Table(tuple(columns), size)

    def _put(self, rows: Table | Afar) -> EngineRows:
        """The engine's own copy."""
        assert isinstance(rows, Table)
        if rows.withheld or not rows.columns:
            raise PastBound
        self._go_on()
        import arro3.core as arrow

        kinds = tuple(kind_of(column) for column in rows.columns)
        arrays = [
            arrow.Array(encoded(column, kind), type=getattr(arrow.DataType, kind.carried)())
            for column, kind in zip(rows.columns, kinds, strict=True)
        ]
        names = [f"c{at}" for at in range(len(kinds))]
        self.connection.register("given", arrow.Table.from_arrays(arrays, names=names))
        told = ", ".join(f"CAST({name} AS {kind.held}) AS {name}" for name, kind in zip(names, kinds, strict=True))
        table = f"t{self.tables}"
        self.tables += 1
        self.connection.execute(f"CREATE TABLE {table} AS SELECT {told} FROM given")
        self.connection.unregister("given")
        return EngineRows(f"SELECT * FROM {table}", kinds)

    def _go_on(self) -> None:
        if self.stopped.is_set():
            raise PastBound


def connect(engines: Engines, own: Path) -> Any:
    """Closed to everything outside but its own folder, for good."""
    import duckdb

    limits = {
        "memory_limit": f"{engines.memory_mb}MB", "temp_directory": str(own / "spilled"),
        "max_temp_directory_size": f"{engines.disk_mb}MB",
    }  # fmt: skip
    connection = duckdb.connect(":memory:", config={**CLOSED, **limits})
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


