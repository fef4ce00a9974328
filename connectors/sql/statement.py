"""FetchShape to SQL text, once a shape and dialect. Values never enter the text; they are named parameters that each
driver's module turns into its own style."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from connectors.sql.dialects import MARK_SQL, SqlDialect
from connectors.sql.typed import LOOSER, as_own
from schema.conditions import columns_asked, columns_of, conjuncts
from schema.fetch import (
    AllOf,
    Among,
    AnyOf,
    Cell,
    Column,
    Comparison,
    Complement,
    Condition,
    FetchShape,
    Fixed,
    Function,
    Measure,
    NullCheck,
    Ordering,
)
from schema.relations import Relation, Select, Table

PARAMETER = re.compile(r":(gp_\w+)")
KEYS = "gp_keys"
LIMIT = "gp_limit"
MARKED = "marked"
"""Suffix of a list parameter whose texts carry a mark at the end."""
LIMIT_AT_END = ("postgresql", "mariadb", "sqlite")
Types = Mapping[str, str]
"""Column -> the server's name of its type, where that is no text."""


@dataclass(frozen=True, slots=True)
class Statement:
    """``text`` with ``:gp_...`` parameters; ``lists``: which of them take several values; ``kinds``: of the answer's
    columns, with the places of decimals and of sums taken in whole units."""

    text: str
    lists: frozenset[str]
    kinds: tuple[tuple[str, int | None], ...]
    encoders: dict[str, str]
    """Parameter -> kind of the column it is compared with."""


def relation_text(relation: Relation, dialect: SqlDialect) -> str:
    """The whole relation as it stands after FROM, to look at its columns. TypeError when it is not a SQL one."""
    match relation:
        case Table(name=name):
            return str(dialect.compiler.identifier_preparer.quote(name))
        case Select(sql=sql):
            return f"({sql.replace('{inside}', '1 = 1')}) rel"
    raise TypeError(f"a SQL source has no {type(relation).__name__}")


def build(
    shape: FetchShape,
    dialect: SqlDialect,
    types: Callable[[Relation], Types] | None = None,
    parts: Mapping[str, int] | None = None,
) -> Statement:
    """The statement of a shape. ``types``: of a relation, PostgreSQL's columns of another type than text -> its name;
    where the shape takes them for text they are read and compared as the text they hold. ``parts``: list parameter ->
    into how many lists it is cut, the second named ``gp_keys__1``."""
    return _Builder(shape, dialect, _Shared(types or (lambda relation: {}), parts or {})).statement()


@dataclass(slots=True)
class _Shared:
    """What the select of a statement and those inside it write to: ``insides`` are the markers that conditions inside
    a relation's own SELECT take the place of; an outer one stands before those that it holds."""

    types: Callable[[Relation], Types]
    parts: Mapping[str, int]
    lists: set[str] = field(default_factory=set)
    encoders: dict[str, str] = field(default_factory=dict)
    insides: list[tuple[str, str]] = field(default_factory=list)
    selects: int = 0


class _Builder:
    """Writes one select. ``alias``: what its relation is called, so that nothing in a select inside another one can
    be taken for a column of the outer one; None where there is no other. ``matched``: columns that the outer one
    reads."""

    def __init__(
        self, shape: FetchShape, dialect: SqlDialect, shared: _Shared, alias: str | None = None,
        matched: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        self._shape = shape
        self._dialect = dialect
        self._shared = shared
        self._alias = alias
        self._matched = matched
        self._types = shared.types(shape.relation)

    def statement(self) -> Statement:
        shape = self._shape
        relation = self._relation()
        where = self._where(self._column)
        if shape.measures:
            query = self._aggregate(relation, where)
            kinds = [(cell.column.kind, cell.column.scale) for cell in shape.groups]
            kinds += [self._measure_kind(measure) for measure in shape.measures]
        else:
            query = self._plain(relation, where)
            kinds = [(cell.column.kind, cell.column.scale) for cell in shape.cells]
        text = self._text(query)
        if not shape.measures and not (shape.limited and shape.per_key) and self._dialect.name in LIMIT_AT_END:
            text += f"\n LIMIT :{LIMIT}"
        for marker, inside in self._shared.insides:
            text = text.replace(marker, inside)
        return Statement(text, frozenset(self._shared.lists), tuple(kinds), self._shared.encoders)

    def _text(self, query: Any) -> str:
        dialect: Dialect = self._dialect.compiler
        return str(query.compile(dialect=dialect, compile_kwargs={"render_postcompile": False}))

    def _plain(self, relation: Any, where: Any) -> Any:
        shape = self._shape
        cells = [self._cell(cell).label(f"c{index}") for index, cell in enumerate(shape.cells)]
        if not (shape.limited and shape.per_key):
            query = sa.select(*cells).select_from(relation).where(where).order_by(*self._terms())
            return self._dialect.limited(query, self._value(LIMIT, sa.Integer()))
        assert shape.key is not None
        order = self._terms()
        if not order and self._dialect.window_order is not None:
            order = [sa.literal_column(self._dialect.window_order)]
        rank = (
            sa.func.row_number()
            .over(partition_by=self._exact(shape.key, self._column(shape.key)), order_by=order or None)
            .label("rank_")
        )
        ranked = sa.select(*cells, rank).select_from(relation).where(where).subquery("ranked")
        columns = [ranked.c[f"c{index}"] for index in range(len(cells))]
        key = Cell(shape.key)  # one key's rows stand together, as the window had them
        together = [column for cell, column in zip(shape.cells, columns, strict=True) if cell == key][:1]
        query = sa.select(*columns).where(ranked.c.rank_ <= self._value(LIMIT, sa.Integer()))
        return query.order_by(*together, ranked.c.rank_)

    def _aggregate(self, relation: Any, where: Any) -> Any:
        shape = self._shape
        groups = [self._used(cell).label(f"g{index}") for index, cell in enumerate(shape.groups)]
        values = [None if measure.cell is None else self._used(measure.cell) for measure in shape.measures]
        grouped = [self._used(cell) for cell in shape.groups]
        if self._dialect.group_in_select and any(cell.when is not None for cell in shape.groups):
            named = [value.label(f"v{index}") for index, value in enumerate(values) if value is not None]
            inner = sa.select(*groups, *named).select_from(relation).where(where).subquery("given")
            grouped = groups = [inner.c[f"g{index}"] for index in range(len(groups))]
            values = [None if value is None else inner.c[f"v{index}"] for index, value in enumerate(values)]
            relation, where = inner, None
        measures = [
            self._measure(measure, value).label(f"m{index}")
            for index, (measure, value) in enumerate(zip(shape.measures, values, strict=True))
        ]
        query = sa.select(*groups, *measures).select_from(relation)
        query = query if where is None else query.where(where)
        return query.group_by(*grouped) if groups else query

    def _relation(self) -> Any:
        relation = self._shape.relation
        match relation:
            case Table(name=name):
                return sa.table(name) if self._alias is None else sa.table(name).alias(self._alias)
            case Select(inside=inner):
                sql = relation.asked_for(columns_asked(self._shape) | self._matched)
                if "{inside}" in sql:
                    marker = f"'{{inside}}' = '{{inside}}{len(self._shared.insides) or ''}'"
                    at = len(self._shared.insides)
                    self._shared.insides.append((marker, ""))
                    condition = self._where(lambda column: sa.literal_column(inner[column.name]), frozenset(inner))
                    self._shared.insides[at] = (marker, self._condition_text(condition))
                    sql = sql.replace("{inside}", marker)
                return sa.text(f"({sql.replace(':', chr(92) + ':')}) {self._alias or 'rel'}")
        raise TypeError(f"a SQL source has no {type(relation).__name__}")

    def _condition_text(self, condition: Any) -> str:
        return str(condition.compile(dialect=self._dialect.compiler))

    def _where(self, column: Callable[[Column], Any], only: frozenset[str] | None = None) -> Any:
        """The whole condition; with ``only``, the part that reads just those columns."""
        parts: list[Any] = []
        for part in conjuncts(self._shape.where):
            if only is None or columns_of(part) <= only:
                parts.append(self._condition(part, column))
        key = self._shape.key
        if key is not None and (only is None or key.name in only):
            parts.append(self._equal_any(key, column(key), KEYS))
        return sa.and_(*parts) if parts else sa.literal_column("1") == sa.literal_column("1")

    def _column(self, column: Column) -> Any:
        return sa.column(column.name) if self._alias is None else self._qualified(column)

    def _qualified(self, column: Column) -> Any:
        """The column with the name its relation has here."""
        relation, quote = self._shape.relation, self._dialect.compiler.identifier_preparer.quote
        own = quote(relation.name) if isinstance(relation, Table) else "rel"
        return sa.literal_column(f"{self._alias or own}.{quote(column.name)}")

    def _value(self, name: str, kind: Any = None) -> Any:
        return sa.bindparam(name, type_=kind or sa.types.NullType())

    def _param(self, index: int, column: Column) -> Any:
        name = f"gp_{index}"
        self._shared.encoders[name] = column.kind
        return self._value(name)

    def _list(self, name: str, column: Column) -> Any:
        self._shared.lists.add(name)
        self._shared.encoders[name] = column.kind
        return self._value(name)

    def _among(self, column: Column, value: Any, name: str, *, exactly: bool) -> Any:
        """``value`` is one of a list, which may have to be given in several parts."""
        if exactly and self._dialect.pads and column.kind == "text":
            return self._dialect.among(value.op("+")(MARK_SQL), self._list(f"{name}__{MARKED}", column), column.kind)
        names = [name] + [f"{name}__{part}" for part in range(1, self._shared.parts.get(name, 1))]
        tests = [self._dialect.among(value, self._list(one, column), column.kind) for one in names]
        return tests[0] if len(tests) == 1 else sa.or_(*tests).self_group()

    def _cell(self, cell: Cell) -> Any:
        value = self._text_of(cell.column, self._column(cell.column))
        return self._under(cell, self._dialect.written(value) if cell.as_text else value)

    def _text_of(self, column: Column, value: Any) -> Any:
        return sa.cast(value, sa.Text()) if column.kind == "text" and column.name in self._types else value

    def _used(self, cell: Cell) -> Any:
        return self._under(cell, self._compared(cell.column))

    def _under(self, cell: Cell, value: Any) -> Any:
        if cell.when is None:
            return value
        return sa.case((self._condition(cell.when, self._column), value))

    def _compared(self, column: Column) -> Any:
        """The column as it is ordered and grouped by: text by code point."""
        value = self._normalised(column, self._column(column))
        return self._dialect.binary(value) if column.kind == "text" else value

    def _normalised(self, column: Column, value: Any) -> Any:
        value = self._text_of(column, value)
        return self._dialect.trimmed(value) if column.normaliser == "trim" else value

    def _exact(self, column: Column, value: Any) -> Any:
        """The column where only equality matters."""
        value = self._normalised(column, value)
        return self._dialect.exact(value) if column.kind == "text" else value

    def _condition(self, condition: Condition, column: Callable[[Column], Any]) -> Any:
        match condition:
            case Fixed(value=value):
                return sa.literal_column("1") == sa.literal_column("1" if value else "0")
            case AllOf(parts=parts):
                return sa.and_(*(self._condition(part, column) for part in parts)).self_group()
            case AnyOf(parts=parts):
                return sa.or_(*(self._condition(part, column) for part in parts)).self_group()
            case Complement(part=NullCheck(column=checked)):
                return column(checked).is_not(None)
            case Complement(part=Among() as among) if self._correlates(column):
                return ~self._matching(among, indexed=False)
            case Complement(part=Comparison(column=listed, op="in", param=param)):
                # No index serves a complement: a long list need not stand there twice for one.
                value = self._exact(listed, column(listed))
                return _untrue(self._among(listed, value, f"gp_{param.index}", exactly=True))
            case Complement(part=part):
                inner = self._condition(part, column)
                return _untrue(inner)
            case NullCheck(column=checked):
                return column(checked).is_(None)
            case Comparison():
                return self._comparison(condition, column(condition.column))
            case Among():
                if self._correlates(column):
                    return self._matching(condition, indexed=True)
                return self._is_among(condition, column(condition.column))

    def _correlates(self, column: Callable[[Column], Any]) -> bool:
        """Whether a select may name this one's columns, which those inside a relation's own SELECT have no name
        for."""
        return self._dialect.matches and column == self._column

    def _inner(self, among: Among) -> tuple[Any, Any]:
        """The select of another relation's rows, without columns, and in it the values that are matched, exact."""
        self._shared.selects += 1
        shape = FetchShape(among.relation, where=among.where)
        alias = f"gp_rel{self._shared.selects}"
        inner = _Builder(shape, self._dialect, self._shared, alias, frozenset({among.remote.name}))
        theirs = inner._column(among.remote)
        rows = sa.select().select_from(inner._relation()).where(theirs.is_not(None), inner._where(inner._column))
        return rows, inner._exact(among.remote, theirs)

    def _matching(self, among: Among, *, indexed: bool) -> Any:
        rows, theirs = self._inner(among)
        value = self._qualified(among.column)
        loose = self._dialect.loose_text and among.column.kind == "text" and among.column.normaliser is None
        own = value if loose and indexed else None
        return self._dialect.matching(self._exact(among.column, value), theirs, rows, own)

    def _is_among(self, among: Among, value: Any) -> Any:
        rows, theirs = self._inner(among)
        return self._dialect.among_rows(self._exact(among.column, value), theirs, rows, among.column.kind)

    def _comparison(self, test: Comparison, value: Any) -> Any:
        column, op = test.column, test.op
        if op == "in":
            return self._equal_any(column, value, f"gp_{test.param.index}")
        exact = self._exact(column, value)
        if op == "notIn":
            among = self._among(column, exact, f"gp_{test.param.index}", exactly=True)
            return sa.and_(value.is_not(None), _untrue(among)).self_group()
        param = self._param(test.param.index, column)
        dialect = self._dialect
        if op == "eq":
            loose = self._loose(column, lambda: value == param, lambda as_own: value == as_own(param, False))
            equal = dialect.equal(exact, param, column.kind)
            return equal if loose is None else sa.and_(loose, equal)
        if op == "ne":
            return dialect.against(sa.not_(dialect.equal(exact, param, column.kind)), op, exact, param, column.kind)
        compared = self._normalised(column, value)
        compared = self._dialect.binary(compared) if column.kind == "text" else compared
        operators: dict[str, Callable[[Any, Any], Any]] = {
            "lt": lambda one, other: one < other,
            "lte": lambda one, other: one <= other,
            "gt": lambda one, other: one > other,
            "gte": lambda one, other: one >= other,
            "startsWith": dialect.starts_with,
            "contains": dialect.contains,
        }
        return dialect.against(operators[op](compared, param), op, compared, param, column.kind)

    def _equal_any(self, column: Column, value: Any, name: str) -> Any:
        """``value`` is one of the listed ones, exactly."""
        exact = self._among(column, self._exact(column, value), name, exactly=True)
        loose = self._loose(
            column,
            lambda: self._among(column, value, name, exactly=False),
            lambda as_own: value == sa.func.any(as_own(self._list(name, column), True)),
        )
        return exact if loose is None else sa.and_(loose, exact)

    def _loose(self, column: Column, own: Callable[[], Any], typed: Callable[[Callable[[Any, bool], Any]], Any]) -> Any:
        """The source's own equality, where it is looser than ours: it stands beside ours so that an index still
        serves. None where ours is the source's."""
        if column.kind != "text" or column.normaliser is not None:
            return None
        name = self._types.get(column.name)
        if name is not None:
            return typed(partial(as_own, name)) if name in LOOSER else None
        return own() if self._dialect.loose_text else None

    def _terms(self) -> list[Any]:
        """What the rows are ordered by, each cell once: some servers refuse one that is named twice."""
        first: dict[Cell, Ordering] = {}
        for ordering in self._shape.order:
            first.setdefault(ordering.cell, ordering)
        return [
            term for one in first.values() for term in self._dialect.ordered(self._used(one.cell), one.descending)
        ]  # fmt: skip

    def _measure(self, measure: Measure, value: Any) -> Any:
        if measure.cell is None:
            return sa.func.count()
        match measure.function:
            case Function.COUNT:
                return sa.func.count(value)
            case Function.SUM:
                return sa.func.sum(self._dialect.summed(value, measure.cell.column))
            case Function.MIN:
                return sa.func.min(value)
            case Function.MAX:
                return sa.func.max(value)

    def _measure_kind(self, measure: Measure) -> tuple[str, int | None]:
        if measure.cell is None or measure.function is Function.COUNT:
            return "int", None
        column = measure.cell.column
        if measure.function is Function.SUM and column.kind == "decimal" and self._dialect.sums_in_units:
            return "units", column.scale
        return column.kind, column.scale


def _untrue(condition: Any) -> Any:
    """The exact complement: true where the condition is false or unknown, in every dialect."""
    return sa.case((condition, sa.literal_column("0")), else_=sa.literal_column("1")) == sa.literal_column("1")

