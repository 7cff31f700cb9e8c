"""Processors that end in a way that only the engine can tell right."""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async

from tasks_app.models import Task
from tasks_app.processors.registry import processor

_spoilt = False


class UnreadableError(Exception):
    """Reading its text ends the process."""

    def __str__(self) -> str:
        raise SystemExit(4)


class LongTextError(Exception):
    """An error with a text of many megabytes."""


@processor("fault-unreadable", max_attempts=1)
def unreadable(ctx: Any, payload: Any) -> None:
    raise UnreadableError


@processor("fault-unreadable-async", max_attempts=1)
async def unreadable_async(ctx: Any, payload: Any) -> None:
    await asyncio.sleep(0.1)
    raise UnreadableError


@processor("fault-long-text", max_attempts=1, timeout_seconds=20)
def long_text(ctx: Any, payload: Any) -> None:
    text = "x" * payload["length"]
    ctx.log(text, field=text)
    raise type("Long" * 30_000, (LongTextError,), {})(text)


def _rule(failed_attempts: int, error: BaseException) -> float | None:
    raise SystemExit("a retry rule that exits")


@processor("fault-retry-rule", max_attempts=3, retry_rule=_rule)
def retry_rule(ctx: Any, payload: Any) -> None:
    raise ValueError("ask the rule")


@processor("fault-returns-after-strike", max_attempts=1, timeout_seconds=0.3)
def returns_after_strike(ctx: Any, payload: Any) -> str:
    try:
        time.sleep(20)
    finally:
        return "as if nothing had happened"  # noqa: B012 - on purpose


@processor("fault-swallows-cancel", max_attempts=1, timeout_seconds=60)
def swallows_cancel(ctx: Any, payload: Any) -> str:
    try:
        time.sleep(20)
    except BaseException:  # noqa: BLE001 - on purpose
        return "as if nothing had happened"
    return "not cancelled"


@processor("fault-cleanup-fails", max_attempts=1, timeout_seconds=0.3)
def cleanup_fails(ctx: Any, payload: Any) -> None:
    try:
        time.sleep(20)
    finally:
        raise ValueError("the clean-up failed")


@processor("fault-swallows-async", max_attempts=1, timeout_seconds=0.3)
async def swallows_async(ctx: Any, payload: Any) -> str:
    try:
        await asyncio.sleep(20)
    except asyncio.CancelledError:
        return "as if nothing had happened"
    return "not interrupted"


@processor("fault-cleanup-fails-async", max_attempts=1, timeout_seconds=0.3)
async def cleanup_fails_async(ctx: Any, payload: Any) -> None:
    try:
        await asyncio.sleep(20)
    finally:
        raise ValueError("the clean-up failed")


@processor("fault-blocks-async", max_attempts=1, timeout_seconds=0.2)
async def blocks_async(ctx: Any, payload: Any) -> str:
    time.sleep(0.4)  # noqa: ASYNC251 - on purpose
    return "too late"


@processor("fault-blocks-thread", max_attempts=1, timeout_seconds=0.5)
async def blocks_thread(ctx: Any, payload: Any) -> None:
    await sync_to_async(time.sleep)(30)


@processor("fault-count-async", max_attempts=1, timeout_seconds=20)
async def count_async(ctx: Any, payload: Any) -> int:
    return await Task.objects.filter(id=ctx.task_id).acount()


@processor("fault-spoil", max_attempts=1)
def spoil(ctx: Any, payload: Any) -> None:
    global _spoilt
    _spoilt = True


@processor("fault-needs-unspoilt", max_attempts=1)
def needs_unspoilt(ctx: Any, payload: Any) -> int:
    if _spoilt:
        raise RuntimeError("this process is spoilt")
    return os.getpid()


@processor("fault-fork", max_attempts=1)
def fork(ctx: Any, payload: Any) -> str:
    if os.fork() == 0:
        Path(payload["folder"], str(os.getpid())).touch()
        sys.exit(0)
    return "the parent"
