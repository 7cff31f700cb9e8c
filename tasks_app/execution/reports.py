"""Writing what handlers report while they run: progress and log lines, guarded by their leases."""

from collections.abc import Iterable, Sequence

import orjson

from controlplane.core.sql import load_sql
from tasks_app import transitions
from tasks_app.execution.context import TaskContext
from tasks_app.rows import Cursor


def gather_logs(contexts: Iterable[TaskContext]) -> list[dict[str, object]]:
    """Take the lines gathered since the last call, as rows for `append_logs`."""
    return [
        {
            "id": str(context.claim.id),
            "lease": str(context.claim.lease),
            "attempt": context.attempt,
            "line": number,
            "at": at,
            "level": level,
            "message": message,
            "fields": orjson.Fragment(fields),
        }
        for context in contexts
        for number, (at, level, message, fields) in enumerate(context.take_logs())
    ]


def append_logs(cursor: Cursor, lines: list[dict[str, object]]) -> None:
    """Keep log lines; must come before the outcomes of their rows."""
    if lines:
        cursor.execute(
            load_sql("tasks_app", "append_logs"), {"lines": orjson.dumps(lines).decode()}
        )


def write_reports(cursor: Cursor, contexts: Sequence[TaskContext]) -> None:
    """Write progress and logs of handlers that still run."""
    reports = []
    for context in contexts:
        if context.percent is not None:
            reports.append((context.claim.id, context.claim.lease, context.percent))
            context.percent = None
    if reports:
        transitions.report_running(cursor, reports)
    append_logs(cursor, gather_logs(contexts))
