"""Jobs that start workflows."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.ops.schedules import code_sync
from controlplane.ops.schedules.declarations import schedule
from controlplane.workspaces.models import Workspace
from tests.factories import make_workflow
from workflows.models import Workflow, WorkflowRun

pytestmark = pytest.mark.django_db
JOBS = "/cron/jobs"
SCHEMA = {"type": "object", "required": ["total"], "properties": {"total": {"type": "integer"}}}


@pytest.fixture
def workflow(db: None) -> Workflow:
    return make_workflow("Order", inputSchema=SCHEMA)


def body_of(workflow: Workflow, **more: Any) -> dict[str, Any]:
    return {"name": "Orders", "schedule": "@daily", "workflowId": str(workflow.id), **more}


def test_it_starts_a_run(client: APIClient, workflow: Workflow) -> None:
    job = client.post(JOBS, body_of(workflow, payload={"total": 5})).json()
    assert (job["workflowId"], job["taskType"]) == (str(workflow.id), None)
    execution = client.post(f"{JOBS}/{job['id']}/trigger").json()
    assert (execution["status"], execution["taskId"]) == ("STARTED", None)
    run = WorkflowRun.objects.get()
    assert (str(run.id), run.input) == (execution["runId"], {"total": 5})


def test_an_input_that_breaks_the_schema(client: APIClient, workflow: Workflow) -> None:
    answer = client.post(JOBS, body_of(workflow, payload={"total": "much"}))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["payload.total"]


def test_a_workflow_of_another_workspace(client: APIClient, other: Workspace) -> None:
    theirs = make_workflow("Secret", workspace=other)
    answer = client.post(JOBS, body_of(theirs))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["workflowId"]
    assert b"Secret" not in answer.content


def test_from_a_type_to_a_workflow_and_back(client: APIClient, workflow: Workflow) -> None:
    job = client.post(JOBS, {"name": "x", "schedule": "@daily", "taskType": "noop"}).json()
    path = f"{JOBS}/{job['id']}"
    changed = client.patch(path, {"workflowId": str(workflow.id), "payload": {"total": 1}}).json()
    assert (changed["taskType"], changed["workflowId"]) == (None, str(workflow.id))
    changed = client.patch(path, {"taskType": "noop", "payload": {}}).json()
    assert (changed["taskType"], changed["workflowId"]) == ("noop", None)


def test_declared_by_the_name_of_the_workflow(
    client: APIClient, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    from controlplane.ops.schedules import declarations

    declarations.discover()
    monkeypatch.setattr(declarations, "_declared", dict(declarations._declared))
    schedule("Orders", "@hourly", workflow="Order", payload={"total": 2})
    assert code_sync.sync_code_schedules() == []
    (job,) = client.get(f"{JOBS}?search=Orders").json()["data"]
    assert (job["workflowId"], job["source"]) == (str(workflow.id), "code")
