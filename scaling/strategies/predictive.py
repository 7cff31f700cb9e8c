"""The default: the prediction, with the documented thresholds kept as guards around it; and the
prediction alone."""

from dataclasses import dataclass
from functools import partial

from scaling.strategies.base import Wish, conclude, hold, is_stale, stabilise
from scaling.strategies.decision import Limiter, Memory, Outcome, Rule
from scaling.strategies.inputs import Demand, Settings
from scaling.strategies.prediction import wish_for
from scaling.strategies.sentences import explain_threshold
from scaling.strategies.threshold import rests, step


@dataclass(frozen=True, slots=True)
class Predictive:
    """Whoever relies on the two thresholds finds them kept.

    At `scale_up_threshold` waiting tasks it grows at least as the threshold rule would, and while
    `scale_down_threshold` or more wait it drains nothing.
    """

    name: str = "predictive"

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        """As predicted, but never behind the thresholds."""
        if is_stale(demand, settings):
            return hold(demand, settings, memory)
        wish = wish_for(demand, settings)
        predicted = partial(
            stabilise, demand, settings, memory, seconds=settings.short_hold, guarded=True
        )
        is_behind = wish.workers <= demand.workers < settings.max_workers
        if step(demand, settings) <= 0 or not is_behind:
            return predicted(wish=wish)
        reason = explain_threshold(demand, settings)
        raised = Wish(demand.workers + 1, Rule.THRESHOLD, reason, blocked=wish.blocked)
        if not rests(demand, settings, memory, +1):
            return predicted(wish=raised)
        kept = predicted(wish=wish)
        if kept.wanted != demand.workers:
            return kept
        # It is said that the threshold is reached, and when its rest is over.
        return conclude(demand, settings, kept.memory, raised, kept.wanted, Limiter.COOLDOWN)


@dataclass(frozen=True, slots=True)
class Unguarded:
    """The prediction alone, without the documented thresholds."""

    name: str = "unguarded"

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        """Grow at once; shrink after the stabilisation window."""
        if is_stale(demand, settings):
            return hold(demand, settings, memory)
        return stabilise(demand, settings, memory, wish_for(demand, settings), settings.short_hold)
