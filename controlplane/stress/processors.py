"""The task types of stress tests. Which of their tasks fail is known beforehand: see `lots`."""

import asyncio
import time

from pydantic import Field

from controlplane.stress.lots import is_doomed
from tasks_app.processors import Context, processor
from tasks_app.processors.builtin.payloads import Payload

MAX_MS = 60_000
_TIMEOUT_SECONDS = 180.0


class StressPayload(Payload):
    """One task of a stress test."""

    seed: int = Field(description="Of the test.")
    index: int = Field(ge=0, description="The task's number in the test.")
    ms: float = Field(ge=0, le=MAX_MS, description="Milliseconds to take.")
    failure_rate: float = Field(ge=0, le=1, description="Share of the test's tasks that fail.")

    @property
    def is_doomed(self) -> bool:
        """Whether it is among those that fail."""
        return is_doomed(self.seed, self.index, self.failure_rate)


class StressFailure(RuntimeError):  # noqa: N818 - it is wanted
    """The failure that a stress test asked for."""


def _fail_if_doomed(payload: StressPayload) -> None:
    if payload.is_doomed:
        raise StressFailure("This task of the stress test fails, as asked for.")


@processor(
    "stress-sleep",
    payload=StressPayload,
    queue="stress",
    max_attempts=1,
    timeout_seconds=_TIMEOUT_SECONDS,
)
async def stress_sleep(ctx: Context, payload: StressPayload) -> None:
    """Wait without using the processor."""
    await asyncio.sleep(payload.ms / 1_000)
    _fail_if_doomed(payload)


@processor(
    "stress-flaky",
    payload=StressPayload,
    queue="stress",
    max_attempts=2,
    timeout_seconds=_TIMEOUT_SECONDS,
)
async def stress_flaky(ctx: Context, payload: StressPayload) -> None:
    """Wait; those that fail do so at the first attempt only."""
    await asyncio.sleep(payload.ms / 1_000)
    if ctx.attempt == 1:
        _fail_if_doomed(payload)


@processor(
    "stress-cpu",
    payload=StressPayload,
    queue="stress",
    max_attempts=1,
    timeout_seconds=_TIMEOUT_SECONDS,
)
def stress_cpu(ctx: Context, payload: StressPayload) -> None:
    """Keep one core busy."""
    end = time.perf_counter() + payload.ms / 1_000
    while time.perf_counter() < end:
        sum(range(1_000))  # about 10 µs between two looks at the clock
    _fail_if_doomed(payload)


@processor(
    "stress-noop",
    payload=StressPayload,
    queue="stress",
    max_attempts=1,
    timeout_seconds=_TIMEOUT_SECONDS,
)
def stress_noop(ctx: Context, payload: StressPayload) -> None:
    """Do nothing: what a task costs besides its work."""
    _fail_if_doomed(payload)
