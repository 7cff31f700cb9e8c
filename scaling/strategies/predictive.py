"""The smallest number of workers whose predicted wait keeps the objective.

The backlog is projected to the moment at which a worker that is requested now would be ready: until
then only ready and starting workers count, without the slots that long tasks hold. From there, for
each number of workers, it is projected through one window; the longest wait in it is the predicted
wait for that number.

`unguarded` is that prediction alone; `predictive`, the default, also keeps the two thresholds.
"""

import math
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial

from scaling import sentences
from scaling.strategies.base import (
    Recommendation,
    conclude,
    cooldown_left,
    is_stale,
    neighbours,
    no_change,
    stabilise,
)
from scaling.strategies.decision import Constraint, Memory, Outcome, Rule
from scaling.strategies.inputs import Demand, Forecast, Settings
from scaling.strategies.runtimes import bin_of
from scaling.strategies.threshold import explain, step

_STEP = 10.0  # seconds
_MIN_SLOTS = 0.2  # of free slots: keeps every wait finite
_NEVER = 1e6  # seconds: longer than any objective, and JSON knows no infinity
_DOUBT = 50  # imaginary tasks
_ROUNDING = 1e-9
_EXACT = 100  # running tasks
_BEYOND_MAX = 8  # how far above the maximum a recommendation is worked out, for the sentence


@dataclass(frozen=True, slots=True)
class Outlook:
    """The part of the prediction that does not depend on the number of workers.

    seconds: run time of a task on a free slot. blocked: slots that long tasks will still hold.
    backlog: tasks that will wait at the moment a new worker is ready. arrivals: tasks in each step
    from that moment on. early: in the steps before it. load: mean number of busy slots: those for
    tasks of up to a minute, and the blocked ones.
    """

    seconds: float
    blocked: float
    backlog: float
    arrivals: tuple[float, ...]
    early: tuple[float, ...]
    load: float

    def wait(self, workers: int, settings: Settings) -> float:
        """The longest wait in the window, in seconds, with this many workers."""
        if workers == 0:
            return _NEVER if self.backlog + sum(self.arrivals) > 0 else 0.0
        free = max(_MIN_SLOTS, workers * settings.slots - self.blocked)
        done = free / self.seconds * _STEP
        backlog = highest = self.backlog
        for arriving in self.arrivals:
            backlog = max(0.0, backlog + arriving - done)
            highest = max(highest, backlog)
        return highest * self.seconds / free


def blocked_slots(demand: Demand) -> float:
    """The expected number of slots that running tasks will still hold after one start-up.

    If there are more than a hundred, tasks in the same bin of the histogram count with their mean
    age.
    """
    run_times, after = demand.run_times, demand.startup
    if len(demand.ages) <= _EXACT:
        return sum(run_times.still_running(age, after) for age in demand.ages)
    by_bin: dict[int, tuple[int, float]] = {}
    # Large fleets are measured in bins: few ages, each many times.
    for age, times in sorted(Counter(demand.ages).items()):
        count, total = by_bin.get(bin_of(age), (0, 0.0))
        by_bin[bin_of(age)] = (count + times, total + times * age)
    return sum(
        count * run_times.still_running(total / count, after) for count, total in by_bin.values()
    )


def look_ahead(demand: Demand, settings: Settings, *, with_forecast: bool) -> Outlook:
    """Project the backlog to the moment at which a worker requested now would be ready."""
    known = demand.run_times.tasks > 0
    seconds = max(1e-4, demand.run_times.capped if known else settings.assumed_run_time)
    blocked = blocked_slots(demand)
    lead = max(1, math.ceil(demand.startup / _STEP))
    arrivals = _arrivals(demand, lead + math.ceil(settings.window / _STEP), with_forecast)
    backlog = float(demand.waiting)
    for k in range(lead):
        ready = demand.ready + sum(1 for eta in demand.starting if eta <= k * _STEP)
        free = max(_MIN_SLOTS, ready * settings.slots - blocked) if ready else 0.0
        backlog = max(0.0, backlog + arrivals[k] - free / seconds * _STEP)
    load = demand.per_second * seconds + blocked
    return Outlook(seconds, blocked, backlog, tuple(arrivals[lead:]), tuple(arrivals[:lead]), load)


def safety_factor(demand: Demand, settings: Settings) -> float:
    """Between 0 and 1: 0 when nearly all tasks of the last hour were on time, 1 near the goal.

    1 at 30 % of the way from the goal to 100 %, 0 at 80 %, straight between. 50 imaginary tasks at
    40 % are added to the measured ones, so that few tasks have little weight.
    """
    rest = 1 - settings.goal
    if rest <= 0:
        return 1.0
    doubt = _DOUBT * (settings.goal + 0.4 * rest)
    share = (demand.on_time + doubt) / (demand.started + _DOUBT)
    return min(1.0, max(0.0, (settings.goal + 0.8 * rest - share) / (0.5 * rest)))


@dataclass(frozen=True, slots=True)
class Choice:
    """A number of workers with its reasons. limit: the longest wait allowed, in seconds; slots:
    those needed for the load; is_scale_in: it is the margin that a removal must leave."""

    workers: int
    rule: Rule
    outlook: Outlook
    limit: float
    slots: float
    is_scale_in: bool = False


def choose_workers(demand: Demand, settings: Settings, outlook: Outlook) -> Choice:
    """The smallest number of workers that is enough for the wait and for the load.

    With a safety factor κ the predicted wait may use 1 - κ(1 - minimum_wait_share) of the
    objective, and the slots must be a + β(2κ - 1)√a for a load a and the headroom β: the
    square-root rule of staffing, and below it as long as enough tasks are on time. Before it scales
    in, the scale-in margin must remain: the wait must be much shorter and the slots more than that,
    so that noise does not remove workers that are needed again soon; and a removed worker is
    missing at once, so here the wait is projected from now on.
    """
    factor = safety_factor(demand, settings)
    limit = settings.objective_seconds * (1 - factor * (1 - settings.minimum_wait_share))
    enough = _find_smallest(settings, outlook, limit, settings.headroom * (2 * factor - 1))
    now = demand.workers
    if enough.workers >= now:
        return enough
    from_now = replace(
        outlook, backlog=float(demand.waiting), arrivals=outlook.early + outlook.arrivals
    )
    scale_in = _find_smallest(
        settings, from_now, limit * settings.scale_in_wait_share, settings.scale_in_headroom
    )
    if enough.workers > scale_in.workers:
        return enough
    return replace(scale_in, workers=min(now, scale_in.workers), is_scale_in=True)


def _find_smallest(settings: Settings, outlook: Outlook, limit: float, headroom: float) -> Choice:
    """The wait decreases with every worker, so a binary search finds the number."""
    slots = outlook.load + headroom * math.sqrt(outlook.load)
    low = max(settings.min_workers, math.ceil(slots / settings.slots - _ROUNDING))
    if outlook.wait(low, settings) <= limit:
        rule = Rule.MINIMUM if low == settings.min_workers else Rule.LOAD
        return Choice(low, rule, outlook, limit, slots)
    high = max(low + 1, settings.max_workers * _BEYOND_MAX)
    while high - low > 1:
        middle = (low + high) // 2
        if outlook.wait(middle, settings) <= limit:
            high = middle
        else:
            low = middle
    return Choice(high, Rule.WAIT, outlook, limit, slots)


def recommend(demand: Demand, settings: Settings) -> Recommendation:
    """Based on the measurements, or on the forecast if that gives more workers."""
    choice = choose_workers(demand, settings, look_ahead(demand, settings, with_forecast=False))
    forecast = demand.forecast
    if settings.use_forecast and forecast is not None and forecast.trusted:
        outlook = look_ahead(demand, settings, with_forecast=True)
        raised = choose_workers(demand, settings, outlook)
        if raised.workers > choice.workers:
            found = _explain_choice(demand, settings, raised)
            reason = sentences.forecast(sentences.FORECAST, found.reason)
            return replace(found, rule=Rule.FORECAST, reason=reason)
    return _explain_choice(demand, settings, choice)


def _explain_choice(demand: Demand, settings: Settings, choice: Choice) -> Recommendation:
    waits: sentences.Waits = ()
    objective = settings.objective_seconds
    if choice.rule is Rule.WAIT:
        waits = _predict_waits(demand, settings, choice)
        if choice.is_scale_in:
            reason = sentences.scale_in_wait(waits, choice.limit, objective)
        else:
            reason = sentences.wait(waits, choice.limit, demand.startup, objective)
    elif choice.rule is Rule.LOAD:
        load, slots = choice.outlook.load, choice.slots
        if choice.is_scale_in:
            reason = sentences.scale_in_load(load, slots)
        else:
            reason = sentences.load(load, slots, choice.workers, settings.slots)
    else:
        reason = sentences.minimum(settings.min_workers)
    table = tuple((n, round(wait, 1)) for n, wait in waits)
    return Recommendation(
        choice.workers, choice.rule, reason, table, round(choice.outlook.blocked, 3)
    )


def _predict_waits(demand: Demand, settings: Settings, choice: Choice) -> sentences.Waits:
    chosen = [settings.clamp(choice.workers), settings.clamp(demand.workers)]
    return [(n, choice.outlook.wait(n, settings)) for n in neighbours(chosen, settings)]


def _arrivals(demand: Demand, steps: int, with_forecast: bool) -> list[float]:
    """Tasks in each step from now on: measured and scheduled ones, or the forecast if that is
    more."""
    arrivals = [demand.per_second * _STEP] * steps
    for each in demand.expected:
        k = math.floor((each.at - demand.at) / _STEP)
        if 0 <= k < steps:
            arrivals[k] += each.tasks
    if with_forecast and demand.forecast is not None:
        _raise_to_forecast(arrivals, demand, demand.forecast)
    return arrivals


def _raise_to_forecast(arrivals: list[float], demand: Demand, forecast: Forecast) -> None:
    """A minute with a forecast of more than twice the measured arrivals belongs to a schedule: the
    whole surplus arrives at its start, unless it is already known. Otherwise the tasks of a minute
    arrive evenly.
    """
    measured = demand.per_second * 60
    for minute, tasks in enumerate(forecast.per_minute):
        begin = math.floor((forecast.start + 60.0 * minute - demand.at) / _STEP)
        steps = range(max(0, begin), min(begin + 6, len(arrivals)))
        if tasks > 2 * measured:
            if 0 <= begin < len(arrivals):
                known = sum(arrivals[k] for k in steps) - measured * len(steps) / 6
                arrivals[begin] += max(0.0, tasks - measured - known)
        else:
            for k in steps:
                arrivals[k] = max(arrivals[k], tasks / 6)


@dataclass(frozen=True, slots=True)
class Predictive:
    """The default: the prediction, and both thresholds kept.

    At `scale_up_threshold` waiting tasks it scales out at least as far as the threshold rule would,
    and while `scale_down_threshold` or more wait it does not scale in.
    """

    name: str = "predictive"

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        if is_stale(demand, settings):
            return no_change(demand, settings, memory)
        predicted = recommend(demand, settings)
        conclude_stable = partial(
            stabilise,
            demand,
            settings,
            memory,
            seconds=settings.stabilisation_seconds,
            guarded=True,
        )
        is_behind = predicted.workers <= demand.workers < settings.max_workers
        if step(demand, settings) <= 0 or not is_behind:
            return conclude_stable(recommendation=predicted)
        raised = Recommendation(
            demand.workers + 1, Rule.THRESHOLD, explain(demand, settings), blocked=predicted.blocked
        )
        if not cooldown_left(demand, settings, memory, +1):
            return conclude_stable(recommendation=raised)
        kept = conclude_stable(recommendation=predicted)
        if kept.desired != demand.workers:
            return kept
        # The sentence shows that the threshold is reached, and when its cooldown ends.
        return conclude(demand, settings, kept.memory, raised, kept.desired, Constraint.COOLDOWN)


@dataclass(frozen=True, slots=True)
class Unguarded:
    """The prediction alone, without the documented thresholds."""

    name: str = "unguarded"

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        if is_stale(demand, settings):
            return no_change(demand, settings, memory)
        predicted = recommend(demand, settings)
        return stabilise(demand, settings, memory, predicted, settings.stabilisation_seconds)
