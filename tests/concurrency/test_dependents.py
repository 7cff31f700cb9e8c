"""Groups of open tasks: if others end, join or are retried at the same moment, no child is stranded
and none is released twice."""

import time
from uuid import UUID

import pytest
from django.db import transaction

from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app import services
from tasks_app.models import Task, TaskDependency
from tasks_app.rows import ClaimedRow
from tasks_app.services import submit_task, submit_tasks
from tasks_app.specs import TaskSpec
from tests.concurrency.racing import Racers
from tests.manual_worker import claim, failure, finish, register_node, states, success

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

ROUNDS = 25
_BLOCKS_SECONDS = 0.3  # long enough for the other side to have reached the lock it waits for


def submit(*parents: UUID, **options: object) -> UUID:
    return submit_task(spec=TaskSpec(type="noop", depends_on=parents, **options))  # type: ignore[arg-type]


def claimed(node: int, task: UUID) -> ClaimedRow:
    (row,) = claim(node)
    assert row.id == task
    return row


def test_parents_that_end_together_release_their_child_once(two: Racers) -> None:
    node = register_node()
    for _ in range(ROUNDS):
        parents = submit_tasks(specs=[TaskSpec(type="noop")] * 2)
        child = submit(*parents)
        first, second = claim(node, want=2)
        two.race(
            lambda row=first: finish(node, [success(row)]),  # type: ignore[misc]
            lambda row=second: finish(node, [success(row)]),  # type: ignore[misc]
        )
        task = Task.objects.get(id=child)
        assert (task.state, task.blocked_by, task.attempt) == ("PENDING", 0, 0)
        finish(node, [success(claimed(node, child))])
    assert not TaskDependency.objects.filter(is_satisfied=False).exists()


@pytest.mark.parametrize(("is_success", "policy", "expected"), [
    (True, "cancel", "PENDING"),
    (False, "cancel", "CANCELLED"),
    (False, "run", "PENDING"),
])  # fmt: skip
def test_a_child_submitted_while_its_parent_ends_is_not_stranded(
    two: Racers, *, is_success: bool, policy: str, expected: str
) -> None:
    node = register_node()
    for number in range(ROUNDS):
        parent = submit()
        row = claimed(node, parent)
        ending = success(row) if is_success else failure(row)

        def end(number: int = number, ending: object = ending) -> None:
            time.sleep(number % 6 * 0.001)
            finish(node, [ending])  # type: ignore[list-item]

        child, _ = two.race(
            lambda parent=parent: submit(parent, on_parent_failure=policy),  # type: ignore[misc]
            end,
        )
        assert states([child]) == [expected]
        if expected == "PENDING":
            finish(node, [success(claimed(node, child))])


def test_a_grandchild_submitted_while_the_family_is_cancelled_goes_with_it(two: Racers) -> None:
    """The submission holds the child's row when the parent fails, and commits a moment later."""
    node = register_node()
    parent = submit()
    child = submit(parent)
    row = claimed(node, parent)
    with transaction.atomic():
        grandchild = submit(child)
        ending = two.start(lambda: finish(node, [failure(row)]))
        time.sleep(_BLOCKS_SECONDS)
    ending.result(10)
    assert states([parent, child, grandchild]) == ["FAILED", "CANCELLED", "CANCELLED"]


def test_a_child_retried_while_its_parent_fails_is_not_stranded(two: Racers) -> None:
    """The retry has seen the parent running when the parent fails."""
    node, workspace = register_node(), get_default_workspace_id()
    parent = submit()
    child = submit(parent)
    services.cancel_task(workspace_id=workspace, task_id=child, actor=SYSTEM)
    row = claimed(node, parent)
    with transaction.atomic():
        services.retry_task(workspace_id=workspace, task_id=child, actor=SYSTEM)
        ending = two.start(lambda: finish(node, [failure(row)]))
        time.sleep(_BLOCKS_SECONDS)
    ending.result(10)
    assert states([parent, child]) == ["FAILED", "CANCELLED"]


def test_retries_and_failing_parents_race_without_stranding(two: Racers) -> None:
    node, workspace = register_node(), get_default_workspace_id()
    for number in range(ROUNDS):
        parent = submit()
        child = submit(parent)
        services.cancel_task(workspace_id=workspace, task_id=child, actor=SYSTEM)
        row = claimed(node, parent)

        def end(number: int = number, row: ClaimedRow = row) -> None:
            time.sleep(number % 6 * 0.001)
            finish(node, [failure(row)])

        two.race(
            lambda child=child: services.retry_tasks(  # type: ignore[misc]
                workspace_id=workspace, ids=[child], actor=SYSTEM
            ),
            end,
        )
        assert states([parent, child]) == ["FAILED", "CANCELLED"]


def test_a_child_whose_parent_was_deleted_is_not_retried_into_waiting_for_ever() -> None:
    node, workspace = register_node(), get_default_workspace_id()
    parent = submit()
    child = submit(parent)
    finish(node, [failure(claimed(node, parent))])
    services.delete_tasks(workspace_id=workspace, ids=[parent], actor=SYSTEM)
    assert services.retry_tasks(workspace_id=workspace, ids=[child], actor=SYSTEM) == []
    assert states([child]) == ["CANCELLED"]


def test_a_bulk_retry_leaves_out_the_dependents_of_one_left_out() -> None:
    node, workspace = register_node(), get_default_workspace_id()
    parent = submit()
    child = submit(parent)
    grandchild = submit(child)
    finish(node, [failure(claimed(node, parent))])
    ids = [child, grandchild]
    assert services.retry_tasks(workspace_id=workspace, ids=ids, actor=SYSTEM) == []
    ids = [grandchild, parent, child]
    retried = services.retry_tasks(workspace_id=workspace, ids=ids, actor=SYSTEM)
    assert sorted(retried) == sorted(ids)
    assert states([parent, child, grandchild]) == ["PENDING", "BLOCKED", "BLOCKED"]
