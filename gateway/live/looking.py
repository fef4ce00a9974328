"""A task that looks for changes while somebody watches: begun for the first, ended with the last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, eq=False)
class Looking:
    """``ready``: set by the task itself, once it has looked or knows that it cannot."""

    ready: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _ending: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def is_on(self) -> bool:
        return self._task is not None

    def begin(self, look: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._task is None:
            self.ready.clear()
            self._task = asyncio.create_task(look())

    def end(self) -> bool:
        """Whether there was anything to end."""
        if self._task is None:
            return False
        self._task.cancel()
        self._ending.add(self._task)
        self._task.add_done_callback(self._ending.discard)
        self._task = None
        return True

    async def ended(self) -> None:
        """Waits until what was let go has let go of what it holds."""
        await asyncio.gather(*self._ending, return_exceptions=True)
