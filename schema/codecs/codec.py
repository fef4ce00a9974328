"""What a codec is: two ways between what a legacy column holds and the value it means.

``decode`` reads a raw value (never None: a null is a null); it returns None for "blank means null" and raises
Unreadable, without the value, for what it cannot read. ``spellings(value)`` is **every** raw that decodes to
``value``, or None when there is no finite list: then a filter or join on the column uses ``normaliser`` if the
connector knows it, or runs after the fetch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

LEAST, MOST = -(2**63), 2**63 - 1
"""What a whole number of a source may be; nothing beyond can be asked for."""
NORMALISERS = ("trim", "upper_trim")
"""What a source may do by itself before it compares: ``trim`` strips ASCII blanks at both ends, ``upper_trim`` also
raises to capitals."""


def itself(value: Any) -> tuple[Any, ...]:
    """The spellings of a value that stands in the source as it is."""
    return (value,)


def unlisted(value: Any) -> None:
    """The spellings of a value that has no finite list of them."""


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
        return self.spellings is not unlisted


identity = Codec("identity", lambda raw: raw, itself, total=True, ordered=True, factor=Decimal(1), inline="{v}")
