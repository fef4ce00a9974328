"""`gateway check --live` tells where a declaration and what its source really has disagree."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from gateway.checking import check_live
from gateway.opening import open_catalog
from gateway.settings import Settings, SourceSettings
from schema.catalog import Catalog, Declared
from schema.classification import open_
from schema.codecs import Codec, cnic, identity, yyyymmdd
from schema.declare import column, record
from schema.relations import Drop, Select, Table
from schema.resolve import resolve
from schema.sources import SQL, Department, Source
from tests.houses import Systems

health = Department("health", "Health Department", "Secretary Health")
hmis = Source("hmis", "health", "sql", "HMIS", SQL)
files = Source("files", "health", "drop", "Files", SQL)
ROWS = [("F1", "54401-1234567-1", "20250930", 10), ("F2", "544011234567", "20250931", None), ("F3", "", "", 3)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A small health system: a table of three facilities, and a folder."""
    with sqlite3.connect(tmp_path / "hmis.sqlite") as connection:
        connection.execute("CREATE TABLE facilities (code TEXT, ic_cnic TEXT, opened TEXT, Beds INTEGER)")
        connection.executemany("INSERT INTO facilities VALUES (?, ?, ?, ?)", ROWS)
    connection.close()
    (tmp_path / "drop").mkdir()
    sources = {
        "hmis": SourceSettings(url=f"sqlite:///{tmp_path}/hmis.sqlite"),
        "files": SourceSettings(folder=str(tmp_path / "drop")),
    }
    return Settings(sources=sources)


def catalog_of(source: Source, relation: Any, name: str = "beds", of: type = int, codec: Codec = identity) -> Catalog:
    """A record with a key and one more field."""

    class Facility:
        """A facility."""

        code = column("code", open_)
        more = column(name, open_, codec=codec)

    Facility.__annotations__ = {"code": str, "more": of | None}
    return resolve([Declared(health, (record(source, relation, key="code")(Facility),), ())])


async def told(settings: Settings, catalog: Catalog) -> list[str]:
    """The problems, without the file and line they begin with."""
    problems = await check_live(settings, catalog)
    assert all(problem.startswith("tests/test_checking.py:") for problem in problems)
    return [problem.split(": ", 1)[1] for problem in problems]


TABLE = Table("facilities")
SELECT = Select("SELECT code, beds AS n FROM facilities WHERE {inside}", "facilities", {"code": "code"})


@pytest.mark.parametrize(
    ("relation", "name", "of", "codec"),
    [(TABLE, "beds", int, identity), (TABLE, "BEDS", int, identity), (TABLE, "opened", str, identity),
     (SELECT, "n", int, identity)],
)  # fmt: skip
async def test_what_agrees_is_not_told(settings: Settings, relation: Any, name: str, of: type, codec: Codec) -> None:
    assert await told(settings, catalog_of(hmis, relation, name, of, codec)) == []


@pytest.mark.parametrize(("relation", "where"), [(TABLE, "facilities"), (SELECT, "facilities")])
async def test_a_missing_column_is_named(settings: Settings, relation: Any, where: str) -> None:
    catalog = catalog_of(hmis, relation, "bedz")
    assert await told(settings, catalog) == [f"hmis.{where} has no column 'bedz'; correct the declaration"]


@pytest.mark.parametrize(("name", "of", "codec"), [("ic_cnic", str, cnic), ("opened", str, yyyymmdd)])
async def test_values_that_no_codec_can_read_are_counted_not_shown(
    settings: Settings, name: str, of: type, codec: Codec
) -> None:
    """Twelve digits are no CNIC; September has thirty days."""
    expected = f"hmis.facilities.{name}: 1 of 3 values cannot be read as {codec.name}"
    assert await told(settings, catalog_of(hmis, TABLE, name, of, codec)) == [expected]


async def test_a_column_of_another_kind_is_told(settings: Settings) -> None:
    """Its values would be compared as what they are not."""
    catalog = catalog_of(hmis, TABLE, "beds", str)
    expected = "hmis.facilities.beds holds int where text is declared; correct the field's type or give it a codec"
    assert await told(settings, catalog) == [expected]


async def test_a_missing_table_and_a_missing_file_are_told(settings: Settings, tmp_path: Path) -> None:
    problem = (await told(settings, catalog_of(hmis, Table("none"))))[0]
    assert problem == "hmis: no such table: none; is the source up and its address right?"
    (tmp_path / "hmis.sqlite").unlink()
    problem = (await told(settings, catalog_of(hmis, TABLE)))[0]
    assert problem == "hmis: unable to open database file; is the source up and its address right?"


async def test_a_dropped_file_without_a_column_is_told(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "drop" / "a.csv").write_text("CODE\nF1\n")
    catalog = catalog_of(files, Drop("*.csv", {"CODE": "code", "BEDS": "beds"}), of=str)
    assert await told(settings, catalog) == [
        "files: a.csv has no column BEDS; is the source up and its address right?"
    ]  # fmt: skip


async def test_every_problem_of_every_record_is_told(settings: Settings) -> None:
    def one(name: str, missing: str) -> type:
        body = {
            "__doc__": "A row.", "__module__": __name__, "code": column("code", open_), "x": column(missing, open_),
            "y": column("ic_cnic", open_, codec=cnic), "__annotations__": {"code": str, "x": int, "y": str},
        }  # fmt: skip
        return record(hmis, TABLE, key="code")(type(name, (), body))

    catalog = resolve([Declared(health, (one("One", "a"), one("Two", "b")), ())])
    assert [problem.split("column ")[1][:3] for problem in await told(settings, catalog)] == ["'a'", "'b'"]


async def test_the_demos_own_dirt_is_all_that_is_told(systems: Systems, tmp_path: Path) -> None:
    """The planted blanks, spellings and short rows are readable; nothing of the declarations is wrong."""
    settings = systems.settings(tmp_path)
    problems = await check_live(settings, open_catalog(settings))
    assert [problem for problem in problems if "cannot be read" not in problem] == []
