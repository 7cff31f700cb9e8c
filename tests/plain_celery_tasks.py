"""Plain Celery tasks, which a worker of the tests loads as it loads processors."""

import os
from pathlib import Path

from celery import shared_task


@shared_task(name="tests.leave_pid", ignore_result=True)
def leave_pid(file: str) -> None:
    """Append the id of the process that runs this."""
    with Path(file).open("a") as output:
        output.write(f"{os.getpid()}\n")
