"""The private SQLite store of one service: counted, paged listings and transactions, off the event loop."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

Condition = tuple[str, tuple[Any, ...]]
"""An SQL condition with its marks, and the values for them."""

MOST_TOTALS = 256
INDEXED = """
SELECT tables.name, group_concat(columns.name, ', ')
FROM sqlite_master AS tables, pragma_index_list(tables.name) AS indexes, pragma_index_info(indexes.name) AS columns
WHERE tables.type = 'table' GROUP BY tables.name, indexes.name
"""


class StoreMissing(Exception):
    """The folder does not hold what a service needs."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of the rows that satisfy every condition, in the order of ``key``, which no two rows share. ``columns``
    as in a SELECT."""

    table: str
    columns: str
    key: str
    conditions: tuple[Condition, ...]
    offset: int
    size: int

    def where(self) -> Condition:
        """All conditions as one."""
        text = " AND ".join(condition for condition, _ in self.conditions) or "1 = 1"
        return text, tuple(value for _, values in self.conditions for value in values)


def among(column: str, values: Sequence[Any]) -> Condition:
    """``column`` has one of the values; none satisfies an empty list."""
    return f"{column} IN ({', '.join('?' * len(values))})", tuple(values)


def compared(column: str, operator: str, value: Any) -> Condition:
    return f"{column} {operator} ?", (value,)


class Store:
    """Statements run in a thread of the store's own, one after the other, so that a long count stops no other service.

    ``indexes``: what this service searches by, "table(column, ...)"; made at the first start when the build has not.
    Raises StoreMissing when there is no file.
    """

    def __init__(self, path: Path, indexes: Iterable[str] = (), *, writable: bool = False) -> None:
        if not path.is_file():
            raise StoreMissing(f"{path}: no such store; `python -m legacy build --out {path.parent}` makes it")
        _make_indexes(path, indexes)
        mode = "rw" if writable else "ro"
        self._connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False, timeout=5
        )
        self._connection.row_factory = sqlite3.Row
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=path.stem)
        self._totals: dict[Condition, int] = {}
        self._totals_version = -1
        self._started = os.urandom(4).hex()

    async def one(self, statement: str, values: tuple[Any, ...] = ()) -> Any:
        """The first row, or None."""
        return await self._aside(lambda: self._connection.execute(statement, values).fetchone())

    async def page(self, listing: Listing) -> tuple[int, list[dict[str, Any]]]:
        """How many rows there are in all, and those of the page."""
        return await self._aside(lambda: self._page(listing))

    async def version(self) -> str:
        """Another one whenever anybody has changed anything here, and after each start of the service."""
        return await self._aside(lambda: f"{self._started}-{self._version()}")

    def _version(self) -> int:
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version + self._connection.total_changes

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """``work`` in one transaction, undone when it raises."""
        return await self._aside(lambda: self._transact(work))

    async def _aside(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _page(self, listing: Listing) -> tuple[int, list[dict[str, Any]]]:
        condition, values = listing.where()
        total = self._total(listing.table, condition, values)
        if listing.offset >= total:
            return total, []
        # Only the keys are sorted for each page, not all the rows: a quarter of the time where a month has 16,000.
        found = self._connection.execute(
            f"SELECT {listing.columns} FROM {listing.table} WHERE {listing.key} IN (SELECT {listing.key} FROM "
            f"{listing.table} WHERE {condition} ORDER BY {listing.key} LIMIT ? OFFSET ?) ORDER BY {listing.key}",
            (*values, listing.size, listing.offset),
        )
        return total, [dict(row) for row in found]

    def _total(self, table: str, condition: str, values: tuple[Any, ...]) -> int:
        """Counted once for all pages of a listing, and again as soon as anybody has changed the file."""
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        if version != self._totals_version or len(self._totals) >= MOST_TOTALS:
            self._totals.clear()
            self._totals_version = version
        key = (f"{table} {condition}", values)
        if key not in self._totals:
            counted = self._connection.execute(f"SELECT COUNT(*) FROM {table} WHERE {condition}", values)
            self._totals[key] = counted.fetchone()[0]
        return self._totals[key]

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self._totals.clear()
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            done = work(self._connection)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        return done


def _make_indexes(path: Path, indexes: Iterable[str]) -> None:
    """Those that the build left out; a store that cannot be written is searched as it is."""
    with closing(sqlite3.connect(path, timeout=60)) as connection, suppress(sqlite3.OperationalError):
        there = {f"{table}({columns})" for table, columns in connection.execute(INDEXED)}
        for index in indexes:
            if index not in there:
                name = index.rstrip(")").replace("(", "_").replace(", ", "_")
                connection.execute(f"CREATE INDEX IF NOT EXISTS ix_{name} ON {index}")
        connection.commit()
