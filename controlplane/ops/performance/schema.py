"""What is exported of the page of performance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane.core.schema import Resource, shown
from controlplane.core.schema.filters import condition
from controlplane.core.schema.values import COMMA, Moment, Search, Texts
from controlplane.ops.performance.span import DEFAULT, PRESETS

_RATE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class SpanFilter:
    """A span of time that ends now, or one from `from` up to `to`."""

    span: str = condition(
        "span", Search(empty=DEFAULT), f"One of {', '.join(PRESETS)}, each up to now."
    )
    begin: datetime | None = condition("from", Moment(), "Instead of `span`: where it begins.")
    end: datetime | None = condition("to", Moment(), "Where it ends; now without it.")


@dataclass(frozen=True, slots=True)
class PerformanceFilter(SpanFilter):
    """A span, and the types of tasks whose figures are wanted."""

    types: tuple[str, ...] = condition("type", Texts(), f"Tasks of these types. {COMMA}")


def _rate(attribute: str) -> Any:
    def read(step: Any) -> float | None:
        found = getattr(step, attribute)
        return None if found is None else round(found, _RATE_DIGITS)

    return shown(compute=read)


class PerformanceStep(Resource):
    """One step of a span, with its beginning. `waiting`, `running` and `slots` are those of its
    last sampled minute, of tasks of every type; a percentile is within 4.8 %. Null: nothing was
    measured."""

    at: datetime
    waiting: int | None
    running: int | None
    slots: int | None = shown("Those of all workers, which every workspace shares.")
    submitted_per_second: float | None = _rate("submitted_per_second")
    started_per_second: float | None = _rate("started_per_second")
    completed_per_second: float | None = _rate("completed_per_second")
    retrying_per_second: float | None = _rate("retrying_per_second")
    failed_per_second: float | None = _rate("failed_per_second")
    cancelled_per_second: float | None = _rate("cancelled_per_second")
    error_rate: float | None = shown("Failed tasks among those that completed or failed.")
    attempt_error_rate: float | None = shown(
        "Failed attempts among those that succeeded or failed."
    )
    wait_p50_ms: float | None
    wait_p95_ms: float | None
    run_p50_ms: float | None
    run_p95_ms: float | None


def _percentile(times: str, name: str) -> Any:
    return shown(compute=lambda row: getattr(row, times)[name])


class TypeWork(Resource):
    """The tasks of one type within a span. A percentile is within 4.8 %; rates are null if nothing
    completed or failed, times without attempts."""

    type: str = shown(source="name")
    submitted: int
    completed: int
    failed: int = shown(source="failed_tasks")
    cancelled_attempts: int = shown(source="cancelled")
    failed_attempts: int = shown("Attempts that failed, timed out or were lost.", source="failed")
    retried_attempts: int = shown(
        "The part of them that was followed by another attempt.", source="retried"
    )
    error_rate: float | None = shown("Failed tasks among those that completed or failed.")
    wait_p50_ms: float | None = _percentile("queueing_ms", "p50")
    wait_p95_ms: float | None = _percentile("queueing_ms", "p95")
    run_p50_ms: float | None = _percentile("processing_ms", "p50")
    run_p95_ms: float | None = _percentile("processing_ms", "p95")


class NodeWork(Resource):
    """What a node did within a span, for all workspaces, by its samples."""

    id: int
    name: str
    ended: int = shown("Tasks that ended on it.")
    failed: int = shown("The part of them that failed for good.")
    error_rate: float | None = _rate("error_rate")
    running: float = shown("Handlers that ran, on average.")
    cpu: float = shown("Percent of one core, on average.", source="cpu_percent")
    memory: int = shown("Bytes, at most.", source="memory_bytes")
    wait_p50_ms: float | None = shown(
        "These four are of its newest attempts in the span, null without any.",
        source="times.wait_p50_ms",
    )
    wait_p95_ms: float | None = shown(source="times.wait_p95_ms")
    run_p50_ms: float | None = shown(source="times.run_p50_ms")
    run_p95_ms: float | None = shown(source="times.run_p95_ms")


CHART_FIELDS: dict[str, Sequence[str]] = {
    "states": ("at", "waiting", "running", "slots"),
    "throughput": ("at", "submittedPerSecond", "startedPerSecond"),
    "errors": ("at", "errorRate", "attemptErrorRate"),
    "outcomes": (
        "at", "completedPerSecond", "retryingPerSecond", "failedPerSecond", "cancelledPerSecond",
    ),
    "waits": ("at", "waitP50Ms", "waitP95Ms"),
    "runs": ("at", "runP50Ms", "runP95Ms"),
}  # fmt: skip
"""The columns of the file of each chart."""
