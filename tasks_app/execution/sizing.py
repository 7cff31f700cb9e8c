"""The number of rows in a claim: about BATCH_TARGET_MS of work. The commit is the main cost of a
batch, so tiny tasks need large batches; a long task in a large batch would delay the others, so
unknown and slow work is claimed one by one.
"""

_GROWTH = 8  # the most a batch may grow over the last one that was full
_WEIGHT = 0.3  # of the newest batch in the moving average


class BatchSizer:
    """The batch size of one queue in one pool child."""

    def __init__(self, *, target_ms: float, most: int) -> None:
        self._target_ms = target_ms
        self._most = most
        self._mean_ms: float | None = None
        self._reach = 1

    @property
    def want(self) -> int:
        """Rows to claim next; 1 before the first measurement."""
        if self._mean_ms is None:
            return 1
        fitting = self._target_ms / max(self._mean_ms, 0.001)
        return max(1, min(int(fitting), self._reach, self._most))

    def record(self, *, tasks: int, run_ms: float) -> None:
        """Record a batch: how many handlers ran, and their total time.

        A rising mean takes effect at once, a falling one gradually: a claim too large costs more
        than one too small.
        """
        if tasks == 0:
            return
        mean = run_ms / tasks
        if self._mean_ms is None or mean > self._mean_ms:
            self._mean_ms = mean
        else:
            self._mean_ms += _WEIGHT * (mean - self._mean_ms)
        self._reach = min(self._most, max(1, tasks) * _GROWTH)


class TypeTimes:
    """Recent run times of handlers by type in this pool child, so that short results do not wait
    behind slow or unknown handlers."""

    def __init__(self, *, batchable_ms: float) -> None:
        self._batchable_ms = batchable_ms
        self._mean_ms: dict[str, float] = {}

    def is_batchable(self, task_type: str) -> bool:
        """Known, and short enough to share a commit with others."""
        mean = self._mean_ms.get(task_type)
        return mean is not None and mean <= self._batchable_ms

    def record(self, task_type: str, run_ms: float) -> None:
        """Record one handler; a long run time takes effect at once."""
        mean = self._mean_ms.get(task_type, run_ms)
        self._mean_ms[task_type] = mean + (_WEIGHT if run_ms < mean else 1) * (run_ms - mean)
