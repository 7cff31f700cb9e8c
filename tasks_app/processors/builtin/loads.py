"""Processors that only take time or CPU, for tests, benchmarks and stress tests."""

import asyncio
import random
import time

from pydantic import Field

from tasks_app.processors.builtin.payloads import Payload
from tasks_app.processors.context import Context
from tasks_app.processors.registry import processor

_MAX_MS = 3_600_000


class NoopPayload(Payload):
    """Nothing."""


class DurationPayload(Payload):
    """How long to take."""

    ms: float = Field(ge=0, le=_MAX_MS, description="Milliseconds to take.")


class FlakyPayload(Payload):
    """Duration, and share of failures after it."""

    failure_rate: float = Field(
        default=0.5, ge=0, le=1, description="Share of the attempts that fail."
    )
    ms: float = Field(default=0, ge=0, le=_MAX_MS, description="Milliseconds to take.")


class FlakyError(RuntimeError):
    """The random error of a `flaky` task."""


@processor("noop", payload=NoopPayload)
def noop(ctx: Context, payload: NoopPayload) -> None:
    """Do nothing: measures the overhead of a task."""


@processor("sleep", payload=DurationPayload, timeout_seconds=3_700)
async def sleep(ctx: Context, payload: DurationPayload) -> dict[str, float]:
    """Wait without using the CPU, like a handler that waits for another service."""
    await asyncio.sleep(payload.ms / 1_000)
    return {"ms": payload.ms}


@processor("cpu", payload=DurationPayload, timeout_seconds=3_700)
def cpu(ctx: Context, payload: DurationPayload) -> dict[str, float]:
    """Keep one core busy for the given time."""
    rounds = 0
    end = time.perf_counter() + payload.ms / 1_000
    while time.perf_counter() < end:
        sum(range(1_000))  # about 10 µs between two looks at the clock
        rounds += 1
    return {"ms": payload.ms, "rounds": rounds}


@processor("flaky", payload=FlakyPayload, timeout_seconds=3_700)
def flaky(ctx: Context, payload: FlakyPayload) -> dict[str, float]:
    """Take some time, then fail with the given probability, at random for each attempt."""
    time.sleep(payload.ms / 1_000)
    # Not the seeded generator of the process: forked workers must not all fail together.
    if random.SystemRandom().random() < payload.failure_rate:
        raise FlakyError(f"Attempt {ctx.attempt} failed, as requested.")
    return {"ms": payload.ms}
