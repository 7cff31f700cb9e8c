"""POST /tasks/bulk."""

import time
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from tasks_app.models import Task, TaskDependency
from tests.clients import key_client

pytestmark = pytest.mark.django_db


def test_tasks_are_created_in_order(client: APIClient) -> None:
    answer = client.post(
        "/tasks/bulk", {"tasks": [{"type": "noop", "name": str(n)} for n in range(30)]}
    )
    assert answer.status_code == 201
    body = answer.json()
    assert body["created"] == 30
    names = {str(task.id): task.name for task in Task.objects.all()}
    assert [names[task] for task in body["ids"]] == [str(n) for n in range(30)]


def test_refs_tie_tasks_of_the_call_together(client: APIClient) -> None:
    answer = client.post(
        "/tasks/bulk",
        {
            "tasks": [
                {"type": "noop", "dependsOn": ["a", "b"]},
                {"type": "noop", "ref": "a"},
                {"type": "noop", "ref": "b", "dependsOn": ["a"]},
            ]
        },
    )
    last, a, b = answer.json()["ids"]
    edges = {(str(e.task_id), str(e.depends_on_id)) for e in TaskDependency.objects.all()}
    assert edges == {(last, a), (last, b), (b, a)}
    assert {str(t.id): t.state for t in Task.objects.all()} == {
        last: "BLOCKED",
        a: "PENDING",
        b: "BLOCKED",
    }


@pytest.mark.parametrize(
    ("tasks", "field"),
    [
        (None, "tasks"),
        ({}, "tasks"),
        ([], "tasks"),
        ([5], "tasks[0]"),
        ([{"type": "nop"}], "tasks[0].type"),
        ([{"type": "noop"}, {"type": "noop"}, {}, {"type": "nop"}], "tasks[2].type"),
        ([{"type": "noop"}, {"type": "nop"}], "tasks[1].type"),
        ([{"type": "noop"}, {"type": "noop", "colour": 1}], "tasks[1].colour"),
        ([{"type": "noop"}, {"type": "sleep", "payload": {"ms": "x"}}], "tasks[1].payload.ms"),
        ([{"type": "noop"}, {"type": "noop", "priority": 101}], "tasks[1].priority"),
        ([{"type": "noop", "dependsOn": ["ghost"]}, {"type": "noop"}], "tasks[0].dependsOn"),
        ([{"type": "noop", "ref": "a"}, {"type": "noop", "ref": "a"}], "tasks[1].ref"),
        ([{"type": "noop", "idempotencyKey": "k"}], "tasks[0].idempotencyKey"),
        (
            [
                {"type": "noop", "ref": "a", "dependsOn": ["b"]},
                {"type": "noop", "ref": "b", "dependsOn": ["a"]},
            ],
            "tasks[0].dependsOn",
        ),
        (
            [{"type": "noop", "ref": "a", "dependsOn": ["a"]}, {"type": "noop"}],
            "tasks[0].dependsOn",
        ),
    ],
)
def test_all_or_nothing(client: APIClient, tasks: Any, field: str) -> None:
    answer = client.post("/tasks/bulk", {"tasks": tasks})
    assert answer.status_code == 422, answer.content
    fields = [error["field"] for error in answer.json()["errors"]]
    if field == "tasks[0].dependsOn":  # a cycle is reported at one of its members
        assert fields[0].endswith(".dependsOn")
    else:
        assert field in fields
    assert not Task.objects.exists()


def test_many_wrong_tasks_cost_little_and_a_hundred_errors_are_named(client: APIClient) -> None:
    wrong = [{f"field {n}": 1 for n in range(50)} for _ in range(5_000)]
    began = time.process_time()
    answer = client.post("/tasks/bulk", {"tasks": wrong})
    assert time.process_time() - began < 2
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 100
    late = [{"type": "noop"}] * 5_000 + [{"type": "noop", "priority": 101}, {"bogus": 1}]
    errors = client.post("/tasks/bulk", {"tasks": late}).json()["errors"]
    named = {error["field"] for error in errors}
    assert named == {"tasks[5000].priority", "tasks[5001].type", "tasks[5001].bogus"}
    many = client.post("/tasks", {"type": "noop", **wrong[0], **{str(n): 1 for n in range(500)}})
    assert many.json()["errors"] == [{"field": "", "message": "551 fields exceed the limit."}]


def test_unknown_fields_beside_the_tasks(client: APIClient) -> None:
    answer = client.post("/tasks/bulk", {"tasks": [{"type": "noop"}], "colour": 1})
    assert answer.json()["errors"][0]["field"] == "colour"


def test_the_limit_is_named(client: APIClient) -> None:
    limit = settings.TASKPLANE["BULK_MAX"]
    answer = client.post("/tasks/bulk", {"tasks": [{"type": "noop"}] * (limit + 1)})
    assert answer.status_code == 413
    assert str(limit) in answer.json()["detail"]
    assert not Task.objects.exists()


def test_one_key_covers_the_call(client: APIClient) -> None:
    body = {"tasks": [{"type": "noop"}, {"type": "noop"}]}
    key = {"Idempotency-Key": "k"}
    first = client.post("/tasks/bulk", body, headers=key)
    again = client.post("/tasks/bulk", {**body, "idempotencyKey": "k"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert Task.objects.count() == 2
    other = client.post("/tasks/bulk", {"tasks": [{"type": "noop"}]}, headers=key)
    assert other.status_code == 409


@pytest.mark.django_db(transaction=True)
def test_the_number_of_statements_does_not_grow_with_the_tasks() -> None:
    client = key_client("operator")

    def submit(count: int) -> int:
        task = {"type": "sleep", "payload": {"ms": 1}, "tags": ["bulk"], "priority": 3}
        body = orjson.dumps({"tasks": [{**task, "name": f"task {n}"} for n in range(count)]})
        with CaptureQueriesContext(connection) as statements:
            answer = client.generic("POST", "/tasks/bulk", body, content_type="application/json")
        assert answer.json()["created"] == count
        return len(statements)

    submit(1)  # makes the queue
    assert submit(10_000) == submit(100)
