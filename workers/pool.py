"""The pool of a worker: Celery's prefork pool, whose children may ask to be replaced, and end in
time."""

from typing import Any

from billiard import pool
from celery.concurrency import asynpool, prefork

from workers.runtime import get_runtime

_RESULT_READ_SECONDS = 1.0


class _UntilRecycled:
    """Stands in for billiard's number of jobs after which a child ends, which is compared with the
    number of jobs done: not reached until the child asks to be replaced, and then at once."""

    def __bool__(self) -> bool:
        return True

    def __gt__(self, _done: object) -> bool:
        runtime = get_runtime()
        return runtime is None or not runtime.recycle_reason

    def __eq__(self, _done: object) -> bool:
        return not self > 0

    __hash__ = None  # type: ignore[assignment]


class SlotProcess(asynpool.Worker):
    """A pool child that ends after the wake-up in which it asked to be replaced. Its parent starts
    another, as after `worker_max_tasks_per_child`."""

    def workloop(self, *args: Any, **kwargs: Any) -> Any:
        self.maxtasks = _UntilRecycled()
        return super().workloop(*args, **kwargs)


class _SlotPool(asynpool.AsynPool):
    Worker = SlotProcess


class TaskPool(prefork.TaskPool):
    """Named in `manage.py worker`."""

    Pool = _SlotPool


def bound_last_results() -> None:
    """Let a pool child that ends wait for a second, not 30, until its parent has read its results.

    A parent that stops forgets the wake-ups that it handed out and no child has acknowledged yet,
    and reads nothing more once it knows of no other: a child that had just taken such a wake-up
    would outlast every grace. Nothing is lost by it, since what a child did is in Postgres. Called
    before the pool is forked.
    """
    interval: float = pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_INTERVAL
    pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = round(_RESULT_READ_SECONDS / interval)
