"""How often a source is looked at for subscribers, whatever they ask."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


@dataclass(slots=True)
class Pace:
    """``per_s`` turns a second, evenly, after a burst of one second's worth."""

    per_s: float
    _next: float = 0.0

    async def turn(self) -> None:
        now = asyncio.get_running_loop().time()
        self._next = max(self._next + 1 / self.per_s, now - 1.0)
        if self._next > now:
            await asyncio.sleep(self._next - now)
