"""Only the documented rule: add or remove one worker by the number of waiting tasks."""

from dataclasses import dataclass

from scaling import sentences
from scaling.strategies.base import Recommendation, conclude, cooldown_left, is_stale, no_change
from scaling.strategies.decision import Constraint, Memory, Outcome, Rule
from scaling.strategies.inputs import Demand, Settings


def step(demand: Demand, settings: Settings) -> int:
    """+1 at `scale_up_threshold` waiting tasks, -1 below `scale_down_threshold`, else 0.

    Where the minimum is 0, one waiting task is enough for the first worker: nothing else would
    start it.
    """
    if demand.waiting >= settings.scale_up_threshold or (demand.waiting and not demand.workers):
        return 1
    return -1 if demand.waiting < settings.scale_down_threshold else 0


def explain(demand: Demand, settings: Settings) -> str:
    return sentences.threshold(
        demand.waiting,
        demand.workers,
        settings.scale_up_threshold,
        settings.scale_down_threshold,
    )


@dataclass(frozen=True, slots=True)
class Threshold:
    """Cheap, but late: 50 waiting tasks of 5 s on one worker take four minutes."""

    name: str = "threshold"

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        if is_stale(demand, settings):
            return no_change(demand, settings, memory)
        direction = step(demand, settings)
        reason = explain(demand, settings)
        workers = max(0, demand.workers + direction)
        recommendation = Recommendation(workers, Rule.THRESHOLD, reason)
        if direction and cooldown_left(demand, settings, memory, direction):
            return conclude(
                demand, settings, memory, recommendation, demand.workers, Constraint.COOLDOWN
            )
        return conclude(demand, settings, memory, recommendation, workers, Constraint.NONE)
