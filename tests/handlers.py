"""Processors for the tests: each misbehaves in one way, on purpose."""

import asyncio
import ctypes
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from django.db import connection
from pydantic import BaseModel, field_validator

from tasks_app.processors.outcomes import Fail, TaskCancelled
from tasks_app.processors.registry import processor
from tasks_app.processors.retry import RetryPolicy

AT_ONCE = RetryPolicy(strategy="fixed", base_ms=0, jitter=0)


def _mark(folder: str, ctx: Any, what: str = "") -> None:
    """Leave a trace that survives any kill: one file per execution."""
    if folder:
        name = f"{ctx.task_id}.{ctx.attempt}.{os.getpid()}.{time.monotonic_ns()}{what}"
        Path(folder, name).touch()


@processor("test-echo", retry=AT_ONCE)
def echo(ctx: Any, payload: Any) -> Any:
    return payload


class Work(BaseModel):
    ms: float = 0
    folder: str = ""


@processor("test-work", payload=Work, retry=AT_ONCE)
def work(ctx: Any, payload: Work) -> None:
    _mark(payload.folder, ctx)
    time.sleep(payload.ms / 1000)


@processor("test-loaded", payload=Work)
def note_loaded(ctx: Any, payload: Work) -> None:
    """Leave the names of all modules that its process has loaded."""
    Path(payload.folder, "loaded").write_text("\n".join(sys.modules))


class Faulty(BaseModel):
    """Its check has a fault: it raises what pydantic takes for no refusal."""

    n: int = 0

    @field_validator("n")
    @classmethod
    def check_n(cls, n: int) -> int:
        return 1 // n


@processor("test-faulty-model", payload=Faulty, max_attempts=1)
def faulty_model(ctx: Any, payload: Faulty) -> None:
    return None


@processor("test-work-async", payload=Work, retry=AT_ONCE)
async def work_async(ctx: Any, payload: Work) -> None:
    _mark(payload.folder, ctx)
    await asyncio.sleep(payload.ms / 1000)


@processor("test-raise", max_attempts=3, retry=AT_ONCE)
def raise_error(ctx: Any, payload: Any) -> None:
    ctx.log("about to fail", password="hunter2")
    raise ValueError(f"attempt {ctx.attempt} failed, token=abc123")


@processor("test-fail", retry=AT_ONCE)
def fail(ctx: Any, payload: Any) -> None:
    raise Fail("never again")


@processor("test-not-json", max_attempts=1)
def not_json(ctx: Any, payload: Any) -> Any:
    return {"when": object()}


@processor("test-nan", max_attempts=1)
def nan(ctx: Any, payload: Any) -> Any:
    return {"value": float("nan")}


@processor("test-exit", max_attempts=1)
def leave(ctx: Any, payload: Any) -> None:
    sys.exit(3)


@processor("test-segfault", max_attempts=5, retry=AT_ONCE)
def segfault(ctx: Any, payload: Any) -> None:
    ctypes.string_at(0)


@processor("test-segfault-async", max_attempts=5, retry=AT_ONCE)
async def segfault_async(ctx: Any, payload: Any) -> None:
    await asyncio.sleep(0.2)
    ctypes.string_at(0)


@processor("test-kill-self", max_attempts=5, retry=AT_ONCE)
def kill_self(ctx: Any, payload: Any) -> None:
    if ctx.attempt <= payload.get("times", 1):
        os.kill(os.getpid(), signal.SIGKILL)


@processor("test-hang", max_attempts=1, timeout_seconds=0.5)
def hang(ctx: Any, payload: Any) -> None:
    time.sleep(60)


@processor("test-slow-query", max_attempts=1, timeout_seconds=0.5)
def slow_query(ctx: Any, payload: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(20)")


@processor("test-query", max_attempts=1)
def query(ctx: Any, payload: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 42")
        return int(cursor.fetchone()[0])


@processor("test-hang-async", max_attempts=1, timeout_seconds=0.5)
async def hang_async(ctx: Any, payload: Any) -> None:
    await asyncio.sleep(60)


@processor("test-hang-deaf", max_attempts=1, timeout_seconds=0.5)
def hang_deaf(ctx: Any, payload: Any) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            time.sleep(60)
        except BaseException:  # noqa: BLE001, S112 - deaf on purpose
            continue


@processor("test-long", max_attempts=3, timeout_seconds=120, retry=AT_ONCE)
def long(ctx: Any, payload: Any) -> str:
    _mark(payload.get("folder", ""), ctx)
    for _ in range(600):
        if payload.get("polite") and ctx.is_cancelled():
            raise TaskCancelled
        time.sleep(0.1)
    return "done"


@processor("test-long-async", max_attempts=3, timeout_seconds=120, retry=AT_ONCE)
async def long_async(ctx: Any, payload: Any) -> str:
    await asyncio.sleep(60)
    return "done"


@processor("test-eat-memory", max_attempts=1)
def eat_memory(ctx: Any, payload: Any) -> None:
    held = []
    for _ in range(400):
        held.append(bytearray(10 * 1024 * 1024))
        time.sleep(0.02)


def _wait_for(path: str) -> None:
    """Until a test has made this file."""
    while not Path(path).exists():
        time.sleep(0.02)


@processor("test-wait", max_attempts=1)
def wait(ctx: Any, payload: Any) -> None:
    _wait_for(payload["until"])


@processor("test-report", max_attempts=1)
def report(ctx: Any, payload: Any) -> dict[str, Any]:
    ctx.progress(25, "a quarter")
    time.sleep(0.7)
    ctx.progress(50)
    ctx.log("half way", level="warning", left=50)
    if "until" in payload:
        _wait_for(payload["until"])
    return {"attempt": ctx.attempt}


@processor("test-chatty", max_attempts=1)
def chatty(ctx: Any, payload: Any) -> None:
    for number in range(60):
        ctx.log(f"line {number}")
        time.sleep(0.05)


@processor("test-chatty-async", max_attempts=1)
async def chatty_async(ctx: Any, payload: Any) -> None:
    for number in range(60):
        ctx.log(f"line {number}")
        await asyncio.sleep(0.05)


@processor("test-snooze", max_attempts=1)
def snooze(ctx: Any, payload: Any) -> int:
    if ctx.attempt < 3:
        ctx.snooze(0.05, "not yet")
    return int(ctx.attempt)


@processor("test-retry-later", max_attempts=2)
def retry_later(ctx: Any, payload: Any) -> int:
    if ctx.attempt < 2:
        ctx.retry_later(0.05, "soon")
    return int(ctx.attempt)


def _once_more(failed_attempts: int, _error: BaseException) -> float | None:
    return 0.05 if failed_attempts < 2 else None


@processor("test-own-rule", max_attempts=5, retry_rule=_once_more)
def own_rule(ctx: Any, payload: Any) -> None:
    raise OSError("by its own rule")


@processor("test-parent", max_attempts=2, retry=AT_ONCE)
def parent(ctx: Any, payload: Any) -> str:
    child = ctx.enqueue("noop")
    if ctx.attempt == 1:
        raise ConnectionError("after the child was submitted")
    return str(child)


@processor("test-merge")
def merge(ctx: Any, payload: Any) -> dict[str, Any]:
    return {"sum": sum(ctx.dependency_results().values())}


@processor("test-number")
def number(ctx: Any, payload: Any) -> int:
    if payload.get("fail"):
        raise Fail("asked to")
    return int(payload["value"])


@processor("test-needs-file", max_attempts=1)
def needs_file(ctx: Any, payload: Any) -> str:
    """Fails until its file exists."""
    return Path(payload["path"]).read_text()
