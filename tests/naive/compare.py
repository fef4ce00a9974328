"""Asks both sides the same and tells where they differ."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from graphql import GraphQLSchema

from auth.principal import Principal
from gateway.pipeline import explain
from gateway.request import GraphQLRequest
from tests.houses import Desk
from tests.naive import guarded
from tests.naive.executor import Naive
from tests.naive.guarded import Guarded, GuardedGroups
from tests.naive.shrink import shrink
from tests.naive.world import World

REFUSALS = {"PURPOSE_REQUIRED": "REFUSED", "CASE_REQUIRED": "REFUSED"}
"""Purposes and cases that are wanted are refusals to the naive side."""


@dataclass(frozen=True, slots=True)
class Difference:
    """``kind``: error, data or codes."""

    kind: str
    told: str


@dataclass(slots=True)
class Comparison:
    """One principal at one desk, and the same world naively read. ``found``: the gateway's last data."""

    desk: Desk
    world: World
    principal: Principal
    found: Any = None
    naive: Naive = field(init=False)

    def __post_init__(self) -> None:
        self.naive = Naive(self.world, self.principal)

    async def difference(self, text: str, variables: dict[str, Any], batch: int | None) -> Difference | None:
        """None when both sides say the same at this batch size. What the naive side refuses the gateway must refuse;
        the gateway may refuse more, for rows that are not there."""
        naive = self.naive
        expected = naive.data(text, variables)
        house = self.desk.house
        house.reach = replace(house.reach, batch=batch)
        response = await self.desk.ask(text, self.principal, variables)
        if "data" not in response:
            return Difference("error", f"{response}")
        self.found = response["data"]
        told = apart(expected, self.found)
        if told:
            return Difference("data", "\n".join([*told, *map(str, response.get("errors", ()))]))
        codes = {error["extensions"]["code"] for error in response.get("errors", ())}
        missing = {REFUSALS.get(code, code) for code in naive.codes} - {REFUSALS.get(code, code) for code in codes}
        return Difference("codes", f"without error {sorted(missing)}") if missing else None

    def directions(self, text: str, variables: dict[str, Any]) -> Counter[str]:
        """How often the plan reads a filter through a link keys first, and how often rows first."""
        plan = explain(self.desk.house, self.principal, GraphQLRequest(text, None, variables, {}))
        return Counter(re.findall(r"(keys first|rows first): for the filter", plan))

    async def report(
        self, schema: GraphQLSchema, text: str, variables: dict[str, Any], batch: int | None, first: Difference
    ) -> str:
        """The difference of the smallest operation that differs in the same way."""

        async def fails(text: str, variables: dict[str, Any]) -> bool:
            found = await self.difference(text, variables, batch)
            return found is not None and found.kind == first.kind

        small = await shrink(schema, text, variables, fails)
        difference = await self.difference(small.text, small.variables, batch)
        told = difference.told if difference is not None else first.told
        return f"{small.text}\nvariables {small.variables}, batch {batch}, {self.principal}\n{told}"


def patient(desk: Desk) -> Desk:
    """The desk with sources that may take their time, and operations that may be large: neither is compared here. A key
    a call on a busy machine is slow."""
    desk.house.time_s = 120.0
    desk.house.limits = msgspec.structs.replace(desk.house.limits, cost=10**9, conditions=10**4)
    for connector in desk.house.reach.connectors.values():
        around: Any = connector
        while around is not None:
            limits = replace(around.source.limits, timeout_s=110.0, breaker_failures=10**9)
            around.source = replace(around.source, limits=limits)
            around = getattr(around, "inner", None)
    return desk


def apart(expected: Any, found: Any, path: str = "", most: int = 5) -> list[str]:
    """Where two answers differ, as ``path: naive ... planned ...`` lines, the first few."""
    if isinstance(expected, Guarded):
        shown = [] if expected.must else apart(expected.shown, found, path, most)
        if not (expected.must or shown):
            return []
        return apart(expected.withheld, found, path, most) and (shown or [f"{path}: must be withheld, planned {found}"])
    if isinstance(expected, GuardedGroups):
        return guarded.apart(expected, found, apart, path)[:most]
    if isinstance(expected, dict) and isinstance(found, dict) and list(expected) == list(found):
        inner = [apart(expected[name], found[name], f"{path}.{name}", most) for name in expected]
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        inner = [apart(one, other, f"{path}[{at}]", most) for at, (one, other) in enumerate(zip(expected, found, strict=True))]  # fmt: skip  # noqa: E501
    else:
        same = expected == found and type(expected) is type(found) and not isinstance(expected, dict)
        return [] if same else [f"{path or '.'}: naive {str(expected)[:400]} planned {str(found)[:400]}"]
    return [line for part in inner for line in part][:most]
