"""Sums of the histograms of many roll-ups: by step, type and queue, and in all."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from controlplane.core.errors import Invalid

MAX_ROLLUPS = 200_000  # of all types and queues in a window

# Counts by bucket, whose names are those of JSON.
_Counts = defaultdict[str, int]


class Pair(NamedTuple):
    """The histograms of run times and of waits."""

    runs: _Counts
    waits: _Counts

    @classmethod
    def empty(cls) -> "Pair":
        return cls(defaultdict(int), defaultdict(int))


def sum_histograms(
    moments: Iterable[tuple[datetime, str, str, str, str]],
) -> dict[tuple[str, Any], Pair]:
    """Sums by kind (all, step, type, queue) and key, from the rows `rollups` of
    summarize_rollups.sql. Raises Invalid: there are more than MAX_ROLLUPS."""
    found: dict[tuple[str, Any], Pair] = {}
    lanes: dict[tuple[str, int], Pair] = {}
    left = MAX_ROLLUPS
    for step, *texts in moments:
        types, queues, all_runs, all_waits = map(orjson.loads, texts)
        left -= len(types)
        if left < 0:
            raise Invalid("There are too many figures in this window. Choose a shorter window.")
        in_step = _at(found, ("step", step))
        for type_name, queue, runs, waits in zip(types, queues, all_runs, all_waits, strict=True):
            in_lane = _at(lanes, (type_name, queue))
            _add(runs, in_step.runs, in_lane.runs)
            _add(waits, in_step.waits, in_lane.waits)
    # The other sums are those of the few lanes.
    for (type_name, queue), lane in lanes.items():
        for key in (("all", None), ("type", type_name), ("queue", queue)):
            for sums, counts in zip(_at(found, key), lane, strict=True):
                for bucket, count in counts.items():
                    sums[bucket] += count
    return found


def _at(sums: dict[Any, Pair], key: Any) -> Pair:
    if key not in sums:
        sums[key] = Pair.empty()
    return sums[key]


def _add(histogram: Mapping[str, int], first: _Counts, second: _Counts) -> None:
    """To both in one pass: there may be a million counts."""
    for bucket, count in histogram.items():
        first[bucket] += count
        second[bucket] += count
