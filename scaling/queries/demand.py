"""The demand for workers, measured on the rows of all workspaces."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.db import connection, transaction

from controlplane.core.sql import load_sql
from scaling.queries.arrivals import ArrivalMeter
from scaling.queries.backlog import BacklogMeter, count_due_types
from scaling.queries.expected import MIN_AHEAD_SECONDS, Expectations
from scaling.queries.forecast import ArrivalForecast
from scaling.queries.lanes import count_ready, list_lanes
from scaling.queries.run_times import Punctuality, async_share, list_async_types
from scaling.schema import Configuration
from scaling.strategies import Demand
from scaling.strategies.inputs import PREDICTION_WINDOW
from scaling.strategies.runtimes import EDGES
from tasks_app.queries.queues import list_longest_waits

_SINGLE_AGES = 200
_MAX_RUNNING = 200_000
_SOON_SECONDS = 60.0
_QUERY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class WorkerCounts:
    """The workers of a pool at one moment.

    ready: ids of nodes that take work of the pool's queues. draining: ids of nodes that finish.
    starting: in how many seconds each requested worker will be ready.
    startup: seconds from the request for a worker until it is ready, 95th percentile, as measured.
    slots: per worker.
    """

    ready: tuple[int, ...]
    draining: tuple[int, ...]
    starting: tuple[float, ...]
    startup: float
    slots: int

    @property
    def total(self) -> int:
        """The number of workers, including starting ones."""
        return len(self.ready) + len(self.starting)


@dataclass(frozen=True, slots=True)
class RunningGroup:
    """Running tasks of about the same age, in seconds."""

    is_async: bool
    age: float
    tasks: int


class Observer:
    """Measures the demand of one pool. It lives in one process and remembers earlier measurements:
    losing them costs some precision for two minutes, and a read of a week of minutes."""

    def __init__(self, queues: Sequence[str]) -> None:
        """`queues`: the names of the pool's queues, or ALL_QUEUES among them."""
        self._queues = tuple(queues)
        self._arrivals = ArrivalMeter()
        self._run_times = BacklogMeter()
        self._punctuality = Punctuality()
        self._expectations = Expectations(self._queues)
        self._forecast = ArrivalForecast()

    def look(self, counts: WorkerCounts, configuration: Configuration) -> Demand:
        """The demand of the pool, as of one moment of the database's clock. Raises
        OperationalError: the database is unavailable, or a query took more than five seconds.
        """
        began = time.monotonic()
        objective = configuration.objective_seconds
        with one_snapshot() as at:
            lanes = list_lanes(self._queues)
            every = [lane.id for lane in lanes]
            free = [lane.id for lane in lanes if lane.is_free]
            waiting = count_ready(lanes, objective)
            oldest = max(list_longest_waits(free).values(), default=0) / 1000
            per_second = self._arrivals.measure(at, lanes, waiting, oldest, objective)
            running = _group_running(every, at, without_nodes=counts.draining)
            soon = counts.startup + PREDICTION_WINDOW
            run_times = self._run_times.measure(
                at,
                every,
                waiting,
                count_due_types(free, at + timedelta(seconds=soon)),
                per_second * soon,
            )
            started, on_time = self._punctuality.measure(at, free, objective)
            ahead = max(MIN_AHEAD_SECONDS, counts.startup + PREDICTION_WINDOW + _SOON_SECONDS)
            expected = self._expectations.list_expected(at, lanes, per_second, ahead)
            forecast = None
            if configuration.use_forecast:
                forecast = self._forecast.forecast(at, free, counts.startup)
            else:
                self._forecast.forget()
        measured_at = at.timestamp()
        return Demand(
            at=measured_at + time.monotonic() - began,
            measured_at=measured_at,
            waiting=sum(waiting.values()),
            oldest=oldest,
            per_second=per_second,
            run_times=run_times,
            ages=represent(running, slots=len(counts.ready) * counts.slots, share=async_share()),
            ready=len(counts.ready),
            starting=counts.starting,
            draining=len(counts.draining),
            startup=counts.startup,
            started=started,
            on_time=on_time,
            forecast=forecast,
            expected=expected,
        )


def is_idle(demand: Demand) -> bool:
    """Whether no task waits, tasks run only on draining workers, and none is expected before a
    worker that is requested now could be ready, plus a minute."""
    soon = demand.at + demand.startup + _SOON_SECONDS
    return (
        demand.waiting == 0
        and not demand.ages
        and not any(each.at <= soon for each in demand.expected)
    )


@contextmanager
def one_snapshot(seconds: float = _QUERY_SECONDS) -> Iterator[datetime]:
    """A read-only transaction as of one moment of the database's clock, which it yields.

    Inside another transaction, each query sees the data committed by then. Raises OperationalError
    if a query takes longer than `seconds`.
    """
    is_outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if is_outermost:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute(
            # Compiling these statements takes longer than running them.
            "SELECT clock_timestamp(), set_config('statement_timeout', %s, true),"
            " set_config('jit', 'off', true)",
            [f"{seconds}s"],
        )
        yield cursor.fetchone()[0]


def _group_running(
    lanes: Sequence[int], at: datetime, *, without_nodes: Sequence[int]
) -> list[RunningGroup]:
    """How long the tasks that run have run at `at`, the oldest first, without those of some nodes.

    Up to _SINGLE_AGES tasks each stands for itself; more are put together between the EDGES. At
    most 200,000 tasks are looked at.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("scaling", "group_running"),
            {
                "lanes": list(lanes),
                "at": at,
                "without": list(without_nodes),
                "async": list_async_types(),
                "edges": list(EDGES),
                "single": _SINGLE_AGES,
                "most": _MAX_RUNNING,
            },
        )
        groups = [RunningGroup(*row) for row in cursor.fetchall()]
    return sorted(groups, key=lambda group: -group.age)


def represent(groups: Sequence[RunningGroup], *, slots: int, share: int) -> tuple[float, ...]:
    """The age of each slot's work in seconds, to a tenth, the oldest first.

    groups: running tasks, the oldest first. slots: how many there are. share: how many async
    handlers one holds.

    A sync task has its slot for itself; but quick ones are claimed in batches, and count as running
    before their handlers begin, so of more than there are slots only the oldest run. Async ones
    share slots: the oldest of each `share` of them stands for all, of a rest if it is at least half
    of that. Few of them take no slot from others; where nothing else runs, an age of 0, which
    blocks next to nothing, says that the pool is not idle.
    """
    sync = islice(_expand(group for group in groups if not group.is_async), slots)
    shared = list(_expand(group for group in groups if group.is_async))
    full = (2 * len(shared) + share) // (2 * share)
    ages = sorted([*sync, *shared[::share][:full]], reverse=True)
    return tuple(ages) or ((0.0,) if groups else ())


def _expand(groups: Iterable[RunningGroup]) -> Iterator[float]:
    for group in groups:
        yield from [round(group.age, 1)] * group.tasks
