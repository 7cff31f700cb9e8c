"""What the last tasks of a pool tell: how long they ran, and whether they started in time."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from scaling.strategies import RunTimes
from tasks_app.histograms import value_of
from tasks_app.selectors.arrivals import count_punctual
from tasks_app.selectors.backlog import estimate_types, sum_run_times
from tasks_app.selectors.runtimes import (
    RunTimesFound,
    async_share,
    list_async_types,
    list_run_times,
)

NEWEST = 1_000
_WINDOWS_SECONDS = (1, 10, 60, 600, 3_600, 86_400)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_KEPT_SECONDS = 30.0


class RunTimeMeter:
    """The slot seconds of about the newest thousand attempts: the window that holds them is
    remembered, as the index of attempts by their end knows only windows."""

    def __init__(self) -> None:
        self._window = 0

    def measure(self, at: datetime, lanes: Sequence[int]) -> RunTimes:
        """The window is widened until it holds a thousand, up to a day; and narrowed while it holds
        more than can be looked at."""
        k, found = self._window, self._read(at, lanes, self._window)
        while found.is_cut and k > 0:
            shorter = self._read(at, lanes, k - 1)
            if len(shorter.seconds) < len(found.seconds):
                break  # most of what ends is of other queues
            k, found = k - 1, shorter
        while not found.is_cut and len(found.seconds) < NEWEST and k + 1 < len(_WINDOWS_SECONDS):
            wider = self._read(at, lanes, k + 1)
            if len(wider.seconds) < len(found.seconds):
                break  # cut: most of what ends is of other queues
            k, found = k + 1, wider
        self._window = k
        return RunTimes.of(found.seconds)

    @staticmethod
    def _read(at: datetime, lanes: Sequence[int], window: int) -> RunTimesFound:
        since = at - timedelta(seconds=_WINDOWS_SECONDS[window])
        return list_run_times(lanes, since, newest=NEWEST)


class BacklogMeter:
    """The slot seconds of what is ahead. What ended lately says how long the next arrivals take;
    what waits may be of other kinds: after ten thousand quick tasks come five hundred slow ones,
    and the newest thousand ends say nothing of them for minutes."""

    def __init__(self) -> None:
        self._ended = RunTimeMeter()
        self._by_type: dict[str, RunTimes] = {}
        self._read_at: datetime | None = None

    def measure(
        self, at: datetime, lanes: Sequence[int], waiting: Mapping[int, int], coming: float
    ) -> RunTimes:
        """A mixture: the ready tasks (`waiting` by lane) as their types took within a day, and as
        many tasks as are `coming` as those that ended last. A type of which none has ended counts
        as these."""
        ended = self._ended.measure(at, lanes)
        types = estimate_types(waiting)
        if not types:
            return ended
        if self._read_at is None or _is_old(self._read_at, at) or types.keys() - self._by_type:
            self._read(at, types, lanes)
        known = [(self._by_type[kind], tasks) for kind, tasks in types.items()]
        unknown = sum(tasks for times, tasks in known if not times.tasks)
        return RunTimes.mixed([*known, (ended, coming + unknown)])

    def _read(self, at: datetime, types: Iterable[str], lanes: Sequence[int]) -> None:
        shared, slots = set(list_async_types()), async_share()
        found = sum_run_times(types, lanes, at - _DAY)
        self._read_at = at
        self._by_type = {
            kind: RunTimes.counted(
                (value_of(bucket) / 1000 / (slots if kind in shared else 1), attempts)
                for bucket, attempts in found.get(kind, {}).items()
            )
            for kind in types
        }


class Punctuality:
    """How many attempts of the last hour started, and started in time; read anew after 30 s."""

    def __init__(self) -> None:
        self._found = (0, 0)
        self._of: tuple[datetime, float] | None = None  # when, and for which objective

    def measure(self, at: datetime, free: Sequence[int], objective: float) -> tuple[int, int]:
        """Of lanes that are neither paused nor limited: the others wait on purpose."""
        if self._of is None or self._of[1] != objective or _is_old(self._of[0], at):
            self._found = count_punctual(free, at - _HOUR, objective)
            self._of = (at, objective)
        return self._found


def _is_old(then: datetime, at: datetime) -> bool:
    return not 0 <= (at - then).total_seconds() < _KEPT_SECONDS
