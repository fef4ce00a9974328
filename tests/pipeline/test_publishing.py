"""Counts of persons made fit to be published: no figure under k is shown, nor can one be had by subtracting."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from gateway.publishing import publish
from schema.derive.nodes import Given, Published

NAMES = ("certificate", "training", "linked", "six", "seven", "eight")
CHAINS = (("six", "seven", "eight"), ("linked", "certificate"), ("linked", "training"))
NODE = Published(Given(0, ("place", "gender", "people", *NAMES)), ("place",), "gender", "people", NAMES, CHAINS)
FIGURES = ("people", *NAMES)


def told(*parts: tuple[Any, ...]) -> dict[Any, dict[str, Any]]:
    """Part -> what is told of it, of one place's parts."""
    names = ("place", "gender", *FIGURES, "suppressed")
    return {row[1]: dict(zip(names, row, strict=True)) for row in publish(NODE, [("A", *part) for part in parts])}


def drawn(rng: random.Random) -> list[tuple[Any, ...]]:
    """Populations with counts that do lie within each other, often near the threshold."""
    parts = []
    for gender in rng.sample(["Male", "Female", None], rng.randint(1, 3)):
        people = rng.choice((rng.randint(0, 15), rng.randint(10, 60)))
        six = rng.randint(0, people)
        seven = rng.randint(0, six)
        linked = rng.randint(0, people)
        inner = [rng.randint(0, linked) for _ in range(2)]
        parts.append((gender, people, *inner, linked, six, seven, rng.randint(0, seven)))
    return parts


def test_nothing_under_the_threshold_is_shown_or_had_by_subtracting() -> None:
    """Of every pair of figures of which one lies within the other, and of every figure's whole and parts."""
    rng, seen = random.Random(16), {"parts": 0, "whole only": 0, "nothing": 0, "some": 0}
    for _ in range(20_000):
        parts = drawn(rng)
        rows = told(*parts)
        counts = {part[0]: dict(zip(FIGURES, part[1:], strict=True)) for part in parts}
        counts["All"] = {name: sum(one[name] for one in counts.values()) for name in FIGURES}
        if not rows:
            assert counts["All"]["people"] < NODE.k
            seen["nothing"] += 1
            continue
        known = {part: {name for name in FIGURES if row[name] is not None} for part, row in rows.items()}
        listed = [part for part in counts if part != "All"]
        if None in counts:  # not told, but what is left of the whole
            known[None] = known["All"].intersection(*(known[part] for part in listed if part is not None))
            rows[None] = {**counts[None], "suppressed": len(known[None]) < len(FIGURES)}
        for name in FIGURES:
            hidden = [part for part in listed if name not in known.get(part, set())]
            alone = len(listed) == 1
            assert alone or len(hidden) in (0, len(listed)), "one part hidden would be the whole less the others"
            assert hidden or name in known["All"], "the parts shown add up to the whole"
        for part, names in known.items():
            assert all(rows[part][name] == counts[part][name] >= NODE.k for name in names)
            for one, other in combinations(names, 2):
                if NODE.comparable(one, other):
                    assert abs(counts[part][one] - counts[part][other]) >= NODE.k
            assert rows[part]["suppressed"] == (len(names) < len(FIGURES))
            seen["some"] += 0 < len(names) < len(FIGURES)
        seen["parts" if any(names for part, names in known.items() if part != "All") else "whole only"] += 1
    assert min(seen.values()) > 500, seen


@pytest.mark.parametrize(
    ("girls", "boys", "shown"),
    [
        ((9, 0, 0, 0, 0, 0, 0), (51, 30, 20, 41, 41, 31, 21), {"All"}),
        ((10, 0, 0, 0, 0, 0, 0), (50, 30, 20, 40, 40, 30, 20), {"All", "Male", "Female"}),
    ],
)
def test_a_part_of_nine_hides_the_other_part_too(
    girls: tuple[int, ...], boys: tuple[int, ...], shown: set[str]
) -> None:
    rows = told(("Female", *girls), ("Male", *boys))
    assert {part for part, row in rows.items() if row["people"] is not None} == shown
    assert rows["All"]["people"] == 60
    assert rows["Male"]["certificate"] is None


def test_a_population_of_nine_is_not_there() -> None:
    assert told(("Female", 4, 0, 0, 0, 0, 0, 0), ("Male", 5, 0, 0, 0, 0, 0, 0)) == {}


def test_those_left_over_count_as_much_as_those_counted() -> None:
    """51 of 60 certified would tell that nine are not."""
    rows = told(("Male", 60, 51, 0, 0, 50, 41, 0))
    assert (rows["All"]["certificate"], rows["All"]["six"], rows["All"]["seven"]) == (None, 50, None)


def test_figures_of_overlapping_tables_are_told_to_a_multiple() -> None:
    """62 of one table and 60 of another would tell of the two."""
    counts = dict(zip(NAMES, (33, 17, 45, 52, 40, 0), strict=True))
    rows = publish(replace(NODE, nearest=5), [("A", "Male", 62, *counts.values())])
    assert rows[0][2:-1] == (60, 35, 15, 45, 50, 40, None)
