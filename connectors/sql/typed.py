"""Columns that PostgreSQL has in a type of its own and a record declares as text."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


class Named(sa.types.UserDefinedType[str]):
    """A type of the server by its name."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        return self.name


LOOSER = frozenset({"bpchar", "citext"})
"""PostgreSQL's texts whose own equality takes every text and ignores something: blanks at the end, case."""


def as_own(name: str, param: Any, many: bool) -> Any:
    """A text parameter, or a list of them, as a column of the named type compares it; the parameter stays a text."""
    text, own = (sa.ARRAY(sa.Text()), sa.ARRAY(Named(name))) if many else (sa.Text(), Named(name))
    return sa.cast(sa.cast(param, text), own)
