"""Which cells of a published table are withheld, so that no cell under k can be read or worked out from its margins.

A grant of totals publishes, for each set of fields, **one** table over everything the grant covers; a filter only picks
cells of it (see docs/access.md). So what is withheld depends on the fields alone, never on the filter, and two requests
cannot be subtracted to get a cell that neither shows. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

Key = tuple[Any, ...]
Line = tuple[int, Key]
"""The cells that differ in one field only: its place, and the values of the others."""


def withheld(weights: Mapping[Key, int], unsafe: Collection[Key], axes: tuple[int, ...], k: int) -> set[Key]:
    """The cells to withhold. ``weights``: how many persons' figures each cell holds, in the table's order; ``unsafe``:
    cells that may not be shown for themselves; ``axes``: places of the fields another table may leave out, whose lines
    add up to a cell of that table.

    In each line the withheld cells are at least two and hold at least k persons together, so that the line's total
    does not give one of them away; where no choice of cells does that, the whole table is withheld.
    """
    lines: dict[Line, list[Key]] = {}
    for key in sorted(weights, key=lambda key: weights[key]):
        for line in _lines(key, axes):
            lines.setdefault(line, []).append(key)
    hidden = set(unsafe)
    alone = {cells[0] for cells in lines.values() if len(cells) == 1}
    pending = [line for key in weights if key in hidden for line in _lines(key, axes)]
    while pending:
        cells = lines[pending.pop()]
        if len(cells) == 1:
            if cells[0] not in unsafe:
                return set(weights)
            continue
        gone = [key for key in cells if key in hidden]
        left = [key for key in cells if key not in hidden]
        while left and (len(gone) < 2 or sum(weights[key] for key in gone) < k):
            pick = next((key for key in left if key not in alone), None)
            if pick is None:
                return set(weights)
            left.remove(pick)
            gone.append(pick)
            hidden.add(pick)
            pending += _lines(pick, axes)
    return hidden


def _lines(key: Key, axes: tuple[int, ...]) -> list[Line]:
    return [(axis, key[:axis] + key[axis + 1 :]) for axis in axes]
