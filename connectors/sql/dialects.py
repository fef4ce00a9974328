"""Where SQL dialects differ in what the semantics ask for: text by code point, lists of values, the place of nulls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql, oracle, postgresql, sqlite
from sqlalchemy.engine import Dialect

from schema.fetch import Column

MARK = "|"
MARK_SQL: Any = sa.literal_column(f"N'{MARK}'")
"""Stands after a text so that blanks at its end count, and before one so that it is never empty."""


@dataclass(frozen=True, slots=True)
class SqlDialect:
    """``loose_text``: the database's own equality may ignore case or trailing blanks. ``sums_in_units``: decimals are
    summed as whole units of their last place. ``most_listed``: values one IN takes. ``pads``: even binary equality
    ignores blanks at the end, so texts are compared with a mark after them. ``empty_is_null``: there is no empty text.
    ``window_order``: what row_number() is ordered by when nothing is asked. ``group_in_select``: an expression with
    parameters cannot be repeated in GROUP BY; it is named in an inner select. ``matches``: rows of another relation
    are matched by EXISTS. See Note [joined in the source]."""

    name: str
    compiler: Dialect
    loose_text: bool = False
    sums_in_units: bool = False
    most_listed: int | None = None
    pads: bool = False
    empty_is_null: bool = False
    window_order: str | None = None
    group_in_select: bool = False
    matches: bool = False

    def binary(self, value: Any) -> Any:
        """``value`` compared and ordered by code point."""
        match self.name:
            case "postgresql":
                return value.collate("C")
            case "mariadb":
                return sa.func.convert(value.op("USING")(sa.literal_column("utf8mb4"))).collate("utf8mb4_nopad_bin")
            case "sqlite":
                return value.collate("BINARY")
            case "mssql":
                return sa.cast(value, mssql.NVARCHAR()).collate("Latin1_General_100_BIN2")
        return value

    def exact(self, value: Any) -> Any:
        """``value`` where only equality matters: PostgreSQL's is by code point under every deterministic
        collation, and an index serves only its own."""
        return value if self.name == "postgresql" else self.binary(value)

    def trimmed(self, value: Any) -> Any:
        """Without blanks, tabs and line ends at both ends."""
        match self.name:
            case "postgresql":
                return sa.func.btrim(value, sa.literal_column("E' \\t\\r\\n'"))
            case "mariadb":
                pattern: Any = sa.literal_column("'^[ \\t\\r\\n]+|[ \\t\\r\\n]+$'")
                return sa.func.regexp_replace(value, pattern, sa.literal_column("''"))
            case "sqlite":
                return sa.func.trim(value, sa.literal_column("' ' || char(9) || char(13) || char(10)"))
            case "oracle":
                blanks = "[ ' || CHR(9) || CHR(13) || CHR(10) || ']+"
                pattern = sa.literal_column(f"'^{blanks}|{blanks}$'")
                return sa.func.regexp_replace(value, pattern, sa.literal_column("''"))
        return sa.func.trim(sa.literal_column("' ' + CHAR(9) + CHAR(13) + CHAR(10)").op("FROM")(value))

    # Note [long lists]
    # One bind where the driver has one that is fast. PostgreSQL (14 and newer) hashes = ANY of an array, under CASE and
    # in a generic plan too: 120,000 rows against 50,000 keys 75 to 130 ms either way, against 120,000 keys 120 to
    # 300 ms. SQLite reads json_each once into a tree. MariaDB 10.11 sorts a written IN list once: 42,000 rows against
    # 1,000 / 20,000 / 120,000 keys 8 / 110 / 850 ms, not in them (the list stands once) 24 / 65 / 320 ms. JSON_TABLE
    # with one bind there: 2 / 79 / 435 ms with an index on the column, but without one 100 / 2,900 ms as it compares
    # every pair; not in them 63 / 2,000 / 12,900 ms; in a derived table 10 / 300 / 2,200 ms. So the list it is.
    def among(self, value: Any, param: Any, kind: str) -> Any:
        """``value`` is one of the values of a list parameter. See Note [long lists]."""
        match self.name:
            case "postgresql":
                return value.op("=", is_comparison=True)(sa.func.any(param))
            case "sqlite":
                each = sa.text(f"(SELECT value FROM json_each(:{param.key}))")
                return value.op("IN")(each)
        return value.op("IN")(param)

    # Note [joined in the source]
    # Every dialect must come to the rows of two relations in time that grows with their sum, whatever indexes there
    # are, grouped selects included. Measured over a district (40,000 pupils, 400 schools, 120,000 payslips):
    # PostgreSQL hashes EXISTS and NOT EXISTS as semi- and anti-joins of any size, while NOT IN is hashed only within
    # work_mem. SQLite repeats EXISTS a row where no index serves (minutes), but reads IN (SELECT ...) once into a tree.
    # MariaDB merges the inner select into the outer one in both forms and then, for want of an index on the exact text,
    # compares every pair (40,000 x 2,000: over 20 s; 1.2 s for schools by their pupils). A derived table with DISTINCT
    # it has to build once, with a key: 10 to 90 ms, as EXISTS over it; as IN with two columns it still compares every
    # pair where the texts have two collations. The texts' own comparison beside the exact one lets an index of the
    # outer relation serve (schools of two pupils: 2.5 ms become 0.6); its collation is named
    # because the values found are binary and would make this comparison so too. A complement has no use for it.
    def matching(self, ours: Any, theirs: Any, rows: Any, own: Any) -> Any:
        """Some row of the select ``rows``, which has no columns yet, holds ``ours`` as ``theirs``, both exact. ``own``:
        ours as the database compares it, None where that is of no use."""
        if self.name != "mariadb":
            return sa.exists(rows.add_columns(sa.literal_column("1")).where(theirs == ours))
        found = rows.add_columns(theirs.label("k")).distinct().subquery("gp_found")
        tests = [found.c.k == ours]
        if own is not None:
            tests.append(own == found.c.k.collate("utf8mb4_general_ci"))
        return sa.exists(sa.select(sa.literal_column("1")).select_from(found).where(*tests))

    def among_rows(self, ours: Any, theirs: Any, rows: Any, kind: str) -> Any:
        """The same without a name for ours in the select."""
        if self.pads and kind == "text":
            ours, theirs = ours.op("+")(MARK_SQL), theirs.op("+")(MARK_SQL)
        if self.name != "mariadb":
            return ours.in_(rows.add_columns(theirs))
        found = rows.add_columns(theirs.label("k")).distinct().subquery("gp_found")
        return ours.in_(sa.select(found.c.k))

    def equal(self, value: Any, param: Any, kind: str) -> Any:
        """``value``, made exact, is the parameter's."""
        if self.pads and kind == "text":
            return value.op("+")(MARK_SQL) == param.op("+")(MARK_SQL)
        return value == param

    def against(self, test: Any, op: str, value: Any, param: Any, kind: str) -> Any:
        """``test``, true as well where an empty text is asked for and the database takes that for a null."""
        if self.empty_is_null and kind == "text" and op in ("ne", "gt", "gte", "startsWith", "contains"):
            return sa.or_(test, sa.and_(param.is_(None), value.is_not(None))).self_group()
        return test

    def limited(self, query: Any, param: Any) -> Any:
        """At most as many rows as the parameter says; the others' LIMIT is added to the text."""
        match self.name:
            case "oracle":
                return query.limit(param)
            case "mssql":
                return query.prefix_with(sa.text(f"TOP (:{param.key})"))
        return query

    def starts_with(self, value: Any, param: Any) -> Any:
        match self.name:
            case "postgresql":
                return sa.func.starts_with(value, param)
            case "mariadb":
                return sa.func.left(value, sa.func.char_length(param)) == param
            case "mssql":
                return sa.func.charindex(MARK_SQL.op("+")(param), MARK_SQL.op("+")(value)) == sa.literal_column("1")
        return sa.func.substr(value, sa.literal_column("1"), sa.func.length(param)) == param

    def contains(self, value: Any, param: Any) -> Any:
        match self.name:
            case "postgresql":
                return sa.func.strpos(value, param) > sa.literal_column("0")
            case "mariadb":
                return sa.func.locate(param, value) > sa.literal_column("0")
            case "mssql":
                inside = sa.func.charindex(param, value) > sa.literal_column("0")
                empty = sa.func.datalength(param) == sa.literal_column("0")
                return sa.or_(inside, sa.and_(empty, value.is_not(None))).self_group()
        return sa.func.instr(value, param) > sa.literal_column("0")

    def ordered(self, value: Any, descending: bool) -> list[Any]:
        """Nulls last ascending, first descending."""
        term = value.desc() if descending else value.asc()
        match self.name:
            case "postgresql" | "oracle":
                return [term]
            case "sqlite":
                return [term.nulls_first() if descending else term.nulls_last()]
        absent = sa.case((value.is_(None), sa.literal_column("1")), else_=sa.literal_column("0"))
        return [absent.desc() if descending else absent.asc(), term]

    def written(self, value: Any) -> Any:
        """A decimal as text, where that is cheaper than what the driver makes of it."""
        match self.name:
            case "postgresql":
                return sa.cast(value, sa.Text())
            case "mariadb":
                return sa.cast(value, sa.CHAR())
        return value

    def summed(self, value: Any, column: Column) -> Any:
        if column.kind == "decimal" and self.sums_in_units:
            units: Any = sa.literal_column(str(10 ** (column.scale or 0)))
            return sa.cast(sa.func.round(value * units), sa.Integer())
        if column.kind == "int" and self.name == "mssql":
            return sa.cast(value, sa.BigInteger())
        return value


POSTGRES = SqlDialect("postgresql", postgresql.dialect(paramstyle="named"), matches=True)  # type: ignore[no-untyped-call]
MARIADB = SqlDialect("mariadb", mysql.dialect(paramstyle="named", is_mariadb=True), loose_text=True, matches=True)
SQLITE = SqlDialect("sqlite", sqlite.dialect(paramstyle="named"), sums_in_units=True)
ORACLE = SqlDialect(
    "oracle", oracle.dialect(paramstyle="named"), most_listed=1000, empty_is_null=True,  # type: ignore[no-untyped-call]
    window_order="NULL", group_in_select=True,
)  # fmt: skip
MSSQL = SqlDialect(
    "mssql", mssql.dialect(paramstyle="named"), loose_text=True, pads=True,  # type: ignore[no-untyped-call]
    window_order="(SELECT NULL)", group_in_select=True,
)  # fmt: skip
