"""How long a change takes to reach everybody who watches, and what watching costs: real WebSockets of one client
process, a gateway in its own, a medicine count written into LMIS as its programs do."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import statistics
import sys
import time
import uuid
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import asyncpg
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.servers import Server, running
from legacy.build import Plan, build

FEED = (
    "subscription { stockChanged(where: {isTracer: {eq: true}, quantity: {eq: 0}}) "
    "{ change cursor key node { facilityCode drugCode quantity facility { name } } } }"
)
INTERVAL_S = 1.0
"""As declared for ``health.Stock``."""
DAY = "2025-10-02"
DATABASE = "gateway_bench_live"
PUBLISHED = ("calculated_stocks_on_hand", "stock_cards", "facility_map", "orderables")
IDLE_S = 5.0


@dataclass(frozen=True, slots=True)
class Found:
    """Delays from commit to receipt, of every subscriber and change. ``polls_s``: fetches a second of the watched
    source with nothing happening."""

    noticed: str
    subscribers: int
    changes: int
    median_ms: float
    p95_ms: float
    most_ms: float
    spread_ms: float
    """Median time between the first and the last subscriber that was told."""
    polls_s: float
    memory_mb: int
    cpu_share: float
    """Of one core, with nothing happening."""

    def told(self) -> dict[str, object]:
        return asdict(self)


def run(folder: Path, crowds: tuple[int, ...], changes: int, postgres: str | None = None) -> list[Found]:
    """Each crowd against a gateway of its own. ``postgres``: a server with wal_level=logical on which LMIS stands, up
    to the database's name; it is watched there by its marks and by its log."""
    legacy = folder / "live-legacy"
    build(Plan("demo", 1, legacy, None if postgres is None else f"{postgres}/{DATABASE}"), quiet=True)
    systems = [Lmis(legacy / "lmis.sqlite")] if postgres is None else [
        Lmis(legacy, f"{postgres}/{DATABASE}"), Lmis(legacy, f"{postgres}/{DATABASE}", logged=True)
    ]  # fmt: skip
    found = []
    for lmis in systems:
        asyncio.run(lmis.prepare())
        for crowd in crowds:
            own = folder / "live-state"
            shutil.rmtree(own, ignore_errors=True)
            own.mkdir(parents=True)
            config = own / "gateway.toml"
            config.write_text(lmis.settings(_settings(legacy, own)))
            command = [str(Path(sys.executable).parent / "gateway"), "--config", str(config), "serve"]
            with running("gateway", command) as server:
                found.append(asyncio.run(_measure(server, lmis, crowd, changes)))
    return found


def _settings(legacy: Path, own: Path) -> str:
    text = Path("demo.toml").read_text()
    for said, here in (("var/legacy/demo", str(legacy.absolute())), ("var/", f"{own.absolute()}/")):
        text = text.replace(f'"{said}', f'"{here}').replace(f"sqlite:///{said}", f"sqlite:///{here}")
    return text


@dataclass(frozen=True, slots=True)
class Lmis:
    """Where LMIS is; without ``url`` a file. ``logged``: it is watched by the log of its server."""

    path: Path
    url: str | None = None
    logged: bool = False

    @property
    def noticed(self) -> str:
        return "log" if self.logged else "marks"

    async def prepare(self) -> None:
        if self.logged:
            connection = await asyncpg.connect(self.url)
            tables = ", ".join(f"lmis.{name}" for name in PUBLISHED)
            await connection.execute("DROP PUBLICATION IF EXISTS gateway_lmis")
            await connection.execute(f"CREATE PUBLICATION gateway_lmis FOR TABLE {tables}")
            await connection.close()

    def settings(self, text: str) -> str:
        if self.url is None:
            return text
        for name in ("hmis", "lmis", "hr"):
            head, _, tail = text.partition(f"[sources.{name}]\n")
            text = f'{head}[sources.{name}]\nurl = "{self.url}?schema={name}"\n{tail.partition(chr(10))[2]}'
        log = '[sources.lmis.log]\npublication = "gateway_lmis"\n' if self.logged else ""
        return f"{text}\n{log}"

    async def count(self) -> float:
        """Writes a count of nothing; the moment it was committed."""
        id = str(uuid.uuid4())
        if self.url is not None:
            connection = await asyncpg.connect(self.url)
            await connection.execute(
                "INSERT INTO lmis.calculated_stocks_on_hand SELECT $1, 0, $2::text::date, c.id FROM lmis.stock_cards c "
                "JOIN lmis.orderables o ON o.id = c.orderableid WHERE o.tracer = 1 LIMIT 1", id, DAY,
            )  # fmt: skip
            committed = time.monotonic()
            await connection.close()
            return committed
        file = sqlite3.connect(self.path, timeout=20)
        (card,) = file.execute(
            "SELECT c.id FROM stock_cards c JOIN orderables o ON o.id = c.orderableid WHERE o.tracer = 1 LIMIT 1"
        ).fetchone()
        with file:
            file.execute("INSERT INTO calculated_stocks_on_hand VALUES (?, 0, ?, ?)", (id, DAY, card))
        committed = time.monotonic()
        file.close()
        return committed


async def _measure(server: Server, lmis: Lmis, crowd: int, changes: int) -> Found:
    rng = random.Random(crowd)
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(_socket(server.port)) for _ in range(crowd)]
        await asyncio.gather(*(_begin(one) for one in sockets))
        asked, spent, started = _fetches(server), server.cpu_s(), time.monotonic()
        await asyncio.sleep(IDLE_S)
        idle_s = time.monotonic() - started
        polls_s, cpu_share = (_fetches(server) - asked) / idle_s, (server.cpu_s() - spent) / idle_s
        delays: list[float] = []
        spreads: list[float] = []
        for _ in range(changes):
            await asyncio.sleep(rng.random() * INTERVAL_S)
            receiving = [asyncio.create_task(_told(one)) for one in sockets]
            await asyncio.sleep(0)
            committed = await lmis.count()
            told = [at - committed for at in await asyncio.gather(*receiving)]
            delays += told
            spreads.append(max(told) - min(told))
        delays.sort()
        return Found(
            lmis.noticed, crowd, changes, statistics.median(delays) * 1000, delays[int(len(delays) * 0.95)] * 1000,
            delays[-1] * 1000, statistics.median(spreads) * 1000, polls_s, server.memory_mb(), cpu_share,
        )  # fmt: skip


def _socket(port: int) -> connect:
    return connect(
        f"ws://127.0.0.1:{port}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")], compression=None
    )


async def _begin(one: ClientConnection) -> None:
    await one.send('{"type":"connection_init"}')
    await one.recv()
    await one.send(orjson.dumps({"id": "1", "type": "subscribe", "payload": {"query": FEED}}).decode())
    told = orjson.loads(await one.recv())
    if told["type"] != "next":
        sys.exit(f"the feed was not opened: {told}")


async def _told(one: ClientConnection) -> float:
    await one.recv()
    return time.monotonic()


def _fetches(server: Server) -> float:
    lines = [line for line in server.get("/metrics").splitlines() if line.startswith("gateway_fetches_total")]
    return sum(float(line.split()[-1]) for line in lines if 'source="lmis"' in line)


def table(found: list[Found]) -> str:
    rows = ["by    | subscribers | median ms | 95 % ms | most ms | first to last ms | polls/s | memory MB | idle CPU"]
    rows += [
        f"{one.noticed:<5} | {one.subscribers:>11,} | {one.median_ms:>9.0f} | {one.p95_ms:>7.0f} | "
        f"{one.most_ms:>7.0f} | {one.spread_ms:>16.0f} | {one.polls_s:>7.2f} | {one.memory_mb:>9} | "
        f"{one.cpu_share:>8.1%}"
        for one in found
    ]
    return "\n".join(rows)
