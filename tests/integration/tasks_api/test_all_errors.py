"""One answer names everything that is wrong: an unknown field hides nothing."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.factories import make_letter, make_task, make_workflow

pytestmark = pytest.mark.django_db


def fields(client: APIClient, path: str, body: Any, method: str = "post") -> set[str]:
    response = getattr(client, method)(path, body, format="json")
    assert response.status_code == 422, response.content
    return {error["field"] for error in response.json()["errors"]}


@pytest.mark.parametrize(
    ("path", "body", "wrong"),
    [
        ("/tasks", {"type": "noop", "priority": 101}, {"priority"}),
        ("/tasks", {"type": "nosuch", "priority": 101}, {"type", "priority"}),
        (
            "/tasks",
            {"type": "sleep", "payload": {"ms": "x"}, "runAt": "no", "queue": "-", "tags": [""]},
            {"payload.ms", "runAt", "queue", "tags"},
        ),
        ("/tasks", {"type": "sleep", "payload": 5, "delay": -1}, {"payload", "delay"}),
        ("/tasks", {}, {"type"}),
        (
            "/tasks/bulk",
            {"tasks": [{"type": "noop", "priority": 101}, {"type": "x"}], "idempotencyKey": 5},
            {"tasks[0].priority", "tasks[1].type", "idempotencyKey"},
        ),
        ("/tasks/bulk", {"tasks": []}, {"tasks"}),
        (
            "/tasks/actions",
            {"action": "cancel", "filter": {"status": ["NOPE"], "bad": 1}},
            {"filter.status", "filter.bad"},
        ),
        ("/tasks/actions", {"action": "cancel", "filter": {}}, {"filter"}),
        (
            "/cron/jobs",
            {"name": "a", "schedule": "61 * * * *", "taskType": "sleep", "payload": {"ms": "x"}},
            {"schedule", "payload.ms"},
        ),
        ("/dlq/actions", {"action": "discard", "filter": {}}, {"filter", "reason"}),
        ("/auto-scaling/config", {"maxWorkers": 2, "minWorkers": 5}, {"minWorkers"}),
    ],
)
def test_an_unknown_field_hides_no_other_error(
    client: APIClient, path: str, body: dict[str, Any], wrong: set[str]
) -> None:
    assert fields(client, path, body) == wrong
    assert fields(client, path, {**body, "bogus": 1}) == wrong | {"bogus"}


def test_an_unknown_field_of_one_task_hides_no_error_of_another(client: APIClient) -> None:
    tasks = [{"type": "noop", "bogus": 1}, {"type": "noop", "priority": 101}]
    wrong = {"tasks[0].bogus", "tasks[1].priority"}
    assert fields(client, "/tasks/bulk", {"tasks": tasks}) == wrong


def test_changes_and_inputs_too(client: APIClient) -> None:
    task = make_task(type="sleep")
    body = {"payload": {"ms": "x"}, "bogus": 1}
    assert fields(client, f"/tasks/{task.id}", body, "patch") == {"payload.ms", "bogus"}
    schema = {"type": "object", "required": ["total"]}
    workflow = make_workflow(inputSchema=schema)
    body = {"input": {}, "bogus": 1}
    assert "bogus" in fields(client, f"/workflows/{workflow.id}/execute", body)
    assert len(fields(client, f"/workflows/{workflow.id}/execute", body)) == 2
    letter = make_letter(type="sleep", payload={})
    body = {"payload": {"ms": "x"}, "bogus": 1}
    assert fields(client, f"/dlq/tasks/{letter.id}/reprocess", body) == {"payload.ms", "bogus"}
