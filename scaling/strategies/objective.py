"""Units of time instead of tasks: enough workers for the load, and for the backlog in time."""

import math
from dataclasses import dataclass

from scaling import sentences
from scaling.strategies.base import Recommendation, is_stale, no_change, stabilise
from scaling.strategies.decision import Memory, Outcome, Rule
from scaling.strategies.inputs import Demand, Settings

_BUSY = 0.95  # the share of its time for which a worker may be busy in the long run
_WINDOWS = 3  # this rule has no other damping: it is stabilised for three times as long


def mean_run_time(demand: Demand, settings: Settings) -> float:
    """Seconds; an assumption until the first task has ended."""
    return demand.run_times.mean if demand.run_times.tasks else settings.assumed_run_time


@dataclass(frozen=True, slots=True)
class Objective:
    """λS/0.95 + Q·S/T: arrivals per second λ, run time S, waiting tasks Q, objective T.

    The first term keeps up with arrivals; the second starts waiting tasks within the objective. λ
    is the measured rate, or the rate that a trusted forecast predicts for one start-up from now, if
    higher.
    """

    name: str = "objective"

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        if is_stale(demand, settings):
            return no_change(demand, settings, memory)
        recommendation = self._recommend(demand, settings, demand.per_second)
        rate, model = _predict_rate(demand, settings)
        predicted = self._recommend(demand, settings, rate)
        if predicted.workers > recommendation.workers:
            reason = sentences.forecast(model, predicted.reason)
            recommendation = Recommendation(predicted.workers, Rule.FORECAST, reason)
        seconds = _WINDOWS * settings.stabilisation_seconds
        return stabilise(demand, settings, memory, recommendation, seconds)

    def _recommend(self, demand: Demand, settings: Settings, rate: float) -> Recommendation:
        seconds = mean_run_time(demand, settings)
        arriving = rate * seconds / _BUSY
        waiting = demand.waiting * seconds / settings.objective_seconds
        needed = math.ceil((arriving + waiting) / settings.slots - 1e-9)
        rule = Rule.LOAD if demand.waiting == 0 else Rule.BACKLOG
        if needed < settings.min_workers:
            reason = sentences.minimum(settings.min_workers)
            return Recommendation(settings.min_workers, rule, reason)
        reason = sentences.load_and_backlog(
            arriving, waiting, needed, settings.slots, settings.objective_seconds
        )
        return Recommendation(needed, rule, reason)


def _predict_rate(demand: Demand, settings: Settings) -> tuple[float, str]:
    """The highest rate in the minute after one start-up from now, and where it comes from."""
    begin, end = demand.at + demand.startup, demand.at + demand.startup + settings.window
    known = sum(each.tasks for each in demand.expected if begin <= each.at < end) / settings.window
    scheduled = demand.per_second + known
    forecast = demand.forecast
    if forecast is None or not forecast.trusted or not settings.use_forecast:
        return scheduled, sentences.SCHEDULE
    rate = max(forecast.rate(begin), forecast.rate(end))
    if rate > scheduled:
        return rate, sentences.FORECAST
    return scheduled, sentences.SCHEDULE
