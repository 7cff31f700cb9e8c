"""The reply to a COMMIT is lost: did it happen? Nothing is done twice and nothing is forgotten."""

from collections.abc import Iterator

import pytest
from django.db import DatabaseError, connections
from pytest_django import Settings

from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app import services, transitions
from tasks_app.execution.store import Store
from tasks_app.models import Task, TaskAttempt
from tasks_app.services import submit_task, submit_tasks
from tasks_app.specs import TaskSpec
from tests.concurrency.proxy import Proxy
from tests.manual_worker import register_node, states, store, success
from workers.models import Node

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """The engine's connection goes through it."""
    engine = connections["engine"]
    before = dict(engine.settings_dict)
    with Proxy(int(before["PORT"])) as made:
        engine.close()
        options = {**before["OPTIONS"], "sslmode": "disable"}
        engine.settings_dict.update(HOST="127.0.0.1", PORT=str(made.port), OPTIONS=options)
        try:
            yield made
        finally:
            engine.close()
            engine.settings_dict.update(before)


def running_under(leases: set[object]) -> int:
    assert set(Task.objects.filter(state="RUNNING").values_list("lease", flat=True)) <= leases
    return Task.objects.filter(state="RUNNING").count()


@pytest.mark.parametrize("down_seconds", [0.0, 0.5])
def test_outcomes_count_once_and_claims_are_remembered(proxy: Proxy, down_seconds: float) -> None:
    """Also when the database stays away for longer than the first try to hand back."""
    node = register_node()
    submit_tasks(specs=[TaskSpec(type="noop")] * 9)
    mine = store(node)
    batch, _ = mine.exchange([], want=3)
    proxy.lose_reply_to, proxy.down_seconds = b"COMMIT", down_seconds

    claims, _ = mine.exchange([success(row) for row in batch], want=3)

    assert proxy.cuts == 1
    assert states([row.id for row in batch]) == ["COMPLETED"] * 3
    assert list(TaskAttempt.objects.values_list("outcome", flat=True)) == ["SUCCEEDED"] * 3
    assert running_under({row.lease for row in claims}) == len(claims) == 3
    assert Task.objects.filter(state="PENDING", attempt=0, node_id=None).count() == 3


def test_a_claim_that_is_never_answered_can_be_found(proxy: Proxy, settings: Settings) -> None:
    """The child gives up: the lease that its slot file names last is the one that has rows."""
    settings.TASKPLANE = {**settings.TASKPLANE, "LEASE_SECONDS": 0.3}
    node = register_node()
    submit_tasks(specs=[TaskSpec(type="noop")] * 3)
    announced: list[bytes] = []
    mine = Store(queue="default", node=lambda: node, announce=announced.append)
    # An idle child's claim is a transaction of its own, without a COMMIT.
    proxy.lose_reply_to, proxy.down_seconds = b"FOR UPDATE SKIP LOCKED", 30.0
    with pytest.raises(DatabaseError):
        mine.exchange([], want=3)
    assert {lease.bytes for lease in Task.objects.values_list("lease", flat=True)} == {
        announced[-1]
    }


def test_what_was_cancelled_in_an_unanswered_claim_takes_its_dependents_along(
    proxy: Proxy,
) -> None:
    node, workspace = register_node(), get_default_workspace_id()
    parent = submit_task(spec=TaskSpec(type="noop"))
    child = submit_task(spec=TaskSpec(type="noop", depends_on=[parent]))
    mine = store(node)
    (row,), _ = mine.exchange([], want=1)
    services.cancel_task(workspace_id=workspace, task_id=parent, actor=SYSTEM)
    mine._forget(row.lease, give_up=0)
    assert states([parent, child]) == ["CANCELLED", "CANCELLED"]


def test_stale_outcomes_are_counted(proxy: Proxy) -> None:
    node = register_node()
    submit_tasks(specs=[TaskSpec(type="noop")] * 2)
    mine = store(node)
    batch, _ = mine.exchange([], want=2)
    with connections["default"].cursor() as cursor:
        transitions.release_leased(cursor, [(batch[0].id, batch[0].lease)])
    mine.exchange([success(row) for row in batch])
    assert sorted(states([row.id for row in batch])) == ["COMPLETED", "PENDING"]
    assert Node.objects.get(id=node).stale_writes == 1
