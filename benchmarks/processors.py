"""Processors that only the benchmarks need; workers find them by TASKPLANE_PROCESSORS."""

import time

from pydantic import BaseModel

from benchmarks.marks import stamp_start
from tasks_app.processors import Context, processor


class StampPayload(BaseModel):
    """The task's number within its scenario."""

    number: int


@processor("bench-stamp", payload=StampPayload)
def stamp(ctx: Context, payload: StampPayload) -> None:
    """Leave the time at which it started."""
    stamp_start(payload.number)


class NumberPayload(BaseModel):
    """One whole number."""

    number: int


@processor("bench-number", payload=NumberPayload)
def number(ctx: Context, payload: NumberPayload) -> None:
    """Do nothing: what counts is that its payload is checked."""


class PausePayload(BaseModel):
    """How long to block the slot."""

    ms: float


@processor("bench-pause", payload=PausePayload)
def pause(ctx: Context, payload: PausePayload) -> None:
    """Wait as a blocking call does: the slot does nothing else, and the core is free."""
    time.sleep(payload.ms / 1_000)
