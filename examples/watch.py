"""Subscribes over a WebSocket and prints one line of JSON a result: ``watch.py [--results N] [--url URL] QUERY``."""

from __future__ import annotations

import argparse
import asyncio
import json
import os

from websockets.asyncio.client import connect

URL = "ws://127.0.0.1:8000/graphql"


async def watch(url: str, query: str, results: int) -> None:
    async with connect(url, subprotocols=["graphql-transport-ws"]) as socket:
        token = os.environ.get("TOKEN")
        who = {"Authorization": f"Bearer {token}"} if token else {}
        await socket.send(json.dumps({"type": "connection_init", "payload": who}))
        await socket.recv()
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query}}))
        for _ in range(results):
            told = json.loads(await socket.recv())
            print(json.dumps(told["payload"]), flush=True)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("query")
    arguments.add_argument("--results", type=int, default=1_000_000)
    arguments.add_argument("--url", default=URL)
    given = arguments.parse_args()
    asyncio.run(watch(given.url, given.query, given.results))
