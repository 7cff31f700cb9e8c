"""Arrivals per second of a pool, by conservation between two looks."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tasks_app.selectors.arrivals import count_starts
from tasks_app.selectors.demand import Lane

WINDOW_SECONDS = 120.0
SHORTEST_SECONDS = 5.0
_FORGET_AFTER = 2 * WINDOW_SECONDS
_MOST_STARTS = 50_000  # about as many rows one look should read
_LEAST_AGE = 10.0  # seconds, over which the tasks found at the first look are spread

# What holds a lane back; figures of it can be compared only while this stays.
_Rule = tuple[int | None, float | None, float | None] | None


@dataclass(frozen=True, slots=True)
class _Look:
    at: datetime
    waiting: Mapping[int, int]  # by lane


class ArrivalMeter:
    """What became ready between two looks is what waits now, less what waited then, and what has
    started since. Nothing has to be written for it when a task comes.

    A lane that was paused, resumed or limited anew is compared only with looks since then.
    """

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque()
        self._rules: dict[int, _Rule] = {}
        self._changed: dict[int, datetime] = {}
        self._before: tuple[datetime, float] | None = None  # what the first look said
        self._rate = 0.0

    def measure(
        self,
        at: datetime,
        lanes: Sequence[Lane],
        waiting: Mapping[int, int],
        oldest: float,
        objective: float,
    ) -> float:
        """Tasks per second that became ready in the last two minutes before `at`; of very many the
        last seconds, so that about 50,000 rows are read.

        waiting: ready tasks by lane, as `count_ready` counts them. oldest: seconds for which the
        first of them has waited, for the first look of all, which knows nothing else of the past.
        """
        self._note_rules(at, lanes, objective)
        counting = [lane for lane in lanes if not lane.is_paused]
        while self._looks and _age(self._looks[0], at) > _FORGET_AFTER:
            self._looks.popleft()
        wanted = _window(self._rate)
        base = self._choose(at, wanted)
        if base is None:
            rate = _estimate(at, counting, waiting, oldest)
            if not self._looks:
                self._before = (at, rate)
        else:
            rate = self._blend(self._compare(base, at, counting, waiting), base, at, wanted)
        self._looks.append(_Look(at, dict(waiting)))
        self._rate = rate
        return rate

    def _note_rules(self, at: datetime, lanes: Sequence[Lane], objective: float) -> None:
        """A lane that was not there at the last look is new, and had nothing: it is compared with
        any look."""
        rules = {lane.id: _rule(lane, objective) for lane in lanes}
        for lane, rule in rules.items():
            if self._rules.get(lane, rule) != rule:
                self._changed[lane] = at
        self._rules = rules

    def _choose(self, at: datetime, wanted: float) -> _Look | None:
        """The remembered look that is nearest to so many seconds ago."""
        old = [look for look in self._looks if _age(look, at) >= SHORTEST_SECONDS]
        return min(old, key=lambda look: abs(_age(look, at) - wanted), default=None)

    def _compare(
        self, base: _Look, at: datetime, lanes: Sequence[Lane], waiting: Mapping[int, int]
    ) -> float:
        looks = {look.at: look for look in self._looks}
        bases: dict[int, _Look] = {}
        for lane in lanes:
            look = looks.get(max(base.at, self._changed.get(lane.id, base.at)))
            if look is not None and _age(look, at) >= SHORTEST_SECONDS:
                bases[lane.id] = look
        starts = count_starts({lane: look.at for lane, look in bases.items()})
        return sum(
            max(0, waiting.get(lane, 0) - look.waiting.get(lane, 0) + starts.get(lane, 0))
            / _age(look, at)
            for lane, look in bases.items()
        )

    def _blend(self, rate: float, base: _Look, at: datetime, wanted: float) -> float:
        """Of the time before the first look, what that look said of it: a few seconds alone would
        tell more of chance than of the load."""
        if self._before is None or self._before[0] != base.at or _age(base, at) >= wanted:
            return rate
        share = _age(base, at) / wanted
        return share * rate + (1 - share) * self._before[1]


def _age(look: _Look, at: datetime) -> float:
    return (at - look.at).total_seconds()


def _rule(lane: Lane, objective: float) -> _Rule:
    if lane.is_paused:
        return None
    rate = lane.rate_per_second
    return lane.max_running, rate, None if rate is None else objective


def _window(rate: float) -> float:
    """Over how many seconds to measure at this rate."""
    return min(WINDOW_SECONDS, max(SHORTEST_SECONDS, _MOST_STARTS / max(rate, 1.0)))


def _estimate(
    at: datetime, lanes: Sequence[Lane], waiting: Mapping[int, int], oldest: float
) -> float:
    """Without a look to compare with: what started, and what waits spread over the time in which it
    came, unless that is longer than the window."""
    seconds = SHORTEST_SECONDS
    started = _count_since(at, lanes, seconds)
    longer = _window(started / seconds)
    if longer > seconds:
        seconds, started = longer, _count_since(at, lanes, longer)
    rate = started / seconds
    if oldest < WINDOW_SECONDS:
        # What waits in a limited lane has not come lately: it is what the limit allows.
        fresh = sum(waiting.get(lane.id, 0) for lane in lanes if lane.is_free)
        rate += fresh / max(oldest, _LEAST_AGE)
    return rate


def _count_since(at: datetime, lanes: Sequence[Lane], seconds: float) -> int:
    since = at - timedelta(seconds=seconds)
    return sum(count_starts({lane.id: since for lane in lanes}).values())
