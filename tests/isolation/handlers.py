"""Processors that leave a case behind, and ordinary ones."""

import asyncio
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connection, transaction

import tests.isolation.connections
import tests.isolation.loop
import tests.isolation.process  # noqa: F401 - as above
from tasks_app.processors.registry import processor
from tests.isolation.cases import ASYNC_CASES, CASES, TABLE


def write_row(task_id: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {TABLE} (task) VALUES (%s)", [task_id])


@processor("test-leave", max_attempts=1, timeout_seconds=20)
def leave_behind(ctx: Any, payload: Any) -> str:
    """Leave what the payload names, then raise if it says so."""
    CASES[payload["case"]]()
    if payload.get("raises"):
        raise RuntimeError("as asked for")
    return "left"


@processor("test-leave-async", max_attempts=1, timeout_seconds=20)
async def leave_behind_async(ctx: Any, payload: Any) -> str:
    """As `leave_behind`, in the event loop, or in the thread of Django's async ORM."""
    name = payload["case"]
    if name in ASYNC_CASES:
        found = ASYNC_CASES[name]()
        if asyncio.iscoroutine(found):
            await found
    elif payload.get("in_thread"):
        await sync_to_async(CASES[name])()
    else:
        CASES[name]()
    if payload.get("raises"):
        raise RuntimeError("as asked for")
    return "left"


@processor("test-write-row", max_attempts=1, timeout_seconds=20)
def write(ctx: Any, payload: Any) -> None:
    """An ordinary handler."""
    write_row(ctx.task_id)


@processor("test-write-row-async", max_attempts=1, timeout_seconds=20)
async def write_async(ctx: Any, payload: Any) -> None:
    """An ordinary async handler."""
    await sync_to_async(write_row)(ctx.task_id)


@processor("test-write-row-atomic", max_attempts=1, timeout_seconds=20)
def write_atomic(ctx: Any, payload: Any) -> None:
    """An ordinary handler with a transaction and threads of its own."""
    with transaction.atomic():
        write_row(ctx.task_id)


@processor("test-enqueue-async", max_attempts=1, timeout_seconds=20)
async def enqueue_async(ctx: Any, payload: Any) -> str:
    """An async handler that submits a task."""
    await asyncio.sleep(0)
    return str(ctx.enqueue("noop"))
