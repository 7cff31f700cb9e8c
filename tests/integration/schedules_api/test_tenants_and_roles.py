"""Every route: who may call it, and that it shows nothing of another workspace."""

from dataclasses import dataclass
from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.workspaces.models import Workspace
from tasks_app.models import Task
from tests.clients import key_client
from tests.factories import make_job

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Call:
    """One call; `{job}` in the path stands for the id of a job."""

    method: str
    path: str
    role: str
    body: Any = None
    ok: int = 200


CALLS = [
    Call("get", "/cron/jobs", "viewer"),
    Call(
        "post",
        "/cron/jobs",
        "operator",
        {"name": "new", "schedule": "@daily", "taskType": "noop"},
        ok=201,
    ),
    Call("get", "/cron/jobs/{job}", "viewer"),
    Call("patch", "/cron/jobs/{job}", "operator", {"priority": 3}),
    Call("delete", "/cron/jobs/{job}", "operator", ok=204),
    Call("get", "/cron/jobs/{job}/executions", "viewer"),
    Call("post", "/cron/jobs/{job}/trigger", "operator", ok=202),
    Call("get", "/cron/preview?schedule=@daily", "viewer"),
]
each = pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")


def send(client: APIClient, call: Call, job: Schedule, slash: str = "") -> Any:
    path, mark, query = call.path.format(job=job.id).partition("?")
    return getattr(client, call.method)(path + slash + mark + query, call.body, format="json")


@each
def test_without_identity(call: Call) -> None:
    assert send(APIClient(), call, make_job()).status_code == 401


@each
def test_with_the_role_it_needs(call: Call) -> None:
    answer = send(key_client(call.role), call, make_job())
    assert answer.status_code == call.ok, answer.content


@each
def test_with_a_last_slash(call: Call) -> None:
    assert send(key_client(call.role), call, make_job(), "/").status_code == call.ok


@each
def test_with_too_small_a_role(call: Call) -> None:
    scopes = ["tasks:read"] if call.role == "viewer" else []
    job = make_job()
    before = Schedule.objects.values().get(id=job.id)
    answer = send(key_client("viewer", scopes=scopes), call, job)
    assert answer.status_code == 403
    assert list(Schedule.objects.values()) == [before]
    assert (Firing.objects.count(), Task.objects.count()) == (0, 0)


@each
def test_another_workspace_is_not_there(call: Call, other: Workspace, client: APIClient) -> None:
    theirs = make_job("secret-name", other, queue="secret-queue")
    before = Schedule.objects.values().get(id=theirs.id)
    answer = send(client, call, theirs)
    assert answer.status_code == (404 if "{job}" in call.path else call.ok)
    assert b"secret" not in answer.content
    assert Schedule.objects.values().get(id=theirs.id) == before
    assert Firing.objects.count() == 0


def test_every_route_is_covered() -> None:
    from controlplane.ops.schedules.urls import urlpatterns

    routes = {str(pattern.pattern) for pattern in urlpatterns}
    called = {
        call.path.partition("?")[0].lstrip("/").replace("{job}", "<uuid:id>") for call in CALLS
    }
    assert routes == called
