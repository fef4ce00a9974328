"""Numbers and amounts of money: exact, in paisa or rupees, as numbers or as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import Any

from schema.codecs.codec import LEAST, MOST, Codec, itself, unlisted
from schema.codecs.columns import are_unsigned, shapes_of
from schema.codecs.texts import BLANKS
from schema.errors import Unreadable


def decimal(scale: int) -> Codec:
    """An exact number of the source, told with ``scale`` places (half-even). A column that holds more places is
    declared with them: filters, order and groups are by what it holds; ``check_connector`` tells where they differ."""
    quantum = Decimal(1).scaleb(-scale)

    def decode(raw: Any) -> Decimal:
        return quantized(raw, quantum)

    def column(values: Sequence[Any]) -> Sequence[Decimal]:
        if all(map(quantum.same_quantum, values)):
            return values
        found = [value.quantize(quantum) for value in values]
        if any(map(Decimal.is_nan, found)):
            raise Unreadable("not all of them are numbers")
        return found

    return Codec(
        f"decimal({scale})", decode, itself, kind="decimal", total=True, ordered=True, factor=Decimal(1), scale=scale,
        column=column,
    )  # fmt: skip


def written(codec: Codec) -> Codec:
    """A codec of ``decimal(scale)`` that gives what clients are told: text with ``scale`` places. Where the source has
    written it so already, it is only looked at."""
    assert codec.scale is not None
    places = codec.scale
    plain = re.compile(f"-?0+[.]0{{{places}}}" if places else "-?0+")

    def column(values: Sequence[Any]) -> Sequence[Any]:
        if not isinstance(values[0], str):
            return [str(value) for value in codec.column(values)]  # type: ignore[misc]
        lines = "\n".join(values)
        if are_unsigned(lines + "\n", len(values), places):
            return values
        if not all(plain.fullmatch(shape) for shape in shapes_of(lines, values)):
            raise Unreadable("not all of them are written with these places")
        return values

    return replace(codec, name=f"written {codec.name}", decode=lambda raw: str(codec.decode(raw)), column=column)


def quantized(raw: Any, quantum: Decimal) -> Decimal:
    """``raw`` as a Decimal with the quantum's places; Unreadable when it is no finite number (PostgreSQL's numeric
    knows NaN)."""
    try:
        value = raw if isinstance(raw, Decimal) else Decimal(str(raw))
        with localcontext() as context:
            context.prec = 60
            told = value.quantize(quantum)
        if told.is_nan():  # quantize lets it through
            raise Unreadable("not a decimal number")
        return told
    except ArithmeticError:
        raise Unreadable("not a decimal number") from None


def _paisa_to_rupees(paisa: int) -> Decimal:
    return Decimal(paisa).scaleb(-2)


def _whole_paisa(value: Decimal) -> int | None:
    paisa = value.scaleb(2)
    return int(paisa) if paisa == paisa.to_integral_value() else None


def _decode_paisa(raw: Any) -> Decimal:
    if isinstance(raw, int):
        return _paisa_to_rupees(raw)
    raise Unreadable("not a whole number of paisa")


def _spell_paisa(value: Decimal) -> tuple[int, ...]:
    paisa = _whole_paisa(value)
    return () if paisa is None or not LEAST <= paisa <= MOST else (paisa,)


paisa = Codec(
    "paisa", _decode_paisa, _spell_paisa, kind="int", total=True, ordered=True, factor=Decimal("0.01"),
    inline="Decimal({v}).scaleb(-2)",
)  # fmt: skip
"""Whole paisa in the source, rupees with two places for clients."""


def fixed_paisa(digits: int, *, signed: bool) -> Codec:
    """A fixed-width amount whose last two digits are paisa, e.g. ``+0000000186900`` (1,869.00); blank is null."""
    pattern = re.compile((r"[+-]" if signed else "") + f"[0-9]{{{digits}}}")

    def decode(raw: Any) -> Decimal | None:
        if isinstance(raw, str):
            if pattern.fullmatch(raw):
                return _paisa_to_rupees(int(raw))
            if not raw.strip():
                return None
        raise Unreadable(f"not a fixed-width amount of {digits} digits")

    def spell(value: Decimal) -> tuple[str, ...]:
        whole = _whole_paisa(value)
        if whole is None or (whole < 0 and not signed) or len(str(abs(whole))) > digits:
            return ()
        body = f"{abs(whole):0{digits}d}"
        if not signed:
            return (body,)
        return (f"+{body}", f"-{body}") if whole == 0 else (("-" if whole < 0 else "+") + body,)

    shapes = {f"{sign}{'0' * digits}" for sign in (("+", "-") if signed else ("",))}

    def column(values: Sequence[Any]) -> list[Decimal | None]:
        met = shapes_of("\n".join(values), values)
        if met <= shapes:
            return [Decimal(value).scaleb(-2) for value in values]
        if not met <= {*shapes, ""}:
            raise Unreadable(f"not all of them are amounts of {digits} digits")
        return [Decimal(value).scaleb(-2) if value else None for value in values]

    name = f"fixed_paisa({digits}{', signed' if signed else ''})"
    return Codec(name, decode, spell, kind="text", column=column)


def _decode_rupees(raw: Any) -> Decimal | None:
    if isinstance(raw, str):
        if not raw.strip():
            return None
        if re.fullmatch(r"-?[0-9]{1,20}\.[0-9]{2}", raw):
            return Decimal(raw)
    raise Unreadable("not an amount as rupees.paisa")


_AMOUNT = re.compile(r"(?:-?0{1,20}\.00)?")


def _rupees_column(values: Sequence[Any]) -> list[Decimal | None]:
    lines = "\n".join(values)
    usual = are_unsigned(lines + "\n", len(values), 2, 20)
    if not usual and not all(map(_AMOUNT.fullmatch, shapes_of(lines, values))):
        raise Unreadable("not all of them are amounts as rupees.paisa")
    return list(map(Decimal, values)) if usual else [Decimal(value) if value else None for value in values]


rupees_text = Codec("rupees_text", _decode_rupees, unlisted, kind="text", column=_rupees_column)
"""An amount as text with two places, e.g. ``1869.00``; blank is null."""


def _decode_whole(raw: Any) -> int | None:
    if isinstance(raw, str):
        text = raw.strip(BLANKS)
        if not text:
            return None
        if re.fullmatch(r"-?[0-9]{1,18}", text):
            return int(text)
    raise Unreadable("not a whole number")


_WHOLES = re.compile(r"(?:(?:-?[0-9]{1,18})?\n)*")


def _whole_column(values: Sequence[Any]) -> list[int | None]:
    lines = "\n".join(values) + "\n"
    if lines.count("\n") != len(values) or not _WHOLES.fullmatch(lines):
        raise Unreadable("not all of them are whole numbers")
    return [int(value) if value else None for value in values]


whole_number_text = Codec("whole_number_text", _decode_whole, unlisted, kind="text", column=_whole_column)
"""A whole number kept as text, as in entity-attribute-value tables; blank is null."""
