"""A test's report as JSON: the verdict with its checks, the figures, the series; and two reports
side by side. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from controlplane.core.clock import utc_z
from controlplane.core.runtime.histograms import Histogram, percentile
from controlplane.ops.stress.checks import AuditCounts, judge, summarize, verdict_of
from controlplane.ops.stress.states import FigureChange, Verdict

REPORT_VERSION = 1
MAX_POINTS = 300
# The figures in the order in which people read them, with their headings.
FIGURES = {
    "submitted": "Submitted",
    "completed": "Completed",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "dependents": "Dependents",
    "dependencies": "Dependencies",
    "elapsedSeconds": "Duration (s)",
    "submitPerSecond": "Submissions per second",
    "completePerSecond": "Completions per second",
    "waitMs": "Wait (ms)",
    "runMs": "Run time (ms)",
    "peakInFlight": "Peak tasks in flight",
    "peakBacklog": "Peak waiting tasks",
    "attempts": "Attempts",
    "failedAttempts": "Failed attempts",
    "interruptedAttempts": "Interrupted attempts",
    "lostAttempts": "Lost attempts",
    "staleWrites": "Stale writes",
}
_PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
# The compared figures by their path in the report, and whether more is better.
_COMPARED: dict[str, bool] = {
    "completePerSecond": True,
    "submitPerSecond": True,
    "elapsedSeconds": False,
    "waitMs.p50": False,
    "waitMs.p95": False,
    "waitMs.p99": False,
    "runMs.p50": False,
    "runMs.p95": False,
    "runMs.p99": False,
    "peakInFlight": True,
    "peakBacklog": False,
    "lostAttempts": False,
    "staleWrites": False,
}
_ALIKE = 0.05  # the error of the distributions


@dataclass(frozen=True, slots=True)
class Point:
    """The counts of a test at one moment. `running` is the maximum since the previous point,
    computed from the attempts; `waiting` is a sample."""

    at: datetime
    submitted: int
    ended: int
    waiting: int
    running: int
    workers: int

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "at": utc_z(self.at)}


@dataclass(frozen=True, slots=True)
class Summary:
    """The input of a report besides the audit of the tasks."""

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


def write_report(counts: AuditCounts, summary: Summary) -> dict[str, Any]:
    """The report. `sentence` is the verdict in words."""
    checks = judge(
        counts,
        submitted=summary.submitted,
        edges=summary.edges,
        ends_as=summary.ends_as,
        reason=summary.reason,
    )
    return {
        "reportVersion": REPORT_VERSION,
        "verdict": verdict_of(checks).value,
        "sentence": summarize(checks, summary.submitted),
        "reason": summary.reason or None,
        "checks": [check.to_json() for check in checks],
        "figures": _figures(counts, summary),
        "series": [point.to_json() for point in thin(summary.points)],
        "scaling": dict(summary.scaling),
        "environment": dict(summary.environment),
        "parameters": dict(summary.parameters),
    }


def read_histogram(data: Mapping[str, int]) -> dict[int, int]:
    """A distribution from JSON, whose objects have strings as keys."""
    return {int(bucket): count for bucket, count in data.items()}


def describe_times(histogram: Histogram, longest: float | None = None) -> dict[str, Any]:
    """Percentiles in milliseconds; null without times. `longest` is exact."""
    times: dict[str, Any] = {
        name: _rounded(percentile(histogram, share)) for name, share in _PERCENTILES.items()
    }
    if longest is not None:
        times["max"] = _rounded(longest) if histogram else None
        # A percentile is exact within 5 %; it must not exceed the longest.
        for name in _PERCENTILES:
            if times[name] is not None:
                times[name] = min(times[name], times["max"])
    return times


def thin(points: Sequence[Point]) -> list[Point]:
    """At most MAX_POINTS of them, evenly spaced, including the last. `waiting` and `running` are
    the maximum of the replaced points."""
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


def _figures(counts: AuditCounts, summary: Summary) -> dict[str, Any]:
    end = max(counts.last_end or 0.0, summary.begun_at.timestamp())
    # When a test is stopped, its submission ends with it.
    submitted_at = summary.submitted_at or summary.ended_at
    submitting = (submitted_at - summary.begun_at).total_seconds()
    outcomes = counts.outcomes
    return {
        "submitted": summary.submitted,
        "completed": counts.completed,
        "failed": counts.failed,
        "cancelled": counts.cancelled,
        "dependents": summary.dependents,
        "dependencies": summary.edges,
        "elapsedSeconds": _rounded(end - summary.begun_at.timestamp()),
        "submitPerSecond": _per_second(summary.submitted, submitting),
        "completePerSecond": _per_second(counts.completed, end - summary.begun_at.timestamp()),
        "waitMs": describe_times(read_histogram(counts.waits), counts.longest_wait),
        "runMs": describe_times(read_histogram(counts.runs), counts.longest_run),
        "peakInFlight": summary.peak_running,
        "peakBacklog": summary.peak_waiting,
        "attempts": counts.attempts,
        "failedAttempts": outcomes.get("FAILED", 0) + outcomes.get("TIMED_OUT", 0),
        "interruptedAttempts": outcomes.get("INTERRUPTED", 0),
        "lostAttempts": outcomes.get("LOST", 0),
        "staleWrites": summary.stale_writes,
    }


def _per_second(count: int, seconds: float) -> float | None:
    return _rounded(count / seconds) if seconds > 0 else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def write_broken_report(
    parameters: Mapping[str, Any], environment: Mapping[str, Any], reason: str
) -> dict[str, Any]:
    """The report of a test whose tasks could not be audited."""
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
    """The figures of a report in display order, each percentile separately. (The database does not
    keep the order of an object's keys.)"""
    figures_in_order: list[tuple[str, Any]] = []
    for name in FIGURES:
        value = figures.get(name)
        if isinstance(value, Mapping):
            figures_in_order += [
                (f"{name} {part}", value.get(part)) for part in (*_PERCENTILES, "max")
            ]
        elif name in figures:
            figures_in_order.append((name, value))
    return figures_in_order


def compare(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of `one` as multiples of those of `other`, and reasons why they may not be
    comparable."""
    return {
        "figures": [_compare_figure(name, one, other) for name in _COMPARED],
        "verdicts": [one["verdict"], other["verdict"]],
        "warnings": _warnings(one, other),
    }


def _compare_figure(name: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    mine, theirs = _at(one["figures"], name), _at(other["figures"], name)
    ratio = None if mine is None or not theirs else round(mine / theirs, 3)
    return {
        "name": name,
        "value": mine,
        "other": theirs,
        "ratio": ratio,
        "change": _change(name, mine, theirs).value,
    }


def _change(name: str, mine: float | None, theirs: float | None) -> FigureChange:
    if mine is None or theirs is None:
        return FigureChange.UNKNOWN
    if abs(mine - theirs) <= _ALIKE * theirs:
        return FigureChange.ALIKE
    is_better = (mine > theirs) == _COMPARED[name]
    return FigureChange.BETTER if is_better else FigureChange.WORSE


def _warnings(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    warnings = []
    has_failures = any(report["parameters"].get("failureRate") for report in (one, other))
    for name, value in one["parameters"].items():
        theirs = other["parameters"].get(name)
        # Without failures the seed decides nothing.
        if value != theirs and (name != "seed" or has_failures):
            warnings.append(f"{name} differs: {_text(value)} and {_text(theirs)}.")
    for name in ("slots", "version", "python", "database"):
        mine, theirs = one["environment"].get(name), other["environment"].get(name)
        if mine != theirs:
            warnings.append(f"{name} differs at the beginning: {_text(mine)} and {_text(theirs)}.")
    for which, report in (("first", one), ("second", other)):
        if report["reason"]:
            warnings.append(f"The {which} test did not run to its end: {report['reason']}")
    if one["reportVersion"] != other["reportVersion"]:
        warnings.append("The reports are of different versions.")
    return warnings


def _at(figures: Mapping[str, Any], path: str) -> float | None:
    value: Any = figures
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return None if value is None else float(value)


def _text(value: Any) -> str:
    return "none" if value is None else str(value)
