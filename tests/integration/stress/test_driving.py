"""The course of a stress test. The driver is called as the dispatcher calls it."""

from datetime import timedelta

import pytest

from controlplane.core.clock import now
from controlplane.core.errors import Conflict
from controlplane.ops.stress import control, spec
from controlplane.ops.stress.models import StressTest
from controlplane.ops.stress.queries import describe_test
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import AuditEvent
from dlq.models import DeadLetter
from tasks_app.models import Task, TaskDependency
from tasks_app.services import change_queue, prune_registered
from tests.clients import other_workspace
from tests.factories import make_node, make_stress_test
from tests.stress_driver import drive, drive_to, end_task, end_tasks, tasks_of

pytestmark = pytest.mark.django_db


def test_a_test_passes_when_all_ends_as_planned() -> None:
    test = drive_to(
        make_stress_test(300, failure_rate=0.1, dependent_share=0.3, seed=7), "SETTLING"
    )
    assert test.submitted == 300
    tasks = Task.objects.filter(id__in=tasks_of(test))
    assert set(tasks.values_list("queue__name", "type", "priority")) == {
        ("stress", "stress-sleep", -100)
    }
    assert all(task.tags == [spec.tag_of(test.id)] for task in tasks)
    end_tasks(test)
    test = drive_to(test, "DONE")
    assert test.verdict == "PASSED", test.report
    assert all(check["passed"] for check in test.report["checks"])
    figures = test.report["figures"]
    assert figures["completed"] + figures["failed"] + figures["cancelled"] == 300
    assert (figures["failed"], figures["cancelled"]) == (
        test.expected_failed,
        test.expected_cancelled,
    )
    assert test.expected_failed > 0
    assert test.expected_cancelled > 0
    assert figures["dependencies"] == TaskDependency.objects.count()
    assert 60 <= figures["dependents"] <= 120
    assert figures["peakBacklog"] > 0
    assert (test.report["reportVersion"], test.report["series"] != []) == (1, True)


def test_its_dead_letters_are_discarded_with_the_reason() -> None:
    test = drive_to(
        make_stress_test(100, failure_rate=0.3, dependent_share=0.4, seed=7), "SETTLING"
    )
    end_tasks(test)
    assert DeadLetter.objects.filter(status="OPEN").exists()
    test = drive_to(test, "DONE")
    letters = DeadLetter.objects.filter(task_id__in=tasks_of(test))
    assert letters.count() == test.failed + test.cancelled
    assert set(letters.values_list("status", "discard_reason")) == {
        ("DISCARDED", "It failed on purpose: a task of a stress test.")
    }


def test_the_rate_paces_submission() -> None:
    test = make_stress_test(100, rate_per_second=10.0)
    begun = now()
    drive(test, at=begun)
    assert drive(test, at=begun).submitted == 1
    counts = [drive(test, at=begun + timedelta(seconds=second)).submitted for second in (1, 2, 3)]
    assert counts == [11, 21, 31]
    # A pause fills the bucket only once.
    assert drive(test, at=begun + timedelta(seconds=60)).submitted == 41


def test_a_second_driver_leaves_a_test_alone_that_is_being_driven() -> None:
    test = drive(make_stress_test(50))
    assert drive_to(test, "SETTLING").submitted == 50
    assert drive(test, passes=3).submitted == 50
    assert Task.objects.count() == 50


def test_progress_shows_rate_and_eta() -> None:
    test = drive_to(make_stress_test(100), "SETTLING")
    for task in Task.objects.all()[:40]:
        end_task(task)
    later = now() + timedelta(seconds=5)
    test = drive(test, at=later)
    view = describe_test(test, later)
    assert (test.completed, test.waiting, view.percent) == (40, 60, 40.0)
    assert view.expected == {"completed": 100, "failed": 0, "cancelled": 0}
    assert view.rate_now is not None
    assert view.eta_seconds is not None
    assert view.eta_seconds > 0


def test_stopping_cancels_what_waits_and_reports(ada: Actor) -> None:
    test = drive_to(make_stress_test(200, dependent_share=0.3, actor=ada), "SETTLING")
    for task in Task.objects.filter(state="PENDING")[:50]:
        end_task(task)
    stopped = control.stop_test(workspace_id=test.workspace_id, test_id=test.id, actor=ada)
    assert stopped.state == "STOPPING"
    with pytest.raises(Conflict, match="is ending or has ended: it is STOPPING"):
        control.stop_test(workspace_id=test.workspace_id, test_id=test.id, actor=ada)
    test = drive_to(test, "STOPPED")
    assert (test.verdict, test.stop_reason) == ("PASSED", "Stopped by ada.")
    assert (test.completed, test.cancelled) == (50, 150)
    assert set(AuditEvent.objects.values_list("action", flat=True)) >= {
        "stress.start",
        "stress.stop",
        "task.cancel",
    }


def test_one_that_is_stopped_before_it_began_has_a_report_of_nothing(ada: Actor) -> None:
    test = make_stress_test(10)
    control.stop_test(workspace_id=test.workspace_id, test_id=test.id, actor=ada)
    test = drive_to(test, "STOPPED")
    assert (test.submitted, test.verdict) == (0, "PASSED")
    assert Task.objects.count() == 0


@pytest.mark.parametrize(
    ("is_paused", "has_node", "reason"),
    [
        (False, False, "no live worker serves the queue stress"),
        (True, True, "the queue stress is paused"),
        (False, True, "workers serve the queue stress, and none of its tasks ends or starts"),
    ],
)
def test_one_in_which_nothing_moves_is_given_up(
    is_paused: bool, has_node: bool, reason: str, ada: Actor
) -> None:
    if has_node:
        make_node()
    test = drive_to(make_stress_test(20), "SETTLING")
    if is_paused:
        change_queue(
            workspace_id=test.workspace_id, name="stress", actor=ada, changes={"paused": True}
        )
    at = now() + timedelta(seconds=30)
    assert drive(test, at=at).state == "SETTLING"
    drive(test, at=at + timedelta(seconds=400))
    test.refresh_from_db()
    assert test.state == "STOPPING"
    for number in range(3):
        drive(test, at=at + timedelta(seconds=402 + number))
    test.refresh_from_db()
    assert (test.state, test.verdict) == ("FAILED", "FAILED")
    assert reason in test.stop_reason
    assert set(Task.objects.values_list("state", flat=True)) == {"CANCELLED"}
    failing = [check["name"] for check in test.report["checks"] if not check["passed"]]
    assert failing == ["carriedOut"]


def test_one_that_cannot_go_on_ends_with_the_reason() -> None:
    broken = drive(make_stress_test(20))
    healthy = make_stress_test(5, workspace=other_workspace())
    # As a release that no longer knows the type would find it.
    StressTest.objects.filter(id=broken.id).update(type="gone", submitted=0, state="RUNNING")
    broken.items.all().delete()
    Task.objects.all().delete()
    broken = drive_to(broken, "FAILED")
    assert "An error stopped it: Invalid" in broken.stop_reason
    assert drive_to(healthy, "SETTLING").submitted == 5


def test_ended_tests_are_pruned_by_age() -> None:
    old = drive_to(make_stress_test(3), "SETTLING")
    end_tasks(old)
    drive_to(old, "DONE")
    young = make_stress_test(3)
    StressTest.objects.filter(id=old.id).update(finished_at=now() - timedelta(days=366))
    assert prune_registered(limit=100)["stressTests"] == 1
    assert prune_registered(limit=100)["stressTests"] == 0
    assert list(StressTest.objects.values_list("id", flat=True)) == [young.id]
