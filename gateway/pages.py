"""Pages: cursors opened and sealed, and "after this row" as a condition a source applies or as a test done here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.cursors import BadCursor, Sealer
from gateway.plan import Paging, SortTerm
from gateway.pushdown import all_of, encode_range
from schema.codecs import Codec
from schema.errors import Code
from schema.fetch import NOTHING, AllOf, AnyOf, Cell, Comparison, Complement, Condition, NullCheck, Ordering, Param


class PageProblem(Exception):
    """A page that cannot be given: the connection becomes null with this error."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Page:
    """A window with its values: at most ``limit`` rows; ``start`` are the order's values of the row to go on from."""

    limit: int
    backward: bool
    start: tuple[Any, ...] | None


def open_page(
    paging: Paging, first: Any, last: Any, cursor: Any, sealer: Sealer, binding: bytes, default: int, most: int
) -> Page:
    """The page asked for; raises PageProblem for a size out of bounds or a cursor that is not of this list."""
    size = last if last is not None else first
    name = "last" if last is not None else "first"
    if size is None:
        size = default
    if not 0 <= size <= most:
        raise PageProblem(Code.BAD_INPUT, f"{name} must be between 0 and {most}")
    start = None
    if cursor is not None:
        try:
            start = sealer.open(cursor, binding)
        except BadCursor:
            raise PageProblem(
                Code.BAD_CURSOR, "this cursor is not of this list; start again from the first page"
            ) from None
        if len(start) != len(paging.order):
            raise PageProblem(Code.BAD_CURSOR, "this cursor is not of this list; start again from the first page")
    return Page(size, paging.window.backward, start)


def cursor_binding(subject: str, digest: str, values: str, version: str, parent: Any) -> bytes:
    """What a cursor is good for, as associated data: nobody else, no other list, no other filter, order or policy."""
    text = "\x00".join((subject, digest, values, version, repr(parent)))
    return hashlib.sha256(text.encode()).digest()


def seek_condition(
    orderings: tuple[Ordering, ...], codecs: tuple[Codec, ...], start: tuple[Any, ...], first_param: int
) -> tuple[Condition, tuple[Any, ...]]:
    """Rows that stand after ``start`` in the order (already turned round for a backward page), and the parameters of
    the condition, counted from ``first_param``."""
    params: list[Any] = []

    def param(value: Any) -> Param:
        params.append(value)
        return Param(first_param + len(params) - 1)

    alternatives: list[Condition] = []
    equal: list[Condition] = []
    for ordering, codec, value in zip(orderings, codecs, start, strict=True):
        beyond = _beyond(ordering, codec, value, param)
        if beyond != NOTHING:
            alternatives.append(all_of([*equal, beyond]))
        equal.append(_same(ordering.cell, codec, value, param))
    return (AnyOf(tuple(alternatives)) if alternatives else NOTHING), tuple(params)


def _present(cell: Cell) -> Condition:
    there = Complement(NullCheck(cell.column))
    return there if cell.when is None else AllOf((cell.when, there))


def _compare(cell: Cell, op: str, codec: Codec, value: Any, param: Callable[[Any], Param]) -> Condition:
    test = Comparison(cell.column, op, param(encode_range(codec, op)(value)))
    return test if cell.when is None else AllOf((cell.when, test))


def _beyond(ordering: Ordering, codec: Codec, value: Any, param: Callable[[Any], Param]) -> Condition:
    cell = ordering.cell
    if ordering.descending:
        return _present(cell) if value is None else _compare(cell, "lt", codec, value, param)
    if value is None:
        return NOTHING
    return AnyOf((_compare(cell, "gt", codec, value, param), Complement(_present(cell))))


def _same(cell: Cell, codec: Codec, value: Any, param: Callable[[Any], Param]) -> Condition:
    if value is None:
        return Complement(_present(cell))
    if codec.normaliser is None and codec.enumerable:
        (raw, *_) = codec.spellings(value) or (value,)
        test = Comparison(cell.column, "eq", param(raw))
        return test if cell.when is None else AllOf((cell.when, test))
    return _compare(cell, "eq", codec, value, param)


def in_order(
    columns: Sequence[Sequence[Any]], places: list[int], order: tuple[SortTerm, ...], *, backward: bool
) -> list[int]:
    """The places of rows in the order, or in its reverse: nulls last ascending, first descending; text by code
    point."""
    ordered = places
    for term in reversed(order):
        cells, descending = columns[term.position], term.descending is not backward
        present = [place for place in ordered if cells[place] is not None]
        absent = [place for place in ordered if cells[place] is None]
        present.sort(key=cells.__getitem__, reverse=descending)
        ordered = absent + present if descending else present + absent
    return ordered


def after_start(
    columns: Sequence[Sequence[Any]], order: tuple[SortTerm, ...], start: tuple[Any, ...], *, backward: bool
) -> Callable[[int], bool]:
    """Whether the row at a place stands after the start."""

    def after(place: int) -> bool:
        for term, value in zip(order, start, strict=True):
            mine = columns[term.position][place]
            if mine == value:
                continue
            descending = term.descending is not backward
            if mine is None or value is None:
                return (mine is None) is not descending
            return bool(mine < value if descending else mine > value)
        return False

    return after
