"""Arrivals per second of a pool, computed from the backlog and the starts between two
measurements."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from controlplane.core.sql import load_sql
from scaling.queries.lanes import Lane

WINDOW_SECONDS = 120.0
SHORTEST_SECONDS = 5.0
_FORGET_AFTER = 2 * WINDOW_SECONDS
_MAX_STARTS = 50_000  # about as many rows one look should read
# Seconds over which the tasks of the first measurement are spread: a new burst does not predict
# later arrivals.
_MIN_AGE = 30.0

# What holds a lane back; figures of it can be compared only while this stays.
_Rule = tuple[int | None, float | None, float | None] | None


@dataclass(frozen=True, slots=True)
class _Look:
    """waiting: by lane. pace: attempts that started per second, as measured then."""

    at: datetime
    waiting: Mapping[int, int]
    pace: float


@dataclass(frozen=True, slots=True)
class _Past:
    """The estimate of the first measurement for the `seconds` before it: arrivals per second."""

    at: datetime
    per_second: float
    seconds: float


class ArrivalMeter:
    """The tasks that became ready between two measurements are those that wait now, minus those
    that waited then, plus those that have started since. So nothing has to be written when a task
    arrives. A lane that was paused or resumed, or whose limit changed, is compared only with
    measurements since then.
    """

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque()
        self._rules: dict[int, _Rule] = {}
        self._changed: dict[int, datetime] = {}
        self._past: _Past | None = None

    def measure(
        self,
        at: datetime,
        lanes: Sequence[Lane],
        waiting: Mapping[int, int],
        oldest: float,
        objective: float,
    ) -> float:
        """Tasks per second that became ready in the last two minutes before `at`, or in the last
        seconds if very many start, so that about 50,000 rows are read.

        waiting: ready tasks by lane, as `count_ready` counts them. oldest: seconds for which the
        first of them has waited, used by the first measurement, which has no other information
        about the past.
        """
        rules = {lane.id: _rule(lane, objective) for lane in lanes}
        changed = self._note_changes(at, rules)
        counting = [lane for lane in lanes if not lane.is_paused]
        while self._looks and _age(self._looks[0], at) > _FORGET_AFTER:
            self._looks.popleft()
        base = self._choose(at)
        if base is not None:
            rate, pace = self._compare(base, at, counting, waiting, changed)
            rate = self._blend(rate, base, at)
        else:
            seconds, pace = _measure_pace(at, counting)
            fresh = _count_fresh(counting, waiting, oldest)
            rate = pace + fresh / max(oldest, _MIN_AGE)
            if not self._looks:
                self._past = _Past(at, pace + fresh / max(oldest, seconds), seconds)
        # Only now: a look that fails half-way is none.
        self._looks.append(_Look(at, dict(waiting), pace))
        self._rules, self._changed = rules, changed
        return rate

    def _note_changes(self, at: datetime, rules: Mapping[int, _Rule]) -> dict[int, datetime]:
        """When the limits of a lane last changed. A lane that did not exist at the last measurement
        was empty: it can be compared with any."""
        new = {lane: at for lane, rule in rules.items() if self._rules.get(lane, rule) != rule}
        return {**self._changed, **new}

    def _choose(self, at: datetime) -> _Look | None:
        """The measurement closest to two minutes ago since which not too many tasks have started,
        or otherwise the newest that is old enough."""
        best: _Look | None = None
        starts, later = 0.0, at
        pace = self._looks[-1].pace if self._looks else 0.0
        for look in reversed(self._looks):
            starts += pace * (later - look.at).total_seconds()
            later, pace = look.at, look.pace
            if best is not None and (starts > _MAX_STARTS or _miss(look, at) > _miss(best, at)):
                break
            if _age(look, at) >= SHORTEST_SECONDS:
                best = look
        return best

    def _compare(
        self,
        base: _Look,
        at: datetime,
        lanes: Sequence[Lane],
        waiting: Mapping[int, int],
        changed: Mapping[int, datetime],
    ) -> tuple[float, float]:
        """Arrivals and starts per second."""
        looks = {look.at: look for look in self._looks}
        bases: dict[int, _Look] = {}
        for lane in lanes:
            look = looks.get(max(base.at, changed.get(lane.id, base.at)))
            if look is not None and _age(look, at) >= SHORTEST_SECONDS:
                bases[lane.id] = look
        starts = _count_starts({lane: look.at for lane, look in bases.items()})
        arrivals = sum(
            max(0, waiting.get(lane, 0) - look.waiting.get(lane, 0) + starts.get(lane, 0))
            / _age(look, at)
            for lane, look in bases.items()
        )
        return arrivals, sum(n / _age(bases[lane], at) for lane, n in starts.items())

    def _blend(self, rate: float, base: _Look, at: datetime) -> float:
        """Combined with the estimate of the first measurement: a few seconds alone depend more on
        chance than on the load."""
        age, past = _age(base, at), self._past
        if past is None or past.at != base.at or age >= past.seconds:
            return rate
        share = age / past.seconds
        return share * rate + (1 - share) * past.per_second


def _age(look: _Look, at: datetime) -> float:
    return (at - look.at).total_seconds()


def _miss(look: _Look, at: datetime) -> float:
    return abs(_age(look, at) - WINDOW_SECONDS)


def _rule(lane: Lane, objective: float) -> _Rule:
    if lane.is_paused:
        return None
    rate = lane.rate_per_second
    return lane.max_running, rate, None if rate is None else objective


def _measure_pace(at: datetime, lanes: Sequence[Lane]) -> tuple[float, float]:
    """Starts per second without an earlier measurement, and over how many seconds: two minutes, or
    fewer if there would be too many rows."""
    pace = _count_since(at, lanes, SHORTEST_SECONDS) / SHORTEST_SECONDS
    seconds = min(WINDOW_SECONDS, _MAX_STARTS / max(pace, 1.0))
    if seconds <= SHORTEST_SECONDS:
        return SHORTEST_SECONDS, pace
    return seconds, _count_since(at, lanes, seconds) / seconds


def _count_fresh(lanes: Sequence[Lane], waiting: Mapping[int, int], oldest: float) -> int:
    """Waiting tasks that arrived in the window. In a limited lane their number depends on the
    limit, not on the arrivals."""
    if oldest >= WINDOW_SECONDS:
        return 0
    return sum(waiting.get(lane.id, 0) for lane in lanes if lane.is_free)


def _count_since(at: datetime, lanes: Sequence[Lane], seconds: float) -> int:
    since = at - timedelta(seconds=seconds)
    return sum(_count_starts({lane.id: since for lane in lanes}).values())


def _count_starts(since: Mapping[int, datetime]) -> dict[int, int]:
    """How many attempts started in each of these lanes since its moment: those that have ended and
    those that run. Lanes without any are left out."""
    if not since:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("scaling", "count_starts"),
            {
                "lanes": list(since),
                "since": list(since.values()),
                "first": min(since.values()),
            },
        )
        return dict(cursor.fetchall())
