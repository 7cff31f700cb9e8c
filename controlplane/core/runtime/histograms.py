"""Distributions of times as counts in logarithmic buckets, which add up: pure functions.

Bucket i holds the times t with RATIO^(i-1) < t ≤ RATIO^i milliseconds. Its reported value is
2·RATIO^i / (RATIO + 1): it lies at the same relative distance from both ends, so it differs from
any time of the bucket by at most (RATIO - 1) / (RATIO + 1), 4.8 % (the mapping of DDSketch: Masson,
Rim, Lee, "DDSketch", VLDB 2019, section 2.2). Sums of histograms lose nothing: a percentile over
an hour has the same error as one over a minute.
"""

import math
from collections.abc import Iterable, Mapping

RATIO = 1.1
LARGEST_ERROR = (RATIO - 1) / (RATIO + 1)
# From 0.01 ms to 99 days. What lies outside counts as at the end.
LOWEST, HIGHEST = -48, 240

Histogram = Mapping[int, int]


def bucket_of(milliseconds: float) -> int:
    """The bucket of a time. recompute_minutes.sql has the same formula."""
    if milliseconds <= RATIO**LOWEST:
        return LOWEST
    return min(HIGHEST, math.ceil(math.log(milliseconds) / math.log(RATIO)))


def value_of(bucket: int) -> float:
    """The reported time of a bucket, in milliseconds."""
    return float(2 * RATIO**bucket / (RATIO + 1))


def merge(histograms: Iterable[Histogram]) -> dict[int, int]:
    """The histogram of all their times."""
    merged: dict[int, int] = {}
    for histogram in histograms:
        for bucket, count in histogram.items():
            merged[bucket] = merged.get(bucket, 0) + count
    return merged


def percentile(histogram: Histogram, share: float) -> float | None:
    """The time that this share of the times does not exceed, in milliseconds; None without times.

    It is the nearest-rank percentile (the smallest time with at least `share` of all at or below
    it), within LARGEST_ERROR.
    """
    total = sum(histogram.values())
    if total == 0:
        return None
    rank = max(1, math.ceil(share * total))
    for bucket in sorted(histogram):
        rank -= histogram[bucket]
        if rank <= 0:
            return value_of(bucket)
    raise AssertionError("the last bucket reaches the last rank")


def cumulate(histogram: Histogram, bounds: Iterable[int]) -> list[int]:
    """How many times lie in the buckets up to each of these, in ascending order."""
    counts = sorted(histogram.items())
    return [sum(count for bucket, count in counts if bucket <= bound) for bound in bounds]
