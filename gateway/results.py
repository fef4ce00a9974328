"""What the steps of a plan brought: rows, groups, key sets, looked-up values, or the news that a step failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway import grouping
from gateway.allowed import MeasureTerm, Path
from gateway.cursors import Sealer
from gateway.pages import Page
from gateway.plan import RowsStep
from gateway.prepared import Prepared
from gateway.table import Table
from gateway.templates import Leaf
from schema.catalog import Field


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that went wrong while reading, told to the client once."""

    path: Path
    code: str
    message: str
    department: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class RowsResult:
    """Decoded rows in order, a column at a time. ``by_key``: places of rows by join value, for linked steps. ``page``:
    for pages. ``more``: join value (None at a root) -> there are rows beyond the page. ``incomplete``: a row was left
    out."""

    table: Table
    by_key: Mapping[Any, Sequence[int]] | None = None
    page: Page | None = None
    more: frozenset[Any] = frozenset()
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """``told``: the problem has been reported."""

    code: str


Result = RowsResult | Table | grouping.Groups | frozenset[Any] | dict[Any, Any] | Failed


class Finished(Protocol):
    """What is asked of an execution that has run, to put its answer together."""

    @property
    def prepared(self) -> Prepared: ...
    @property
    def results(self) -> Mapping[int, Result]: ...
    @property
    def sealer(self) -> Sealer: ...
    def binding(self, step: RowsStep, parent: Any) -> bytes: ...
    def having(self, op: str, leaf: Leaf, measure: MeasureTerm | None) -> Callable[[Any], bool]: ...
    def report_computed(self, part: Field, type_name: str) -> None: ...
