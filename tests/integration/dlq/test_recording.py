"""A letter is written with its death, and holds all that explains it."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction

from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import Workspace
from dlq.models import DeadLetter
from dlq.recording import bound_attempts, record_deaths
from tasks_app.models import Task
from tasks_app.rows import Finished
from tasks_app.services import retry_task, submit_task
from tasks_app.settling import announce_dead_lettered
from tasks_app.signals import task_dead_lettered
from tasks_app.specs import TaskSpec
from tests.clients import other_workspace
from tests.factories import (
    make_attempt,
    make_attempts,
    make_error,
    make_letter,
    make_next_letter,
    make_node,
    make_task,
)
from tests.manual_worker import run_task

pytestmark = pytest.mark.django_db


def test_a_letter_holds_what_its_task_was() -> None:
    task = make_task(
        type="test-echo",
        name="charge order 17",
        queue="billing",
        priority=7,
        tags=["orders", "eu"],
        payload={"order": 17, "text": "Grüße"},
        max_attempts=9,
        round_attempts=4,
        timeout_ms=1_500,
        retry={"strategy": "fixed", "baseMs": 1},
        on_parent_failure="run",
    )
    letter = make_next_letter(task.id, make_error("order 17 cannot be charged"))
    task.refresh_from_db()
    assert (letter.workspace_id, letter.type, letter.name) == (
        task.workspace_id,
        "test-echo",
        "charge order 17",
    )
    assert (letter.queue, letter.priority, letter.tags) == ("billing", 7, ["orders", "eu"])
    assert letter.payload == {"order": 17, "text": "Grüße"}
    assert letter.error == task.error
    assert (letter.category, letter.status, letter.attempt) == ("CODE", "OPEN", 1)
    assert letter.died_at == task.finished_at
    assert letter.task_options == {
        "maxAttempts": 4,
        "timeoutMs": 1_500,
        "retry": {"strategy": "fixed", "baseMs": 1},
        "onParentFailure": "run",
    }


def test_a_letter_holds_every_attempt_with_its_traceback() -> None:
    node = make_node("node-b")
    task = make_task(type="test-echo")
    first = make_attempt(task, 1, outcome="TIMED_OUT", node_id=node.id, error=make_error("slow"))
    make_attempt(task, 2, outcome="LOST", node_id=987_654)
    Task.objects.filter(id=task.id).update(attempt=2)
    letter = make_next_letter(task.id, make_error("the last"))
    assert [a["attempt"] for a in letter.attempts] == [1, 2, 3]
    assert [a["outcome"] for a in letter.attempts] == ["TIMED_OUT", "LOST", "FAILED"]
    assert [a["workerNode"] for a in letter.attempts] == ["node-b", None, "node-b"]
    assert letter.attempts[0]["error"] == first.error
    assert letter.attempts[1]["error"] is None
    assert "orders.py" in letter.attempts[2]["error"]["traceback"]
    assert letter.attempts[2]["startedAt"] <= letter.attempts[2]["finishedAt"]
    assert letter.attempts_total == 3


def test_of_very_many_attempts_the_first_and_the_last_are_kept() -> None:
    task = make_task(type="test-echo", max_attempts=500, round_attempts=500, attempt=249)
    node = make_node()
    make_attempts(task, range(1, 250), node_id=node.id, outcome="FAILED")
    letter = make_next_letter(task.id)
    assert [a["attempt"] for a in letter.attempts] == [*range(1, 11), *range(161, 251)]
    assert letter.attempts_total == 250


def test_attempts_are_bounded_in_bytes_and_the_first_and_the_last_stay() -> None:
    attempts: list[dict[str, Any]] = [{"attempt": n, "error": "x" * 1_000} for n in range(1, 50)]
    kept = bound_attempts(attempts, max_bytes=10_400)
    assert [a["attempt"] for a in kept] == [1, *range(41, 50)]
    assert bound_attempts([{"error": "x" * 5_000}], max_bytes=10) == [{"error": "x" * 5_000}]
    assert bound_attempts([]) == []


def test_what_waited_for_a_dead_task_has_letters_too() -> None:
    parent = submit_task(spec=TaskSpec(type="test-echo"))
    child = submit_task(spec=TaskSpec(type="test-echo", depends_on=[parent]))
    grandchild = submit_task(spec=TaskSpec(type="test-echo", depends_on=[child]))
    anyway = submit_task(
        spec=TaskSpec(type="test-echo", depends_on=[parent], on_parent_failure="run")
    )
    run_task(parent, make_error())
    letters = {letter.task_id: letter for letter in DeadLetter.objects.order_by("id")}
    assert set(letters) == {parent, child, grandchild}
    assert next(iter(letters)) == parent
    assert letters[child].category == "CANCELLED_BY_PARENT"
    assert (letters[child].attempt, letters[child].attempts) == (0, [])
    assert str(parent) in letters[child].error["message"]
    assert Task.objects.get(id=anyway).state == "PENDING"


def test_a_task_submitted_under_a_dead_parent_has_a_letter() -> None:
    dead = make_letter().task_id
    child = submit_task(spec=TaskSpec(type="test-echo", depends_on=[dead]))
    assert DeadLetter.objects.get(task_id=child).category == "CANCELLED_BY_PARENT"


def test_a_retry_in_place_closes_the_letter_and_its_next_death_writes_another(
    workspace: Workspace, ada: Actor
) -> None:
    first = make_letter()
    retry_task(workspace_id=workspace.id, task_id=first.task_id, actor=ada)
    first.refresh_from_db()
    assert (first.status, first.reprocessed_task_id) == ("REPROCESSED", first.task_id)
    assert (first.resolved_by, first.resolved_at is not None) == ("ada", True)
    second = make_next_letter(first.task_id)
    assert (second.id != first.id, second.attempt, second.status) == (True, 2, "OPEN")
    assert DeadLetter.objects.filter(task_id=first.task_id).count() == 2


def test_a_cascade_that_comes_again_at_the_same_attempt_has_a_letter_again(
    workspace: Workspace, ada: Actor
) -> None:
    """The child never started: both its deaths are of attempt 0."""
    parent = submit_task(spec=TaskSpec(type="test-echo"))
    child = submit_task(spec=TaskSpec(type="test-echo", depends_on=[parent]))
    run_task(parent, make_error())
    retry_task(workspace_id=workspace.id, task_id=parent, actor=ada)
    retry_task(workspace_id=workspace.id, task_id=child, actor=ada)
    run_task(parent, make_error())
    statuses = DeadLetter.objects.filter(task_id=child).order_by("id")
    assert list(statuses.values_list("status", "attempt")) == [("REPROCESSED", 0), ("OPEN", 0)]


def test_the_same_death_reported_twice_is_one_letter() -> None:
    letter = make_letter()
    assert record_deaths([letter.task_id], using="default") == 0
    assert DeadLetter.objects.count() == 1


def test_a_death_that_is_rolled_back_leaves_no_letter() -> None:
    task = make_task(type="test-echo")

    def refuse(**_: Any) -> None:
        raise RuntimeError("no mourners today")

    task_dead_lettered.connect(refuse)
    try:
        with pytest.raises(RuntimeError, match="mourners"):
            run_task(task.id, make_error())
    finally:
        task_dead_lettered.disconnect(refuse)
    task.refresh_from_db()
    assert task.state == "RUNNING"
    assert not DeadLetter.objects.exists()


def test_letters_stay_in_their_workspace() -> None:
    other = other_workspace()
    letter = make_letter(workspace=other)
    assert letter.workspace_id == other.id


def test_an_error_of_no_known_kind_is_unknown() -> None:
    letter = make_letter({"message": "odd", "category": "NONSENSE"})
    assert (letter.category, letter.error["class"]) == ("UNKNOWN", "")


def test_a_thousand_deaths_are_a_few_statements(
    django_assert_max_num_queries: Any,
) -> None:
    template = make_task("FAILED", type="test-echo", error=make_error(), payload={"x": "y" * 200})
    values = {field.attname: getattr(template, field.attname) for field in Task._meta.fields}
    rows = [Task(**{**values, "id": uuid4()}) for _ in range(1_000)]
    Task.objects.bulk_create(rows)
    ended = [Finished(row.id, "FAILED", False) for row in rows]
    with django_assert_max_num_queries(32), transaction.atomic(), connection.cursor():
        announce_dead_lettered(ended, using="default")
    assert DeadLetter.objects.count() == 1_000
