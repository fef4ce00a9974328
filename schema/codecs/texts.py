"""Text and codes: blanks, capitals, closed tables of codes, flags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schema.codecs.codec import Codec, unlisted
from schema.errors import Unreadable

BLANKS = " \t\r\n"
"""What legacy systems pad with."""

stripped = Codec(
    "stripped", lambda raw: raw.strip(BLANKS), unlisted, kind="text", total=True, ordered=True, normaliser="trim",
    inline="{v}.strip(' \\t\\r\\n')",
)  # fmt: skip
"""Text without the blanks legacy systems pad with. Empty text stays a value."""

blank_is_null = Codec(
    "blank_is_null", lambda raw: raw.strip(BLANKS) or None, unlisted, kind="text", normaliser="trim",
    inline="({v}.strip(' \\t\\r\\n') or None)",
)  # fmt: skip
"""Stripped text whose empty form means that nothing is known."""


empty_is_null = Codec(
    "empty_is_null", lambda raw: raw or None, lambda value: (value,) if value else (), kind="text",
    inline="({v} or None)",
)  # fmt: skip
"""Text that stands as it was typed and is empty where nothing is known: it can be asked for as a key."""

upper_trimmed = Codec(
    "upper_trimmed", lambda raw: raw.strip(BLANKS).upper() or None, unlisted, kind="text", normaliser="upper_trim",
    inline="({v}.strip(' \\t\\r\\n').upper() or None)",
)  # fmt: skip
"""Codes whose writers pad them and vary the case: read in capitals without blanks; blank is null."""


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


def flag(true: Any, false: Any, *, kind: str = "int") -> Codec:
    """A two-valued code, e.g. ``flag(1, 0)`` or ``flag("Y", "N", kind="text")``."""

    def decode(raw: Any) -> bool:
        if raw == true:
            return True
        if raw == false:
            return False
        raise Unreadable("neither of the two codes of this flag")

    return Codec(f"flag({true!r}, {false!r})", decode, lambda value: (true if value else false,), kind=kind)
