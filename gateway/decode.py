"""Raw rows into decoded ones, a column at a time. A cell that cannot be read becomes null and is reported once per
field; the row and the rest stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.plan import CellUse
from gateway.table import Table
from schema.catalog import Field
from schema.codecs import Codec
from schema.codecs.numbers import written
from schema.errors import PartlyUnreadable

REPEATED = """
def column(values):
    known = {v: None if v is None else decode(v) for v in set(values)}
    return [known[v] for v in values] if len(known) > 1 else [*known.values()] * len(values)
"""
"""Legacy texts are codes, months, days: few different ones in a column, each decoded once."""

BLOCK = 16
"""Values looked at together where some of the column cannot be read."""
FEW = 4
"""So many times as many values as different ones make it worth telling these apart first."""

Report = Callable[[Field], None]
Column = Callable[[Sequence[Any]], Sequence[Any]]
"""A whole column, decoded. Raises when any of its values cannot be read, and may where one is null."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """``coded``: the columns there is something to decode in, with their field, its codec, and that codec over a whole
    column."""

    coded: tuple[tuple[int, Field, Codec, Column], ...]

    def table(self, raw: Table, report: Report) -> Table:
        """Decoded rows; what stands behind the cells is kept as it is."""
        if not raw.size:
            return raw
        columns = list(raw.columns)
        for at, part, codec, column in self.coded:
            columns[at] = _decoded(columns[at], part, codec, column, report)
        return Table(tuple(columns), raw.size)


def make_decoder(
    cells: tuple[CellUse, ...], as_text: frozenset[int] = frozenset(), decoded: frozenset[int] = frozenset()
) -> Decoder | None:
    """Decodes the first ``len(cells)`` values of each row; None when there is nothing to decode. ``as_text``: positions
    of decimals that are decoded to what clients are told; ``decoded``: of what is so already."""
    columns = [
        (at, cell.field, _codec(cell.field, at in as_text)) for at, cell in enumerate(cells) if at not in decoded
    ]
    coded = tuple((at, part, codec, _column(codec)) for at, part, codec in columns if codec is not None)
    return Decoder(coded) if coded else None


def _codec(part: Field, as_text: bool) -> Codec | None:
    """What there is to decode with."""
    codec = part.codec
    if codec is None or codec.name == "identity":
        return None
    return written(codec) if as_text else codec


def _column(codec: Codec) -> Column:
    if codec.column is not None:
        return codec.column
    env: dict[str, Any] = {"Decimal": Decimal, "decode": codec.decode}
    if codec.inline is not None:
        inline = codec.inline.format(v="v")
        exec(f"def column(values):\n    return [None if v is None else {inline} for v in values]\n", env)
    elif codec.kind == "text":
        exec(REPEATED, env)
    else:
        exec("def column(values):\n    return [None if v is None else decode(v) for v in values]\n", env)
    column: Column = env["column"]
    return column


def _decoded(values: Sequence[Any], part: Field, codec: Codec, column: Column, report: Report) -> Sequence[Any]:
    """Nulls stay nulls. Where one value of many cannot be read, it is looked at by itself; where nobody knows which,
    each different one is."""
    try:
        return column(values)
    except PartlyUnreadable as error:
        for at in error.places:
            error.column[at] = _carefully(values[at], part, codec, report)
        return error.column
    except Exception:
        if None not in values:
            return _one_by_one(values, part, codec, column, report)
    decoded = iter(_decoded([value for value in values if value is not None], part, codec, column, report))
    return [None if value is None else next(decoded) for value in values]


def _one_by_one(values: Sequence[Any], part: Field, codec: Codec, column: Column, report: Report) -> Sequence[Any]:
    if len(values) <= BLOCK:
        return [_carefully(value, part, codec, report) for value in values]
    if codec.kind == "text":
        try:
            different = set(values)
        except TypeError:  # a list where a text should be
            different = set()
        if 0 < len(different) <= len(values) // FEW:
            known = {value: _carefully(value, part, codec, report) for value in different}
            return [known[value] for value in values]
    size = max(BLOCK, len(values) // 32)
    blocks = (values[at : at + size] for at in range(0, len(values), size))
    return [one for block in blocks for one in _decoded(block, part, codec, column, report)]


def _carefully(raw: Any, part: Field, codec: Codec, report: Report) -> Any:
    """One decoded value; what its codec cannot read is null and reported."""
    if raw is None:
        return None
    try:
        return codec.decode(raw)
    except Exception:
        report(part)
        return None


def blank(table: Table, cells: tuple[CellUse, ...], params: tuple[Any, ...]) -> Table:
    """The rows with every cell nulled whose condition the source could not apply and the row does not meet."""
    columns = list(table.columns)
    for at, cell in enumerate(cells):
        if cell.blank_unless is not None:
            shown = cell.blank_unless.judged_columns(table.columns, table.size, params)
            columns[at] = [value if there else None for value, there in zip(columns[at], shown, strict=True)]
    return Table(tuple(columns), table.size)
