"""Tasks as files: streamed, in the memory of one chunk, however many there are."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from controlplane.core.workbooks import stream_workbook
from tasks_app.models import Task
from tasks_app.serializers import represent_task

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


def export(format_name: str, chunks: Chunks) -> Iterator[bytes]:
    """The file, piece by piece. `format_name` is csv, ndjson or xlsx."""
    if format_name == "csv":
        return _csv(chunks)
    if format_name == "ndjson":
        return _ndjson(chunks)
    return stream_workbook(COLUMNS, (map(_cells, chunk) for chunk in chunks))


def _csv(chunks: Chunks) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for chunk in chunks:
        for task in chunk:
            writer.writerow([_guarded(cell) for cell in _cells(task)])
        yield _taken(buffer)
    yield _taken(buffer)


def _ndjson(chunks: Chunks) -> Iterator[bytes]:
    for chunk in chunks:
        yield b"".join(orjson.dumps(represent_task(task)) + b"\n" for task in chunk)


def _cells(task: Task) -> list[Any]:
    found = represent_task(task)
    error = found["error"] or {}
    found["errorClass"] = error.get("class")
    found["errorMessage"] = error.get("message")
    found["errorCategory"] = error.get("category")
    return [_cell(column, found[column]) for column in COLUMNS]


def _cell(column: str, value: Any) -> Any:
    if column in _JSON_COLUMNS:
        return None if value is None else orjson.dumps(value).decode()
    return ",".join(value) if isinstance(value, list) else value


def _guarded(cell: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front."""
    if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):
        return f"'{cell}"
    return cell


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()
