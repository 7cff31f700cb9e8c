"""The task types of stress tests. `should_fail` determines in advance which of their tasks fail."""

import asyncio
import time
from functools import partial

from pydantic import Field

from controlplane.ops.stress.plan import should_fail
from controlplane.ops.stress.spec import MAX_MS, QUEUE
from tasks_app.processors import Context, processor
from tasks_app.processors.builtin.payloads import Payload


class StressPayload(Payload):
    """One task of a stress test."""

    seed: int = Field(description="Seed of the test.")
    index: int = Field(ge=0, description="Number of the task in the test.")
    ms: float = Field(ge=0, le=MAX_MS, description="Milliseconds that the task takes.")
    failure_rate: float = Field(ge=0, le=1, description="Share of the test's tasks that fail.")

    @property
    def should_fail(self) -> bool:
        return should_fail(self.seed, self.index, self.failure_rate)


class StressFailure(RuntimeError):  # noqa: N818 - an intended failure
    """The planned failure of a task."""


_stress = partial(processor, payload=StressPayload, queue=QUEUE, timeout_seconds=180.0)


def _fail_if_planned(payload: StressPayload) -> None:
    if payload.should_fail:
        raise StressFailure("This task of the stress test fails as planned.")


@_stress("stress-sleep", max_attempts=1)
async def stress_sleep(ctx: Context, payload: StressPayload) -> None:
    """Wait without using the CPU."""
    await asyncio.sleep(payload.ms / 1_000)
    _fail_if_planned(payload)


@_stress("stress-flaky", max_attempts=2)
async def stress_flaky(ctx: Context, payload: StressPayload) -> None:
    """Wait; planned failures happen only at the first attempt."""
    await asyncio.sleep(payload.ms / 1_000)
    if ctx.attempt == 1:
        _fail_if_planned(payload)


@_stress("stress-cpu", max_attempts=1)
def stress_cpu(ctx: Context, payload: StressPayload) -> None:
    """Keep one core busy."""
    end = time.perf_counter() + payload.ms / 1_000
    while time.perf_counter() < end:
        sum(range(1_000))  # about 10 µs between two looks at the clock
    _fail_if_planned(payload)


@_stress("stress-noop", max_attempts=1)
def stress_noop(ctx: Context, payload: StressPayload) -> None:
    """Do nothing: measures the overhead of a task."""
    _fail_if_planned(payload)
