"""`/cron/jobs`: make, list, show, change, remove."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from controlplane.ops.schedules.models import Schedule
from controlplane.ops.schedules.states import Source
from controlplane.workspaces.models import AuditEvent
from tasks_app.models import Task
from tests.factories import make_job

pytestmark = pytest.mark.django_db
JOBS = "/cron/jobs"
JOB = {"name": "Nightly", "schedule": "0 2 * * *", "taskType": "noop"}
FIELDS = {
    "id", "name", "schedule", "timezone", "words", "problem", "note", "taskType", "workflowId",
    "celeryTask", "payload", "enabled", "overlap", "catchUp", "catchUpMax", "jitterMs", "startAt",
    "endAt", "queue", "priority", "maxAttempts", "nextAt", "pausedAt", "lastExecution",
    "successRate", "source", "createdAt", "updatedAt", "createdBy",
}  # fmt: skip


def errors_of(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


class TestCreate:
    """POST."""

    def test_with_everything(self, client: APIClient) -> None:
        body = {
            **JOB,
            "timezone": "Europe/Berlin",
            "taskType": "sleep",
            "payload": {"ms": 5},
            "enabled": True,
            "overlap": "queue",
            "catchUp": True,
            "catchUpMax": 3,
            "jitterMs": 2_000,
            "startAt": "2030-01-01T00:00:00+01:00",
            "endAt": "2031-01-01T00:00:00Z",
            "queue": "night",
            "priority": -5,
            "maxAttempts": 2,
        }
        answer = client.post(JOBS, body)
        assert answer.status_code == 201, answer.content
        job = answer.json()
        assert set(job) == FIELDS
        for name in set(body) - {"startAt"}:
            assert job[name] == body[name] or name == "endAt", name
        assert job["startAt"] == "2029-12-31T23:00:00.000Z"
        assert job["endAt"] == "2031-01-01T00:00:00.000Z"
        assert job["nextAt"] == "2030-01-01T01:00:00.000Z"  # 02:00 in Berlin
        assert "Europe/Berlin" in job["words"]
        assert (job["source"], job["lastExecution"], job["successRate"]) == ("person", None, None)
        assert job["createdBy"].startswith("a test")
        assert client.get(f"{JOBS}/{job['id']}").json() == job

    def test_defaults(self, client: APIClient) -> None:
        job = client.post(JOBS, JOB).json()
        assert (job["timezone"], job["payload"], job["enabled"]) == ("UTC", {}, True)
        assert (job["overlap"], job["catchUp"], job["catchUpMax"]) == ("skip", False, 10)
        assert (job["queue"], job["maxAttempts"], job["workflowId"]) == (None, None, None)
        assert job["nextAt"].endswith("T02:00:00.000Z")
        assert AuditEvent.objects.get(action="schedule.create").target_id == job["id"]

    def test_paused_from_the_start(self, client: APIClient) -> None:
        job = client.post(JOBS, {**JOB, "enabled": False}).json()
        assert (job["enabled"], job["nextAt"]) == (False, None)
        assert job["pausedAt"] is not None

    @pytest.mark.parametrize(
        ("change", "field", "says"),
        [
            ({"name": ""}, "name", ""),
            ({"name": "x" * 151}, "name", "150"),
            ({"name": None}, "name", ""),
            ({"schedule": "61 * * * *"}, "schedule", "61"),
            ({"schedule": "* * * * * *"}, "schedule", "five"),
            ({"schedule": "0 0 30 2 *"}, "schedule", "never fires"),
            ({"schedule": "@every 0s"}, "schedule", "1s"),
            ({"schedule": "x" * 201}, "schedule", "200"),
            ({"schedule": "2020-01-01T00:00:00Z"}, "schedule", "passed"),
            ({"schedule": 5}, "schedule", ""),
            ({"timezone": "Europe/Berlim"}, "timezone", "Did you mean Europe/Berlin?"),
            ({"taskType": "noob"}, "taskType", "Did you mean 'noop'?"),
            ({"taskType": None}, "taskType", "Give either"),
            ({"workflowId": "018f6f2e-0000-7000-8000-000000000000"}, "taskType", "Give either"),
            ({"workflowId": "x"}, "workflowId", ""),
            ({"taskType": "sleep", "payload": {"ms": "x"}}, "payload.ms", ""),
            ({"taskType": "sleep", "payload": {"mss": 1}}, "payload.mss", ""),
            ({"payload": [1]}, "payload", ""),
            ({"overlap": "twice"}, "overlap", ""),
            ({"catchUp": "true"}, "catchUp", ""),
            ({"catchUpMax": 0}, "catchUpMax", "1"),
            ({"catchUpMax": 1_001}, "catchUpMax", "1000"),
            ({"jitterMs": -1}, "jitterMs", "0"),
            ({"jitterMs": 86_400_001}, "jitterMs", "86400000"),
            ({"enabled": 1}, "enabled", ""),
            ({"startAt": "2030-01-01"}, "startAt", "with its zone"),
            ({"startAt": "0001-01-01T00:00:00Z"}, "startAt", "from 1970-01-01 to 9000-01-01"),
            ({"endAt": "9999-12-31T23:59:59Z"}, "endAt", "from 1970-01-01 to 9000-01-01"),
            ({"startAt": "2031-01-01T00:00:00Z", "endAt": "2030-01-01T00:00:00Z"}, "endAt", ""),
            ({"queue": "a b"}, "queue", "letters"),
            ({"priority": 101}, "priority", "100"),
            ({"maxAttempts": 0}, "maxAttempts", "1"),
            ({"frequency": 5}, "frequency", "Unknown field."),
            ({"id": "x"}, "id", "Unknown field."),
        ],
    )
    def test_what_is_refused(
        self, client: APIClient, change: dict[str, Any], field: str, says: str
    ) -> None:
        errors = errors_of(client.post(JOBS, {**JOB, **change}))
        assert field in errors, errors
        assert says.lower() in errors[field].lower(), errors
        assert Schedule.objects.count() == 0

    def test_an_unknown_workflow(self, client: APIClient) -> None:
        nobody = "018f6f2e-0000-7000-8000-000000000000"
        body = {"name": "x", "schedule": "@daily", "workflowId": nobody}
        assert "no workflow" in errors_of(client.post(JOBS, body))["workflowId"]

    def test_too_large(self, client: APIClient) -> None:
        answer = client.post(JOBS, {**JOB, "payload": {"a": "x" * 300_000}})
        assert (answer.status_code, "262144" in answer.json()["detail"]) == (413, True)
        deep: Any = {}
        for _ in range(40):
            deep = {"a": deep}
        assert client.post(JOBS, {**JOB, "payload": deep}).status_code == 422

    def test_a_name_that_is_taken(self, client: APIClient, stranger: APIClient) -> None:
        make_job("Nightly")
        answer = client.post(JOBS, JOB)
        assert (answer.status_code, "Nightly" in answer.json()["detail"]) == (409, True)
        assert stranger.post(JOBS, JOB).status_code == 201

    def test_idempotency(self, client: APIClient) -> None:
        first = client.post(JOBS, JOB, headers={"Idempotency-Key": "k"})
        again = client.post(JOBS, {**JOB, "idempotencyKey": "k"})
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json()["id"] == again.json()["id"]
        other = client.post(JOBS, {**JOB, "priority": 3}, headers={"Idempotency-Key": "k"})
        assert other.status_code == 409
        both = client.post(JOBS, {**JOB, "idempotencyKey": "a"}, headers={"Idempotency-Key": "b"})
        assert "idempotencyKey" in errors_of(both)
        assert Schedule.objects.count() == 1


class TestList:
    """GET."""

    def test_newest_first_and_by_name(self, client: APIClient, stranger: APIClient) -> None:
        for name in ("b", "c", "a"):
            make_job(name)
        found = client.get(JOBS).json()
        assert [job["name"] for job in found["data"]] == ["a", "c", "b"]
        assert (found["total"], set(found["data"][0])) == (3, FIELDS)
        page = client.get(f"{JOBS}?sort=name&limit=2").json()
        assert [job["name"] for job in page["data"]] == ["a", "b"]
        rest = client.get(f"{JOBS}?sort=name&limit=2&cursor={page['nextCursor']}").json()
        assert [job["name"] for job in rest["data"]] == ["c"]
        assert stranger.get(JOBS).json()["data"] == []

    def test_filters(self, client: APIClient) -> None:
        make_job("Sums", task_type="sleep", payload={"ms": 1})
        make_job("Prices", enabled=False)
        for query, names in {
            "search=sum": ["Sums"],
            "search=SLEEP": ["Sums"],
            "enabled=false": ["Prices"],
            "enabled=true": ["Sums"],
            "source=person": ["Prices", "Sums"],
            "source=code": [],
        }.items():
            found = client.get(f"{JOBS}?{query}").json()["data"]
            assert [job["name"] for job in found] == names, query
        assert "enabled" in errors_of(client.get(f"{JOBS}?enabled=perhaps"))
        assert "source" in errors_of(client.get(f"{JOBS}?source=me"))
        assert "frequency" in errors_of(client.get(f"{JOBS}?frequency=1"))
        assert "sort" in errors_of(client.get(f"{JOBS}?sort=nextAt"))

    def test_it_costs_a_fixed_number_of_queries(self, client: APIClient) -> None:
        counts = []
        for n in range(2):
            for number in range(4):
                job = make_job(f"{n}{number}", schedule="@every 1h")
                client.post(f"{JOBS}/{job.id}/trigger")
            with CaptureQueriesContext(connection) as queries:
                found = client.get(JOBS).json()["data"]
            counts.append(len(queries))
            assert all(job["lastExecution"]["kind"] == "manual" for job in found)
        assert counts[0] == counts[1]


class TestChange:
    """PATCH and DELETE."""

    def test_some_fields(self, client: APIClient) -> None:
        job = make_job(task_type="sleep", payload={"ms": 1}, max_attempts=2, queue="q")
        answer = client.patch(
            f"{JOBS}/{job.id}",
            {
                "name": "other",
                "schedule": "30 4 * * *",
                "timezone": "Asia/Tokyo",
                "maxAttempts": None,
                "queue": None,
            },
        )
        assert answer.status_code == 200, answer.content
        found = answer.json()
        assert (found["name"], found["timezone"], found["maxAttempts"], found["queue"]) == (
            "other",
            "Asia/Tokyo",
            None,
            None,
        )
        assert found["nextAt"].endswith("T19:30:00.000Z")
        assert (found["payload"], found["taskType"]) == ({"ms": 1}, "sleep")
        assert AuditEvent.objects.filter(action="schedule.update").count() == 1

    @pytest.mark.parametrize("between", ["@every 1h", "2099-01-01T00:00:00.000Z"])
    def test_the_zone_outlasts_times_without_one(self, client: APIClient, between: str) -> None:
        url = f"{JOBS}/{make_job(timezone='Europe/Berlin').id}"
        changed = client.patch(url, {"schedule": between}).json()
        assert (changed["schedule"], changed["timezone"]) == (between, "Europe/Berlin")
        assert client.get(url).json()["timezone"] == "Europe/Berlin"
        back = client.patch(url, {"schedule": "0 2 * * *"}).json()
        assert (back["timezone"], "Europe/Berlin" in back["words"]) == ("Europe/Berlin", True)

    def test_a_zone_can_be_set_while_the_times_have_none(self, client: APIClient) -> None:
        job = client.post(JOBS, {**JOB, "schedule": "@every 1h", "timezone": "Asia/Tokyo"}).json()
        assert job["timezone"] == "Asia/Tokyo"
        url = f"{JOBS}/{job['id']}"
        assert client.patch(url, {"timezone": "Asia/Seoul"}).json()["timezone"] == "Asia/Seoul"
        back = client.patch(url, {"schedule": "0 2 * * *"}).json()
        assert back["nextAt"].endswith("T17:00:00.000Z")

    def test_a_part_without_effect_is_noted(self, client: APIClient) -> None:
        job = client.post(JOBS, {**JOB, "schedule": "0 0 L/2 * *"}).json()
        assert job["note"] == "The step in 'L/2' has no effect: write L."
        url = f"{JOBS}/{job['id']}"
        assert client.get(url).json()["note"] == job["note"]
        assert client.patch(url, {"schedule": "0 0 L * *"}).json()["note"] is None

    def test_a_schedule_keeps_its_spelling(self, client: APIClient) -> None:
        job = client.post(JOBS, {**JOB, "schedule": "0 0 * nov-FEB FRI-MON"}).json()
        assert job["schedule"] == "0 0 * nov-FEB FRI-MON"
        assert job["words"] == "At 00:00 from Friday to Monday from November to February (UTC)"
        assert client.post(JOBS, {**JOB, "name": "b", "schedule": "@Daily"}).status_code == 201

    def test_pause_and_resume(self, client: APIClient) -> None:
        job = make_job()
        paused = client.patch(f"{JOBS}/{job.id}", {"enabled": False}).json()
        assert (paused["enabled"], paused["nextAt"]) == (False, None)
        resumed = client.patch(f"{JOBS}/{job.id}", {"enabled": True}).json()
        assert resumed["enabled"] is True
        assert resumed["nextAt"] is not None

    def test_what_can_no_longer_start_can_be_paused(self, client: APIClient) -> None:
        job = make_job()
        Schedule.objects.filter(id=job.id).update(task_type="gone")
        assert client.patch(f"{JOBS}/{job.id}", {"enabled": False}).status_code == 200
        errors = errors_of(client.patch(f"{JOBS}/{job.id}", {"priority": 3}))
        assert "gone" in errors["taskType"]

    def test_what_is_refused(self, client: APIClient) -> None:
        job, _ = make_job(), make_job("taken")
        path = f"{JOBS}/{job.id}"
        assert client.patch(path, {"name": "taken"}).status_code == 409
        assert "schedule" in errors_of(client.patch(path, {"schedule": "soon"}))
        assert "payload.x" in errors_of(client.patch(path, {"payload": {"x": 1}}))
        assert errors_of(client.patch(path, {}))
        assert "idempotencyKey" in errors_of(client.patch(path, {"idempotencyKey": "x"}))
        assert "taskType" in errors_of(client.patch(path, {"taskType": None}))
        assert client.get(path).json()["name"] == "a job"

    def test_remove(self, client: APIClient) -> None:
        job = make_job()
        task = client.post(f"{JOBS}/{job.id}/trigger").json()["taskId"]
        assert client.delete(f"{JOBS}/{job.id}").status_code == 204
        assert client.get(f"{JOBS}/{job.id}").status_code == 404
        assert client.delete(f"{JOBS}/{job.id}").status_code == 404
        assert Task.objects.filter(id=task).exists()


class TestDeclared:
    """Jobs that the code declares."""

    @pytest.fixture
    def declared(self) -> Schedule:
        job = make_job()
        Schedule.objects.filter(id=job.id).update(
            source=Source.CODE, code_name="shop.schedules:a job", code_hash="x"
        )
        return job

    def test_they_are_changed_in_the_code(self, client: APIClient, declared: Schedule) -> None:
        path = f"{JOBS}/{declared.id}"
        assert client.get(path).json()["source"] == "code"
        for change in ({"priority": 3}, {"schedule": "@daily"}, {"enabled": False, "name": "x"}):
            answer = client.patch(path, change)
            assert answer.status_code == 409
            assert "declared in shop.schedules: change it there" in answer.json()["detail"]
        answer = client.delete(path)
        assert (answer.status_code, "shop.schedules" in answer.json()["detail"]) == (409, True)

    def test_they_are_paused_and_triggered(self, client: APIClient, declared: Schedule) -> None:
        path = f"{JOBS}/{declared.id}"
        assert client.patch(path, {"enabled": False}).json()["enabled"] is False
        assert client.post(f"{path}/trigger").status_code == 202
        assert client.patch(path, {"enabled": True}).json()["enabled"] is True
