"""Databases whose owner lets their log be read, and houses over them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import asyncmy
import asyncpg

from gateway.opening import open_house
from gateway.settings import LedgerSettings, LiveSettings, LogSettings, Settings, SourceSettings
from tests.houses import Remembered
from tests.live import ward
from tests.live.desks import LiveDesk, Register


class Hospital(Protocol):
    """One hospital's database. ``do``: statements in one transaction each; ``readers``: who reads its log now."""

    @property
    def source(self) -> SourceSettings: ...

    async def do(self, *statements: str) -> None: ...

    async def together(self, *statements: str, kept: bool = True) -> None: ...

    async def readers(self) -> int: ...

    async def cut(self) -> None: ...

    async def aclose(self) -> None: ...


@dataclass(slots=True)
class PostgresHospital:
    url: str
    publication: str = "gateway"
    connection: Any = None
    log: LogSettings = field(default_factory=lambda: LogSettings(publication="gateway"))

    @property
    def source(self) -> SourceSettings:
        return SourceSettings(self.url, log=self.log)

    async def do(self, *statements: str) -> None:
        for statement in statements:
            await self.connection.execute(statement)

    async def together(self, *statements: str, kept: bool = True) -> None:
        await self.do("BEGIN", *statements, "COMMIT" if kept else "ROLLBACK")

    async def readers(self) -> int:
        """Slots of this database; one stays as long as somebody reads it."""
        count: int = await self.connection.fetchval(
            "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"
        )
        return count

    async def cut(self) -> None:
        await self.do(
            "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = current_database()"
        )

    async def aclose(self) -> None:
        await self.connection.close()


async def postgres_hospital(server: str, name: str) -> PostgresHospital:
    """A new database of that name, all tables with a key published, keys alone where the server can."""
    connection = await asyncpg.connect(f"{server}/postgres")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    found = PostgresHospital(f"{server}/{name}", connection=await asyncpg.connect(f"{server}/{name}"))
    await found.do(*ward.TABLES, "ALTER TABLE beds REPLICA IDENTITY USING INDEX beds_cd")
    only = found.connection.get_server_version() >= (15,)
    patients, beds = ("patients (patient_no)", "beds (bed_cd)") if only else ("patients", "beds")
    await found.do(f"CREATE PUBLICATION gateway FOR TABLE {patients}, {beds}, wards")
    return found


@dataclass(slots=True)
class MariaHospital:
    url: str
    connection: Any = None
    log: LogSettings = field(default_factory=lambda: LogSettings(server_id=4711))

    @property
    def source(self) -> SourceSettings:
        return SourceSettings(self.url, log=self.log)

    async def ask(self, statement: str) -> list[Any]:
        async with self.connection.cursor() as cursor:
            await cursor.execute(statement)
            return list(await cursor.fetchall())

    async def do(self, *statements: str) -> None:
        for statement in statements:
            await self.ask(statement)

    async def together(self, *statements: str, kept: bool = True) -> None:
        await self.do("BEGIN", *statements, "COMMIT" if kept else "ROLLBACK")

    async def _threads(self) -> list[int]:
        found = await self.ask("SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'")
        return [row[0] for row in found]

    async def readers(self) -> int:
        return len(await self._threads())

    async def cut(self) -> None:
        for thread in await self._threads():
            await self.do(f"KILL {thread}")

    async def aclose(self) -> None:
        await self.connection.ensure_closed()


async def maria_hospital(server: str, name: str) -> MariaHospital:
    """A new database of that name."""
    parts = urlsplit(server)
    assert parts.hostname is not None
    connection = await asyncmy.connect(
        host=parts.hostname, port=parts.port or 3306, user=parts.username or "root", autocommit=True
    )
    found = MariaHospital(f"{server}/{name}", connection)
    await found.do(f"CREATE DATABASE {name}", f"USE {name}", *ward.TABLES)
    return found


@asynccontextmanager
async def hospital_desk(hospital: Hospital, state: Path, **limits: Any) -> AsyncIterator[LiveDesk]:
    async with open_house(hospital_settings(hospital, state, **limits)) as house:
        register, ledger = Register(), Remembered()
        house.authenticator = register  # type: ignore[assignment]
        house.ledger = ledger
        yield LiveDesk(house, register, ledger)


def hospital_settings(hospital: Hospital, state: Path, **limits: Any) -> Settings:
    return Settings(
        departments=("tests.live.ward",), state=str(state), sources={"ward": hospital.source},
        ledger=LedgerSettings(f"sqlite:///{state / 'ledger.sqlite'}", str(state / "heads.jsonl")),
        live=LiveSettings(**{"kept": str(state / "live.sqlite"), "recheck_s": 0.2, "every_s": 3_600.0, **limits}),
    )  # fmt: skip
