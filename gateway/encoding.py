"""How cells stand in the engine: days, moments and decimals as whole numbers, so that nothing is rounded and text is
ordered by code point. A column it cannot hold exactly is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

from gateway.table import Column, PastBound

DIGITS = 38
PRECISION = 100
"""Of sums and shifts of decimals of so many digits."""
BITS = 63
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
CARRIED = {"bool": "bool", "decimal": "string", "text": "string"}
HELD = {"bool": "BOOLEAN", "decimal": "HUGEINT", "text": "VARCHAR"}


@dataclass(frozen=True, slots=True)
class Kind:
    """``name``: none (nothing but nulls), bool, int, decimal, text, day or moment. ``scale``: of decimals, held as that
    many times ten. ``zone``: of moments, all in one."""

    name: str
    scale: int = 0
    zone: Any = None

    @property
    def carried(self) -> str:
        """The column's type on the way to the engine."""
        return CARRIED.get(self.name, "int64")

    @property
    def held(self) -> str:
        """And there."""
        return HELD.get(self.name, "BIGINT")

    def decoded(self, cells: Sequence[Any]) -> list[Any]:
        match self.name:
            case "decimal":
                with localcontext() as context:
                    context.prec = PRECISION
                    return [None if cell is None else Decimal(cell).scaleb(-self.scale) for cell in cells]
            case "day":
                return [None if cell is None else dt.date.fromordinal(cell) for cell in cells]
            case "moment":
                return [
                    None if cell is None else (EPOCH + cell * MICROSECOND).astimezone(self.zone) for cell in cells
                ]
        return list(cells)


NAMES: dict[type, str] = {
    bool: "bool", int: "int", Decimal: "decimal", str: "text", dt.date: "day", dt.datetime: "moment",
}  # fmt: skip


def kind_of(column: Column) -> Kind:
    """Raises PastBound for a column that cannot be held exactly."""
    types = set(map(type, column)) - {type(None)}
    if not types:
        return Kind("none")
    name = NAMES.get(types.pop())
    if name is None or types:
        raise PastBound
    cells = [cell for cell in column if cell is not None]
    match name:
        case "int" if any(not -(2**BITS) <= cell < 2**BITS for cell in cells):
            raise PastBound
        case "text" if any(not cell.isascii() and _broken(cell) for cell in cells):
            raise PastBound
        case "moment":
            zones = {cell.tzinfo for cell in cells}
            if len(zones) > 1 or None in zones:
                raise PastBound
            return Kind(name, zone=zones.pop())
        case "decimal":
            return _decimal(cells)
    return Kind(name)


def _broken(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _decimal(cells: Sequence[Decimal]) -> Kind:
    if not all(cell.is_finite() for cell in cells):
        raise PastBound
    scale = max(0, *(-cell.as_tuple().exponent for cell in cells))  # type: ignore[operator]
    if any(cell and cell.adjusted() + 1 + scale > DIGITS for cell in cells) or scale > DIGITS:
        raise PastBound
    return Kind("decimal", scale)


def encoded(column: Column, kind: Kind) -> list[Any]:
    """As the column is carried to the engine."""
    match kind.name:
        case "decimal":
            with localcontext() as context:
                context.prec = PRECISION
                return [None if cell is None else str(int(cell.scaleb(kind.scale))) for cell in column]
        case "day":
            return [None if cell is None else cell.toordinal() for cell in column]
        case "moment":
            return [None if cell is None else (cell - EPOCH) // MICROSECOND for cell in column]
    return list(column)


def shared(one: Kind, other: Kind) -> Kind:
    """One kind that holds cells of both. Raises PastBound for kinds that are told apart."""
    if "none" in (one.name, other.name):
        return other if one.name == "none" else one
    if one.name != other.name or one.zone != other.zone:
        raise PastBound
    return one if one.scale >= other.scale else other
