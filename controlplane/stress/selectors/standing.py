"""Stress tests, and how each stands."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, NotFound
from controlplane.core.percent import percent_done
from controlplane.stress.comparing import compare
from controlplane.stress.facts import histogram_of
from controlplane.stress.models import StressTest
from controlplane.stress.report import describe_times
from controlplane.stress.states import ENDED

# Over which the present rate is taken.
_RECENT = timedelta(seconds=10)
_NAMES = {
    "tasks": "tasks",
    "type": "type",
    "durationMs": "duration_ms",
    "failureRate": "failure_rate",
    "dependentShare": "dependent_share",
    "shape": "shape",
    "ratePerSecond": "rate_per_second",
    "seed": "seed",
}


@dataclass(frozen=True, slots=True)
class StressView:
    """A test with what follows from its counts. Times in milliseconds, null of none yet."""

    test: StressTest
    expected: dict[str, int] | None  # the ends of all tasks; None until all are planned
    percent: float  # of the tasks that have ended
    elapsed_seconds: float | None
    eta_seconds: float | None  # at the present rate; None when nothing ends
    rate_now: float | None  # tasks that ended per second, lately
    wait_ms: dict[str, Any]
    run_ms: dict[str, Any]


def list_tests(workspace_id: UUID, states: Collection[str] = ()) -> QuerySet[StressTest]:
    """Tests of a workspace, newest first, without what only one test's page shows."""
    tests = StressTest.objects.filter(workspace_id=workspace_id).defer("report")
    return tests.filter(state__in=list(states)) if states else tests


def get_test(workspace_id: UUID, test_id: UUID) -> StressTest:
    """One test of a workspace. Raises NotFound."""
    test = StressTest.objects.filter(workspace_id=workspace_id, id=test_id).first()
    if test is None:
        raise NotFound(f"There is no stress test {test_id}.")
    return test


def parameters_of(test: StressTest) -> dict[str, Any]:
    """What was asked, with the API's names."""
    return {name: getattr(test, column) for name, column in _NAMES.items()}


def describe_test(test: StressTest, at: datetime | None = None) -> StressView:
    """A test as it stands `at` a moment, by default now."""
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
        wait_ms=describe_times(histogram_of(test.waits)),
        run_ms=describe_times(histogram_of(test.runs)),
    )


def compare_tests(workspace_id: UUID, test_id: UUID, other_id: UUID) -> dict[str, Any]:
    """The reports of two tests side by side; the first one's figures as multiples of the other's.

    Raises NotFound, Conflict when one has no report yet.
    """
    tests = [get_test(workspace_id, each) for each in (test_id, other_id)]
    found = compare(*(_report_of(test) for test in tests))
    return {
        "tests": [{"id": str(t.id), "name": t.name, "verdict": t.verdict} for t in tests],
        "figures": found["figures"],
        "warnings": found["warnings"],
    }


def _report_of(test: StressTest) -> dict[str, Any]:
    if test.report is None:
        raise Conflict(f"The stress test {test.id} has no report yet: it is {test.state}.")
    found: dict[str, Any] = test.report
    return found


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
