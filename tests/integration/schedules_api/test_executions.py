"""`/cron/jobs/{id}/executions` and `/trigger`."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.core.clock import now, utc_z
from controlplane.ops.schedules import firing
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.workspaces.models import AuditEvent
from tasks_app.models import Task
from tests.factories import make_firing, make_job

pytestmark = pytest.mark.django_db
FIELDS = {
    "id", "scheduledFor", "until", "times", "kind", "status", "skipReason", "detail", "taskId",
    "runId", "result", "error", "lateMs", "durationMs", "triggeredBy", "createdAt", "startedAt",
    "finishedAt",
}  # fmt: skip


def path_of(job: Schedule, what: str = "executions") -> str:
    return f"/cron/jobs/{job.id}/{what}"


def fire(job: Schedule, hours_ago: float, state: str, **fields: Any) -> Firing:
    at = now() - timedelta(hours=hours_ago)
    return make_firing(job, state, **{"scheduled_for": at, **fields})


def test_what_became_of_each_time(client: APIClient) -> None:
    job = make_job()
    at = now()
    done = fire(
        job, 1, "COMPLETED", started_at=at, finished_at=at + timedelta(seconds=1.5), late_ms=40,
        result={"x": 1},
    )  # fmt: skip
    fire(job, 2, "SKIPPED", skip_reason="MISSED", times=3, until=at)
    fire(make_job("another"), 1, "COMPLETED")
    found = client.get(path_of(job)).json()
    assert found["total"] == 2
    first, second = found["data"]
    assert set(first) == FIELDS
    assert (first["id"], first["status"], first["durationMs"]) == (
        str(done.id),
        "COMPLETED",
        1_500,
    )
    assert (first["lateMs"], first["result"], first["skipReason"]) == (40, {"x": 1}, None)
    assert first["scheduledFor"] == utc_z(done.scheduled_for)
    assert (second["skipReason"], second["times"], second["until"]) == ("MISSED", 3, utc_z(at))
    listed = client.get(f"/cron/jobs/{job.id}").json()
    assert listed["lastExecution"]["id"] == str(done.id)
    assert listed["successRate"] == 1.0


def test_filters_and_pages(client: APIClient) -> None:
    job = make_job()
    for hours, state in enumerate(["COMPLETED", "FAILED", "CANCELLED", "FAILED"], start=1):
        fire(job, hours, state)
    fire(job, 0, "SKIPPED", skip_reason="OVERLAP", kind="manual")

    def states(query: str) -> list[str]:
        return [each["status"] for each in client.get(f"{path_of(job)}?{query}").json()["data"]]

    assert states("status=FAILED") == ["FAILED", "FAILED"]
    assert states("status=FAILED,COMPLETED") == ["COMPLETED", "FAILED", "FAILED"]
    assert states("kind=manual") == ["SKIPPED"]
    assert states("sort=scheduledFor&limit=1") == ["FAILED"]
    page = client.get(f"{path_of(job)}?limit=2").json()
    rest = client.get(f"{path_of(job)}?limit=9&cursor={page['nextCursor']}").json()
    ids = [each["id"] for each in page["data"] + rest["data"]]
    assert len(set(ids)) == 5
    for query in ("status=DONE", "kind=now", "state=FAILED", "sort=name", "limit=201"):
        assert client.get(f"{path_of(job)}?{query}").status_code == 422, query


class TestTrigger:
    """POST."""

    def test_it_runs_now(self, client: APIClient) -> None:
        job = make_job(task_type="sleep", payload={"ms": 3}, queue="q", priority=7, max_attempts=2)
        answer = client.post(path_of(job, "trigger"))
        assert answer.status_code == 202, answer.content
        execution = answer.json()
        assert set(execution) == FIELDS
        assert (execution["kind"], execution["status"]) == ("manual", "STARTED")
        assert execution["triggeredBy"].startswith("a test")
        task = Task.objects.get()
        assert str(task.id) == execution["taskId"]
        assert (task.type, task.payload, task.priority) == ("sleep", {"ms": 3}, 7)
        assert (task.max_attempts, task.queue.name) == (2, "q")
        assert AuditEvent.objects.get(action="schedule.trigger").target_id == str(job.id)

    def test_while_it_is_paused(self, client: APIClient) -> None:
        job = make_job(enabled=False)
        assert client.post(path_of(job, "trigger")).json()["status"] == "STARTED"
        assert client.get(f"/cron/jobs/{job.id}").json()["enabled"] is False

    def test_what_cannot_be_submitted_is_reported(self, client: APIClient) -> None:
        job = make_job()
        Schedule.objects.filter(id=job.id).update(task_type="gone")
        execution = client.post(path_of(job, "trigger")).json()
        assert (execution["status"], execution["taskId"]) == ("FAILED", None)
        assert "gone" in execution["error"]["message"]

    def test_idempotency(self, client: APIClient) -> None:
        job, another = make_job(), make_job("another")
        key = {"Idempotency-Key": "k"}
        first = client.post(path_of(job, "trigger"), headers=key)
        again = client.post(path_of(job, "trigger"), headers=key)
        assert (first.status_code, again.status_code) == (202, 200)
        assert first.json()["id"] == again.json()["id"]
        assert client.post(path_of(another, "trigger"), headers=key).status_code == 409
        bad = client.post(path_of(job, "trigger"), headers={"Idempotency-Key": "x" * 256})
        assert bad.status_code == 422
        assert (Task.objects.count(), Firing.objects.count()) == (1, 1)
        Firing.objects.all().delete()
        assert client.post(path_of(job, "trigger"), headers=key).status_code == 404


def test_what_was_fired_is_shown(client: APIClient) -> None:
    job = make_job(schedule="@every 1m")
    first = job.next_at
    assert first is not None
    assert firing.fire_due(now=first + timedelta(seconds=2)) == 1
    (execution,) = client.get(path_of(job)).json()["data"]
    assert (execution["scheduledFor"], execution["status"]) == (utc_z(first), "STARTED")
    assert 1_900 <= execution["lateMs"] <= 2_100
    firing.fire_due(now=first + timedelta(seconds=62))
    newest = client.get(path_of(job)).json()["data"][0]
    assert (newest["status"], newest["skipReason"]) == ("SKIPPED", "OVERLAP")
    assert newest["detail"]
