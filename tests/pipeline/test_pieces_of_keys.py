"""A key joined of several cells says what they are: enough to narrow what is read, and never too much."""

from __future__ import annotations

from itertools import product

import pytest

from gateway.keys import Piece

PARTS = ("NOS", "a/b", "", "/", "2014", "-3")


@pytest.mark.parametrize("cells", list(product(PARTS, repeat=3)))
def test_every_key_gives_its_cells_back_among_others(cells: tuple[str, ...]) -> None:
    key = "/".join(cells)
    assert all(cell in Piece(at, 3, "/", "text")(key) for at, cell in enumerate(cells))
    assert all(cell in Piece(at, 3, "/", "text")(("no key", None, key)) for at, cell in enumerate(cells))


@pytest.mark.parametrize(
    ("key", "pieces"), [("NOS/2014/All", (2014,)), ("NOS/x/All", ()), ("NOS/2014", ()), ("", ()), ("NOS/²/All", ())]
)
def test_numbers_are_told_as_numbers(key: str, pieces: tuple[int, ...]) -> None:
    assert Piece(1, 3, "/", "int")(key) == pieces


def test_an_absurd_key_is_nobodys() -> None:
    assert Piece(0, 3, "/", "text")("/" * 1_000_000) == ()
