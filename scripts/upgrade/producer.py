"""Submit tasks from Python at a steady rate until SIGTERM, with the code of the release in whose
folder it is started. Prints the id of each task once it is committed.
"""

import signal
import sys
import time
from typing import Any

import django

_is_stopping = False


def stop(*_: Any) -> None:
    """End after the submission that is under way."""
    global _is_stopping  # noqa: PLW0603 - what a signal handler may do
    _is_stopping = True


def main(per_second: float) -> None:
    django.setup()
    from tasks_app.services import submit_task
    from tasks_app.specs import TaskSpec

    signal.signal(signal.SIGTERM, stop)
    number, due = 0, time.monotonic()
    while not _is_stopping:
        number += 1
        is_flaky = number % 6 == 0
        spec = TaskSpec(
            type="upgrade-flaky" if is_flaky else "upgrade-work",
            payload={"ms": 5 + number % 20},
            priority=number % 3,
        )
        print(submit_task(spec=spec), flush=True)
        due += 1 / per_second
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main(float(sys.argv[1]))
