"""What an action's record says now: asked of its department by the gateway itself, whoever the action is for, and what
follows from it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from gateway.columnwise import holds, worked
from gateway.pushdown import column_of, encode_keys, plain_column
from schema.catalog import Action, Catalog, Field
from schema.derive.cell_tests import cells_of
from schema.errors import Unreadable
from schema.fetch import Cell, Connector, Fetch, FetchShape, SourceUnavailable

Cells = Mapping[str, Any]


def fields_read(catalog: Catalog, action: Action) -> tuple[Field, ...]:
    """The fields of the record it is about that decide whether it may be sent and what became of it."""
    about = catalog.records[action.about]
    names = dict.fromkeys((*action.refuse.reads, *cells_of(action.done), *cells_of(action.lost)))
    own = {one.name for one in action.inputs}
    return tuple(about.fields[name] for name in names if name in about.fields and name not in own)


async def look(catalog: Catalog, action: Action, connector: Connector, own: Cells) -> Cells:
    """The record's cells beside ``own``; null where there is no such record. Raises ConnectorError."""
    about, fields = catalog.records[action.about], fields_read(catalog, action)
    cells: dict[str, Any] = {**dict.fromkeys(part.name for part in fields), **own}
    assert about.key_field.codec is not None
    keys = encode_keys(about.key_field.codec)((own[action.by],))
    if not keys:
        return cells
    shape = FetchShape(
        about.relation, tuple(Cell(plain_column(part)) for part in fields), key=column_of(about.key_field)
    )
    deadline = asyncio.get_running_loop().time() + action.source.limits.timeout_s
    rows = (await connector.fetch(Fetch(shape, deadline, keys))).rows
    if len(rows) > 1:
        raise SourceUnavailable(f"{about.source.name}: two rows for one key")
    for row in rows:
        for part, raw in zip(fields, row, strict=True):
            cells[part.name] = None if raw is None else _decoded(part, raw)
    return cells


def _decoded(part: Field, raw: Any) -> Any:
    assert part.codec is not None
    try:
        return part.codec.decode(raw)
    except Unreadable as error:
        raise SourceUnavailable(f"{part.name} cannot be read") from error


def is_done(action: Action, cells: Cells) -> bool:
    return holds(action.done, cells)


def is_lost(action: Action, cells: Cells) -> bool:
    return holds(action.lost, cells)


def refusal(action: Action, cells: Cells) -> str | None:
    """Why it may not be sent."""
    reason: str | None = worked(action.refuse, cells)
    return reason
