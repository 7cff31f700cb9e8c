"""What a task shows about its repetitions, and which signals it sends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.dispatch import Signal
from rest_framework.test import APIClient

from controlplane.workspaces.actors import SYSTEM
from tasks_app import services
from tasks_app.models import Task
from tasks_app.signals import task_cancelled_by_parent, task_reprocessed
from tasks_app.specs import TaskSpec
from tests.clients import default_workspace
from tests.factories import make_task

pytestmark = pytest.mark.django_db


@contextmanager
def heard(signal: Signal) -> Iterator[list[dict[str, Any]]]:
    """The arguments of each signal in the block."""
    calls: list[dict[str, Any]] = []

    def listen(sender: Any, signal: Signal, **words: Any) -> None:
        calls.append(words)

    signal.connect(listen)
    try:
        yield calls
    finally:
        signal.disconnect(listen)


def submit(**fields: Any) -> UUID:
    spec = TaskSpec(type="noop", **fields)
    return services.submit_task(workspace_id=default_workspace().id, spec=spec)


def test_a_repetition_names_the_ended_task_and_both_are_linked(client: APIClient) -> None:
    old = make_task("FAILED")
    with heard(task_reprocessed) as calls:
        new = submit(reprocess_of=old.id)

    assert calls == [{"pairs": [(old.id, new)], "using": "default", "by": ""}]
    assert client.get(f"/tasks/{new}").json()["reprocessOf"] == str(old.id)
    assert client.get(f"/tasks/{old.id}").json()["reprocessedAs"] == [str(new)]
    assert client.get(f"/tasks/{old.id}").json()["reprocessOf"] is None


def test_a_retried_task_still_names_the_task_that_repeats_it(client: APIClient) -> None:
    old = make_task("FAILED")
    new = submit(reprocess_of=old.id)
    services.retry_task(workspace_id=old.workspace_id, task_id=old.id, actor=SYSTEM)

    shown = client.get(f"/tasks/{old.id}").json()
    assert (shown["status"], shown["reprocessedAs"]) == ("PENDING", [str(new)])


def test_an_operators_retry_repeats_the_task_itself() -> None:
    dead = make_task("FAILED")
    with heard(task_reprocessed) as calls:
        services.retry_task(workspace_id=dead.workspace_id, task_id=dead.id, actor=SYSTEM)

    assert calls == [{"pairs": [(dead.id, dead.id)], "using": "default", "by": "system"}]


def test_a_task_of_a_workflow_run_is_not_retried_by_itself(client: APIClient) -> None:
    run = uuid4()
    step, free = make_task("FAILED", workflow_run_id=run, step_key="a"), make_task("FAILED")

    refused = client.post(f"/tasks/{step.id}/retry")
    assert refused.status_code == 409
    assert f"/workflows/runs/{run}/retry" in refused.json()["detail"]

    body = {"action": "retry", "ids": [str(step.id), str(free.id)]}
    done = client.post("/tasks/actions", body, format="json").json()
    assert (done["matched"], done["changed"]) == (2, 1)
    states = dict(Task.objects.values_list("id", "state"))
    assert states == {step.id: "FAILED", free.id: "PENDING"}


def test_the_cascade_of_a_cancel_is_signalled_with_every_generation() -> None:
    parent = submit()
    child = submit(depends_on=[parent])
    grandchild = submit(depends_on=[child])
    spared = submit(depends_on=[parent], on_parent_failure="run")
    with heard(task_cancelled_by_parent) as calls:
        services.cancel_task(workspace_id=default_workspace().id, task_id=parent, actor=SYSTEM)

    assert [sorted(each["task_ids"]) for each in calls] == [sorted([child, grandchild])]
    assert Task.objects.get(id=spared).state == "PENDING"


def test_a_child_that_is_submitted_too_late_is_signalled_too() -> None:
    parent = make_task("FAILED")
    with heard(task_cancelled_by_parent) as calls:
        child = submit(depends_on=[parent.id])

    assert [each["task_ids"] for each in calls] == [[child]]


def test_a_failing_listener_undoes_the_repetition() -> None:
    old = make_task("FAILED")

    def refuse(**_: Any) -> None:
        raise RuntimeError("the letter cannot be written")

    task_reprocessed.connect(refuse)
    try:
        with pytest.raises(RuntimeError, match="cannot be written"):
            submit(reprocess_of=old.id)
    finally:
        task_reprocessed.disconnect(refuse)
    assert list(Task.objects.values_list("id", flat=True)) == [old.id]
