"""MariaDB's binary log as a source's log of changes: read as a replica reads it, from where it is now; its place is
kept in memory only. asyncmy logs in and frames packets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from functools import partial
from struct import pack
from typing import Any

import asyncmy
from asyncmy.errors import OperationalError, ProgrammingError

from connectors.address import Address
from connectors.sql.binlog import Decoder, KeyColumn, Unreadable
from connectors.sql.mariadb import login_of
from schema.changelog import LoggedTable, LogRefused, Seen
from schema.fetch import SourceUnavailable
from schema.sources import Source

DUMP = 0x12
SILENCE_S = 10.0
"""How often the server says that nothing happened."""
UNSEEN_S = 60.0
DENIED = frozenset({1044, 1045, 1142, 1227, 1236, 1698})
"""Error numbers of what the owner has not granted, and of a log that is not there."""
CHARSETS = {"utf8mb4": "utf-8", "utf8mb3": "utf-8", "utf8": "utf-8", "ascii": "ascii", "latin1": "cp1252"}
INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint")
WANTED = {"log_bin": ("ON",), "binlog_format": ("ROW",), "binlog_row_image": ("FULL", "NOBLOB", "FULL_NODUP")}
COLUMNS = (
    "SELECT LOWER(table_name), column_name, ordinal_position, data_type, column_type, character_set_name "
    "FROM information_schema.columns WHERE table_schema = %s"
)


class MariaLog:
    """``address.log.server_id`` must be no other reader's: the server ends the older of two with the same one."""

    def __init__(self, source: Source, address: Address) -> None:
        assert address.log is not None
        self.source = source
        self._server_id = address.log.server_id
        self._login = login_of(address, address.log.user, address.log.password)
        self._decoder: Decoder | None = None
        self._stream: Any = None
        self._looking: Any = None
        """Looks whether what was told is to be seen."""

    async def open(self, tables: tuple[LoggedTable, ...]) -> Mapping[LoggedTable, str]:
        try:
            async with asyncio.timeout(self.source.limits.timeout_s):
                self._looking = await self._connect()
                await self._check_server()
                wanted, refused = await self._resolved(tables)
                if len(refused) == len(tables):
                    raise LogRefused(f"{self.source.name}: {'; '.join(sorted(set(refused.values())))}")
                self._stream = await self._connect()
                self._decoder = await self._dump(wanted)
        except BaseException as error:
            await self.aclose()
            raise self._told(error) from error
        return refused

    def _told(self, error: BaseException) -> BaseException:
        if isinstance(error, (LogRefused, SourceUnavailable)) or not isinstance(error, Exception):
            return error
        if isinstance(error, (OperationalError, ProgrammingError)) and error.args and error.args[0] in DENIED:
            return LogRefused(f"{self.source.name}: {error.args[-1]}")
        return SourceUnavailable(f"{self.source.name}: {type(error).__name__}: {error}")

    async def _connect(self) -> Any:
        return await asyncmy.connect(
            **self._login, autocommit=True, charset="utf8mb4", connect_timeout=self.source.limits.timeout_s,
            init_command="SET SESSION tx_read_only = 1",
        )  # fmt: skip

    async def _ask(self, connection: Any, text: str, *values: Any) -> list[Any]:
        async with connection.cursor() as cursor:
            await cursor.execute(text, values or None)
            rows: list[Any] = list(await cursor.fetchall())
        return rows

    async def _check_server(self) -> None:
        name = self.source.name
        names = ", ".join(f"'{one}'" for one in (*WANTED, "log_bin_compress", "version"))
        found = dict(await self._ask(self._looking, f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})"))
        if "mariadb" not in found.get("version", "").lower():
            raise LogRefused(f"{name}: the server is not MariaDB; of MySQL no log is read")
        for one, allowed in WANTED.items():
            if found.get(one, "FULL").upper() not in allowed:
                raise LogRefused(f"{name}: {one} is {found[one]}; {allowed[0]} is needed")
        if found.get("log_bin_compress", "OFF") != "OFF":
            raise LogRefused(f"{name}: log_bin_compress is ON; a compressed log is not read")
        with contextlib.suppress(OperationalError, ProgrammingError):  # whoever may not see them goes by the settings
            for row in await self._ask(self._looking, "SHOW SLAVE HOSTS"):
                if int(row[0]) == self._server_id:
                    raise LogRefused(f"{name}: server_id {self._server_id} is that of a replica; choose another")

    async def _resolved(
        self, tables: tuple[LoggedTable, ...]
    ) -> tuple[dict[tuple[str, str], list[tuple[LoggedTable, KeyColumn | None]]], dict[LoggedTable, str]]:
        schema = self._login["database"]
        columns: dict[str, dict[str, Any]] = {}
        for table, *column in await self._ask(self._looking, COLUMNS, schema):
            columns.setdefault(table, {})[column[0].lower()] = column
        wanted: dict[tuple[str, str], list[tuple[LoggedTable, KeyColumn | None]]] = {}
        refused: dict[LoggedTable, str] = {}
        for table in tables:
            known = columns.get(table.name.lower())
            key: KeyColumn | None = None
            if known is None:
                refused[table] = f"there is no table {table.name}, or {self._login['user']} may not see it"
                continue
            if table.column is not None:
                found = _key_column(table, known.get(table.column.lower()))
                if isinstance(found, str):
                    refused[table] = found
                    continue
                key = found
            wanted.setdefault((schema.lower(), table.name.lower()), []).append((table, key))
        return wanted, refused

    async def _dump(self, wanted: Mapping[tuple[str, str], Any]) -> Decoder:
        """Asks for everything from now on."""
        stream = self._stream
        status = await self._ask(stream, "SHOW MASTER STATUS")
        if not status:
            raise LogRefused(f"{self.source.name}: the server keeps no binary log")
        file, place = status[0][:2]
        await self._ask(stream, "SET @master_binlog_checksum = @@global.binlog_checksum")
        await self._ask(stream, f"SET @master_heartbeat_period = {int(SILENCE_S * 1e9)}")
        body = pack("<BIHI", DUMP, int(place), 0, self._server_id) + file.encode()
        stream._write_bytes(pack("<I", len(body)) + body)
        stream._next_seq_id = 1
        # What stands in the log before our place is not told: whoever compares after this must see it.
        await self._visible((file, int(place)))
        return Decoder(wanted, file)

    async def read(self) -> Seen:
        decoder = self._decoder
        if decoder is None:
            raise SourceUnavailable(f"{self.source.name}: the log is not open")
        try:
            while not decoder.seen:
                if decoder.altered:
                    raise SourceUnavailable(f"{self.source.name}: a table was defined anew")
                async with asyncio.timeout(3 * SILENCE_S):
                    packet = await self._stream.read_packet()
                if packet.is_eof_packet():
                    raise SourceUnavailable(f"{self.source.name}: the server ended it")
                decoder.take(bytes(packet.get_all_data())[1:])
            seen, place = decoder.take_seen()
            await self._visible(place)
        except (TimeoutError, Unreadable) as error:
            raise SourceUnavailable(f"{self.source.name}: {error or 'the log has fallen silent'}") from error
        except Exception as error:
            raise self._lost(error) from error
        return seen

    def _lost(self, error: Exception) -> Exception:
        told = self._told(error)
        return told if isinstance(told, SourceUnavailable) else SourceUnavailable(str(told))

    async def _visible(self, place: tuple[str, int]) -> None:
        """Waits until whoever looks from now on sees what is written up to there: a transaction stands in the log
        before the server lets others see it. A snapshot tells up to which place of the log it sees."""
        pause_s = 0.001
        started = asyncio.get_running_loop().time()
        while True:
            if asyncio.get_running_loop().time() - started > UNSEEN_S:
                raise SourceUnavailable(f"{self.source.name}: what stands in the log is not to be seen; was it reset?")
            async with asyncio.timeout(self.source.limits.timeout_s):
                await self._ask(self._looking, "START TRANSACTION WITH CONSISTENT SNAPSHOT")
                found = dict(await self._ask(self._looking, "SHOW STATUS LIKE 'binlog_snapshot_%%'"))
                await self._ask(self._looking, "COMMIT")
            at = found["Binlog_snapshot_file"], int(found["Binlog_snapshot_position"])
            if (_number(at[0]), at[1]) >= (_number(place[0]), place[1]):
                return
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.1)

    async def harm(self) -> list[str]:
        """The binary log asks nothing of tables."""
        return []

    async def aclose(self) -> None:
        stream, looking = self._stream, self._looking
        self._stream = self._looking = self._decoder = None
        if stream is not None and looking is not None:
            # Else the server's thread would wait for something to send before it finds nobody there.
            with contextlib.suppress(Exception):
                async with asyncio.timeout(1.0):
                    await self._ask(looking, f"KILL {int(stream.thread_id())}")
        for one in (stream, looking):
            if one is not None:
                one.close()
        await asyncio.sleep(0)  # the loop takes leave of them


def _key_column(table: LoggedTable, told: Any) -> KeyColumn | str:
    """How a key is read from its bytes, or why it cannot be."""
    if told is None:
        return f"{table.name} has no column {table.column}"
    _, place, kind, whole, charset = told
    if table.kind == "int" and kind in INTEGERS:
        return KeyColumn(int(place) - 1, partial(int.from_bytes, byteorder="little", signed="unsigned" not in whole))
    if table.kind == "text" and kind in ("char", "varchar") and charset in CHARSETS:
        return KeyColumn(int(place) - 1, partial(_text, CHARSETS[charset]))
    return f"{table.name}.{table.column} is {whole}, which is not read as a key of kind {table.kind}"


def _text(charset: str, value: bytes) -> str:
    return value.decode(charset)


def _number(file: str) -> int:
    """Binary logs are numbered: ``name.000123``."""
    return int(file.rpartition(".")[2] or 0)
