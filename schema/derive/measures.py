"""What is counted and measured of a group."""

from __future__ import annotations

from dataclasses import dataclass

from schema.derive.cell_tests import Test


@dataclass(frozen=True, slots=True)
class Measured:
    """``function``: count values sum min max distinct, or ``counted``, the sum of counts. ``only``: the rows that
    count; all without it."""

    function: str
    cell: str | None = None
    only: Test | None = None


def count(only: Test | None = None) -> Measured:
    return Measured("count", None, only)


def values(name: str) -> Measured:
    """How many rows have the cell."""
    return Measured("values", name)


def total(name: str, only: Test | None = None) -> Measured:
    return Measured("sum", name, only)


def least(name: str) -> Measured:
    return Measured("min", name)


def most(name: str) -> Measured:
    return Measured("max", name)


def distinct(name: str) -> Measured:
    return Measured("distinct", name)
