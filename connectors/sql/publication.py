"""What a publication of PostgreSQL tells, what it does not and why, and what it does to the owner's own programs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from schema.changelog import LoggedTable, LogRefused

OPERATIONS = ("insert", "update", "delete", "truncate")
PUBLISHED = "SELECT * FROM pg_publication_tables WHERE pubname = $1"
TABLES = """
WITH RECURSIVE part(named, oid) AS (
  SELECT n, to_regclass(n)::oid FROM unnest($1::text[]) n
  UNION ALL SELECT p.named, i.inhrelid FROM part p JOIN pg_inherits i ON i.inhparent = p.oid)
SELECT part.named, c.oid::bigint AS oid, c.relkind = 'p' AS parted, c.relreplident = 'f' AS whole,
  s.nspname::text AS schema, c.relname::text AS name, ARRAY(
    SELECT a.attname::text FROM pg_index x JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = ANY(x.indkey)
    WHERE x.indrelid = c.oid
      AND (c.relreplident = 'd' AND x.indisprimary OR c.relreplident = 'i' AND x.indisreplident)) AS identity
FROM part LEFT JOIN pg_class c ON c.oid = part.oid LEFT JOIN pg_namespace s ON s.oid = c.relnamespace
"""


IDENTITIES = """
SELECT s.nspname::text AS schema, c.relname::text AS name, c.oid::regclass::text AS shown, ARRAY(
  SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND (c.relreplident = 'f' OR EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND a.attnum = ANY(x.indkey)
      AND (c.relreplident = 'd' AND x.indisprimary OR c.relreplident = 'i' AND x.indisreplident)))) AS identity
FROM pg_publication_tables p JOIN pg_namespace s ON s.nspname = p.schemaname
JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = p.tablename WHERE p.pubname = $1
"""


async def told_by(
    connection: Any, publication: str, tables: tuple[LoggedTable, ...]
) -> tuple[dict[int, list[LoggedTable]], dict[LoggedTable, str]]:
    """The tables by the OID they are told under, and those that are not told, with the reason. Raises LogRefused."""
    options = await connection.fetchrow("SELECT * FROM pg_publication WHERE pubname = $1", publication)
    if options is None:
        raise LogRefused(f"there is no publication {publication!r} in this database")
    kept_back = [one for one in OPERATIONS if not options.get(f"pub{one}", True)]
    if kept_back:
        told = f"publication {publication!r} does not publish {', '.join(kept_back)}"
        raise LogRefused(f"{told}; ALTER PUBLICATION {publication} SET (publish = ...)")
    listed = await connection.fetch(PUBLISHED, publication)
    found = await connection.fetch(TABLES, sorted({table.name for table in tables}))
    published = {(one["schemaname"], one["tablename"]): one for one in listed}
    wanted: dict[int, list[LoggedTable]] = defaultdict(list)
    refused: dict[LoggedTable, str] = {}
    for table in tables:
        parts = [one for one in found if one["named"] == table.name and one["oid"] is not None]
        parts = [one for one in parts if not one["parted"] or (one["schema"], one["name"]) in published]
        if not parts:
            refused[table] = f"there is no table {table.name}"
        for one in parts:
            reason = _reason(table, one, published.get((one["schema"], one["name"])), publication)
            if reason is not None and not _told_by_parent(one, found, published):
                refused[table] = reason
            wanted[one["oid"]].append(table)
    return dict(wanted), refused


async def harmed(connection: Any, publication: str) -> list[str]:
    """Published tables that the owner's programs cannot alter, declared or not."""
    listed = await connection.fetch(PUBLISHED, publication)
    found = await connection.fetch(IDENTITIES, publication)
    columns = {(one["schemaname"], one["tablename"]): one.get("attnames") for one in listed}
    told = [_harmed(one, columns[one["schema"], one["name"]], publication) for one in found]
    return [one for one in told if one is not None]


def _reason(table: LoggedTable, found: Any, published: Any, publication: str) -> str | None:
    """Why changes of a table are not told by key; None when they are."""
    name = found["name"]
    if published is None:
        return f"{name} is not in publication {publication}"
    if published.get("rowfilter"):
        return f"publication {publication} leaves out rows of {name}"
    if not found["whole"] and not found["identity"]:
        return (
            f"{name} has no primary key or replica identity, so no row struck can be told, and its owner's programs "
            f"cannot alter it while it is published; ALTER TABLE {name} REPLICA IDENTITY FULL"
        )
    if table.column is None:
        return None
    if not found["whole"] and table.column not in found["identity"]:
        return f"{table.column} is not in the replica identity of {name}; ALTER TABLE {name} REPLICA IDENTITY ..."
    columns = published.get("attnames")
    if columns is not None and table.column not in columns:
        return f"publication {publication} leaves out {name}.{table.column}"
    return None


def _harmed(table: Any, columns: list[str] | None, publication: str) -> str | None:
    """Why the owner's programs cannot alter or strike rows of a table as it is published; None when they can."""
    name, why = table["shown"], None
    if not table["identity"]:
        why = f"has no primary key or replica identity; ALTER TABLE {name} REPLICA IDENTITY FULL, or take it out"
    elif columns is not None and (left_out := sorted(set(table["identity"]) - set(columns))):
        why = f"is published without {', '.join(left_out)} of its replica identity; publish those too"
    if why is None:
        return None
    told = f"its owner's programs cannot alter or strike rows of {name} while it is in publication {publication}"
    return f"{told}: it {why}"


def _told_by_parent(part: Any, found: list[Any], published: Mapping[Any, Any]) -> bool:
    """A partition whose changes are published as those of its parent."""
    same = [one for one in found if one["named"] == part["named"] and one["parted"]]
    return any((one["schema"], one["name"]) in published for one in same)
