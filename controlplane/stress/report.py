"""A test's report as JSON: the verdict with its checks, the figures, the series. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from controlplane.core.clock import utc_z
from controlplane.stress.facts import Facts
from controlplane.stress.states import Verdict
from controlplane.stress.verdicts import judge, summarize, verdict_of
from tasks_app.histograms import Histogram, percentile

REPORT_VERSION = 1
MAX_POINTS = 300
_ORDER = (
    "submitted", "completed", "failed", "cancelled", "dependents", "dependencies",
    "elapsedSeconds", "submitPerSecond", "completePerSecond", "waitMs", "runMs", "peakInFlight",
    "peakBacklog", "attempts", "failedAttempts", "interruptedAttempts", "lostAttempts",
    "staleWrites",
)  # fmt: skip
_PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Point:
    """Where the test stood at one moment. `running` is the most since the point before, from the
    attempts; `waiting` is as it was sampled."""

    at: datetime
    submitted: int
    ended: int
    waiting: int
    running: int
    workers: int

    def to_json(self) -> dict[str, Any]:
        """As a report holds it."""
        return {
            "at": utc_z(self.at),
            "submitted": self.submitted,
            "ended": self.ended,
            "waiting": self.waiting,
            "running": self.running,
            "workers": self.workers,
        }


@dataclass(frozen=True, slots=True)
class Course:
    """How a test went, beside what is on record of its tasks."""

    parameters: Mapping[str, Any]
    environment: Mapping[str, Any]
    submitted: int
    dependents: int
    edges: int
    begun_at: datetime
    submitted_at: datetime | None  # the last task
    ended_at: datetime
    peak_running: int
    peak_waiting: int
    stale_writes: int
    ends_as: str
    reason: str
    points: Sequence[Point]
    scaling: Mapping[str, Any]


def write_report(facts: Facts, course: Course) -> dict[str, Any]:
    """The report. `sentence` says the verdict in words."""
    checks = judge(
        facts,
        submitted=course.submitted,
        edges=course.edges,
        ends_as=course.ends_as,
        reason=course.reason,
    )
    return {
        "reportVersion": REPORT_VERSION,
        "verdict": verdict_of(checks).value,
        "sentence": summarize(checks, course.submitted),
        "reason": course.reason or None,
        "checks": [check.to_json() for check in checks],
        "figures": _figures(facts, course),
        "series": [point.to_json() for point in thin(course.points)],
        "scaling": dict(course.scaling),
        "environment": dict(course.environment),
        "parameters": dict(course.parameters),
    }


def describe_times(histogram: Histogram, longest: float | None = None) -> dict[str, Any]:
    """Percentiles in milliseconds; null of no times. `longest` is exact."""
    found: dict[str, Any] = {
        name: _rounded(percentile(histogram, share)) for name, share in _PERCENTILES.items()
    }
    if longest is not None:
        found["max"] = _rounded(longest) if histogram else None
        # A percentile is told within 5 %; it must not read as above the longest.
        for name in _PERCENTILES:
            if found[name] is not None:
                found[name] = min(found[name], found["max"])
    return found


def thin(points: Sequence[Point]) -> list[Point]:
    """At most MAX_POINTS of them, evenly, the last among them. What waits and runs is the most of
    the points that each stands for."""
    step = -(-len(points) // MAX_POINTS) or 1
    ends = range(len(points), 0, -step)
    return [
        replace(
            points[end - 1],
            waiting=max(point.waiting for point in points[max(0, end - step) : end]),
            running=max(point.running for point in points[max(0, end - step) : end]),
        )
        for end in reversed(ends)
    ]


def _figures(facts: Facts, course: Course) -> dict[str, Any]:
    end = max(facts.last_end or 0.0, course.begun_at.timestamp())
    # Of a test that was stopped, submitting ended with it.
    submitted_at = course.submitted_at or course.ended_at
    submitting = (submitted_at - course.begun_at).total_seconds()
    outcomes = facts.outcomes
    return {
        "submitted": course.submitted,
        "completed": facts.completed,
        "failed": facts.failed,
        "cancelled": facts.cancelled,
        "dependents": course.dependents,
        "dependencies": course.edges,
        "elapsedSeconds": _rounded(end - course.begun_at.timestamp()),
        "submitPerSecond": _per_second(course.submitted, submitting),
        "completePerSecond": _per_second(facts.completed, end - course.begun_at.timestamp()),
        "waitMs": describe_times(facts.waits, facts.longest_wait),
        "runMs": describe_times(facts.runs, facts.longest_run),
        "peakInFlight": course.peak_running,
        "peakBacklog": course.peak_waiting,
        "attempts": facts.attempts,
        "failedAttempts": outcomes.get("FAILED", 0) + outcomes.get("TIMED_OUT", 0),
        "interruptedAttempts": outcomes.get("INTERRUPTED", 0),
        "lostAttempts": outcomes.get("LOST", 0),
        "staleWrites": course.stale_writes,
    }


def _per_second(count: int, seconds: float) -> float | None:
    return _rounded(count / seconds) if seconds > 0 else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def write_broken_report(
    parameters: Mapping[str, Any], environment: Mapping[str, Any], reason: str
) -> dict[str, Any]:
    """The report of a test whose tasks could not be read: it passed nothing."""
    return {
        "reportVersion": REPORT_VERSION,
        "verdict": Verdict.FAILED.value,
        "sentence": f"Failed: the tasks could not be checked. {reason}",
        "reason": reason,
        "checks": [],
        "figures": {},
        "series": [],
        "scaling": {},
        "environment": dict(environment),
        "parameters": dict(parameters),
    }


def list_figures(figures: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The figures of a report in the order for people, those of times one by one. (The database
    keeps no order of an object's names.)"""
    found: list[tuple[str, Any]] = []
    for name in _ORDER:
        value = figures.get(name)
        if isinstance(value, Mapping):
            found += [(f"{name} {part}", value.get(part)) for part in (*_PERCENTILES, "max")]
        elif name in figures:
            found.append((name, value))
    return found
