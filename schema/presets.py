"""Root fields that ask for rows of a record by arguments of their own: data, put in the words of ``where``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Test:
    """``field`` of the record, ``op`` as clients write it. ``worked``: the value made of the argument's."""

    field: str
    op: str
    worked: Callable[[str], Any] | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    """A text argument and the tests it stands for. ``fixes``: field -> value that holds where the argument is given;
    of several arguments that fix a field, the first one declared does."""

    name: str
    tests: tuple[Test, ...]
    description: str
    required: bool = False
    fixes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preset:
    """``otherwise``: what is fixed where no argument fixes it. Order, filter and pages are those of the record."""

    name: str
    record: type[Any]
    description: str
    arguments: tuple[Argument, ...]
    otherwise: Mapping[str, str]
    file: str
    line: int


def preset(
    name: str,
    record: type[Any],
    description: str,
    *arguments: Argument,
    otherwise: Mapping[str, str] | None = None,
) -> Preset:
    """Declares a root field; see ``Preset``."""
    frame = sys._getframe(1)
    return Preset(name, record, description, arguments, otherwise or {}, frame.f_code.co_filename, frame.f_lineno)


__all__ = ["Argument", "Preset", "Test", "preset"]
