"""`manage.py operations`."""

import json

import pytest

from controlplane.core.console.output import EXIT_FAILED, EXIT_NOT_FOUND, EXIT_TIMEOUT, EXIT_USAGE
from controlplane.ops.operations.models import Operation
from tasks_app.models import Task
from tests.factories import make_task, make_tasks
from tests.integration.commands.running import run
from tests.operations import drive_to_end

pytestmark = pytest.mark.django_db


def preview(*options: str) -> dict[str, object]:
    ran = run("operations", "preview", *options, "--json")
    assert ran.code == 0, ran.err
    found: dict[str, object] = json.loads(ran.out)
    return found


def test_from_the_preview_to_the_items() -> None:
    make_tasks(3)
    shown = run("operations", "preview", "tasks", "cancel", "--filter", '{"type": "noop"}')
    assert "Cancel 3 tasks: type noop" in shown.out
    assert "3 waiting tasks will end at once" in shown.out
    assert "It cannot be undone." in shown.out
    token = shown.out.splitlines()[-1]

    started = run("operations", "start", token, "--reason", "a test", "--rate-per-second", "900")
    assert "Cancel 3 tasks, listing" in started.out
    operation = Operation.objects.get()
    assert operation.rate_per_second == 900
    assert operation.created_by.endswith("at the command line")
    Operation.objects.update(rate_per_second=None)
    drive_to_end(operation)

    assert "3 of 3 done: 3 changed" in run("operations", "watch", str(operation.id)).out
    items = json.loads(run("operations", "items", str(operation.id), "--json").out)
    assert [each["outcome"] for each in items] == ["CHANGED"] * 3
    assert (
        "No item matches."
        in run("operations", "items", str(operation.id), "--outcome", "FAILED").out
    )
    assert str(operation.id) in run("operations", "list", "--status", "COMPLETED").out


def test_options_and_ids() -> None:
    low, high = make_task(priority=1), make_task(priority=2)

    found = preview(
        "tasks", "reprioritize", "--id", str(low.id), "--id", str(high.id),
        "--options", '{"priority": 7}',
    )  # fmt: skip
    run("operations", "start", str(found["token"]))
    drive_to_end(Operation.objects.get())

    assert set(Task.objects.values_list("priority", flat=True)) == {7}


def test_what_is_refused_names_its_reason() -> None:
    make_task()
    everything = run("operations", "preview", "tasks", "cancel", "--filter", "{}")
    assert (everything.code, '"all": true' in everything.err) == (EXIT_FAILED, True)
    assert run("operations", "preview", "tasks", "cancel", "--filter", "[").code == EXIT_USAGE
    token = str(preview("tasks", "cancel", "--all")["token"])
    no_reason = run("operations", "start", token)
    assert (no_reason.code, "cannot be undone" in no_reason.err) == (EXIT_FAILED, True)
    missing = "018f6f2e-0000-7000-8000-000000000000"
    assert run("operations", "show", missing).code == EXIT_NOT_FOUND


def test_a_watch_ends_by_its_time_and_by_a_cancel() -> None:
    make_task()
    token = str(preview("tasks", "cancel", "--all")["token"])
    late = run("operations", "start", token, "--reason", "x", "--watch", "--wait-timeout", "0")
    assert late.code == EXIT_TIMEOUT
    operation = str(Operation.objects.get().id)

    assert "paused" in run("operations", "pause", operation).out
    assert "listing" in run("operations", "resume", operation).out
    assert "cancelled" in run("operations", "cancel", operation).out
    assert run("operations", "watch", operation).code == EXIT_FAILED
