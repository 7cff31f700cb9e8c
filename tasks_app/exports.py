"""Tasks as files: streamed, in the memory of one chunk, however many there are."""

import csv
import io
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import IO, Any

import orjson
import xlsxwriter  # type: ignore[import-untyped] # it ships no types
from asgiref.sync import sync_to_async

from tasks_app.filters import join_values
from tasks_app.models import Task
from tasks_app.serializers import TaskSerializer, represent_task

COLUMNS = (
    "id",
    "name",
    "type",
    "status",
    "queue",
    "priority",
    "payload",
    "result",
    "errorClass",
    "errorMessage",
    "errorCategory",
    "attempt",
    "maxAttempts",
    "progress",
    "runAt",
    "timeoutSeconds",
    "dependsOn",
    "tags",
    "workflowRunId",
    "stepKey",
    "idempotencyKey",
    "workerNode",
    "cancelRequested",
    "createdAt",
    "startedAt",
    "finishedAt",
    "waitMs",
    "processingMs",
)
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_JSON_COLUMNS = frozenset({"payload", "result"})
# What a sheet and a cell of a workbook can hold.
_SHEET_ROWS = 1_048_575
_CELL_LENGTH = 32_767
_FILE_CHUNK = 65_536

Chunks = Iterable[list[Task]]


def columns_of(format_name: str) -> tuple[str, ...]:
    """The columns that a file of this format may have."""
    return tuple(TaskSerializer().fields) if format_name == "ndjson" else COLUMNS


def export(
    format_name: str, chunks: Chunks, columns: tuple[str, ...] | None = None
) -> Iterator[bytes]:
    """The file, piece by piece. `format_name` is csv, ndjson or xlsx; `columns` are some of its
    columns, None for all."""
    if format_name == "csv":
        return _csv(chunks, columns or COLUMNS)
    if format_name == "ndjson":
        return _ndjson(chunks, columns)
    return _xlsx(chunks, columns or COLUMNS)


async def in_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces for an ASGI server, which would otherwise gather them all in memory first."""
    while True:
        piece = await sync_to_async(lambda: next(pieces, None))()
        if piece is None:
            return
        yield piece


def _csv(chunks: Chunks, columns: Sequence[str]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for chunk in chunks:
        for task in chunk:
            writer.writerow(map(_guarded, columns, _cells(task, columns)))
        yield _taken(buffer)
    yield _taken(buffer)


def _ndjson(chunks: Chunks, columns: tuple[str, ...] | None) -> Iterator[bytes]:
    for chunk in chunks:
        yield b"".join(orjson.dumps(represent_task(task, columns)) + b"\n" for task in chunk)


def _xlsx(chunks: Chunks, columns: Sequence[str]) -> Iterator[bytes]:
    """A workbook is complete only at its end, so it grows on disk and is then sent."""
    with tempfile.TemporaryFile() as file:
        _write_workbook(file, chunks, columns)
        file.seek(0)
        while piece := file.read(_FILE_CHUNK):
            yield piece


def _write_workbook(file: IO[bytes], chunks: Chunks, columns: Sequence[str]) -> None:
    # constant_memory writes each row to disk; texts stay texts, whatever they begin with.
    book = xlsxwriter.Workbook(
        file,
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    bold = book.add_format({"bold": True})
    sheet, row = None, _SHEET_ROWS + 1
    for chunk in chunks:
        for task in chunk:
            if sheet is None or row > _SHEET_ROWS:
                sheet, row = book.add_worksheet(), 1
                sheet.write_row(0, 0, columns, bold)
            for column, cell in enumerate(_cells(task, columns)):
                _write_cell(sheet, row, column, cell, is_json=columns[column] in _JSON_COLUMNS)
            row += 1
    if sheet is None:
        book.add_worksheet().write_row(0, 0, columns, bold)
    book.close()


def _write_cell(sheet: Any, row: int, column: int, cell: Any, *, is_json: bool) -> None:
    if isinstance(cell, bool):
        sheet.write_boolean(row, column, cell)
    elif isinstance(cell, int | float):
        sheet.write_number(row, column, cell)
    elif cell is not None:
        text = str(cell)
        if is_json:
            # A workbook takes _x0041_ for an escape; outside its strings JSON has no underscore.
            text = text.replace("_x", r"\u005fx")
        sheet.write_string(row, column, _fit(text))


def _fit(text: str) -> str:
    """As much as a cell holds, counted in UTF-16 code units; what is cut off says so."""
    if len(text) <= _CELL_LENGTH // 2:
        return text
    units = text.encode("utf-16-le")
    if len(units) <= 2 * _CELL_LENGTH:
        return text
    note = f"… (cut off: {len(text):,} characters in all)"
    return units[: 2 * (_CELL_LENGTH - len(note))].decode("utf-16-le", "ignore") + note


def _cells(task: Task, columns: Sequence[str]) -> list[Any]:
    found = represent_task(task)
    error = found["error"] or {}
    found["errorClass"] = error.get("class")
    found["errorMessage"] = error.get("message")
    found["errorCategory"] = error.get("category")
    return [_cell(column, found[column]) for column in columns]


def _cell(column: str, value: Any) -> Any:
    if column in _JSON_COLUMNS:
        return None if value is None else orjson.dumps(value).decode()
    return join_values(value) if isinstance(value, list) else value


def _guarded(column: str, cell: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front. JSON is left
    alone: only a negative number begins like a formula."""
    if column not in _JSON_COLUMNS and isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):
        return f"'{cell}"
    return cell


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()
