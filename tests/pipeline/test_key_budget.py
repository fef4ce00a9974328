"""A filter whose keys turn out to be more than a source takes turns its plan round once: the answer stays the same, for
everybody, and tells nothing of rows that somebody may not see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from auth.principal import Principal
from gateway import pipeline
from gateway.estimates import Estimates
from gateway.request import GraphQLRequest
from schema.catalog import Record
from tests.houses import AUDITOR, Desk, person

OPERATIONS = (
    '{ schools(first: 20, where: {district: {division: {eq: "Kalat"}}}) { totalCount nodes { code } } }',
    '{ facilities(first: 20, where: {reports: {none: {month: {eq: "2025-09"}}}}) { totalCount nodes { code } } }',
    "{ facilities(first: 20, where: {or: [{district: {population: {gt: 500000}}}, {reports: {none: {}}}]}) "
    "{ totalCount aggregate { count } nodes { code reports { totalCount } } } }",
    '{ payslips(first: 20, where: {month: {eq: "2025-09"}, postings: {some: {schoolCode: {isNull: false}}}}) '
    "{ nodes { code } } }",
    '{ payslips(first: 20, where: {month: {eq: "2025-09"}, postings: {some: {school: {district: '
    '{division: {eq: "Kalat"}}}}}}) { nodes { code } } }',
)


@pytest.fixture
def few_keys(file_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk whose sources take three keys of others at most, and whose planner believes there will be one."""
    records = list(file_desk.house.catalog.records.values())
    before = [record.source for record in records]
    for record in records:
        _limit(record, 3)
    monkeypatch.setattr(Estimates, "keys", lambda self, test: 1.0)
    yield file_desk
    for record, source in zip(records, before, strict=True):
        object.__setattr__(record, "source", source)


def _limit(record: Record, keys: int) -> None:
    limits = replace(record.source.limits, max_filter_keys=keys)
    object.__setattr__(record, "source", replace(record.source, limits=limits))


def _plan(desk: Desk, query: str, principal: Principal) -> str:
    return pipeline.explain(desk.house, principal, GraphQLRequest(query, None, {}, {}))


def _refusals(response: dict[str, Any]) -> list[str]:
    """Not the values that cannot be read: which of them are met depends on what is read."""
    return [error["message"] for error in response.get("errors", ()) if "cannot be read" not in error["message"]]


@pytest.mark.parametrize("query", OPERATIONS)
async def test_the_answer_is_the_same_whichever_is_read_first(
    query: str, file_desk: Desk, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    district = (await file_desk.data("{ facilities(first: 1) { nodes { districtCode } } }"))["facilities"]["nodes"][0]
    people = (AUDITOR, person("planner"), person("district_officer", district=district["districtCode"]))
    expected = [await file_desk.ask(query, principal) for principal in people]
    few = request.getfixturevalue("few_keys")
    few.house.plans.clear()
    turned: list[Any] = []
    turn = pipeline._turned
    monkeypatch.setattr(pipeline, "_turned", lambda *told: turned.append(told) or turn(*told))
    assert "rows first" not in _plan(few, query, AUDITOR)
    for principal, whole in zip(people, expected, strict=True):
        found = await few.ask(query, principal)
        assert found["data"] == whole["data"]
        assert _refusals(found) == _refusals(whole)
    assert len(turned) >= (2 if "school:" in query else 1)
