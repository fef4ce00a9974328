"""Sealed cursors: AES-SIV, deterministic, padded, bound to what they are good for. A cursor never shows a value."""

from __future__ import annotations

import base64
import datetime as dt
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from auth.tokens import secret_file

VERSION = b"\x01"
STEP_BYTES = 64


class BadCursor(ValueError):
    """Tampered with, cut off, or of another list, caller, filter, order or policy."""


class Sealer:
    """Seals and opens with one key, shared by all workers."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESSIV(key)

    def seal(self, values: tuple[Any, ...], binding: bytes) -> str:
        """The cursor of a row whose order has these values."""
        body = msgspec.json.encode([_tagged(value) for value in values])
        padded = body + b" " * (-len(body) % STEP_BYTES)
        sealed = VERSION + self._cipher.encrypt(padded, [VERSION, binding])
        return _written(sealed)

    def open(self, cursor: str, binding: bytes) -> tuple[Any, ...]:
        """The values sealed in the cursor. Raises BadCursor."""
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            if sealed[:1] != VERSION or _written(sealed) != cursor:
                raise BadCursor
            body = self._cipher.decrypt(sealed[1:], [VERSION, binding])
            return tuple(_untagged(value) for value in msgspec.json.decode(body))
        except (ValueError, InvalidTag, TypeError, ArithmeticError) as error:
            raise BadCursor from error


def _written(sealed: bytes) -> str:
    """The one way these bytes are written: another spelling of them is no cursor of ours."""
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _tagged(value: Any) -> Any:
    match value:
        case None | bool() | str():
            return value
        case int():
            return {"i": str(value)}
        case Decimal():
            return {"d": str(value)}
        case float():
            return {"f": value.hex()}
        case dt.datetime():
            return {"t": value.isoformat()}
        case dt.date():
            return {"y": value.isoformat()}
    raise TypeError(f"no cursor can hold a {type(value).__name__}")


def _untagged(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((tag, text),) = value.items()
    match tag:
        case "i":
            return int(text)
        case "d":
            return Decimal(text)
        case "f":
            return float.fromhex(text)
        case "t":
            return dt.datetime.fromisoformat(text)
        case "y":
            return dt.date.fromisoformat(text)
    raise BadCursor


def load_sealer(path: Path) -> Sealer:
    """The sealer whose key is kept at ``path``; made at first use, readable by the owner only."""
    return Sealer(secret_file(path, os.urandom(64)))
