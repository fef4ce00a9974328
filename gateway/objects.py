"""Objects of an answer, made a column at a time and written as JSON.

An object is a struct whose fields have the response's keys: a thousand of them are made and written in less than half
of the time that a thousand dicts take.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from itertools import repeat
from typing import Any

import msgspec

from gateway.allowed import ManyPart, OnePart, TypeNamePart, ValuePart
from gateway.plan import ObjectLayout
from gateway.prepared import Prepared
from gateway.table import Table
from schema.catalog import Field
from schema.predicates import TRUE
from schema.scalars import Scalar

MASK = "********"
"""What a masked text shows: the same for every row, so that it tells nothing. Other types show null."""

Report = Callable[[Field, str], None]
"""Is told of a computed field, and its record, whose function failed on a row."""
Found = Callable[[Any], Any]
"""What a link or a lookup has for a value of the row's."""
Cells = Callable[[Table, Mapping[str, Found], Report], Iterable[Any]]
"""One part of every object. ``Found`` by the part's key."""
Builder = Callable[[Table, Mapping[str, Found], Report], list[Any]]
"""The objects of a layout, one a row."""

written: Callable[[Any], bytes] = msgspec.json.Encoder().encode
"""A response, or a part of one, as JSON."""


def written_once(value: Any) -> Any:
    """The value as it stands in every place it is told in."""
    return msgspec.Raw(written(value))


def output(scalar: Scalar, value: Any) -> Any:
    """A decoded value as JSON tells it."""
    return None if value is None else scalar.output(value)


def make_builder(layout: ObjectLayout, prepared: Prepared) -> Builder:
    """Worked out once a plan."""
    made = _struct(tuple(part.key for part in layout.part.parts))
    as_text = prepared.as_text[layout.step]
    parts = [_cells(part, layout, as_text) for part in layout.part.parts]
    if not parts:  # a feed that asks for no row's fields
        return lambda table, found, report: [made() for _ in range(table.size)]

    def build(table: Table, found: Mapping[str, Found], report: Report) -> list[Any]:
        return list(map(made, *[cells(table, found, report) for cells in parts]))

    return build


@functools.lru_cache(maxsize=4096)
def _struct(keys: tuple[str, ...]) -> type[Any]:
    """Keys are the client's: a field is named by its place, and told by its key."""
    names = [f"f{index}" for index in range(len(keys))]
    return msgspec.defstruct("Object", names, rename=dict(zip(names, keys, strict=True)), eq=False, gc=False)


def _cells(part: Any, layout: ObjectLayout, as_text: frozenset[int]) -> Cells:
    match part:
        case TypeNamePart(type_name=type_name):
            return _always(type_name)
        case ValuePart(decision=decision) if not decision.shown:
            return _always(MASK if part.field.scalar.kind == "text" else None)
        case ValuePart():
            return _value(part, layout, as_text)
        case OnePart() | ManyPart():
            return _linked(part.key, layout.positions[part.local.name, part.condition], part.condition == TRUE)
    return _always(None)


def _always(value: Any) -> Cells:
    return lambda table, found, report: repeat(value, table.size)


def _linked(key: str, position: int, always: bool) -> Cells:
    """``always``: the link may be seen from every row; else only from those whose cell is not blanked."""
    if always:
        return lambda table, found, report: map(found[key], table.columns[position])
    return lambda table, found, report: [
        None if cell is None else found[key](cell) for cell in table.columns[position]
    ]  # fmt: skip


def _value(part: ValuePart, layout: ObjectLayout, as_text: frozenset[int]) -> Cells:
    field, scalar, key = part.field, part.field.scalar, part.key
    positions = [layout.positions[name, part.decision.condition] for name in field.reads or (field.name,)]
    if field.function is not None:
        return _computed(field, layout.part.access.record.type_name, positions)
    (position, *_) = positions
    if field.batch is not None:
        return lambda table, found, report: [output(scalar, found[key](cell)) for cell in table.columns[position]]
    if scalar.as_it_is or position in as_text:
        return lambda table, found, report: table.columns[position]
    told = scalar.output
    return lambda table, found, report: [None if cell is None else told(cell) for cell in table.columns[position]]


def _computed(field: Field, type_name: str, positions: list[int]) -> Cells:
    """A function's values; one that fails is null, and reported."""
    function, scalar = field.function, field.scalar
    assert function is not None

    def computed(table: Table, found: Mapping[str, Found], report: Report) -> Iterable[Any]:
        for values in zip(*[table.columns[position] for position in positions], strict=True):
            try:
                value = function(*values)
            except Exception:
                report(field, type_name)
                value = None
            yield output(scalar, value)

    return computed
