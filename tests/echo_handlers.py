"""Processors that give back what they got, each on another way."""

from pathlib import Path
from typing import Any

import tests.handlers  # noqa: F401 - registers test-echo
from tasks_app.processors.registry import processor
from tests.handlers import AT_ONCE


@processor("test-echo-async")
async def echo_async(ctx: Any, payload: Any) -> Any:
    ctx.log("numbers", numbers=payload["numbers"])
    return payload


@processor("test-echo-parents")
def echo_parents(ctx: Any, payload: Any) -> Any:
    return list(ctx.dependency_results().values())


@processor("test-echo-retry", max_attempts=2, retry=AT_ONCE)
def echo_at_the_second_attempt(ctx: Any, payload: Any) -> Any:
    if ctx.attempt == 1:
        raise ValueError("the first attempt")
    return payload


@processor("test-echo-child")
def echo_by_a_child(ctx: Any, payload: Any) -> str:
    return str(ctx.enqueue("test-echo", payload))


@processor("test-echo-repaired", max_attempts=1)
def echo_once_repaired(ctx: Any, payload: Any) -> Any:
    Path(payload["path"]).stat()
    return payload
