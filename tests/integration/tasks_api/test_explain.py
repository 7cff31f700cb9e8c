"""GET /tasks/{id}/explain."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.core.clock import now
from tasks_app.models import Leader, Queue, Task
from tasks_app.queries.queues import recent_rate
from tests.factories import make_attempt, make_leader, make_node, make_queue, make_task

pytestmark = pytest.mark.django_db


def explain(client: APIClient, task: Task) -> dict[str, Any]:
    answer = client.get(f"/tasks/{task.id}/explain")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    assert found["detail"].count("\n") == 0
    return found


@pytest.fixture
def node(db: None) -> Any:
    return make_node()


@pytest.fixture
def dispatcher(db: None) -> Leader:
    return make_leader("dispatcher", seconds=60)


def test_nobody_works(client: APIClient) -> None:
    found = explain(client, make_task(queue="mail"))
    assert found["reason"] == "NO_WORKER"
    assert "mail" in found["detail"]
    assert found["blockedBy"] == [{"kind": "workers", "id": None, "name": "mail", "status": "NONE"}]
    assert found["position"] == 1


def test_a_worker_of_other_queues_or_a_silent_one_does_not_count(client: APIClient) -> None:
    make_node(queues=["other"])
    make_node(heartbeat_at=now() - timedelta(hours=1))
    make_node(state="DRAINING")
    assert explain(client, make_task())["reason"] == "NO_WORKER"
    make_node(queues=["default"])
    assert explain(client, make_task())["reason"] == "QUEUED"


def test_the_line(client: APIClient, node: Any) -> None:
    low = make_task(priority=-1)
    make_task(priority=5)
    middle = make_task()
    make_task(queue="other", priority=100)
    assert explain(client, middle)["position"] == 2
    found = explain(client, low)
    assert (found["reason"], found["position"], found["forecastStart"]) == ("QUEUED", 3, None)
    assert "2 tasks" in found["detail"]
    for number in range(1, 61):
        make_attempt(low, number)
    assert explain(client, low)["forecastStart"] is not None


def test_a_paused_queue(client: APIClient, node: Any) -> None:
    make_queue(paused_at=now(), paused_by="ada", pause_reason="the gateway is down")
    found = explain(client, make_task())
    assert found["reason"] == "QUEUE_PAUSED"
    assert "ada" in found["detail"]
    assert "(the gateway is down)" in found["detail"]
    assert found["blockedBy"][0]["kind"] == "queue"


def test_the_rate_of_a_queue_that_has_just_begun_is_of_the_time_that_it_worked() -> None:
    task, at = make_task(), now()
    for number in range(1, 41):
        ended = at - timedelta(seconds=20 - number / 2)
        make_attempt(task, number, started_at=ended, finished_at=ended)
    rate = recent_rate(task.queue)
    assert rate == pytest.approx(2, rel=0.2)


def test_a_full_queue_names_who_runs(client: APIClient, node: Any) -> None:
    make_queue(max_running=1)
    runs = make_task("RUNNING", name="the long one", node_id=node.id)
    found = explain(client, make_task())
    assert found["reason"] == "MAX_RUNNING"
    assert found["blockedBy"] == [
        {"kind": "task", "id": str(runs.id), "name": "the long one", "status": "RUNNING"}
    ]
    Queue.objects.update(max_running=2)
    assert explain(client, make_task())["reason"] == "QUEUED"


def test_an_empty_bucket_says_when_it_refills(client: APIClient, node: Any) -> None:
    make_queue(rate_per_second=0.1, rate_tokens=0, rate_at=now())
    first, second = make_task(), make_task()
    found = explain(client, first)
    assert found["reason"] == "RATE_LIMITED"
    assert found["until"] is not None
    assert found["forecastStart"] == found["until"]
    assert explain(client, second)["forecastStart"] > found["forecastStart"]
    Queue.objects.update(rate_at=now() - timedelta(minutes=1))
    assert explain(client, first)["reason"] == "QUEUED"


def test_not_due(client: APIClient, node: Any, dispatcher: Leader) -> None:
    found = explain(client, make_task("SCHEDULED"))
    assert found["reason"] == "NOT_DUE"
    assert found["until"] == found["forecastStart"]


def test_not_due_and_then_paused(client: APIClient, node: Any, dispatcher: Leader) -> None:
    make_queue(paused_at=now(), paused_by="ada")
    found = explain(client, make_task("SCHEDULED"))
    assert found["reason"] == "NOT_DUE"
    assert "paused" in found["detail"]
    assert found["forecastStart"] is None


def test_backing_off(client: APIClient, node: Any, dispatcher: Leader) -> None:
    found = explain(client, make_task("RETRYING"))
    assert found["reason"] == "BACKING_OFF"
    assert "Attempt 1 of 3" in found["detail"]


def test_the_dispatcher_is_away(client: APIClient, node: Any, dispatcher: Leader) -> None:
    overdue = make_task("SCHEDULED", run_at=now() - timedelta(minutes=1))
    assert explain(client, overdue)["reason"] == "NOT_DUE"
    Leader.objects.update(expires_at=now() - timedelta(seconds=1))
    found = explain(client, overdue)
    assert found["reason"] == "DISPATCHER_DOWN"
    assert "manage.py dispatch" in found["detail"]


def test_parents(client: APIClient) -> None:
    parents = [make_task(name=f"p{n}") for n in range(4)]
    task = make_task("BLOCKED", parents=parents)
    found = explain(client, task)
    assert found["reason"] == "DEPENDENCIES"
    assert "4 tasks" in found["detail"]
    assert "and 1 more" in found["detail"]
    assert {(b["id"], b["status"]) for b in found["blockedBy"]} == {
        (str(p.id), "PENDING") for p in parents
    }


def test_a_parent_that_failed(client: APIClient) -> None:
    parent = make_task("FAILED", name="broken")
    task = make_task("BLOCKED", parents=[parent], blocked_by=1)
    task.dependencies.update(is_satisfied=False)
    assert "retry it first" in explain(client, task)["detail"]


def test_a_parent_that_was_removed(client: APIClient) -> None:
    parent = make_task(name="gone")
    task = make_task("BLOCKED", parents=[parent])
    Task.objects.filter(id=parent.id).delete()
    assert "removed" in explain(client, task)["detail"]


def test_running(client: APIClient, node: Any) -> None:
    task = make_task("RUNNING", node_id=node.id, progress=40)
    found = explain(client, task)
    assert found["reason"] == "RUNNING"
    assert "node-a" in found["detail"]
    assert "40 %" in found["detail"]
    Task.objects.update(cancel_requested_at=now())
    assert explain(client, task)["reason"] == "CANCEL_REQUESTED"


def test_running_on_a_worker_that_is_not_heard_of(client: APIClient) -> None:
    silent = make_node(heartbeat_at=now() - timedelta(hours=1))
    assert (
        explain(client, make_task("RUNNING", node_id=silent.id))["reason"] == "WORKER_UNRESPONSIVE"
    )
    assert explain(client, make_task("RUNNING", node_id=9999))["reason"] == "WORKER_UNRESPONSIVE"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("COMPLETED", "It completed at"),
        ("FAILED", "after 1 attempt: the disk is full"),
        ("CANCELLED", "It was cancelled at"),
    ],
)
def test_ended(client: APIClient, state: str, words: str) -> None:
    found = explain(client, make_task(state, error={"message": "the disk is full"}))
    assert found["reason"] == state
    assert words in found["detail"]
