"""The published schema changes only on purpose; the packages are ours."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest

from gateway.opening import open_catalog
from gateway.settings import Settings
from gateway.surface import build_surface, secret_coordinates

ROOT = Path(__file__).parent.parent.parent


def test_the_published_schema_is_the_snapshot() -> None:
    """`make golden` writes it anew."""
    catalog = open_catalog(Settings())
    text = build_surface(catalog, secret_coordinates(catalog)).sdl
    if os.environ.get("GATEWAY_UPDATE_GOLDENS"):
        (ROOT / "schema.graphql").write_text(text)
    assert (ROOT / "schema.graphql").read_text() == text


@pytest.mark.parametrize("name", ["schema", "auth", "connectors", "gateway"])
def test_packages_with_common_names_are_ours(name: str) -> None:
    """There are packages of these names in the public index."""
    assert Path(str(importlib.import_module(name).__file__)).parent.parent == ROOT
