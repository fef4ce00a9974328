"""Signed heads in a second place: after each commit the number of entries and the last hash, signed. Who rewrites the
chain would have to rewrite this file too, and cannot sign it."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class Head:
    """``count`` entries end with ``hash``; ``at`` is ISO 8601."""

    count: int
    hash: str
    at: str

    def signed_bytes(self) -> bytes:
        return f"ledger-head-1:{self.count}:{self.hash}:{self.at}".encode()


class HeadFile:
    """Appends heads, one JSON line each, durably. Opened at the first append."""

    def __init__(self, path: Path, key: Ed25519PrivateKey) -> None:
        self._path = path
        self._key = key
        self._file: int | None = None

    def append(self, head: Head) -> None:
        """Raises OSError when it cannot be written."""
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            self._end_torn_line()
        signature = self._key.sign(head.signed_bytes()).hex()
        line = f'{{"count": {head.count}, "hash": "{head.hash}", "at": "{head.at}", "signature": "{signature}"}}\n'
        told = line.encode()
        if os.write(self._file, told) != len(told):
            self.close()
            raise OSError(errno.ENOSPC, "the head file took only a part of a line")
        os.fdatasync(self._file)

    def _end_torn_line(self) -> None:
        """A line that a crash or a full disk cut off must not take the next one with it."""
        assert self._file is not None
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def read_heads(path: Path, key: Ed25519PublicKey, start: int = 0) -> Iterator[Head | None]:
    """The heads that stand in a file now, from byte ``start`` on; None for each line that proves nothing: damaged, cut
    off or forged. They are read as they are asked for, and none that is appended meanwhile: ask for them before the
    entries, which only grow."""
    return _heads(path, key, start, path.stat().st_size)


def _heads(path: Path, key: Ed25519PublicKey, start: int, end: int) -> Iterator[Head | None]:
    with path.open("rb") as file:
        file.seek(start)
        while start < end and (line := file.readline()):
            start += len(line)
            try:
                told = json.loads(line)
                head = Head(int(told["count"]), str(told["hash"]), str(told["at"]))
                key.verify(bytes.fromhex(told["signature"]), head.signed_bytes())
            except (ValueError, KeyError, TypeError, InvalidSignature):
                yield None
                continue
            yield head
