"""/queues and /task-types."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from controlplane.core.clock import now
from controlplane.workspaces.models import AuditEvent, Workspace
from tasks_app.models import Queue
from tasks_app.queries import counts, queues
from tests.factories import make_queue, make_task

pytestmark = pytest.mark.django_db


def test_what_waits_and_runs(client: APIClient, other: Workspace) -> None:
    old = now() - timedelta(minutes=2)
    make_task(created_at=old)
    make_task(priority=5)
    for state in ("RUNNING", "SCHEDULED", "SCHEDULED", "RETRYING", "BLOCKED", "COMPLETED"):
        make_task(state)
    make_queue("mail", paused_at=old, paused_by="ada", max_running=3, rate_per_second=0.5)
    make_task(workspace=other)
    body = client.get("/queues").json()
    assert (body["total"], body["page"], body["nextCursor"]) == (2, 1, None)
    default, mail = body["data"]
    counts = ("depth", "running", "scheduled", "retrying", "blocked")
    assert [default[name] for name in counts] == [2, 1, 2, 1, 1]
    assert default["oldestWaitingMs"] == pytest.approx(120_000, abs=5_000)
    assert (default["paused"], default["pausedBy"], default["maxRunning"]) == (False, None, None)
    assert [mail[name] for name in counts] == [0, 0, 0, 0, 0]
    assert mail["oldestWaitingMs"] is None
    assert (mail["paused"], mail["pausedBy"]) == (True, "ada")
    assert (mail["maxRunning"], mail["ratePerSecond"]) == (3, 0.5)
    page = client.get("/queues?limit=1&sort=-name").json()
    assert [queue["name"] for queue in page["data"]] == ["mail"]
    assert page["nextCursor"]


def test_many_tasks_of_one_state_are_counted_exactly(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond a few, they are what remains of the unfinished tasks; of two such states both are
    counted, up to a bound."""
    monkeypatch.setattr(counts, "FEW_COUNTED", 2)
    monkeypatch.setattr(counts, "MAX_COUNTED", 4)
    for state, tasks in (("PENDING", 6), ("RUNNING", 1), ("FAILED", 3)):
        for _ in range(tasks):
            make_task(state)
    for state, tasks in (("PENDING", 3), ("BLOCKED", 3)):
        for _ in range(tasks):
            make_task(state, queue="mail")
    for state, tasks in (("PENDING", 5), ("BLOCKED", 5)):
        for _ in range(tasks):
            make_task(state, queue="reports")
    found = {row["name"]: row for row in client.get("/queues").json()["data"]}
    shown = {
        name: (row["depth"], row["running"], row["blocked"], row["isEstimate"])
        for name, row in found.items()
    }
    assert shown == {
        "default": (6, 1, 0, False),
        "mail": (3, 0, 3, False),
        "reports": (4, 0, 4, True),
    }


def test_the_oldest_is_found_among_many_priorities(client: APIClient) -> None:
    for priority in range(-60, 60):
        make_task(priority=priority)
    make_task(priority=7, created_at=now() - timedelta(minutes=2))
    (queue,) = client.get("/queues").json()["data"]
    assert queue["depth"] == 121
    assert queue["oldestWaitingMs"] == pytest.approx(120_000, abs=10_000)


def test_the_hot_view_is_bounded(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    done = [make_task("COMPLETED") for _ in range(5)]
    failed = [make_task("FAILED") for _ in range(3)]
    make_task("COMPLETED", queue="mail")
    make_task("CANCELLED")
    limits = {"REMOVE_ON_COMPLETE": 2, "REMOVE_ON_FAIL": None}
    monkeypatch.setattr(settings, "TASKPLANE", settings.TASKPLANE | limits)
    recent = client.get("/queues/default").json()["recent"]
    assert recent["completed"] == [str(done[4].id), str(done[3].id)]
    assert recent["failed"] == [str(task.id) for task in reversed(failed)]
    monkeypatch.setattr(settings, "TASKPLANE", settings.TASKPLANE | {"REMOVE_ON_COMPLETE": 0})
    assert client.get("/queues/default").json()["recent"]["completed"] == []


def test_the_hot_view_of_a_quiet_queue_looks_behind_what_ended_last(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = [make_task("COMPLETED", queue="quiet") for _ in range(3)]
    for _ in range(5):
        make_task("COMPLETED", queue="busy")
    monkeypatch.setattr(queues, "_ENDED_LOOKED_AT", 6)
    recent = client.get("/queues/quiet").json()["recent"]
    assert recent["completed"] == [str(task.id) for task in reversed(done)]
    assert len(client.get("/queues/busy").json()["recent"]["completed"]) == 5


def test_pause_and_resume(operator: APIClient) -> None:
    make_queue()
    body = operator.patch("/queues/default", {"paused": True}).json()
    assert body["paused"] is True
    assert "a test" in body["pausedBy"]
    event = AuditEvent.objects.get(action="queue.change")
    assert (event.detail["before"]["paused"], event.detail["after"]["paused"]) == (False, True)
    assert operator.patch("/queues/default", {"paused": False}).json()["paused"] is False


def test_a_pause_has_a_reason_until_it_ends(operator: APIClient) -> None:
    make_queue()
    change = {"paused": True, "reason": "the gateway is down"}
    assert operator.patch("/queues/default", change).json()["pauseReason"] == change["reason"]
    assert AuditEvent.objects.get(action="queue.change").detail["reason"] == change["reason"]
    change = {"paused": True, "reason": "it is still down"}
    assert operator.patch("/queues/default", change).json()["pauseReason"] == change["reason"]
    body = operator.patch("/queues/default", {"paused": False, "reason": "it is back"}).json()
    assert body["pauseReason"] is None
    assert operator.patch("/queues/default", {"paused": True}).json()["pauseReason"] is None


def test_limits_are_for_admins(client: APIClient, operator: APIClient) -> None:
    make_queue()
    for change in ({"maxRunning": 2}, {"ratePerSecond": 5}, {"paused": True, "maxRunning": None}):
        assert operator.patch("/queues/default", change).status_code == 403
    assert Queue.objects.get().paused_at is None
    body = client.patch("/queues/default", {"maxRunning": 2, "ratePerSecond": 5}).json()
    assert (body["maxRunning"], body["ratePerSecond"]) == (2, 5)
    body = client.patch("/queues/default", {"maxRunning": None, "ratePerSecond": None}).json()
    assert (body["maxRunning"], body["ratePerSecond"]) == (None, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, ""),
        ({"depth": 1}, "depth"),
        ({"paused": "yes"}, "paused"),
        ({"paused": None}, "paused"),
        ({"reason": "alone"}, "reason"),
        ({"paused": True, "reason": ""}, "reason"),
        ({"paused": True, "reason": "x" * 501}, "reason"),
        ({"maxRunning": 0}, "maxRunning"),
        ({"maxRunning": "5"}, "maxRunning"),
        ({"maxRunning": 10**9}, "maxRunning"),
        ({"ratePerSecond": 0}, "ratePerSecond"),
        ({"ratePerSecond": "nan"}, "ratePerSecond"),
        ({"ratePerSecond": True}, "ratePerSecond"),
    ],
)
def test_what_is_wrong_is_named(client: APIClient, body: Any, field: str) -> None:
    make_queue()
    answer = client.patch("/queues/default", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


def test_unknown_queues(client: APIClient) -> None:
    assert client.get("/queues/nowhere").status_code == 404
    assert client.get("/queues/%00").status_code == 404
    assert client.patch("/queues/nowhere", {"paused": True}).status_code == 404


def test_task_types(viewer: APIClient) -> None:
    body = viewer.get("/task-types?limit=200").json()
    types = {found["type"]: found for found in body["data"]}
    assert {"noop", "sleep", "http-request", "file-stats"} <= types.keys()
    assert body["total"] == len(body["data"])
    sleep = types["sleep"]
    assert sleep["payloadSchema"]["properties"]["ms"]["type"] == "number"
    assert (sleep["queue"], sleep["isAsync"], sleep["maxAttempts"]) == ("default", True, 3)
    assert sleep["retry"]["strategy"] == "exponential"
    assert sleep["description"]
    first = viewer.get("/task-types?limit=1&page=2").json()
    assert first["data"] == body["data"][1:2]
    assert viewer.get("/task-types?limit=500").status_code == 422
