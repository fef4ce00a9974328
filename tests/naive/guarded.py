"""Figures under a grant of totals: what must be withheld, and what the gateway may withhold besides to keep it so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from schema.catalog import Record
from tests.naive.rights import Right
from tests.naive.world import Row

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Guarded:
    """``shown``: the answer where it may be given; ``must``: it may not."""

    shown: Any
    withheld: Any
    must: bool


@dataclass(frozen=True, slots=True)
class GuardedGroups:
    """``instead``: what stands for all groups of a table that is withheld as a whole. ``drops``: a condition passes no
    withheld group, so any may be missing. ``lines``: groups that add up to a figure of a coarser table, by place, with
    ``weights`` (persons behind each): of those, one alone or few persons must not be withheld. ``k``: how few."""

    groups: list[Guarded]
    instead: Any
    drops: bool
    lines: list[list[int]]
    weights: list[int]
    k: int


@dataclass(frozen=True, slots=True)
class Table:
    """The one table published for a set of fields, over everything the right covers."""

    fields: tuple[str, ...]
    weights: dict[Key, int]
    unsafe: set[Key]

    def key(self, row: Row) -> Key:
        return tuple(row[name] for name in self.fields)


def table(record: Record, right: Right, rows: Iterable[Row], asked: Iterable[str]) -> Table:
    """A cell is unsafe with fewer than k persons, with fewer who have a value, and where one has most of a sum."""
    names = set(asked)
    while coarser := {wide for fine, wide in right.within if fine in names} - names:
        names |= coarser
    fields = tuple(sorted(names))
    cells: dict[Key, list[Row]] = {}
    for row in rows:
        cells.setdefault(tuple(row[name] for name in fields), []).append(row)
    weights: dict[Key, int] = {}
    unsafe: set[Key] = set()
    summed = [name for name in right.measures or () if record.fields[name].scalar.kind in ("int", "decimal", "float")]
    for key, found in cells.items():
        weights[key] = len(found)
        for name in summed:
            values = [row[name] for row in found if row[name] is not None]
            if values:
                weights[key] = min(weights[key], len(values))
                if 2 * max(values) > sum(values):
                    unsafe.add(key)
        if weights[key] < right.k:
            unsafe.add(key)
    return Table(fields, weights, unsafe)


def lines(found: Table, right: Right, keys: list[Key]) -> list[list[int]]:
    """Places among ``keys`` of cells that differ in one field only, for each field a coarser table may leave out."""
    implied = {wide for fine, wide in right.within if fine in found.fields}
    told: list[list[int]] = []
    for at, name in enumerate(found.fields):
        if name in implied:
            continue
        own: dict[Key, list[int]] = {}
        for place, key in enumerate(keys):
            own.setdefault(key[:at] + key[at + 1 :], []).append(place)
        told += own.values()
    return told


def apart(groups: GuardedGroups, found: Any, compare: Callable[[Any, Any, str], list[str]], path: str) -> list[str]:
    """Where the gateway's groups are not what they may be."""
    if not isinstance(found, list):
        return [f"{path}: naive groups, planned {found}"]
    if len(found) == 1 and not compare(groups.instead, found[0], path):
        return []
    if groups.drops:
        return _some(groups, found, compare, path)
    if len(found) != len(groups.groups):
        return [f"{path}: naive {len(groups.groups)} groups, planned {len(found)}: {found}"]
    told = [
        line for at, (one, other) in enumerate(zip(groups.groups, found, strict=True))
        for line in compare(one, other, f"{path}[{at}]")
    ]  # fmt: skip
    if told:
        return told
    both = enumerate(zip(groups.groups, found, strict=True))
    withheld = {at for at, (one, other) in both if compare(one.shown, other, path)}
    for line in groups.lines:
        gone = [at for at in line if at in withheld]
        if 0 < len(gone) < len(line) and (len(gone) < 2 or sum(groups.weights[at] for at in gone) < groups.k):
            return [f"{path}: groups {gone} can be worked out from {line}"]
    return []


def _some(
    groups: GuardedGroups, found: list[Any], compare: Callable[[Any, Any, str], list[str]], path: str
) -> list[str]:
    """In order, each of the found ones is one of the groups that may be shown."""
    waiting = iter(group for group in groups.groups if not group.must)
    for at, other in enumerate(found):
        if not any(not compare(one.shown, other, path) for one in waiting):
            return [f"{path}[{at}]: naive has no such group: {other}"]
    return []
