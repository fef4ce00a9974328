"""Whose access is stopped, whatever their credential still says: a file of one subject a line, looked at before every
request and before everything a stream sends, so that it holds at once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Stops:
    """Read again when the file is another one."""

    path: Path
    _known: frozenset[str] = frozenset()
    _seen: tuple[int, int, int] | None = None

    def __contains__(self, subject: object) -> bool:
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            self._known, self._seen = frozenset(), None
            return False
        seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        if seen != self._seen:
            self._known, self._seen = self.listed(), seen
        return subject in self._known

    def listed(self) -> frozenset[str]:
        try:
            return frozenset(self.path.read_text().splitlines())
        except FileNotFoundError:
            return frozenset()

    def write(self, subjects: frozenset[str]) -> None:
        """Replaces the file in one step, so that no reader sees half of it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        fresh.write_text("".join(f"{subject}\n" for subject in sorted(subjects)))
        fresh.chmod(0o600)
        fresh.replace(self.path)
