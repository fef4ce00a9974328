"""Builds the departments' systems of one scale and seed."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from legacy.education import build_education
from legacy.finance import build_finance
from legacy.health import build_health
from legacy.load import Loader, MariaTarget, PostgresTarget, SqliteTarget, Target
from legacy.tables import DATABASES
from legacy.world import SCALES, World

VERSION = 6
"""Raised whenever the same scale and seed would give something else."""

POSTGRES = {"hmis": "health", "lmis": "health", "hr": "health", "fabs": "finance", "geo": "finance"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to build and where; a URL left out means a SQLite file."""

    scale: str
    seed: int
    out: Path
    health_url: str | None = None
    education_url: str | None = None
    finance_url: str | None = None

    def manifest(self) -> dict[str, object]:
        urls = [url is not None for url in (self.health_url, self.education_url, self.finance_url)]
        return {"version": VERSION, "scale": self.scale, "seed": self.seed, "in_servers": urls}


def is_built(plan: Plan) -> bool:
    """Whether ``out`` already holds exactly this."""
    manifest = plan.out / "manifest.json"
    return manifest.exists() and json.loads(manifest.read_text()) == plan.manifest()


def build(plan: Plan, *, quiet: bool = False) -> dict[str, object]:
    """Builds and returns the truth that was planted; it is also written to ``truth.json``."""
    started = time.monotonic()
    plan.out.mkdir(parents=True, exist_ok=True)
    (plan.out / "manifest.json").unlink(missing_ok=True)
    loop = asyncio.new_event_loop()
    try:
        loader = Loader({name: _target(plan, name, loop) for name in DATABASES})
        bar = _bar if not quiet and sys.stderr.isatty() else _silent
        world = World(SCALES[plan.scale], plan.seed, loader.put, bar)
        build_education(world, plan.out)
        build_health(world)
        build_finance(world, plan.out)
        bar("indexes", 0, 1)
        loader.finish()
    finally:
        loop.close()
    _secrets(plan.out)
    (plan.out / "truth.json").write_text(json.dumps(world.truth, indent=1, sort_keys=True))
    (plan.out / "manifest.json").write_text(json.dumps(plan.manifest()))
    if not quiet:
        told = f"{loader.rows:,} rows in {time.monotonic() - started:.1f} s: {plan.out}"
        print(f"\r{told.ljust(78)}" if sys.stderr.isatty() else told, file=sys.stderr)
    return world.truth


def _target(plan: Plan, name: str, loop: asyncio.AbstractEventLoop) -> Target:
    if name == "emis" and plan.education_url:
        return MariaTarget(plan.education_url, loop)
    department = POSTGRES.get(name)
    url = {"health": plan.health_url, "finance": plan.finance_url}.get(department or "")
    return PostgresTarget(url, name, loop) if url else SqliteTarget(plan.out / f"{name}.sqlite")


def _secrets(out: Path) -> None:
    """The services' passwords, made once a build."""
    for name in ("rtsm.key", "fabs.password", "bpay.password", "bessi.key"):
        path = out / name
        if not path.exists():
            handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(24))


def _bar(what: str, done: int, whole: int) -> None:
    filled = 30 * done // max(whole, 1)
    print(f"\r{what:<12} [{'#' * filled}{'.' * (30 - filled)}]".ljust(60), end="", file=sys.stderr, flush=True)


def _silent(what: str, done: int, whole: int) -> None:
    return None
