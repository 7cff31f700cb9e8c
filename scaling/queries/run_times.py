"""The run times of a pool's latest tasks, and the share of them that started in time."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from controlplane.core.runtime.histograms import value_of
from scaling.queries.arrivals import WINDOW_SECONDS
from scaling.strategies import RunTimes
from scaling.strategies.runtimes import CAP_SECONDS, EDGES
from tasks_app.queries.arrivals import count_punctual
from tasks_app.queries.backlog import count_running_types, estimate_types, sum_run_times
from tasks_app.queries.runtimes import (
    MAX_LOOKED_AT,
    RunTimesFound,
    async_share,
    group_run_times,
    list_async_types,
)

NEWEST = 1_000
_NARROWER = (60.0, 10.0, 1.0)  # seconds
_WIDER = (600.0, 3_600.0, 86_400.0)
_HOUR = timedelta(hours=1)
_KEPT_SECONDS = 30.0


class RunTimeMeter:
    """The slot seconds of what ended as far back as arrivals are measured, or of the newest
    thousand where that is fewer: the last few seconds say nothing of what came in two minutes."""

    def measure(self, at: datetime, lanes: Sequence[int]) -> RunTimes:
        """The window is two minutes; narrower while it holds more rows than can be looked at, wider
        until it holds a thousand, up to a day. The index of attempts by their end knows only
        windows."""
        found = _read(at, lanes, WINDOW_SECONDS, MAX_LOOKED_AT)
        for seconds in _NARROWER if found.is_cut else ():
            shorter = _read(at, lanes, seconds, MAX_LOOKED_AT)
            if shorter.attempts < NEWEST <= found.attempts:
                break  # most of what ends is of other queues
            found = shorter
            if not found.is_cut:
                break
        for seconds in _WIDER:
            if found.is_cut or found.attempts >= NEWEST:
                break
            wider = _read(at, lanes, seconds, NEWEST)
            if wider.attempts < found.attempts:
                break  # cut: most of what ends is of other queues
            found = wider
        return RunTimes.binned((g.bin, g.attempts, g.seconds, g.capped) for g in found.groups)


def _read(at: datetime, lanes: Sequence[int], seconds: float, newest: int) -> RunTimesFound:
    since = at - timedelta(seconds=seconds)
    return group_run_times(lanes, since, newest=newest, edges=EDGES, cap=CAP_SECONDS)


class BacklogMeter:
    """The slot seconds of what is ahead. What ended lately says how long the next arrivals take;
    what waits, and what has just started, may be of other kinds: after ten thousand quick tasks
    come five hundred slow ones, and those that have ended say nothing of them for minutes."""

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
        ready = estimate_types(waiting)
        for kind, tasks in due.items():
            ready[kind] = ready.get(kind, 0.0) + tasks
        running = count_running_types(lanes, at - timedelta(seconds=WINDOW_SECONDS))
        types = ready.keys() | running.keys()
        if self._read_at is None or _is_old(self._read_at, at) or types - self._by_type.keys():
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
        found = sum_run_times(types, lanes, at)
        self._read_at = at
        self._by_type = {
            kind: RunTimes.counted(
                (value_of(bucket) / 1000 / (slots if kind in shared else 1), attempts)
                for bucket, attempts in found.get(kind, {}).items()
            )
            for kind in types
        }


class Punctuality:
    """How many attempts of the last hour started, and started in time; read again after 30 s."""

    def __init__(self) -> None:
        self._found = (0, 0)
        self._of: tuple[datetime, float] | None = None  # when, and for which objective

    def measure(self, at: datetime, free: Sequence[int], objective: float) -> tuple[int, int]:
        """free: lanes that are neither paused nor limited: the others wait on purpose."""
        if self._of is None or self._of[1] != objective or _is_old(self._of[0], at):
            self._found = count_punctual(free, at - _HOUR, objective)
            self._of = (at, objective)
        return self._found


def _is_old(then: datetime, at: datetime) -> bool:
    return not 0 <= (at - then).total_seconds() < _KEPT_SECONDS
