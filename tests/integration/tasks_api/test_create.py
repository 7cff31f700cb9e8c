"""POST /tasks."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from controlplane.core.clock import now, utc_z
from tasks_app.models import Task
from tests.clients import key_client
from tests.factories import make_task

pytestmark = pytest.mark.django_db


def test_a_task_is_created_and_shown(client: APIClient) -> None:
    answer = client.post(
        "/tasks",
        {
            "name": "Hello",
            "type": "sleep",
            "payload": {"ms": 5},
            "priority": 7,
            "queue": "mail",
            "maxAttempts": 4,
            "timeoutSeconds": 2.5,
            "tags": ["a", "b", "a"],
            "retry": {"strategy": "fixed", "baseMs": 10},
        },
    )
    assert answer.status_code == 201
    body = answer.json()
    expected = {
        "name": "Hello",
        "type": "sleep",
        "status": "PENDING",
        "payload": {"ms": 5},
        "priority": 7,
        "queue": "mail",
        "maxAttempts": 4,
        "timeoutSeconds": 2.5,
        "tags": ["a", "b"],
        "attempt": 0,
        "progress": 0,
        "result": None,
        "error": None,
        "runAt": None,
        "delay": None,
        "dependsOn": [],
        "workerNode": None,
        "cancelRequested": False,
        "startedAt": None,
        "finishedAt": None,
        "processingMs": None,
        "idempotencyKey": None,
    }
    assert {name: body[name] for name in expected} == expected
    assert body["retry"]["strategy"] == "fixed"
    assert body["createdAt"].endswith("Z")
    stored = client.get(f"/tasks/{body['id']}").json()
    for name in set(body) - {"waitMs"}:
        assert stored[name] == body[name], name


def test_defaults_come_from_the_type(client: APIClient) -> None:
    body = client.post("/tasks", {"type": "noop"}).json()
    assert (body["name"], body["queue"], body["maxAttempts"]) == ("noop", "default", 3)
    assert body["timeoutSeconds"] == 60


def test_a_known_queue_costs_one_statement(client: APIClient) -> None:
    client.post("/tasks", {"type": "noop"})  # finds the key and the queue
    with CaptureQueriesContext(connection) as queries:
        assert client.post("/tasks", {"type": "noop"}).status_code == 201
    statements = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    # Inside a test's transaction a new queue is not remembered, so it is looked up each time. The
    # one INSERT goes through a prepared statement, which is not captured.
    assert [sql for sql in statements if "tasks_app_queue" not in sql] == []
    assert Task.objects.count() == 2


def test_delay_and_run_at(client: APIClient) -> None:
    delayed = client.post("/tasks", {"type": "noop", "delay": 60_000}).json()
    assert (delayed["status"], delayed["delay"]) == ("SCHEDULED", 60_000)
    later = utc_z(now() + timedelta(hours=2))
    timed = client.post("/tasks", {"type": "noop", "runAt": later}).json()
    assert (timed["status"], timed["runAt"]) == ("SCHEDULED", later)
    past = client.post("/tasks", {"type": "noop", "runAt": "2020-01-01T00:00:00+02:00"}).json()
    assert past["status"] == "PENDING"
    assert past["runAt"] == "2019-12-31T22:00:00.000Z"


def test_dependencies(client: APIClient) -> None:
    parent = client.post("/tasks", {"type": "noop"}).json()
    child = client.post("/tasks", {"type": "noop", "dependsOn": [parent["id"]]}).json()
    assert (child["status"], child["dependsOn"]) == ("BLOCKED", [parent["id"]])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "type"),
        ({"type": None}, "type"),
        ({"type": 5}, "type"),
        ({"type": "nop"}, "type"),
        ({"type": "noop", "colour": "red"}, "colour"),
        ({"type": "noop", "ref": "x"}, "ref"),
        ({"type": "noop", "payload": []}, "payload"),
        ({"type": "noop", "payload": "x"}, "payload"),
        ({"type": "noop", "payload": {"x": 1}}, "payload.x"),
        ({"type": "sleep", "payload": {"ms": "long"}}, "payload.ms"),
        ({"type": "sleep"}, "payload.ms"),
        ({"type": "noop", "priority": 101}, "priority"),
        ({"type": "noop", "priority": "5"}, "priority"),
        ({"type": "noop", "priority": 1.5}, "priority"),
        ({"type": "noop", "priority": True}, "priority"),
        ({"type": "noop", "delay": -1}, "delay"),
        ({"type": "noop", "delay": 10**15}, "delay"),
        ({"type": "noop", "delay": 1, "runAt": "2030-01-01T00:00:00Z"}, "runAt"),
        ({"type": "noop", "runAt": "tomorrow"}, "runAt"),
        ({"type": "noop", "runAt": "2030-01-01T00:00:00"}, "runAt"),
        ({"type": "noop", "runAt": "0001-01-01T00:00:00+14:00"}, "runAt"),
        ({"type": "noop", "runAt": "9999-12-31T23:59:59-14:00"}, "runAt"),
        ({"type": "noop", "runAt": 5}, "runAt"),
        ({"type": "noop", "queue": "no spaces"}, "queue"),
        ({"type": "noop", "queue": "q" * 101}, "queue"),
        ({"type": "noop", "maxAttempts": 0}, "maxAttempts"),
        ({"type": "noop", "maxAttempts": 1001}, "maxAttempts"),
        ({"type": "noop", "timeoutSeconds": 0}, "timeoutSeconds"),
        ({"type": "noop", "timeoutSeconds": 1e300}, "timeoutSeconds"),
        ({"type": "noop", "tags": "x"}, "tags"),
        ({"type": "noop", "tags": [5]}, "tags"),
        ({"type": "noop", "tags": ["x" * 101]}, "tags"),
        ({"type": "noop", "tags": [str(n) for n in range(51)]}, "tags"),
        ({"type": "noop", "name": "x" * 201}, "name"),
        ({"type": "noop", "dependsOn": "x"}, "dependsOn"),
        ({"type": "noop", "dependsOn": ["x"]}, "dependsOn"),
        ({"type": "noop", "dependsOn": ["018f6f2e-0000-7000-8000-000000000000"]}, "dependsOn"),
        ({"type": "noop", "onParentFailure": "explode"}, "onParentFailure"),
        ({"type": "noop", "retry": {"strategy": "guess"}}, "retry.strategy"),
        ({"type": "noop", "retry": {"colour": 1}}, "retry.colour"),
        ({"type": "noop", "retry": []}, "retry"),
        ({"type": "noop", "idempotencyKey": ""}, "idempotencyKey"),
        ({"type": "noop", "idempotencyKey": "k" * 256}, "idempotencyKey"),
        ({"type": "noop", "idempotencyKey": 5}, "idempotencyKey"),
        ([], ""),
        ("x", ""),
        (None, ""),
    ],
)
def test_what_is_wrong_is_named(client: APIClient, body: Any, field: str) -> None:
    answer = client.post("/tasks", json.dumps(body), content_type="application/json")
    assert answer.status_code == 422, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert field in [error["field"] for error in problem["errors"]], problem
    assert problem["title"] == "Invalid request"
    assert problem["requestId"]
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("queue", "", "Leave it out for the queue of the task's type."),
        ("queue", "a b", "A queue's name is 1 to 100 letters, digits"),
        ("queue", "a,b", "A queue's name is 1 to 100 letters, digits"),
        ("name", "", "1 to 200 characters"),
        ("runAt", "9999-12-31T23:59:59Z", "A time from 1970-01-01 to 9000-01-01 (UTC)."),
        ("runAt", "0001-01-01T00:00:00Z", "A time from 1970-01-01 to 9000-01-01 (UTC)."),
        ("runAt", "0001-01-01T00:00:00+14:00", "A time from 1970-01-01 to 9000-01-01 (UTC)."),
        ("runAt", "2030-01-31T08:00:00", "A time with its zone, such as 2030-01-31T08:00:00Z."),
    ],
)
def test_the_message_says_what_is_wrong_with_a_value(
    client: APIClient, field: str, value: str, message: str
) -> None:
    answer = client.post("/tasks", {"type": "noop", field: value})
    assert answer.status_code == 422, answer.content
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert message in error["message"]
    bulk = client.post("/tasks/bulk", {"tasks": [{"type": "noop", field: value}]})
    assert bulk.status_code == 422
    assert message in bulk.json()["errors"][0]["message"]


def test_a_wrong_queue_is_reported_with_the_other_fields(client: APIClient) -> None:
    answer = client.post("/tasks", {"type": "noop", "queue": "", "priority": 500})
    assert {error["field"] for error in answer.json()["errors"]} == {"priority", "queue"}


def test_a_time_may_be_written_in_lower_case(client: APIClient) -> None:
    answer = client.post("/tasks", {"type": "noop", "runAt": "2030-01-31t08:00:00z"})
    assert answer.json()["runAt"] == "2030-01-31T08:00:00.000Z"


def test_every_wrong_field_is_reported_at_once(client: APIClient) -> None:
    answer = client.post(
        "/tasks", {"type": "noop", "priority": 500, "maxAttempts": 0, "tags": ["a"]}
    )
    assert {error["field"] for error in answer.json()["errors"]} == {"priority", "maxAttempts"}


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"{", 400),
        (b'{"type": "noop", "type": "noop"}', 422),
        (b'{"type": "data-processing", "payload": {"x": "\\u0000"}}', 422),
        (b'{"type": "noop", "name": "\\ud800"}', 422),
        (b'{"type": "noop", "priority": 1e999}', 422),
        (b'{"type": "noop", "delay": 99999999999999999999999}', 422),
        (b'{"type": "noop", "payload": ' + b'{"a":' * 2000 + b"1" + b"}" * 2001, 422),
        (b'{"type": "noop", "payload": ' + b'{"a":' * 40 + b"1" + b"}" * 41, 422),
        (b"\xff\xfe", 400),
    ],
)
def test_hostile_json_is_refused(client: APIClient, raw: bytes, status: int) -> None:
    answer = client.generic("POST", "/tasks", raw, content_type="application/json")
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"


def test_the_limit_of_a_payload_is_named(client: APIClient) -> None:
    limit = settings.TASKPLANE["PAYLOAD_MAX_BYTES"]
    answer = client.post("/tasks", {"type": "django-task", "payload": {"x": "y" * limit}})
    assert answer.status_code == 413
    assert str(limit) in answer.json()["detail"]


def test_the_limit_of_a_body_is_named(client: APIClient) -> None:
    limit = settings.TASKPLANE["BODY_MAX_BYTES"]
    answer = client.generic("POST", "/tasks", b" " * (limit + 1), content_type="application/json")
    assert answer.status_code == 413
    assert str(limit) in answer.json()["detail"]


class TestIdempotency:
    """The header Idempotency-Key, or the field."""

    def test_a_repetition_gives_the_first_answer(self, client: APIClient) -> None:
        body = {"type": "noop", "name": "once", "idempotencyKey": "k1"}
        first = client.post("/tasks", body)
        again = client.post("/tasks", body)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json()["id"] == again.json()["id"]
        assert first.json()["idempotencyKey"] == "k1"
        assert Task.objects.count() == 1

    def test_header_and_field_are_the_same_key(self, client: APIClient) -> None:
        first = client.post("/tasks", {"type": "noop"}, headers={"Idempotency-Key": "k"})
        again = client.post("/tasks", {"type": "noop", "idempotencyKey": "k"})
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json()["id"] == again.json()["id"]

    def test_another_body_is_a_conflict(self, client: APIClient) -> None:
        client.post("/tasks", {"type": "noop", "idempotencyKey": "k"})
        answer = client.post("/tasks", {"type": "noop", "priority": 1, "idempotencyKey": "k"})
        assert answer.status_code == 409
        assert Task.objects.count() == 1

    def test_two_keys_are_refused(self, client: APIClient) -> None:
        answer = client.post(
            "/tasks",
            {"type": "noop", "idempotencyKey": "a"},
            headers={"Idempotency-Key": "b"},
        )
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "idempotencyKey"

    def test_keys_of_workspaces_are_apart(self, client: APIClient, stranger: APIClient) -> None:
        body = {"type": "noop", "idempotencyKey": "k"}
        assert client.post("/tasks", body).status_code == 201
        assert stranger.post("/tasks", {**body, "priority": 3}).status_code == 201

    def test_a_removed_task_is_reported(self, client: APIClient) -> None:
        body = {"type": "noop", "idempotencyKey": "k"}
        task_id = client.post("/tasks", body).json()["id"]
        Task.objects.filter(id=task_id).delete()
        answer = client.post("/tasks", body)
        assert answer.status_code == 409
        assert "removed" in answer.json()["detail"]


def test_a_parent_of_another_workspace_is_unknown(client: APIClient, stranger: APIClient) -> None:
    theirs = stranger.post("/tasks", {"type": "noop"}).json()["id"]
    answer = client.post("/tasks", {"type": "noop", "dependsOn": [theirs]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "dependsOn"


def test_a_child_of_a_failed_parent_is_cancelled_or_runs(client: APIClient) -> None:
    parent = make_task("FAILED")
    doomed = client.post("/tasks", {"type": "noop", "dependsOn": [str(parent.id)]}).json()
    assert (doomed["status"], doomed["error"]["category"]) == ("CANCELLED", "CANCELLED_BY_PARENT")
    runs = client.post(
        "/tasks", {"type": "noop", "dependsOn": [str(parent.id)], "onParentFailure": "run"}
    ).json()
    assert runs["status"] == "PENDING"


def test_a_key_needs_the_scope(db: None) -> None:
    client = key_client("operator", scopes=["tasks:read"])
    assert client.post("/tasks", {"type": "noop"}).status_code == 403
