"""The gateway's turn: a house of its own, rules and ledger on, asked page by page until there is no more."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import orjson

from bench.across_questions import QUESTIONS
from bench.systems import CASE, PURPOSE
from bench.turn import Meter, main
from gateway.opening import open_house
from gateway.pipeline import answer
from gateway.request import GraphQLRequest, Incoming
from gateway.settings import load


async def ask(places: dict[str, Any], name: str) -> dict[str, Any]:
    """Raises RuntimeError when the answer has an error that is not about an unreadable value."""
    question = next(one for one in QUESTIONS if one.name == name)
    meters: list[Meter] = []

    def observed(source: str, seconds: float, rows: int, calls: int, outcome: str) -> None:
        meters[0].read(source, rows, calls)

    async with open_house(load(Path(places["settings"])), observed) as house:
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        meters.append(Meter())
        found: list[list[Any]] = []
        after = None
        while True:
            request = GraphQLRequest(question.query, None, {"after": after}, {})
            told = await answer(house, Incoming(request, f"Bearer {places['token']}", None, PURPOSE, CASE))
            body = orjson.loads(told.body)
            for error in body.get("errors", ()):
                if "cannot be read" not in error["message"]:
                    raise RuntimeError(f"{name}: {error}")
            page = body["data"][question.root]
            found += [[node[value] for value in question.values] for node in page["nodes"]]
            if not page["pageInfo"]["hasNextPage"]:
                return meters[0].told(found)
            after = page["pageInfo"]["endCursor"]


if __name__ == "__main__":
    main(ask)
