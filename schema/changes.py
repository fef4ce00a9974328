"""How the gateway notices that a record's rows changed, declared by who knows the system. Nothing in the system itself
is altered for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from schema.errors import meant
from schema.sources import Source

if TYPE_CHECKING:
    from schema.catalog import Field

STAMPED = ("Date", "DateTime", "Int", "Long")
"""Scalars a mark can have: what only ever grows from one change to the next."""


@dataclass(frozen=True, slots=True)
class Watermark:
    """Rows whose ``field`` is not before the highest one seen are asked for every ``every_s``. A change may become
    visible late, with a mark up to ``overlap_s`` (``overlap`` for numbers) behind: that far back is looked each time,
    and what is already known is not told again. ``added_only``: rows are only ever added, never altered, so a row seen
    once need not be looked at again. What no mark tells (rows deleted, or altered without a new mark) is found by
    reading everything watched anew every ``compare_s``."""

    field: str
    every_s: float = 1.0
    overlap_s: float = 60.0
    overlap: int = 0
    added_only: bool = False
    compare_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Compared:
    """There is no mark: everything watched is read every ``every_s`` and compared, key by key, with what it was."""

    every_s: float = 5.0


Changes: TypeAlias = Watermark | Compared


def watermark(
    field: str,
    *,
    every_s: float = 1.0,
    overlap_s: float = 60.0,
    overlap: int = 0,
    added_only: bool = False,
    compare_s: float = 60.0,
) -> Watermark:
    """``changes=watermark("updated_at")``: a field that moves on with every change."""
    return Watermark(field, every_s, overlap_s, overlap, added_only, compare_s)


def compared(*, every_s: float = 5.0) -> Compared:
    """``changes=compared(every_s=30)``: for tables without a mark, and for derived records."""
    return Compared(every_s)


def changes_problem(changes: Changes | None, fields: Mapping[str, Field], source: Source) -> str | None:
    """What is wrong with a declaration of changes; None when nothing is."""
    if changes is None:
        return None
    if not source.capabilities.list_all:
        return "its rows are only to be had one by one, so no change can be noticed; leave changes= out"
    if changes.every_s <= 0:
        return "every_s must be more than 0"
    if isinstance(changes, Compared):
        return None
    part = fields.get(changes.field)
    if part is None or part.column is None or part.codec is None or part.scalar.name not in STAMPED:
        marks = [name for name, one in fields.items() if one.column is not None and one.scalar.name in STAMPED]
        hint = meant(changes.field, marks)
        return f"watermark({changes.field!r}) is no column of dates, moments or whole numbers{hint}"
    if not source.capabilities.takes(part.column, "gte") or not part.codec.ordered:
        return f"{source.name} cannot be asked for rows with {changes.field} from a value on; use compared()"
    if changes.overlap_s < 0 or changes.overlap < 0 or changes.compare_s <= 0:
        return "overlap_s and overlap must not be below 0, compare_s must be more than 0"
    return None
