"""`manage.py tasks`."""

from datetime import timedelta

import pytest

from controlplane.core.clock import now
from controlplane.workspaces.models import AuditEvent
from tasks_app.models import Task, TaskCountChange
from tasks_app.queries.counts import count_tasks
from tasks_app.services import actions
from tests.clients import default_workspace, other_workspace
from tests.factories import make_attempt, make_log, make_task
from tests.integration.commands.running import run

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
    assert (wrong.code, "status: One of" in wrong.err) == (2, True)


def test_a_list_says_how_many_more_there_are() -> None:
    for number in range(5):
        make_task(name=f"task {number}")
    assert "… 3 more" in run("tasks", "list", "--limit=2").out
    assert "more" not in run("tasks", "list", "--limit=5").out


def test_a_list_shows_errors_in_short() -> None:
    error = {"class": "ValueError", "message": "[bold]no", "traceback": "long", "category": "CODE"}
    make_task("FAILED", error=error)
    assert "ValueError: [bold]no" in run("tasks", "list", "--status=FAILED").out
    (row,) = run("tasks", "list", "--json").json
    assert row["error"] == {"class": "ValueError", "message": "[bold]no", "category": "CODE"}
    assert "error" not in run("tasks", "list", "--status=PENDING").out


def test_filters_and_sorts_of_ended_tasks() -> None:
    at = now()
    make_task("PENDING", name="open")
    for name, ms in (("quick", 20), ("slow", 900)):
        make_task(
            "COMPLETED", name=name, started_at=at - timedelta(milliseconds=ms), finished_at=at
        )
    make_task("FAILED", name="bad", error={"class": "Timeout", "message": ""}, started_at=None)
    make_task(name="join", type="workflow-join")

    def names(*options: str) -> list[str]:
        return [task["name"] for task in run("tasks", "list", "--json", *options).json]

    assert names("--sort=-durationMs") == ["slow", "quick", "bad", "open"]
    assert names("--error-class=Timeout") == ["bad"]
    assert names("--finished-before=2020-01-01T00:00:00Z") == []
    assert names("--worker=nobody") == []
    assert names("--internal", "--status=PENDING") == ["join", "open"]
    assert run("tasks", "list", "--sort=payload").code == 2


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
    assert (ran.code, ran.out.strip()) == (0, "Cancelled 1 of 1 task.")
    assert "at the command line" in AuditEvent.objects.get(action="task.cancel").actor_label
    refused = run("tasks", "cancel", str(ended.id))
    assert refused.code == 1
    assert "1 task could not be cancelled" in refused.err
    assert "now: COMPLETED" in refused.err
    assert run("tasks", "cancel", NOBODY).code == 3
    theirs = make_task(workspace=other_workspace())
    assert run("tasks", "cancel", str(theirs.id)).code == 3
    theirs.refresh_from_db()
    assert theirs.state == "PENDING"


def test_retry_by_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MAX_PER_CALL", 2)
    for _ in range(5):
        make_task("FAILED", type="cpu")
    make_task("COMPLETED", type="cpu")
    dry = run("tasks", "retry", "--type=cpu", "--dry-run", "--json")
    assert dry.json["changed"] == 0
    ran = run("tasks", "retry", "--type=cpu", "--json", "--yes", "--reason=x")
    assert ran.json == {"matched": 5, "changed": 5}
    assert Task.objects.filter(state="PENDING").count() == 5


@pytest.mark.parametrize("arguments", [[], [NOBODY, "--type=noop"]])
def test_tasks_must_be_selected(arguments: list[str]) -> None:
    make_task()
    assert run("tasks", "cancel", *arguments).code == 2
    assert Task.objects.get().state == "PENDING"


def test_all() -> None:
    make_task()
    make_task("RUNNING")
    assert run("tasks", "cancel", "--all", "--json", "--yes", "--reason=x").json == {
        "matched": 2,
        "changed": 2,
    }


def test_types() -> None:
    assert "data-processing" in run("tasks", "types").out
    found = {each["type"]: each for each in run("tasks", "types", "--json").json}
    assert found["noop"]["queue"] == "default"
    assert "workflow-join" not in found
    refused = run("enqueue", "nosuch")
    assert refused.code == 1
    assert "manage.py tasks types" in refused.err


def test_recount() -> None:
    make_task()
    assert run("tasks", "recount", "--json").json == {"corrected": 0}
    TaskCountChange.objects.all().delete()
    assert "1 queue and type pair." in run("tasks", "recount").out
    assert count_tasks(default_workspace().id).total == 1
