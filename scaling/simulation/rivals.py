"""The rules of other autoscalers, for comparison in the simulator only.

Each is written from its documented rule, at the simulator's tick of ten seconds; the parameters
are its defaults, or the obvious choice for the objective where it has none.
"""

import math
from dataclasses import dataclass

from scaling.strategies.decision import Limiter, Memory, Outcome, Rule
from scaling.strategies.inputs import Demand, Settings
from scaling.strategies.objective import mean_run_time

_TOLERANCE = 0.1  # of the HPA: no change while the ratio is this close to 1
_DOWN_WINDOW = 300.0
_POLL_TICKS = 3  # KEDA looks every 30 s


def _answer(
    demand: Demand, settings: Settings, memory: Memory, wish: int, wishes: Memory | None = None
) -> Outcome:
    wanted = settings.clamp(wish)
    kept = memory if wishes is None else wishes
    now = demand.workers
    after = Memory(
        kept.wishes,
        demand.at if wanted > now else memory.raised_at,
        demand.at if wanted < now else memory.lowered_at,
    )
    return Outcome(wish, wanted, Rule.BACKLOG, Limiter.NONE, "", after)


def _pod_autoscaler(demand: Demand, settings: Settings, memory: Memory, wish: int) -> Outcome:
    """Kubernetes' HPA v2 behind a wish: up by the double or four at once, down to the highest wish
    of five minutes.
    """
    now = demand.workers
    wishes = memory.remember(demand.at, wish, _DOWN_WINDOW)
    wanted = min(wish, max(2 * now, now + 4))
    if wanted < now:
        wanted = min(now, wishes[0][1])
    return _answer(demand, settings, memory, wanted, Memory(wishes))


@dataclass(frozen=True, slots=True)
class Keda:
    """Queue length over T/S tasks for each worker, handed to the HPA."""

    name: str = "keda"
    drains: bool = False

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        """Every 30 s."""
        if int(demand.at // 10) % _POLL_TICKS:
            return _answer(demand, settings, memory, demand.workers)
        each = settings.objective / max(1e-3, mean_run_time(demand, settings)) * settings.slots
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
            return _answer(demand, settings, memory, demand.workers)
        busy = len(demand.ages) / (demand.ready * settings.slots)
        ratio = busy / self.target
        if abs(ratio - 1) <= _TOLERANCE:
            return _pod_autoscaler(demand, settings, memory, demand.workers)
        return _pod_autoscaler(demand, settings, memory, math.ceil(demand.ready * ratio - 1e-9))


@dataclass(frozen=True, slots=True)
class Horizon:
    """Laravel Horizon's `auto` with one queue: all workers while anything waits, by one per 3 s."""

    name: str = "horizon"
    drains: bool = False
    shift: int = 3

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        """Towards MAX or MIN."""
        target = settings.max_workers if demand.waiting else settings.min_workers
        now = demand.workers
        return _answer(
            demand, settings, memory, max(now - self.shift, min(now + self.shift, target))
        )


@dataclass(frozen=True, slots=True)
class Judoscale:
    """The age of the oldest waiting task outside a range moves the number by one.

    Up at most once per start-up; down after ten minutes below the range.
    """

    name: str = "judoscale"
    drains: bool = False
    high: float = 10.0
    low: float = 1.0
    calm: float = 600.0

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        """The moments of unrest are kept where the strategies keep their wishes."""
        last = memory.wishes[-1][0] if memory.wishes else demand.at
        if demand.oldest > self.low:
            last = demand.at
        kept = Memory(((last, 0),))
        now, rest = demand.workers, max(last, memory.lowered_at or 0.0)
        raised = memory.raised_at
        if demand.oldest > self.high:
            is_free = raised is None or demand.at - raised >= demand.startup
            return _answer(demand, settings, memory, now + 1 if is_free else now, kept)
        if demand.at - rest >= self.calm:
            return _answer(demand, settings, memory, now - 1, kept)
        return _answer(demand, settings, memory, now, kept)


@dataclass(frozen=True, slots=True)
class Static:
    """Always MAX: what it costs to never think."""

    name: str = "static"
    drains: bool = True

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        """MAX."""
        return _answer(demand, settings, memory, settings.max_workers)


RIVALS = {each.name: each for each in (Keda(), PodUtilisation(), Horizon(), Judoscale(), Static())}
