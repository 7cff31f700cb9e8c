"""Reports: figures, series, comparisons. Counts of an audit add up."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controlplane.core.runtime.histograms import bucket_of
from controlplane.ops.stress.audit import add_counts
from controlplane.ops.stress.checks import AuditCounts
from controlplane.ops.stress.report import (
    MAX_POINTS,
    Point,
    Summary,
    compare,
    describe_times,
    thin,
    write_report,
)

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def counts_of(count: int, *, run_seconds: float = 1.0, start: float = 1.0) -> dict[str, Any]:
    """The audit of some tasks that completed side by side, as the statement gives it."""
    run_ms = run_seconds * 1_000
    return {
        **dict.fromkeys(AuditCounts.__dataclass_fields__, 0),
        "completed": count,
        "charged": count,
        "attempts": count,
        "longest_wait": 500.0,
        "longest_run": run_ms,
        "last_end": at(start + run_seconds).timestamp(),
        "outcomes": {"SUCCEEDED": count},
        "waits": {str(bucket_of(500.0)): count},
        "runs": {str(bucket_of(run_ms)): count},
        "examples": {"lost": None, "order": [f"{count}/{n}" for n in range(4)]},
    }


def total(*parts: dict[str, Any]) -> AuditCounts:
    counts = AuditCounts()
    for part in parts:
        counts = add_counts(counts, part)
    return counts


def summary(**fields: Any) -> Summary:
    values: dict[str, Any] = {
        "parameters": {"tasks": 30},
        "environment": {"slots": 2},
        "submitted": 30,
        "dependents": 0,
        "edges": 0,
        "begun_at": BEGIN,
        "submitted_at": at(2),
        "ended_at": at(10),
        "peak_running": 12,
        "peak_waiting": 20,
        "stale_writes": 0,
        "ends_as": "DONE",
        "reason": "",
        "points": [],
        "scaling": {},
    }
    return Summary(**{**values, **fields})


def test_counts_add_up() -> None:
    counts = total(counts_of(10), counts_of(20, run_seconds=4.0, start=0.5))
    assert (counts.completed, counts.attempts) == (30, 30)
    assert sum(counts.runs.values()) == 30
    assert counts.longest_run == 4_000
    assert counts.last_end == at(4.5).timestamp()
    assert counts.outcomes == {"SUCCEEDED": 30}
    assert counts.examples == {"lost": [], "order": ["10/0", "10/1", "10/2", "10/3", "20/0"]}
    assert total() == AuditCounts()


def test_the_figures() -> None:
    report = write_report(total(counts_of(10), counts_of(20, run_seconds=4.0)), summary())
    figures = report["figures"]
    assert report["verdict"] == "PASSED"
    assert (figures["submitPerSecond"], figures["completePerSecond"]) == (15.0, 6.0)
    assert figures["elapsedSeconds"] == 5.0
    assert figures["runMs"]["p50"] == pytest.approx(4_000, rel=0.05)
    assert figures["runMs"]["max"] == pytest.approx(4_000)
    assert figures["waitMs"]["p99"] == pytest.approx(500, rel=0.05)
    assert (figures["peakInFlight"], figures["peakBacklog"]) == (12, 20)


def test_a_report_of_nothing() -> None:
    report = write_report(AuditCounts(), summary(submitted=0, ends_as="STOPPED", submitted_at=None))
    assert report["verdict"] == "PASSED"
    assert report["figures"]["waitMs"] == {"p50": None, "p95": None, "p99": None, "max": None}
    assert report["figures"]["completePerSecond"] is None


def test_a_percentile_never_exceeds_the_longest() -> None:
    times = describe_times({0: 1}, 0.93)
    assert times == {"p50": 0.93, "p95": 0.93, "p99": 0.93, "max": 0.93}


@pytest.mark.parametrize("count", [0, 1, 300, 301, 599, 600, 601, 5_000])
def test_a_series_has_few_points_and_the_last(count: int) -> None:
    points = [Point(at(n), n, 0, 0, 0, 1) for n in range(count)]
    kept = thin(points)
    assert len(kept) <= MAX_POINTS
    assert kept[-1:] == points[-1:]
    assert kept == sorted(kept, key=lambda point: point.at)


def test_a_comparison_says_what_is_better() -> None:
    slow = write_report(total(counts_of(30, run_seconds=4.0)), summary())
    quick = write_report(total(counts_of(30, run_seconds=1.0)), summary(environment={"slots": 4}))
    found = compare(quick, slow)
    changes = {figure["name"]: figure["change"] for figure in found["figures"]}
    assert changes["completePerSecond"] == changes["runMs.p95"] == "better"
    assert changes["submitPerSecond"] == changes["waitMs.p50"] == "alike"
    assert found["warnings"] == ["slots differs at the beginning: 4 and 2."]
    assert {f["change"] for f in compare(slow, quick)["figures"]} == {"worse", "alike"}


def test_another_seed_matters_only_to_tests_with_failures() -> None:
    def with_seed(seed: int, rate: float) -> dict[str, Any]:
        parameters = {"tasks": 30, "failureRate": rate, "seed": seed}
        return write_report(total(counts_of(30)), summary(parameters=parameters))

    assert compare(with_seed(1, 0.0), with_seed(2, 0.0))["warnings"] == []
    assert compare(with_seed(1, 0.1), with_seed(2, 0.1))["warnings"] == ["seed differs: 1 and 2."]


def test_fewer_points_keep_the_peaks() -> None:
    begin = datetime(2030, 1, 1, tzinfo=UTC)
    points = [
        Point(begin + timedelta(seconds=n), n, n, n % 7, 58 if n == 5 else 2, 1)
        for n in range(1_000)
    ]
    few = thin(points)
    assert len(few) <= 300
    assert few[-1].ended == 999
    assert max(point.running for point in few) == 58
    assert max(point.waiting for point in few) == 6


def test_completed_a_second_counts_no_other_ends() -> None:
    counts = AuditCounts(completed=10, failed=20, cancelled=5, last_end=at(5).timestamp())
    assert write_report(counts, summary(submitted=35))["figures"]["completePerSecond"] == 2.0
