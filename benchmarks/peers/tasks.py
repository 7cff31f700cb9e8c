"""The peers' tasks: the same work as Taskplane's `noop`, `sleep` and `bench-stamp`."""

import time
from typing import Any

from benchmarks.marks import note_run, stamp_start


def register(app: Any) -> dict[str, Any]:
    """Register the tasks with a Celery application; the tasks by name."""

    @app.task(name="noop")
    def noop() -> None:
        note_run(time.monotonic())

    @app.task(name="wait")
    def wait(ms: float) -> None:
        started = time.monotonic()
        time.sleep(ms / 1000)
        note_run(started)

    @app.task(name="stamp")
    def stamp(number: int) -> None:
        stamp_start(number)

    return {"noop": noop, "wait": wait, "stamp": stamp}
