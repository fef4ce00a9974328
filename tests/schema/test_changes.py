"""How changes are noticed: what does not fit the source or the record is told at start-up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from schema.catalog import Declared
from schema.changelog import LoggedTable, tables_of
from schema.changes import Changes, compared, logged, polled, tagged, watermark
from schema.classification import open_
from schema.codecs import decimal
from schema.declare import column, record
from schema.errors import DeclarationError
from schema.relations import Collection, Relation, Select, Table
from schema.resolve import resolve
from schema.sources import SQL, Capabilities, Department, Source

health = Department("health", "Health", "Secretary")
database = Source("lmis", "health", "sql", "LMIS", SQL)
service = Source("rtsm", "health", "rest", "RTSM", Capabilities())
SELECTED = Select("SELECT code, n FROM a", "a")
LISTED = Collection("things")


def declared(
    changes: Changes, source: Source = database, relation: Relation | str = "things", key: str = "code"
) -> Any:
    @record(source, relation, key=key, changes=changes)
    class Thing:
        """A thing."""

        code: str = column("code", open_)
        number: int | None = column("n", open_)
        amount: str | None = column("amount", open_, codec=decimal(2))

    return resolve([Declared(health, (Thing,), ())]).records["health.Thing"]


MARKED = watermark("number")
WRONG: list[tuple[Changes, Source, Any, str]] = [
    (logged(otherwise=MARKED), service, LISTED, "no database whose log could be read"),
    (logged(otherwise=MARKED), database, SELECTED, "must say which table and column"),
    (logged("a", otherwise=MARKED), database, SELECTED, "must say which table and column"),
    (logged(otherwise=MARKED, compare_s=0), database, "things", "compare_s must be more than 0"),
    (logged(otherwise=watermark("nothing")), database, "things", "is no column of dates"),
    (logged(otherwise=compared(every_s=0)), database, "things", "every_s must be more than 0"),
    (tagged("things", otherwise=compared()), database, "things", "no REST service"),
    (tagged("things", otherwise=compared(), every_s=0), service, LISTED, "every_s must be more than 0"),
    (tagged("things", otherwise=compared(), compare_s=0), service, LISTED, "compare_s must be more than 0"),
    (tagged("things", otherwise=MARKED), service, LISTED, "cannot be asked for rows with number from a value on"),
    (logged(otherwise=MARKED), replace(database, capabilities=replace(SQL, list_all=False)), "things", "one by one"),
]


@pytest.mark.parametrize(("changes", "source", "relation", "told"), WRONG, ids=lambda one: str(one)[:30])
def test_what_does_not_fit_is_told(changes: Changes, source: Source, relation: Any, told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        declared(changes, source, relation)


def test_a_key_that_no_log_tells_is_told() -> None:
    with pytest.raises(DeclarationError, match="keys of text and whole numbers"):
        declared(logged(otherwise=MARKED), key="amount")


def test_a_tables_own_name_and_key_are_what_is_told_where_nothing_else_is_said() -> None:
    assert tables_of(declared(logged(otherwise=MARKED))) == (LoggedTable("things", "code", "text"),)
    named = declared(logged("a", "n", joined=("b", "c"), otherwise=MARKED), relation=SELECTED, key="number")
    assert tables_of(named) == (LoggedTable("a", "n", "int"), LoggedTable("b"), LoggedTable("c"))
    assert tables_of(declared(MARKED, relation=Table("things"))) == ()


def test_without_a_log_or_a_tag_it_is_as_declared_otherwise() -> None:
    assert polled(logged(otherwise=MARKED)) == MARKED
    assert polled(tagged("x", otherwise=compared(every_s=3))) == compared(every_s=3)
    assert polled(MARKED) == MARKED
    assert polled(None) is None
