"""Where a record's rows stand in its source. Data only: the connector of the source's kind knows what to do with it."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from schema.derive.nodes import Derivation


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view."""

    name: str


@dataclass(frozen=True, slots=True)
class Whole:
    """How everything a ``Select`` has is counted: grouped first and joined later, and without a costly join that only
    leaves out rows whose other half is gone. ``rows``: FROM and WHERE of the table that is counted; ``keys``: name ->
    expression of what its rows are joined by. ``sql``: the select over ``{rows}``, which has the keys and ``counted``,
    with ``counted`` passed on and no row lost or doubled; ``columns``: column -> the key it comes by. ``lacking``: a
    SELECT of the rows which the costly join leaves out, or of more: it is asked too, and where something is lacking the
    join is made after all."""

    rows: str
    keys: Mapping[str, str]
    sql: str
    columns: Mapping[str, str]
    lacking: str


@dataclass(frozen=True, slots=True)
class Beside:
    """LEFT JOINs of a ``Select`` that bring columns to its rows, one row to each, and take none away. ``columns``:
    column -> its expression. A statement that asks for none of them is sent without the joins."""

    joins: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Select:
    """A portable SELECT whose result columns are the relation's columns. ``{inside}`` may stand once in its WHERE
    clause: conditions on the columns of ``inside`` (column -> inner expression) are repeated there, so that a grouped
    or pivoted select reads only what is asked for. ``whole``: how all of it is counted. ``beside``: joins in ``sql``
    that not every statement needs, as they are written there. Raises ValueError where one is not in it once."""

    sql: str
    name: str
    inside: Mapping[str, str] = field(default_factory=dict)
    whole: Whole | None = None
    beside: tuple[Beside, ...] = ()

    def __post_init__(self) -> None:
        for one in self.beside:
            for part in (one.joins, *(f"{told} AS {name}" for name, told in one.columns.items())):
                if self.sql.count(part) != 1:
                    raise ValueError(f"{self.name}: {part!r} does not stand in the select once")

    def asked_for(self, columns: Container[str]) -> str:
        """The select without the joins that none of ``columns`` needs; what they bring is null."""
        sql = self.sql
        for one in self.beside:
            if not any(name in columns for name in one.columns):
                sql = sql.replace(one.joins, "")
                for name, told in one.columns.items():
                    sql = sql.replace(f"{told} AS {name}", f"NULL AS {name}")
        return sql


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query argument of a REST collection or SOAP operation. ``operator``: the one comparison it performs on
    ``column``; ``many``: values may be given at once (joined by ``separator`` in REST, repeated in SOAP). Where several
    may be joined, no row's value holds the separator: one that does is not asked for."""

    name: str
    column: str
    operator: str
    many: int = 1
    separator: str = ","


@dataclass(frozen=True, slots=True)
class Collection:
    """A JSON REST collection. ``path``: relative to the source's address; ``method``: GET or POST; ``rows``: key of
    the list in the answer ("" when the answer is one object, a row); ``paging``: ``page`` (page/pages numbering) or
    ``none``; ``page_argument``, ``size_argument``, ``page_size`` and ``total`` (key of the number of rows in all)
    describe it; ``fixed`` are arguments sent always; ``absent``: answer values meaning that there is no such row,
    e.g. ``{"response_Code": ("01",)}``; ``echo``: request argument copied into the row as a column (the inquiry's own
    answer does not repeat what it was asked for)."""

    path: str
    parameters: tuple[Parameter, ...] = ()
    method: str = "GET"
    rows: str = "results"
    paging: str = "page"
    page_argument: str = "page"
    size_argument: str = "size"
    page_size: int = 500
    total: str = "count"
    fixed: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    echo: Mapping[str, str] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """A SOAP operation: ``rows`` is the element repeated for each row; ``offset``/``page_size_argument`` page it."""

    operation: str
    rows: str
    parameters: tuple[Parameter, ...] = ()
    offset_argument: str = "offset"
    size_argument: str = "maxRows"
    page_size: int = 500
    total: str = "total"
    name: str = ""


@dataclass(frozen=True, slots=True)
class Drop:
    """Files a department drops into a folder: CSV or Excel by suffix. ``pattern``: glob below the source's folder;
    ``columns``: header -> column; ``file_column`` names a column that holds the file's name, ``line_column`` one that
    holds it with the line's number, which is a line's own even where everything in it stands twice. ``told_by_name``:
    column -> pattern whose one group is, in a file's name, the value of that column in each of its lines, whether they
    have the column themselves or not: a file whose name tells another value than is asked for is not opened."""

    pattern: str
    columns: Mapping[str, str]
    encoding: str = "utf-8-sig"
    delimiter: str = ","
    file_column: str | None = None
    line_column: str | None = None
    name: str = ""
    told_by_name: Mapping[str, str] = field(default_factory=dict)


Relation: TypeAlias = Table | Select | Collection | Operation | Drop | Derivation


def relation_name(relation: Relation) -> str:
    """What the relation is called in its system; shown in the catalogue and in plans."""
    match relation:
        case Table(name=name) | Select(name=name):
            return name
        case Collection():
            return relation.name or relation.path
        case Operation():
            return relation.name or relation.operation
        case Drop():
            return relation.name or relation.pattern
        case Derivation(name=name):
            return name


def offered_by(relation: Relation) -> dict[str, frozenset[str]] | None:
    """The columns a service's collection or operation has arguments for, with what they can say of them (several
    values at once include one); None where every column can be asked for."""
    if not isinstance(relation, (Collection, Operation)):
        return None
    offered: dict[str, frozenset[str]] = {}
    for one in relation.parameters:
        operators = {"eq", "in"} if one.operator == "in" else {one.operator}
        offered[one.column] = offered.get(one.column, frozenset()) | operators
    return offered
