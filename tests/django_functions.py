"""Functions made tasks with Django's interface, for the tests of the backend."""

import asyncio
from typing import Any

from django_tasks import TaskContext, task


class TooManyCooksError(Exception):
    """An error with a module of its own."""


@task
def add(a: int, b: int = 0) -> int:
    return a + b


@task(priority=7)
async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


@task
def fail(message: str) -> None:
    raise TooManyCooksError(message)


@task
async def fail_async() -> None:
    raise ValueError("not async's fault")


@task(takes_context=True)
def attempt_of(context: TaskContext) -> list[Any]:
    result = context.task_result
    return [context.attempt, result.id, result.status, len(result.worker_ids)]


@task(takes_context=True)
async def fail_until_third(context: TaskContext) -> int:
    if context.attempt < 3:
        raise TooManyCooksError(f"attempt {context.attempt}")
    return context.attempt


@task
def plain_types() -> Any:
    return {"bytes": b"text", "tuple": (1, 2)}


@task
def not_json() -> Any:
    return object()


@task
def chain(number: int) -> str:
    return str(add.enqueue(number, b=1).id)


def no_task() -> str:
    return "never to be called by name"


renamed = task(no_task)


@task
def echo(value: Any, *, named: Any) -> Any:
    return [value, named]
