"""Every row of every record, decoded, in memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schema.catalog import Catalog, Field, Record
from schema.fetch import Cell, Column, Connector, Fetch, FetchShape

Row = dict[str, Any]
"""Field name -> decoded value; None for null, blank-as-null and unreadable."""


@dataclass(frozen=True, slots=True)
class World:
    """``rows``: record name -> its rows with a readable key; ``keyless``: those without. ``dirt``: what the data holds,
    counted."""

    catalog: Catalog
    rows: Mapping[str, list[Row]]
    dirt: Counter[str]
    keyless: Mapping[str, list[Row]] = field(default_factory=dict)


async def load(catalog: Catalog, connectors: Mapping[str, Connector]) -> World:
    """Asks each source for everything it has, column by column as declared, and decodes it here."""
    rows: dict[str, list[Row]] = {}
    dirt: Counter[str] = Counter()
    later = []
    keyless: dict[str, list[Row]] = {}
    for record in catalog.records.values():
        if record.source.kind == "kept":
            rows[record.name] = []  # the gateway's own, and nothing was done yet
            continue
        if record.source.kind in ("derived", "ledger"):
            continue  # worked out from the others, or from what was asked: tests of their own compare them
        if record.source.capabilities.list_all:
            found = await _read(record, connectors[record.source.name], (), dirt)
            rows[record.name] = [row for row in found if row[record.key] is not None]
            keyless[record.name] = [row for row in found if row[record.key] is None]
            dirt["unreadable key"] += len(keyless[record.name])
        else:
            later.append(record)
    for record in later:
        keys = {
            row[link.local]
            for other in catalog.records.values() if other.name in rows
            for link in other.links.values() if link.target == record.name and not link.many
            for row in rows[other.name] if row[link.local] is not None
        }  # fmt: skip
        connector, most = connectors[record.source.name], record.source.limits.max_keys
        wanted = sorted(keys)
        parts = [tuple(wanted[at : at + most]) for at in range(0, len(wanted), most)]
        rows[record.name] = [row for part in parts for row in await _read(record, connector, part, dirt)]
    return World(catalog, rows, dirt, keyless)


async def _read(record: Record, connector: Connector, keys: tuple[Any, ...], dirt: Counter[str]) -> list[Row]:
    columns = [part for part in record.fields.values() if part.column is not None]
    cells = tuple(cell_of(part) for part in columns)
    key = cells[columns.index(record.key_field)].column if keys else None
    shape = FetchShape(record.relation, cells, key=key)
    answer = await connector.fetch(Fetch(shape, asyncio.get_running_loop().time() + 60, keys))
    rows = []
    for raws in answer.rows:
        row: Row = {}
        for part, raw in zip(columns, raws, strict=True):
            row[part.name] = None
            if raw is None:
                dirt["null"] += 1
                continue
            try:
                assert part.codec is not None
                row[part.name] = part.codec.decode(raw)
            except Exception:
                dirt["unreadable"] += 1
        rows.append(row)
    _count(record, rows, dirt)
    return rows


def cell_of(part: Field) -> Cell:
    assert part.codec is not None
    return Cell(Column(str(part.column), part.codec.kind or part.scalar.kind, part.codec.scale))


def _count(record: Record, rows: list[Row], dirt: Counter[str]) -> None:
    keys = Counter(row[record.key] for row in rows)
    dirt["duplicate key"] += sum(1 for number in keys.values() if number > 1)
    for name in record.fields:
        values = Counter(row.get(name) for row in rows)
        dirt["tie"] += sum(1 for value, number in values.items() if value is not None and number > 1)
        folded = Counter(value.casefold() for value in values if isinstance(value, str))
        dirt["case variant"] += sum(1 for number in folded.values() if number > 1)
