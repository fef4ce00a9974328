"""Two-way codecs between what a legacy column holds and the value it means.

``decode`` reads a raw value (never None: a null is a null); it returns None for "blank means null" and raises
Unreadable, without the value, for what it cannot read. ``spellings(value)`` is **every** raw that decodes to
``value``, or None when there is no finite list: then a filter or join on the column uses ``normaliser`` if the
connector knows it, or runs after the fetch.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Any

from schema.errors import PartlyUnreadable, Unreadable
from schema.scalars import KARACHI

LEAST, MOST = -(2**63), 2**63 - 1
"""What a whole number of a source may be; nothing beyond can be asked for."""
NORMALISERS = ("trim", "upper_trim")
"""What a source may do by itself before it compares: ``trim`` strips ASCII blanks at both ends, ``upper_trim`` also
raises to capitals."""


def _one(value: Any) -> tuple[Any, ...]:
    return (value,)


def _never(value: Any) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Codec:
    """``kind`` is the raw value's storage family (text int decimal float bool date datetime), None when it is the
    field's own. ``total``: every non-null raw has a value. ``ordered``: raws that have a value (normalised, when there
    is a normaliser) sort, compare and group as their values do. ``factor``: value = raw * factor, so that sums may be
    taken in the source. ``inline``: ``decode`` as an expression over ``{v}`` for generated code, only when it cannot
    raise. ``column``: ``decode`` over many values at once; it raises anything at all when one of them is None or not
    plainly what it should be: PartlyUnreadable where it knows which, else each is decoded by itself.
    ``spell_all``: the spellings of many distinct values, where that is quicker than one by one."""

    name: str
    decode: Callable[[Any], Any]
    spellings: Callable[[Any], tuple[Any, ...] | None]
    kind: str | None = None
    total: bool = False
    ordered: bool = False
    normaliser: str | None = None
    factor: Decimal | None = None
    inline: str | None = None
    scale: int | None = None
    """Places of a decimal column."""
    column: Callable[[Sequence[Any]], Sequence[Any]] | None = None
    spell_all: Callable[[Sequence[Any]], Sequence[Any]] | None = None

    @property
    def enumerable(self) -> bool:
        """Whether ``spellings`` gives a finite list."""
        return self.spellings is not _never


identity = Codec("identity", lambda raw: raw, _one, total=True, ordered=True, factor=Decimal(1), inline="{v}")


_BLANKS = " \t\r\n"
stripped = Codec(
    "stripped", lambda raw: raw.strip(_BLANKS), _never, kind="text", total=True, ordered=True, normaliser="trim",
    inline="{v}.strip(' \\t\\r\\n')",
)  # fmt: skip
"""Text without the blanks legacy systems pad with. Empty text stays a value."""

blank_is_null = Codec(
    "blank_is_null", lambda raw: raw.strip(_BLANKS) or None, _never, kind="text", normaliser="trim",
    inline="({v}.strip(' \\t\\r\\n') or None)",
)  # fmt: skip
"""Stripped text whose empty form means that nothing is known."""


empty_is_null = Codec(
    "empty_is_null", lambda raw: raw or None, lambda value: (value,) if value else (), kind="text",
    inline="({v} or None)",
)  # fmt: skip
"""Text that stands as it was typed and is empty where nothing is known: it can be asked for as a key."""


def _decode_cnic(raw: Any) -> str | None:
    if isinstance(raw, str):
        if len(raw) == 13 and raw.isascii() and raw.isdigit():
            return raw
        if re.fullmatch(r"[0-9]{5}-[0-9]{7}-[0-9]", raw):
            return raw.replace("-", "")
        if not raw.strip():
            return None
    raise Unreadable("not a 13-digit CNIC")


_SHAPE = str.maketrans("123456789", "000000000")
_CNIC_DASHED, _CNIC_PLAIN = "[00000-0000000-0]", "[0000000000000]"
_CNIC_FORMS = frozenset({_CNIC_DASHED[1:-1], _CNIC_PLAIN[1:-1], ""})


def _cnic_column(values: Sequence[Any]) -> list[Any]:
    """Every value between brackets, every digit told as 0: the known forms must cover the whole, one a value."""
    text = "[" + "][".join(values) + "]"
    shapes = text.translate(_SHAPE)
    others: tuple[int, ...] = ()
    blank, dashed = False, shapes.count(_CNIC_DASHED)
    if dashed != len(values) or dashed * len(_CNIC_DASHED) != len(text):
        plain, blanks = shapes.count(_CNIC_PLAIN), shapes.count("[]")
        covered = dashed * len(_CNIC_DASHED) + plain * len(_CNIC_PLAIN) + blanks * 2
        if dashed + plain + blanks != len(values) or covered != len(text):
            others = _others(shapes, len(values))
        blank = blanks > 0
    found = text.encode().translate(None, b"-").decode()[1:-1].split("][")
    decoded: list[Any] = [one or None for one in found] if blank else found
    if others:
        raise PartlyUnreadable("not all of them are 13-digit CNICs", others, decoded)
    return decoded


def _others(shapes: str, many: int) -> tuple[int, ...]:
    """The places of the values of no known form."""
    each = shapes[1:-1].split("][")
    found = tuple(at for at, shape in enumerate(each) if shape not in _CNIC_FORMS)
    if len(each) != many or not found:
        raise Unreadable("a value has brackets in it")
    return found


def _shapes(lines: str, values: Sequence[Any]) -> set[str]:
    """The forms among the values, a line each in ``lines``, every digit told as 0: a few, however many values."""
    if lines.count("\n") != len(values) - 1:
        raise Unreadable("a value has a line end in it")
    return set(lines.translate(_SHAPE).split("\n"))


def _unsigned(lines: str, many: int, places: int, most: int | None = None) -> bool:
    """Whether each of ``many`` lines is digits (``most`` at most), a point and ``places`` digits more: the usual, and
    quickly known."""
    if lines.encode().translate(None, b"0123456789") != (b".\n" if places else b"\n") * many:
        return False
    shapes = lines.translate(_SHAPE)
    if most is not None and "0" * (most + 1) in shapes:
        return False
    return shapes.count(f"0.{'0' * places}\n" if places else "0\n") == many


cnic = Codec(
    "cnic", _decode_cnic, lambda value: (value, f"{value[:5]}-{value[5:12]}-{value[12:]}"), kind="text",
    column=_cnic_column, spell_all=lambda values: [*values, *[f"{v[:5]}-{v[5:12]}-{v[12:]}" for v in values]],
)  # fmt: skip
"""A CNIC in either written form; 12 or 14 digits are unreadable, blank is null."""


def _decode_bare_cnic(raw: Any) -> str:
    if isinstance(raw, str) and len(raw) == 13 and raw.isascii() and raw.isdigit():
        return raw
    raise Unreadable("not 13 digits")


bare_cnic = Codec("bare_cnic", _decode_bare_cnic, _one, kind="text", ordered=True)
"""A CNIC where a system writes it in one way only, so that it is asked for once."""


def code_table(name: str, table: Mapping[Any, str | None], *, kind: str = "text") -> Codec:
    """A codec over a closed table of codes; a code outside it is unreadable. None as meaning says "blank"."""

    def decode(raw: Any) -> str | None:
        try:
            return table[raw]
        except (KeyError, TypeError):
            raise Unreadable(f"not a code of {name}") from None

    back: dict[str, tuple[Any, ...]] = {}
    for code, meaning in table.items():
        if meaning is not None:
            back[meaning] = (*back.get(meaning, ()), code)
    return Codec(
        name, decode, lambda value: back.get(value, ()), kind=kind,
        column=lambda values: [table[value] for value in values],
    )  # fmt: skip


def _day(year: str, month: str, day: str) -> dt.date:
    try:
        return dt.date(int(year), int(month), int(day))
    except ValueError:
        raise Unreadable("this day does not exist") from None


def _decode_yyyymmdd(raw: Any) -> dt.date | None:
    if isinstance(raw, str):
        if not raw.strip() or raw == "00000000":
            return None
        if len(raw) == 8 and raw.isascii() and raw.isdigit():
            return _day(raw[:4], raw[4:6], raw[6:])
    raise Unreadable("not a date as YYYYMMDD")


yyyymmdd = Codec(
    "yyyymmdd", _decode_yyyymmdd, lambda day: (day.isoformat().replace("-", ""),), kind="text", ordered=True
)  # fmt: skip
"""A day as YYYYMMDD; blank and 00000000 are null."""


def _decode_ddmmyyyy(raw: Any) -> dt.date | None:
    if isinstance(raw, str):
        if not raw.strip():
            return None
        if re.fullmatch(r"[0-9]{2}/[0-9]{2}/[0-9]{4}", raw):
            return _day(raw[6:], raw[3:5], raw[:2])
    raise Unreadable("not a date as DD/MM/YYYY")


ddmmyyyy = Codec("ddmmyyyy", _decode_ddmmyyyy, lambda day: (f"{day:%d/%m}/{day.year:04d}",), kind="text")
"""A day as DD/MM/YYYY; blank is null."""


def _decode_iso_day(raw: Any) -> dt.date | None:
    if isinstance(raw, str):
        if not raw.strip():
            return None
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", raw):
            return _day(raw[:4], raw[5:7], raw[8:])
    raise Unreadable("not a date as YYYY-MM-DD")


iso_day = Codec("iso_day", _decode_iso_day, lambda day: (day.isoformat(),), kind="text")
"""A day kept as text YYYY-MM-DD; blank is null."""


def _decode_yyyymm(raw: Any) -> str | None:
    if isinstance(raw, str):
        if not raw.strip():
            return None
        if len(raw) == 6 and raw.isascii() and raw.isdigit() and "01" <= raw[4:] <= "12":
            return f"{raw[:4]}-{raw[4:]}"
    raise Unreadable("not a month as YYYYMM")


def _spell_yyyymm(value: str) -> tuple[str, ...]:
    return (value.replace("-", ""),) if re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", value) else ()


yyyymm = Codec("yyyymm", _decode_yyyymm, _spell_yyyymm, kind="text")
"""A month kept as YYYYMM, told as 2025-09; blank is null."""


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
        f"decimal({scale})", decode, _one, kind="decimal", total=True, ordered=True, factor=Decimal(1), scale=scale,
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
        if _unsigned(lines + "\n", len(values), places):
            return values
        if not all(plain.fullmatch(shape) for shape in _shapes(lines, values)):
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
        met = _shapes("\n".join(values), values)
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
    usual = _unsigned(lines + "\n", len(values), 2, 20)
    if not usual and not all(map(_AMOUNT.fullmatch, _shapes(lines, values))):
        raise Unreadable("not all of them are amounts as rupees.paisa")
    return list(map(Decimal, values)) if usual else [Decimal(value) if value else None for value in values]


rupees_text = Codec("rupees_text", _decode_rupees, _never, kind="text", column=_rupees_column)
"""An amount as text with two places, e.g. ``1869.00``; blank is null."""


def _decode_whole(raw: Any) -> int | None:
    if isinstance(raw, str):
        text = raw.strip(_BLANKS)
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


whole_number_text = Codec("whole_number_text", _decode_whole, _never, kind="text", column=_whole_column)
"""A whole number kept as text, as in entity-attribute-value tables; blank is null."""


def _decode_year(raw: Any) -> int:
    if isinstance(raw, str) and len(raw) == 4 and raw.isascii() and raw.isdigit():
        return int(raw)
    raise Unreadable("not a year of four digits")


year_text = Codec(
    "year_text", _decode_year, lambda year: (f"{year:04d}",) if 0 <= year <= 9999 else (), kind="text"
)  # fmt: skip
"""A year kept as text of four digits."""


def _decode_local(raw: Any) -> dt.datetime:
    if isinstance(raw, dt.datetime):
        return raw.replace(tzinfo=KARACHI) if raw.tzinfo is None else raw.astimezone(KARACHI)
    raise Unreadable("not a date-time")


local_time = Codec(
    "local_time", _decode_local, lambda value: (value.astimezone(KARACHI).replace(tzinfo=None),), kind="datetime",
    total=True, ordered=True,
)  # fmt: skip
"""A stamp without zone, which means Karachi's time."""


def _decode_stamp(raw: Any) -> dt.datetime | None:
    if isinstance(raw, str):
        if not raw.strip():
            return None
        try:
            stamp = dt.datetime.fromisoformat(raw)
        except ValueError:
            raise Unreadable("not an ISO 8601 date-time") from None
        return stamp.replace(tzinfo=KARACHI) if stamp.tzinfo is None else stamp.astimezone(KARACHI)
    raise Unreadable("not an ISO 8601 date-time")


iso_stamp = Codec("iso_stamp", _decode_stamp, _never, kind="text")
"""A moment kept as ISO 8601 text; without an offset it means Karachi's time; blank is null."""


offset_stamp = Codec("offset_stamp", _decode_stamp, _never, kind="text", ordered=True)
"""The same, where all raws carry one offset to the second, so that they sort as their moments do."""


def _spell_naive(value: dt.datetime) -> tuple[str, ...]:
    whole = value.astimezone(KARACHI).replace(tzinfo=None)
    return () if whole.microsecond else (whole.isoformat(),)


naive_stamp = Codec("naive_stamp", _decode_stamp, _spell_naive, kind="text", ordered=True)
"""A moment kept as ISO 8601 text to the second, never with an offset: Karachi's time."""


def flag(true: Any, false: Any, *, kind: str = "int") -> Codec:
    """A two-valued code, e.g. ``flag(1, 0)`` or ``flag("Y", "N", kind="text")``."""

    def decode(raw: Any) -> bool:
        if raw == true:
            return True
        if raw == false:
            return False
        raise Unreadable("neither of the two codes of this flag")

    return Codec(f"flag({true!r}, {false!r})", decode, lambda value: (true if value else false,), kind=kind)


upper_trimmed = Codec(
    "upper_trimmed", lambda raw: raw.strip(_BLANKS).upper() or None, _never, kind="text", normaliser="upper_trim",
    inline="({v}.strip(' \\t\\r\\n').upper() or None)",
)  # fmt: skip
"""Codes whose writers pad them and vary the case: read in capitals without blanks; blank is null."""
