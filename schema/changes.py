"""How the gateway notices that a record's rows changed, declared by who knows the system. Nothing in the system itself
is altered for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from schema.errors import meant
from schema.relations import Relation, Select, Table
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


LOGGED_KINDS = ("text", "int")
"""Columns whose values a log's reader understands as the connector does."""

Polled: TypeAlias = Watermark | Compared


@dataclass(frozen=True, slots=True)
class Logged:
    """The database's own log of what was committed tells which rows changed (PostgreSQL's logical decoding, MariaDB's
    binary log), where its owner allows us to read it; where not, changes are noticed as ``otherwise`` says. ``column``
    of ``table`` holds what the record's key is made of; None: the record's relation is the table, and its key's column.
    ``joined``: other tables its rows are made from, of which it is told only that something in them changed.
    ``compare_s``: how often everything watched is read anew all the same."""

    otherwise: Polled
    table: str | None = None
    column: str | None = None
    joined: tuple[str, ...] = ()
    compare_s: float = 900.0


@dataclass(frozen=True, slots=True)
class Tagged:
    """A service says by an entity tag (ETag, or Last-Modified) of ``path`` whether anything of the record's rows may
    have changed: it is asked every ``every_s`` for an answer that is another one than the last (``arguments``: what is
    sent with it), and while it says 304 nothing else is asked. When it is another one, what changed is looked for as
    ``otherwise`` says; so it is, at its own pace, of a service that gives no tag. ``compare_s`` as in ``Logged``."""

    otherwise: Polled
    path: str
    arguments: tuple[tuple[str, str], ...] = ()
    every_s: float = 1.0
    compare_s: float = 900.0


Changes: TypeAlias = Polled | Logged | Tagged


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


def logged(
    table: str | None = None,
    column: str | None = None,
    *,
    otherwise: Polled,
    joined: tuple[str, ...] = (),
    compare_s: float = 900.0,
) -> Logged:
    """``changes=logged(otherwise=watermark("updated_at"))``: by the database's log, where its owner allows it."""
    return Logged(otherwise, table, column, joined, compare_s)


def tagged(
    path: str,
    *,
    otherwise: Polled,
    arguments: Mapping[str, str] | None = None,
    every_s: float = 1.0,
    compare_s: float = 900.0,
) -> Tagged:
    """``changes=tagged("api/v2/visits", arguments={"size": "1"}, otherwise=compared(every_s=60))``."""
    return Tagged(otherwise, path, tuple((arguments or {}).items()), every_s, compare_s)


def polled(changes: Changes | None) -> Polled | None:
    """How changes are noticed where no log is read and no tag is given."""
    return changes.otherwise if isinstance(changes, (Logged, Tagged)) else changes


def changes_problem(
    changes: Changes | None, fields: Mapping[str, Field], source: Source, key: str, relation: Relation
) -> str | None:
    """What is wrong with a declaration of changes; None when nothing is."""
    if changes is None:
        return None
    if not source.capabilities.list_all:
        return "its rows are only to be had one by one, so no change can be noticed; leave changes= out"
    if isinstance(changes, Logged):
        return _logged_problem(changes, fields, source, key, relation) or changes_problem(
            changes.otherwise, fields, source, key, relation
        )
    if changes.every_s <= 0:
        return "every_s must be more than 0"
    if isinstance(changes, Tagged):
        if source.kind != "rest":
            return f"{source.name} is no REST service; use watermark(), compared() or logged()"
        if changes.compare_s <= 0:
            return "compare_s must be more than 0"
        return changes_problem(changes.otherwise, fields, source, key, relation)
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


def _logged_problem(
    changes: Logged, fields: Mapping[str, Field], source: Source, key: str, relation: Relation
) -> str | None:
    if source.kind != "sql" or not isinstance(relation, (Table, Select)):
        return f"{source.name} is no database whose log could be read; use watermark() or compared()"
    if isinstance(relation, Select) and (changes.table is None or changes.column is None):
        return "its rows come from a SELECT: logged() must say which table and column hold its key"
    part = fields.get(key)
    if part is not None and part.codec is not None and (part.codec.kind or part.scalar.kind) not in LOGGED_KINDS:
        return f"a log tells keys of text and whole numbers, and {key} is neither; use watermark() or compared()"
    if changes.compare_s <= 0:
        return "compare_s must be more than 0"
    return None
