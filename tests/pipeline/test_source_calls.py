"""What an operation costs the departments depends on its shape, never on how many rows it meets."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from schema.fetch import Connector, Fetch, Rows
from tests.houses import AUDITOR, Desk, Systems

PUPILS = """
query ($first: Int) {
  students(first: $first, orderBy: {schoolCode: ASC}) {
    nodes {
      name
      school {
        name
        teachers(first: 2) { totalCount nodes { name } }
        positions { aggregate(groupBy: [TITLE]) { key { title } count } }
        visits(first: 1, orderBy: {visitedAt: DESC}) { nodes { visitedAt } }
      }
      district {
        name
        facilities(first: 2) { totalCount nodes { code workers(first: 1) { nodes { name } } } }
        budgetLines(where: {fiscalYear: {eq: "2025-26"}}) { nodes { budget } aggregate { sum { budget } } }
      }
    }
  }
}
"""
EMPLOYEES = """
query ($first: Int) {
  employees(first: $first) {
    nodes { number district { name } payslips(first: 1, orderBy: {month: DESC}) { totalCount nodes { month gross } } }
  }
}
"""


class Counted:
    """Stands right around a source's own connector, inside retries and limits: each call is a statement or, for
    services, at least one request."""

    def __init__(self, inner: Connector, calls: Counter[str]) -> None:
        self.inner = inner
        self.source = inner.source
        self._calls = calls

    async def fetch(self, fetch: Fetch, /) -> Rows:
        self._calls[self.source.name] += 1
        return await self.inner.fetch(fetch)

    async def aclose(self) -> None:
        await self.inner.aclose()


def counting(desk: Desk) -> Counter[str]:
    """Calls by source from now on."""
    calls: Counter[str] = Counter()
    for connector in desk.house.reach.connectors.values():
        around: Any = connector
        while hasattr(around.inner, "inner"):
            around = around.inner
        around.inner = Counted(around.inner, calls)
    return calls


async def requests_of(systems: Systems) -> Counter[str]:
    """HTTP requests the services have received, by path."""
    told: Counter[str] = Counter()
    async with aiohttp.ClientSession() as session:
        for url in systems.services.values():
            async with session.get(urlsplit(url)._replace(path="/_stats").geturl()) as response:
                told.update((await response.json())["by_path"])
    return told


@pytest.mark.parametrize(
    ("query", "sources"),
    [
        pytest.param(PUPILS, {"emis", "rtsm", "geo", "hmis", "hr", "fabs_soap"}, id="pupils"),
        pytest.param(EMPLOYEES, {"fabs", "geo"}, id="employees"),
    ],
)
async def test_ten_parents_cost_as_many_calls_as_a_thousand(
    desk: Desk, systems: Systems, query: str, sources: set[str]
) -> None:
    await desk.data(query, AUDITOR, first=1)  # connections are open, the WSDL has been read
    calls = counting(desk)
    costs, requests = [], []
    for first in (10, 1000):
        calls.clear()
        before = await requests_of(systems)
        answer = await desk.data(query, AUDITOR, first=first)
        ((connection),) = answer.values()
        assert len(connection["nodes"]) == first
        costs.append(dict(calls))
        requests.append(await requests_of(systems) - before)
        assert desk.ledger.last["sourceCalls"] == costs[-1]
    assert set(costs[0]) == sources
    assert costs[0] == costs[1]
    assert requests[0] == requests[1]
    assert bool(requests[0]) is ("rtsm" in sources)


async def test_keys_one_by_one_would_cost_more(desk: Desk, systems: Systems) -> None:
    """The counters count: with one key a call, calls grow with rows."""
    calls = counting(desk)
    desk.house.reach = replace(desk.house.reach, batch=1)
    costs = []
    for first in (10, 1000):
        calls.clear()
        before = await requests_of(systems)
        await desk.data(PUPILS, AUDITOR, first=first)
        costs.append((calls.total(), (await requests_of(systems) - before).total()))
    assert costs[1] > costs[0]
    assert costs[1][1] > costs[0][1]
