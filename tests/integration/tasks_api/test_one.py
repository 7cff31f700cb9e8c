"""One task: show, change, cancel, retry, run now."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from controlplane.core.clock import now, utc_z
from controlplane.workspaces.models import AuditEvent
from tests.factories import make_attempt, make_attempts, make_log, make_node, make_task

pytestmark = pytest.mark.django_db


class TestShow:
    """GET /tasks/{id}."""

    def test_with_history_and_neighbours(self, client: APIClient) -> None:
        node = make_node("worker-1")
        parent = make_task("COMPLETED", name="parent")
        error = {"class": "E", "message": "no", "traceback": "tb", "category": "CODE"}
        task = make_task("COMPLETED", name="it", parents=[parent], attempt=2, result={"x": [1]})
        make_attempt(task, 1, outcome="FAILED", error=error, node_id=node.id)
        make_attempt(task, 2, node_id=node.id)
        make_log(task, "hello", fields={"n": 1})
        child = make_task("BLOCKED", name="child", parents=[task], blocked_by=1)
        body = client.get(f"/tasks/{task.id}").json()
        assert body["result"] == {"x": [1]}
        assert body["workerNode"] == "worker-1"
        assert [(a["attempt"], a["outcome"]) for a in body["attempts"]] == [
            (1, "FAILED"),
            (2, "SUCCEEDED"),
        ]
        assert body["attempts"][0]["error"] == error
        assert body["attempts"][0]["workerNode"] == "worker-1"
        assert body["dependencies"] == [
            {
                "id": str(parent.id),
                "name": "parent",
                "type": "noop",
                "status": "COMPLETED",
                "finishedAt": utc_z(parent.finished_at),
                "isSatisfied": True,
            }
        ]
        assert [d["id"] for d in body["dependents"]] == [str(child.id)]
        assert body["logs"][0]["message"] == "hello"
        assert body["logs"][0]["fields"] == {"n": 1}

    def test_every_part_is_bounded(self, client: APIClient) -> None:
        task = make_task("FAILED", attempt=150, max_attempts=150)
        make_attempts(task, range(1, 151), outcome="FAILED")
        for n in range(150):
            make_log(task, str(n))
        for _ in range(101):
            make_task(parents=[task])
        body = client.get(f"/tasks/{task.id}").json()
        assert (len(body["attempts"]), body["attemptsTotal"]) == (100, 150)
        assert [body["attempts"][0]["attempt"], body["attempts"][-1]["attempt"]] == [51, 150]
        assert (len(body["logs"]), body["logsTotal"]) == (100, 150)
        assert body["logs"][-1]["message"] == "149"
        assert (len(body["dependents"]), body["dependentsTotal"]) == (100, 101)
        assert body["dependenciesTotal"] == 0

    def test_queries_do_not_grow(self, client: APIClient) -> None:
        task = make_task("COMPLETED", parents=[make_task("COMPLETED") for _ in range(5)])
        client.get(f"/tasks/{task.id}")
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/tasks/{task.id}")
        assert len(queries) <= 9

    @pytest.mark.parametrize(
        "path", ["/tasks/018f6f2e-0000-7000-8000-000000000000", "/tasks/5", "/tasks/not-an-id"]
    )
    def test_unknown(self, client: APIClient, path: str) -> None:
        assert client.get(path).status_code == 404


class TestChange:
    """PATCH /tasks/{id}."""

    def test_everything_that_may_change(self, client: APIClient) -> None:
        task = make_task(type="sleep", payload={"ms": 1})
        later = utc_z(now() + timedelta(hours=1))
        answer = client.patch(
            f"/tasks/{task.id}",
            {
                "priority": 50,
                "runAt": later,
                "payload": {"ms": 2},
                "maxAttempts": 9,
                "tags": ["new"],
            },
        )
        assert answer.status_code == 200, answer.content
        body = answer.json()
        assert (body["priority"], body["payload"], body["maxAttempts"]) == (50, {"ms": 2}, 9)
        assert (body["tags"], body["runAt"], body["status"]) == (["new"], later, "SCHEDULED")
        event = AuditEvent.objects.get(action="task.edit")
        assert event.detail["before"]["priority"] == 0
        back = client.patch(f"/tasks/{task.id}", {"runAt": None}).json()
        assert back["status"] == "PENDING"

    @pytest.mark.parametrize("state", ["RUNNING", "RETRYING", "COMPLETED", "FAILED", "CANCELLED"])
    def test_not_after_it_started(self, client: APIClient, state: str) -> None:
        task = make_task(state)
        answer = client.patch(f"/tasks/{task.id}", {"priority": 1})
        assert answer.status_code == 409
        assert state in answer.json()["detail"]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, ""),
            ({"name": "x"}, "name"),
            ({"status": "COMPLETED"}, "status"),
            ({"priority": 101}, "priority"),
            ({"priority": "1"}, "priority"),
            ({"priority": None}, "priority"),
            ({"runAt": "soon"}, "runAt"),
            ({"runAt": "2999-01-01T00:00:00Z"}, "runAt"),
            ({"payload": {"ms": "x"}}, "payload.ms"),
            ({"payload": []}, "payload"),
            ({"maxAttempts": 0}, "maxAttempts"),
            ({"tags": [1]}, "tags[0]"),
            ({"tags": [""]}, "tags[0]"),
        ],
    )
    def test_what_is_wrong_is_named(self, client: APIClient, body: Any, field: str) -> None:
        task = make_task(type="sleep", payload={"ms": 1})
        answer = client.patch(f"/tasks/{task.id}", body)
        assert answer.status_code == 422, answer.content
        assert answer.json()["errors"][0]["field"] == field

    def test_a_type_that_is_gone(self, client: APIClient) -> None:
        task = make_task(type="of-yesterday")
        assert client.patch(f"/tasks/{task.id}", {"priority": 3}).status_code == 200
        answer = client.patch(f"/tasks/{task.id}", {"payload": {}})
        assert answer.status_code == 422


class TestCancel:
    """DELETE /tasks/{id}."""

    @pytest.mark.parametrize("state", ["PENDING", "SCHEDULED", "BLOCKED", "RETRYING"])
    def test_a_waiting_task_ends_at_once(self, client: APIClient, state: str) -> None:
        task = make_task(state)
        answer = client.delete(f"/tasks/{task.id}")
        assert answer.status_code == 200
        body = answer.json()
        assert (body["status"], body["cancelRequested"]) == ("CANCELLED", True)
        assert body["processingMs"] is None
        assert AuditEvent.objects.get(action="task.cancel").target_id == str(task.id)

    def test_a_running_task_is_asked(self, client: APIClient) -> None:
        task = make_task("RUNNING")
        body = client.delete(f"/tasks/{task.id}").json()
        assert (body["status"], body["cancelRequested"]) == ("RUNNING", True)

    @pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "CANCELLED"])
    def test_an_ended_task_cannot(self, client: APIClient, state: str) -> None:
        assert client.delete(f"/tasks/{make_task(state).id}").status_code == 409


class TestRetry:
    """POST /tasks/{id}/retry."""

    @pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "CANCELLED"])
    def test_a_fresh_round(self, client: APIClient, state: str) -> None:
        task = make_task(state, attempt=3)
        body = client.post(f"/tasks/{task.id}/retry").json()
        assert (body["status"], body["attempt"], body["maxAttempts"]) == ("PENDING", 3, 6)
        assert (body["error"], body["finishedAt"]) == (None, None)

    @pytest.mark.parametrize("state", ["PENDING", "RUNNING", "BLOCKED"])
    def test_only_ended_ones(self, client: APIClient, state: str) -> None:
        assert client.post(f"/tasks/{make_task(state).id}/retry").status_code == 409

    def test_the_parent_first(self, client: APIClient) -> None:
        parent = make_task("FAILED")
        child = make_task("CANCELLED", parents=[parent])
        child.dependencies.update(is_satisfied=False)
        answer = client.post(f"/tasks/{child.id}/retry")
        assert answer.status_code == 409
        assert str(parent.id) in answer.json()["detail"]


class TestRunNow:
    """POST /tasks/{id}/run-now."""

    @pytest.mark.parametrize("state", ["SCHEDULED", "RETRYING"])
    def test_skips_the_wait(self, client: APIClient, state: str) -> None:
        body = client.post(f"/tasks/{make_task(state).id}/run-now").json()
        assert body["status"] == "PENDING"

    @pytest.mark.parametrize("state", ["PENDING", "RUNNING", "BLOCKED", "COMPLETED"])
    def test_only_who_waits_for_its_time(self, client: APIClient, state: str) -> None:
        assert client.post(f"/tasks/{make_task(state).id}/run-now").status_code == 409
