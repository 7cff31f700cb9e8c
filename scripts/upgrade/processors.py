"""The handlers of the rehearsal. Every release runs this same file, so it uses only what all of
them have. Each execution leaves a line outside the database: the task, and the release that ran it.
"""

import os
import time
from typing import Any

from pydantic import BaseModel

from tasks_app.processors.registry import processor

TRACES = "TASKPLANE_REHEARSAL_TRACES"
RELEASE = "TASKPLANE_REHEARSAL_RELEASE"


class Work(BaseModel):
    """How long it takes."""

    ms: float = 10


def _leave_trace(ctx: Any) -> None:
    line = f"{ctx.task_id} {os.environ[RELEASE]} {time.time():.3f}\n"
    file = os.open(os.environ[TRACES], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


@processor("upgrade-work", payload=Work)
def work(ctx: Any, payload: Work) -> dict[str, str]:
    """Work a moment, then leave a trace."""
    time.sleep(payload.ms / 1000)
    _leave_trace(ctx)
    return {"release": os.environ[RELEASE]}


@processor("upgrade-doomed", payload=Work)
def fail(ctx: Any, payload: Work) -> None:
    """Fail every attempt, and so become a dead letter."""
    raise ConnectionError("every attempt of such a task fails")


@processor("upgrade-flaky", payload=Work)
def fail_once(ctx: Any, payload: Work) -> None:
    """Fail the first attempt; the second one works."""
    if ctx.attempt == 1:
        raise ConnectionError("the first attempt of each such task fails")
    time.sleep(payload.ms / 1000)
    _leave_trace(ctx)
