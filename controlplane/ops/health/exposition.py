"""The queue's own metrics, of one workspace and of the fleet, in Prometheus's terms."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from uuid import UUID

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from controlplane.core.clock import now
from controlplane.core.runtime.histograms import RATIO, cumulate
from controlplane.ops.health.queries import TypeMeter, read_meters
from scaling.queries.events import count_events
from scaling.queries.launches import get_pause, measure_startup
from scaling.queries.pool import AUTOSCALER, get_backend, read_pool
from tasks_app.queries import list_queues, view_queues
from tasks_app.queries.engine_health import DISPATCHER, view_leader
from workers.queries import count_ended, count_rescued_tasks, list_live_nodes

MAX_NAMES = 50
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
# Ends of the histograms' own buckets, so that nothing is guessed: from 1 ms to 2.5 hours, close
# together where most run times are.
_BOUNDS = (0, 24, 48, 60, 72, 84, 96, 120, 144, 168)
_STATES = ("pending", "running", "scheduled", "retrying", "blocked")


def expose(workspace_id: UUID | None) -> bytes:
    """Text format; None selects only what belongs to no workspace. Raises Invalid if a query takes
    too long."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(workspace_id))
    return generate_latest(registry)


class _Families(Collector):
    def __init__(self, workspace_id: UUID | None) -> None:
        self._families = [
            *_nodes(),
            *_lag("dispatcher", DISPATCHER),
            *_scaling(),
            *_lag("autoscaler", AUTOSCALER),
        ]
        if workspace_id is not None:
            self._families += _queues(workspace_id)
            self._families += _types(read_meters(workspace_id, limit=MAX_NAMES))

    def collect(self) -> Iterator[Metric]:
        return iter(self._families)


def _queues(workspace_id: UUID) -> Iterator[Metric]:
    depth = GaugeMetricFamily(
        "taskplane_queue_tasks", "Tasks by queue and state.", labels=["queue", "state"]
    )
    oldest = GaugeMetricFamily(
        "taskplane_queue_oldest_wait_seconds", "The longest wait of a ready task.", labels=["queue"]
    )
    depths: Counter[tuple[str, str]] = Counter()
    waits: dict[str, float] = {}
    queues = list(list_queues(workspace_id).order_by("name"))
    for number, view in enumerate(view_queues(queues)):
        name = view.queue.name if number < MAX_NAMES else "other"
        for state in _STATES:
            depths[name, state] += getattr(view.counts, state)
        waits[name] = max(waits.get(name, 0.0), (view.oldest_waiting_ms or 0) / 1000)
    for (name, state), count in depths.items():
        depth.add_metric([name, state], count)
    for name, seconds in waits.items():
        oldest.add_metric([name], seconds)
    yield from (depth, oldest)


def _types(meters: Mapping[str, TypeMeter]) -> Iterator[Metric]:
    tasks = CounterMetricFamily(
        "taskplane_tasks",
        "Tasks submitted, completed and failed since midnight UTC.",
        labels=["type", "event"],
    )
    attempts = CounterMetricFamily(
        "taskplane_attempts",
        "Attempts started, and ended by outcome, since midnight UTC.",
        labels=["type", "event"],
    )
    run = HistogramMetricFamily("taskplane_run_seconds", "Run times of attempts.", labels=["type"])
    wait = HistogramMetricFamily(
        "taskplane_wait_seconds", "Times from ready to started.", labels=["type"]
    )
    for name, meter in meters.items():
        for event, count in meter.tasks.items():
            tasks.add_metric([name, event], count)
        for event, count in meter.attempts.items():
            attempts.add_metric([name, event], count)
        run.add_metric([name], _buckets(meter.runs), meter.run_ms / 1000)
        wait.add_metric([name], _buckets(meter.waits), meter.wait_ms / 1000)
    yield from (tasks, attempts, run, wait)


def _buckets(histogram: dict[int, int]) -> list[tuple[str, float]]:
    counts = cumulate(histogram, _BOUNDS)
    bounds = [f"{RATIO**bound / 1000:.6g}" for bound in _BOUNDS]
    return [*zip(bounds, counts, strict=True), ("+Inf", sum(histogram.values()))]


def _nodes() -> Iterator[Metric]:
    live = list(list_live_nodes().values_list("state", "stale_writes"))
    by_state = Counter(state for state, _ in live)
    yield _gauges("taskplane_nodes", "Live nodes by state.", by_state)
    yield _gauges(
        "taskplane_nodes_ended_last_hour",
        "Nodes that ended within the last hour: STOPPED (normally) or LOST.",
        count_ended(now() - _HOUR),
    )
    yield GaugeMetricFamily(
        "taskplane_live_nodes_stale_writes",
        "Refused writes of the live nodes.",
        value=sum(stale for _, stale in live),
    )
    yield GaugeMetricFamily(
        "taskplane_rescued_tasks_last_hour",
        "Tasks taken back from nodes that ended within the last hour.",
        value=count_rescued_tasks(now() - _HOUR),
    )


def _lag(process: str, leader: str) -> Iterator[Metric]:
    """Nothing before the process's first pass."""
    seen = view_leader(leader).seen_ago
    if seen is not None:
        yield GaugeMetricFamily(
            f"taskplane_{process}_lag_seconds",
            f"Seconds since the {process}'s last pass.",
            value=seen.total_seconds(),
        )


def _scaling() -> Iterator[Metric]:
    """What is unknown is left out: the target before a decision, the start-up time before the first
    launch."""
    pool = read_pool()
    if pool.target is not None:
        yield GaugeMetricFamily("taskplane_workers_target", "Desired workers.", value=pool.target)
    states = ("ready", "starting", "draining") if pool.backend else ()
    yield _gauges(
        "taskplane_workers",
        "Workers as of the autoscaler's last pass.",
        {state: getattr(pool, state) for state in states},
    )
    yield _gauges(
        "taskplane_scaling_events_last_day",
        "Decisions of the last 24 hours that changed something, by outcome.",
        count_events(now() - _DAY),
    )
    startup = measure_startup(get_backend(pool))
    if startup is not None:
        yield GaugeMetricFamily(
            "taskplane_startup_seconds",
            "Seconds from the request for a worker until it is ready, 95th percentile.",
            value=startup.seconds,
        )
    pause = get_pause(get_backend(pool))
    yield GaugeMetricFamily(
        "taskplane_launch_pause_seconds",
        "Seconds until a worker can be launched after failed launches; 0: at once.",
        value=max(0.0, (pause.until - now()).total_seconds()) if pause is not None else 0,
    )


def _gauges(name: str, text: str, by_state: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=["state"])
    for state, value in by_state.items():
        family.add_metric([state], value)
    return family
