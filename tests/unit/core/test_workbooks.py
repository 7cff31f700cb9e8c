"""Workbooks: what a reader finds in them, and that they are sent while their rows are read."""

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from controlplane.core.exports import workbooks
from controlplane.core.exports.workbooks import CELL_LENGTH, stream_workbook

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def open_book(*chunks: list[list[Any]], headings: str = "abc") -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(stream_workbook(list(headings), chunks))))


def parse(book: zipfile.ZipFile, name: str) -> ElementTree.Element:
    return ElementTree.fromstring(book.read(name))  # noqa: S314 - our own text


def cells(book: zipfile.ZipFile, sheet: int = 1) -> dict[str, tuple[str | None, str]]:
    """Type and text of each cell by its place."""
    root = parse(book, f"xl/worksheets/sheet{sheet}.xml")
    return {
        cell.attrib["r"]: (cell.get("t"), "".join(cell.itertext()))
        for cell in root.iter(f"{MAIN}c")
    }


def test_values_keep_their_kind() -> None:
    found = cells(open_book([[1, 2.5, True], [None, "text", False]]))
    assert found["A2"] == (None, "1")
    assert found["B2"] == (None, "2.5")
    assert found["C2"] == ("b", "1")
    assert found["B3"] == ("inlineStr", "text")
    assert "A3" not in found


@pytest.mark.parametrize(
    "text", ["=1+1", "a&b<c>\"d'", " lead", "line\nline\r\nline\rend", "\U0001f600"]
)
def test_texts_arrive_as_they_are(text: str) -> None:
    book = open_book([[text, None, None]])
    assert cells(book)["A2"] == ("inlineStr", text)
    assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")


def test_characters_that_xml_forbids_are_escaped_and_so_are_escapes() -> None:
    text = "a\x00b\x1fc\ufffe _x0041_ _x004"
    found = cells(open_book([[text, None, None]]))["A2"][1]
    assert found == "a_x0000_b_x001F_c_xFFFE_ _x005F_x0041_ _x004"
    assert re.sub(r"_x([0-9A-F]{4})_", lambda match: chr(int(match[1], 16)), found) == text


def test_a_long_text_is_cut() -> None:
    text = cells(open_book([["x" * 40_000, None, None]]))["A2"][1]
    assert text.endswith("x… (cut off: 40,000 characters in all)")
    assert len(text) == CELL_LENGTH


def test_the_headings_are_bold_on_every_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "SHEET_ROWS", 3)
    book = open_book([[n, n, n] for n in range(3)], [[n, n, n] for n in range(3, 5)])
    for sheet, rows in ((1, ["0", "1"]), (2, ["2", "3"]), (3, ["4"])):
        found = cells(book, sheet)
        assert [found[f"A{n + 2}"][1] for n in range(len(rows))] == rows
        assert found["B1"] == ("inlineStr", "b")
        assert b'r="A1" s="1"' in book.read(f"xl/worksheets/sheet{sheet}.xml")
    workbook = book.read("xl/workbook.xml").decode()
    assert re.findall(r'name="(\w+)"', workbook) == ["Sheet1", "Sheet2", "Sheet3"]


def test_a_sheet_ends_before_it_needs_zip64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "_SHEET_BYTES", 1_000)
    book = open_book([["x" * 300, None, None] for _ in range(10)])
    assert len([name for name in book.namelist() if "sheets/" in name]) > 2


def test_every_part_is_named_and_well_formed() -> None:
    book = open_book([[1, 2, 3]])
    assert book.testzip() is None
    for name in book.namelist():
        parse(book, name)
    relations = book.read("xl/_rels/workbook.xml.rels").decode()
    for target in re.findall(r'Target="([^"]+)"', relations):
        assert f"xl/{target}" in book.namelist()


def test_columns_beyond_z() -> None:
    book = open_book([[1] * 28], headings="abcdefghijklmnopqrstuvwxyz01")
    assert {"Z2", "AA2", "AB2"} <= set(cells(book))


def test_it_begins_before_the_first_row_is_read() -> None:
    def chunks() -> Iterator[list[list[Any]]]:
        raise AssertionError("A row was read.")
        yield []

    assert next(stream_workbook(["a"], chunks())).startswith(b"PK")


@pytest.mark.parametrize("ending", ["failure", "abandonment"])
def test_an_unfinished_one_has_no_directory(ending: str) -> None:
    def chunks() -> Iterator[list[list[Any]]]:
        yield [[f"row {n}"] for n in range(5_000)]
        raise OSError("The database is gone.")

    pieces = stream_workbook(["a"], chunks())
    content = next(pieces) + next(pieces)
    if ending == "failure":
        with pytest.raises(OSError, match="The database is gone"):
            next(pieces)
    else:
        pieces.close()  # type: ignore[attr-defined] # it is a generator
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(content))
