"""A department says that something changed: whoever proves to be it has the gateway look, and nobody else has anything.
Each folder of ``hooks`` is one attack; why.md tells it."""

from __future__ import annotations

import asyncio
import os
import time
import tomllib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.requests import Request
from starlette.responses import Response

from gateway.hooked import MOST_BYTES, hooked
from gateway.live.hooks import REMEMBERED, Hook, Hooks, NotTaken, signed
from gateway.opening import open_hooks
from gateway.settings import HookSettings, Settings, SettingsError, SourceSettings
from tests.houses import Systems
from tests.live.board import Board
from tests.live.desks import LiveDesk, named
from tests.live.test_logs import begun, told
from tests.live.test_tags import board_desk
from tests.serving import serving

FILES = "subscription { fileChanged { change key node { text } } }"
CLERK = named("clerk", "clinician", facility="A")
SECRET = b"a secret of more than thirty-two bytes"
FOLDER = Path(__file__).parent / "hooks"
ATTACKS = sorted(path for path in FOLDER.iterdir() if path.is_dir())


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[tuple[LiveDesk, Board]]:
    secret = tmp_path / "hook.secret"
    secret.write_bytes(SECRET + b"\n")
    async with board_desk(tmp_path, HookSettings(str(secret))) as (desk, board):
        yield desk, board


async def send(desk: LiveDesk, source: str, moment: str, signature: str, *parts: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to a message that comes in these parts."""
    waiting = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        return waiting.pop(0)

    headers = [(b"x-hook-moment", moment.encode()), (b"x-hook-signature", signature.encode())]
    scope = {
        "type": "http", "method": "POST", "path": f"/hooks/{source}", "headers": headers, "query_string": b"",
        "path_params": {"source": source},
    }  # fmt: skip
    answer: Response = await hooked(desk.house, Request(scope, receive))
    return answer.status_code, bytes(answer.body)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def hint(desk: LiveDesk, **told_of: Any) -> int:
    body, moment = orjson.dumps(told_of), str(int(time.time()))
    return (await send(desk, "board", moment, signed(SECRET, moment, body), body))[0]


async def test_a_hint_has_its_rows_looked_at(office: tuple[LiveDesk, Board]) -> None:
    """They are compared every hour."""
    desk, board = office
    async with desk.watch(FILES, CLERK) as seat:
        await begun(seat)
        lists = board.lists
        board.files["f3"] = ("c", "A")
        assert await hint(desk, relation="files", keys=["f3"]) == 202
        assert await told(seat) == [("INSERTED", "f3")]
        del board.files["f1"]
        assert await hint(desk, relation="files", keys=["f1", "none such", 17]) == 202
        assert await told(seat) == [("DELETED", "f1")]
        assert board.lists == lists, "only those rows"
        board.files["f1"] = ("again", "A")
        assert await hint(desk, relation="files") == 202
        assert await told(seat) == [("INSERTED", "f1")]
        assert board.lists == lists + 1


async def test_attack_a_hint_shows_nothing_it_names(office: tuple[LiveDesk, Board]) -> None:
    """Whoever has the secret of a source says what it likes: that row f2 of another place changed, that there is a row
    f9. A subscriber is told what a look by its own rights finds, and nothing else."""
    desk, board = office
    async with desk.watch(FILES, CLERK) as seat:
        await begun(seat)
        board.files["f2"] = ("changed", "B")
        assert await hint(desk, relation="files", keys=["f2", "f9", "f1"]) == 202
        board.files["f1"] = ("changed", "A")
        assert await hint(desk, relation="files", keys=["f1"]) == 202
        assert await told(seat) == [("UPDATED", "f1")]
    assert len(desk.entries("batch")) == 2


async def test_a_flood_of_hints_costs_no_more_than_the_pace(office: tuple[LiveDesk, Board]) -> None:
    """Fifty looks a second for certain rows; everything once in five seconds."""
    desk, board = office
    loop = asyncio.get_running_loop()
    async with desk.watch(FILES, CLERK) as seat:
        await begun(seat)
        lists, keyed, started = board.lists, board.keyed, loop.time()
        for number in range(400):
            assert await hint(desk, relation="files", number=number) == 202
            assert await hint(desk, relation="files", keys=["f1"], number=number) == 202
            await asyncio.sleep(0)
        await until(lambda: board.keyed > keyed and board.lists > lists)
        took_s = loop.time() - started
        assert board.keyed - keyed <= 50 * (took_s + 1) + 2
        assert board.lists - lists <= 1 + took_s / 5.0


async def test_what_nobody_watches_costs_nothing(office: tuple[LiveDesk, Board]) -> None:
    desk, board = office
    for relation in ("files", "notices", "no such"):
        assert await hint(desk, relation=relation) == 202
    await asyncio.sleep(0.1)
    assert (board.lists, board.keyed, board.unchanged) == (0, 0, 0)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda path: path.name)
async def test_the_attack_has_nothing_done(attack: Path, office: tuple[LiveDesk, Board]) -> None:
    desk, board = office
    told_of = tomllib.loads((attack / "attack.toml").read_text())
    body, now = b'{"relation": "files", "keys": ["f1"]}', int(time.time())
    moments = {"now": str(now), "an hour ago": str(now - 3_600), "in an hour": str(now + 3_600)}
    moment = told_of.get("moment", "now")
    when = moments.get(told_of["signed"], moments["now"])
    if moment not in moments:
        when = moment
    signature = {
        "not": "", "another secret": signed(os.urandom(32), when, body),
        "before it was altered": signed(SECRET, when, body.replace(b"f1", b"f2")),
    }.get(told_of["signed"], signed(SECRET, when, body))  # fmt: skip
    async with desk.watch(FILES, CLERK) as seat:
        await begun(seat)
        asked = board.keyed + board.lists
        answers = [
            await send(desk, told_of.get("source", "board"), moments.get(moment, moment), signature, body)
            for _ in range(told_of.get("times", 1))
        ]
        assert answers[-1] == (401, b""), "the same whatever is wrong"
        assert answers[:-1] == [(202, b"")] * (len(answers) - 1)
        await until(lambda: board.keyed + board.lists >= asked + len(answers) - 1)
        await asyncio.sleep(0.1)
        assert board.keyed + board.lists == asked + len(answers) - 1


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda path: path.name)
def test_every_attack_says_why(attack: Path) -> None:
    assert 1 <= len((attack / "why.md").read_text().strip().splitlines()) <= 4
    assert {path.name for path in attack.iterdir()} == {"why.md", "attack.toml"}


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"no JSON", 400), (b"[]", 400), (b'{"keys": []}', 400), (b'{"relation": 3}', 400),
     (b'{"relation": "files", "keys": [null]}', 400), (b'{"relation": "files", "keys": [[1]]}', 400),
     (b'{"relation": "files", "keys": "f1"}', 400), (b'{"relation": "files", "keys": [true]}', 400),
     (b"x" * (MOST_BYTES + 1), 413)],
)  # fmt: skip
async def test_what_is_signed_and_no_hint(body: bytes, status: int, office: tuple[LiveDesk, Board]) -> None:
    moment = str(int(time.time()))
    assert await send(office[0], "board", moment, signed(SECRET, moment, body), body[:10], body[10:]) == (status, b"")


def test_what_is_remembered_is_bounded_and_forgotten_after_the_window() -> None:
    now = [1_000_000.0]
    hooks = Hooks({"board": Hook(SECRET, 300.0)}, clock=lambda: now[0])

    def take(number: int) -> None:
        body, moment = b'{"relation": "files", "n": %d}' % number, str(int(now[0]))
        hooks.take("board", moment, signed(SECRET, moment, body), body)

    for number in range(REMEMBERED):
        take(number)
    with pytest.raises(NotTaken) as refused:
        take(-1)
    assert refused.value.status == 429
    now[0] += 301.0
    take(-1)
    assert len(hooks._taken["board"]) == 1


def test_a_secret_must_be_one_and_its_own(tmp_path: Path) -> None:
    for name, secret in (("short", b"x" * 31), ("long", b"x" * 32), ("same", b"x" * 32)):
        (tmp_path / name).write_bytes(secret)

    def settings(**secrets: str) -> Settings:
        hooks = {name: HookSettings(str(tmp_path / file)) for name, file in secrets.items()}
        return Settings(sources={name: SourceSettings("http://h", hook=hook) for name, hook in hooks.items()})

    with pytest.raises(SettingsError, match="31 bytes"):
        open_hooks(settings(a="short"))
    with pytest.raises(SettingsError, match="No such file"):
        open_hooks(settings(a="none"))
    with pytest.raises(SettingsError, match="another source"):
        open_hooks(settings(a="long", b="same"))
    assert set(open_hooks(settings(a="long")).hooks) == {"a"}


async def test_a_gateway_that_serves_takes_them(working: Systems, tmp_path: Path) -> None:
    secret = tmp_path / "hook.secret"
    secret.write_bytes(SECRET)
    with serving(working, tmp_path, f'[sources.rtsm.hook]\nsecret_file = "{secret}"\n') as gateway:
        body, moment = b'{"relation": "visits"}', str(int(time.time()))
        right = {"x_hook_moment": moment, "x_hook_signature": signed(SECRET, moment, body)}
        assert gateway.send("POST", "/hooks/rtsm", body).status == 401
        assert gateway.send("GET", "/hooks/rtsm", **right).status == 405
        assert gateway.send("POST", "/hooks/rtsm", body, **right).status == 202
        again = gateway.send("POST", "/hooks/rtsm", body, **right)
        elsewhere = gateway.send("POST", "/hooks/nowhere", body, **right)
        assert (again.status, again.headers, again.body) == (elsewhere.status, elsewhere.headers, elsewhere.body)
        assert gateway.send("POST", "/hooks/rtsm", b"x" * (MOST_BYTES + 1), **right).status == 413
        assert gateway.ask("{ __typename }").status == 200
