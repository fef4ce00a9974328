"""What groups of linked records' fields are called: the links and the field in one word, at most two links away."""

from __future__ import annotations

from dataclasses import dataclass

from schema.catalog import Catalog, Field, Link, Record


@dataclass(frozen=True, slots=True)
class Grouped:
    """A field or link to group by, behind the to-one links that lead to it."""

    name: str
    """As ``key`` tells it."""
    links: tuple[Link, ...]
    part: Field | Link


def groupings(catalog: Catalog, record: Record) -> dict[str, Grouped]:
    """Everything the record can be grouped by, by its name in ``groupBy``: its own first, then the nearest."""
    found = {
        name.upper(): Grouped(part.api_name, (), part) for name, part in (*record.fields.items(), *record.links.items())
    }
    own = set(record.by_api_name)
    level: list[tuple[tuple[Link, ...], Record]] = [((), record)]
    for _ in range(2):
        level = [
            ((*links, link), catalog.records[link.target])
            for links, at in level for link in at.links.values() if not link.many
        ]  # fmt: skip
        for links, target in level:
            for name, part in target.fields.items():
                upper = "_".join([*(link.name for link in links), name]).upper()
                words = [*(link.api_name for link in links), part.api_name]
                told = words[0] + "".join(word[0].upper() + word[1:] for word in words[1:])
                if told not in own:
                    found.setdefault(upper, Grouped(told, links, part))
    return found
