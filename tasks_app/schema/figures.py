"""Figures: statistics of tasks, the performance summary, what queues hold."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane.core.schema import Resource, itself, shown
from controlplane.core.schema.filters import condition
from controlplane.core.schema.values import Flag, Search
from tasks_app.queries.performance import Figures as _Figures
from tasks_app.queries.performance import quantile
from tasks_app.queries.queue_health import QueueHealth as _QueueHealth
from tasks_app.queries.queue_health import QueuesHealth
from tasks_app.schema.fields import Times


class Throughput(Resource):
    """Completed and failed tasks per second, over the last minute and the last five minutes, or the
    time since the first task if that is shorter. In a very busy workspace the window is shorter
    than its name: see `window.seconds`."""

    per_second_1m: float = shown(alias="perSecond1m")
    per_second_5m: float = shown(alias="perSecond5m")


class Window(Resource):
    """Tasks that ended within the last `seconds`; attempts, if the name contains it."""

    seconds: int
    completed: int
    failed: int
    attempts: int
    failed_attempts: int = shown("Attempts that failed, timed out or were lost.")


class TaskStats(Resource):
    """The tasks of the workspace by status, type and queue, and the performance of the last
    minutes."""

    total: int = shown(source="counts.total")
    total_is_estimate: bool = shown(
        "Whether a queue has more unfinished tasks of one status than are counted, or "
        "counts wait for a dispatcher.",
        source="counts.is_estimate",
    )
    by_status: dict[str, int] = shown(source="counts.states")
    by_type: dict[str, int] = shown(source="counts.types")
    by_queue: dict[str, int]
    window: Window
    throughput: Throughput = shown(compute=itself)
    processing_ms: Times = shown("For the attempts of the window.")
    wait_ms: Times = shown("For the attempts of the window.")
    success_rate: float | None = shown(
        "The share of completed tasks among those that completed or failed within the window; "
        "null when none did.",
        source="window.success_rate",
    )


@dataclass(frozen=True, slots=True)
class PerformanceQuery:
    """The window: a number and m, h or d, from 5m to 30d."""

    window: str = condition(
        "window",
        Search(empty="1h", is_stripped=False),
        "A number and m, h or d, from 5m to 30d; 1h without it.",
    )
    is_internal: bool = condition(
        "internal",
        Flag(),
        "true adds tasks of internal types: the platform's own bookkeeping, such as the joins of "
        "workflow steps.",
    )


class _Shares(Resource):
    processing_ms: Times
    wait_ms: Times = shown(source="queueing_ms")
    error_rate: float | None = shown("Failed tasks among those that completed or failed.")
    attempt_error_rate: float | None = shown(
        "Failed attempts among those that succeeded or failed."
    )
    retry_rate: float | None = shown(
        "Attempts that another one followed, among those that succeeded or failed."
    )


def _each_second(column: str) -> Any:
    return shown(compute=lambda found: round(getattr(found.total, column) / found.seconds, 6))


class Rates(Resource):
    """Tasks per second, or attempts if the name contains it, from `measuredFrom` to the end of the
    window."""

    submitted: float = _each_second("submitted")
    completed: float = _each_second("completed")
    failed: float = _each_second("failed_tasks")
    started_attempts: float = _each_second("started")
    failed_attempts: float = _each_second("failed")


class Figures(_Shares):
    """Tasks, or attempts if the name contains it. Percentiles are within 4.8 %; times are null
    without attempts, and rates are null if nothing completed or failed."""

    name: str
    submitted: int
    completed: int
    failed: int = shown(source="failed_tasks")
    started_attempts: int = shown(source="started")
    failed_attempts: int = shown("Attempts that failed, timed out or were lost.", source="failed")
    retried_attempts: int = shown(
        "The part of them that was followed by another attempt.", source="retried"
    )


class Point(Resource):
    """One step, with its beginning: tasks, or attempts if the name contains it."""

    at: datetime
    submitted: int
    completed: int
    failed: int = shown(source="failed_tasks")
    failed_attempts: int = shown(source="failed")
    p95_ms: float | None = shown(
        compute=lambda step: quantile(step.runs, 0.95, step.longest_run_ms)
    )
    wait_p95_ms: float | None = shown(
        compute=lambda step: quantile(step.waits, 0.95, step.longest_wait_ms)
    )


class NamedFigures:
    """Figures of one type or queue."""

    def __init__(self, figures: _Figures, **more: Any) -> None:
        self._figures = figures
        self.__dict__.update(more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._figures, name)


def _busiest(attribute: str) -> Any:
    return shown(
        "The 20 busiest.",
        compute=lambda found: [
            NamedFigures(figures, name=name) for name, figures in getattr(found, attribute)
        ],
    )


class Performance(Resource):
    """From the roll-ups of each minute, or of each hour if the window is longer than a day. The
    current minute is in it, up to ten seconds ago."""

    from_: datetime = shown(source="begin", alias="from")
    to: datetime = shown(source="end")
    window: str
    measured_from: datetime = shown(
        "When the window begins, or when the workspace's first task was made if later."
    )
    step_seconds: int = shown(compute=lambda found: int(found.step.total_seconds()))
    throughput: Rates = shown(compute=itself)
    processing_ms: Times = shown(source="total.processing_ms")
    wait_ms: Times = shown(source="total.queueing_ms")
    error_rate: float | None = shown(
        "Failed tasks among those that completed or failed.", source="total.error_rate"
    )
    attempt_error_rate: float | None = shown(
        "Failed attempts among those that succeeded or failed.", source="total.attempt_error_rate"
    )
    retry_rate: float | None = shown(
        "Attempts that another one followed, among those that succeeded or failed.",
        source="total.retry_rate",
    )
    by_type: list[Figures] = _busiest("by_type")
    by_queue: list[Figures] = _busiest("by_queue")
    series: list[Point] = shown(
        "At most 300 points.",
        compute=lambda found: [NamedFigures(figures, at=at) for at, figures in found.series],
    )


class AttemptCounts(Resource):
    """Attempts that ended within the last 24 hours, whole hours."""

    succeeded: int = shown(source="succeeded_attempts")
    failed: int = shown("Attempts that failed, timed out or were lost.", source="failed_attempts")


class QueueCounts(Resource):
    """Tasks that exist: `active` ones run, `waiting` ones are ready, `delayed` ones wait for a time
    or a back-off, `blocked` ones for parents; the others have ended."""

    active: int
    waiting: int
    delayed: int
    blocked: int
    completed: int
    failed: int
    cancelled: int
    attempts_last_24h: AttemptCounts = shown(compute=itself, alias="attemptsLast24h")


class NamedQueueCounts(QueueCounts):
    """One queue's."""

    name: str


class QueueHealth(QueueCounts):
    """All queues of the workspace, and each."""

    is_estimate: bool = shown(
        "Whether a queue has more unfinished tasks of one state than are counted."
    )
    queues: list[NamedQueueCounts]


class SummedHealth:
    """The source of QueueHealth: the sums of all queues, and the queues."""

    def __init__(self, found: QueuesHealth) -> None:
        self.queues, self.is_estimate = found.queues, found.is_estimate

    def __getattr__(self, name: str) -> Any:
        if name not in _QueueHealth.__dataclass_fields__:
            raise AttributeError(name)
        return sum(getattr(each, name) for each in self.queues)
