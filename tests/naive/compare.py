"""Asks both sides the same and tells where they differ."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from graphql import GraphQLSchema

from auth.principal import Principal
from tests.houses import Desk
from tests.naive.executor import Naive
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
        expected = orjson.loads(orjson.dumps(naive.data(text, variables)))
        house = self.desk.house
        house.reach = replace(house.reach, batch=batch)
        response = await self.desk.ask(text, self.principal, variables)
        if "data" not in response:
            return Difference("error", f"{response}")
        self.found = response["data"]
        if self.found != expected:
            return Difference("data", "\n".join([*apart(expected, self.found), *map(str, response.get("errors", ()))]))
        codes = {error["extensions"]["code"] for error in response.get("errors", ())}
        missing = {REFUSALS.get(code, code) for code in naive.codes} - {REFUSALS.get(code, code) for code in codes}
        return Difference("codes", f"without error {sorted(missing)}") if missing else None

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
    """The desk with sources that may take their time: a key a call on a busy machine is slow, and how slow is not what
    is compared."""
    desk.house.time_s = 120.0
    for connector in desk.house.reach.connectors.values():
        around: Any = connector
        while around is not None:
            limits = replace(around.source.limits, timeout_s=110.0, breaker_failures=10**9)
            around.source = replace(around.source, limits=limits)
            around = getattr(around, "inner", None)
    return desk


def apart(expected: Any, found: Any, path: str = "", most: int = 5) -> list[str]:
    """Where two answers differ, as ``path: naive ... planned ...`` lines, the first few."""
    if isinstance(expected, dict) and isinstance(found, dict) and list(expected) == list(found):
        inner = [apart(expected[name], found[name], f"{path}.{name}", most) for name in expected]
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        inner = [apart(one, other, f"{path}[{at}]", most) for at, (one, other) in enumerate(zip(expected, found, strict=True))]  # fmt: skip  # noqa: E501
    else:
        same = expected == found
        return [] if same else [f"{path or '.'}: naive {str(expected)[:400]} planned {str(found)[:400]}"]
    lines = [line for part in inner for line in part]
    if not lines and expected != found:
        lines = [f"{path}: the keys come in another order"]
    return lines[:most]
