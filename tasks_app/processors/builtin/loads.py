"""Processors that do no work but cost what you ask for: for tests, benchmarks and stress runs."""

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
    """How long to take, and how often to fail after it."""

    failure_rate: float = Field(
        default=0.5, ge=0, le=1, description="Share of the attempts that fail."
    )
    ms: float = Field(default=0, ge=0, le=_MAX_MS, description="Milliseconds to take.")


class FlakyError(RuntimeError):
    """The error of a `flaky` task whose dice fell badly."""


@processor("noop", payload=NoopPayload)
def noop(ctx: Context, payload: NoopPayload) -> None:
    """Do nothing: what a task costs besides its work."""


@processor("sleep", payload=DurationPayload, timeout_seconds=3_700)
async def sleep(ctx: Context, payload: DurationPayload) -> dict[str, float]:
    """Wait without using the processor, as a handler that waits for another service does."""
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
    """Take some time, then fail with the given probability, drawn again at each attempt."""
    time.sleep(payload.ms / 1_000)
    # Not the seeded generator of the process: forked workers must not all fail together.
    if random.SystemRandom().random() < payload.failure_rate:
        raise FlakyError(f"Attempt {ctx.attempt} failed, as asked for.")
    return {"ms": payload.ms}
