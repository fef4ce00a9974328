"""``gateway check --live``: what is declared against what each source really has."""

from __future__ import annotations

import asyncio
from typing import Any

from connectors.conformance.subject import KINDS
from connectors.sql import open_sql
from connectors.whole import grouped_first
from gateway.opening import open_connectors, open_readers
from gateway.pushdown import plain_column
from gateway.settings import Settings, address_of
from schema.acting import KEPT
from schema.catalog import Catalog, Record
from schema.changelog import ChangeLog, LogRefused, tables_of
from schema.fetch import Cell, ConnectorError, Fetch, FetchShape, SourceUnavailable
from schema.relations import Select, Table


async def check_live(settings: Settings, catalog: Catalog) -> list[str]:
    """One line a problem: a relation or column that is not there, a source that does not answer, a value that no codec
    can read."""
    connectors = open_connectors(settings, catalog)
    read = [record for record in catalog.records.values() if record.source.kind not in ("derived", KEPT)]
    readers = open_readers(settings, catalog)
    try:
        found = await asyncio.gather(*(_check(settings, record, connectors) for record in read))
        told = await asyncio.gather(*(_check_log(name, make(), catalog) for name, make in readers.items()))
    finally:
        for connector in connectors.values():
            await connector.aclose()
    return [problem for problems in (*found, *told) for problem in problems]


async def _check_log(source: str, reader: ChangeLog, catalog: Catalog) -> list[str]:
    """Records whose changes the log of their source does not tell. They are watched as they say otherwise."""
    records = [record for record in catalog.records.values() if record.source.name == source and tables_of(record)]
    if not records:
        return [f"sources.{source}.log: no record of {source} is declared with changes=logged(...); leave log out"]
    try:
        refused = await reader.open(tuple(dict.fromkeys(table for one in records for table in tables_of(one))))
        harm = await reader.harm()
    except (LogRefused, SourceUnavailable) as problem:
        return [f"sources.{source}.log: {problem}; changes are looked for instead"]
    finally:
        await reader.aclose()
    return [
        f"{record.key_field.where}: {record.type_name} is not told by the log of {source}: {refused[table]}; its "
        "changes are looked for instead"
        for record in records for table in tables_of(record) if table in refused
    ] + [f"sources.{source}.log: {told}" for told in harm]  # fmt: skip


async def _check(settings: Settings, record: Record, connectors: dict[str, Any]) -> list[str]:
    where = record.key_field.where
    try:
        if record.source.kind == "sql":
            missing = await _missing_columns(settings, record)
            if missing:
                told = f"{where}: {record.source_name} has no column"
                return [f"{told} {name!r}; correct the declaration" for name in missing]
        if not record.source.capabilities.list_all:
            return []
        return [f"{where}: {problem}" for problem in await _unreadable(record, connectors)]
    except ConnectorError as error:
        return [f"{where}: {error}; is the source up and its address right?"]
    except Exception as error:
        return [f"{where}: {record.source_name} could not be looked at: {type(error).__name__}"]


async def _missing_columns(settings: Settings, record: Record) -> list[str]:
    source = record.source
    connector: Any = open_sql(source, address_of(source.name, settings.sources[source.name]))
    try:
        relation = record.relation
        if isinstance(relation, Table):
            text = relation.name
        else:
            assert isinstance(relation, Select)
            text = f"({relation.sql.replace('{inside}', '1 = 1')}) rel"
        declared = [field.column for field in record.fields.values() if field.column is not None]
        missing = await _not_in(connector, text, declared)
        if isinstance(relation, Select) and relation.whole is not None:
            counted = sorted(relation.whole.columns)
            missing += await _not_in(connector, f"({grouped_first(relation.whole, counted)}) rel", counted)
            await connector.describe(f"({relation.whole.lacking}) rel")
        return missing
    finally:
        await connector.aclose()


async def _not_in(connector: Any, text: str, columns: list[str]) -> list[str]:
    names = {name.lower() for name in await connector.describe(text)}
    return [name for name in columns if name.lower() not in names]


async def _unreadable(record: Record, connectors: dict[str, Any]) -> list[str]:
    """Columns whose first thousand rows hold something their codec cannot read."""
    fields = [field for field in record.fields.values() if field.column is not None]
    limited = record.source.capabilities.limit
    shape = FetchShape(record.relation, tuple(Cell(plain_column(field)) for field in fields), limited=limited)
    deadline = asyncio.get_running_loop().time() + record.source.limits.timeout_s
    answer = await connectors[record.source.name].fetch(Fetch(shape, deadline, limit=1000 if limited else None))
    problems = []
    for position, field in enumerate(fields):
        kind = plain_column(field).kind
        strays = {type(row[position]).__name__ for row in answer.rows[:1000] if not _of_kind(row[position], kind)}
        if strays:
            problems.append(
                f"{record.source_name}.{field.column} holds {', '.join(sorted(strays))} where {kind} is declared; "
                "correct the field's type or give it a codec"
            )
            continue
        bad = sum(not _readable(field, row[position]) for row in answer.rows[:1000])
        if bad:
            problems.append(
                f"{record.source_name}.{field.column}: {bad} of {len(answer.rows[:1000])} values cannot be read as "
                f"{field.codec.name if field.codec else field.scalar.name}"
            )
    return problems


def _of_kind(raw: Any, kind: str) -> bool:
    return raw is None or type(raw) is KINDS[kind]


def _readable(field: Any, raw: Any) -> bool:
    try:
        if raw is not None:
            field.codec.decode(raw)
    except Exception:
        return False
    return True
