"""Sums of the histograms of many roll-ups: by step, type and queue, and in all."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from controlplane.core.errors import Invalid

MAX_ROLLUPS = 200_000  # of all types and queues in a window

# Counts by bucket, whose names are those of JSON.
_Counts = dict[str, int]


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
    # The lanes of a step are added up first: the sums of step and lane then take a count for each
    # moment once.
    for step, of_step in groupby(moments, key=itemgetter(0)):
        merged: dict[tuple[str, int], Pair] = {}
        for _, *texts in of_step:
            types, queues, *histograms = map(orjson.loads, texts)
            left -= len(types)
            if left < 0:
                raise Invalid("There are too many figures in this window. Choose a shorter window.")
            for lane, *pair in zip(zip(types, queues, strict=True), *histograms, strict=True):
                if lane in merged:
                    _merge(merged[lane], pair)
                else:
                    merged[lane] = Pair(*pair)
        in_step = _at(found, ("step", step))
        for lane, (runs, waits) in merged.items():
            in_lane = _at(lanes, lane)
            _add(runs, in_step.runs, in_lane.runs)
            _add(waits, in_step.waits, in_lane.waits)
    # The other sums are those of the few lanes.
    for (type_name, queue), sums in lanes.items():
        for key in (("all", None), ("type", type_name), ("queue", queue)):
            _merge(_at(found, key), sums)
    return found


def _merge(sums: Pair, more: Iterable[_Counts]) -> None:
    for summed, counts in zip(sums, more, strict=True):
        for bucket, count in counts.items():
            summed[bucket] = summed.get(bucket, 0) + count


def _at(sums: dict[Any, Pair], key: Any) -> Pair:
    if key not in sums:
        sums[key] = Pair.empty()
    return sums[key]


def _add(histogram: Mapping[str, int], first: _Counts, second: _Counts) -> None:
    """To both in one pass: there may be a million counts."""
    for bucket, count in histogram.items():
        first[bucket] += count
        second[bucket] += count
