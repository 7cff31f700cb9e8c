"""Work that is known in advance: firings of schedules, and tasks that wait for their time."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from controlplane.core.sql import load_sql
from controlplane.ops.schedules.queries import Upcoming, list_upcoming
from scaling.queries.arrivals import WINDOW_SECONDS
from scaling.queries.lanes import Lane
from scaling.strategies import Expected
from tasks_app.processors.registry import UnknownType, get
from tasks_app.queues import ALL_QUEUES
from workflows.queries.definitions import Fanout, get_fanouts

MIN_AHEAD_SECONDS = 900.0
STEP_SECONDS = 10.0
_KEPT_SECONDS = 30.0
_MAX_TIMES = 100  # different ones; more are put together in steps
_MAX_DUE = 50_000  # tasks
_MAX_OF_RUN = 100_000  # tasks

Known = list[tuple[float, float]]  # epoch second, tasks


class Expectations:
    """The expected tasks of a pool's lanes from schedules and waiting tasks; schedules are read
    again after 30 s."""

    def __init__(self, queues: Collection[str]) -> None:
        self._queues = queues
        self._firings: Known = []
        self._read: tuple[datetime, float] | None = None  # when, and for how many seconds

    def list_expected(
        self, at: datetime, lanes: Sequence[Lane], per_second: float, seconds: float
    ) -> tuple[Expected, ...]:
        """The tasks that become ready within `seconds` after `at`, beyond the measured arrivals.
        per_second: the measured arrivals. A schedule that fires more often than every two minutes
        is part of them, and left out. Work of paused or limited lanes is left out too.
        """
        if self._read is None or not self._is_fresh(at, seconds):
            ahead = timedelta(seconds=seconds + _KEPT_SECONDS)
            self._firings = _list_firings(at, at + ahead, lanes, self._queues)
            self._read = (at, seconds)
        now, end = at.timestamp(), at.timestamp() + seconds
        firings = [(then, tasks) for then, tasks in self._firings if now <= then <= end]
        due = _list_due(at, lanes, per_second, seconds)
        return tuple(
            Expected(then, tasks) for then, tasks in sorted(_merge(now, firings) + due) if tasks
        )

    def _is_fresh(self, at: datetime, seconds: float) -> bool:
        if self._read is None or seconds > self._read[1]:
            return False
        return 0 <= (at - self._read[0]).total_seconds() < _KEPT_SECONDS


def _list_due(at: datetime, lanes: Sequence[Lane], per_second: float, seconds: float) -> Known:
    """Tasks that wait for their time, in the middle of each step. Only the part of a step above the
    usual arrivals counts: if every task is submitted with a delay, the measured rate already
    includes them, and adding them would count them twice."""
    free = [lane.id for lane in lanes if lane.is_free]
    until = at + timedelta(seconds=seconds)
    usual = per_second * STEP_SECONDS
    return [
        (at.timestamp() + (step + 0.5) * STEP_SECONDS, max(0.0, round(tasks - usual, 3)))
        for step, tasks in _count_due(free, at, until)
    ]


def _count_due(lanes: Sequence[int], at: datetime, until: datetime) -> list[tuple[int, int]]:
    """Tasks that wait for a time up to `until`: (step, tasks), step k begins k steps after `at`.
    Overdue tasks count in the first. Reads the earliest 50,000 of all lanes."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("scaling", "count_due"),
            {
                "lanes": list(lanes),
                "at": at,
                "until": until,
                "step": STEP_SECONDS,
                "most": _MAX_DUE,
            },
        )
        steps: list[tuple[int, int]] = cursor.fetchall()
        return steps


def _list_firings(
    at: datetime, until: datetime, lanes: Sequence[Lane], queues: Collection[str]
) -> Known:
    upcoming = list_upcoming(at, until, steady=timedelta(seconds=WINDOW_SECONDS))
    known = {(lane.workspace_id, lane.queue): lane for lane in lanes}
    workflows = {each.workflow_id for each in upcoming if each.workflow_id is not None}
    sizes = _measure_runs(list(workflows), lanes)
    found: Known = []
    for each in upcoming:
        if each.workflow_id is None:
            tasks = 1.0 if _counts(each, known, queues) else 0.0
        else:
            tasks = sizes.get(each.workflow_id, 0.0)
        found += [(moment.timestamp(), tasks) for moment in each.times if tasks]
    return found


def _counts(each: Upcoming, known: dict[tuple[UUID, str], Lane], queues: Collection[str]) -> bool:
    """Whether the pool will take the task at once. A lane that does not exist yet has no limits."""
    queue = each.queue
    if not queue:
        try:
            queue = get(each.task_type).queue
        except UnknownType:
            return False  # it cannot be submitted
    lane = known.get((each.workspace_id, queue))
    return lane.is_free if lane is not None else ALL_QUEUES in queues or queue in queues


def _measure_runs(workflow_ids: Sequence[UUID], lanes: Sequence[Lane]) -> dict[UUID, float]:
    """The number of tasks of a run of each workflow in these lanes: the mean of its newest ended
    runs, or the number of its steps if there are none."""
    fanouts = get_fanouts(workflow_ids)
    runs = [run for fanout in fanouts.values() for run in fanout.runs]
    counts = _count_tasks(runs, [lane.id for lane in lanes if lane.is_free])

    def mean(fanout: Fanout) -> float:
        if not fanout.runs:
            return float(fanout.steps)
        return sum(counts[run] for run in fanout.runs) / len(fanout.runs)

    return {workflow: mean(fanout) for workflow, fanout in fanouts.items()}


def _count_tasks(runs: Sequence[UUID], lanes: Sequence[int]) -> dict[UUID, int]:
    """How many tasks each of these workflow runs has in these lanes, up to 100,000."""
    if not runs:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("scaling", "count_tasks_of_runs"),
            {"runs": list(runs), "lanes": list(lanes), "most": _MAX_OF_RUN},
        )
        return dict(cursor.fetchall())


def _merge(now: float, firings: Known) -> Known:
    """Groups tasks by time, or by step if there are very many times."""
    if len({then for then, _ in firings}) > _MAX_TIMES:
        firings = [
            (now + ((then - now) // STEP_SECONDS + 0.5) * STEP_SECONDS, tasks)
            for then, tasks in firings
        ]
    merged: dict[float, float] = {}
    for then, tasks in firings:
        merged[then] = merged.get(then, 0.0) + tasks
    return list(merged.items())
