"""PostgreSQL's logical decoding as a source's log of changes: a temporary slot, gone with its connection, streamed over
the replication protocol. asyncpg logs in; from then on the connection is ours. See Note [a slot must not stay]."""

from __future__ import annotations

import asyncio
import os
import re
from collections import defaultdict
from collections.abc import Mapping
from struct import pack, unpack_from
from typing import Any

import asyncpg

from connectors.address import Address
from connectors.sql.pgoutput import Decoder, Unreadable
from connectors.sql.postgres import login_of
from schema.changelog import LoggedTable, LogRefused, Seen
from schema.fetch import SourceUnavailable
from schema.sources import Source

# Note [a slot must not stay]: a slot keeps every log file the reader has not confirmed, and fills the department's disk
# when nobody reads it. So the slot is temporary: the server itself drops it when the connection ends, however it ends.
# What is read is confirmed at once, whatever becomes of it: whoever opens anew compares everything. And the server is
# told to end a connection that does not answer within SILENCE_S.
#
# Note [told before it is seen]: a transaction stands in the log, and is sent to us, before the server lets others see
# what it did; where commits wait for a standby, long before. Whoever looked at once would find the row as it was and
# never look again. So what a transaction changed is told only when it is no longer running in a new snapshot.
SILENCE_S = 20.0
REFUSALS = (
    asyncpg.InsufficientPrivilegeError, asyncpg.ObjectNotInPrerequisiteStateError, asyncpg.FeatureNotSupportedError,
    asyncpg.InsufficientResourcesError, asyncpg.UndefinedFileError, asyncpg.InvalidAuthorizationSpecificationError,
)  # fmt: skip
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


class PostgresLog:
    """``address.log.publication`` names what the owner publishes to us. Other tables in it are passed over."""

    def __init__(self, source: Source, address: Address) -> None:
        assert address.log is not None
        self.source = source
        self._publication = address.log.publication
        self._url, self._login, self._schema = login_of(address, address.log.user, address.log.password)
        self._tables: tuple[LoggedTable, ...] = ()
        self._stream: _Stream | None = None
        self._connection: Any = None
        self._looking: Any = None
        """Looks whether what was told is to be seen."""

    async def open(self, tables: tuple[LoggedTable, ...]) -> Mapping[LoggedTable, str]:
        self._tables = tables
        try:
            async with asyncio.timeout(self.source.limits.timeout_s):
                wanted, refused = await self._resolved()
                if len(refused) == len(tables):
                    raise LogRefused(f"{self.source.name}: {'; '.join(sorted(set(refused.values())))}")
                await self._streamed(Decoder(wanted))
        except BaseException as error:
            await self.aclose()
            raise self._told(error) from error
        return refused

    def _told(self, error: BaseException) -> BaseException:
        name = self.source.name
        if isinstance(error, LogRefused) or not isinstance(error, Exception):
            return error
        if isinstance(error, REFUSALS):
            return LogRefused(f"{name}: {error}")
        if isinstance(error, TimeoutError):
            return SourceUnavailable(f"{name}: no slot in time; does a transaction stand open there?")
        return SourceUnavailable(f"{name}: {type(error).__name__}: {error}")

    async def _connect(self, **settings: str) -> Any:
        told = {"application_name": "gateway changes", **settings}
        if self._schema:
            told["search_path"] = self._schema
        return await asyncpg.connect(self._url, **self._login, server_settings=told)

    async def _streamed(self, decoder: Decoder) -> None:
        """Makes the slot and begins to read. Every change committed from now on is told."""
        self._connection = await self._connect(
            replication="database", wal_sender_timeout=f"{int(SILENCE_S)}s", default_transaction_read_only="on"
        )
        slot = re.sub(r"\W", "_", f"gateway_{self.source.name}_{os.urandom(4).hex()}".lower())
        make = f'CREATE_REPLICATION_SLOT "{slot}" TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT'
        try:
            await self._connection.execute(make)
        except asyncpg.PostgresSyntaxError as error:
            raise LogRefused(f"{self.source.name}: the server is too old; PostgreSQL 10 is needed") from error
        self._stream = _Stream(self._connection, decoder)
        named = '"' + self._publication.replace('"', '""') + '"'
        quoted = "'" + named.replace("'", "''") + "'"
        options = f"(proto_version '1', publication_names {quoted})"
        self._stream.ask(f'START_REPLICATION SLOT "{slot}" LOGICAL 0/0 {options}')

    async def _resolved(self) -> tuple[dict[int, list[LoggedTable]], dict[LoggedTable, str]]:
        """What the publication tells, by OID, and what it does not, with the reason."""
        connection = await self._connect(default_transaction_read_only="on")
        try:
            name = self._publication
            publication = await connection.fetchrow("SELECT * FROM pg_publication WHERE pubname = $1", name)
            listed = await connection.fetch(PUBLISHED, name)
            found = await connection.fetch(TABLES, sorted({table.name for table in self._tables}))
        finally:
            connection.terminate()
        if publication is None:
            raise LogRefused(f"{self.source.name}: there is no publication {self._publication!r} in this database")
        kept_back = [one for one in OPERATIONS if not publication.get(f"pub{one}", True)]
        if kept_back:
            told = f"publication {self._publication!r} does not publish {', '.join(kept_back)}"
            raise LogRefused(f"{self.source.name}: {told}; ALTER PUBLICATION {self._publication} SET (publish = ...)")
        published = {(one["schemaname"], one["tablename"]): one for one in listed}
        wanted: dict[int, list[LoggedTable]] = defaultdict(list)
        refused: dict[LoggedTable, str] = {}
        for table in self._tables:
            parts = [one for one in found if one["named"] == table.name and one["oid"] is not None]
            parts = [one for one in parts if not one["parted"] or (one["schema"], one["name"]) in published]
            if not parts:
                refused[table] = f"there is no table {table.name}"
            for one in parts:
                reason = _reason(table, one, published.get((one["schema"], one["name"])), self._publication)
                if reason is not None and not _told_by_parent(one, found, published):
                    refused[table] = reason
                wanted[one["oid"]].append(table)
        return dict(wanted), refused

    async def harm(self) -> list[str]:
        """Published tables that the owner's programs cannot alter, declared or not."""
        try:
            async with asyncio.timeout(self.source.limits.timeout_s):
                connection = await self._connect(default_transaction_read_only="on")
                try:
                    listed = await connection.fetch(PUBLISHED, self._publication)
                    found = await connection.fetch(IDENTITIES, self._publication)
                finally:
                    connection.terminate()
        except Exception as error:
            raise SourceUnavailable(f"{self.source.name}: {type(error).__name__}") from error
        columns = {(one["schemaname"], one["tablename"]): one.get("attnames") for one in listed}
        return [
            told for one in found if (told := _harmed(one, columns[one["schema"], one["name"]], self._publication))
        ]  # fmt: skip

    async def read(self) -> Seen:
        stream = self._stream
        if stream is None:
            raise SourceUnavailable(f"{self.source.name}: the log is not open")
        loop = asyncio.get_running_loop()
        while not stream.decoder.seen:
            if stream.decoder.strange:
                await self._look_again(stream)
                continue
            if stream.ended is not None:
                raise SourceUnavailable(f"{self.source.name}: {stream.ended}")
            stream.news.clear()
            try:
                async with asyncio.timeout_at(max(stream.heard + 2 * SILENCE_S, loop.time() + 0.01)):
                    await stream.news.wait()
            except TimeoutError:
                if loop.time() - stream.heard >= 2 * SILENCE_S:
                    raise SourceUnavailable(f"{self.source.name}: the log has fallen silent") from None
        seen, transactions = stream.decoder.take_seen()
        await self._visible(transactions)
        return seen

    async def _visible(self, transactions: set[int]) -> None:
        """Waits until whoever looks from now on sees what these did. See Note [told before it is seen]."""
        pause_s = 0.001
        try:
            while True:
                async with asyncio.timeout(self.source.limits.timeout_s):
                    if self._looking is None:
                        self._looking = await self._connect(default_transaction_read_only="on")
                    snapshot = await self._looking.fetchval("SELECT txid_current_snapshot()::text")
                transactions = {one for one in transactions if is_running(one, snapshot)}
                if not transactions:
                    return
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, 0.1)
        except Exception as error:
            raise SourceUnavailable(f"{self.source.name}: {type(error).__name__}: {error}") from error

    async def _look_again(self, stream: _Stream) -> None:
        """A relation nobody knows was written to: one made anew under its old name, or another table published. What
        it was before we knew is not told row by row."""
        decoder = stream.decoder
        known = set(decoder.wanted)
        try:
            async with asyncio.timeout(self.source.limits.timeout_s):
                wanted, refused = await self._resolved()
        except Exception as error:
            raise self._told(error) from error
        if refused or set(wanted) != known:
            raise SourceUnavailable(f"{self.source.name}: tables or their publication have changed")
        decoder.wanted = wanted | {oid: [] for oid in decoder.strange}
        decoder.strange.clear()

    async def aclose(self) -> None:
        stream, connection, looking = self._stream, self._connection, self._looking
        self._stream = self._connection = self._looking = None
        if looking is not None:
            looking.terminate()
        if stream is not None:
            await stream.aclose()
        elif connection is not None:
            connection.terminate()


def is_running(transaction: int, snapshot: str) -> bool:
    """Whether a transaction (its 32-bit id) had not ended in a snapshot ``xmin:xmax:running,...`` (64-bit ids)."""
    _, ahead, running = snapshot.split(":")
    if (transaction - int(ahead)) % 2**32 < 2**31:
        return True
    return transaction in {int(one) % 2**32 for one in running.split(",") if one}


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


class _Stream(asyncio.Protocol):
    """The replication protocol on a connection that has logged in. Everything is read as it comes; only keys are kept,
    and no more than the decoder's bound. ``ended``: why nothing comes any more."""

    def __init__(self, connection: Any, decoder: Decoder) -> None:
        self.decoder = decoder
        self.news = asyncio.Event()
        self.ended: str | None = None
        self.heard = asyncio.get_running_loop().time()
        self._buffer = bytearray()
        self._confirmed = 0
        self._gone = asyncio.Event()
        self._login: Any = connection
        self._transport = connection._transport
        self._transport.set_protocol(self)

    def ask(self, command: str) -> None:
        told = command.encode() + b"\0"
        self._transport.write(b"Q" + pack("!i", len(told) + 4) + told)

    async def aclose(self) -> None:
        self._transport.abort()
        await self._gone.wait()

    def data_received(self, chunk: bytes) -> None:
        self.heard = asyncio.get_running_loop().time()
        buffer = self._buffer
        buffer += chunk
        at = 0
        while len(buffer) - at >= 5:
            (size,) = unpack_from("!i", buffer, at + 1)
            if len(buffer) - at < size + 1:
                break
            self._message(buffer[at : at + 1], bytes(buffer[at + 5 : at + size + 1]))
            at += size + 1
        del buffer[:at]
        if self.decoder.seen or self.decoder.strange or self.ended:
            self.news.set()

    def _message(self, kind: bytes | bytearray, body: bytes) -> None:
        if kind == b"d" and body[:1] == b"w":
            try:
                if self.decoder.take(body[25:]):
                    self._confirm(unpack_from("!Q", body, 9)[0])
            except Unreadable as error:
                self._stop(str(error))
        elif kind == b"d" and body[:1] == b"k":
            place, _, wanted = unpack_from("!QQB", body, 1)
            if wanted or place > self._confirmed:
                self._confirm(place)
        elif kind == b"E":
            fields = {part[:1]: part[1:] for part in body.split(b"\0") if part}
            self._stop(fields.get(b"M", b"the server ended it").decode(errors="replace"))
        elif kind in (b"c", b"C", b"Z"):
            self._stop("the server ended it")

    def _confirm(self, place: int) -> None:
        """Written, flushed and applied up to there: the server need keep nothing of it for us."""
        self._confirmed = max(self._confirmed, place)
        told = pack("!cQQQQB", b"r", self._confirmed, self._confirmed, self._confirmed, 0, 0)
        self._transport.write(b"d" + pack("!i", len(told) + 4) + told)

    def _stop(self, reason: str) -> None:
        self.ended = self.ended or reason
        self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = self.ended or "the connection was lost"
        self.news.set()
        login, self._login = self._login, None
        login._protocol.connection_lost(error)
        self._gone.set()
