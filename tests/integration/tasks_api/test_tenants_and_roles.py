"""Every route: who may call it, and that it shows nothing of another workspace."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.workspaces.models import Workspace
from tasks_app.models import Task
from tests.clients import key_client
from tests.factories import make_attempt, make_log, make_queue, make_task

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Call:
    """One call; `task` in the path stands for the id of a task in `state`."""

    method: str
    path: str
    role: str
    body: Any = None
    state: str = "PENDING"
    ok: int = 200
    of_one: bool = field(default=False)


CALLS = [
    Call("get", "/tasks", "viewer"),
    Call("post", "/tasks", "operator", {"type": "noop"}, ok=201),
    Call("post", "/tasks/bulk", "operator", {"tasks": [{"type": "noop"}]}, ok=201),
    Call("post", "/tasks/actions", "operator", {"action": "cancel", "filter": {"type": "noop"}}),
    Call("get", "/tasks/stats", "viewer"),
    Call("get", "/tasks/export?format=ndjson", "viewer"),
    Call("get", "/tasks/{task}", "viewer", of_one=True),
    Call("get", "/tasks/{task}/explain", "viewer", of_one=True),
    Call("patch", "/tasks/{task}", "operator", {"priority": 1}, of_one=True),
    Call("delete", "/tasks/{task}", "operator", of_one=True),
    Call("post", "/tasks/{task}/retry", "operator", state="FAILED", of_one=True),
    Call("post", "/tasks/{task}/run-now", "operator", state="SCHEDULED", of_one=True),
    Call("get", "/task-types", "viewer"),
    Call("get", "/queues", "viewer"),
    Call("get", "/queues/secret-queue", "viewer", of_one=True),
    Call("patch", "/queues/secret-queue", "operator", {"paused": True}, of_one=True),
    Call("get", "/health/queue", "viewer"),
    Call("get", "/system/performance/summary", "viewer"),
    Call("get", "/system/nodes", "viewer"),
]
# Nodes belong to no workspace: test_nodes.py checks who sees what of one.
OF_A_NODE = {
    "system/nodes/<int:id>",
    "system/nodes/<int:id>/samples",
    "system/nodes/<int:id>/drain",
}
each = pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")


def send(client: APIClient, call: Call, task: Task, slash: str = "") -> Any:
    path, mark, query = call.path.format(task=task.id).partition("?")
    return getattr(client, call.method)(path + slash + mark + query, call.body, format="json")


def content_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@pytest.fixture
def theirs(other: Workspace) -> Task:
    """A task of another workspace, with a word in every part of it."""
    make_queue("secret-queue", other)
    task = make_task(
        workspace=other,
        queue="secret-queue",
        name="secret-name",
        payload={"x": "secret-payload"},
        tags=["secret-tag"],
        type="secret-type",
    )
    make_attempt(task, error={"message": "secret-error"})
    make_log(task, "secret-log")
    return task


def mine(call: Call) -> Task:
    make_queue("secret-queue")
    return make_task(call.state)


@each
def test_without_identity(call: Call, db: None) -> None:
    answer = send(APIClient(), call, mine(call))
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/problem+json"


@each
def test_with_the_role_it_needs(call: Call, db: None) -> None:
    answer = send(key_client(call.role), call, mine(call))
    assert answer.status_code == call.ok, content_of(answer)


@each
def test_with_a_last_slash(call: Call, db: None) -> None:
    assert send(key_client(call.role), call, mine(call), "/").status_code == call.ok


@each
def test_with_too_small_a_role(call: Call, db: None) -> None:
    if call.role == "viewer":
        client = key_client("viewer", scopes=["audit:read"])
    else:
        client = key_client("viewer")
    task = mine(call)
    before = Task.objects.values().get(id=task.id)
    answer = send(client, call, task)
    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/problem+json"
    assert Task.objects.values().get(id=task.id) == before
    assert Task.objects.count() == 1


@each
def test_another_workspace_is_not_there(call: Call, theirs: Task, client: APIClient) -> None:
    before = Task.objects.values().get(id=theirs.id)
    answer = send(client, call, theirs)
    assert answer.status_code == (404 if call.of_one else call.ok)
    if call.of_one and "{task}" in call.path:
        text = content_of(answer).decode()
        assert "secret" not in text.replace(str(theirs.id), "")
    elif not call.of_one:
        assert b"secret" not in content_of(answer)
    assert Task.objects.values().get(id=theirs.id) == before
    assert theirs.queue.__class__.objects.get(id=theirs.queue_id).paused_at is None


@pytest.mark.parametrize(
    "path",
    [
        "/tasks",
        "/tasks/stats",
        "/tasks/export?format=ndjson",
        "/tasks/{task}",
        "/tasks/{task}/explain",
        "/queues",
        "/queues/secret-queue",
    ],
)
def test_its_owner_sees_it(path: str, theirs: Task, stranger: APIClient) -> None:
    """The counterpart: what the test before did not find is there for its owner."""
    answer = stranger.get(path.format(task=theirs.id))
    assert answer.status_code == 200
    assert b"secret" in content_of(answer)


def test_every_route_is_covered() -> None:
    from tasks_app.urls import urlpatterns

    routes = {str(pattern.pattern) for pattern in urlpatterns} - OF_A_NODE
    called = {
        call.path.partition("?")[0]
        .lstrip("/")
        .replace("{task}", "<uuid:id>")
        .replace("secret-queue", "<str:name>")
        for call in CALLS
    }
    assert routes == called
