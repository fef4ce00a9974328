"""Numbers of persons and payers: CNIC and NTN."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from schema.codecs.codec import Codec, itself
from schema.codecs.columns import AS_ZEROS
from schema.errors import PartlyUnreadable, Unreadable


def _decode_cnic(raw: Any) -> str | None:
    if isinstance(raw, str):
        if len(raw) == 13 and raw.isascii() and raw.isdigit():
            return raw
        if re.fullmatch(r"[0-9]{5}-[0-9]{7}-[0-9]", raw):
            return raw.replace("-", "")
        if not raw.strip():
            return None
    raise Unreadable("not a 13-digit CNIC")


_CNIC_DASHED, _CNIC_PLAIN = "[00000-0000000-0]", "[0000000000000]"
_CNIC_FORMS = frozenset({_CNIC_DASHED[1:-1], _CNIC_PLAIN[1:-1], ""})


def _cnic_column(values: Sequence[Any]) -> list[Any]:
    """Every value between brackets, every digit told as 0: the known forms must cover the whole, one a value."""
    text = "[" + "][".join(values) + "]"
    shapes = text.translate(AS_ZEROS)
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


cnic = Codec(
    "cnic", _decode_cnic, lambda value: (value, f"{value[:5]}-{value[5:12]}-{value[12:]}"), kind="text",
    column=_cnic_column, spell_all=lambda values: [*values, *[f"{v[:5]}-{v[5:12]}-{v[12:]}" for v in values]],
)  # fmt: skip
"""A CNIC in either written form; 12 or 14 digits are unreadable, blank is null."""


def _decode_payer(raw: Any) -> str | None:
    if isinstance(raw, str):
        if re.fullmatch(r"[0-9]{7}-[0-9]", raw):
            return raw
        return _decode_cnic(raw)
    raise Unreadable("neither a CNIC nor an NTN")


payer_number = Codec(
    "payer_number", _decode_payer, lambda value: cnic.spellings(value) if len(value) == 13 else (value,), kind="text"
)  # fmt: skip
"""A CNIC in either written form, or an NTN: seven digits, a dash and a check digit; blank is null."""


def _decode_bare_cnic(raw: Any) -> str:
    if isinstance(raw, str) and len(raw) == 13 and raw.isascii() and raw.isdigit():
        return raw
    raise Unreadable("not 13 digits")


bare_cnic = Codec("bare_cnic", _decode_bare_cnic, itself, kind="text", ordered=True)
"""A CNIC where a system writes it in one way only, so that it is asked for once."""
