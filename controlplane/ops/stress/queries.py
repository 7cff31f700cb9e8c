"""Reads of stress tests, with figures derived from their counts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, NotFound
from controlplane.core.formatting import percent_done
from controlplane.ops.stress.models import StressTest
from controlplane.ops.stress.report import compare, describe_times, read_histogram
from controlplane.ops.stress.states import ENDED

# The time over which the current rate is taken.
_RECENT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class StressView:
    """A test with figures derived from its counts. Times are in milliseconds, null before the
    first."""

    test: StressTest
    expected: dict[str, int] | None  # outcomes of all tasks; None until all are planned
    percent: float  # of the tasks that have ended
    elapsed_seconds: float | None
    eta_seconds: float | None  # at the current rate; None when nothing ends
    rate_now: float | None  # tasks that ended per second in the last ten
    wait_ms: dict[str, Any]
    run_ms: dict[str, Any]


def list_tests(workspace_id: UUID, states: Collection[str] = ()) -> QuerySet[StressTest]:
    """Tests of a workspace, newest first, without the reports."""
    tests = StressTest.objects.filter(workspace_id=workspace_id).defer("report")
    return tests.filter(state__in=list(states)) if states else tests


def get_test(workspace_id: UUID, test_id: UUID) -> StressTest:
    """One test of a workspace. Raises NotFound."""
    test = StressTest.objects.filter(workspace_id=workspace_id, id=test_id).first()
    if test is None:
        raise NotFound(f"There is no stress test {test_id}.")
    return test


def describe_test(test: StressTest, at: datetime | None = None) -> StressView:
    """The progress of a test at a moment, by default now."""
    at = at or now()
    ended = test.completed + test.failed + test.cancelled
    until = test.finished_at or at
    elapsed = (until - test.begun_at).total_seconds() if test.begun_at else None
    rate = None if test.state in ENDED else _rate(test, ended, at)
    return StressView(
        test=test,
        expected=_expected(test),
        percent=percent_done(ended, test.tasks),
        elapsed_seconds=elapsed,
        eta_seconds=_eta(test, ended, rate),
        rate_now=rate,
        wait_ms=describe_times(read_histogram(test.waits)),
        run_ms=describe_times(read_histogram(test.runs)),
    )


def compare_tests(workspace_id: UUID, test_id: UUID, other_id: UUID) -> dict[str, Any]:
    """The reports of two tests side by side; the first one's figures as multiples of the other's.

    Raises NotFound, and Conflict if one has no report yet.
    """
    tests = [get_test(workspace_id, each) for each in (test_id, other_id)]
    comparison = compare(*(_report_of(test) for test in tests))
    return {
        "tests": [{"id": str(t.id), "name": t.name, "verdict": t.verdict} for t in tests],
        "figures": comparison["figures"],
        "warnings": comparison["warnings"],
    }


def _report_of(test: StressTest) -> dict[str, Any]:
    if test.report is None:
        raise Conflict(f"The stress test {test.id} has no report yet: it is {test.state}.")
    report: dict[str, Any] = test.report
    return report


def _expected(test: StressTest) -> dict[str, int] | None:
    if test.submitted < test.tasks:
        return None
    failed, cancelled = test.expected_failed, test.expected_cancelled
    return {
        "completed": test.submitted - failed - cancelled,
        "failed": failed,
        "cancelled": cancelled,
    }


def _rate(test: StressTest, ended: int, at: datetime) -> float | None:
    since = test.samples.filter(at__gte=at - _RECENT).order_by("id").first()
    if since is None:
        return None
    seconds = (at - since.at).total_seconds()
    return round(max(0, ended - since.ended) / seconds, 3) if seconds > 0 else None


def _eta(test: StressTest, ended: int, rate: float | None) -> float | None:
    if not rate:
        return None
    seconds = (test.tasks - ended) / rate
    if test.rate_per_second:
        # What is not submitted yet cannot end sooner.
        seconds = max(seconds, (test.tasks - test.submitted) / test.rate_per_second)
    return round(seconds, 1)
