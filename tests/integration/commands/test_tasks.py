"""`manage.py tasks`."""

import pytest

from controlplane.workspaces.models import AuditEvent
from tasks_app.models import Task
from tasks_app.services import actions
from tests.clients import other_workspace
from tests.integration.commands.running import run
from tests.rows import make_attempt, make_log, make_task

pytestmark = pytest.mark.django_db
NOBODY = "018f6f2e-0000-7000-8000-000000000000"


def test_list() -> None:
    make_task(name="first")
    second = make_task("FAILED", name="second")
    make_task(name="theirs", workspace=other_workspace())
    ran = run("tasks", "list")
    assert str(second.id) in ran.out
    assert "first" in ran.out
    assert "theirs" not in ran.out
    found = run("tasks", "list", "--json", "--status=FAILED,CANCELLED").json
    assert [task["name"] for task in found] == ["second"]
    assert run("tasks", "list", "--limit=1", "--json").json[0]["name"] == "second"
    assert "No task matches" in run("tasks", "list", "--type=cpu").out
    assert run("tasks", "list", "--limit=0").code == 2
    wrong = run("tasks", "list", "--status=NOPE")
    assert (wrong.code, "status: One of" in wrong.err) == (1, True)


def test_show() -> None:
    task = make_task("FAILED", payload={"a": 1}, error={"message": "it broke"})
    make_attempt(task, outcome="FAILED", error={"message": "it [bold]broke"})
    make_log(task, "a line")
    ran = run("tasks", "show", str(task.id))
    for words in (
        "{'a': 1}",
        "attempt 1: FAILED",
        "it [bold]broke",
        "a line",
        "It failed for good",
    ):
        assert words in ran.out
    body = run("tasks", "show", str(task.id), "--json").json
    assert (body["status"], body["explanation"]["reason"]) == ("FAILED", "FAILED")
    assert run("tasks", "show", NOBODY).code == 3
    assert run("tasks", "show", str(task.id), "--workspace=nowhere").code == 3


def test_cancel_by_id() -> None:
    task, ended = make_task(), make_task("COMPLETED")
    ran = run("tasks", "cancel", str(task.id))
    assert (ran.code, ran.out.strip()) == (0, "1 of 1 tasks: cancel")
    assert "at the command line" in AuditEvent.objects.get(action="task.cancel").actor_label
    assert run("tasks", "cancel", str(ended.id)).code == 1
    assert run("tasks", "cancel", NOBODY).code == 3
    theirs = make_task(workspace=other_workspace())
    assert run("tasks", "cancel", str(theirs.id)).code == 3
    theirs.refresh_from_db()
    assert theirs.state == "PENDING"


def test_retry_by_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MOST_PER_CALL", 2)
    for _ in range(5):
        make_task("FAILED", type="cpu")
    make_task("COMPLETED", type="cpu")
    dry = run("tasks", "retry", "--type=cpu", "--dry-run", "--json")
    assert dry.json["changed"] == 0
    ran = run("tasks", "retry", "--type=cpu", "--json")
    assert ran.json == {"matched": 5, "changed": 5}
    assert Task.objects.filter(state="PENDING").count() == 5


@pytest.mark.parametrize("arguments", [[], [NOBODY, "--type=noop"]])
def test_which_tasks_must_be_said(arguments: list[str]) -> None:
    make_task()
    assert run("tasks", "cancel", *arguments).code == 2
    assert Task.objects.get().state == "PENDING"


def test_all() -> None:
    make_task()
    make_task("RUNNING")
    assert run("tasks", "cancel", "--all", "--json").json == {"matched": 2, "changed": 2}
