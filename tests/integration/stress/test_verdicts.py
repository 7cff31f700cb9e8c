"""The verdict fails when the record is not as it must be: each check is seen to fail."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from controlplane.ops.stress.models import StressTest
from tasks_app.models import Task, TaskAttempt, TaskDependency
from tests.factories import make_attempt, make_stress_test
from tests.stress_driver import drive_to, end_tasks, tasks_of

pytestmark = pytest.mark.django_db


def of_test(test: StressTest, **fields: Any) -> Task:
    """The first task like this; no other task has to do with it."""
    single = Task.objects.filter(id__in=tasks_of(test), has_dependents=False, **fields)
    found = single.filter(dependencies__isnull=True).order_by("id").first()
    assert found is not None
    return found


def remove(test: StressTest) -> Task:
    """A task is gone."""
    task = of_test(test, state="COMPLETED")
    TaskAttempt.objects.filter(task_id=task.id).delete()
    Task.objects.filter(id=task.id).delete()
    return task


def leave_open(test: StressTest) -> Task:
    """A task has not ended."""
    task = of_test(test, state="COMPLETED")
    TaskAttempt.objects.filter(task_id=task.id).delete()
    Task.objects.filter(id=task.id).update(state="PENDING", finished_at=None, attempt=0)
    return task


def succeed_twice(test: StressTest) -> Task:
    """A task has a second success, with the attempt that goes with it."""
    task = of_test(test, state="COMPLETED")
    make_attempt(task, 2)
    Task.objects.filter(id=task.id).update(attempt=2, max_attempts=3)
    return task


def run_twice_at_once(test: StressTest) -> Task:
    """A second attempt began before the first, which was lost, had ended."""
    task = of_test(test, state="COMPLETED")
    first = TaskAttempt.objects.get(task_id=task.id)
    TaskAttempt.objects.filter(task_id=task.id).update(outcome="LOST")
    make_attempt(
        task,
        2,
        started_at=first.finished_at - timedelta(microseconds=1),
        finished_at=first.finished_at,
    )
    Task.objects.filter(id=task.id).update(attempt=2, max_attempts=3)
    return task


def start_early(test: StressTest) -> Task:
    """A task started just before its parent had ended."""
    edge = TaskDependency.objects.select_related("task", "depends_on").get(
        task_id=TaskAttempt.objects.filter(task__dependencies__isnull=False)
        .order_by("task_id")
        .values_list("task_id", flat=True)[0],
        depends_on__has_dependents=True,
    )
    before = edge.depends_on.finished_at - timedelta(microseconds=1)
    TaskAttempt.objects.filter(task_id=edge.task_id).update(started_at=before)
    return edge.task


def forget_edge(test: StressTest) -> None:
    """A dependency was never written."""
    TaskDependency.objects.filter(
        pk=TaskDependency.objects.values_list("pk", flat=True)[0]
    ).delete()


def charge_without_record(test: StressTest) -> Task:
    """An attempt was charged of which nothing is on record."""
    task = of_test(test, state="COMPLETED")
    Task.objects.filter(id=task.id).update(attempt=2, max_attempts=3)
    return task


def complete_without_success(test: StressTest) -> Task:
    """A task completed whose only attempt failed."""
    task = of_test(test, state="COMPLETED")
    TaskAttempt.objects.filter(task_id=task.id).update(outcome="FAILED")
    return task


def fail_unplanned(test: StressTest) -> Task:
    """A task failed that was not to."""
    task = of_test(test, state="COMPLETED")
    Task.objects.filter(id=task.id).update(state="FAILED")
    return task


def complete_unplanned(test: StressTest) -> Task:
    """A task completed that was to fail."""
    task = of_test(test, state="FAILED")
    Task.objects.filter(id=task.id).update(state="COMPLETED")
    TaskAttempt.objects.filter(task_id=task.id).update(outcome="SUCCEEDED")
    return task


def cancel_unplanned(test: StressTest) -> Task:
    """A task was cancelled by somebody."""
    task = of_test(test, state="COMPLETED")
    Task.objects.filter(id=task.id).update(state="CANCELLED")
    TaskAttempt.objects.filter(task_id=task.id).update(outcome="CANCELLED")
    return task


@pytest.mark.parametrize(
    ("tamper", "failing"),
    [
        (remove, ["accounted", "lost"]),
        (leave_open, ["accounted", "lost"]),
        (succeed_twice, ["duplicated"]),
        (run_twice_at_once, ["duplicated"]),
        (start_early, ["order"]),
        (forget_edge, ["order"]),
        (charge_without_record, ["attempts"]),
        (complete_without_success, ["attempts"]),
        (fail_unplanned, ["failures"]),
        (complete_unplanned, ["failures"]),
        (cancel_unplanned, ["cancellations"]),
    ],
)
def test_each_check_fails(tamper: Callable[[StressTest], Task | None], failing: list[str]) -> None:
    test = drive_to(
        make_stress_test(100, failure_rate=0.1, dependent_share=0.3, shape="chains", seed=7),
        "SETTLING",
    )
    end_tasks(test)
    test = drive_to(test, "CHECKING")
    touched = tamper(test)
    test = drive_to(test, "DONE")
    checks = {check["name"]: check for check in test.report["checks"]}
    assert [name for name, check in checks.items() if not check["passed"]] == failing
    assert test.verdict == test.report["verdict"] == "FAILED"
    assert test.report["sentence"].startswith("Failed: ")
    if touched is not None:
        assert checks[failing[-1]]["taskIds"] == [str(touched.id)]


def test_untouched_it_passes() -> None:
    test = drive_to(
        make_stress_test(100, failure_rate=0.1, dependent_share=0.3, shape="chains", seed=7),
        "SETTLING",
    )
    end_tasks(test)
    test = drive_to(test, "DONE")
    assert test.verdict == "PASSED"
    assert test.report["sentence"] == "Passed: all 7 checks hold for 100 tasks."
