"""`manage.py workflows`."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class

from controlplane.workspaces.models import AuditEvent
from tests.clients import other_workspace
from tests.factories import make_run, make_workflow
from tests.factories.workflows import APPROVAL, CHAIN, end_run, end_step
from tests.integration.commands.running import run
from workflows.models import Workflow, WorkflowRun

pytestmark = pytest.mark.django_db
NOBODY = "018f6f2e-0000-7000-8000-000000000000"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "order.json"
    found.write_text(json.dumps({"name": "Order", "tasks": CHAIN}), encoding="utf-8")
    return found


def rewrite(file: Path, **fields: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}), encoding="utf-8")


def test_help_has_examples() -> None:
    command = load_command_class(get_commands()["workflows"], "workflows")
    text = command.create_parser("manage.py", "workflows").format_help()
    assert "manage.py workflows execute Order --input" in text
    assert "Exit codes: 0 done" in text


def test_define(file: Path) -> None:
    assert "charge → ship" in run("workflows", "validate", str(file)).out
    assert not Workflow.objects.exists()
    made = run("workflows", "create", str(file), "--json")
    assert (made.code, made.json["version"]) == (0, 1)
    assert "at the command line" in AuditEvent.objects.get(action="workflow.create").actor_label
    taken = run("workflows", "create", str(file))
    assert (taken.code, "Order" in taken.err) == (1, True)
    rewrite(file, tasks=CHAIN[:1])
    assert "version 2" in run("workflows", "update", "Order", str(file)).out
    assert len(run("workflows", "show", "Order").json["tasks"]) == 1
    assert len(run("workflows", "show", made.json["id"], "--version=1").json["tasks"]) == 2
    assert run("workflows", "show", "Order", "--version=7").code == 3
    assert run("workflows", "delete", "Order").code == 0
    assert run("workflows", "show", "Order").code == 3


def test_a_key_creates_one_workflow(file: Path) -> None:
    create = ("workflows", "create", str(file), "--idempotency-key=k", "--json")
    assert run(*create).json == run(*create).json
    assert Workflow.objects.count() == 1
    rewrite(file, tasks=CHAIN[:1])
    assert run(*create).code == 1
    rewrite(file, tasks=CHAIN)
    run("workflows", "delete", "Order")
    assert "Use a new key" in run(*create).err


def test_a_definition_from_stdin(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(file.read_text()))
    assert run("workflows", "create", "-").code == 0
    assert Workflow.objects.get().name == "Order"


def test_wrong_definitions(file: Path) -> None:
    assert run("workflows", "validate", "/nowhere.json").code == 2
    rewrite(file, tasks=[{"key": "a", "type": "nop"}])
    for arguments in (("validate", str(file)), ("create", str(file))):
        wrong = run("workflows", *arguments)
        assert wrong.code == 1
        assert "tasks[0].type" in wrong.err
    file.write_text('{"name": ', encoding="utf-8")
    broken = run("workflows", "create", str(file))
    assert (broken.code, "line 1" in broken.err) == (2, True)
    file.write_text("[]", encoding="utf-8")
    assert run("workflows", "create", str(file)).code == 1
    assert run("workflows", "update", "Nothing", str(file)).code == 3


def test_list() -> None:
    make_workflow("Order [bold]")
    make_workflow("theirs", workspace=other_workspace())
    ran = run("workflows", "list")
    assert "Order [bold]" in ran.out
    assert "theirs" not in ran.out
    assert [each["name"] for each in run("workflows", "list", "--json").json] == ["Order [bold]"]
    assert "No workflow" in run("workflows", "list", "--search=zzz").out
    assert run("workflows", "list", "--limit=0").code != 0
    assert run("workflows", "list", "--workspace=nowhere").code == 3


def test_execute(tmp_path: Path) -> None:
    make_workflow()
    ran = run("workflows", "execute", "Order", '--input={"a": 1}')
    made = WorkflowRun.objects.get(id=ran.out.strip())
    assert (ran.code, made.input) == (0, {"a": 1})
    assert "at the command line" in made.started_by
    file = tmp_path / "input.json"
    file.write_text('{"b": 2}', encoding="utf-8")
    found = run("workflows", "execute", "Order", f"--input=@{file}", "--json").json
    assert WorkflowRun.objects.get(id=found["runId"]).input == {"b": 2}
    again = [
        run("workflows", "execute", "Order", "--idempotency-key=k").out.strip() for _ in range(2)
    ]
    assert again[0] == again[1]
    other = run("workflows", "execute", "Order", "--idempotency-key=k", '--input={"a": 1}')
    assert (other.code, "another body" in other.err) == (1, True)
    assert run("workflows", "execute", "Order", "--input={").code == 2
    assert run("workflows", "execute", "Nothing").code == 3
    theirs = make_workflow("theirs", workspace=other_workspace())
    assert run("workflows", "execute", str(theirs.id)).code == 3


def test_wait() -> None:
    make_workflow()
    ran = run("workflows", "execute", "Order", "--wait", "--wait-timeout=0.1")
    assert ran.code == 4
    assert "0 of 2 steps" in ran.err


def test_runs_and_status() -> None:
    workflow = make_workflow()
    failed, newest = make_run(workflow), make_run(workflow)
    error = {"class": "E", "message": "it [bold]broke", "traceback": "", "category": "CODE"}
    end_step(failed.id, "charge", "FAILED", error=error)
    counts = {"item": 1, "items": 9, "itemsFailed": 2}
    end_run(failed.id, error={"step": "charge", "message": "it [bold]broke", **counts})
    assert [each["runId"] for each in run("workflows", "runs", "--json").json] == [
        str(newest.id),
        str(failed.id),
    ]
    listed = run("workflows", "runs", "Order", "--status=FAILED,CANCELLED").out
    assert str(failed.id) in listed
    assert str(newest.id) not in listed
    assert run("workflows", "runs", "--status=NOPE").code == 2
    assert run("workflows", "runs", "Nothing").code == 3
    assert run("workflows", "status", "Order", "--json").json["runId"] == str(newest.id)
    shown = run("workflows", "status", str(failed.id)).out
    assert "Error: it [bold]broke (item 1; 2 of 9 failed)" in shown
    assert "FAILED" in shown
    assert run("workflows", "status", NOBODY).code == 3
    make_workflow("idle")
    idle = run("workflows", "status", "idle")
    assert (idle.code, "has not run yet" in idle.err) == (3, True)
    theirs = make_run(workspace=other_workspace())
    assert run("workflows", "status", str(theirs.id)).code == 3


def test_cancel_retry_and_rerun() -> None:
    made = make_run(value={"a": 1})
    assert "CANCELLED" in run("workflows", "cancel", str(made.id)).out
    assert run("workflows", "cancel", str(made.id)).code == 1
    assert run("workflows", "retry", str(made.id)).out.strip() == str(made.id)
    assert run("workflows", "retry", str(made.id)).code == 1
    assert run("workflows", "retry", NOBODY).code == 3
    new = run("workflows", "rerun", str(made.id), '--input={"a": 2}').out.strip()
    assert WorkflowRun.objects.get(id=new).input == {"a": 2}
    same = run("workflows", "rerun", str(made.id)).out.strip()
    assert WorkflowRun.objects.get(id=same).input == {"a": 1}
    theirs = make_run(workspace=other_workspace())
    for verb in ("cancel", "retry", "rerun"):
        assert run("workflows", verb, str(theirs.id)).code == 3


@pytest.mark.parametrize(("verb", "state"), [("approve", "COMPLETED"), ("reject", "FAILED")])
def test_decide(verb: str, state: str) -> None:
    made = make_run(make_workflow(tasks=APPROVAL))
    done = run("workflows", verb, str(made.id), "look", "--comment=so be it", "--json")
    assert done.code == 0, done.err
    look = done.json["steps"][0]
    assert (look["status"], "at the command line" in look["decidedBy"]) == (state, True)
    assert run("workflows", verb, str(made.id), "look").code == 1
    assert run("workflows", verb, str(made.id), "nope").code == 3
    assert run("workflows", verb, NOBODY, "look").code == 3
