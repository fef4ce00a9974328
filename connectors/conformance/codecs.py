"""Whether a codec keeps what it says of itself, on the raw values its column holds (SEMANTICS 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from connectors.conformance.subject import Tested
from connectors.memory import compared
from schema.errors import Unreadable
from schema.fetch import Column

UNREADABLE = object()


def codec_problems(tested: Tested, raws: list[Any]) -> Iterator[tuple[str, str | None]]:
    """What was looked at and what is wrong with it, None where nothing is. ``raws``: distinct, never None."""
    codec = tested.codec
    meanings = [(raw, _decoded(tested, raw)) for raw in raws]
    readable = [(raw, value) for raw, value in meanings if value is not UNREADABLE and value is not None]
    failed = sum(isinstance(value, _Failed) for _, value in meanings)
    yield "decode answers or calls the value unreadable", _told(failed)
    readable = [(raw, value) for raw, value in readable if not isinstance(value, _Failed)]
    if codec.total:
        yield "total: every raw has a value", _told(len(meanings) - len(readable))
    if codec.enumerable:
        spellings = [(raw, value, codec.spellings(value) or ()) for raw, value in readable]
        yield "spellings hold the raw itself", _told(sum(raw not in spelled for raw, _, spelled in spellings))
        wrong = sum(
            any(_decoded(tested, other) != value for other in spelled) for _, value, spelled in spellings
        )  # fmt: skip
        yield "every spelling means the value", _told(wrong)
    elif codec.normaliser is not None:
        yield from _normalised(tested, readable)
    if codec.ordered:
        yield "ordered: raws sort as their values do", _told(_unsorted(tested, readable))
    if codec.factor is not None:
        wrong = sum(
            value != Decimal(str(raw)) * codec.factor for raw, value in readable if isinstance(value, (int, Decimal))
        )
        yield "factor: the value is the raw times the factor", _told(wrong)
    if codec.inline is not None:
        inline = eval(f"lambda v: {codec.inline.format(v='v')}", {"Decimal": Decimal})
        yield "inline says what decode says", _told(sum(inline(raw) != codec.decode(raw) for raw, _ in readable))
    if codec.column is not None:
        yield "column reads no null as a value", _told(_read_as_value(codec.column))


def _read_as_value(column: Callable[[Sequence[Any]], Sequence[Any]]) -> int:
    try:
        return sum(value is not None for value in column([None]))
    except Exception:
        return 0


class _Failed:
    """What decode raised, when it was not Unreadable."""


def _decoded(tested: Tested, raw: Any) -> Any:
    try:
        return tested.codec.decode(raw)
    except Unreadable:
        return UNREADABLE
    except Exception:
        return _Failed()


def _normalised(tested: Tested, readable: list[tuple[Any, Any]]) -> Iterator[tuple[str, str | None]]:
    """A source that normalises must find the raws of a value and no others."""
    column = Column(tested.plain.name, tested.plain.kind, normaliser=tested.codec.normaliser)
    normal = [(compared(column, {tested.plain.name: raw}), value) for raw, value in readable]
    yield "the normalised raw is the value", _told(sum(raw != value for raw, value in normal))


def _unsorted(tested: Tested, readable: list[tuple[Any, Any]]) -> int:
    column = Column(tested.plain.name, tested.plain.kind, normaliser=tested.codec.normaliser)
    pairs = sorted((compared(column, {tested.plain.name: raw}), value) for raw, value in readable)
    return sum(
        before[1] > after[1] or (before[1] == after[1]) != (before[0] == after[0])
        for before, after in pairwise(pairs)
    )


def _told(count: int) -> str | None:
    return f"not so for {count} values" if count else None
