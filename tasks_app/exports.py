"""Exports tasks as files: streamed, with the memory of one chunk for any number of tasks."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from controlplane.core.http.workbooks import stream_workbook
from controlplane.core.schema import field_names, represent
from controlplane.core.schema.values import join_values
from controlplane.workspaces.actors import Actor
from tasks_app.models import Task
from tasks_app.schema.tasks import Task as TaskSchema

# A spreadsheet has a column for each part of an error.
_PARTS_OF_ERROR = {"errorClass": "class", "errorMessage": "message", "errorCategory": "category"}
COLUMNS = tuple(
    column
    for name in field_names(TaskSchema, "export")
    for column in (_PARTS_OF_ERROR if name == "error" else [name])
)
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# The wide forms too: some spreadsheets read them as the plain ones.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_JSON_COLUMNS = frozenset({"payload", "result"})

Chunks = Iterable[list[Task]]


def columns_of(format_name: str) -> tuple[str, ...]:
    """The possible columns of a file of this format."""
    return tuple(field_names(TaskSchema)) if format_name == "ndjson" else COLUMNS


def export(
    format_name: str, chunks: Chunks, actor: Actor, columns: tuple[str, ...] | None = None
) -> Iterator[bytes]:
    """The parts of the file, as the actor may see it. `format_name` is csv, ndjson or xlsx;
    `columns` are some of its columns, None for all."""
    if format_name == "ndjson":
        return _ndjson(chunks, actor, columns)
    columns = columns or COLUMNS
    rows = ((_cells(task, actor, columns) for task in chunk) for chunk in chunks)
    if format_name == "csv":
        return _csv(rows, columns)
    return stream_workbook(
        columns, ((_workbook_row(row, columns) for row in part) for part in rows)
    )


def _csv(chunks: Iterable[Iterable[list[Any]]], columns: Sequence[str]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for rows in chunks:
        for row in rows:
            writer.writerow(map(_guarded, columns, row))
        yield _taken(buffer)
    yield _taken(buffer)


def _ndjson(chunks: Chunks, actor: Actor, columns: tuple[str, ...] | None) -> Iterator[bytes]:
    for chunk in chunks:
        rows = (represent(TaskSchema, task, actor, fields=columns) for task in chunk)
        yield b"".join(orjson.dumps(row) + b"\n" for row in rows)


def _workbook_row(row: list[Any], columns: Sequence[str]) -> list[Any]:
    # A workbook takes _x0041_ for an escape, and readers differ in how they undo its own escape;
    # outside its strings JSON has no underscore.
    return [
        cell.replace("_x", r"\u005fx") if column in _JSON_COLUMNS and cell is not None else cell
        for column, cell in zip(columns, row, strict=True)
    ]


def _cells(task: Task, actor: Actor, columns: Sequence[str]) -> list[Any]:
    fields = dict.fromkeys("error" if name in _PARTS_OF_ERROR else name for name in columns)
    found = represent(TaskSchema, task, actor, fields=tuple(fields))
    error = found.get("error") or {}
    found |= {column: error.get(part) for column, part in _PARTS_OF_ERROR.items()}
    return [_cell(column, found[column]) for column in columns]


def _cell(column: str, value: Any) -> Any:
    if column in _JSON_COLUMNS:
        return None if value is None else orjson.dumps(value).decode()
    return join_values(value) if isinstance(value, list) else value


def _guarded(column: str, cell: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front. JSON is not
    changed: only a negative number begins like a formula."""
    if column not in _JSON_COLUMNS and isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):
        return f"'{cell}"
    return cell


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()
