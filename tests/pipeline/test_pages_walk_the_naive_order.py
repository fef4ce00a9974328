"""Pages joined together, forwards or backwards, are exactly the list that the naive executor gives in one piece."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from graphql import build_schema

from auth.principal import Principal
from schema.catalog import Record
from tests.houses import AUDITOR, Desk, person
from tests.naive.compare import patient
from tests.naive.executor import Naive
from tests.naive.generate import Generator, literal
from tests.naive.world import load

SCHEMA = build_schema((Path(__file__).parent.parent.parent / "schema.graphql").read_text())
WALKS = 1
"""Of each record."""
MOST_PAGES = 4


class Plain(Generator):
    """Writes every value out."""

    def _lift(self, value: Any, type_name: str, probability: float = 0.0) -> Any:
        return value


async def test_root_lists_are_walked_in_both_directions(desk: Desk) -> None:
    world = await load(patient(desk).house.catalog, desk.house.reach.connectors)
    district = world.rows["education.Teacher"][0]["district_code"]
    longest = 0
    officer = person("district_officer", district=district)
    for principal, names in ((AUDITOR, set(world.rows)), (officer, {"education.School", "finance.BudgetLine"})):
        naive, generator = Naive(world, principal), Plain(SCHEMA, world, principal, random.Random(7))
        for record in world.catalog.records.values():
            if record.name not in names or not record.source.capabilities.list_all or not naive.rights(record).allowed:
                continue
            for _ in range(WALKS):
                arguments = await _affordable(desk, principal, generator, record)
                whole = _whole(naive, record, arguments)
                longest = max(longest, len(whole))
                for backward in (False, True):
                    found = await _walk(desk, principal, record, arguments, len(whole), backward)
                    assert found == whole, (record.name, arguments, backward)
    assert longest > 200


async def test_a_linked_list_of_one_parent_is_walked_in_both_directions(desk: Desk) -> None:
    world = await load(patient(desk).house.catalog, desk.house.reach.connectors)
    naive, generator = Naive(world, AUDITOR), Plain(SCHEMA, world, AUDITOR, random.Random(8))
    school = world.rows["education.School"][0]["code"]
    for name in ("students", "positions", "visits", "results"):
        link = world.catalog.records["education.School"].links[name]
        target = world.catalog.records[link.target]
        for _ in range(WALKS):
            order = literal(generator._order(target))
            around = f'school(code: "{school}") {{ %s }}'
            listed = f"{name}(first: 1000, orderBy: {order}) {{ nodes {{ {_key(target)} }} }}"
            told = naive.data(f"{{ {around % listed} }}")
            whole = [node[_key(target)] for node in told["school"][name]["nodes"]]
            for backward in (False, True):
                pages = await _pages(desk, AUDITOR, target, name, f"orderBy: {order}", 3, backward, around)
                assert pages == whole, (name, order, backward)


def _arguments(generator: Plain, record: Record) -> str:
    told = f"orderBy: {literal(generator._order(record))}"
    return told if generator.chance(0.5) else f"{told}, where: {literal(generator._where(record, 1, None))}"


async def _affordable(desk: Desk, principal: Principal, generator: Plain, record: Record) -> str:
    """Arguments the gateway does not refuse: an order through a link to a record read a key a call may be too dear."""
    while True:
        arguments = _arguments(generator, record)
        listed = f"{record.plural}({arguments}, first: 1) {{ nodes {{ {_key(record)} }} }}"
        told = await desk.ask(f"{{ {listed} }}", principal)
        codes = {error["extensions"]["code"] for error in told.get("errors", ())}
        if "BUDGET_EXCEEDED" not in codes:
            return arguments


def _key(record: Record) -> str:
    return record.key_field.api_name


def _whole(naive: Naive, record: Record, arguments: str) -> list[Any]:
    key = _key(record)
    told = naive.data(f"{{ {record.plural}({arguments}, first: 1000) {{ nodes {{ {key} }} }} }}")[record.plural]
    return [] if told is None else [node[key] for node in told["nodes"]]


async def _walk(
    desk: Desk, principal: Principal, record: Record, arguments: str, rows: int, backward: bool
) -> list[Any]:
    """As many pages as the rows need, at most ``MOST_PAGES``; a list over 1,000 rows is left after them."""
    size = max(2, -(-rows // MOST_PAGES) + 1)
    if rows < 1000:
        return await _pages(desk, principal, record, record.plural, arguments, size, backward)
    found = await _pages(desk, principal, record, record.plural, arguments, size, False, most=rows)
    return found[:rows]


async def _pages(
    desk: Desk, principal: Principal, record: Record, field: str, arguments: str, size: int, backward: bool,
    around: str = "%s", most: int = 10**6,
) -> list[Any]:  # fmt: skip
    count, start, edge = ("last", "before", "startCursor") if backward else ("first", "after", "endCursor")
    going, more = ("hasPreviousPage", "hasNextPage") if backward else ("hasNextPage", "hasPreviousPage")
    found: list[Any] = []
    cursor: str | None = None
    while len(found) < most:
        here = f', {start}: "{cursor}"' if cursor is not None else ""
        connection = (
            f"{field}({arguments}, {count}: {size}{here}) {{ nodes {{ {_key(record)} }} "
            f"pageInfo {{ {going} {more} {edge} }} }}"
        )
        response = await desk.ask(f"{{ {around % connection} }}", principal)
        told = response["data"]
        while told is not None and field not in told:
            (told,) = told.values()
        told = told[field]
        if told is None:
            assert response["errors"]
            return []
        page = [node[_key(record)] for node in told["nodes"]]
        found = page + found if backward else found + page
        info = told["pageInfo"]
        assert info[more] is (cursor is not None)
        if not info[going]:
            return found
        assert len(page) == size
        cursor = info[edge]
    return found
