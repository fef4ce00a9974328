"""Whose rows a connector is checked with: a record's columns as connectors compare them, the rows it has, and samples
of their values."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from connectors.memory import compared
from schema.catalog import Record
from schema.codecs import Codec
from schema.fetch import Cell, Column
from schema.relations import Relation
from schema.sources import Capabilities, Source

KINDS: dict[str, type] = {
    "text": str, "int": int, "decimal": Decimal, "float": float, "bool": bool, "date": dt.date, "datetime": dt.datetime,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tested:
    """A field's column: ``plain`` as it is selected, ``column`` as it is compared, ordered and grouped by."""

    field: str
    plain: Column
    column: Column
    codec: Codec

    @property
    def cell(self) -> Cell:
        return Cell(self.column)


@dataclass(frozen=True, slots=True)
class Subject:
    """``rows``: column -> raw value. ``key``: the record's own key."""

    name: str
    source: Source
    relation: Relation
    columns: tuple[Tested, ...]
    key: Tested
    rows: tuple[dict[str, Any], ...] = ()
    _counted: dict[Column, dict[Any, int]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def can(self) -> Capabilities:
        return self.source.capabilities

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every column once, as it is selected."""
        return tuple(dict.fromkeys(Cell(tested.plain) for tested in self.columns))

    def compared(self) -> tuple[Tested, ...]:
        """The columns that differ to a source: fields that read one column in one way count once."""
        return tuple({tested.column: tested for tested in self.columns}.values())

    def values(self, tested: Tested) -> list[Any]:
        """The distinct values of the column as compared, smallest first."""
        return list(self._counts(tested))

    def _counts(self, tested: Tested) -> dict[Any, int]:
        """How many rows share each value, smallest value first; counted once."""
        known = self._counted.get(tested.column)
        if known is None:
            kind = KINDS[tested.column.kind]
            found = Counter(
                value for row in self.rows if isinstance(value := compared(tested.column, row), kind)
            )  # fmt: skip
            known = self._counted[tested.column] = dict(sorted(found.items()))
        return known

    def sample(self, tested: Tested, most: int = 2) -> list[Any]:
        """Values to ask for: the one most rows share, so that ties occur, then others from the middle outwards."""
        counts = self._counts(tested)
        if not counts:
            return []
        values = list(counts)
        chosen = [max(values, key=counts.__getitem__), values[len(values) // 2], values[0], values[-1]]
        return list(dict.fromkeys(chosen))[:most]

    def absent(self, tested: Tested) -> list[Any]:
        """Values no row has, near those that some have: another case, a blank more, one more, a day later."""
        values = self._counts(tested)
        return [value for one in self.sample(tested) for value in _near(one) if value not in values][:3]


def _near(value: Any) -> list[Any]:
    match value:
        case str():
            return [value.swapcase(), value + " ", value + "\N{LATIN SMALL LETTER E WITH ACUTE}", value[:-1]]
        case bool():
            return []
        case dt.date():
            return [value + dt.timedelta(days=1), value + dt.timedelta(days=9999)]
        case int() | Decimal():
            return [value + 1, value + 987_654]
    return []


def subject_of(record: Record) -> Subject:
    """The record's columns; no rows yet."""
    tested = []
    for part in record.fields.values():
        if part.column is None or part.codec is None:
            continue
        codec = part.codec
        plain = Column(part.column, codec.kind or part.scalar.kind, codec.scale)
        normaliser = codec.normaliser if codec.normaliser in record.source.capabilities.normalisers else None
        tested.append(Tested(part.name, plain, Column(plain.name, plain.kind, plain.scale, normaliser), codec))
    key = next(one for one in tested if one.field == record.key)
    return Subject(record.name, record.source, record.relation, tuple(tested), key)


def spelled(tested: Tested, values: list[Any]) -> list[Any]:
    """The raw values and every other spelling of what they mean."""
    found: list[Any] = []
    for value in values:
        try:
            meant = tested.codec.decode(value)
        except Exception:  # the codec's own check tells it
            meant = None
        others = tested.codec.spellings(meant) if meant is not None else None
        found += [value, *(others or ())]
    return list(dict.fromkeys(found))
