"""Many raw values of one column looked at as one text, a line each: what their forms are is known quickly, however many
they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schema.errors import Unreadable

AS_ZEROS = str.maketrans("123456789", "000000000")


def shapes_of(lines: str, values: Sequence[Any]) -> set[str]:
    """The forms among the values, a line each in ``lines``, every digit told as 0: a few, however many values."""
    if lines.count("\n") != len(values) - 1:
        raise Unreadable("a value has a line end in it")
    return set(lines.translate(AS_ZEROS).split("\n"))


def are_unsigned(lines: str, many: int, places: int, most: int | None = None) -> bool:
    """Whether each of ``many`` lines is digits (``most`` at most), a point and ``places`` digits more: the usual, and
    quickly known."""
    if lines.encode().translate(None, b"0123456789") != (b".\n" if places else b"\n") * many:
        return False
    shapes = lines.translate(AS_ZEROS)
    if most is not None and "0" * (most + 1) in shapes:
        return False
    return shapes.count(f"0.{'0' * places}\n" if places else "0\n") == many
