"""The rules of other autoscalers, for comparison in the simulator only.

Each is written from its documented rule, at the simulator's tick of ten seconds; the parameters
are its defaults, or the obvious choice for the objective where it has none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scaling.simulation.engine import Policy
from scaling.simulation.runner import Drained
from scaling.strategies import STRATEGIES
from scaling.strategies.decision import Constraint, Memory, Outcome, Rule
from scaling.strategies.inputs import Demand, Settings
from scaling.strategies.objective import mean_run_time

_TOLERANCE = 0.1  # of the HPA: no change while the ratio is this close to 1
_DOWN_WINDOW = 300.0
_POLL_TICKS = 3  # KEDA looks every 30 s


def _conclude(
    demand: Demand,
    settings: Settings,
    memory: Memory,
    recommended: int,
    kept: Memory | None = None,
) -> Outcome:
    desired = settings.clamp(recommended)
    before = memory if kept is None else kept
    now = demand.workers
    after = Memory(
        before.recommendations,
        demand.at if desired > now else memory.raised_at,
        demand.at if desired < now else memory.lowered_at,
    )
    return Outcome(recommended, desired, Rule.BACKLOG, Constraint.NONE, "", after)


def _pod_autoscaler(
    demand: Demand, settings: Settings, memory: Memory, recommended: int
) -> Outcome:
    """Kubernetes' HPA v2 behind a recommendation: up to twice the number or by four at once, down
    to the highest recommendation of five minutes.
    """
    now = demand.workers
    recommendations = memory.remember(demand.at, recommended, _DOWN_WINDOW)
    desired = min(recommended, max(2 * now, now + 4))
    if desired < now:
        desired = min(now, recommendations[0][1])
    return _conclude(demand, settings, memory, desired, Memory(recommendations))


@dataclass(frozen=True, slots=True)
class Keda:
    """Queue length over T/S tasks for each worker, handed to the HPA."""

    name: str = "keda"
    drains: bool = False

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        """Every 30 s."""
        if int(demand.at // 10) % _POLL_TICKS:
            return _conclude(demand, settings, memory, demand.workers)
        each = (
            settings.objective_seconds / max(1e-3, mean_run_time(demand, settings)) * settings.slots
        )
        ratio = demand.waiting / each / max(1, demand.workers)
        if abs(ratio - 1) <= _TOLERANCE:
            return _pod_autoscaler(demand, settings, memory, demand.workers)
        return _pod_autoscaler(demand, settings, memory, math.ceil(demand.waiting / each))


@dataclass(frozen=True, slots=True)
class PodUtilisation:
    """The HPA on the share of busy slots; 70 % is its target."""

    name: str = "hpa"
    drains: bool = False
    target: float = 0.7

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        """ceil(ready * utilisation / target)."""
        if not demand.ready:
            return _conclude(demand, settings, memory, demand.workers)
        busy = len(demand.ages) / (demand.ready * settings.slots)
        ratio = busy / self.target
        if abs(ratio - 1) <= _TOLERANCE:
            return _pod_autoscaler(demand, settings, memory, demand.workers)
        return _pod_autoscaler(demand, settings, memory, math.ceil(demand.ready * ratio - 1e-9))


@dataclass(frozen=True, slots=True)
class Horizon:
    """Laravel Horizon's `auto` with one queue: towards the maximum while tasks wait, by one every 3
    s."""

    name: str = "horizon"
    drains: bool = False
    shift: int = 3

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        """Towards the maximum or the minimum."""
        target = settings.max_workers if demand.waiting else settings.min_workers
        now = demand.workers
        return _conclude(
            demand, settings, memory, max(now - self.shift, min(now + self.shift, target))
        )


@dataclass(frozen=True, slots=True)
class Judoscale:
    """Changes the number by one when the age of the oldest waiting task leaves a range: up at most
    once per start-up, down after ten minutes below the range.
    """

    name: str = "judoscale"
    drains: bool = False
    high: float = 10.0
    low: float = 1.0
    quiet: float = 600.0

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        """The times of load are stored where the strategies store their recommendations."""
        last = memory.recommendations[-1][0] if memory.recommendations else demand.at
        if demand.oldest > self.low:
            last = demand.at
        kept = Memory(((last, 0),))
        now, rest = demand.workers, max(last, memory.lowered_at or 0.0)
        raised = memory.raised_at
        if demand.oldest > self.high:
            is_free = raised is None or demand.at - raised >= demand.startup
            return _conclude(demand, settings, memory, now + 1 if is_free else now, kept)
        if demand.at - rest >= self.quiet:
            return _conclude(demand, settings, memory, now - 1, kept)
        return _conclude(demand, settings, memory, now, kept)


@dataclass(frozen=True, slots=True)
class Static:
    """Always the maximum."""

    name: str = "static"
    drains: bool = True

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        return _conclude(demand, settings, memory, settings.max_workers)


BASELINES: dict[str, Policy] = {
    each.name: each for each in (Keda(), PodUtilisation(), Horizon(), Judoscale(), Static())
}


def policies(names: Sequence[str]) -> list[Policy]:
    """Strategies and baselines by name. Raises KeyError for an unknown one."""
    return [Drained(name) if name in STRATEGIES else BASELINES[name] for name in names]
