"""Real answers of runs and schedules hold against the OpenAPI schema, with their nulls."""

from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.ops.schedules.firing import fire_due
from controlplane.ops.stress.schema import StressTestIn
from dlq.schema import Discard
from tasks_app.processors.retry import RetryPolicy
from tests.clients import key_client
from tests.factories import (
    make_attempt,
    make_declaration,
    make_log,
    make_node,
    make_run,
    make_schedule,
    make_task,
    make_workflow,
)
from tests.factories.schedules import MINUTE
from tests.factories.workflows import APPROVAL, end_run, end_step

pytestmark = pytest.mark.django_db

NOON = datetime(2031, 3, 3, 12, 0, tzinfo=UTC)


def find_problems(schema: dict[str, Any], template: str, path: str) -> list[str]:
    """What is wrong with the answer to a GET."""
    answer = key_client("viewer").get(path)
    assert answer.status_code == 200
    content = schema["paths"][template]["get"]["responses"]["200"]["content"]
    wanted = {**content["application/json"]["schema"], "components": schema["components"]}
    found = Draft202012Validator(wanted).iter_errors(answer.json())
    return [f"{list(error.absolute_path)}: {error.message}" for error in found]


def test_runs(schema: dict[str, Any]) -> None:
    workflow = make_workflow(tasks=APPROVAL)
    make_run(workflow)
    failed = make_run(workflow)
    error = {"class": "E", "message": "m", "category": "CODE", "taskId": str(workflow.id)}
    error |= {"item": 0, "items": 2, "itemsFailed": 1}
    end_step(failed.id, "look", "FAILED", error=error)
    end_run(failed.id, error={"step": "look", **error})
    for template, path in [
        ("/workflows/runs", "/workflows/runs"),
        ("/workflows/{id}/status", f"/workflows/{workflow.id}/status"),
        ("/workflows/runs/{id}", f"/workflows/runs/{failed.id}"),
        ("/workflows/runs/{id}/steps/{key}", f"/workflows/runs/{failed.id}/steps/send"),
        ("/tasks", "/tasks"),
    ]:
        assert find_problems(schema, template, path) == [], path


def test_schedules(schema: dict[str, Any]) -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON)
    fire_due(now=NOON + 25 * MINUTE)
    fire_due(now=NOON + 30 * MINUTE)
    path = f"/cron/jobs/{schedule.id}"
    for template, each in [
        ("/cron/jobs", "/cron/jobs"),
        ("/cron/jobs/{id}", path),
        ("/cron/jobs/{id}/executions", f"{path}/executions"),
    ]:
        assert find_problems(schema, template, each) == [], each
    listed = key_client("viewer").get(f"{path}/executions").json()["data"]
    assert {each["skipReason"] for each in listed} == {None, "MISSED"}


def list_defaults(part: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every schema with a default in a part of the document, with where it stands."""
    found = []
    if isinstance(part, dict):
        if "default" in part and ("type" in part or "enum" in part):
            found.append((path, part))
        for name, inner in part.items():
            found += list_defaults(inner, f"{path}/{name}")
    elif isinstance(part, list):
        for number, inner in enumerate(part):
            found += list_defaults(inner, f"{path}/{number}")
    return found


def test_every_default_is_a_value_that_its_schema_allows(schema: dict[str, Any]) -> None:
    defaults = list_defaults(schema)
    assert len(defaults) > 20
    wrong = [
        path
        for path, part in defaults
        if list(Draft202012Validator(part).iter_errors(part["default"]))
    ]
    assert wrong == []


def test_tasks_queues_and_nodes(schema: dict[str, Any]) -> None:
    error = {"class": "E", "message": "m", "traceback": "t", "category": "CODE"}
    node = make_node()
    parent = make_task("FAILED", error=error, payload={"a": 1})
    make_attempt(parent, error=error, outcome="FAILED", node_id=node.id)
    make_log(parent, "m", at=NOON, level="INFO")
    make_declaration("two-ways", [node], title="A title", runbook="https://wiki.example/")
    make_declaration("two-ways", [make_node("other")], owner="somebody")
    child = make_task("BLOCKED", parents=[make_task(), parent], retry=RetryPolicy().to_json())
    for template, path in [
        ("/tasks", "/tasks"),
        ("/tasks/{id}", f"/tasks/{parent.id}"),
        ("/tasks/{id}", f"/tasks/{child.id}"),
        ("/tasks/{id}/explain", f"/tasks/{child.id}/explain"),
        ("/tasks/stats", "/tasks/stats"),
        ("/task-types", "/task-types"),
        ("/task-types/{name}", "/task-types/noop"),
        ("/task-types/{name}", "/task-types/two-ways"),
        ("/queues", "/queues"),
        ("/queues/{name}", "/queues/default"),
        ("/system/nodes", "/system/nodes"),
        ("/system/nodes/{id}", f"/system/nodes/{node.id}"),
        ("/system/nodes/{id}/samples", f"/system/nodes/{node.id}/samples"),
        ("/system/performance/summary", "/system/performance/summary?window=5m"),
        ("/health/queue", "/health/queue"),
        ("/workspaces/current", "/workspaces/current"),
        ("/health", "/health"),
        ("/health/detailed", "/health/detailed"),
    ]:
        assert find_problems(schema, template, path) == [], path


def operations_of(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By the method and the path."""
    return {
        f"{method.upper()} {path}": operation
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
        if method != "parameters"
    }


def test_every_operation_has_a_summary_and_a_description(schema: dict[str, Any]) -> None:
    found = operations_of(schema)
    assert len(found) > 80
    for key in ("summary", "description"):
        assert [name for name, operation in found.items() if not operation.get(key)] == [], key


def test_a_body_shows_the_example_that_it_declares(schema: dict[str, Any]) -> None:
    operations = operations_of(schema)
    for name, body in [
        ("POST /dlq/tasks/{id}/discard", Discard),
        ("POST /system/stress-tests", StressTestIn),
    ]:
        content = operations[name]["requestBody"]["content"]["application/json"]
        assert body.example in [each["value"] for each in content["examples"].values()], name


def test_what_a_client_is_generated_from_is_precise(schema: dict[str, Any]) -> None:
    operations, schemas = operations_of(schema), schema["components"]["schemas"]

    def parameter(operation: str, name: str) -> dict[str, Any]:
        (found,) = [p for p in operations[operation]["parameters"] if p["name"] == name]
        return dict(found["schema"])

    uuid = {"type": "string", "format": "uuid"}
    assert parameter("GET /system/stress-tests/{id}/compare", "with") == uuid
    assert parameter("GET /workflows/runs", "workflowId") == uuid
    assert parameter("GET /cron/jobs", "source")["items"]["enum"] == ["person", "code", "beat"]
    assert parameter("GET /system/nodes", "name")["default"] == ""
    assert schemas["FigureChange"]["enum"] == ["better", "worse", "alike", "unknown"]
    assert schemas["LetterAction"]["properties"]["canary"]["oneOf"] == [
        {"type": "boolean"},
        {"$ref": "#/components/schemas/Canary"},
    ]
    parameters = schemas["StressParameters"]
    assert parameters["required"] == list(parameters["properties"])
    assert operations["GET /workflows/{id}/runs"]["tags"] == ["workflow runs"]
