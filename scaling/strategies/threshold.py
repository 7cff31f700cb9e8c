"""The documented rule alone: count what waits, one worker more or one less."""

from dataclasses import dataclass

from scaling.strategies.base import Wish, conclude, hold, is_stale
from scaling.strategies.decision import Limiter, Memory, Outcome, Rule
from scaling.strategies.inputs import Demand, Settings
from scaling.strategies.sentences import explain_threshold


def step(demand: Demand, settings: Settings) -> int:
    """+1 at `scale_up_threshold` waiting tasks, -1 below `scale_down_threshold`, else 0.

    Where MIN is 0, one waiting task is enough for the first worker: nothing else would start it.
    """
    if demand.waiting >= settings.scale_up_threshold or (demand.waiting and not demand.workers):
        return 1
    return -1 if demand.waiting < settings.scale_down_threshold else 0


def rests(demand: Demand, settings: Settings, memory: Memory, direction: int) -> bool:
    """Whether the cooldown after the last change in this direction still runs."""
    last, pause = (
        (memory.raised_at, settings.raise_cooldown)
        if direction > 0
        else (memory.lowered_at, settings.lower_cooldown)
    )
    return last is not None and demand.at - last < pause


@dataclass(frozen=True, slots=True)
class Threshold:
    """Cheap, and late: 50 waiting tasks of 5 s on one worker are four minutes of waiting."""

    name: str = "threshold"

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        """One step towards more or fewer workers, then a pause."""
        if is_stale(demand, settings):
            return hold(demand, settings, memory)
        direction = step(demand, settings)
        reason = explain_threshold(demand, settings)
        wish = Wish(max(0, demand.workers + direction), Rule.THRESHOLD, reason)
        if direction and rests(demand, settings, memory, direction):
            return conclude(demand, settings, memory, wish, demand.workers, Limiter.COOLDOWN)
        return conclude(demand, settings, memory, wish, wish.workers, Limiter.NONE)
