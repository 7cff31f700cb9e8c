"""The metrics of the autoscaler, which serves all workspaces."""

from collections.abc import Iterator
from datetime import timedelta

from prometheus_client.core import GaugeMetricFamily, Metric

from controlplane.core.clock import now
from scaling.queries.events import count_events
from scaling.queries.launches import get_pause, measure_startup
from scaling.queries.pool import AUTOSCALER, get_backend, read_pool
from tasks_app.queries.engine_health import view_leader

_DAY = timedelta(days=1)


def expose_scaling() -> Iterator[Metric]:
    """What is unknown is left out: the target before a decision, the lag before a first pass, the
    start-up time before the first launch."""
    pool = read_pool()
    if pool.target is not None:
        yield GaugeMetricFamily("taskplane_workers_target", "Desired workers.", value=pool.target)
    workers = GaugeMetricFamily(
        "taskplane_workers", "Workers as of the autoscaler's last pass.", labels=["state"]
    )
    if pool.backend:
        for state in ("ready", "starting", "draining"):
            workers.add_metric([state], getattr(pool, state))
    yield workers
    events = GaugeMetricFamily(
        "taskplane_scaling_events_last_day",
        "Decisions of the last 24 hours that changed something, by outcome.",
        labels=["state"],
    )
    for state, count in count_events(now() - _DAY).items():
        events.add_metric([state], count)
    yield events
    seen = view_leader(AUTOSCALER).seen_ago
    if seen is not None:
        yield GaugeMetricFamily(
            "taskplane_autoscaler_lag_seconds",
            "Seconds since the autoscaler's last pass.",
            value=seen.total_seconds(),
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
