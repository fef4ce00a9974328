"""A small copy of the departments' systems in memory, much dirtier than any of them: duplicate keys, references to
nothing, nulls, blanks, values nobody can read. The same for the same seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any

from connectors.memory import MemoryConnector
from schema.catalog import Catalog, Field, Record
from schema.fetch import Connector, Fetch, FetchShape
from schema.relations import relation_name
from tests.naive.world import cell_of

MOST = 500
"""Rows of a record: few enough that operations are quick."""
RawRow = dict[str, Any]


async def soiled(
    catalog: Catalog, connectors: Mapping[str, Connector], chance: random.Random
) -> dict[str, Connector]:
    """Connectors over the soiled copies, by source. Sources keep what they are able to do."""
    alike: dict[tuple[str, str], list[Record]] = {}
    for record in catalog.records.values():
        if record.source.kind not in ("derived", "kept", "ledger") and record.source.capabilities.list_all:
            alike.setdefault((record.source.name, relation_name(record.relation)), []).append(record)
    found: dict[str, dict[str, list[RawRow]]] = {}
    for (source, relation), records in alike.items():
        rows = await _raw(records, connectors[source])
        rows = chance.sample(rows, min(len(rows), MOST))
        for record in records:
            rows = _soil(record, rows, chance)
        found.setdefault(source, {})[relation] = rows
    return {
        name: MemoryConnector(connector.source, found[name]) if name in found else connector
        for name, connector in connectors.items()
    }


async def _raw(records: list[Record], connector: Connector) -> list[RawRow]:
    """The rows of one relation, with every column a record has of it."""
    fields = [part for record in records for part in record.fields.values() if part.column is not None]
    parts = list({str(part.column): part for part in fields}.values())
    shape = FetchShape(records[0].relation, tuple(map(cell_of, parts)))
    answer = await connector.fetch(Fetch(shape, asyncio.get_running_loop().time() + 60))
    return [dict(zip([str(part.column) for part in parts], row, strict=True)) for row in answer.rows]


def _soil(record: Record, rows: list[RawRow], chance: random.Random) -> list[RawRow]:
    parts = [part for part in record.fields.values() if part.column is not None]
    links = {link.local for link in record.links.values()}
    keyless = not record.source.capabilities.groups
    for row in rows:
        for part in parts:
            if part.name == record.key:
                if keyless and chance.random() < 0.02:
                    row[str(part.column)] = None
            elif chance.random() < (0.06 if part.name in links else 0.03):
                row[str(part.column)] = _dirt(part, row[str(part.column)], chance)
    key = str(record.key_field.column)
    again = [dict(row) for row in rows if row[key] is not None and chance.random() < 0.06]
    return sorted([*rows, *again], key=lambda row: chance.random())


def _dirt(part: Field, raw: Any, chance: random.Random) -> Any:
    assert part.codec is not None
    if not isinstance(raw, str) or (part.codec.kind or part.scalar.kind) != "text":
        return None
    if part.codec.total:
        return chance.choice((None, "", raw.upper(), raw.lower()))
    return chance.choice((None, "", "  ", f" {raw} ", "?", raw.upper()))
