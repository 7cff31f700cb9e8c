"""The processors `django-task` and `django-task-async`: functions made tasks by Django's `@task`.

What is stored is a name, and a stored name must never become an arbitrary call: only a module that
is loaded already or belongs to an installed app is looked into, and only for a Task object that
carries this very name.
"""

import sys
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.apps import apps
from django.conf import settings
from pydantic import Field, JsonValue

from tasks_app.processors.builtin.payloads import Payload
from tasks_app.processors.builtin.task_library import (
    Task,
    TaskContext,
    TaskResult,
    TaskResultStatus,
    normalize_json,
    task_backends,
    task_finished,
    task_started,
)
from tasks_app.processors.context import Context
from tasks_app.processors.outcomes import Fail
from tasks_app.processors.registry import processor

SYNC_TYPE = "django-task"
ASYNC_TYPE = "django-task-async"

_TIMEOUT_SECONDS = 3_600


class DjangoTaskPayload(Payload):
    """A `@task` function and its arguments."""

    task: str = Field(
        min_length=3,
        max_length=500,
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$",
        description="The function's module and name, with dots.",
    )
    args: list[JsonValue] = Field(default_factory=list)
    kwargs: dict[str, JsonValue] = Field(default_factory=dict)
    backend: str = Field(default="default", description="The alias in the setting TASKS.")


class NotATask(Fail):
    """The name is not that of a `@task` function."""


def resolve_task(path: str) -> "Task[..., Any]":
    """The Task object of this name. Raises NotATask."""
    module_name, _, name = path.rpartition(".")
    module = sys.modules.get(module_name)
    if module is None:
        if apps.get_containing_app_config(module_name) is None:
            raise NotATask(f"{path}: the module is not part of an installed app.")
        try:
            module = import_module(module_name)
        except ImportError as error:
            raise NotATask(f"{path} cannot be imported: {error}.") from error
    # Not getattr(): a module's own __getattr__ is code.
    found = vars(module).get(name)
    if not isinstance(found, Task) or found.module_path != path:
        raise NotATask(f"{path} is not a function with the decorator @task.")
    return found


def submitted_at(task_id: UUID) -> datetime:
    """When a task was submitted, to the millisecond: a UUIDv7 begins with it (RFC 9562, 5.7)."""
    return datetime.fromtimestamp((task_id.int >> 80) / 1_000, UTC)


def _category_of(error: BaseException) -> str | None:
    return "VALIDATION" if isinstance(error, NotATask) else None


@processor(
    SYNC_TYPE,
    payload=DjangoTaskPayload,
    max_attempts=1,
    timeout_seconds=_TIMEOUT_SECONDS,
    category_of=_category_of,
)
def run_django_task(ctx: Context, payload: DjangoTaskPayload) -> Any:
    """Run a function made a task with Django's `@task`. One attempt, as its interface promises."""
    task = resolve_task(payload.task)
    result = _stored_result(ctx, payload) if ctx.attempt > 1 else _first_result(ctx, payload, task)
    # Robust, since a receiver's mistake is no reason to do the work again.
    task_started.send_robust(sender=_sender(result), task_result=result)
    try:
        value = normalize_json(task.call(*_arguments(task, result), **result.kwargs))
    except Exception as error:
        if _is_last(ctx, error):
            _end(result, TaskResultStatus.FAILED)
            task_finished.send_robust(sender=_sender(result), task_result=result)
        raise
    _end(result, TaskResultStatus.SUCCESSFUL, value)
    task_finished.send_robust(sender=_sender(result), task_result=result)
    return value


@processor(
    ASYNC_TYPE,
    payload=DjangoTaskPayload,
    max_attempts=1,
    timeout_seconds=_TIMEOUT_SECONDS,
    category_of=_category_of,
)
async def run_async_django_task(ctx: Context, payload: DjangoTaskPayload) -> Any:
    """Run an `async def` function made a task with Django's `@task`, beside many others."""
    task = resolve_task(payload.task)
    if ctx.attempt > 1:
        result = await sync_to_async(_stored_result)(ctx, payload)
    else:
        result = _first_result(ctx, payload, task)
    await task_started.asend_robust(sender=_sender(result), task_result=result)
    try:
        value = normalize_json(await task.acall(*_arguments(task, result), **result.kwargs))
    except Exception as error:
        if _is_last(ctx, error):
            _end(result, TaskResultStatus.FAILED)
            await task_finished.asend_robust(sender=_sender(result), task_result=result)
        raise
    _end(result, TaskResultStatus.SUCCESSFUL, value)
    await task_finished.asend_robust(sender=_sender(result), task_result=result)
    return value


def _first_result(
    ctx: Context, payload: DjangoTaskPayload, task: "Task[..., Any]"
) -> "TaskResult[Any]":
    """The state of a first attempt, which needs no query to be known."""
    now = datetime.now(UTC)
    return TaskResult(
        task=task.using(queue_name=ctx.queue, backend=payload.backend),
        id=str(ctx.task_id),
        status=TaskResultStatus.RUNNING,
        enqueued_at=submitted_at(ctx.task_id),
        started_at=now,
        last_attempted_at=now,
        finished_at=None,
        args=payload.args,
        kwargs=dict(payload.kwargs),
        backend=payload.backend,
        errors=[],
        worker_ids=[settings.TASKPLANE["WORKER_NODE_ID"]],
    )


def _stored_result(ctx: Context, payload: DjangoTaskPayload) -> "TaskResult[Any]":
    # Here, since the backend imports this module.
    from tasks_app.backends import read_result

    return read_result(ctx.workspace_id, ctx.task_id, alias=payload.backend)


def _arguments(task: "Task[..., Any]", result: "TaskResult[Any]") -> list[Any]:
    return [TaskContext(task_result=result), *result.args] if task.takes_context else result.args


def _sender(result: "TaskResult[Any]") -> type:
    return type(task_backends[result.backend])


def _is_last(ctx: Context, error: Exception) -> bool:
    # Interruptions (time-out, cancel, shutdown) are no Exceptions and send no signal: they leave
    # no time for receivers, and the record shows how the task ended.
    return isinstance(error, Fail) or ctx.attempt >= ctx.max_attempts


def _end(result: "TaskResult[Any]", status: TaskResultStatus, value: Any = None) -> None:
    # The class is frozen for its users; its backends write to it like this.
    object.__setattr__(result, "status", status)
    object.__setattr__(result, "finished_at", datetime.now(UTC))
    object.__setattr__(result, "_return_value", value)
