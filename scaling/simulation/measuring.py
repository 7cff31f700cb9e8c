"""The newest run times, summed up as the control loop would read them."""

from collections import deque

from scaling.strategies.runtimes import BINS, CAP_SECONDS, RunTimes, bin_of

_NEWEST = 1_000


class Durations:
    """The last 1,000 run times; each costs the same, however many there are."""

    def __init__(self) -> None:
        self._newest: deque[tuple[float, int]] = deque()
        self._counts = [0] * BINS
        self._total = self._capped = 0.0
        self._fresh: RunTimes | None = None

    def add(self, seconds: float) -> None:
        """One task has ended."""
        self._fresh = None
        k = bin_of(seconds)
        self._newest.append((seconds, k))
        self._counts[k] += 1
        self._total += seconds
        self._capped += min(seconds, CAP_SECONDS)
        if len(self._newest) > _NEWEST:
            old, bin_ = self._newest.popleft()
            self._counts[bin_] -= 1
            self._total -= old
            self._capped -= min(old, CAP_SECONDS)

    def summary(self) -> RunTimes:
        """As a strategy is given it."""
        if self._fresh is None:
            n = max(1, len(self._newest))
            self._fresh = RunTimes(self._total / n, self._capped / n, tuple(self._counts))
        return self._fresh
