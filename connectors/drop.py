"""Files a department drops into a folder: CSV by the standard library, Excel by calamine. Parsed once a version of a
file; what is asked of them is answered by the reference connector."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog
from cachetools import LRUCache
from python_calamine import CalamineError, CalamineWorkbook

from connectors import memory
from connectors.address import Address
from schema.fetch import Fetch, Rows, SourceTimeout, SourceUnavailable
from schema.relations import Drop
from schema.scalars import KARACHI
from schema.sources import Source

log = structlog.get_logger("connectors")
MOST_BYTES = 256 * 1024 * 1024


class BadFile(ValueError):
    """A file that is not as declared; the message names it and what is wrong, never what stands in it."""


class DropConnector:
    """A file's rows are kept until it changes. A row shorter than the header is skipped and logged."""

    def __init__(self, source: Source, address: Address) -> None:
        self.source = source
        self._folder = address.folder
        self._known: LRUCache[tuple[Path, int, int, int, str], list[dict[str, Any]]] = LRUCache(maxsize=1024)
        self._lock = threading.Lock()

    async def fetch(self, fetch: Fetch, /) -> Rows:
        try:
            async with asyncio.timeout_at(fetch.deadline):
                return await asyncio.to_thread(self._fetch, fetch)
        except TimeoutError as error:
            raise SourceTimeout(f"{self.source.name}: not read in time") from error

    def _fetch(self, fetch: Fetch) -> Rows:
        relation = fetch.shape.relation
        if not isinstance(relation, Drop):
            raise TypeError(f"a drop folder has no {type(relation).__name__}")
        if self._folder is None or not self._folder.is_dir():
            raise SourceUnavailable(f"{self.source.name}: the folder is not there")
        rows: list[dict[str, Any]] = []
        newest = 0.0
        try:
            for path in sorted(self._folder.glob(relation.pattern)):
                found, changed = self._rows(path, relation)
                rows += found
                newest = max(newest, changed)
        except (OSError, ValueError, csv.Error, CalamineError) as error:
            told = error if isinstance(error, BadFile) else type(error).__name__
            raise SourceUnavailable(f"{self.source.name}: {told}") from error
        as_of = dt.datetime.fromtimestamp(newest, KARACHI).isoformat(timespec="seconds") if newest else None
        return Rows(memory.answer(fetch, rows), 1, as_of)

    def _rows(self, path: Path, relation: Drop) -> tuple[list[dict[str, Any]], float]:
        state = path.stat()
        if state.st_size > MOST_BYTES:
            raise BadFile(f"{path.name} is larger than {MOST_BYTES} bytes")
        key = (path, state.st_ino, state.st_mtime_ns, state.st_size, repr(relation))
        with self._lock:
            known = self._known.get(key)
        if known is None:
            known = self._parse(path, relation)
            with self._lock:
                self._known[key] = known
        return known, state.st_mtime

    def _parse(self, path: Path, relation: Drop) -> list[dict[str, Any]]:
        lines = iter(_excel(path) if path.suffix.lower() in (".xlsx", ".xls", ".ods") else _csv(path, relation))
        header = next(lines, [])
        places = [
            (at, relation.columns[name.strip()]) for at, name in enumerate(header) if name.strip() in relation.columns
        ]
        missing = sorted(set(relation.columns) - {name.strip() for name in header})
        if missing:
            raise BadFile(f"{path.name} has no column {', '.join(missing)}")
        rows, short = [], 0
        for line in lines:
            if not any(cell.strip() for cell in line):
                continue
            if len(line) < len(header):
                short += 1
                continue
            row: dict[str, Any] = {column: line[at] for at, column in places}
            if relation.file_column is not None:
                row[relation.file_column] = path.name
            rows.append(row)
        if short:
            log.warning("short rows skipped", source=self.source.name, file=path.name, rows=short)
        return rows

    async def aclose(self) -> None:
        self._known.clear()


def _csv(path: Path, relation: Drop) -> Iterator[list[str]]:
    text = path.read_bytes().decode(relation.encoding)
    return csv.reader(io.StringIO(text, newline=""), delimiter=relation.delimiter)


def _excel(path: Path) -> Iterator[list[str]]:
    sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
    return ([_text(cell) for cell in line] for line in sheet.to_python())


def _text(cell: Any) -> str:
    """A cell as its department would have written it in CSV: whole numbers without places, days as YYYY-MM-DD."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell)
