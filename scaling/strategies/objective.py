"""Units of time instead of tasks: enough workers for the load, and for the backlog in time."""

import math
from dataclasses import dataclass

from scaling.strategies.base import Wish, hold, is_stale, stabilise
from scaling.strategies.decision import Memory, Outcome, Rule
from scaling.strategies.inputs import Demand, Settings

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
        measured = self._workers(demand, settings, demand.per_second)
        foreseen = self._workers(demand, settings, _foreseen(demand, settings))
        rule = Rule.LOAD if demand.waiting == 0 else Rule.BACKLOG
        wish = Wish(max(measured, foreseen), Rule.FORECAST if foreseen > measured else rule)
        return stabilise(demand, settings, memory, wish, settings.hold)

    def _workers(self, demand: Demand, settings: Settings, rate: float) -> int:
        seconds = mean_run_time(demand, settings)
        slots = rate * seconds / _BUSY + demand.waiting * seconds / settings.objective
        return max(settings.min_workers, math.ceil(slots / settings.slots - 1e-9))


def _foreseen(demand: Demand, settings: Settings) -> float:
    """The highest rate in the minute after one start-up from now, from forecast and schedules."""
    begin, end = demand.at + demand.startup, demand.at + demand.startup + settings.window
    known = sum(each.tasks for each in demand.expected if begin <= each.at < end) / settings.window
    forecast = demand.forecast
    if forecast is None or not forecast.trusted or not settings.use_forecast:
        return demand.per_second + known
    return max(demand.per_second + known, forecast.rate(begin), forecast.rate(end))
