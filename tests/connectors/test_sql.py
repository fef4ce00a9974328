"""The statements of all five dialects, as text: the only proof there is for Oracle and SQL Server, and for the others
what a reviewer reads. `make golden` writes them anew."""

from __future__ import annotations

import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects import mssql, oracle

from connectors.address import Address
from connectors.sql import open_sql
from connectors.sql.dialects import MARIADB, MSSQL, ORACLE, POSTGRES, SQLITE, SqlDialect
from connectors.sql.generic import GenericConnector
from connectors.sql.statement import build
from schema.fetch import (
    EVERYTHING,
    NOTHING,
    AllOf,
    Among,
    AnyOf,
    Cell,
    Column,
    Comparison,
    Complement,
    Fetch,
    FetchShape,
    Function,
    Measure,
    NullCheck,
    Ordering,
    Param,
    RowBudgetExceeded,
)
from schema.relations import Select, Table
from schema.sources import SQL, Limits, Source

FOLDER = Path(__file__).parent / "sql"
DIALECTS = {"postgres": POSTGRES, "mariadb": MARIADB, "sqlite": SQLITE, "oracle": ORACLE, "mssql": MSSQL}
STAFF = Table("staff")
CODE, NAME, POSTED = Column("code", "text"), Column("name", "text"), Column("posted", "date")
TRIMMED = Column("name", "text", normaliser="trim")
SCALE, GROSS = Column("bps", "int"), Column("gross", "decimal", 2)
FIGURES = Select(
    "SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE {inside} GROUP BY f.code",
    "figures", {"code": "f.code"},
)  # fmt: skip


def compared(column: Column, op: str, place: int) -> Comparison:
    return Comparison(column, op, Param(place))


SHAPES: dict[str, FetchShape] = {
    "rows by key": FetchShape(STAFF, (Cell(CODE), Cell(NAME)), key=CODE),
    "rows by a number": FetchShape(STAFF, (Cell(CODE),), key=SCALE),
    "rows by a trimmed key": FetchShape(STAFF, (Cell(CODE), Cell(NAME)), key=TRIMMED),
    "a few a key, in order": FetchShape(
        STAFF, (Cell(CODE), Cell(NAME)), key=NAME, order=(Ordering(Cell(SCALE), True), Ordering(Cell(CODE))),
        limited=True, per_key=True,
    ),
    "a few a key, in any order": FetchShape(STAFF, (Cell(CODE),), key=CODE, limited=True, per_key=True),
    "nulls in conditions": FetchShape(
        STAFF, (Cell(CODE),),
        where=AllOf((
            compared(NAME, "ne", 0), Complement(compared(SCALE, "lt", 1)),
            AnyOf((NullCheck(POSTED), compared(SCALE, "notIn", 2), Complement(NullCheck(SCALE)))),
            Complement(AllOf((compared(NAME, "notIn", 3), compared(POSTED, "gte", 4)))),
        )),
    ),
    "text": FetchShape(
        STAFF, (Cell(CODE),),
        where=AllOf((
            compared(NAME, "startsWith", 0), compared(NAME, "contains", 1),
            compared(NAME, "eq", 2), compared(NAME, "gt", 3),
            compared(TRIMMED, "eq", 4), compared(TRIMMED, "in", 5),
        )),
    ),
    "ordered and limited": FetchShape(
        STAFF, (Cell(CODE),), order=(Ordering(Cell(NAME)), Ordering(Cell(POSTED), True), Ordering(Cell(NAME), True)),
        limited=True,
    ),
    "groups with decimals": FetchShape(
        STAFF, groups=(Cell(NAME), Cell(SCALE)),
        measures=(
            Measure(Function.COUNT), Measure(Function.COUNT, Cell(GROSS)), Measure(Function.SUM, Cell(GROSS)),
            Measure(Function.SUM, Cell(SCALE)), Measure(Function.MIN, Cell(NAME)), Measure(Function.MAX, Cell(POSTED)),
        ),
    ),
    "totals without groups": FetchShape(STAFF, where=NOTHING, measures=(Measure(Function.SUM, Cell(GROSS)),)),
    "conditional cells": FetchShape(
        STAFF, (Cell(CODE), Cell(GROSS, compared(NAME, "in", 0)), Cell(NAME, Complement(compared(SCALE, "gt", 1)))),
        order=(Ordering(Cell(NAME, compared(SCALE, "gt", 1)), True),),
    ),
    "groups over conditional cells": FetchShape(
        STAFF, where=AnyOf((EVERYTHING,)), groups=(Cell(NAME), Cell(SCALE, compared(CODE, "eq", 0))),
        measures=(Measure(Function.COUNT), Measure(Function.SUM, Cell(GROSS, compared(CODE, "ne", 0)))),
    ),
    "inside a grouped select": FetchShape(
        FIGURES, (Cell(CODE), Cell(SCALE)), where=AllOf((compared(CODE, "in", 0), compared(SCALE, "gt", 1))), key=CODE,
    ),
    "none of the listed": FetchShape(
        STAFF, (Cell(CODE),), where=AllOf((Complement(compared(NAME, "in", 0)), Complement(compared(SCALE, "in", 1)))),
    ),
    "joined in the source": FetchShape(
        STAFF, (Cell(CODE),), where=Among(CODE, Table("leaves"), CODE, compared(POSTED, "gte", 0)), limited=True,
    ),
    "not joined in the source, through a join there, by a number": FetchShape(
        STAFF, measures=(Measure(Function.COUNT),),
        where=Complement(Among(SCALE, Table("grades"), SCALE, Among(NAME, STAFF, NAME, compared(CODE, "eq", 0)))),
    ),
    "joined to a grouped select, and that to another one": FetchShape(
        FIGURES, (Cell(CODE),),
        where=AnyOf((
            NullCheck(CODE), Among(CODE, FIGURES, CODE, AllOf((compared(CODE, "in", 0), compared(SCALE, "gt", 1)))),
        )),
    ),
}  # fmt: skip


def written(dialect: SqlDialect) -> str:
    texts = {name: build(shape, dialect).text for name, shape in SHAPES.items()}
    by_key = SHAPES["rows by key"]
    if dialect is POSTGRES:
        texts["rows by a key of type char(n)"] = build(by_key, dialect, types=lambda relation: {"code": "bpchar"}).text
    if dialect is ORACLE:
        texts["rows by 2,001 to 3,000 keys"] = build(by_key, dialect, parts={"gp_keys": 3}).text
    lines = {name: re.sub(" +$", "", text, flags=re.MULTILINE) for name, text in texts.items()}
    return "\n\n".join(f"-- {name}\n{text};" for name, text in lines.items()) + "\n"


@pytest.mark.parametrize("name", DIALECTS)
def test_statements_are_as_reviewed(name: str) -> None:
    golden, text = FOLDER / f"{name}.sql", written(DIALECTS[name])
    if os.environ.get("GATEWAY_UPDATE_GOLDENS"):
        golden.write_text(text)
    assert golden.read_text() == text


@pytest.mark.parametrize("name", DIALECTS)
def test_no_value_enters_a_statement(name: str) -> None:
    """Every literal in the text comes from the dialect or the declaration."""
    text = written(DIALECTS[name]).replace("'12:30 %'", "")
    literals = set(re.findall(r"'([^']*)'", text))
    assert literals <= {"", " ", " \\t\\r\\n", "^[ \\t\\r\\n]+|[ \\t\\r\\n]+$", "^[ ", "]+|[ ", "]+$", "|"}, literals



ADDRESSES = {"oracle": "oracle+oracledb://reader@db/erp", "mssql": "mssql+pymssql://reader@db/erp"}
SENT_BESIDE = "mssql+pyodbc://reader@db/erp"


def generic(name: str, max_keys: int = 1000, url: str | None = None) -> GenericConnector:
    source = Source("erp", "finance", "sql", "A legacy system", SQL, limits=Limits(max_keys=max_keys))
    opened = open_sql(source, Address(url or ADDRESSES[name]))
    assert isinstance(opened, GenericConnector)
    return opened


def sent(name: str, fetch: Fetch) -> tuple[str, dict[str, Any]]:
    """The statement as the driver gets it, lists written out, with its parameters."""
    _, statement, values = generic(name).statement(fetch)
    dialect: Any = oracle.dialect(paramstyle="named") if name == "oracle" else mssql.dialect(paramstyle="named")
    compiled = statement.bindparams(**values).compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    return str(compiled), dict(compiled.params)


def by_keys(count: int) -> Fetch:
    return Fetch(SHAPES["rows by key"], 0.0, tuple(f"K{number}" for number in range(count)))


def lists_of(text: str) -> list[int]:
    """How many values each IN has."""
    return [len(found.split(",")) for found in re.findall(r"IN \((:[^)]*)\)", text)]


def test_oracle_gets_at_most_a_thousand_values_in_a_list() -> None:
    text, params = sent("oracle", by_keys(1000))
    assert lists_of(text) == [1000]
    assert len(params) == 1001


def test_a_longer_filter_list_is_cut_for_oracle() -> None:
    """A list of another step's keys is not chunked; ORA-01795 would refuse it."""
    shape = FetchShape(STAFF, (Cell(CODE),), where=compared(CODE, "notIn", 0))
    text, params = sent("oracle", Fetch(shape, 0.0, params=(tuple(f"K{number}" for number in range(2500)),)))
    assert lists_of(text) == [1000, 1000, 500]
    assert len([value for value in params.values() if isinstance(value, str)]) == 2500
    assert len({value for value in params.values() if isinstance(value, str)}) == 2500


def test_sql_server_gets_at_most_2100_parameters() -> None:
    """A text key stands twice: for the index, and exactly."""
    text, params = sent("mssql", by_keys(1000))
    assert lists_of(text) == [1000, 1000]
    assert len(params) == 2001


def test_a_list_over_sql_servers_limit_is_refused_before_it_is_asked() -> None:
    """pymssql has no such limit: it writes values into the text itself."""
    shape = FetchShape(STAFF, (Cell(CODE),), where=compared(SCALE, "in", 0))
    fetch = Fetch(shape, 0.0, params=(tuple(range(2100)),))
    with pytest.raises(RowBudgetExceeded, match="more than 2100 values"):
        generic("mssql", url=SENT_BESIDE).statement(fetch)
    generic("mssql").statement(fetch)


@pytest.mark.parametrize("name", ADDRESSES)
def test_more_keys_than_the_database_takes_are_refused_at_start_up(name: str) -> None:
    with pytest.raises(ValueError, match=r"source erp: .* takes max_keys=1000 at most"):
        generic(name, max_keys=1001)


def test_blanks_at_the_end_count_in_sql_servers_lists() -> None:
    """SQL Server's own equality pads: 'AB' = 'AB '."""
    _, params = sent("mssql", Fetch(SHAPES["rows by key"], 0.0, ("AB", "AB ")))
    assert {"AB|", "AB |"} <= {value for value in params.values() if isinstance(value, str)}


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_colon_of_the_declaration_is_no_parameter(name: str) -> None:
    text, _ = sent(name, Fetch(SHAPES["inside a grouped select"], 0.0, ("a",), (("b",), 3)))
    assert "'12:30 %'" in text


def test_decimals_go_as_decimals() -> None:
    shape = FetchShape(STAFF, (Cell(CODE),), where=compared(GROSS, "gte", 0))
    for name in ADDRESSES:
        assert Decimal("0.10") in sent(name, Fetch(shape, 0.0, params=(Decimal("0.10"),)))[1].values()


def test_an_unknown_database_is_told_with_what_there_is() -> None:
    source = Source("erp", "finance", "sql", "A legacy system", SQL)
    with pytest.raises(ValueError, match="source erp: no SQL connector for 'db2'; use postgresql, mariadb, sqlite"):
        open_sql(source, Address("db2://reader@db/erp"))


