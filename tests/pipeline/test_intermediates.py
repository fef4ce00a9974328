"""A derived record whose join multiplies past the bound, asked of a house with the engine and of one without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.memory import MemoryConnector
from gateway import engine
from gateway.cursors import Sealer
from gateway.engine import Engines, open_engines
from gateway.house import make_house
from gateway.run import Reach
from schema.catalog import Declared
from schema.classification import confidential
from schema.declare import derived, taken
from schema.derive import cell, count, rows
from schema.resolve import resolve
from schema.rules import allow
from tests.access.wages import PEOPLE, ROWS, Area, Hand, Pay, labour, planning, register, rules, worked_out
from tests.houses import AnyPrincipal, Desk, Remembered, person

each = rows("labour.Hand", hand="code", area="area", wage="wage")
others = rows("labour.Hand", other="code", place="area", paid="wage")
better = each.join(others, area="place").keep(cell.wage < cell.paid)


@derived(worked_out, better.group("area", pairs=count()), key="area", size=10, persons=False)
class BetterPaid:
    """Pairs of hands of an area of whom one is paid more."""

    area: str = taken("area")
    pairs: int | None = taken("pairs")


@derived(worked_out, better.group("hand", richer=count()), key="hand", size=10, persons=True, plural="richerOnes")
class Richer:
    """How many are paid more than a hand."""

    hand: str = taken("hand")
    richer: int | None = taken("richer")


DERIVED = (BetterPaid, Richer)
AUDITOR, OFFICER = person("auditor"), person("district_officer", district="A1")
PAIRS = "{ betterPaids { nodes { area pairs } } }"
REFUSED = "BetterPaid: working it out would make more than 50 rows (limits.intermediate_rows); narrow the question"


def desk(most: int, engines: Engines | None = None) -> Desk:
    doors = tuple(allow("public", one, up_to=confidential) for one in DERIVED)
    catalog = resolve([Declared(labour, (Area, Hand, Pay), rules), Declared(planning, DERIVED, doors)])
    believer, ledger = AnyPrincipal(), Remembered()
    memory = {"register": MemoryConnector(register, ROWS)}
    reach = Reach(memory, Sealer(b"k" * 64), intermediate_rows=most, engine=engines)
    house = make_house(catalog, believer, ledger, reach)  # type: ignore[arg-type]
    return Desk(house, believer, ledger)


def is_empty(folder: Path) -> bool:
    return not list(folder.iterdir())


async def nodes(told: Desk, query: str = PAIRS) -> list[Any]:
    (root,) = (await told.data(query, AUDITOR)).values()
    found: list[Any] = root["nodes"]
    return found


async def test_the_engine_answers_what_the_gateway_would(tmp_path: Path) -> None:
    expected = [{"area": area, "pairs": many * (many - 1) // 2} for area, many in sorted(PEOPLE.items())]
    assert await nodes(desk(100_000)) == expected
    assert await nodes(desk(50, Engines(tmp_path))) == expected
    assert is_empty(tmp_path)


async def error(told: Desk, query: str = PAIRS) -> dict[str, Any]:
    answer = await told.ask(query, AUDITOR)
    assert not any((answer["data"] or {}).values())
    (found,) = answer["errors"]
    wrong: dict[str, Any] = found
    return wrong


async def test_without_it_the_question_is_refused_naming_the_extra() -> None:
    wrong = await error(desk(50))
    assert wrong["extensions"]["code"] == "BUDGET_EXCEEDED"
    assert wrong["message"] == f"{REFUSED}; the extra 'analytics' lets a gateway join more"


async def test_what_comes_back_past_the_bound_is_refused_never_cut(tmp_path: Path) -> None:
    wrong = await error(desk(50, Engines(tmp_path)), "{ richerOnes { nodes { hand richer } } }")
    assert wrong["extensions"]["code"] == "BUDGET_EXCEEDED"
    assert wrong["message"].startswith("Richer: working it out would make more than 50 rows")
    assert is_empty(tmp_path)


async def test_more_than_its_memory_and_disk_is_refused(tmp_path: Path) -> None:
    wrong = await error(desk(50, Engines(tmp_path, memory_mb=1, disk_mb=1)))
    assert wrong["extensions"]["code"] == "BUDGET_EXCEEDED"


async def test_a_question_that_outlives_its_deadline_is_told_so(tmp_path: Path) -> None:
    late = desk(50, Engines(tmp_path))
    late.house.time_s = 0.0
    (wrong,) = (await late.ask(PAIRS, AUDITOR))["errors"]
    assert wrong["extensions"]["code"] == "DEADLINE"
    assert is_empty(tmp_path)


@pytest.mark.parametrize("engines", [False, True])
async def test_only_visible_rows_are_counted_against_the_bound(tmp_path: Path, engines: bool) -> None:
    """The attack: learn from the bound how many hands there are elsewhere. An officer of a district of 3 is answered,
    though all hands together are far past it."""
    told = await desk(50, Engines(tmp_path) if engines else None).data(PAIRS, OFFICER)
    assert told == {"betterPaids": {"nodes": [{"area": "A1", "pairs": 3}]}}


async def test_how_many_rows_it_would_be_is_told_to_nobody() -> None:
    """Two populations past the bound are refused word for word alike."""
    few, many = desk(50), desk(50)
    people = [{**one, "code": f"{one['code']}-{again}"} for one in ROWS["people"] for again in range(3)]
    memory = MemoryConnector(register, {**ROWS, "people": people})
    many.house.reach = Reach({"register": memory}, Sealer(b"k" * 64), intermediate_rows=50)
    assert await error(few) == await error(many)


def test_a_gateway_without_the_extra_has_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_engines(tmp_path, 256, 4_096) is not None
    monkeypatch.setattr(engine.importlib.util, "find_spec", lambda _: None)  # type: ignore[attr-defined]
    assert open_engines(tmp_path, 256, 4_096) is None
