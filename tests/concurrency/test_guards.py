"""Two guards without a race: the lease of an outcome, and the edge that counts once."""

import pytest

from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app import services
from tasks_app.models import Task, TaskAttempt
from tasks_app.services import submit_task
from tasks_app.services.rescue import rescue_node
from tasks_app.specs import TaskSpec
from tests.manual_worker import claim, failure, finish, register_node, success
from workers.models import Node

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def outcomes() -> list[str]:
    return list(TaskAttempt.objects.order_by("attempt").values_list("outcome", flat=True))


def test_an_outcome_of_an_old_lease_is_refused_while_another_runs_the_task() -> None:
    """The state alone would let it in: the task is RUNNING again, under another lease."""
    frozen, second = register_node("frozen"), register_node("second")
    task = submit_task(spec=TaskSpec(type="noop"))
    (old,) = claim(frozen)
    assert rescue_node(frozen) == 1
    (new,) = claim(second)

    finish(frozen, [failure(old)])

    row = Task.objects.get(id=task)
    assert (row.state, row.lease, row.node_id) == ("RUNNING", new.lease, second)
    assert Node.objects.get(id=frozen).stale_writes == 1
    finish(second, [success(new)])
    assert Task.objects.get(id=task).result == {"attempt": 2}
    assert outcomes() == ["LOST", "SUCCEEDED"]


def test_a_parent_that_completes_twice_counts_once() -> None:
    node, workspace = register_node(), get_default_workspace_id()
    first = submit_task(spec=TaskSpec(type="noop"))
    second = submit_task(spec=TaskSpec(type="noop", priority=-1))
    child = submit_task(spec=TaskSpec(type="noop", depends_on=[first, second]))
    for _ in range(2):
        (row,) = claim(node)
        assert row.id == first
        finish(node, [success(row)])
        assert (Task.objects.get(id=child).state, Task.objects.get(id=child).blocked_by) == (
            "BLOCKED",
            1,
        )
        services.retry_task(workspace_id=workspace, task_id=first, actor=SYSTEM)
