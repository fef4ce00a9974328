"""Files a department drops into a folder: CSV by the standard library, Excel by calamine. Parsed once a version of a
file; what is asked of them is answered by the reference connector."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import io
import re
import threading
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import structlog
from cachetools import LRUCache
from python_calamine import CalamineError, CalamineWorkbook

from connectors import memory
from connectors.address import Address
from connectors.picking import Picker, bound, make_picker
from schema.fetch import (
    AllOf,
    Comparison,
    Condition,
    Fetch,
    FetchShape,
    RowBudgetExceeded,
    Rows,
    SourceTimeout,
    SourceUnavailable,
)
from schema.recent import Recent
from schema.relations import Drop
from schema.scalars import KARACHI
from schema.sources import Source

log = structlog.get_logger("connectors")
MOST_BYTES = 256 * 1024 * 1024
SHEETS = (".xlsx", ".xls", ".ods")
MOST_KEPT = 200_000
"""Lines kept of the files read last."""
Line = tuple[str | None, ...]
"""The cells of a file's line in the order of its relation's columns."""


class BadFile(ValueError):
    """A file that is not as declared; the message names it and what is wrong, never what stands in it."""


class DropConnector:
    """A file's rows are kept until it changes. A row shorter than the header is skipped and logged."""

    def __init__(self, source: Source, address: Address) -> None:
        self.source = source
        self._folder = address.folder
        self._known: LRUCache[tuple[Path, int, int, int, str], list[Line]] = LRUCache(MOST_KEPT, getsizeof=len)
        self._pickers: Recent[FetchShape, Picker] = Recent(256)
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
        shape = fetch.shape
        picker = None if shape.measures or shape.order or shape.limited else self._picker(shape, relation)
        values = bound(fetch)
        found: list[tuple[Any, ...]] = []
        rows: list[dict[str, Any]] = []
        newest = 0.0
        try:
            for path in sorted(self._folder.glob(relation.pattern)):
                newest = max(newest, path.stat().st_mtime)
                if not _may_hold(path.name, relation, fetch):
                    continue
                lines = self._lines(path, relation, fetch)
                if picker is None:
                    names = _columns(relation)
                    rows += [dict(zip(names, line, strict=True)) for line in lines]
                    continue
                found += picker(lines, *values)
                if fetch.max_rows is not None and len(found) > fetch.max_rows:
                    raise RowBudgetExceeded(f"{self.source.name}: more than {fetch.max_rows} rows")
        except (OSError, ValueError, csv.Error, CalamineError) as error:
            told = error if isinstance(error, BadFile) else type(error).__name__
            raise SourceUnavailable(f"{self.source.name}: {told}") from error
        as_of = dt.datetime.fromtimestamp(newest, KARACHI).isoformat(timespec="seconds") if newest else None
        return Rows(memory.answer(fetch, rows) if picker is None else found, 1, as_of)

    def _picker(self, shape: FetchShape, relation: Drop) -> Picker:
        picker = self._pickers.get(shape)
        if picker is None:
            places = {name: at for at, name in enumerate(_columns(relation))}
            picker = make_picker(
                shape, lambda column: f"r[{places[column.name]}]" if column.name in places else "None", {}
            )
            self._pickers[shape] = picker
        return picker

    def _lines(self, path: Path, relation: Drop, fetch: Fetch) -> list[Line]:
        """The file's lines; none where it is plain that no key of the fetch is among them."""
        state = path.stat()
        if state.st_size > MOST_BYTES:
            raise BadFile(f"{path.name} is larger than {MOST_BYTES} bytes")
        key = (path, state.st_ino, state.st_mtime_ns, state.st_size, repr(relation))
        with self._lock:
            known = self._known.get(key)
        if known is None:
            if _has_none(path, relation, fetch):
                return []
            known = self._parse(path, relation)
            if len(known) <= MOST_KEPT:
                with self._lock:
                    self._known[key] = known
        return known

    def _parse(self, path: Path, relation: Drop) -> list[Line]:
        lines = iter(_excel(path) if path.suffix.lower() in SHEETS else _csv(path, relation))
        header = next(lines, [])
        at = {name.strip(): place for place, name in enumerate(header)}
        missing = sorted(set(relation.columns) - set(at))
        if missing:
            raise BadFile(f"{path.name} has no column {', '.join(missing)}")
        pick = itemgetter(*[at[name] for name in relation.columns], 0)
        beside: Line = () if relation.file_column is None else (path.name,)
        written = list(relation.columns.values())
        names = dict(_told(path.name, relation))
        told = [(written.index(column), value) for column, value in names.items() if column in written]
        beside = (*beside, *(names.get(column) for column in _named_only(relation)))
        rows: list[Line] = []
        short, width = 0, len(header)
        for number, line in enumerate(lines, 2):
            if len(line) < width:
                short += any(cell.strip() for cell in line)
                continue
            if not line[0].strip() and not any(cell.strip() for cell in line):
                continue
            row = (*pick(line)[:-1], *beside)
            if relation.line_column is not None:
                row = (*row, f"{path.name}:{number}")
            for place, value in told:
                if row[place] != value:
                    raise BadFile(f"{path.name} has a line of another {relation.name or 'file'} than its name tells")
            rows.append(row)
        if short:
            log.warning("short rows skipped", source=self.source.name, file=path.name, rows=short)
        return rows

    async def aclose(self) -> None:
        self._known.clear()


def _columns(relation: Drop) -> tuple[str, ...]:
    file = () if relation.file_column is None else (relation.file_column,)
    line = () if relation.line_column is None else (relation.line_column,)
    return (*relation.columns.values(), *file, *_named_only(relation), *line)


def _named_only(relation: Drop) -> tuple[str, ...]:
    """Columns that stand in the file's name alone."""
    return tuple(column for column in relation.told_by_name if column not in relation.columns.values())


def _told(name: str, relation: Drop) -> list[tuple[str, str]]:
    """What the file's name tells of each of its lines: (column, value)."""
    found = [(column, re.search(pattern, name)) for column, pattern in relation.told_by_name.items()]
    return [(column, match.group(1)) for column, match in found if match is not None]


def _may_hold(name: str, relation: Drop, fetch: Fetch) -> bool:
    """Whether lines of the file may satisfy the fetch, by what its name tells."""
    told = dict(_told(name, relation))
    return all(memory.holds(test, told, fetch.params) for test in _tests(fetch.shape.where) if test.column.name in told)


def _tests(condition: Condition) -> Iterator[Comparison]:
    """The comparisons that every row must pass."""
    match condition:
        case AllOf(parts=parts):
            for part in parts:
                yield from _tests(part)
        case Comparison():
            yield condition


def _has_none(path: Path, relation: Drop, fetch: Fetch) -> bool:
    """Whether no line has one of the keys, which is found out at a fifth of what parsing takes; False where a cell is
    quoted or a line short, so that it takes parsing to know."""
    key = fetch.shape.key
    if key is None or key.kind != "text" or key.normaliser is not None or path.suffix.lower() in SHEETS:
        return False
    text = path.read_bytes().decode(relation.encoding)
    header, *lines = text.split("\n")
    names = [relation.columns.get(name.strip()) for name in header.split(relation.delimiter)]
    if '"' in text or key.name not in names or not set(relation.columns.values()) <= set(names):
        return False
    at = names.index(key.name)
    try:
        found = {line.split(relation.delimiter, at + 1)[at] for line in lines if line}
    except IndexError:
        return False
    return found.isdisjoint(fetch.keys) and not (at == len(names) - 1 and "\r" in text)


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
