"""What LibreOffice reads of a file, where it is installed: `apt-get install libreoffice-calc`."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from controlplane.core.exports.columns import Column
from controlplane.core.exports.files import write_csv, write_workbook
from controlplane.core.exports.workbooks import CELL_LENGTH
from controlplane.core.visibletext import visible_text
from tests.corpus import NUMBERS, TEXTS
from tests.exportfiles import FORMULAS

pytestmark = [pytest.mark.nightly]
# Comma, quotes, UTF-8, from the first line on; special numbers are looked for, formulas calculated.
UTF_8 = "Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1,true"
SECONDS = 120
MOST_COLUMNS = 100  # what follows fills the sheet
_NAMES = "urn:oasis:names:tc:opendocument:xmlns"
_TABLE, _OFFICE, _TEXT = (f"{{{_NAMES}:{part}:1.0}}" for part in ("table", "office", "text"))

COLUMNS = [
    Column("name", "name", "", "text"),
    Column("value", "value", "", "json"),
    Column("number", "number", "", "number"),
    Column("at", "at", "", "time"),
    Column("flag", "flag", "", "flag"),
]
TIMES = (
    "2026-01-31T23:59:59.000Z",
    "2026-03-29T01:30:00.000Z",
)  # an hour that Berlin does not have
ROWS: list[dict[str, Any]] = [
    *(
        {"name": text, "value": {"text": text}, "number": 7, "at": TIMES[0], "flag": True}
        for text in TEXTS.values()
    ),
    *(
        {"name": name, "value": value, "number": value, "at": TIMES[1], "flag": None}
        for name, value in NUMBERS.items()
    ),
]


@dataclass(frozen=True)
class Cell:
    """As LibreOffice has it. `value` is that of a number or a time."""

    kind: str
    value: str
    formula: str
    text: str


Convert = Callable[[str, bytes], list[list[Cell]]]


@pytest.fixture(scope="module")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Convert:
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("LibreOffice is not installed: apt-get install libreoffice-calc")
    folder = tmp_path_factory.mktemp("libreoffice")

    def run(name: str, content: bytes) -> list[list[Cell]]:
        file = folder / name
        file.write_bytes(content)
        how = [f"--infilter={UTF_8}"] if file.suffix == ".csv" else []
        command = [program, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless",
                   *how, "--convert-to", "fods", "--outdir", str(folder), str(file)]  # fmt: skip
        subprocess.run(command, check=True, timeout=SECONDS, capture_output=True)
        return list(read_sheet(file.with_suffix(".fods")))

    return run


def read_sheet(file: Path) -> Iterator[list[Cell]]:
    root = ET.parse(file).getroot()  # noqa: S314 - LibreOffice wrote it
    for row in root.iter(f"{_TABLE}table-row"):
        cells: list[Cell] = []
        for each in row:
            number = int(each.get(f"{_TABLE}number-columns-repeated", "1"))
            if number < MOST_COLUMNS:
                cells += [read_cell(each)] * number
        if any(cell.kind for cell in cells):
            yield cells


def read_cell(cell: ET.Element) -> Cell:
    given = [cell.get(f"{_OFFICE}{name}") for name in ("value", "date-value", "boolean-value")]
    return Cell(
        kind=cell.get(f"{_OFFICE}value-type", ""),
        value=next((each for each in given if each is not None), ""),
        formula=cell.get(f"{_TABLE}formula", ""),
        text="\n".join(read_text(part) for part in cell.findall(f"{_TEXT}p")),
    )


def read_text(part: ET.Element) -> str:
    found = part.text or ""
    for each in part:
        blanks = {f"{_TEXT}s": " " * int(each.get(f"{_TEXT}c", "1")), f"{_TEXT}tab": "\t"}
        found += blanks.get(each.tag) or read_text(each)
        found += each.tail or ""
    return found


def shown(text: str) -> str:
    """As a file has it. LibreOffice keeps no tab in a cell of several lines."""
    found = visible_text(text, keep_lines=True)
    return found.replace("\t", "") if "\n" in found else found


def test_a_workbook(convert: Convert) -> None:
    head, *rows = convert("book.xlsx", b"".join(write_workbook([ROWS], COLUMNS)))
    assert [cell.text for cell in head] == ["name", "value", "number", "at (UTC)", "flag"]
    assert len(rows) == len(ROWS)
    for (name, value, number, at, *_), row in zip(rows, ROWS, strict=True):
        assert name.kind in ("string", "")
        assert (name.formula, value.formula, number.formula) == ("", "", "")
        if len(row["name"]) > CELL_LENGTH:
            assert name.text.endswith(" characters in all)")
        else:
            assert name.text == shown(row["name"])
        assert at.kind == "date"
        assert datetime.fromisoformat(f"{at.value}Z") == datetime.fromisoformat(row["at"])
        if isinstance(row["number"], int) and abs(row["number"]) > 10**15:
            assert (number.kind, number.text) == ("string", str(row["number"]))
            assert value.text == str(row["number"])
        else:
            assert float(number.value) == pytest.approx(row["number"], rel=1e-14)
    # Its own way to keep a flag.
    assert {row[4].formula for row in rows[: len(TEXTS)]} == {"of:=TRUE()"}


def test_a_text_file(convert: Convert) -> None:
    _, *rows = convert("text.csv", b"".join(write_csv([ROWS], COLUMNS)))
    assert len(rows) == len(ROWS)
    for (name, value, number, at, *_), row in zip(rows, ROWS, strict=True):
        assert {cell.formula for cell in (name, value, number, at)} == {""}
        assert at.text == row["at"]
        if name.kind == "float":  # what looks like a number becomes one
            assert float(row["name"]) == pytest.approx(float(name.value), rel=1e-14)
        else:
            text = shown(row["name"])
            assert name.text == (f"'{text}" if text.startswith(FORMULAS) else text)
        # Denormal numbers are texts.
        assert float(number.value or number.text) == pytest.approx(row["number"], rel=1e-14)
        assert value.kind == ("string" if isinstance(row["value"], dict) else number.kind)
