"""Units of time instead of tasks: enough workers for the load, and for the backlog in time."""

import math
from dataclasses import dataclass

from scaling.strategies.base import Wish, hold, is_stale, stabilise
from scaling.strategies.decision import Memory, Outcome, Rule
from scaling.strategies.inputs import Demand, Settings
from scaling.strategies.sentences import explain_floor, explain_forecast, explain_objective

_BUSY = 0.95  # the share of its time for which a worker may be busy in the long run


def mean_run_time(demand: Demand, settings: Settings) -> float:
    """Seconds; what is assumed as long as no task has ended."""
    return demand.run_times.mean if demand.run_times.tasks else settings.assumed


@dataclass(frozen=True, slots=True)
class Objective:
    """λS/0.95 + Q·S/T: arrivals per second λ, run time S, waiting tasks Q, objective T.

    The first term keeps up with what arrives; the second starts what waits within the objective.
    λ is the measured rate or what a trusted forecast says for one start-up from now, if more.
    """

    name: str = "objective"

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        """The sum of both terms, rounded up; down after the stabilisation window."""
        if is_stale(demand, settings):
            return hold(demand, settings, memory)
        measured = self._wish(demand, settings, demand.per_second)
        foreseen = self._wish(demand, settings, _foreseen(demand, settings))
        wish = measured
        if foreseen.workers > measured.workers:
            reason = explain_forecast(demand, foreseen.reason)
            wish = Wish(foreseen.workers, Rule.FORECAST, reason)
        return stabilise(demand, settings, memory, wish, settings.hold)

    def _wish(self, demand: Demand, settings: Settings, rate: float) -> Wish:
        seconds = mean_run_time(demand, settings)
        arriving = rate * seconds / _BUSY
        waiting = demand.waiting * seconds / settings.objective
        needed = math.ceil((arriving + waiting) / settings.slots - 1e-9)
        rule = Rule.LOAD if demand.waiting == 0 else Rule.BACKLOG
        if needed < settings.min_workers:
            return Wish(settings.min_workers, rule, explain_floor(settings))
        return Wish(needed, rule, explain_objective(arriving, waiting, needed, settings))


def _foreseen(demand: Demand, settings: Settings) -> float:
    """The highest rate in the minute after one start-up from now, from forecast and schedules."""
    begin, end = demand.at + demand.startup, demand.at + demand.startup + settings.window
    known = sum(each.tasks for each in demand.expected if begin <= each.at < end) / settings.window
    forecast = demand.forecast
    if forecast is None or not forecast.trusted or not settings.use_forecast:
        return demand.per_second + known
    return max(demand.per_second + known, forecast.rate(begin), forecast.rate(end))
