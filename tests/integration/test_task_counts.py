"""Counts of the tasks that exist stay exact, whatever makes, ends, reopens or removes a task."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from controlplane.core.clock import now
from controlplane.core.ids import first_id_of
from controlplane.workspaces.actors import SYSTEM
from tasks_app import services, transitions
from tasks_app.models import Queue, TaskCount, TaskCountChange
from tasks_app.queries.counts import TaskCounts, count_tasks
from tasks_app.rows import Outcome, note_counts
from tasks_app.services.rollups import fold_counts, recount_tasks
from tasks_app.settling import settle_ended
from tasks_app.specs import TaskSpec
from tests.clients import default_workspace
from tests.factories import make_node, make_task

pytestmark = pytest.mark.django_db


def submit(number: int = 1, **fields: Any) -> list[Any]:
    specs = [TaskSpec(**{"type": "noop", **fields}) for _ in range(number)]
    return services.submit_tasks(workspace_id=default_workspace().id, specs=specs)


def run(outcome: str, number: int = 1) -> list[Any]:
    """Claim that many ready tasks and end them so."""
    node, lease = make_node().id, uuid4()
    with connection.cursor() as cursor:
        claimed = transitions.claim_ready(
            cursor, queue="default", node=node, lease=lease, want=number, after=0
        )
        state = {"SUCCEEDED": "COMPLETED", "FAILED": "FAILED"}.get(outcome, "RETRYING")
        error = None if outcome == "SUCCEEDED" else {"class": "E", "message": "no"}
        ended = transitions.finish_leased(
            cursor,
            node=node,
            outcomes=[Outcome(row.id, lease, state, outcome, 1.0, error=error) for row in claimed],
        )
        settle_ended(cursor, ended, using="default")
    return [row.id for row in claimed]


def counted() -> TaskCounts:
    """The counts, which are those of the rows."""
    assert recount_tasks() == 0, list(TaskCountChange.objects.values())
    return count_tasks(default_workspace().id)


def states() -> dict[str, int]:
    return {state: number for state, number in counted().states.items() if number}


def test_submission_one_by_one_and_in_bulk() -> None:
    submit()
    submit(3)
    submit(50, queue="mail")
    assert counted().total == 54
    assert counted().types == {"noop": 54}
    assert states() == {"PENDING": 54}


def test_ends_of_attempts() -> None:
    submit(30)
    run("SUCCEEDED", 10)
    run("FAILED", 3)
    run("TIMED_OUT", 2)
    assert states() == {"PENDING": 15, "RETRYING": 2, "COMPLETED": 10, "FAILED": 3}


def test_dependents_that_are_cancelled_with_their_parent() -> None:
    (parent,) = submit()
    children = submit(2, depends_on=[str(parent)])
    submit(depends_on=[str(children[0])])
    run("FAILED")
    assert states() == {"FAILED": 1, "CANCELLED": 3}
    submit(2, depends_on=[str(parent)])
    assert states() == {"FAILED": 1, "CANCELLED": 5}


def test_what_operators_do() -> None:
    workspace, ids = default_workspace().id, submit(9)
    services.cancel_tasks(workspace_id=workspace, ids=ids[:4], actor=SYSTEM)
    assert states() == {"PENDING": 5, "CANCELLED": 4}
    run("SUCCEEDED", 3)
    services.retry_tasks(workspace_id=workspace, ids=ids, actor=SYSTEM)
    assert states() == {"PENDING": 9}
    services.cancel_tasks(workspace_id=workspace, ids=ids[:4], actor=SYSTEM)
    services.delete_tasks(workspace_id=workspace, ids=ids, actor=SYSTEM)
    assert states() == {"PENDING": 5}
    assert counted().total == 5


def test_retention() -> None:
    old = now() - timedelta(days=4_000)
    for number, state in enumerate(("COMPLETED", "FAILED", "CANCELLED")):
        made = UUID(int=first_id_of(old).int + number)
        make_task(state, id=made, created_at=old, started_at=old, finished_at=old)
    make_task("COMPLETED")
    assert counted().total == 4
    assert services.prune_history(limit=2).tasks == 2
    assert counted().total == 2
    services.prune_history(limit=10)
    assert states() == {"COMPLETED": 1}


def test_folding_changes_nothing_but_the_number_of_rows() -> None:
    submit(5)
    run("SUCCEEDED", 2)
    before = states()
    assert not fold_counts()
    assert TaskCountChange.objects.count() == 0
    assert states() == before
    submit(5, queue="mail")
    run("FAILED", 1)
    before = states()
    assert not fold_counts()
    assert not fold_counts()
    assert states() == before
    assert TaskCount.objects.count() == 2


def test_a_batch_of_folding_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks_app.services.rollups._FOLDED_AT_ONCE", 2)
    for _ in range(5):
        submit()
    rounds = 1
    while fold_counts():
        rounds += 1
    assert rounds == 3
    assert counted().total == 5


def test_recounting_repairs_what_is_wrong() -> None:
    submit(5)
    fold_counts()
    TaskCount.objects.update(existing=7, failed=1)
    gone = Queue.objects.create(workspace=default_workspace(), name="gone")
    with connection.cursor() as cursor:
        note_counts(cursor, {(default_workspace().id, gone.id, "sleep", "FAILED"): 2})
    assert count_tasks(default_workspace().id).total == 9
    assert recount_tasks() == 2
    assert states() == {"PENDING": 5}
    assert counted().types == {"noop": 5}
