"""Where a source is and how to log in; comes from the settings only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LogAddress:
    """How the owner lets a database's log of changes be read. ``publication``: of PostgreSQL; ``server_id``: ours among
    the readers of MariaDB's binary log; ``user`` and ``password``: where they are others than the source's."""

    publication: str = ""
    server_id: int = 0
    user: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Address:
    """``url`` for databases and services, ``folder`` for file drops. Secrets stay out of the repr."""

    url: str = field(default="", repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    folder: Path | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    log: LogAddress | None = None
    """None: its owner does not let it be read."""
