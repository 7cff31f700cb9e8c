"""GET /tasks/stats."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from rest_framework.test import APIClient

from controlplane.core.clock import now
from controlplane.workspaces.models import Workspace
from tasks_app.models import Task
from tasks_app.queries import counts, stats
from tests.factories import make_attempt, make_task

pytestmark = pytest.mark.django_db


def test_an_empty_workspace(client: APIClient) -> None:
    body = client.get("/tasks/stats").json()
    assert body["total"] == 0
    assert set(body["byStatus"].values()) == {0}
    assert body["throughput"] == {"perSecond1m": 0, "perSecond5m": 0}
    assert body["processingMs"] == {"avg": None, "p50": None, "p95": None, "p99": None}
    assert body["successRate"] is None
    assert body["window"] == {
        "seconds": 300,
        "completed": 0,
        "failed": 0,
        "attempts": 0,
        "failedAttempts": 0,
    }


def test_figures(client: APIClient, other: Workspace) -> None:
    first = make_task("PENDING", created_at=now() - timedelta(hours=2))
    for state in ("PENDING", "SCHEDULED", "RETRYING", "BLOCKED", "RUNNING"):
        make_task(state)
    make_task(queue="mail", type="sleep")
    at = now()
    for n in range(30):
        make_attempt(
            make_task("COMPLETED", type="cpu"),
            wait_ms=n,
            started_at=at - timedelta(milliseconds=100 * (n + 1)),
            finished_at=at,
        )
    failed = make_task("FAILED", queue="mail")
    for number in range(1, 11):
        make_attempt(failed, number, outcome="FAILED", started_at=at, finished_at=at)
    Task.objects.filter(id=failed.id).update(attempt=10, max_attempts=10)
    make_task("CANCELLED")
    old = at - timedelta(hours=1)
    make_attempt(make_task("COMPLETED"), started_at=old, finished_at=old)
    make_task("FAILED", finished_at=old)
    make_attempt(make_task("COMPLETED", workspace=other))
    body = client.get("/tasks/stats").json()
    assert body["byStatus"] == {
        "BLOCKED": 1,
        "SCHEDULED": 1,
        "PENDING": 3,
        "RUNNING": 1,
        "RETRYING": 1,
        "COMPLETED": 31,
        "FAILED": 2,
        "CANCELLED": 1,
    }
    assert body["total"] == 41
    assert body["byType"] == {"cpu": 30, "noop": 10, "sleep": 1}
    assert body["byQueue"] == {"default": 39, "mail": 2}
    assert body["window"] == {
        "seconds": 300,
        "completed": 30,
        "failed": 1,
        "attempts": 40,
        "failedAttempts": 10,
    }
    assert first.created_at < at - timedelta(hours=1)
    assert body["throughput"]["perSecond5m"] == round(31 / 300, 3)
    assert body["throughput"]["perSecond1m"] == round(31 / 60, 3)
    assert body["successRate"] == round(30 / 31, 4)
    assert body["processingMs"]["p99"] == pytest.approx(2961, abs=5)
    assert body["waitMs"]["p50"] > 0
    assert body["totalIsEstimate"] is False


def test_a_busy_workspace_reports_a_shorter_window(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stats, "_MAX_ATTEMPTS", 5)
    task = make_task("COMPLETED")
    at = now()
    for number, age in enumerate([200, 100, 40, 30, 20, 5, 3, 1], start=1):
        ended = at - timedelta(seconds=age)
        make_attempt(task, number, started_at=ended, finished_at=ended)
    body = client.get("/tasks/stats").json()
    assert body["window"]["seconds"] == 10
    assert body["window"]["completed"] == 3


def test_a_window_that_takes_too_long_gives_way_to_a_shorter_one(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = stats._read

    def slow_for_the_longest(workspace_id: UUID, seconds: int, hidden: list[str]) -> dict[str, Any]:
        if seconds == 300:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(2)")
        return read(workspace_id, seconds, hidden)

    monkeypatch.setattr(stats, "_WINDOW_SECONDS_TO_READ", 0.2)
    monkeypatch.setattr(stats, "_read", slow_for_the_longest)
    assert client.get("/tasks/stats").json()["window"]["seconds"] == 60


def test_tasks_that_ended_long_ago_are_counted(client: APIClient) -> None:
    old = now() - timedelta(days=3)
    for state in ("COMPLETED", "COMPLETED", "FAILED", "CANCELLED"):
        make_task(state, created_at=old, started_at=old, finished_at=old)
    make_task("PENDING", queue="mail", type="sleep")
    body = client.get("/tasks/stats").json()
    assert body["total"] == 5
    assert body["byStatus"]["COMPLETED"] == 2
    assert body["byStatus"]["FAILED"] == 1
    assert body["byStatus"]["CANCELLED"] == 1
    assert body["byType"] == {"noop": 4, "sleep": 1}
    assert body["byQueue"] == {"default": 4, "mail": 1}
    assert body["window"]["completed"] == 0


def test_counts_beyond_a_bound_say_that_they_are_estimates(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts, "FEW_COUNTED", 2)
    monkeypatch.setattr(counts, "MAX_COUNTED", 3)
    for _ in range(2):
        make_task("PENDING")
        make_task("SCHEDULED")
    assert client.get("/tasks/stats").json()["totalIsEstimate"] is False
    for _ in range(2):
        make_task("PENDING")
        make_task("SCHEDULED")
    body = client.get("/tasks/stats").json()
    assert body["totalIsEstimate"] is True
    assert body["byStatus"]["PENDING"] == body["byStatus"]["SCHEDULED"] == 3
    assert body["total"] == 8


def test_many_tasks_of_one_state_are_counted_exactly(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not counted one by one is what remains of the queue's unfinished tasks."""
    monkeypatch.setattr(counts, "FEW_COUNTED", 2)
    for state, tasks in (("PENDING", 5), ("SCHEDULED", 1), ("RUNNING", 1), ("COMPLETED", 4)):
        for _ in range(tasks):
            make_task(state)
    for state in ("SCHEDULED", "SCHEDULED", "SCHEDULED", "PENDING"):
        make_task(state, queue="mail")
    for _ in range(3):
        make_task("PENDING", type="workflow-join")
    body = client.get("/tasks/stats").json()
    assert body["totalIsEstimate"] is False
    states = ("PENDING", "SCHEDULED", "RUNNING", "COMPLETED")
    assert [body["byStatus"][state] for state in states] == [6, 4, 1, 4]
    body = client.get("/tasks/stats", {"internal": "true"}).json()
    assert [body["byStatus"][state] for state in states] == [9, 4, 1, 4]


def test_throughput_of_a_young_workspace_is_of_the_time_that_there_was(client: APIClient) -> None:
    at = now()
    born = at - timedelta(seconds=20)
    for _ in range(40):
        make_attempt(make_task("COMPLETED", created_at=born), started_at=at, finished_at=at)
    throughput = client.get("/tasks/stats").json()["throughput"]
    assert throughput["perSecond1m"] == pytest.approx(2, rel=0.2)
    assert throughput["perSecond5m"] == pytest.approx(2, rel=0.2)


def test_internal_tasks_are_counted_only_when_they_are_asked_for(client: APIClient) -> None:
    for state in ("PENDING", "RUNNING", "SCHEDULED", "RETRYING", "BLOCKED", "COMPLETED", "FAILED"):
        make_task(state, queue="workflows", type="workflow-join")
    make_attempt(make_task("COMPLETED", queue="workflows", type="workflow-join"))
    make_task("PENDING", queue="workflows")
    make_attempt(make_task("COMPLETED"))
    body = client.get("/tasks/stats").json()
    assert body["total"] == 2
    assert {name: n for name, n in body["byStatus"].items() if n} == {"PENDING": 1, "COMPLETED": 1}
    assert body["byType"] == {"noop": 2}
    assert body["byQueue"] == {"workflows": 1, "default": 1}
    assert body["window"]["attempts"] == 1
    everything = client.get("/tasks/stats", {"internal": "true"}).json()
    assert everything["total"] == 10
    assert everything["byType"] == {"workflow-join": 8, "noop": 2}
    assert everything["byStatus"]["BLOCKED"] == 1
    assert everything["window"]["attempts"] == 2


@pytest.mark.parametrize(("name", "value"), [("internal", "perhaps"), ("status", "FAILED")])
def test_a_wrong_parameter_is_named(client: APIClient, name: str, value: str) -> None:
    response = client.get("/tasks/stats", {name: value})
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [name]
