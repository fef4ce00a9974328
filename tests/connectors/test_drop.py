"""Dropped files: encodings, short and blank rows, Excel, and files that change under the reader's hands."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from connectors.address import Address
from connectors.drop import DropConnector
from schema.fetch import Column, Comparison, ConnectorError, Param, SourceTimeout, SourceUnavailable
from schema.relations import Drop
from tests.connectors.standins import a_fetch, a_source, in_time

SCROLL = Drop("*.csv", {"PSID": "psid", "Amount": "amount"}, file_column="file")
HEAD = "PSID,Amount\n"


def connector(folder: Path | None) -> DropConnector:
    return DropConnector(a_source("drop"), Address(folder=folder))


async def rows_of(folder: Path, relation: Drop = SCROLL, *columns: str, reader: DropConnector | None = None) -> Any:
    answer = await (reader or connector(folder)).fetch(a_fetch(relation, *(columns or ("psid", "amount"))))
    return answer.rows


async def error_of(folder: Path | None, relation: Drop = SCROLL) -> str:
    with pytest.raises(ConnectorError) as caught:
        await connector(folder).fetch(a_fetch(relation, "psid"))
    assert isinstance(caught.value, SourceUnavailable)
    return str(caught.value)


async def test_rows_of_all_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text(HEAD + "2,2.00\n")
    (tmp_path / "a.csv").write_text(HEAD + "1,1.00\n")
    (tmp_path / "a.txt").write_text(HEAD + "3,3.00\n")
    assert await rows_of(tmp_path, SCROLL, "psid", "file") == [("1", "a.csv"), ("2", "b.csv")]


async def test_a_line_has_its_files_name_and_its_number(tmp_path: Path) -> None:
    numbered = Drop("*.csv", SCROLL.columns, line_column="line")
    (tmp_path / "a.csv").write_text(HEAD + "1,1.00\n\n1,1.00\nshort\n2,2.00\n")
    assert await rows_of(tmp_path, numbered, "psid", "line") == [("1", "a.csv:2"), ("1", "a.csv:4"), ("2", "a.csv:6")]


PLAIN = HEAD + "1,1.00\n2,2.00\n"
ODD = {
    "quoted": HEAD + '"1",1.00\n"2,3",2.00\n', "short": HEAD + "\n,\n2\n1,1.00\n", "padded": "PSID , Amount\n1,1.00\n",
    "carriage": PLAIN.replace("\n", "\r\n"), "other order": "Amount,PSID\n1.00,1\n2.00,3\n",
    "other order, carriage": "Amount,PSID\r\n1.00,1\r\n", "nothing": HEAD, "empty cells": HEAD + ",1.00\n1,\n",
}  # fmt: skip


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("keys", [("1",), ("3",), ("2,3", "9"), ("9",), ()])
async def test_a_key_is_found_however_its_file_is_written(tmp_path: Path, text: str, keys: tuple[str, ...]) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode())
    (tmp_path / "b.csv").write_text(PLAIN)
    everything = await rows_of(tmp_path, SCROLL, "psid", "file")
    asked = a_fetch(SCROLL, "psid", "file", key="psid", keys=keys)
    assert (await connector(tmp_path).fetch(asked)).rows == [row for row in everything if row[0] in keys]


async def test_a_file_without_any_of_the_keys_is_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, psid in (("a", "1"), ("b", "2"), ("c", "3")):
        (tmp_path / f"{name}.csv").write_text(HEAD + f"{psid},1.00\n")
    parsed: list[str] = []
    parse = DropConnector._parse
    monkeypatch.setattr(
        DropConnector, "_parse", lambda own, path, relation: (parsed.append(path.name), parse(own, path, relation))[1]
    )
    answer = await connector(tmp_path).fetch(a_fetch(SCROLL, "psid", key="psid", keys=("2",)))
    assert (answer.rows, parsed) == ([("2",)], ["b.csv"])


async def test_a_file_without_its_columns_is_told_also_where_keys_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("PSID,Total\n1,1.00\n")
    with pytest.raises(SourceUnavailable, match="no column Amount"):
        await connector(tmp_path).fetch(a_fetch(SCROLL, "psid", key="psid", keys=("2",)))


async def test_a_file_whose_name_tells_another_value_is_not_opened(tmp_path: Path) -> None:
    told = Drop("*.csv", SCROLL.columns, told_by_name={"psid": r"_([0-9]+)\.csv$"})
    (tmp_path / "a_1.csv").write_text(HEAD + "1,1.00\n")
    (tmp_path / "a_2.csv").write_text("no header at all\n")
    (tmp_path / "other.csv").write_text(HEAD + "1,3.00\n2,4.00\n")
    only = Comparison(Column("psid", "text"), "eq", Param(0))
    answer = await connector(tmp_path).fetch(a_fetch(told, "psid", "amount", where=only, params=("1",)))
    assert answer.rows == [("1", "1.00"), ("1", "3.00")]


async def test_what_only_a_files_name_tells_is_a_column_of_its_lines(tmp_path: Path) -> None:
    told = Drop("*.csv", SCROLL.columns, file_column="file", told_by_name={"year": r"_([0-9]+)\.csv$"})
    (tmp_path / "a_2019.csv").write_text(HEAD + "1,1.00\n")
    (tmp_path / "b_2020.csv").write_text("no header at all\n")
    (tmp_path / "undated.csv").write_text(HEAD + "1,3.00\n")
    only = Comparison(Column("year", "text"), "eq", Param(0))
    reader = connector(tmp_path)
    answer = await reader.fetch(a_fetch(told, "psid", "year", "file", where=only, params=("2019",)))
    assert answer.rows == [("1", "2019", "a_2019.csv")]
    (tmp_path / "b_2020.csv").unlink()
    assert await rows_of(tmp_path, told, "psid", "year", reader=reader) == [("1", "2019"), ("1", None)]


async def test_a_line_that_contradicts_the_name_of_its_file_makes_it_unreadable(tmp_path: Path) -> None:
    told = Drop("*.csv", SCROLL.columns, told_by_name={"psid": r"_([0-9]+)\.csv$"})
    (tmp_path / "a_1.csv").write_text(HEAD + "1,1.00\n2,1.00\n")
    assert "than its name tells" in await error_of(tmp_path, told)


async def test_columns_are_found_by_their_header_whatever_their_order_and_padding(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Bank, Amount ,PSID\nHBL,1.00,1\n")
    assert await rows_of(tmp_path) == [("1", "1.00")]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8-sig", "\ufeff" + HEAD + "\u06a9\u0648\u0626\u0679\u06c1,1\n"),
        ("utf-8-sig", HEAD + "Jos\u00e9,1\n"),
        ("cp1252", HEAD + "Jos\u00e9 \u2013 1,1\n"),
        ("utf-16", HEAD + "\u06a9\u0648\u0626\u0679\u06c1,1\n"),
    ],
)
async def test_a_file_is_read_in_its_declared_encoding(tmp_path: Path, encoding: str, text: str) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode("utf-8" if encoding == "utf-8-sig" else encoding))
    declared = Drop("*.csv", SCROLL.columns, encoding=encoding)
    assert await rows_of(tmp_path, declared) == [(text.lstrip("\ufeff").removeprefix(HEAD).split(",")[0], "1")]


async def test_bytes_of_another_encoding_are_no_answer(tmp_path: Path) -> None:
    """Replacement characters would be a name nobody has."""
    (tmp_path / "a.csv").write_bytes((HEAD + "Jos\u00e9,1\n").encode("cp1252"))
    assert await error_of(tmp_path) == "rtsm: UnicodeDecodeError"


async def test_short_rows_are_left_out_and_blank_ones_are_no_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEAD + "1,1.00\n\n  , \n2\n3,3.00,more\n")
    assert await rows_of(tmp_path) == [("1", "1.00"), ("3", "3.00")]


async def test_quotes_delimiters_and_lines_inside_a_cell(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('PSID;Amount\r\n"1;""a""\nb";1.00\r\n')
    assert await rows_of(tmp_path, Drop("*.csv", SCROLL.columns, delimiter=";")) == [('1;"a"\nb', "1.00")]


async def test_a_missing_column_is_no_answer_and_is_named(tmp_path: Path) -> None:
    """Nulls for everybody would look like a fact."""
    (tmp_path / "a.csv").write_text("PSID,Amt\n1,1.00\n")
    assert await error_of(tmp_path) == "rtsm: a.csv has no column Amount"


async def test_an_empty_file_has_no_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("")
    assert await error_of(tmp_path) == "rtsm: a.csv has no column Amount, PSID"


async def test_a_cell_larger_than_any_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEAD + f'"{"x" * 200_000}",1\n')
    assert await error_of(tmp_path) == "rtsm: Error"


async def test_no_folder_is_unavailable_no_file_is_no_rows(tmp_path: Path) -> None:
    assert "the folder is not there" in await error_of(None)
    assert "the folder is not there" in await error_of(tmp_path / "none")
    assert await rows_of(tmp_path) == []


async def test_a_file_over_the_bound_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.drop.MOST_BYTES", 10)
    (tmp_path / "a.csv").write_text(HEAD + "1,1.00\n")
    assert await error_of(tmp_path) == "rtsm: a.csv is larger than 10 bytes"


async def test_a_replaced_file_is_read_anew(tmp_path: Path) -> None:
    """Even one of the same length and time, as a copy with kept times makes it."""
    file, reader = tmp_path / "a.csv", connector(tmp_path)
    file.write_text(HEAD + "1,1.00\n")
    assert await rows_of(tmp_path, reader=reader) == [("1", "1.00")]
    before = file.stat()
    (tmp_path / "new").write_text(HEAD + "2,2.00\n")
    os.utime(tmp_path / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    os.replace(tmp_path / "new", file)
    assert await rows_of(tmp_path, reader=reader) == [("2", "2.00")]


async def test_an_unchanged_file_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text(HEAD + "1,1.00\n")
    reader = connector(tmp_path)
    await rows_of(tmp_path, reader=reader)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("read again"))
    assert await rows_of(tmp_path, reader=reader) == [("1", "1.00")]


async def test_a_removed_file_has_no_rows_any_more(tmp_path: Path) -> None:
    file, reader = tmp_path / "a.csv", connector(tmp_path)
    file.write_text(HEAD + "1,1.00\n")
    await rows_of(tmp_path, reader=reader)
    file.unlink()
    assert await rows_of(tmp_path, reader=reader) == []


async def test_two_records_of_the_same_files_have_columns_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEAD + "1,2.00\n")
    reader = connector(tmp_path)
    other = Drop("*.csv", {"Amount": "psid", "PSID": "amount"})
    assert await rows_of(tmp_path, reader=reader) == [("1", "2.00")]
    assert await rows_of(tmp_path, other, reader=reader) == [("2.00", "1")]


async def test_an_answer_says_as_of_when_it_is(tmp_path: Path) -> None:
    for name, stamp in (("a.csv", 1_757_000_000), ("b.csv", 1_757_100_000)):
        (tmp_path / name).write_text(HEAD)
        os.utime(tmp_path / name, (stamp, stamp))
    answer = await connector(tmp_path).fetch(a_fetch(SCROLL, "psid"))
    assert answer.as_of == "2025-09-06T00:20:00+05:00"


async def test_a_passed_deadline_is_late(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEAD)
    with pytest.raises(SourceTimeout):
        await connector(tmp_path).fetch(a_fetch(SCROLL, "psid", deadline=in_time(-1)))


async def test_conditions_are_applied(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEAD + "1,1.00\n2,2.00\n")
    where = Comparison(Column("amount", "text"), "gt", Param(0))
    answer = await connector(tmp_path).fetch(a_fetch(SCROLL, "psid", where=where, params=("1.00",)))
    assert answer.rows == [("2",)]


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def relationships(**targets: str) -> str:
    """``kind`` -> the part's path."""
    inner = "".join(
        f'<Relationship Id="{kind}" Type="{OFFICE}/{kind}" Target="{target}"/>' for kind, target in targets.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{inner}</Relationships>'


PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/></Types>',
    "_rels/.rels": relationships(officeDocument="xl/workbook.xml"),
    "xl/_rels/workbook.xml.rels": relationships(worksheet="worksheets/s.xml", styles="styles.xml"),
    "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">'
    '<sheets><sheet name="s" sheetId="1" r:id="worksheet"/></sheets></workbook>',
    "xl/styles.xml": f'<styleSheet xmlns="{MAIN}">'
    '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>',
}
CELL = {str: '<c t="inlineStr"><is><t>{}</t></is></c>', float: "<c><v>{}</v></c>", int: '<c s="1"><v>{}</v></c>'}


def workbook(path: Path, *lines: tuple[Any, ...]) -> None:
    """A minimal .xlsx; a whole number is written as a date's serial number."""
    rows = "".join(
        "<row>" + "".join(CELL[type(cell)].format(cell) if cell is not None else "<c/>" for cell in line) + "</row>"
        for line in lines
    )
    parts = {**PARTS, "xl/worksheets/s.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'}
    with zipfile.ZipFile(path, "w") as packed:
        for name, text in parts.items():
            packed.writestr(name, text)


SHEET = Drop("*.xlsx", {"PSID": "psid", "Amount": "amount", "Day": "day"})


async def test_an_excel_file_is_read_as_its_csv_would_be(tmp_path: Path) -> None:
    """Whole numbers without places, days as YYYY-MM-DD, blank cells as empty text."""
    workbook(
        tmp_path / "a.xlsx", ("PSID", "Amount", "Day"), ("0012", 1869.5, 45901), (10000000000.0, 7.0, None),
        (None, None, None),
    )  # fmt: skip
    assert await rows_of(tmp_path, SHEET, "psid", "amount", "day") == [
        ("0012", "1869.5", "2025-09-01"), ("10000000000", "7", ""),
    ]  # fmt: skip


async def test_a_file_that_is_no_workbook_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"PK\x03\x04 not a workbook")
    assert (await error_of(tmp_path, SHEET)).startswith("rtsm: ")


async def test_a_workbook_without_the_columns_is_no_answer(tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", ("PSID", "Amount"), ("1", 2.0))
    assert await error_of(tmp_path, SHEET) == "rtsm: a.xlsx has no column Day"
