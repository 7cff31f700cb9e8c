"""`manage.py cron`."""

import re
from typing import Any

import pytest
from django.core.management import call_command

from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.workspaces.models import AuditEvent
from tasks_app.models import Task
from tests.clients import other_workspace
from tests.integration.commands.running import Ran, run

pytestmark = pytest.mark.django_db
NOBODY = "018f6f2e-0000-7000-8000-000000000000"


def create(name: str = "Nightly", schedule: str = "0 2 * * *", *more: str) -> Any:
    ran = run("cron", "create", name, schedule, "--type=noop", "--json", *more)
    assert ran.code == 0, ran.err
    return ran.json


def test_create_with_everything() -> None:
    job = create(
        "Nightly", "@every 90m", "--timezone=Asia/Tokyo", "--payload={}", "--paused",
        "--overlap=queue", "--catch-up", "--catch-up-max=3", "--jitter=30s", "--queue=night",
        "--priority=-3", "--max-attempts=2", "--start-at=2030-01-01T00:00:00Z",
        "--end-at=2031-01-01T00:00:00Z",
    )  # fmt: skip
    assert (job["schedule"], job["enabled"], job["overlap"]) == ("@every 90m", False, "queue")
    assert (job["catchUp"], job["catchUpMax"], job["jitterMs"]) == (True, 3, 30_000)
    assert (job["queue"], job["priority"], job["maxAttempts"]) == ("night", -3, 2)
    assert job["startAt"] == "2030-01-01T00:00:00.000Z"
    assert "at the command line" in job["createdBy"]
    ran = run("cron", "create", "Evening", "@daily", "--type=noop")
    assert "Evening" in ran.out


def test_what_has_no_effect_is_noted() -> None:
    preview = run("cron", "preview", "*/90 * * * *", "--count=1")
    assert "note: The step in '*/90' has no effect" in preview.out
    assert run("cron", "preview", "*/90 * * * *", "--json").json["note"]
    made = run("cron", "create", "Odd", "*/90 * * * *", "--type=noop")
    assert "has no effect" in " ".join(made.out.split())
    assert "has no effect" in " ".join(run("cron", "show", "Odd").out.split())


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["x", "soon", "--type=noop"], 1, "schedule: "),
        (["x", "@daily", "--type=noop", "--timezone=Mars"], 1, "timezone: There is no time zone"),
        (["x", "@daily", "--type=noob"], 1, "Did you mean 'noop'?"),
        (["x", "@daily"], 1, "Give either"),
        (["x", "@daily", "--workflow=nowhere"], 3, "no workflow"),
        (["x", "@daily", "--type=noop", "--payload=["], 2, "--payload cannot be read"),
        (["x", "@daily", "--type=noop", '--payload={"a": 1}'], 1, "payload.a"),
        (["x", "@daily", "--type=noop", "--start-at=soon"], 2, "--start-at: "),
        (["Nightly", "@daily", "--type=noop"], 1, "Nightly"),
        (["x", "@daily", "--type=noop", "--workspace=nowhere"], 3, "nowhere"),
    ],
)
def test_what_create_refuses(arguments: list[str], code: int, says: str) -> None:
    create()
    ran = run("cron", "create", *arguments)
    assert (ran.code, says in ran.err) == (code, True), ran.err
    assert Schedule.objects.count() == 1


def test_list() -> None:
    assert "There is no schedule yet" in run("cron", "list").out
    create("Nightly")
    create("Hourly", "@hourly", "--paused")
    create("Theirs", "@daily", f"--workspace={other_workspace().slug}")
    out = run("cron", "list").out
    assert "Nightly" in out
    assert re.search(r"Hourly.*paused", out)
    assert "Theirs" not in out
    assert [job["name"] for job in run("cron", "list", "--json").json] == ["Hourly", "Nightly"]
    assert len(run("cron", "list", "--json", "--limit=1").json) == 1
    found = run("cron", "list", "--json", "--search=night").json
    assert [job["name"] for job in found] == ["Nightly"]
    assert run("cron", "list", "--limit=0").code == 2


def test_show_by_name_and_by_id() -> None:
    job = create("Nightly", "0 2 * * *", "--timezone=Europe/Berlin")
    out = run("cron", "show", "Nightly").out
    assert "Europe/Berlin" in out
    assert len(re.findall(r"^next: \S+Z  \S+T02:00:00\+0[12]:00$", out, re.MULTILINE)) == 5
    shown = run("cron", "show", job["id"], "--json").json
    assert (shown["name"], len(shown["times"])) == ("Nightly", 5)
    assert shown["times"][0]["utc"] == job["nextAt"]


@pytest.mark.parametrize("verb", ["show", "trigger", "pause", "resume", "remove", "executions"])
def test_a_job_that_is_not_there(verb: str) -> None:
    create("Theirs", "@daily", f"--workspace={other_workspace().slug}")
    theirs = Schedule.objects.get()
    for name in ("Theirs", str(theirs.id), NOBODY, ""):
        assert run("cron", verb, name).code == 3
    theirs.refresh_from_db()
    assert theirs.paused_at is None
    assert Firing.objects.count() == 0


def test_preview() -> None:
    ran = run("cron", "preview", "30 4 * * *", "--timezone=Asia/Kolkata", "--count=3")
    assert len(re.findall(r"T23:00:00.000Z  \S+T04:30:00\+05:30", ran.out)) == 3
    found = run("cron", "preview", "@hourly", "--json").json
    assert len(found["times"]) == 10
    assert found["words"]
    assert "There are no more" in run("cron", "preview", "2099-01-01T00:00:00Z").out
    assert run("cron", "preview", "@hourly", "--count=101").code == 2
    wrong = run("cron", "preview", "61 * * * *")
    assert (wrong.code, "schedule: " in wrong.err) == (1, True)


def test_trigger_and_executions() -> None:
    create()
    assert "No execution matches" in run("cron", "executions", "Nightly").out
    fired = run("cron", "trigger", "Nightly", "--json").json
    assert (fired["kind"], fired["status"]) == ("manual", "STARTED")
    assert str(Task.objects.get().id) == fired["taskId"]
    assert "manual" in run("cron", "trigger", "Nightly").out
    out = run("cron", "executions", "Nightly").out
    assert fired["taskId"] in out
    assert len(run("cron", "executions", "Nightly", "--json").json) == 2
    assert run("cron", "executions", "Nightly", "--json", "--status=failed,skipped").json == []
    assert "No execution matches" in run("cron", "executions", "Nightly", "--status=failed").out
    shown = " ".join(run("cron", "show", "Nightly").out.split())
    assert re.search(r"lastExecution STARTED, \S+Z: Triggered by .*\.", shown)
    wrong = run("cron", "executions", "Nightly", "--status=done")
    assert (wrong.code, "COMPLETED" in wrong.err) == (2, True)
    assert (
        "at the command line" in AuditEvent.objects.filter(action="schedule.trigger")[0].actor_label
    )


def test_pause_resume_remove() -> None:
    create()
    assert run("cron", "pause", "Nightly", "--json").json["enabled"] is False
    assert run("cron", "resume", "Nightly", "--json").json["nextAt"] is not None
    assert run("cron", "remove", "Nightly").out.strip() == "Removed Nightly."
    assert Schedule.objects.count() == 0
    job = create()
    assert run("cron", "remove", job["id"], "--json").json == {"removed": job["id"]}


def test_declared_ones_are_not_removed() -> None:
    create()
    Schedule.objects.update(source="code", code_name="shop.schedules:Nightly", code_hash="x")
    ran: Ran = run("cron", "remove", "Nightly")
    assert (ran.code, "shop.schedules" in ran.err) == (1, True)
    assert run("cron", "pause", "Nightly").code == 0


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("cron", "--help")
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert 'cron preview "0 2 * * *" --timezone Europe/Berlin' in out
    assert "Exit codes:" in out
