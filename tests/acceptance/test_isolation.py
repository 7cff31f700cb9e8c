"""What a handler leaves behind meets no neighbour: each thing of docs/handler-isolation.md is left
by a handler, sync and async, before 100 ordinary ones, whose writes must all be on disk."""

import os
from collections.abc import Iterator
from uuid import UUID

import pytest
from django.db import connection

from tasks_app.models import Task, TaskAttempt, TaskLog
from tasks_app.services import submit_tasks
from tasks_app.specs import TaskSpec
from tests.engine import Engine
from tests.isolation import handlers

_NEIGHBOURS = 100
# These leave nothing that the engine would have to put back, or nothing that it can see.
_SILENT = {
    "active-language-and-zone", "advisory-lock", "child-terminated-as-it-starts",
    "close-all-connections",
    "closed-driver-connection", "closed-inside-atomic", "closed-socket", "copied-connections",
    "delayed-traceback", "deleted-function", "driver-statement", "ended-threads",
    "every-alias-read-only", "forked-child-exits", "forked-child-raises",
    "forked-child-returns", "held-cursor", "listening", "log-filter-that-raises",
    "multiprocessing-child-with-orm", "multiprocessing-pool", "object-that-cannot-be-compared",
    "own-event-loop", "pool-of-threads", "prepared-statement", "process-pool", "running-loop",
    "session-read-only", "session-time-zone", "set-config-function", "statement-timeout",
    "stopped-timer", "temporary-table", "terminated-session", "thread-in-a-transaction",
    "thread-left-running", "timer",
}  # fmt: skip
# These must do what they do, as outside a worker.
_MUST_COMPLETE = {
    "child-terminated-as-it-starts", "multiprocessing-child-with-orm", "multiprocessing-pool",
    "process-pool",
}  # fmt: skip


@pytest.fixture
def writes(engine: Engine) -> Iterator[None]:
    """The table that ordinary handlers write to."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {handlers.TABLE} (task uuid)")
    yield
    engine.end()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {handlers.TABLE}")


def start(engine: Engine, **env: str) -> None:
    engine.worker(
        concurrency=1,
        TASKPLANE_PROCESSORS="tests.handlers,tests.isolation.handlers",
        # Coverage reads what the handlers leave before the guard puts it back, and dies of it.
        COVERAGE_PROCESS_CONFIG="",
        **env,
    )
    engine.dispatcher()


def leave(task_type: str, **payload: object) -> list[UUID]:
    """Submit a handler that leaves something, and ordinary ones behind it."""
    ordinary = ["test-write-row"] * 3 + ["test-write-row-atomic"] + ["test-write-row-async"]
    return submit_tasks(
        specs=[
            TaskSpec(type=task_type, payload=payload, priority=1),
            *(TaskSpec(type=kind) for kind in ordinary * (_NEIGHBOURS // len(ordinary))),
        ]
    )


def missing_writes(ids: list[UUID]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {handlers.TABLE} WHERE task = ANY(%s)", [ids])
        return len(ids) - int(cursor.fetchone()[0])


def find_harm(engine: Engine, name: str, task_type: str, **payload: object) -> list[str]:
    """Wrong outcomes of the neighbours of one case."""
    first, *neighbours = leave(task_type, case=name, **payload)
    engine.wait_for_all([first, *neighbours], timeout=45)
    failed = Task.objects.filter(id__in=neighbours).exclude(state="COMPLETED")
    harm = [f"{row.state} {row.type}: {(row.error or {}).get('message')}" for row in failed[:3]]
    if missing := missing_writes(neighbours):
        harm.append(f"{missing} writes are missing")
    if repeated := TaskAttempt.objects.filter(task_id__in=neighbours, attempt__gt=1).count():
        harm.append(f"{repeated} neighbours ran again")
    if TaskAttempt.objects.filter(task_id=first).count() > 1:
        harm.append("the handler ran again")
    has_warning = TaskLog.objects.filter(task_id=first, level="warning").exists()
    state = Task.objects.get(id=first)
    must_warn = name in handlers.CASES and name not in _SILENT
    if must_warn and not has_warning and state.state == "COMPLETED":
        harm.append("the task has no warning")
    if name in _MUST_COMPLETE and not payload.get("raises") and state.state != "COMPLETED":
        harm.append("the task failed")
    return [f"{name} {payload}: {line} (itself {state.state}, {state.error})" for line in harm]


def chosen(names: Iterator[str] | list[str]) -> list[str]:
    """All of them, or those that ISOLATION_CASES names, for work on one of them."""
    wanted = os.environ.get("ISOLATION_CASES", "").split(",")
    return [name for name in names if wanted == [""] or name in wanted]


@pytest.mark.nightly
@pytest.mark.usefixtures("writes")
def test_what_a_sync_handler_leaves_harms_no_neighbour(engine: Engine) -> None:
    start(engine)
    harm = []
    for name in chosen(list(handlers.CASES)):
        harm += find_harm(engine, name, "test-leave")
        harm += find_harm(engine, name, "test-leave", raises=True)
    assert not harm, "\n".join(harm)


@pytest.mark.nightly
@pytest.mark.ci
@pytest.mark.usefixtures("writes")
def test_what_an_async_handler_leaves_harms_no_neighbour(engine: Engine) -> None:
    start(engine)
    harm = []
    for name in chosen(list(handlers.ASYNC_CASES)):
        harm += find_harm(engine, name, "test-leave-async", is_async=True)
    for name in chosen(list(handlers.CASES)):
        harm += find_harm(engine, name, "test-leave-async", in_thread=True)
    assert not harm, "\n".join(harm)
