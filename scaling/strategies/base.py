"""The interface of a strategy, and what several of them share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from scaling.strategies.decision import Limiter, Memory, Outcome, Rule
from scaling.strategies.inputs import Demand, Settings
from scaling.strategies.sentences import describe


class Strategy(Protocol):
    """A pure function under a name. The same arguments give the same outcome, at any time."""

    @property
    def name(self) -> str:
        """By which it is chosen."""

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        """How many workers there should be now."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a rule asks for, before limits and damping. reason: the numbers that led to it, in
    words; table: the predicted waits, where these decided."""

    workers: int
    rule: Rule
    reason: str = ""
    table: tuple[tuple[int, float], ...] = ()
    blocked: float = 0.0


def is_stale(demand: Demand, settings: Settings) -> bool:
    """Whether the figures are too old to act upon."""
    return demand.at - demand.measured_at > settings.stale_after


def hold(demand: Demand, settings: Settings, memory: Memory) -> Outcome:
    """Change nothing since the figures are stale; also the limits wait."""
    sentence = (
        f"{demand.workers} workers stay: the figures are {demand.at - demand.measured_at:.0f} s "
        f"old, more than {settings.stale_after:.0f} s."
    )
    return Outcome(demand.workers, demand.workers, Rule.HOLD, Limiter.STALE, sentence, memory)


def stabilise(
    demand: Demand,
    settings: Settings,
    memory: Memory,
    wish: Wish,
    seconds: float,
    *,
    guarded: bool = False,
) -> Outcome:
    """Grow at once; shrink only to the highest wish of the last `seconds`.

    The first decision of a loop, or after a silence of more than `stale_after`, knows nothing of
    the time before it: it takes the workers that it finds as the wish until now, and so shrinks
    nothing for one window. With `guarded`, nothing is drained while `scale_down_threshold` tasks or
    more wait.
    """
    now = demand.workers
    is_new = not memory.wishes or demand.at - memory.wishes[-1][0] > settings.stale_after
    known = Memory(((demand.at, now),), *_changes(memory)) if is_new else memory
    wishes = known.remember(demand.at, wish.workers, seconds)
    highest = wishes[0][1]
    wanted, limiter = wish.workers, Limiter.NONE
    if wanted < now and highest > wanted:
        wanted, limiter = min(now, highest), Limiter.STABILISATION
    if guarded and wanted < now and demand.waiting >= settings.scale_down_threshold:
        wanted, limiter = now, Limiter.WAITING
    return conclude(demand, settings, Memory(wishes, *_changes(memory)), wish, wanted, limiter)


def conclude(
    demand: Demand,
    settings: Settings,
    memory: Memory,
    wish: Wish,
    wanted: int,
    limiter: Limiter,
) -> Outcome:
    """Apply MIN and MAX, note the change, say it in a sentence."""
    allowed = settings.clamp(wanted)
    if allowed != wanted:
        limiter = Limiter.MAX if allowed < wanted else Limiter.MIN
    now = demand.workers
    after = Memory(
        memory.wishes,
        demand.at if allowed > now else memory.raised_at,
        demand.at if allowed < now else memory.lowered_at,
    )
    return Outcome(
        wish=wish.workers,
        wanted=allowed,
        rule=wish.rule,
        limiter=limiter,
        sentence=describe(
            demand,
            settings,
            reason=wish.reason,
            wish=wish.workers,
            wanted=allowed,
            limiter=limiter,
            waits=wish.table,
            rest=_rest(demand, settings, memory, wish.workers),
        ),
        memory=after,
        table=wish.table,
        blocked=wish.blocked,
    )


def around(numbers: Sequence[int], settings: Settings) -> list[int]:
    """These numbers of workers and their neighbours, as far as allowed, in order."""
    near = {n + step for n in numbers for step in (-1, 0, 1)}
    return sorted(n for n in near if settings.min_workers <= n <= settings.max_workers)


def _rest(demand: Demand, settings: Settings, memory: Memory, wish: int) -> float:
    """For how many seconds more the threshold rule rests in the direction of the wish."""
    last, pause = (
        (memory.raised_at, settings.raise_cooldown)
        if wish > demand.workers
        else (memory.lowered_at, settings.lower_cooldown)
    )
    return 0.0 if last is None else max(0.0, last + pause - demand.at)


def _changes(memory: Memory) -> tuple[float | None, float | None]:
    return memory.raised_at, memory.lowered_at
