"""Every route: who may call it, and that it shows and changes nothing of another workspace."""

from dataclasses import dataclass
from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.workspaces.models import Workspace
from tests.clients import key_client
from tests.factories import make_run, make_workflow
from tests.factories.workflows import APPROVAL, CHAIN
from workflows.models import RunStep, Workflow, WorkflowRun

pytestmark = pytest.mark.django_db
DEFINITION = {"name": "New", "tasks": CHAIN}


@dataclass(frozen=True)
class Call:
    """One call; `workflow` and `run` in the path stand for ids."""

    method: str
    path: str
    role: str = "viewer"
    body: Any = None
    ok: int = 200
    is_cancelled: bool = False

    @property
    def of_one(self) -> bool:
        return "{" in self.path


RUN = "/workflows/runs/{run}"
CALLS = [
    Call("get", "/workflows"),
    Call("post", "/workflows", "operator", DEFINITION, ok=201),
    Call("post", "/workflows/validate", "operator", DEFINITION),
    Call("get", "/workflows/{workflow}"),
    Call("put", "/workflows/{workflow}", "operator", DEFINITION),
    Call("delete", "/workflows/{workflow}", "operator", ok=204),
    Call("get", "/workflows/{workflow}/versions"),
    Call("post", "/workflows/{workflow}/execute", "operator", {"input": {}}, ok=202),
    Call("get", "/workflows/{workflow}/status"),
    Call("get", "/workflows/{workflow}/runs"),
    Call("get", "/workflows/runs"),
    Call("get", RUN),
    Call("post", RUN + "/cancel", "operator"),
    Call("post", RUN + "/retry", "operator", is_cancelled=True),
    Call("post", RUN + "/rerun", "operator", {}, ok=202),
    Call("get", RUN + "/steps/look"),
    Call("post", RUN + "/steps/look/approve", "operator", {"comment": "x"}),
    Call("post", RUN + "/steps/look/reject", "operator", {"comment": "x"}),
]
each = pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")


def send(client: APIClient, call: Call, run: WorkflowRun, slash: str = "") -> Any:
    path = call.path.format(run=run.id, workflow=run.workflow_id) + slash
    return getattr(client, call.method)(path, call.body, format="json")


def a_run(call: Call, workspace: Workspace | None = None) -> WorkflowRun:
    workflow = make_workflow("secret-name", APPROVAL, workspace=workspace)
    run = make_run(workflow, {"x": "secret-input"})
    if call.is_cancelled and workspace is None:
        key_client("operator").post(f"/workflows/runs/{run.id}/cancel")
    return run


def everything() -> list[Any]:
    return [
        list(model.objects.order_by("pk").values()) for model in (Workflow, WorkflowRun, RunStep)
    ]


@each
def test_without_identity(call: Call) -> None:
    answer = send(APIClient(), call, a_run(call))
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"


@each
def test_with_the_role_it_needs(call: Call) -> None:
    answer = send(key_client(call.role), call, a_run(call))
    assert answer.status_code == call.ok, answer.content


@each
def test_with_a_last_slash(call: Call) -> None:
    assert send(key_client(call.role), call, a_run(call), "/").status_code == call.ok


@each
def test_with_too_small_a_role(call: Call) -> None:
    if call.role == "viewer":
        client = key_client("viewer", scopes=["tasks:read"])
    else:
        client = key_client("viewer")
    run = a_run(call)
    before = everything()
    answer = send(client, call, run)
    assert answer.status_code == 403
    assert everything() == before


@each
def test_another_workspace_is_not_there(call: Call, other: Workspace, client: APIClient) -> None:
    run = a_run(call, other)
    before = [rows for rows in everything() if rows]
    answer = send(client, call, run)
    assert answer.status_code == (404 if call.of_one else call.ok)
    assert b"secret" not in answer.content
    after = everything()
    assert [rows[: len(old)] for rows, old in zip(after, before, strict=True)] == before
    if call.of_one:
        assert after == before


@pytest.mark.parametrize("call", [call for call in CALLS if call.method == "get"], ids=str)
def test_its_owner_sees_it(call: Call, other: Workspace, stranger: APIClient) -> None:
    """The counterpart: what the test before did not find is there for its owner."""
    answer = send(stranger, call, a_run(call, other))
    assert answer.status_code == 200
    assert answer.json()


def test_an_own_workflow_does_not_open_foreign_runs(other: Workspace, client: APIClient) -> None:
    theirs = a_run(CALLS[0], other)
    mine = make_workflow("mine")
    answer = client.post(
        f"/workflows/{mine.id}/execute", {"input": {}, "rerunOf": str(theirs.id)}, format="json"
    )
    assert answer.status_code in (404, 422)
    assert client.get(f"/workflows/runs?workflowId={theirs.workflow_id}").json()["total"] == 0
    assert WorkflowRun.objects.count() == 1


def test_every_route_is_covered() -> None:
    from workflows.urls import urlpatterns

    routes = {str(pattern.pattern) for pattern in urlpatterns}
    called = {
        call.path.lstrip("/")
        .replace("{workflow}", "<uuid:id>")
        .replace("{run}", "<uuid:id>")
        .replace("steps/look", "steps/<str:key>")
        for call in CALLS
    }
    assert routes == called
