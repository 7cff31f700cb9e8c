"""Tasks as files: streamed, in the memory of one chunk, however many there are."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from controlplane.core.workbooks import stream_workbook
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
    columns = columns or COLUMNS
    rows = ((_workbook_row(task, columns) for task in chunk) for chunk in chunks)
    return stream_workbook(columns, rows)


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


def _workbook_row(task: Task, columns: Sequence[str]) -> list[Any]:
    # A workbook takes _x0041_ for an escape, and readers differ in how they undo its own escape;
    # outside its strings JSON has no underscore.
    return [
        cell.replace("_x", r"\u005fx") if column in _JSON_COLUMNS and cell is not None else cell
        for column, cell in zip(columns, _cells(task, columns), strict=True)
    ]


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
