"""The statements of the audit: what they count, in slices, and the peak of running attempts."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from controlplane.ops.stress import audit
from controlplane.ops.stress.audit import audit_next, find_peaks
from controlplane.ops.stress.checks import AuditCounts
from controlplane.ops.stress.models import StressTest
from tasks_app.models import Task, TaskAttempt, TaskDependency
from tests.factories import make_stress_test
from tests.stress_driver import drive_to, end_tasks, tasks_of

pytestmark = pytest.mark.django_db
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def settled(tasks: int, **parameters: Any) -> StressTest:
    """A test whose tasks have all ended."""
    test = drive_to(make_stress_test(tasks, **parameters), "SETTLING")
    end_tasks(test)
    return drive_to(test, "CHECKING")


def set_attempt(task: UUID, start: float, end: float, outcome: str = "SUCCEEDED") -> None:
    TaskAttempt.objects.filter(task_id=task).update(
        started_at=at(start), finished_at=at(end), outcome=outcome
    )


def audited(test: StressTest) -> AuditCounts:
    test.audit = test.audited_to = None
    assert audit_next(test, lambda: False)
    return AuditCounts(**test.audit or {})


def test_slices_give_the_counts_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    test = settled(60, failure_rate=0.2, dependent_share=0.4, seed=7)
    whole = audited(test)
    assert whole.completed + whole.failed + whole.cancelled == 60
    assert whole.edges == test.edges == TaskDependency.objects.count() > 0
    assert whole.charged == whole.attempts == TaskAttempt.objects.count()
    assert sum(whole.waits.values()) == sum(whole.runs.values()) == whole.attempts
    monkeypatch.setattr(audit, "_TASKS_A_STATEMENT", 7)
    assert audited(test) == whole
    # A pass that is over goes on where it stopped.
    test.audit = test.audited_to = None
    passes = 1
    while not audit_next(test, lambda: True):
        passes += 1
    assert (passes, AuditCounts(**test.audit or {})) == (60 // 7 + 1, whole)


def test_a_start_at_the_end_of_the_parent_is_in_order() -> None:
    test = settled(2, dependent_share=0.5, shape="chains")
    parent, child = tasks_of(test)
    Task.objects.filter(id=parent).update(finished_at=at(1))
    set_attempt(parent, 0, 1)
    set_attempt(child, 1, 3)
    assert audited(test).disordered == 0
    set_attempt(child, 0.999, 3)
    counts = audited(test)
    assert (counts.disordered, counts.examples["order"]) == (1, [str(child)])


@pytest.mark.parametrize(
    ("attempts", "ends", "peaks"),
    [
        ([], [9], [0]),
        ([(1, 5), (5, 9)], [9], [1]),
        ([(1, 5), (4, 9), (2, 3)], [9], [2]),
        ([(0, 10), (1, 10), (2, 10)], [10], [3]),
        # A peak between two samples, one that goes on over several intervals, and none.
        ([(10, 20), (11, 21), (12, 22), (40, 90)], [5, 30, 35, 60, 95], [0, 3, 0, 1, 1]),
        ([(10, 20), (11, 21), (12, 22), (40, 90)], [5, 95], [0, 3]),
    ],
)
def test_the_peak_in_each_interval(
    attempts: list[tuple[int, int]], ends: list[int], peaks: list[int]
) -> None:
    test = settled(4)
    TaskAttempt.objects.filter(task_id__in=tasks_of(test)[len(attempts) :]).delete()
    for task, (begin, end) in zip(tasks_of(test), attempts, strict=False):
        set_attempt(task, begin, end)
    assert find_peaks(test, [at(end) for end in ends]) == peaks


def test_a_lost_attempt_is_in_no_peak() -> None:
    test = settled(2)
    known, lost = tasks_of(test)
    set_attempt(known, 1, 1.00001)
    set_attempt(lost, 1, 30, "LOST")
    assert find_peaks(test, [at(60)]) == [1]
