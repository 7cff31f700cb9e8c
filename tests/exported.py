"""Reading what an export wrote: the JSON of `payload` and `result`, by the ids of the tasks."""

import csv
import io
import json
import re
import zipfile
from typing import Any
from xml.etree import ElementTree as ET

_XLSX = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")

Tasks = dict[str, dict[str, Any]]


def read_ndjson(content: bytes) -> Tasks:
    """The lines of an export."""
    rows = [json.loads(line) for line in content.splitlines()]
    return {row["id"]: row for row in rows}


def read_csv(content: bytes) -> Tasks:
    """The rows of an export."""
    rows = csv.DictReader(io.StringIO(content.decode(), newline=""))
    return {row["id"]: _parsed(row) for row in rows}


def read_xlsx(content: bytes) -> Tasks:
    """The rows of the first sheet of an export."""
    head, *rows = (
        {re.sub(r"[0-9]", "", cell.attrib["r"]): _text_of(cell) for cell in row}
        for row in _first_sheet(content).iter(f"{_XLSX}row")
    )
    tasks = [{head[column]: text for column, text in row.items()} for row in rows]
    return {task["id"]: _parsed(task) for task in tasks}


def texts_of(content: bytes) -> list[str]:
    """The texts of all cells of the first sheet."""
    return [_text_of(cell) for cell in _first_sheet(content).iter(f"{_XLSX}c")]


def _first_sheet(content: bytes) -> ET.Element:
    book = zipfile.ZipFile(io.BytesIO(content))
    return ET.fromstring(book.read("xl/worksheets/sheet1.xml"))  # noqa: S314 - we wrote it


def _parsed(row: dict[str, str]) -> dict[str, Any]:
    # An empty cell is null.
    return {name: json.loads(row.get(name) or "null") for name in ("payload", "result")}


def _text_of(cell: ET.Element) -> str:
    """The text of a cell, by the rules of Office Open XML for characters that XML cannot hold."""
    parts = [part.text or "" for part in cell.iter() if part.tag in (f"{_XLSX}t", f"{_XLSX}v")]
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), "".join(parts))
