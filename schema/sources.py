"""Departments and their sources: what a source is, what it can do, and how much of it may be asked.

Addresses and secrets are not here; they live in the settings only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from schema.owners import Owner, post_of

OPERATORS = ("eq", "ne", "in", "notIn", "lt", "lte", "gt", "gte", "startsWith", "contains", "isNull")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a source does for us. Whatever is missing here the gateway does after the fetch, within the row budget.

    ``columns`` narrows ``operators`` by column (a REST collection filters only by its query parameters); None means
    that every column takes every operator. ``key_columns`` are the columns keys may be matched on; None means any.
    """

    operators: frozenset[str] = frozenset()
    boolean: bool = False
    """AND of several conditions always works; this says that OR and NOT do too."""
    order: bool = False
    limit: bool = False
    per_key_limit: bool = False
    groups: bool = False
    conditional: bool = False
    """Cells may be blanked in the source (CASE WHEN)."""
    joins: bool = False
    """Rows may be filtered by the rows of another relation of the source (IN over a SELECT)."""
    normalisers: frozenset[str] = frozenset()
    list_all: bool = True
    """False: rows are only to be had by key; no root list, count or aggregate is generated."""
    columns: Mapping[str, frozenset[str]] | None = None
    key_columns: frozenset[str] | None = None

    def takes(self, column: str, operator: str) -> bool:
        """Whether the source itself can apply ``operator`` to ``column``."""
        if self.columns is not None:
            return operator in self.columns.get(column, frozenset())
        return operator in self.operators

    def takes_keys(self, column: str) -> bool:
        """Whether rows can be asked for by keys on ``column``."""
        return self.key_columns is None or column in self.key_columns

    def narrowed(self, offered: Mapping[str, frozenset[str]]) -> Capabilities:
        """What is left of these where only ``offered`` (column -> operators) can be asked, as of one operation of a
        service whose other operations take other arguments."""
        columns = {
            column: frozenset(operator for operator in operators if self.takes(column, operator))
            for column, operators in offered.items()
        }
        keys = frozenset(
            column for column, operators in offered.items()
            if self.takes_keys(column) and not operators.isdisjoint(("eq", "in"))
        )  # fmt: skip
        return replace(self, columns=columns, key_columns=keys)


SQL = Capabilities(
    operators=frozenset(OPERATORS),
    boolean=True,
    order=True,
    limit=True,
    per_key_limit=True,
    groups=True,
    conditional=True,
    joins=True,
    normalisers=frozenset({"trim"}),
)
"""What every supported SQL dialect does with the conformance the semantics ask for."""

FILES = replace(SQL, joins=False)
"""What is done with files a department drops: each kind of file is read for itself."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a department lets us ask. ``row_budget``: most rows one fetch may bring when the gateway has to filter,
    order or group itself; ``max_calls_per_operation``: most calls one operation may cost this source;
    ``max_filter_keys``: most keys of other sources that one filter may bring along. ``totals_timeout_s``: for counts
    and sums made in the source, where the department allows them longer than ``timeout_s``; ``totals_memory_mb``: what
    MariaDB may use for the joins of counts over a relation that says how all of it is counted (``Whole``)."""

    timeout_s: float = 5.0
    totals_timeout_s: float | None = None
    totals_memory_mb: int | None = None
    concurrency: int = 8
    max_keys: int = 1000
    row_budget: int = 50_000
    max_calls_per_operation: int = 64
    max_filter_keys: int = 100_000
    retries: int = 0
    breaker_failures: int = 5
    breaker_pause_s: float = 5.0
    polls_per_s: float = 10.0
    """How often a second we may look for changes on behalf of subscribers, all of them together."""

    def time_s(self, *, totals: bool) -> float:
        """How long one fetch may take; ``totals``: the source counts or sums for it."""
        if totals and self.totals_timeout_s is not None:
            return self.totals_timeout_s
        return self.timeout_s


@dataclass(frozen=True, slots=True)
class Source:
    """One database or API of a department. ``system`` is what people there call it; ``kind``: sql rest soap drop
    memory. ``owner`` is the post answerable for records that name no owner of their own."""

    name: str
    department: str
    kind: str
    system: str
    capabilities: Capabilities
    owner: Owner | None = None
    limits: Limits = field(default_factory=Limits)
    description: str = ""
    refresh: str = "live"
    """How fresh its answers are: live, or the rhythm of its drops, e.g. daily."""
    kept_s: float = 0.0
    """How long figures worked out of its rows may be told again without asking it; 0: not at all."""


@dataclass(frozen=True, slots=True)
class Department:
    """Owner of records; one folder. ``title`` is its official name, ``owner`` the post answerable when nothing nearer
    is named."""

    name: str
    title: str
    owner: Owner
    contact: str = ""

    @property
    def post(self) -> str:
        """The owner of today."""
        return post_of(self.owner)
