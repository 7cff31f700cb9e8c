"""How long a pool's latest tasks took of a slot, and the share of them that started in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from controlplane.core.runtime.histograms import RATIO, bucket_of
from controlplane.core.sql import load_sql
from scaling.queries.arrivals import WINDOW_SECONDS
from scaling.strategies import RunTimes
from scaling.strategies.runtimes import CAP_SECONDS, EDGES
from tasks_app.processors.registry import all_processors
from workers.slots import CAPACITY

NEWEST = 1_000
MAX_LOOKED_AT = 60_000
_NARROWER = (60.0, 10.0, 1.0)  # seconds
_WIDER = (600.0, 3_600.0, 86_400.0)
_HOUR = timedelta(hours=1)
_KEPT_SECONDS = 30.0
_MAX_WAITS = 50_000  # rows of roll-ups, for the waits of an hour
_ROUNDING = 1e-9


def list_async_types() -> list[str]:
    """The task types whose handlers share a slot. An unknown type counts as one with its own
    slot."""
    return [each.name for each in all_processors() if each.is_async]


def async_share() -> int:
    """How many async handlers share a slot. They mostly wait, so an async attempt of d seconds
    takes d divided by this number in slot seconds, where a sync one takes d. By wall time, a
    thousand calls of a slow service would need hundreds of workers, although one or two slots are
    enough.
    """
    limit: int = settings.TASKPLANE["ASYNC_CONCURRENCY"]
    return min(limit, CAPACITY)


class RunTimeMeter:
    """The slot seconds of attempts that ended in the window of the arrivals, or of the newest
    thousand if there are fewer: the last few seconds are not representative of two minutes."""

    def measure(self, at: datetime, lanes: Sequence[int]) -> RunTimes:
        """The window is two minutes; narrower while it holds more rows than can be looked at, wider
        until it holds a thousand, up to a day. The index of attempts by their end knows only
        windows."""
        ended = _read(at, lanes, WINDOW_SECONDS, MAX_LOOKED_AT)
        for seconds in _NARROWER if ended.is_cut else ():
            shorter = _read(at, lanes, seconds, MAX_LOOKED_AT)
            if shorter.attempts < NEWEST <= ended.attempts:
                break  # most of what ends is of other queues
            ended = shorter
            if not ended.is_cut:
                break
        for seconds in _WIDER:
            if ended.is_cut or ended.attempts >= NEWEST:
                break
            wider = _read(at, lanes, seconds, NEWEST)
            if wider.attempts < ended.attempts:
                break  # cut: most of what ends is of other queues
            ended = wider
        return RunTimes.binned(ended.bins)


@dataclass(frozen=True, slots=True)
class _Ended:
    """Attempts that ended: the number of the bin, how many, their slot seconds, and these with the
    cap on each. `is_cut`: the window held more rows than were looked at, and these are some of
    them."""

    bins: list[tuple[int, int, float, float]]
    is_cut: bool

    @property
    def attempts(self) -> int:
        """In all bins."""
        return sum(attempts for _, attempts, _, _ in self.bins)


def _read(at: datetime, lanes: Sequence[int], seconds: float, newest: int) -> _Ended:
    """The newest attempts that ended in the `seconds` before `at`: succeeded, failed or timed out,
    for only these say how long a handler runs."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("scaling", "group_run_times"),
            {
                "lanes": list(lanes),
                "since": at - timedelta(seconds=seconds),
                "newest": newest,
                "most": MAX_LOOKED_AT,
                "async": list_async_types(),
                "share": async_share(),
                "edges": list(EDGES),
                "cap": CAP_SECONDS,
            },
        )
        (_, looked_at, _, _), *bins = sorted(cursor.fetchall())
    return _Ended(bins, looked_at >= MAX_LOOKED_AT)


class Punctuality:
    """The attempts of the last hour that started, and that started in time; read again after 30
    s."""

    def __init__(self) -> None:
        self._counts = (0, 0)
        self._of: tuple[datetime, float] | None = None  # when, and for which objective

    def measure(self, at: datetime, free: Sequence[int], objective: float) -> tuple[int, int]:
        """free: lanes that are neither paused nor limited; the others wait intentionally."""
        if self._of is None or self._of[1] != objective or is_old(self._of[0], at):
            self._counts = _count_punctual(free, at - _HOUR, objective)
            self._of = (at, objective)
        return self._counts


def _count_punctual(lanes: Sequence[int], since: datetime, seconds: float) -> tuple[int, int]:
    """How many attempts of these lanes the roll-ups since then hold, and how many of them started
    within `seconds`: those whose bucket ends within it, up to a tenth too few."""
    bucket = bucket_of(seconds * 1000)
    if RATIO**bucket > seconds * 1000 * (1 + _ROUNDING):
        bucket -= 1
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("scaling", "sum_waits"),
            {"lanes": list(lanes), "since": since, "bucket": bucket, "most": _MAX_WAITS},
        )
        started, on_time = cursor.fetchone()
    return int(started), int(on_time)


def is_old(then: datetime, at: datetime) -> bool:
    """Whether what was read `then` is read again: after 30 s, or when the clock went back."""
    return not 0 <= (at - then).total_seconds() < _KEPT_SECONDS
