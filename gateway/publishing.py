"""Counts of persons made fit to be published, group by group: what is under ``k``, or can be worked out to be, is
withheld. Pure; the last step of a derived record that counts persons, never of one that shows them.

The rules, for each table: a population under ``k`` is not there at all. A count within it is shown when it and what is
left of the population are at least ``k``, and when it differs by as much from every count already shown that it lies
within or that lies within it. A figure is shown of the parts only where it is of every part: one part hidden could be
had from the whole and the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schema.derive.nodes import Published
from schema.derive.shape import cells

Counts = Mapping[str, int]


def publish(node: Published, rows: list[Any]) -> list[Any]:
    """Rows with the cells of the step: those of the parts and one for the whole of each table."""
    places = {name: at for at, name in enumerate(cells(node.of))}
    names = (node.population, *node.counts)
    tables: dict[tuple[Any, ...], dict[Any, Counts]] = {}
    for row in rows:
        key = tuple(row[places[name]] for name in node.table)
        if None not in key:
            tables.setdefault(key, {})[row[places[node.part]]] = {name: row[places[name]] for name in names}
    found: list[Any] = []
    for key, parts in tables.items():
        whole = {name: sum(counts[name] for counts in parts.values()) for name in names}
        of_parts = shown(node, list(parts.values()), set())
        of_whole = shown(node, [whole], of_parts)
        if node.population not in of_whole:
            continue
        told: list[tuple[Any, Counts, set[str]]] = [(node.whole, whole, of_whole)]
        told += [(part, counts, of_parts) for part, counts in parts.items() if part is not None]
        for part, counts, seen in told:
            figures = [_told(counts[name], node.nearest) if name in seen else None for name in names]
            found.append((*key, part, *figures, len(seen) < len(names)))
    return found


def _told(figure: int, nearest: int) -> int:
    return (2 * figure + nearest) // (2 * nearest) * nearest


def shown(node: Published, every: Sequence[Counts], known: set[str]) -> set[str]:
    """The figures that may be shown of all these populations. ``known``: those that can be worked out anyway."""
    if any(counts[node.population] < node.k for counts in every):
        return set(known)
    found = {node.population, *known}
    for name in node.counts:
        compared = [other for other in found if other != name and node.comparable(name, other)]
        apart = all(
            counts[name] >= node.k and all(abs(counts[name] - counts[other]) >= node.k for other in compared)
            for counts in every
        )
        if apart:
            found.add(name)
    return found
