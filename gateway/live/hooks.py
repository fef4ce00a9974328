"""Hints that something changed, which a department sends itself: only ever a hint to look, never a value to show. Who
sent one is proved by a signature over its moment and its body, and one that comes twice is not taken again."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

MOST_KEYS = 1_000
"""Of one hint; of more it is taken that anything may have changed."""
REMEMBERED = 20_000
"""Hints of one source that are remembered within the window; more are not taken."""
MOMENT = re.compile(r"[0-9]{1,12}", re.ASCII)
SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}", re.ASCII)


class NotTaken(Exception):
    """``status`` as HTTP has it: 401 for what is not proved, 429 for too many, 400 for what is no hint."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


@dataclass(frozen=True, slots=True)
class Hook:
    """``window_s``: how far a hint's moment may be from now."""

    secret: bytes = field(repr=False)
    window_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Hint:
    """``relation`` as the source calls it; ``keys`` raw, None: any row may have changed."""

    source: str
    relation: str
    keys: tuple[Any, ...] | None


@dataclass(slots=True)
class Hooks:
    """The hooks by source. What is not proved is told from one that is in no other way than by its status: the same
    for a source that has no hook, or is none."""

    hooks: Mapping[str, Hook] = field(default_factory=dict)
    clock: Callable[[], float] = time.time
    _nobody: Hook = field(default_factory=lambda: Hook(os.urandom(32)))
    _taken: dict[str, OrderedDict[bytes, float]] = field(default_factory=dict)
    """By source: signatures with the moment until which they would be taken, in the order of arrival."""

    def take(self, source: str, moment: str, signature: str, body: bytes) -> Hint:
        """The hint in a message. Raises NotTaken."""
        hook = self.hooks.get(source, self._nobody)
        expected = signed(hook.secret, moment, body)
        proved = hmac.compare_digest(expected.encode(), signature.encode(errors="replace"))
        proved = proved and SIGNATURE.fullmatch(signature) is not None and MOMENT.fullmatch(moment) is not None
        now = self.clock()
        if not proved or source not in self.hooks or abs(now - int(moment)) > hook.window_s:
            raise NotTaken(401)
        self._once(source, bytes.fromhex(signature[7:]), now, int(moment) + hook.window_s)
        return _read(source, body)

    def _once(self, source: str, signature: bytes, now: float, until: float) -> None:
        taken = self._taken.setdefault(source, OrderedDict())
        if signature in taken:
            raise NotTaken(401)
        while taken and next(iter(taken.values())) < now:
            taken.popitem(last=False)
        if len(taken) >= REMEMBERED:
            raise NotTaken(429)
        taken[signature] = until


def signed(secret: bytes, moment: str, body: bytes) -> str:
    """The signature of a message: HMAC-SHA256 over its moment (whole seconds since 1970), a dot, and its body."""
    told = hmac.new(secret, moment.encode(errors="replace") + b"." + body, hashlib.sha256)
    return f"sha256={told.hexdigest()}"


def _read(source: str, body: bytes) -> Hint:
    """``{"relation": "visits", "keys": [17, 18]}``; without ``keys`` any row may have changed."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise NotTaken(400) from None
    if not isinstance(told, dict) or not isinstance(told.get("relation"), str):
        raise NotTaken(400)
    keys = told.get("keys")
    if keys is not None and (not isinstance(keys, list) or not {type(key) for key in keys} <= {str, int}):
        raise NotTaken(400)
    return Hint(source, told["relation"], None if keys is None or len(keys) > MOST_KEYS else tuple(keys))
