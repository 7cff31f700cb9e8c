"""What cannot be undone asks first: without the field of the confirmation nothing changes."""

from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.core.admin.actions import CONFIRMED
from controlplane.workspaces.models import AuditEvent
from dlq.models import LetterGroup
from tests.clients import staff_client
from tests.factories import (
    make_letter,
    make_node,
    make_operation,
    make_queue,
    make_run,
    make_stress_test,
    make_task,
    make_view,
    make_workflow,
)
from tests.factories.workflows import APPROVAL, end_run
from tests.integration.admin.test_access import ACTIONS, ROW_VERBS, SHARED_VERBS
from tests.integration.admin.world import World

pytestmark = pytest.mark.django_db

# Pages that a person answers first.
ASKS = {
    "tasks_app_task_act", "tasks_app_queue_cancel", "workers_node_drain",
    "workflows_workflowrun_cancel", "workflows_workflowrun_decide", "workflows_workflowrun_retry",
    "stress_stresstest_stop",
    "dlq_replay_cancel", "dlq_deadletter_discard", "dlq_lettergroup_discard",
    "dlq_lettergroup_reprocess", "operations_operation_cancel", "savedviews_savedview_remove",
}  # fmt: skip
# Pages whose effect can be undone: the next page offers it. See test_undo.py.
UNDONE = {
    "tasks_app_queue_pause", "tasks_app_queue_resume", "scaling_pool_configure",
    "scaling_pool_scale", "scaling_pool_release", "dlq_lettergroup_decide", "dlq_lettergroup_mute",
    "operations_operation_pause", "operations_operation_resume", "dlq_replay_pause",
    "dlq_replay_resume",
}  # fmt: skip
# Pages that only show, or that have a form of their own, which makes something new. A bulk
# operation is started only with the token of its preview.
NEEDS_NO_QUESTION = {
    "tasks_app_task_changes", "tasks_app_task_logs", "tasks_app_task_family",
    "tasks_app_task_export", "tasks_app_task_list_changes", "tasks_app_task_submit",
    "tasks_app_queue_describe", "tasks_app_typedeclaration_of",
    "workflows_workflow_execute", "workflows_workflowrun_rerun", "dlq_deadletter_reprocess",
    "dlq_deadletter_groups", "stress_stresstest_compare", "stress_stresstest_start",
    "auth_user_password_change", "operations_operation_new",
    "savedviews_savedview_keep", "savedviews_savedview_save",
    "operations_operation_items_export", "workspaces_auditevent_newer",
    "dlq_lettergroup_changes",
    *(f"{name}_export" for name in (
        "dlq_deadletter", "dlq_lettergroup", "dlq_replay", "operations_operation",
        "schedules_firing", "schedules_schedule", "scaling_scalingevent", "stress_stresstest",
        "tasks_app_queue", "tasks_app_typedeclaration", "workers_node", "workflows_workflow",
        "workflows_workflowrun",
        "workspaces_auditevent", "workspaces_apikey", "workspaces_membership",
    )),
}  # fmt: skip
ACTIONS_THAT_ASK = {
    ("workspaces.Membership", "delete_selected"), ("workspaces.ApiKey", "revoke"),
    ("tasks_app.Task", "cancel"), ("tasks_app.Task", "retry"), ("tasks_app.Task", "run_now"),
    ("tasks_app.Task", "reprioritize"), ("workflows.WorkflowRun", "cancel"),
    ("workflows.WorkflowRun", "retry"), ("dlq.DeadLetter", "discard"),
    ("dlq.DeadLetter", "reprocess"), ("dlq.DeadLetter", "reprocess_as_canary"),
    ("schedules.Schedule", "run_now"), ("workers.Node", "drain"),
}  # fmt: skip
ACTIONS_UNDONE = {
    ("tasks_app.Queue", "pause"), ("tasks_app.Queue", "resume"),
    ("schedules.Schedule", "pause"), ("schedules.Schedule", "resume"),
}  # fmt: skip
# They lead to the question.
ACTIONS_THAT_NEED_NO_QUESTION = {
    ("tasks_app.Task", "bulk"), ("tasks_app.Queue", "bulk"), ("dlq.DeadLetter", "bulk"),
    ("schedules.Schedule", "bulk"),
}  # fmt: skip


def test_every_page_and_action_is_in_a_table() -> None:
    """A new one is missing here until somebody says whether it asks."""
    assert {*ROW_VERBS, *SHARED_VERBS} == ASKS | UNDONE | NEEDS_NO_QUESTION
    assert not ASKS & UNDONE
    assert not (ASKS | UNDONE) & NEEDS_NO_QUESTION
    found = {(label, name) for label, actions in ACTIONS.items() for name in actions}
    assert found == ACTIONS_THAT_ASK | ACTIONS_UNDONE | ACTIONS_THAT_NEED_NO_QUESTION


def failed_run() -> Any:
    run = make_run(make_workflow("Failed"))
    end_run(run.id)
    return run


def approval_run() -> Any:
    return make_run(make_workflow("Approval", APPROVAL))


def replay() -> Any:
    return World().own["dlq.Replay"]


def group() -> Any:
    return LetterGroup.objects.get(id=make_letter().id)


def queue_with_a_task() -> Any:
    make_task("PENDING", type="noop", queue="letters")
    return make_queue("letters")


CASES: dict[str, tuple[Any, str, dict[str, str]]] = {
    "tasks_app_task_act": (make_task, "?action=cancel", {"status": "PENDING"}),
    "tasks_app_queue_cancel": (queue_with_a_task, "", {"type": "noop"}),
    "workers_node_drain": (make_node, "", {}),
    "workflows_workflowrun_cancel": (approval_run, "", {}),
    "workflows_workflowrun_decide": (approval_run, "", {"step": "look", "decision": "reject"}),
    "workflows_workflowrun_retry": (failed_run, "", {}),
    "stress_stresstest_stop": (lambda: make_stress_test(1, name="load"), "", {}),
    "dlq_replay_cancel": (replay, "", {}),
    "dlq_deadletter_discard": (make_letter, "", {"reason": "Not needed"}),
    "dlq_lettergroup_discard": (group, "", {"reason": "Not needed"}),
    "dlq_lettergroup_reprocess": (group, "", {"how": "canary", "reason": "It is repaired"}),
    "operations_operation_cancel": (make_operation, "", {}),
    "savedviews_savedview_remove": (partial(make_view, is_shared=True), "", {}),
}


@pytest.mark.parametrize("page", sorted(ASKS))
def test_a_page_does_nothing_without_the_confirmation(page: str) -> None:
    make, query, sent = CASES[page]
    root = staff_client("root-of-all", apps=[], is_superuser=True)
    path = reverse(f"admin:{page}", args=[make().pk]) + query
    before = AuditEvent.objects.count()

    answer = root.post(path, sent)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert f'name="{CONFIRMED}" value="yes"' in text
    assert 'name="reason"' in text
    for name, value in sent.items():
        assert f'name="{name}"' in text, name
        assert value in text
    assert AuditEvent.objects.count() == before

    sure = {"reason": "OPS-1", **sent, CONFIRMED: "yes"}
    assert root.post(path, sure).status_code == 302
    written = AuditEvent.objects.order_by("id")[before:]
    assert {event.detail.get("reason") for event in written} == {sure["reason"]}


@pytest.mark.parametrize(("label", "action"), sorted(ACTIONS_THAT_ASK))
def test_an_action_does_nothing_without_the_confirmation(label: str, action: str) -> None:
    world = World()
    root: Client = world.people["root"]
    path = reverse(f"admin:{label.lower().replace('.', '_')}_changelist")
    sent = {"action": action, "_selected_action": [str(world.row(label).pk)], "index": "0"}
    before = AuditEvent.objects.count()

    answer = root.post(path, sent)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert f'name="{CONFIRMED}" value="yes"' in text
    assert 'name="reason"' in text
    assert 'class="callout"' in text  # the consequence in words
    assert 'class="dialog-list"' in text  # the first ten
    assert AuditEvent.objects.count() == before


def test_several_things_are_not_ended_without_a_reason() -> None:
    tasks = [make_task() for _ in range(12)]
    root = staff_client("root-of-all", apps=[], is_superuser=True)
    sent = {
        "action": "cancel", "_selected_action": [str(task.id) for task in tasks], CONFIRMED: "yes"
    }  # fmt: skip
    path = reverse("admin:tasks_app_task_changelist")
    text = root.post(path, sent).content.decode()
    assert "Give the reason." in text
    assert "Cancel 12 tasks?" in text
    assert "and 2 more" in text
    assert not AuditEvent.objects.exists()
    assert root.post(path, {**sent, "reason": "OPS-1"}).status_code == 302
    assert {event.detail["reason"] for event in AuditEvent.objects.all()} == {"OPS-1"}


def test_more_than_a_hundred_are_asked_about_although_it_can_be_undone() -> None:
    queues = [make_queue(f"mail-{number:03}") for number in range(101)]
    root = staff_client("root-of-all", apps=[], is_superuser=True)
    sent = {"action": "pause", "_selected_action": [str(queue.id) for queue in queues]}
    path = reverse("admin:tasks_app_queue_changelist")
    text = root.post(path, sent).content.decode()
    assert "Pause 101 queues?" in text
    assert "and 91 more" in text
    assert "They start no tasks until they are resumed" in text
    assert "Give the reason." in root.post(path, {**sent, CONFIRMED: "yes"}).content.decode()
    done = root.post(path, {**sent, CONFIRMED: "yes", "reason": "OPS-1"}, follow=True)
    assert "101 of 101 queues paused." in done.content.decode()
    assert 'name="undo"' in done.content.decode()
