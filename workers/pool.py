"""The pool of a worker: Celery's prefork pool, whose children may ask to be replaced."""

from typing import Any

from celery.concurrency import asynpool, prefork

from workers.runtime import get_runtime


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
    """A pool child that ends after the bell in which it asked for it. Its parent starts another, as
    after `worker_max_tasks_per_child`."""

    def workloop(self, *args: Any, **kwargs: Any) -> Any:
        self.maxtasks = _UntilRecycled()
        return super().workloop(*args, **kwargs)


class _SlotPool(asynpool.AsynPool):
    Worker = SlotProcess


class TaskPool(prefork.TaskPool):
    """Named in `manage.py worker`."""

    Pool = _SlotPool
