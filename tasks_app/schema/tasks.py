"""The resource of a task, with its history and neighbours."""

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from controlplane.core.clock import now
from controlplane.core.schema import Resource, shown
from tasks_app.queries.explain import Reason
from tasks_app.schema.fields import Error, Priority
from tasks_app.states import AttemptOutcome, TaskState

# A task cancelled while it waited was asked and ended in one statement.
_SAME_STATEMENT = timedelta(milliseconds=1)


def _delay(task: Any) -> int | None:
    if task.run_at is None or task.run_at <= task.created_at:
        return None
    return _ms(task.run_at - task.created_at)


def _wait_ms(task: Any) -> int | None:
    end = now() if task.state == TaskState.PENDING else task.started_at
    return _between(task.run_at or task.created_at, end)


def _processing_ms(task: Any) -> int | None:
    if task.state == TaskState.RUNNING:
        return _between(task.started_at, now())
    asked, ended = task.cancel_requested_at, task.finished_at
    if task.state == TaskState.CANCELLED and asked and abs(ended - asked) < _SAME_STATEMENT:
        return None
    return _between(task.started_at, ended)


def _between(start: datetime | None, end: datetime | None) -> int | None:
    return None if start is None or end is None else max(0, _ms(end - start))


def _ms(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)


class Task(Resource):
    """A task. `describe_tasks` gives it the names of its queue and its node, and its parents."""

    id: UUID
    name: str
    type: str
    status: TaskState = shown(source="state")
    queue: str = shown(source="queue_name")
    priority: Priority
    payload: dict[str, Any] = shown(guard="payload", defer="payload")
    result: Any = shown(guard="result", defer="result")
    error: Error | None = shown("The last failure.", guard="error", defer="error")
    attempt: int = shown("Attempts started so far.")
    max_attempts: int
    progress: float = shown("Percent.")
    delay: int | None = shown(
        "Milliseconds from createdAt to runAt; null if it does not wait.",
        compute=_delay,
        in_export=False,
    )
    run_at: datetime | None = shown("Not before.")
    timeout_seconds: float = shown(compute=lambda task: task.timeout_ms / 1000)
    retry: dict[str, Any] | None = shown(
        "The task's own retry policy; null means its type's.", in_export=False
    )
    depends_on: list[UUID] = shown(
        "The first hundred; the page of the task has the total number.", source="parents"
    )
    on_parent_failure: str = shown(in_export=False)
    tags: list[str]
    workflow_run_id: UUID | None
    step_key: str | None
    idempotency_key: str | None
    reprocess_of: UUID | None = shown("The task whose work this one repeats.", in_export=False)
    submitted_by: str | None = shown(
        "The kind and the name of who submitted it: `user:ada`, `key:billing (tp_0123abcd)`, "
        "`system:schedule nightly`. null: code that did not say who, or an earlier version."
    )
    worker_node: str | None = shown("The node that runs it, or ran its last attempt.")
    cancel_requested: bool = shown(compute=lambda task: task.cancel_requested_at is not None)
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    wait_ms: int | None = shown(
        "Time from ready (submitted, due or released) to started; for a ready task, until now.",
        compute=_wait_ms,
    )
    processing_ms: int | None = shown(
        "Duration of the last attempt; for a running task, until now.", compute=_processing_ms
    )


class Attempt(Resource):
    """One attempt."""

    attempt: int
    worker_node: str | None
    started_at: datetime
    finished_at: datetime
    outcome: AttemptOutcome
    error: Error | None = shown(guard="error")
    wait_ms: int


class Edge(Resource):
    """A task that this one waits for, or that waits for this one, and whether the wait between the
    two is over."""

    id: UUID
    name: str
    type: str
    status: TaskState = shown(source="state")
    finished_at: datetime | None
    is_satisfied: bool


class Log(Resource):
    """One line that a handler logged."""

    attempt: int
    at: datetime
    level: str
    message: str = shown(guard="log")
    fields: dict[str, Any] = shown(guard="log")


class TaskDetail(Task):
    """A task with the newest hundred attempts and log lines and the first hundred neighbours."""

    attempts: list[Attempt]
    attempts_total: int
    dependencies: list[Edge]
    dependencies_total: int
    dependents: list[Edge]
    dependents_total: int
    logs: list[Log]
    logs_total: int
    reprocessed_as: list[UUID] = shown("The tasks that repeat its work.")


class Blocker(Resource):
    """The obstacle."""

    kind: Literal["task", "queue", "workers", "dispatcher"] = shown("What it is.")
    id: UUID | None
    name: str
    status: str


class Explanation(Resource):
    """Why a task is not running, or its state if it does not wait."""

    reason: Reason
    # A failed task has the beginning of its error in it.
    detail: str = shown("One sentence for people.", guard="error")
    blocked_by: list[Blocker]
    until: datetime | None = shown("When this reason ends, if that is known.")
    position: int | None = shown("Place in the queue, from 1; 10001 means that or later.")
    forecast_start: datetime | None = shown(
        "An estimate from the speed of the queue in the last minutes."
    )
