"""Operations carried out: each object once, with its outcome; kills, pauses, rates, errors."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, Invalid
from controlplane.ops.operations import control
from controlplane.ops.operations.driver import OperationDriver
from controlplane.ops.operations.models import Operation, OperationItem
from controlplane.workspaces import bulk
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import AuditEvent
from tasks_app.bulk_verbs import TASKS
from tasks_app.models import Task
from tests.clients import default_workspace
from tests.factories import make_task, make_tasks
from tests.integration.test_batches import drive_killed_everywhere
from tests.operations import drive, drive_to_end, outcomes, run, start

pytestmark = pytest.mark.django_db


def states_of(tasks: list[Task]) -> set[str]:
    ids = [task.id for task in tasks]
    return set(Task.objects.filter(id__in=ids).values_list("state", flat=True))


def test_every_task_is_changed_once_in_chunks() -> None:
    tasks = make_tasks(450)

    operation = run("tasks", "cancel", wanted={"type": "noop"})

    assert operation.state == "COMPLETED"
    assert (operation.total, operation.submitted, operation.changed) == (450, 450, 450)
    assert states_of(tasks) == {"CANCELLED"}
    assert operation.items.filter(outcome="CHANGED", at__isnull=False).count() == 450
    ordinals = operation.items.order_by("id").values_list("ordinal", flat=True)
    assert list(ordinals) == list(range(1, 451))
    cancels = AuditEvent.objects.filter(action="task.cancel")
    assert [event.detail["count"] for event in cancels.order_by("id")] == [200, 200, 50]


def test_the_start_and_the_end_are_audited() -> None:
    make_task()

    operation = run("tasks", "cancel", is_all=True)

    begun, ended = AuditEvent.objects.filter(target_id=str(operation.id)).order_by("id")
    assert (begun.action, ended.action) == ("operation.start", "operation.end")
    assert begun.detail["reason"] == "a test"
    assert begun.detail["selection"] == {"filter": {}}
    assert ended.detail["state"] == "COMPLETED"
    assert ended.detail["changed"] == 1
    assert ended.actor_label == operation.created_by


def test_objects_that_come_later_are_not_touched() -> None:
    make_tasks(3)
    operation = start("tasks", "cancel", wanted={"type": "noop"})
    late = make_task()

    drive_to_end(operation)

    late.refresh_from_db()
    assert (late.state, operation.total) == ("PENDING", 3)


def test_all_are_listed_before_the_first_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.ops.operations.driver.LISTED", 2)
    tasks = make_tasks(5)
    operation = start("tasks", "cancel", wanted={"type": "noop"})

    for listed in (2, 4, 5):
        drive(operation)
        assert (operation.total, operation.submitted) == (listed, 0)
        assert states_of(tasks) == {"PENDING"}
    assert operation.state == "RUNNING"
    assert drive(operation).state == "COMPLETED"


def test_a_pass_that_is_killed_at_any_statement_changes_nothing() -> None:
    make_tasks(3)
    make_task("RUNNING")
    operation = start("tasks", "cancel", wanted={"type": "noop"})

    def snapshot() -> Any:
        return (
            list(Operation.objects.values()),
            list(OperationItem.objects.order_by("id").values()),
            list(Task.objects.order_by("id").values("id", "state", "cancel_requested_at")),
            AuditEvent.objects.count(),
        )

    for _ in ("listing", "changing"):
        assert drive_killed_everywhere(OperationDriver().drive, snapshot) > 4

    operation.refresh_from_db()
    assert (operation.state, operation.changed) == ("COMPLETED", 4)


def test_each_outcome_has_its_sentence() -> None:
    waiting, ended = make_task(), make_task("COMPLETED")
    cancelled, running = make_task("CANCELLED"), make_task("RUNNING")
    ids = [str(each.id) for each in (waiting, ended, cancelled, running)]
    operation = start("tasks", "cancel", ids=ids)
    gone = make_task()
    drive(operation)
    operation.items.filter(target_id=ids[0]).update(target_id=str(gone.id))
    Task.objects.filter(id=gone.id).delete()

    drive_to_end(operation)

    found = outcomes(operation)
    assert found == {
        str(gone.id): ("REFUSED", "The task was removed."),
        ids[1]: ("REFUSED", "The task has already ended: it is COMPLETED."),
        ids[2]: ("UNCHANGED", ""),
        ids[3]: ("CHANGED", ""),
    }
    assert (operation.changed, operation.unchanged, operation.refused) == (1, 1, 2)


def test_a_pause_holds_it_and_a_cancel_ends_it_between_two_chunks() -> None:
    tasks = make_tasks(450)
    operation = start("tasks", "cancel", wanted={"type": "noop"})
    drive(operation, passes=2)
    known = {"workspace_id": default_workspace().id, "operation_id": operation.id, "actor": SYSTEM}

    control.pause_operation(**known)
    assert drive(operation, passes=3).submitted == 200
    with pytest.raises(Conflict, match="already paused"):
        control.pause_operation(**known)
    control.resume_operation(**known)
    assert drive(operation).submitted == 400
    control.cancel_operation(**known)
    assert drive(operation, passes=3).state == "CANCELLED"

    assert states_of(tasks) == {"CANCELLED", "PENDING"}
    assert operation.items.filter(outcome="").count() == 50
    for refused in (control.cancel_operation, control.pause_operation, control.resume_operation):
        with pytest.raises(Conflict, match="already ended"):
            refused(**known)
    actions = AuditEvent.objects.filter(target_id=str(operation.id)).order_by("id")
    assert [event.action.partition(".")[2] for event in actions] == [
        "start", "pause", "resume", "cancel",
    ]  # fmt: skip


def test_a_rate_is_kept() -> None:
    make_tasks(30)
    operation = start("tasks", "cancel", wanted={"type": "noop"}, rate=10)
    first = now()
    drive(operation, at=first)
    drive(operation, at=first)

    done = [drive(operation, at=first + timedelta(seconds=n)).submitted for n in (1, 2)]

    assert done == [11, 21]


def test_an_error_of_one_object_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tasks = make_tasks(3)
    bad = tasks[1].id

    def apply(chunk: bulk.Chunk) -> bulk.Applied:
        Task.objects.filter(id__in=chunk.keys).update(name="changed")
        if bad in chunk.keys:
            raise RuntimeError("a secret")
        return bulk.Applied(changed=dict.fromkeys(chunk.keys, ""))

    verb = bulk.BulkVerb(
        TASKS, "rename", "Rename", lambda rows, wanted: rows, apply, lambda selected: "Renamed."
    )
    monkeypatch.setitem(bulk._verbs, ("tasks", "rename"), verb)

    operation = run("tasks", "rename", wanted={"type": "noop"})

    assert (operation.state, operation.changed, operation.failed) == ("COMPLETED", 2, 1)
    outcome, detail = outcomes(operation)[str(bad)]
    assert outcome == "FAILED"
    assert "RuntimeError" in detail
    assert "a secret" not in detail
    assert "a secret" in caplog.text
    names = Task.objects.order_by("id").values_list("name", flat=True)
    assert sorted(names) == ["changed", "changed", "noop"]


def test_a_verb_that_this_version_does_not_know_stops_it() -> None:
    make_task()
    operation = start("tasks", "cancel", is_all=True)
    Operation.objects.filter(id=operation.id).update(action="juggle")

    drive(operation)

    assert (operation.state, operation.stop_reason) == (
        "STOPPED", "This version cannot juggle tasks.",
    )  # fmt: skip


def test_more_objects_than_the_limit_stop_it_before_any_change(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = make_tasks(5)
    operation = start("tasks", "cancel", wanted={"type": "noop"})
    monkeypatch.setattr("controlplane.ops.operations.driver.LISTED", 2)
    settings.TASKPLANE = {**settings.TASKPLANE, "OPERATION_MAX_ITEMS": 3}

    drive_to_end(operation)

    assert operation.state == "STOPPED"
    assert "More than 3 match" in operation.stop_reason
    assert states_of(tasks) == {"PENDING"}


def test_old_operations_are_removed_in_portions() -> None:
    make_tasks(30)
    operation = run("tasks", "cancel", wanted={"type": "noop"})
    assert control.prune_operations(1) == 0
    old = now() - timedelta(days=91)
    Operation.objects.filter(id=operation.id).update(finished_at=old)

    assert [control.prune_operations(1) for _ in range(5)] == [10, 10, 10, 1, 0]
    assert (Operation.objects.count(), OperationItem.objects.count()) == (0, 0)


def test_an_object_is_listed_once() -> None:
    make_task()
    operation = run("tasks", "cancel", is_all=True)
    item = operation.items.get()

    with pytest.raises(IntegrityError, match="operationitem_once"):
        OperationItem.objects.create(
            operation=operation,
            workspace_id=item.workspace_id,
            ordinal=2,
            target_id=item.target_id,
        )


def test_the_rest_of_a_cancelled_operation_can_be_done() -> None:
    tasks = make_tasks(450)
    begun = drive(start("tasks", "cancel", is_all=True), passes=2)
    control.cancel_operation(workspace_id=begun.workspace_id, operation_id=begun.id, actor=SYSTEM)
    assert Task.objects.filter(state="CANCELLED").count() == 200

    rest = start("tasks", "cancel", origin=begun.id, is_rest=True)
    assert rest.matched == 250
    drive_to_end(rest)

    assert (rest.total, rest.changed) == (250, 250)
    assert states_of(tasks) == {"CANCELLED"}
    done = {*outcomes(rest)}
    first = begun.items.filter(outcome="CHANGED").values_list("target_id", flat=True)
    assert not done & set(first)


def test_the_rest_of_an_undo_restores_what_was_before() -> None:
    tasks = make_tasks(250, priority=7)
    given = run("tasks", "reprioritize", is_all=True, options={"priority": 20})
    undo = drive(start("tasks", "restore-priority", origin=given.id), passes=2)
    control.cancel_operation(workspace_id=undo.workspace_id, operation_id=undo.id, actor=SYSTEM)

    drive_to_end(start("tasks", "restore-priority", origin=undo.id, is_rest=True))

    assert set(Task.objects.filter(id__in=[t.id for t in tasks]).values_list("priority")) == {(7,)}


def test_a_rest_is_that_of_an_operation() -> None:
    with pytest.raises(Invalid, match="name that"):
        start("tasks", "cancel", is_all=True, is_rest=True)


def test_each_chunk_is_audited_with_the_reason() -> None:
    make_tasks(3)
    run("tasks", "cancel", is_all=True)
    assert AuditEvent.objects.get(action="task.cancel").detail["reason"] == "a test"
