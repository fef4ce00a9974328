"""Who answers for what on which day: worked out of what is declared, and what is wrong with a declaration."""

from __future__ import annotations

import datetime as dt

import pytest

from schema.errors import DeclarationError
from schema.owners import Former, Owner, Ownership, Tenure, owner_problems, tenure_on, tenures
from schema.resolve import resolve
from tests.schema.test_declarations import GOOD, Modules, modules

__all__ = ["modules"]

DAY = dt.date.fromisoformat
MOVED = Ownership("Planning", DAY("2025-07-01"), (Former("Bureau", DAY("2025-06-30")),))
"""Somebody at all times."""
BEGUN = Ownership(
    "Registrar", DAY("2024-01-01"), (Former("Clerk", DAY("2023-12-31"), since=DAY("2023-01-01")),)
)  # fmt: skip
"""Nobody before 2023: whoever is further out."""


def days(*owners: Owner | None) -> list[tuple[str, str | None, str | None]]:
    return [
        (one.post, one.since and one.since.isoformat(), one.until and one.until.isoformat())
        for one in tenures(*owners)
    ]  # fmt: skip


def test_a_plain_owner_answers_on_every_day() -> None:
    assert days("Director") == [("Director", None, None)]
    assert days(None, "Director", "Secretary") == [("Director", None, None)]
    assert tenure_on(tenures("Director"), DAY("1900-01-01")) == Tenure("Director")


@pytest.mark.parametrize(
    ("day", "post"),
    [("2025-06-30", "Bureau"), ("2025-07-01", "Planning"), ("1990-01-01", "Bureau"), ("2999-01-01", "Planning")],
)
def test_the_day_it_changes_hands_is_the_first_of_the_new_owner(day: str, post: str) -> None:
    assert tenure_on(tenures(MOVED), DAY(day)).post == post
    assert tenure_on(tenures(MOVED), None).post == "Planning"


def test_before_the_first_day_it_names_the_owner_further_out_answers_as_of_then() -> None:
    assert days(BEGUN, MOVED) == [
        ("Bureau", None, "2022-12-31"), ("Clerk", "2023-01-01", "2023-12-31"), ("Registrar", "2024-01-01", None)
    ]
    late = Ownership("Registrar", DAY("2026-01-01"))
    assert days(late, None, MOVED) == [
        ("Bureau", None, "2025-06-30"), ("Planning", "2025-07-01", "2025-12-31"), ("Registrar", "2026-01-01", None)
    ]
    assert days(Ownership("Bureau", DAY("2020-01-01")), MOVED) == [("Bureau", None, None)], "told once"


WRONG = {
    "overlap": (
        Ownership("B", DAY("2025-07-01"), (Former("A", DAY("2025-07-01")),)),
        "has 'A' until 2025-07-01 and 'B' since 2025-07-01; they overlap, end the one on the day before the other",
    ),
    "gap": (
        Ownership("B", DAY("2025-07-03"), (Former("A", DAY("2025-07-01")),)),
        "names nobody between 2025-07-01 ('A') and 2025-07-03 ('B'); say who answered (for a vacant post, who acted)",
    ),
    "ends before it begins": (
        Ownership("B", DAY("2025-07-01"), (Former("A", DAY("2025-06-30"), since=DAY("2026-01-01")),)),
        "has 'A' answer until 2025-06-30, before it begins on 2026-01-01; put the days right",
    ),
    "two from the beginning": (
        Ownership("C", DAY("2025-07-01"), (Former("A", DAY("2024-06-30")), Former("B", DAY("2025-06-30")))),
        "has 'B' answer from the beginning, after 'A'; say since when",
    ),
    "no post": (
        Ownership("B", DAY("2025-07-01"), (Former(" ", DAY("2025-06-30")),)),
        "names no post from the beginning to 2025-06-30; say who answered (for a vacant post, who acted)",
    ),
    "to come": (
        Ownership("B", DAY("2030-01-01"), (Former("A", DAY("2029-12-31")),)),
        "has 'B' answer since 2030-01-01, which is to come; declare it on that day",
    ),
    "nobody": ("", "names no owner; name the post answerable for it"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_with_what_to_do(name: str) -> None:
    owner, told = WRONG[name]
    assert told in list(owner_problems(owner, outermost=True, today=DAY("2026-11-25")))  # type: ignore[arg-type]


def test_the_outermost_must_say_who_answered_from_the_beginning() -> None:
    assert list(owner_problems(BEGUN, outermost=False, today=None)) == []
    (told,) = owner_problems(BEGUN, outermost=True, today=None)
    assert told == "names nobody before 2023-01-01; say in formerly who answered, without since"


def test_good_ones_are_no_problem() -> None:
    for owner in (None, "Director", MOVED):
        assert list(owner_problems(owner, outermost=True, today=DAY("2025-07-01"))) == []


GAP = 'Ownership("New", dt.date(2025, 7, 3), (Former("Old", dt.date(2025, 7, 1)),))'
TOLD = "names nobody between 2025-07-01 ('Old') and 2025-07-03 ('New')"
FIRST = "from schema.owners import Former, Ownership\n"
DECLARED = {
    "a department": (f'health = Department("health", "Health", {GAP})\n', "", "", "health: names"),
    "a source": (f'hmis = Source("hmis", "health", "sql", "HMIS", SQL, owner={GAP})\n', "", "", "source hmis: names"),
    "a record": ("", '"facilities", key="code"', f'"facilities", key="code", owner={GAP}', "Facility names"),
    "a field": ("", 'column("nm", open_)', f'column("nm", open_, owner={GAP})', "Facility.name names"),
}  # fmt: skip


@pytest.mark.parametrize("name", DECLARED)
def test_a_gap_is_found_wherever_an_owner_is_declared(name: str, modules: Modules) -> None:
    first, old, new, told = DECLARED[name]
    assert old in GOOD
    with pytest.raises(DeclarationError) as raised:
        resolve([modules.declared(FIRST + first + GOOD.replace(old, new, 1))])
    (problem,) = raised.value.problems
    assert f"{problem.where}: {problem.message}".partition(told)[1], problem
    assert TOLD in problem.message


def test_links_and_fields_take_their_records_owners(modules: Modules) -> None:
    owned = GAP.replace("2025, 7, 3", "2025, 7, 2")
    text = GOOD.replace(DECLARED["a record"][1], f'"facilities", key="code", owner={owned}')
    catalog = resolve([modules.declared(FIRST + text)])
    facility = catalog.records["health.Facility"]
    held = tenures(Ownership("New", DAY("2025-07-02"), (Former("Old", DAY("2025-07-01")),)))
    assert (facility.owner, facility.owners) == ("New", held)
    assert {part.owners for part in facility.fields.values()} == {held} == {facility.links["workers"].owners}
    assert catalog.records["health.Worker"].owners == (Tenure("Secretary Health"),)
