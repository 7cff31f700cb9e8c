"""Letters are reprocessed as new tasks, or discarded; each once, and audited."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from controlplane.core.errors import Conflict, Invalid, NotFound
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import AuditEvent, Workspace
from dlq import discard, queries
from dlq.models import DeadLetter
from dlq.reprocess import reprocess_letter
from dlq.reprocess_tasks import Changes, reprocess_in_transaction
from tasks_app.models import Task, TaskDependency
from tasks_app.queries import get_dependency_results
from tasks_app.services import retry_task, submit_task
from tasks_app.specs import TaskSpec
from tests.clients import other_workspace
from tests.factories import make_error, make_letter, make_next_letter, make_task
from tests.manual_worker import run_task

pytestmark = pytest.mark.django_db


def reprocess(letter: DeadLetter, actor: Actor, **changes: Any) -> DeadLetter:
    return reprocess_letter(
        workspace_id=letter.workspace_id, letter_id=letter.id, actor=actor, **changes
    )


def task_of(letter: DeadLetter) -> Task:
    return Task.objects.get(id=letter.reprocessed_task_id)


def events(action: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action).order_by("id"))


def test_the_new_task_is_as_the_dead_one_was(ada: Actor) -> None:
    letter = make_letter(
        name="charge order 17",
        queue="billing",
        priority=7,
        tags=["orders"],
        max_attempts=9,
        round_attempts=4,
        timeout_ms=1_500,
        retry={"strategy": "fixed", "baseMs": 1, "factor": 2, "maxMs": 5, "jitter": 0},
        on_parent_failure="run",
    )
    after = reprocess(letter, ada)
    assert (after.status, after.resolved_by) == ("REPROCESSED", "ada")
    assert after.payload == letter.payload
    old, new = Task.objects.get(id=letter.task_id), task_of(after)
    assert old.state == "FAILED"
    assert (new.state, new.attempt, new.reprocess_of) == ("PENDING", 0, old.id)
    assert (new.max_attempts, new.round_attempts) == (4, 4)
    same = ("type", "name", "queue_id", "priority", "payload", "tags", "timeout_ms", "retry")
    assert {k: getattr(new, k) for k in same} == {k: getattr(old, k) for k in same}
    assert new.on_parent_failure == "run"
    (event,) = events("dlq.reprocess")
    assert event.detail["newTaskId"] == str(new.id)
    assert "payload" not in event.detail


def test_a_letter_outlives_its_task_and_is_reprocessed_all_the_same(ada: Actor) -> None:
    letter = make_letter(max_attempts=7, round_attempts=7)
    Task.objects.all().delete()
    assert task_of(reprocess(letter, ada)).max_attempts == 7


def test_a_corrected_payload_is_checked_used_and_its_difference_audited(ada: Actor) -> None:
    letter = make_letter(
        type="test-work",
        payload={"ms": 1, "folder": "/old", "password": "hunter2", "note": "x"},
    )
    with pytest.raises(Invalid, match="ms") as refused:
        reprocess(letter, ada, payload={"ms": "soon"})
    assert [e["field"] for e in refused.value.errors] == ["payload.ms"]
    letter.refresh_from_db()
    assert letter.status == "OPEN"
    payload = {"ms": 2, "folder": "/new", "password": "hunter3", "more": [1, 2]}
    after = reprocess(letter, ada, payload=payload, max_attempts=1)
    assert task_of(after).payload == payload
    assert task_of(after).max_attempts == 1
    assert after.payload["folder"] == "/old"
    (event,) = events("dlq.reprocess")
    assert event.detail["payload"] == {
        "added": {"more": "[1,2]"},
        "removed": {"note": "x"},
        "changed": {"folder": ["/old", "/new"], "ms": ["1", "2"], "password": ["***", "***"]},
        "leftOut": 0,
    }
    assert "hunter" not in str(event.detail)


def test_a_closed_letter_says_what_became_of_it(ada: Actor) -> None:
    letter = make_letter()
    after = reprocess(letter, ada)
    with pytest.raises(Conflict, match=f"reprocessed by ada: the task {after.reprocessed_task_id}"):
        reprocess(letter, ada)
    with pytest.raises(Conflict, match="reprocessed by ada"):
        discard.discard_letter(
            workspace_id=letter.workspace_id, letter_id=letter.id, reason="no", actor=ada
        )
    assert Task.objects.filter(reprocess_of=letter.task_id).count() == 1
    assert len(events("dlq.reprocess")) == 1


def test_letters_of_another_workspace_do_not_exist(workspace: Workspace, ada: Actor) -> None:
    letter = make_letter(workspace=other_workspace())
    for act in (
        lambda: reprocess_letter(workspace_id=workspace.id, letter_id=letter.id, actor=ada),
        lambda: discard.discard_letter(
            workspace_id=workspace.id, letter_id=letter.id, reason="no", actor=ada
        ),
        lambda: queries.get_letter(workspace.id, letter.id),
        lambda: reprocess_letter(workspace_id=workspace.id, letter_id=uuid4(), actor=ada),
    ):
        with pytest.raises(NotFound):
            act()
    letter.refresh_from_db()
    assert letter.status == "OPEN"


def test_an_older_death_that_was_discarded_does_not_hide_the_newest(ada: Actor) -> None:
    old = make_letter()
    discard.discard_letter(
        workspace_id=old.workspace_id, letter_id=old.id, reason="later", actor=ada
    )
    retry_task(workspace_id=old.workspace_id, task_id=old.task_id, actor=ada)
    new = make_next_letter(old.task_id)
    done = reprocess_in_transaction(
        workspace_id=old.workspace_id, ids=[old.id, new.id], changes=Changes(), actor=ada
    )
    assert (list(done.refused), list(done.tasks)) == ([old.id], [new.id])


def test_a_type_that_is_gone_is_refused(ada: Actor) -> None:
    letter = make_letter(type="was-removed")
    with pytest.raises(Invalid, match="no task type 'was-removed'"):
        reprocess(letter, ada)
    letter.refresh_from_db()
    assert letter.status == "OPEN"


def test_the_history_goes_both_ways(ada: Actor) -> None:
    first = reprocess(make_letter(), ada)
    assert first.reprocessed_task_id is not None
    second = make_next_letter(first.reprocessed_task_id)
    assert second.reprocess_of == first.task_id
    second = reprocess(second, ada)
    assert second.reprocessed_task_id is not None
    third = make_next_letter(second.reprocessed_task_id)
    chain = queries.get_chain(second)
    assert chain.previous == first
    assert chain.next == [third]
    assert queries.get_chain(first).previous is None
    assert queries.get_chain(third).next == []


def test_a_parent_is_reprocessed_before_what_waits_for_it(ada: Actor) -> None:
    done = submit_task(spec=TaskSpec(type="test-echo"))
    run_task(done)
    Task.objects.filter(id=done).update(result={"kept": 1})
    parent = submit_task(spec=TaskSpec(type="test-echo"))
    child = submit_task(spec=TaskSpec(type="test-echo", depends_on=[parent, done]))
    run_task(parent, make_error())
    letter = DeadLetter.objects.get(task_id=child)
    with pytest.raises(Conflict, match=f"Reprocess the task it depends on first: {parent}"):
        reprocess(letter, ada)

    again = reprocess(DeadLetter.objects.get(task_id=parent), ada).reprocessed_task_id
    assert again is not None
    new = task_of(reprocess(letter, ada))
    assert (new.state, new.blocked_by) == ("BLOCKED", 1)
    edges = TaskDependency.objects.filter(task=new).values_list("depends_on_id", "is_satisfied")
    assert dict(edges) == {again: False, done: True}
    run_task(again)
    new.refresh_from_db()
    assert new.state == "PENDING"
    assert get_dependency_results(new.workspace_id, new.id)[done] == {"kept": 1}


def test_a_parent_that_died_again_is_named(ada: Actor) -> None:
    parent = submit_task(spec=TaskSpec(type="test-echo"))
    child = submit_task(spec=TaskSpec(type="test-echo", depends_on=[parent]))
    run_task(parent, make_error())
    again = reprocess(DeadLetter.objects.get(task_id=parent), ada).reprocessed_task_id
    assert again is not None
    run_task(again, make_error())
    with pytest.raises(Conflict, match=str(again)):
        reprocess(DeadLetter.objects.get(task_id=child), ada)


def test_what_waited_for_a_removed_task_is_submitted_as_a_new_task(ada: Actor) -> None:
    parent = submit_task(spec=TaskSpec(type="test-echo"))
    child = submit_task(spec=TaskSpec(type="test-echo", depends_on=[parent]))
    run_task(parent, make_error())
    Task.objects.filter(id=parent).delete()
    letter = DeadLetter.objects.get(task_id=child)
    with pytest.raises(Conflict, match="was removed: submit its work as a new task"):
        reprocess(letter, ada)
    Task.objects.filter(id=child).delete()
    with pytest.raises(Conflict, match="The task was removed"):
        reprocess(letter, ada)


def test_discarding_needs_a_reason_and_is_final(workspace: Workspace, ada: Actor) -> None:
    letter = make_letter()
    for reason in ("", "   ", "x" * 2_001, "a\x00b"):
        with pytest.raises(Invalid, match="reason"):
            discard.discard_letter(
                workspace_id=workspace.id, letter_id=letter.id, reason=reason, actor=ada
            )
    after = discard.discard_letter(
        workspace_id=workspace.id, letter_id=letter.id, reason=" paid by hand ", actor=ada
    )
    assert (after.status, after.discard_reason, after.resolved_by) == (
        "DISCARDED",
        "paid by hand",
        "ada",
    )
    with pytest.raises(Conflict, match="discarded by ada: paid by hand"):
        reprocess(letter, ada)
    (event,) = events("dlq.discard")
    assert (event.detail["reason"], event.target_id) == ("paid by hand", str(letter.id))


def test_the_row_lock_of_the_letter_is_taken_once(ada: Actor) -> None:
    """A letter that was closed between the look and the lock is refused by the second look."""
    letter = make_letter()
    with connection.execute_wrapper(_close_before_lock(letter)), pytest.raises(Conflict):
        reprocess(letter, ada)
    assert not Task.objects.filter(reprocess_of=letter.task_id).exists()


def _close_before_lock(letter: DeadLetter) -> Any:
    state = {"armed": True}

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if state["armed"] and "dlq_deadletter" in sql and "FOR UPDATE" in sql:
            state["armed"] = False
            discard.discard_letter(
                workspace_id=letter.workspace_id,
                letter_id=letter.id,
                reason="in between",
                actor=Actor(kind="user", id="2", label="bob", role=None),
            )
        return execute(sql, params, many, context)

    return wrapper


def test_make_task_is_not_a_death() -> None:
    """A row that only looks dead has no letter: letters come of the engine's endings."""
    make_task("FAILED")
    assert not DeadLetter.objects.exists()
