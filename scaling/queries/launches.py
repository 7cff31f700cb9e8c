"""Workers that come and go: how long they take until they are ready, how many failed, and what
those that end hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from django.db.models import QuerySet

from controlplane.core.clock import now
from scaling import sentences
from scaling.models import Launch
from scaling.queries.pool import POOL
from scaling.states import LaunchState
from tasks_app.models import Task, TaskAttempt
from tasks_app.states import AttemptOutcome, TaskState

USUAL_STARTUP = 60.0  # seconds, as long as too few were measured
_MEASURED = 50
_MIN_LAUNCHES = 5
_SINCE = timedelta(days=30)
_SHARE = 0.95
_FIRST_PAUSE, _MAX_PAUSE = 5.0, 300.0  # seconds
_MAX_LOOKED_AT = 500  # launches
_MAX_HELD = 10_000  # tasks
_CUT = (AttemptOutcome.LOST.value, AttemptOutcome.INTERRUPTED.value)


def list_starting() -> QuerySet[Launch]:
    """Requested workers that are not ready, oldest first."""
    return Launch.objects.filter(pool=POOL, state=LaunchState.STARTING).order_by("id")


@dataclass(frozen=True, slots=True)
class Startup:
    """Seconds from the request for a worker until it is ready, 95th percentile of `launches`."""

    seconds: float
    launches: int


@dataclass(frozen=True, slots=True)
class LaunchPause:
    """No worker is launched before `until`. failures: consecutive attempts without a ready worker;
    problem: that of the last attempt."""

    failures: int
    until: datetime
    problem: str

    @property
    def reason(self) -> str:
        """In a sentence."""
        return sentences.launches_failed(self.failures, self.problem)


def measure_startup(backend: str) -> Startup | None:
    """The start-up time of the newest fifty launches of a month; None before the first."""
    ready = Launch.objects.filter(
        pool=POOL, backend=backend, state=LaunchState.READY, ended_at__gte=now() - _SINCE
    )
    times = ready.order_by("-id").values_list("asked_at", "ended_at")[:_MEASURED]
    seconds = sorted((end - asked).total_seconds() for asked, end in times if end)
    if not seconds:
        return None
    at = min(len(seconds) - 1, int(_SHARE * len(seconds)))
    return Startup(max(0.1, seconds[at]), len(seconds))


def get_startup(backend: str, usual: float = USUAL_STARTUP) -> float:
    """The start-up seconds to use: the measured ones, or `usual` while there are fewer than five
    launches."""
    measured = measure_startup(backend)
    return (
        measured.seconds if measured is not None and measured.launches >= _MIN_LAUNCHES else usual
    )


def get_pause(backend: str) -> LaunchPause | None:
    """The pause after the newest attempt, if no worker became ready; it may be over. The workers
    that one decision requested are one attempt: if all ten fail, that is one failure, and if one of
    ten fails, that is none. The pause doubles with each attempt, up to five minutes.
    """
    launches = Launch.objects.filter(pool=POOL, backend=backend)
    known = launches.exclude(state=LaunchState.CANCELLED)
    rows = known.order_by("-id").values_list("id", "event_id", "state", "ended_at", "problem")
    failures, problem = 0, ""
    last: datetime | None = None
    for _, attempt in groupby(rows[:_MAX_LOOKED_AT], key=_attempt_of):
        tried = list(attempt)
        states = {state for _, _, state, _, _ in tried}
        if LaunchState.READY in states:
            break
        if LaunchState.STARTING in states:
            continue  # not known yet
        failures += 1
        if failures == 1:
            problem = tried[0][4]
            last = max(at for _, _, _, at, _ in tried if at)
    if last is None:
        return None
    pause = min(_MAX_PAUSE, _FIRST_PAUSE * 2 ** min(failures - 1, 10))
    return LaunchPause(failures, last + timedelta(seconds=pause), problem)


def _attempt_of(row: tuple[int, UUID | None, str, datetime | None, str]) -> int | UUID:
    """The decision that requested the launch, or the launch itself if the decision was removed."""
    launch, event = row[:2]
    return launch if event is None else event


def failed_since(backend: str, since: datetime) -> bool:
    """Whether a launch that was requested since then has failed."""
    failed = Launch.objects.filter(pool=POOL, backend=backend, state=LaunchState.FAILED)
    return failed.filter(asked_at__gte=since).exists()


def list_held_since(node_ids: Sequence[int]) -> dict[int, list[datetime]]:
    """When the running tasks of these nodes started, by node, oldest first; nodes that hold none
    are left out. At most 10,000 tasks are looked at."""
    running = Task.objects.filter(state=TaskState.RUNNING, node_id__in=list(node_ids))
    rows = running.order_by("started_at").values_list("node_id", "started_at")[:_MAX_HELD]
    starts: dict[int, list[datetime]] = {}
    for node, started in rows:
        if node is not None and started is not None:
            starts.setdefault(node, []).append(started)
    return starts


def count_cut_attempts(node_ids: Sequence[int], *, since: datetime) -> int:
    """Attempts that ended with these nodes: lost or interrupted."""
    cut = TaskAttempt.objects.filter(
        finished_at__gte=since, node_id__in=list(node_ids), outcome__in=_CUT
    )
    return cut.count()
