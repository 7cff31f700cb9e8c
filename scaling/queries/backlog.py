"""How long the work that is ahead will take of a slot, by the types it consists of."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import connection

from controlplane.core.runtime.histograms import value_of
from controlplane.core.sql import load_sql
from scaling.queries.arrivals import WINDOW_SECONDS
from scaling.queries.run_times import RunTimeMeter, async_share, is_old, list_async_types
from scaling.strategies import RunTimes

_MAX_LANES = 50
_LOOKED_AT = 200  # of each lane
_MAX_RUNNING = 60_000
_MAX_DUE = 50_000
_LATELY, _DAY = timedelta(minutes=10), timedelta(days=1)
_MIN_ATTEMPTS = 30


class BacklogMeter:
    """The slot seconds of upcoming work. Recently ended tasks predict the next arrivals, but
    waiting tasks may be of other types: after ten thousand quick tasks come five hundred slow ones,
    and ended tasks do not represent those for minutes."""

    def __init__(self) -> None:
        self._ended = RunTimeMeter()
        self._by_type: dict[str, RunTimes] = {}
        self._read_at: datetime | None = None

    def measure(
        self,
        at: datetime,
        lanes: Sequence[int],
        waiting: Mapping[int, int],
        due: Mapping[str, int],
        coming: float,
    ) -> RunTimes:
        """A mixture: the ready tasks (`waiting` by lane) and those that will soon be (`due` by
        type) as their types take, and as many tasks as are `coming` as those that ended last, or,
        as far as they run still, as their types take. A type of which none has ended counts as
        what ended."""
        ended = self._ended.measure(at, lanes)
        ready = _estimate_types(waiting)
        for kind, tasks in due.items():
            ready[kind] = ready.get(kind, 0.0) + tasks
        running = _count_running_types(lanes, at - timedelta(seconds=WINDOW_SECONDS))
        types = ready.keys() | running.keys()
        if self._read_at is None or is_old(self._read_at, at) or types - self._by_type.keys():
            self._read(at, types, lanes)
        each = coming / max(1, ended.tasks + sum(running.values()))
        parts = [
            (self._times_of(kind, ended), ready.get(kind, 0.0) + each * running.get(kind, 0))
            for kind in sorted(types)
        ]
        unknown = sum(weight for times, weight in parts if not times.tasks)
        if not ready and not running:
            return ended
        return RunTimes.mixed([*parts, (ended, each * ended.tasks + unknown)])

    def _times_of(self, kind: str, ended: RunTimes) -> RunTimes:
        known = self._by_type[kind]
        if known.tasks or not ended.tasks or kind not in list_async_types():
            return known
        # How long it waits is unknown; it is known that it shares its slot.
        return RunTimes.of([ended.mean / async_share()])

    def _read(self, at: datetime, types: Collection[str], lanes: Sequence[int]) -> None:
        shared, slots = set(list_async_types()), async_share()
        sums = _sum_run_times(types, lanes, at)
        self._read_at = at
        self._by_type = {
            kind: RunTimes.counted(
                (value_of(bucket) / 1000 / (slots if kind in shared else 1), attempts)
                for bucket, attempts in sums.get(kind, {}).items()
            )
            for kind in types
        }


def count_due_types(lanes: Sequence[int], until: datetime) -> dict[str, int]:
    """How many tasks of each type wait for a time up to `until`; of the earliest 50,000."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("scaling", "count_due_types"),
            {"lanes": list(lanes), "until": until, "most": _MAX_DUE},
        )
        return dict(cursor.fetchall())


def _estimate_types(waiting: Mapping[int, int]) -> dict[str, float]:
    """Estimated ready tasks of each type, given the ready tasks of each lane: the first two
    hundred of each of the fifty longest lanes are the sample."""
    longest = sorted(waiting, key=lambda lane: -waiting[lane])[:_MAX_LANES]
    if not longest:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(load_sql("scaling", "sample_ready"), {"lanes": longest, "most": _LOOKED_AT})
        rows: list[tuple[int, str, int]] = cursor.fetchall()
    seen: Counter[int] = Counter()
    for lane, _, tasks in rows:
        seen[lane] += tasks
    types: dict[str, float] = {}
    for lane, kind, tasks in rows:
        types[kind] = types.get(kind, 0.0) + waiting[lane] * tasks / seen[lane]
    return types


def _count_running_types(lanes: Sequence[int], since: datetime) -> dict[str, int]:
    """How many running tasks of each type have started since then; of at most 60,000."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("scaling", "count_running_types"),
            {"lanes": list(lanes), "since": since, "most": _MAX_RUNNING},
        )
        return dict(cursor.fetchall())


def _sum_run_times(
    types: Iterable[str], lanes: Sequence[int], at: datetime
) -> dict[str, dict[int, int]]:
    """How long attempts of these types ran, by bucket: from the roll-ups of the last ten minutes,
    or of a day where these hold fewer than thirty. Types of which none ended are left out."""
    times = _sum(types, lanes, at - _LATELY, 60)
    rare = [kind for kind in types if sum(times.get(kind, {}).values()) < _MIN_ATTEMPTS]
    return times | (_sum(rare, lanes, at - _DAY, 3_600) if rare else {})


def _sum(
    types: Iterable[str], lanes: Sequence[int], since: datetime, seconds: int
) -> dict[str, dict[int, int]]:
    times: dict[str, dict[int, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("scaling", "sum_run_times"),
            {"types": list(types), "lanes": list(lanes), "since": since, "seconds": seconds},
        )
        for kind, bucket, attempts in cursor.fetchall():
            times.setdefault(kind, {})[bucket] = attempts
    return times
