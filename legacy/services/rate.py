"""How often a service lets itself be asked."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from starlette.exceptions import HTTPException


class Rate:
    """A bucket of ``per_s`` requests a second, holding one second's worth, at least one."""

    def __init__(self, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._most = max(1.0, per_s)
        self._left = self._most
        self._clock = clock
        self._seen = clock()

    def wait_s(self) -> float:
        """0 and one request taken, or the seconds until there is one."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._seen) * self._per_s)
        self._seen = now
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / self._per_s

    def admit(self) -> None:
        """Raises HTTPException 429 with Retry-After in whole seconds."""
        wait_s = self.wait_s()
        if wait_s:
            raise HTTPException(429, "too many requests", {"Retry-After": str(math.ceil(wait_s))})
