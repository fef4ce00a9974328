"""PostgreSQL's logical decoding as a source's log of changes: a temporary slot, gone with its connection, streamed over
the replication protocol. asyncpg logs in; from then on the connection is ours. See Note [a slot must not stay]."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from typing import Any

import asyncpg

from connectors.address import Address
from connectors.sql.pgoutput import Decoder
from connectors.sql.postgres import login_of
from connectors.sql.publication import harmed, told_by
from connectors.sql.walstream import WalStream
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
RECHECK_S = 60.0
"""How often it is looked whether what is published still is."""
REFUSALS = (
    asyncpg.InsufficientPrivilegeError, asyncpg.ObjectNotInPrerequisiteStateError, asyncpg.FeatureNotSupportedError,
    asyncpg.InsufficientResourcesError, asyncpg.UndefinedFileError, asyncpg.InvalidAuthorizationSpecificationError,
)  # fmt: skip


class PostgresLog:
    """``address.log.publication`` names what the owner publishes to us. Other tables in it are passed over."""

    def __init__(self, source: Source, address: Address) -> None:
        assert address.log is not None
        self.source = source
        self._publication = address.log.publication
        self._url, self._login, self._schema = login_of(address, address.log.user, address.log.password)
        self._tables: tuple[LoggedTable, ...] = ()
        self._refused: dict[LoggedTable, str] = {}
        self._resolved_at = 0.0
        self._stream: WalStream | None = None
        self._connection: Any = None
        self._looking: Any = None
        """Looks whether what was told is to be seen."""

    async def open(self, tables: tuple[LoggedTable, ...]) -> Mapping[LoggedTable, str]:
        self._tables = tables
        try:
            async with asyncio.timeout(self.source.limits.timeout_s):
                wanted, self._refused = await self._resolved()
                refused = self._refused
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
        if isinstance(error, (TimeoutError, asyncpg.LockNotAvailableError)):
            return SourceUnavailable(f"{name}: no slot in time; does a transaction stand open there?")
        if isinstance(error, REFUSALS):
            return LogRefused(f"{name}: {' '.join(str(error).split())}")
        return SourceUnavailable(f"{name}: {type(error).__name__}: {error}")

    async def _connect(self, **settings: str) -> Any:
        told = {"application_name": "gateway changes", **settings}
        if self._schema:
            told["search_path"] = self._schema
        return await asyncpg.connect(self._url, **self._login, server_settings=told)

    async def _streamed(self, decoder: Decoder) -> None:
        """Makes the slot and begins to read. Every change committed from now on is told."""
        self._connection = await self._connect(
            replication="database", wal_sender_timeout=f"{int(SILENCE_S)}s", default_transaction_read_only="on",
            # A slot is made when every running transaction has ended. A server that waits for one does not notice that
            # we are gone: it must itself give up, or each new try would take another of its slots.
            lock_timeout=f"{int(self.source.limits.timeout_s * 800)}ms",
        )  # fmt: skip
        slot = re.sub(r"\W", "_", f"gateway_{self.source.name}_{os.urandom(4).hex()}".lower())
        make = f'CREATE_REPLICATION_SLOT "{slot}" TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT'
        try:
            await self._connection.execute(make)
        except asyncpg.PostgresSyntaxError as error:
            raise LogRefused(f"{self.source.name}: the server is too old; PostgreSQL 12 is needed") from error
        self._stream = WalStream(self._connection, decoder)
        named = '"' + self._publication.replace('"', '""') + '"'
        quoted = "'" + named.replace("'", "''") + "'"
        options = f"(proto_version '1', publication_names {quoted})"
        self._stream.ask(f'START_REPLICATION SLOT "{slot}" LOGICAL 0/0 {options}')

    async def _resolved(self) -> tuple[dict[int, list[LoggedTable]], dict[LoggedTable, str]]:
        connection = await self._connect(default_transaction_read_only="on")
        self._resolved_at = asyncio.get_running_loop().time()
        try:
            return await told_by(connection, self._publication, self._tables)
        except LogRefused as problem:
            raise LogRefused(f"{self.source.name}: {problem}") from None
        finally:
            connection.terminate()

    async def harm(self) -> list[str]:
        try:
            async with asyncio.timeout(self.source.limits.timeout_s):
                connection = await self._connect(default_transaction_read_only="on")
                try:
                    return await harmed(connection, self._publication)
                finally:
                    connection.terminate()
        except Exception as error:
            raise SourceUnavailable(f"{self.source.name}: {type(error).__name__}") from error

    async def read(self) -> Seen:
        stream = self._stream
        if stream is None:
            raise SourceUnavailable(f"{self.source.name}: the log is not open")
        loop = asyncio.get_running_loop()
        while not stream.decoder.seen:
            if stream.decoder.strange or loop.time() >= self._resolved_at + RECHECK_S:
                await self._look_again(stream)
                continue
            if stream.ended is not None:
                raise SourceUnavailable(f"{self.source.name}: {stream.ended}")
            stream.news.clear()
            try:
                until = min(stream.heard + 2 * SILENCE_S, self._resolved_at + RECHECK_S)
                async with asyncio.timeout_at(max(until, loop.time() + 0.01)):
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

    async def _look_again(self, stream: WalStream) -> None:
        """A relation nobody knows was written to: one made anew under its old name, or another table published; or it
        is time to see whether our tables still are. What came before we knew is not told row by row."""
        decoder = stream.decoder
        try:
            async with asyncio.timeout(self.source.limits.timeout_s):
                wanted, refused = await self._resolved()
        except Exception as error:
            raise self._told(error) from error
        if refused != self._refused or wanted != {oid: tables for oid, tables in decoder.wanted.items() if tables}:
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
