"""Arguments, names and errors that try to break out of what a command prints."""

from collections import Counter
from typing import Any

import pytest

from controlplane.core.clock import now
from tasks_app.models import Task
from tests.factories import make_task
from tests.hostiletext import HOSTILE, find_dangers
from tests.integration.commands.running import run

pytestmark = pytest.mark.django_db

ERROR = {"class": HOSTILE, "message": HOSTILE, "traceback": HOSTILE, "category": "CODE"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["tasks", "list", "--workspace", HOSTILE],
        ["tasks", "list", "--status", HOSTILE],
        ["enqueue", HOSTILE],
        ["enqueue", "noop", "--payload", HOSTILE],
        ["enqueue", "noop", "--queue", HOSTILE],
        ["enqueue", "noop", "--run-at", HOSTILE],
        ["queues", "pause", HOSTILE],
        ["cron", "show", HOSTILE],
        ["cron", "preview", HOSTILE],
        ["cron", "create", HOSTILE, "@daily", "--type", HOSTILE],
        ["cron", "executions", HOSTILE, "--status", HOSTILE],
        ["workflows", "status", HOSTILE],
        ["workflows", "create", "/no/such/" + HOSTILE.replace("/", "")],
        ["dlq", "list", "--status", HOSTILE],
        ["dlq", "discard", "--all", "--reason", ""],
        ["scaling", "events", "--state", HOSTILE],
        ["scaling", "set", "-5", "--reason", HOSTILE],
        ["apikeys", "create", HOSTILE, "--scope", HOSTILE],
        ["apikeys", "revoke", HOSTILE],
    ],
    ids=lambda arguments: " ".join(arguments[:2]) + f" {len(arguments)}",
)
def test_errors_repeat_what_was_given_safely(arguments: list[str]) -> None:
    ran = run(*arguments)
    assert ran.code != 0
    assert ran.err
    assert find_dangers(ran.out + ran.err) == []


def test_a_name_that_looks_like_markup_ends_no_list() -> None:
    task = make_task(name="[/x]", type="[bold")
    ran = run("tasks", "list")
    assert (ran.code, "[/x]" in ran.out, "[bold" in ran.out) == (0, True, True)
    assert "[/x]" in run("tasks", "show", str(task.id)).out


def test_the_result_of_a_task_is_printed_safely(monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks_app.management.commands import enqueue

    def finish(command: Any, workspace_id: Any, ids: Any, **_: Any) -> Any:
        Task.objects.filter(id__in=ids).update(
            state="FAILED", error=ERROR, attempt=1, finished_at=now()
        )
        return Counter({"FAILED": 1})

    monkeypatch.setattr(enqueue, "wait_for_tasks", finish)
    ran = run("enqueue", "noop", "--wait")
    assert "FORGED" in ran.out
    assert find_dangers(ran.out + ran.err) == []
