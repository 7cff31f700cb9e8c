"""The formats of an export: CSV, NDJSON and XLSX, each written piece by piece."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane.core.exports.columns import Column, dump_visibly
from controlplane.core.exports.workbooks import stream_workbook

Rows = Iterable[Mapping[str, Any]]
BYTE_ORDER_MARK = "\ufeff"
# The wide forms too: some spreadsheets read them as the plain ones.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# Spreadsheets keep 15 digits of a number.
_EXACT = 10**15


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file. `is_table`: it has columns rather than objects; `is_text`: people can read
    it."""

    name: str
    title: str
    media_type: str
    is_table: bool
    is_text: bool = True


FORMATS: Mapping[str, Format] = {
    each.name: each
    for each in (
        Format("csv", "CSV", "text/csv; charset=utf-8", True),
        Format(
            "xlsx",
            "Excel (XLSX)",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            True,
            is_text=False,
        ),
        Format("ndjson", "NDJSON", "application/x-ndjson", False),
    )
}


def write_csv(
    batches: Iterable[Rows], columns: Sequence[Column], *, has_mark: bool = False
) -> Iterator[bytes]:
    """RFC 4180, in UTF-8; with `has_mark` it begins with a byte order mark. A text that a
    spreadsheet would take for a formula gets an apostrophe in front; other invisible characters
    are shown as escapes."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    if has_mark:
        buffer.write(BYTE_ORDER_MARK)
    writer.writerow([column.name for column in columns])
    for rows in batches:
        for row in rows:
            writer.writerow([_csv_cell(column, column.read(row)) for column in columns])
        yield _take(buffer)
    yield _take(buffer)


def write_ndjson(batches: Iterable[Rows]) -> Iterator[bytes]:
    """A JSON object in each line, with every number as the API has it."""
    for rows in batches:
        yield b"".join(dump_visibly(row) + b"\n" for row in rows)


def write_workbook(batches: Iterable[Rows], columns: Sequence[Column]) -> Iterator[bytes]:
    """A workbook; times are times of day in UTC, numbers that would lose digits are texts."""
    headings = [f"{each.name} (UTC)" if each.kind == "time" else each.name for each in columns]
    readers = [_CELLS.get(column.kind, _plain_cell) for column in columns]
    read = list(zip(columns, readers, strict=True))
    chunks = (([cell(column.read(row)) for column, cell in read] for row in rows)
              for rows in batches)  # fmt: skip
    times = [index for index, column in enumerate(columns) if column.kind == "time"]
    return stream_workbook(headings, chunks, times=times)


def _csv_cell(column: Column, value: Any) -> Any:
    # In JSON only a negative number begins like a formula.
    if isinstance(value, str) and column.kind != "json" and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _take(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


def _plain_cell(value: Any) -> Any:
    return value


def _json_cell(value: Any) -> Any:
    # A workbook takes _x0041_ for an escape, and readers differ in how they undo its own escape;
    # outside its strings JSON has no underscore.
    return None if value is None else value.replace("_x", r"\u005fx")


def _number_cell(value: Any) -> Any:
    return str(value) if isinstance(value, int) and abs(value) >= _EXACT else value


def _time_cell(value: Any) -> Any:
    return None if value is None else datetime.fromisoformat(value)


_CELLS: Mapping[str, Callable[[Any], Any]] = {
    "json": _json_cell,
    "number": _number_cell,
    "time": _time_cell,
}
