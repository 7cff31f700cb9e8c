"""The interface of a strategy, and shared functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from scaling import sentences
from scaling.strategies.decision import Constraint, Memory, Outcome, Rule
from scaling.strategies.inputs import Demand, Settings


class Strategy(Protocol):
    """A named pure function. The same arguments always give the same outcome."""

    @property
    def name(self) -> str:
        """The name in the configuration."""

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        """The desired number of workers now."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The number from a rule, before limits and stabilisation. reason: the figures that led to it,
    in a sentence; table: the predicted waits, if these decided."""

    workers: int
    rule: Rule
    reason: str = ""
    table: tuple[tuple[int, float], ...] = ()
    blocked: float = 0.0


def is_stale(demand: Demand, settings: Settings) -> bool:
    """Whether the measurements are too old to act on."""
    return demand.at - demand.measured_at > settings.stale_after


def no_change(demand: Demand, settings: Settings, memory: Memory) -> Outcome:
    """Change nothing because the measurements are stale, not even to keep the limits."""
    age = demand.at - demand.measured_at
    sentence = sentences.stale(demand.workers, age, settings.stale_after)
    return Outcome(
        demand.workers, demand.workers, Rule.NO_CHANGE, Constraint.STALE, sentence, memory
    )


def stabilise(
    demand: Demand,
    settings: Settings,
    memory: Memory,
    recommendation: Recommendation,
    seconds: float,
    *,
    guarded: bool = False,
) -> Outcome:
    """Scale out at once; scale in only to the highest recommendation of the last `seconds`. The
    first decision of a loop, or after a gap of more than `stale_after`, has no earlier
    recommendations: it uses the present number of workers instead, and so does not scale in for one
    window. With `guarded`, nothing is removed while `scale_down_threshold` tasks or more wait.
    """
    now = demand.workers
    last = memory.recommendations[-1][0] if memory.recommendations else None
    is_new = last is None or demand.at - last > settings.stale_after
    known = Memory(((demand.at, now),), *_changes(memory)) if is_new else memory
    recommendations = known.remember(demand.at, recommendation.workers, seconds)
    highest = recommendations[0][1]
    desired, constraint = recommendation.workers, Constraint.NONE
    if desired < now and highest > desired:
        desired, constraint = min(now, highest), Constraint.STABILISATION
    if guarded and desired < now and demand.waiting >= settings.scale_down_threshold:
        desired, constraint = now, Constraint.WAITING
    after = Memory(recommendations, *_changes(memory))
    return conclude(
        demand, settings, after, recommendation, desired, constraint, stabilisation=seconds
    )


def conclude(
    demand: Demand,
    settings: Settings,
    memory: Memory,
    recommendation: Recommendation,
    desired: int,
    constraint: Constraint,
    *,
    stabilisation: float = 0.0,
) -> Outcome:
    """Apply the minimum and the maximum, note the change, describe it in a sentence."""
    allowed = settings.clamp(desired)
    if allowed != desired:
        constraint = Constraint.MAX if allowed < desired else Constraint.MIN
    now = demand.workers
    parts = [
        sentences.change(now, allowed),
        sentences.demand(
            demand.waiting,
            demand.per_second,
            demand.run_times.mean,
            max(demand.ages, default=0.0),
            demand.startup,
        ),
        recommendation.reason,
        _explain(constraint, demand, settings, memory, recommendation, stabilisation),
    ]
    return Outcome(
        recommended=recommendation.workers,
        desired=allowed,
        rule=recommendation.rule,
        constraint=constraint,
        sentence=" ".join(filter(None, parts)),
        memory=Memory(
            memory.recommendations,
            demand.at if allowed > now else memory.raised_at,
            demand.at if allowed < now else memory.lowered_at,
        ),
        table=recommendation.table,
        blocked=recommendation.blocked,
    )


def neighbours(numbers: Sequence[int], settings: Settings) -> list[int]:
    """These numbers of workers with one more and one less, within the limits, in order."""
    near = {n + step for n in numbers for step in (-1, 0, 1)}
    return sorted(n for n in near if settings.min_workers <= n <= settings.max_workers)


def cooldown_left(demand: Demand, settings: Settings, memory: Memory, direction: int) -> float:
    """Seconds until the cooldown after the last change in this direction ends; 0: it has ended."""
    last, pause = (
        (memory.raised_at, settings.cooldown_seconds)
        if direction > 0
        else (memory.lowered_at, settings.down_cooldown_seconds)
    )
    return 0.0 if last is None else max(0.0, last + pause - demand.at)


def _explain(
    constraint: Constraint,
    demand: Demand,
    settings: Settings,
    memory: Memory,
    recommendation: Recommendation,
    stabilisation: float,
) -> str:
    number = recommendation.workers
    match constraint:
        case Constraint.MAX:
            return sentences.limited_by_maximum(number, settings.max_workers, recommendation.table)
        case Constraint.MIN:
            return sentences.limited_by_minimum(number, settings.min_workers)
        case Constraint.WAITING:
            return sentences.limited_by_waiting(number, settings.scale_down_threshold)
        case Constraint.COOLDOWN:
            left = cooldown_left(demand, settings, memory, number - demand.workers)
            return sentences.limited_by_cooldown(number, left)
        case Constraint.STABILISATION:
            return sentences.limited_by_stabilisation(number, stabilisation)
    return ""


def _changes(memory: Memory) -> tuple[float | None, float | None]:
    return memory.raised_at, memory.lowered_at
