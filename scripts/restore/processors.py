"""The handler of the rehearsal: it leaves a line outside the database, as an e-mail would."""

import os
import time
from typing import Any

from pydantic import BaseModel

from tasks_app.processors.registry import processor

TRACES = "TASKPLANE_REHEARSAL_TRACES"
_WORK_SECONDS = 0.03


class NoPayload(BaseModel):
    """Nothing."""


@processor("rehearsal-trace", payload=NoPayload)
def leave_trace(ctx: Any, payload: NoPayload) -> None:
    """Work a moment, then append the task's id to a file."""
    time.sleep(_WORK_SECONDS)
    file = os.open(os.environ[TRACES], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, f"{ctx.task_id}\n".encode())
    finally:
        os.close(file)
