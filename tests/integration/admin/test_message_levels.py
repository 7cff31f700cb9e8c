"""What did not happen, or only in part, is not green."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.core.admin.actions import CONFIRMED
from controlplane.core.clock import now
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.workspaces import adminpages
from dlq.admin import questions
from dlq.bulk import LetterActionResult
from tasks_app.models import Queue, Task
from tests.factories import make_job, make_letter, make_queue, make_task
from tests.integration.admin.inboxpages import group_of, login, post
from tests.integration.admin.toasts import messages_of

pytestmark = pytest.mark.django_db
QUEUES = reverse("admin:tasks_app_queue_changelist")
SCHEDULES = reverse("admin:schedules_schedule_changelist")
TASKS = reverse("admin:tasks_app_task_changelist")
SURE = {CONFIRMED: "yes", "reason": "OPS-1"}
UNDO = re.compile(r'name="undo" value="([^"]+)"')


def send(client: Client, path: str, **data: Any) -> str:
    answer = client.post(path, data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize(("paused", "level"), [(0, "success"), (1, "warning"), (2, "error")])
def test_a_pause_of_several_queues(root: Client, paused: int, level: str) -> None:
    queues = [make_queue(f"q{n}") for n in range(2)]
    for queue in queues[:paused]:
        Queue.objects.filter(pk=queue.pk).update(paused_at=now(), pause_reason="storm")
    chosen = [queue.pk for queue in queues]
    page = send(root, QUEUES, action="pause", _selected_action=chosen, reason="storm")
    assert messages_of(page)[0] == (level, f"{2 - paused} of 2 queues paused.")
    assert bool(UNDO.search(page)) is (paused < 2)


@pytest.mark.parametrize(
    ("action", "words", "is_undone"),
    [("cancel", "cancelled or asked to stop", False), ("reprioritize", "given priority 50", True)],
)
def test_more_rows_than_an_action_takes(
    root: Client, monkeypatch: pytest.MonkeyPatch, action: str, words: str, is_undone: bool
) -> None:
    monkeypatch.setattr(adminpages, "MAX_SELECTED", 2)
    chosen = [str(make_task().id) for _ in range(3)]
    page = send(root, TASKS, action=action, _selected_action=chosen, priority="50", **SURE)
    found = messages_of(page)
    assert found[0] == ("warning", f"2 of 2 tasks {words}.")
    assert found[-1] == (
        "warning", "An action takes at most 2 rows. Use a bulk operation for the rest.",
    )  # fmt: skip
    assert bool(UNDO.search(page)) is is_undone


def test_an_undo_of_a_part(root: Client) -> None:
    tasks = [make_task(priority=1), make_task(priority=2)]
    chosen = [str(task.id) for task in tasks]
    page = send(root, TASKS, action="reprioritize", _selected_action=chosen, priority="50", **SURE)
    assert messages_of(page) == [("success", "2 of 2 tasks given priority 50.")]
    Task.objects.filter(id=tasks[0].id).update(priority=7)
    found = UNDO.search(page)
    assert found is not None
    page = send(root, reverse("admin:undo"), undo=found[1])
    assert messages_of(page) == [
        ("warning", "Undone: 1 of 2 tasks with the earlier priority."),
    ]  # fmt: skip


def test_a_schedule_whose_work_is_refused(root: Client) -> None:
    job = make_job("one")
    Schedule.objects.filter(id=job.id).update(task_type="gone")
    page = send(root, SCHEDULES, action="run_now", _selected_action=[str(job.id)], **SURE)
    found = messages_of(page)
    assert found[0] == ("error", "0 of 1 schedule fired.")
    assert found[1][1].startswith("One: It did not start.")
    assert Firing.objects.get().state == "FAILED"


def test_nothing_to_cancel(root: Client) -> None:
    path = reverse("admin:tasks_app_queue_cancel", args=[make_queue("mail").pk])
    page = send(root, path, type="send", **SURE)
    assert messages_of(page) == [("error", "Cancelled 0 of 0 waiting tasks (type send in mail).")]


def test_a_description_that_stays(root: Client) -> None:
    path = reverse("admin:tasks_app_queue_describe", args=[make_queue("mail").pk])
    assert messages_of(send(root, path, owner="payments"))[0][0] == "success"
    assert messages_of(send(root, path, owner="payments")) == [
        ("info", "Nothing to change: the description of mail already has these values."),
    ]  # fmt: skip


def test_a_part_of_a_group_that_is_discarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others were closed in between."""
    group = group_of(make_letter())
    result = LetterActionResult(matched=2, changed=1, has_more=False, dry_run=False, refusals={})
    monkeypatch.setattr(questions, "act_on_letters", lambda **_: result)
    page = post(login("op", "operator"), group, "discard", **SURE)
    assert messages_of(page) == [("warning", "1 of 2 letters discarded.")]


def test_a_decision_that_changes_nothing(db: None) -> None:
    operator, group = login("op", "operator"), group_of(make_letter())
    found = messages_of(post(operator, group, "decide", do="acknowledge"))
    assert found == [("success", "Acknowledged: ValueError test-echo.")]
    found = messages_of(post(operator, group, "decide", do="acknowledge"))
    assert found == [
        ("info", "Nothing to change: ValueError test-echo already has these values."),
    ]  # fmt: skip
    found = messages_of(post(operator, group, "decide", do="change", note="asked her"))
    assert found == [("success", "Changed: ValueError test-echo.")]
