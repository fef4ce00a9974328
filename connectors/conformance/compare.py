"""Whether an answer is one that the reference connector allows. Where the contract leaves a choice (no order, ties at a
limit) every choice is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from connectors import memory
from connectors.conformance.subject import KINDS
from schema.fetch import Cell, Fetch, FetchShape

Rows = Sequence[tuple[Any, ...]]


def difference(fetch: Fetch, found: Rows, rows: Iterable[memory.RawRow]) -> str | None:
    """What is wrong with ``found`` as the answer of a source that holds ``rows``; None when nothing is."""
    shape = fetch.shape
    width = len(shape.groups) + len(shape.measures) if shape.measures else len(shape.cells)
    if any(len(row) != width for row in found):
        return f"rows are not {width} values wide"
    expected = memory.answer(fetch, rows)
    if shape.measures or not shape.limited:
        return _same_rows(expected, found) or _kinds(shape, found) or _in_order(fetch, expected, found)
    return _limited(fetch, expected, found, rows) or _kinds(shape, found)


def _same_rows(expected: Rows, found: Rows) -> str | None:
    wanted, got = Counter(expected), Counter(found)
    missing, extra = (wanted - got).total(), (got - wanted).total()
    if not missing and not extra:
        return None
    return f"{len(expected)} rows expected, {len(found)} given: {missing} missing, {extra} that should not be there"


def _kinds(shape: FetchShape, found: Rows) -> str | None:
    cells = shape.groups if shape.measures else shape.cells
    for place, cell in enumerate(cells):
        kind = KINDS[cell.column.kind]
        strays = [row[place] for row in found if row[place] is not None and not _is(kind, row[place])]
        if strays:
            told = type(strays[0]).__name__
            return f"{cell.column.name} holds {told} in {len(strays)} rows where {cell.column.kind} is promised"
    return None


def _is(kind: type, value: Any) -> bool:
    """Exactly of the kind: no bool for an int, no date-time for a date."""
    return type(value) is kind


def _in_order(fetch: Fetch, expected: Rows, found: Rows) -> str | None:
    shape = fetch.shape
    if not shape.order:
        return None
    return None if _terms(fetch, expected) == _terms(fetch, found) else "the rows are not in the order asked for"


def _limited(fetch: Fetch, expected: Rows, found: Rows, rows: Iterable[memory.RawRow]) -> str | None:
    shape = fetch.shape
    every = FetchShape(shape.relation, shape.cells, shape.where, shape.key)
    strangers = Counter(found) - Counter(memory.answer(Fetch(every, 0.0, fetch.keys, fetch.params), rows))
    if strangers:
        return f"{strangers.total()} rows that should not be there"
    if not shape.per_key:
        if len(found) != len(expected):
            return f"{len(expected)} rows expected within the limit, {len(found)} given"
        return _in_order(fetch, expected, found)
    wanted, got = _by_key(shape, expected), _by_key(shape, found)
    if wanted.keys() != got.keys():
        return f"rows of {len(wanted)} keys expected, of {len(got)} given"
    for key, members in wanted.items():
        if len(members) != len(got[key]):
            return f"{len(members)} rows of one key expected within its limit, {len(got[key])} given"
        if _in_order(fetch, members, got[key]):
            return "the rows of a key are not in the order asked for"
    return None


def _by_key(shape: FetchShape, rows: Rows) -> dict[Any, list[tuple[Any, ...]]]:
    assert shape.key is not None
    parts: dict[Any, list[tuple[Any, ...]]] = {}
    for row in rows:
        parts.setdefault(memory.compared(shape.key, _named(shape.cells, row)), []).append(row)
    return parts


def _terms(fetch: Fetch, rows: Rows) -> list[tuple[Any, ...]]:
    """What the rows are ordered by; the cells hold every column that the order reads."""
    shape = fetch.shape
    return [
        tuple(memory.used(term.cell, named, fetch.params) for term in shape.order)
        for named in (_named(shape.cells, row) for row in rows)
    ]


def _named(cells: tuple[Cell, ...], row: tuple[Any, ...]) -> dict[str, Any]:
    return {cell.column.name: value for cell, value in zip(cells, row, strict=True)}
