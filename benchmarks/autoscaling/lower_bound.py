"""A lower bound for the cost of every schedule that starts every task within the objective.

The relaxed problem. Time is cut into steps of Δ seconds. W is the work done until each grid point,
R the mean number of workers in each step.

- W stays at or below A, the work that could be done by then: each task from its arrival on, one
  second per second.
- W stays at or above D, the work that must be done by then: each task from its arrival plus the
  objective on. For a schedule without a late task both hold at every moment, so on the grid too.
- R·slots·Δ is at least the growth of W in each step, and R at least MIN.
- Paid are the worker-seconds of R, and for each worker that is added the shortest start-up c.
  The sum of the rises of step means is at most that of the rises of the real number of workers, so
  the relaxation counts no launch too many.

Workers may be fractional and tasks may be cut and moved between workers at will, so the cheapest
solution of this linear program costs no more than any real schedule.

The cheapest solution needs no solver. Let w be the slopes of the taut string: the shortest path
from 0 to D's end between D and A. Take max(w/slots, MIN), and fill every dip that is shorter than
c, at each level for itself (there keeping a worker costs less than launching it again). It is
optimal: prices μ of work in each step that prove it (the dual solution) are constant on each
piece of the string, rise only where the string steepens, and fall only where it flattens: a peak of
length l costs 1 + c/l per second, a dip of length g at least c costs 1 - c/g, a filled dip 0, what
lies between 1. The string steepens only where it touches A, and flattens only where it touches D.
So no other path between D and A costs less at these prices, and at these prices no plan of workers
costs less than the work is worth.
"""

import math
from collections.abc import Sequence

from scaling.simulation.traces import Trace
from scaling.strategies.inputs import Settings

STEP = 10.0


def lower_bound(trace: Trace, settings: Settings, startup: float) -> float:
    """Worker-seconds. startup: the shortest time for which a worker is paid before it is ready.

    Where MAX workers cannot start every task in time, the work that must be done is what they can
    do at most: the least late schedule.
    """
    steps = int(-(-trace.seconds // STEP))
    arrived = possible_work(trace.arrivals, trace.run_times, steps)
    late = [at + settings.objective_seconds for at in trace.arrivals]
    due = possible_work(late, trace.run_times, steps)
    fastest = 0.0
    most = settings.max_workers * settings.slots * STEP
    for k in range(1, steps + 1):
        fastest = min(arrived[k], fastest + most)
        due[k] = min(due[k], fastest)
    work = taut_string(due, arrived)
    least = float(settings.min_workers)
    needed = [max(least, done / STEP / settings.slots) for done in work]
    kept = fill_dips(needed, math.ceil(startup / STEP))
    launches, before = 0.0, least
    for workers in kept:
        launches += max(0.0, workers - before)
        before = workers
    return sum(kept) * STEP + launches * startup


def possible_work(begins: Sequence[float], run_times: Sequence[float], steps: int) -> list[float]:
    """At each grid point, seconds of work done if each task begins at its moment and runs through.

    The number of running tasks changes by one at each begin and each end; its integral is a sum of
    ramps, which is gathered by step.
    """
    slopes, offsets = [0.0] * (steps + 1), [0.0] * (steps + 1)
    for begin, duration in zip(begins, run_times, strict=True):
        for at, sign in ((begin, 1.0), (begin + duration, -1.0)):
            k = int(-(-at // STEP))  # the first grid point at or after it
            if k <= steps:
                slopes[k] += sign
                offsets[k] += sign * at
    done, slope, offset = [], 0.0, 0.0
    for k in range(steps + 1):
        slope += slopes[k]
        offset += offsets[k]
        done.append(slope * k * STEP - offset)
    return done


def taut_string(low: Sequence[float], high: Sequence[float]) -> list[float]:
    """The rises of the shortest path from `low[0]` to `low[-1]` with low <= path <= high.

    From an anchor the path goes straight as long as some slope stays between both; else it turns at
    the point that was the last to limit it. Both must be non-decreasing.
    """
    last = len(low) - 1
    rises: list[float] = []
    anchor, height = 0, low[0]
    while anchor < last:
        anchor_to, slope = _straight(low, high, anchor, height, last)
        rises += [slope] * (anchor_to - anchor)
        height += slope * (anchor_to - anchor)
        anchor = anchor_to
    return rises


def fill_dips(values: Sequence[float], shorter_than: int) -> list[float]:
    """Raise every dip of fewer steps to its lower shoulder, at each level for itself.

    A closing: the least, over the windows around a step, of the highest in the window.
    """
    width = max(1, shorter_than)
    highest = [max(values[k : k + width]) for k in range(len(values) - width + 1)]
    if not highest:
        return list(values)
    # A window that reaches over an end holds nothing more to be kept for: there is no shoulder.
    ends = [max(values[:k]) for k in range(1, width)], [max(values[-k:]) for k in range(1, width)]
    covered = ends[0] + highest + ends[1][::-1]
    return [min(covered[k : k + width]) for k in range(len(values))]


def _straight(
    low: Sequence[float], high: Sequence[float], anchor: int, height: float, last: int
) -> tuple[int, float]:
    """Where the straight piece from an anchor ends, and its rise per step."""
    least, least_at = float("-inf"), anchor
    most, most_at = float("inf"), anchor
    for k in range(anchor + 1, last + 1):
        over = (low[k] - height) / (k - anchor)
        under = ((low if k == last else high)[k] - height) / (k - anchor)
        if over > most:  # it must turn up where the upper limit pressed it down
            return most_at, most
        if under < least:  # it must turn down where the lower limit held it up
            return least_at, least
        if over >= least:
            least, least_at = over, k
        if under <= most:
            most, most_at = under, k
    return last, most
