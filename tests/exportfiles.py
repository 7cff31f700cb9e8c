"""Reading exports of any list as people's programs read them: csv, openpyxl, json."""

import csv
import io
import json
from datetime import datetime
from typing import Any

import openpyxl

from controlplane.workspaces.exporting import ExportedList


def path_of(exported: ExportedList, owner: object = None) -> str:
    """The address of the export in the API."""
    return "/" + exported.path.replace("<uuid:id>", str(owner))


def content_of(answer: Any) -> bytes:
    """The whole file, at whose end the test client closes the response."""
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


# What a spreadsheet takes for a formula.
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_MAX_CELL = 32_767
# A payload may be longer than what Python reads by default.
csv.field_size_limit(1 << 24)


def read_csv(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))


def read_xlsx(content: bytes) -> list[list[Any]]:
    """The values of the first sheet. A formula is an error."""
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
    rows = []
    for row in book.worksheets[0].iter_rows():
        assert all(cell.data_type != "f" for cell in row)
        rows.append([cell.value for cell in row])
    width = len(rows[0])
    # Empty cells at the end of a row are not written.
    return [row + [None] * (width - len(row)) for row in rows]


def read_ndjson(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


def is_same_cell(kind: str, cell: Any, text: str) -> bool:
    """Whether a cell of a workbook is what a CSV file has. `kind` is that of the column."""
    if cell is None:
        return text == ""
    if kind == "flag":
        return text == str(cell).lower()
    if kind == "number":
        return float(text) == float(cell)
    if kind == "time":
        at = datetime.fromisoformat(text).replace(tzinfo=None)
        return isinstance(cell, datetime) and abs((at - cell).total_seconds()) < 0.001
    text = text.removeprefix("'") if text[1:].startswith(FORMULAS) else text
    # A workbook has _x in the strings of JSON as an escape.
    text = text.replace("_x", r"\u005fx") if kind == "json" else text
    if len(text.encode("utf-16-le")) // 2 > _MAX_CELL:
        return str(cell).endswith(" characters in all)")
    return bool(cell == text)
