"""Run times as two means and a small histogram, which is enough to estimate the remaining time of a
running task.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

# Eight bins for each power of ten, from 10 ms to about a day; the first and the last are open.
SMALLEST_SECONDS = 0.01
BINS_PER_DECADE = 8
BINS = 56
EDGES = tuple(SMALLEST_SECONDS * 10 ** (k / BINS_PER_DECADE) for k in range(BINS))
# A task counts as this long at most when the speed of free slots is computed: longer ones are
# counted as blocking their slot instead.
CAP_SECONDS = 60.0
# The number of imaginary tasks, of which only the age is known, beside the measured ones.
_DOUBT = 2.0
_MIXED = 1_000


def bin_of(seconds: float) -> int:
    """The bin of a run time: bin k contains times from EDGES[k] on; the first also contains shorter
    ones."""
    return max(0, bisect_right(EDGES, seconds) - 1)


@dataclass(frozen=True, slots=True)
class RunTimes:
    """The newest ended tasks (about 1,000) of a pool, summed up.

    mean, capped: seconds; `capped` is the mean of min(run time, 60 s).
    counts: tasks per bin, see `bin_of`.
    """

    mean: float
    capped: float
    counts: tuple[int, ...]

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Self:
        """From single run times. Without any, both means are 0 and every bin is empty."""
        return cls.counted((duration, 1) for duration in seconds)

    @classmethod
    def counted(cls, times: Iterable[tuple[float, int]]) -> Self:
        """From run times with how many tasks took each."""
        counts = [0] * BINS
        total = capped = 0.0
        for duration, tasks in times:
            counts[bin_of(duration)] += tasks
            total += duration * tasks
            capped += min(duration, CAP_SECONDS) * tasks
        n = max(1, sum(counts))
        return cls(total / n, capped / n, tuple(counts))

    @classmethod
    def binned(cls, bins: Iterable[tuple[int, int, float, float]]) -> Self:
        """From bins with the number of tasks of each, their seconds, and these capped at 60 s."""
        counts = [0] * BINS
        total = capped = 0.0
        for at, tasks, seconds, at_most in bins:
            counts[at] += tasks
            total += seconds
            capped += at_most
        n = max(1, sum(counts))
        return cls(total / n, capped / n, tuple(counts))

    @classmethod
    def mixed(cls, parts: Sequence[tuple[Self, float]]) -> Self:
        """A weighted mixture of about a thousand tasks; parts without tasks or weight are
        ignored."""
        known = [(part, weight) for part, weight in parts if part.tasks and weight > 0]
        whole = sum(weight for _, weight in known)
        if not known:
            return cls.of(())
        return cls(
            mean=sum(part.mean * weight for part, weight in known) / whole,
            capped=sum(part.capped * weight for part, weight in known) / whole,
            counts=tuple(
                round(
                    _MIXED
                    * sum(part.counts[k] * weight / part.tasks for part, weight in known)
                    / whole
                )
                for k in range(BINS)
            ),
        )

    @property
    def tasks(self) -> int:
        return sum(self.counts)

    def survivors(self, seconds: float) -> float:
        """How many of the tasks ran longer than this; even within a bin on a logarithmic scale."""
        at = bin_of(seconds)
        beyond = float(sum(self.counts[at + 1 :]))
        if at == BINS - 1:  # the last bin is open
            return self.counts[at] * EDGES[at] / seconds
        low, high = EDGES[at], EDGES[at + 1]
        share = min(1.0, math.log(high / max(seconds, low)) / math.log(high / low))
        return beyond + self.counts[at] * share

    def still_running(self, age: float, after: float) -> float:
        """The probability that a task which has run for `age` seconds runs for `after` more.

        The share among the measured tasks that reached this age. If few did, the rule for heavy
        tails without a scale applies: a task that has lasted for `age` lasts for as long again with
        probability one half (Pareto's distribution with exponent 1).
        """
        if after <= 0:
            return 1.0
        unknown = age / (age + after)
        reached = self.survivors(age)
        lasted = self.survivors(age + after)
        return (lasted + _DOUBT * unknown) / (reached + _DOUBT)

    def to_json(self) -> dict[str, Any]:
        return {
            "mean": self.mean,
            "capped": self.capped,
            "counts": {str(k): count for k, count in enumerate(self.counts) if count},
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        counts = [0] * BINS
        for k, count in value["counts"].items():
            counts[int(k)] = count
        return cls(value["mean"], value["capped"], tuple(counts))
