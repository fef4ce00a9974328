"""Where a source is and how to log in; comes from the settings only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Address:
    """``url`` for databases and services, ``folder`` for file drops. Secrets stay out of the repr."""

    url: str = field(default="", repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    folder: Path | None = None
    options: Mapping[str, str] = field(default_factory=dict)
