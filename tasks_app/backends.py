"""Django's `TASKS` backend: ordinary `@task` functions run here, unchanged.

    TASKS = {"default": {"BACKEND": "tasks_app.backends.TaskplaneBackend", "QUEUES": []}}

OPTIONS, each with its default: `WORKSPACE_ID` (the workspace `default`), `MAX_ATTEMPTS` (1: the
interface promises no retries), `TIMEOUT_SECONDS` (3600).
"""

import builtins
import re
from collections.abc import Mapping, Sequence
from inspect import iscoroutinefunction
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from controlplane.core.errors import NotFound
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app.processors import outcomes
from tasks_app.processors.builtin.django_task import (
    ASYNC_TYPE,
    SYNC_TYPE,
    NotATask,
    resolve_task,
    submitted_at,
)
from tasks_app.processors.builtin.task_library import (
    BaseTaskBackend,
    InvalidTaskError,
    Task,
    TaskError,
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultStatus,
    normalize_json,
    task_enqueued,
)
from tasks_app.queries import get_task
from tasks_app.services import submit_task
from tasks_app.specs import TaskSpec
from tasks_app.states import TaskState
from workers.queries import get_node_names

P = ParamSpec("P")
T = TypeVar("T")

_STATUS = {
    TaskState.RUNNING: TaskResultStatus.RUNNING,
    TaskState.COMPLETED: TaskResultStatus.SUCCESSFUL,
    TaskState.FAILED: TaskResultStatus.FAILED,
    TaskState.CANCELLED: TaskResultStatus.FAILED,
}


class TaskplaneBackend(BaseTaskBackend):
    """Enqueues into this task queue, in the caller's transaction, and reads results from it."""

    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def enqueue(
        self,
        task: "Task[P, T]",
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> "TaskResult[T]":
        """Submit a call of the task. It exists if the transaction commits.

        Raises InvalidTaskError, TypeError for arguments that are not JSON, and what submitting
        raises.
        """
        self.validate_task(task)
        _check_name(task)
        plain_args, plain_kwargs = normalize_json(list(args)), normalize_json(dict(kwargs))
        task_id = submit_task(
            workspace_id=self._workspace_id(),
            spec=self._spec(
                task,
                {
                    "task": task.module_path,
                    "args": plain_args,
                    "kwargs": plain_kwargs,
                    "backend": self.alias,
                },
            ),
        )
        result = self._ready(task, task_id, plain_args, plain_kwargs)
        task_enqueued.send(type(self), task_result=result)
        return result

    def _ready(
        self, task: "Task[P, T]", task_id: UUID, args: list[Any], kwargs: dict[str, Any]
    ) -> "TaskResult[T]":
        return TaskResult(
            task=task,
            id=str(task_id),
            status=TaskResultStatus.READY,
            enqueued_at=submitted_at(task_id),
            started_at=None,
            last_attempted_at=None,
            finished_at=None,
            args=args,
            kwargs=kwargs,
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )

    def get_result(self, result_id: str) -> "TaskResult[Any]":
        """The call with this id, in its current state. Raises TaskResultDoesNotExist."""
        try:
            task_id = UUID(result_id)
        except ValueError:
            raise TaskResultDoesNotExist(result_id) from None
        return read_result(self._workspace_id(), task_id, alias=self.alias)

    def _workspace_id(self) -> UUID:
        configured = self.options.get("WORKSPACE_ID")
        return UUID(str(configured)) if configured else get_default_workspace_id()

    def _spec(self, task: "Task[P, T]", payload: dict[str, Any]) -> TaskSpec:
        return TaskSpec(
            type=ASYNC_TYPE if iscoroutinefunction(task.func) else SYNC_TYPE,
            name=task.module_path[-200:],
            payload=payload,
            queue=task.queue_name,
            priority=int(task.priority),
            run_at=task.run_after,
            max_attempts=self.options.get("MAX_ATTEMPTS"),
            timeout_seconds=self.options.get("TIMEOUT_SECONDS"),
        )


def read_result(workspace_id: UUID, task_id: UUID, *, alias: str) -> "TaskResult[Any]":
    """A call as Django's interface shows it. Raises TaskResultDoesNotExist, NotATask."""
    try:
        row = get_task(workspace_id, task_id)
    except NotFound:
        raise TaskResultDoesNotExist(str(task_id)) from None
    if row.type not in (SYNC_TYPE, ASYNC_TYPE):
        raise TaskResultDoesNotExist(str(task_id))
    state = TaskState(row.state)
    attempts = list(row.attempts.all())
    node_ids = [attempt.node_id for attempt in attempts]
    if row.node_id is not None:
        node_ids.append(row.node_id)
    names = get_node_names(node_ids)
    result: TaskResult[Any] = TaskResult(
        task=resolve_task(row.payload["task"]).using(
            priority=row.priority,
            queue_name=row.queue.name,
            # Later the same column holds the time of the next attempt.
            run_after=row.run_at if row.attempt == 0 else None,
            backend=alias,
        ),
        id=str(row.id),
        status=_STATUS.get(state, TaskResultStatus.READY),
        enqueued_at=submitted_at(row.id),
        started_at=attempts[0].started_at if attempts else row.started_at,
        last_attempted_at=row.started_at,
        finished_at=row.finished_at,
        args=row.payload.get("args", []),
        kwargs=row.payload.get("kwargs", {}),
        backend=alias,
        errors=_errors(row.error, [attempt.error for attempt in attempts if attempt.error]),
        worker_ids=[names.get(node_id, str(node_id)) for node_id in node_ids],
    )
    if state == TaskState.COMPLETED:
        object.__setattr__(result, "_return_value", row.result)
    return result


def _check_name(task: "Task[P, T]") -> None:
    try:
        resolve_task(task.module_path)
    except NotATask as error:
        raise InvalidTaskError(
            f"A worker could not find this task by its name: {error.reason}"
        ) from error


def _errors(
    last: Mapping[str, Any] | None, of_attempts: list[Mapping[str, Any]]
) -> list[TaskError]:
    # What ended without an attempt (cancelled, say, with its parent) has an error all the same.
    found = of_attempts or ([last] if last else [])
    return [_error(error) for error in found]


def _error(error: Mapping[str, Any]) -> TaskError:
    return TaskError(
        exception_class_path=_class_path(error["class"], error["traceback"]),
        traceback=error["traceback"] or error["message"],
    )


def _class_path(name: str, traceback: str) -> str:
    """Module and name of an exception's class, as Django's interface wants it.

    The record has only its name; a traceback has the full name, except for builtins. Without a
    traceback, the error comes from the engine itself.
    """
    named = re.findall(rf"^((?:\w+\.)+{re.escape(name)})(?::|$)", traceback, re.MULTILINE)
    if "." in name or named:
        return named[-1] if named else name
    for module in (builtins, outcomes):
        if isinstance(getattr(module, name, None), type):
            return f"{module.__name__}.{name}"
    return "builtins.RuntimeError"
