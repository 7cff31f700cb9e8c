"""Every route of the API: who may call it, with what, on which row."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from rest_framework.test import APIClient

import tests.handlers  # noqa: F401 - registers the type of the letters
from controlplane.core import process_state
from controlplane.ops.operations.control import pause_operation
from controlplane.ops.stress.models import StressTest
from controlplane.workspaces.actors import SYSTEM, Actor
from controlplane.workspaces.models import Workspace
from controlplane.workspaces.services import add_member
from controlplane.workspaces.states import Role
from controlplane.workspaces.undo import make_undo_token
from dlq.filters import LetterFilter
from dlq.replays import pause_replay, start_replay
from tasks_app.models import Queue, Task
from tasks_app.undo import queue_change, queue_values
from tests.clients import default_workspace, key_client, other_workspace
from tests.factories import (
    make_attempt,
    make_error,
    make_job,
    make_leader,
    make_letter,
    make_log,
    make_node,
    make_operation,
    make_queue,
    make_run,
    make_scaling_event,
    make_stress_test,
    make_task,
    make_view,
    make_workflow,
)
from tests.factories.workflows import APPROVAL, CHAIN
from tests.operations import preview
from tests.stress_driver import drive_to, end_tasks
from workflows.runs import cancel_run


@dataclass(frozen=True)
class Route:
    """One call. `{row}` in path and body stands for the id of a row of `make_rows`."""

    method: str
    path: str
    scopes: tuple[str, ...]
    role: str
    body: Any = None
    ok: int = 200
    of_all: bool = False  # what it shows belongs to no workspace

    @property
    def of_one(self) -> bool:
        return "{" in self.path and not self.of_all

    @property
    def is_stress_start(self) -> bool:
        return self.method == "post" and self.path == STRESS

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.body or ''}".rstrip()


def get(path: str, scope: str, role: str = "viewer", **more: Any) -> Route:
    return Route("get", path, (scope,), role, **more)


def post(path: str, *scopes: str, role: str = "operator", **more: Any) -> Route:
    return Route("post", path, scopes, role, **more)


def put(path: str, *scopes: str, **more: Any) -> Route:
    return Route("put", path, scopes, "operator", **more)


def patch(path: str, *scopes: str, **more: Any) -> Route:
    return Route("patch", path, scopes, "operator", **more)


def delete(path: str, scope: str, role: str = "operator", **more: Any) -> Route:
    return Route("delete", path, (scope,), role, **more)


TASKS, RUNS = ("tasks:write",), ("workflows:write", "tasks:write")
DEFINITION = {"name": "New", "tasks": CHAIN}
JOB = {"name": "new", "schedule": "@daily", "taskType": "noop"}
WORKFLOW_JOB = {"name": "weekly", "schedule": "@weekly", "workflowId": "{workflow}"}
NOOPS = {"action": "cancel", "filter": {"type": "noop"}}
BULK = {"target": "tasks", "action": "cancel", "filter": {"type": "noop"}}
LETTERS = {"filter": {"all": True}}
DISCARD = {"action": "discard", "reason": "x", **LETTERS}
REPROCESS = {"action": "reprocess", **LETTERS}
RUN, REPLAY = "/workflows/runs/{run}", "/dlq/replays/{replay}"
STRESS = "/system/stress-tests"
ROUTES = [
    get("/api/schema", "api:read", of_all=True),
    get("/workspaces/current", "workspaces:read"),
    get("/api-keys", "api-keys:read", "admin"),
    get("/api-keys/{key}", "api-keys:read", "admin"),
    post("/api-keys", "api-keys:write", role="admin", ok=201,
         body={"name": "x", "scopes": ["api-keys:read"]}),
    delete("/api-keys/{key}", "api-keys:write", "admin"),
    get("/audit", "audit:read", "admin"),
    get("/members", "members:read", "admin"),
    post("/members", "members:write", role="admin", ok=201,
         body={"user": "newcomer", "role": "viewer"}),
    Route("patch", "/members/{member}", ("members:write",), "admin", {"role": "operator"}),
    delete("/members/{member}", "members:write", "admin", ok=204),
    get("/health/detailed", "health:read"),
    get("/health/queue", "health:read"),
    get("/health/scaling-events", "health:read", of_all=True),
    get("/health/scaling-events/{event}", "health:read", of_all=True),
    get("/metrics", "metrics:read"),
    get("/live/{topic}", "tasks:read"),
    get("/cron/jobs", "cron:read"),
    get("/cron/jobs/{job}", "cron:read"),
    get("/cron/jobs/{job}/executions", "cron:read"),
    get("/cron/preview?schedule=@daily", "cron:read"),
    post("/cron/jobs", "cron:write", *TASKS, body=JOB, ok=201),
    post("/cron/jobs", "cron:write", *RUNS, body=WORKFLOW_JOB, ok=201),
    patch("/cron/jobs/{job}", "cron:write", *TASKS, body={"priority": 3}),
    patch("/cron/jobs/{job}", "cron:write", *TASKS, body={"enabled": True}),
    patch("/cron/jobs/{job}", "cron:write", *RUNS, body={"workflowId": "{workflow}"}),
    patch("/cron/jobs/{job}", "cron:write", body={"enabled": False}),
    post("/cron/jobs/{job}/trigger", "cron:write", *TASKS, ok=202),
    delete("/cron/jobs/{job}", "cron:write", ok=204),
    get(STRESS, "system:read"),
    get(STRESS + "/{test}", "system:read"),
    get(STRESS + "/{report}/compare?with={report}", "system:read"),
    post(STRESS, "system:write", *TASKS, body={"tasks": 1}, ok=202),
    delete(STRESS + "/{test}", "system:write", ok=202),
    get("/system/nodes", "system:read", of_all=True),
    get("/system/nodes/{node}", "system:read", of_all=True),
    get("/system/nodes/{node}/samples", "system:read", of_all=True),
    post("/system/nodes/{node}/drain", "system:write", of_all=True),
    get("/system/performance/summary", "system:read"),
    get("/dlq/tasks", "dlq:read"),
    get("/dlq/tasks/{letter}", "dlq:read"),
    get("/dlq/stats", "dlq:read"),
    get("/dlq/groups", "dlq:read"),
    get("/dlq/groups/{fingerprint}", "dlq:read"),
    patch("/dlq/groups/{fingerprint}", "dlq:write", body={"state": "ACKNOWLEDGED"}),
    get("/dlq/replays", "dlq:read"),
    get(REPLAY, "dlq:read"),
    post("/dlq/tasks/{letter}/reprocess", "dlq:write", *TASKS, body={}, ok=202),
    post("/dlq/tasks/{letter}/discard", "dlq:write", body={"reason": "x"}),
    post("/dlq/actions", "dlq:write", *TASKS, body=REPROCESS),
    post("/dlq/actions/preview", "dlq:write", *TASKS, body=REPROCESS),
    post("/dlq/actions", "dlq:write", body=DISCARD),
    post("/dlq/actions", "dlq:write", *TASKS, body={**REPROCESS, "ratePerSecond": 5}, ok=202),
    post(REPLAY + "/cancel", "dlq:write"),
    post(REPLAY + "/pause", "dlq:write"),
    post("/dlq/replays/{paused}/resume", "dlq:write", *TASKS),
    get("/operations", "operations:read"),
    get("/operations/{operation}", "operations:read"),
    get("/operations/{operation}/items", "operations:read"),
    post("/operations/preview", "operations:write", *TASKS, body=BULK),
    post("/operations", "operations:write", *TASKS, body={"token": "{token}", "reason": "x"},
         ok=202),
    post("/undo", "undo:write", "queues:write", body={"token": "{undo}"}),
    post("/operations/{operation}/pause", "operations:write"),
    post("/operations/{held}/resume", "operations:write", *TASKS),
    post("/operations/{operation}/cancel", "operations:write"),
    get("/views", "views:read"),
    get("/views/lists", "views:read", of_all=True),
    get("/views/{view}", "views:read"),
    post("/views", "views:write", role="viewer", body={"list": "tasks", "name": "x"}, ok=201),
    patch("/views/{view}", "views:write", body={"name": "y"}),
    delete("/views/{view}", "views:write", "admin", ok=204),
    get("/auto-scaling/config", "auto-scaling:read", of_all=True),
    get("/auto-scaling/metric", "auto-scaling:read", of_all=True),
    get("/auto-scaling/status", "auto-scaling:read", of_all=True),
    post("/auto-scaling/config", "auto-scaling:write", role="admin", body={"minWorkers": 2},
         of_all=True),
    post("/auto-scaling/release", "auto-scaling:write", of_all=True),
    post("/auto-scaling/scale", "auto-scaling:write", body={"workers": 3, "reason": "a sale"},
         ok=202, of_all=True),
    get("/workflows", "workflows:read"),
    get("/workflows/{workflow}", "workflows:read"),
    get("/workflows/{workflow}/versions", "workflows:read"),
    get("/workflows/{workflow}/status", "workflows:read"),
    get("/workflows/{workflow}/runs", "workflows:read"),
    get("/workflows/runs", "workflows:read"),
    get(RUN, "workflows:read"),
    get(RUN + "/steps/{step}", "workflows:read"),
    post("/workflows", *RUNS, body=DEFINITION, ok=201),
    put("/workflows/{workflow}", *RUNS, body=DEFINITION),
    post("/workflows/validate", "workflows:write", body=DEFINITION),
    delete("/workflows/{workflow}", "workflows:write", ok=204),
    post("/workflows/{workflow}/execute", *RUNS, body={"input": {}}, ok=202),
    post(RUN + "/cancel", "workflows:write"),
    post("/workflows/runs/{cancelled}/retry", *RUNS),
    post(RUN + "/rerun", *RUNS, body={}, ok=202),
    post(RUN + "/steps/{step}/approve", *RUNS, body={"comment": "x"}),
    post(RUN + "/steps/{step}/reject", "workflows:write", body={"comment": "x"}),
    get("/tasks", "tasks:read"),
    get("/tasks/stats", "tasks:read"),
    get("/tasks/export?format=ndjson", "tasks:read"),
    get("/queues/-/export?format=ndjson", "queues:read"),
    get("/task-types/-/export?format=ndjson", "task-types:read", of_all=True),
    get("/system/nodes/export?format=ndjson", "system:read", of_all=True),
    get("/system/stress-tests/export?format=ndjson", "system:read"),
    get("/system/performance/export?format=ndjson", "system:read"),
    get("/system/performance/types/export?format=ndjson", "system:read"),
    get("/system/performance/nodes/export?format=ndjson", "system:read", of_all=True),
    get("/dlq/tasks/export?format=ndjson", "dlq:read"),
    get("/dlq/groups/export?format=ndjson", "dlq:read"),
    get("/dlq/replays/export?format=ndjson", "dlq:read"),
    get("/cron/jobs/export?format=ndjson", "cron:read"),
    get("/cron/jobs/{job}/executions/export?format=ndjson", "cron:read"),
    get("/workflows/export?format=ndjson", "workflows:read"),
    get("/workflows/runs/export?format=ndjson", "workflows:read"),
    get("/health/scaling-events/export?format=ndjson", "health:read", of_all=True),
    get("/operations/export?format=ndjson", "operations:read"),
    get("/operations/{operation}/items/export?format=ndjson", "operations:read"),
    get("/audit/export?format=ndjson", "audit:read", "admin"),
    get("/api-keys/export?format=ndjson", "api-keys:read", "admin"),
    get("/members/export?format=ndjson", "members:read", "admin"),
    get("/tasks/{task}", "tasks:read"),
    get("/tasks/{task}/explain", "tasks:read"),
    get("/task-types", "task-types:read", of_all=True),
    get("/task-types/{type}", "task-types:read", of_all=True),
    get("/queues", "queues:read"),
    get("/queues/{queue}", "queues:read"),
    post("/tasks", *TASKS, body={"type": "noop"}, ok=201),
    post("/tasks/bulk", *TASKS, body={"tasks": [{"type": "noop"}]}, ok=201),
    post("/tasks/actions", *TASKS, body=NOOPS),
    post("/tasks/actions/preview", *TASKS, body=NOOPS),
    patch("/tasks/{task}", *TASKS, body={"priority": 1}),
    delete("/tasks/{task}", "tasks:write"),
    post("/tasks/{failed}/retry", *TASKS),
    post("/tasks/{scheduled}/run-now", *TASKS),
    patch("/queues/{queue}", "queues:write", body={"paused": True}),
]  # fmt: skip


def make_rows(workspace: Workspace, word: str) -> dict[str, str]:
    """What the paths name, in this workspace; every text that a person chose begins with `word`."""
    queue = make_queue(f"{word}-queue", workspace)
    fields: dict[str, Any] = {
        "workspace": workspace,
        "queue": queue.name,
        "name": f"{word}-name",
        "payload": {"x": f"{word}-payload"},
        "tags": [f"{word}-tag"],
    }
    task = make_task(**fields)
    make_attempt(task, error={"message": f"{word}-error"})
    make_log(task, f"{word}-log")
    error = make_error(f"{word} is broken")
    letter = make_letter(error, **fields)
    replays = [
        start_replay(
            workspace_id=workspace.id,
            letter_filter=LetterFilter(ids=(make_letter(error, **fields).id,)),
            actor=SYSTEM,
        )
        for _ in range(2)
    ]
    pause_replay(workspace_id=workspace.id, replay_id=replays[1].id, actor=SYSTEM)
    operations = [make_operation(workspace, reason=f"{word}-reason", name="x") for _ in range(2)]
    pause_operation(workspace_id=workspace.id, operation_id=operations[1].id, actor=SYSTEM)
    report = make_stress_test(1, workspace=workspace, name=f"{word}-report")
    drive_to(report, "SETTLING")
    end_tasks(report)
    drive_to(report, "DONE")
    workflow = make_workflow(f"{word}-workflow", APPROVAL, workspace=workspace)
    run, cancelled = (make_run(workflow, {"x": f"{word}-input"}) for _ in range(2))
    cancel_run(workspace_id=workspace.id, run_id=cancelled.id, actor=SYSTEM)
    users = get_user_model().objects
    users.get_or_create(username="newcomer")
    user, _ = users.get_or_create(username=f"{word}-member")
    member = add_member(workspace=workspace, user=user, role="viewer", actor=SYSTEM)
    rows = {
        "task": task,
        "member": member,
        "failed": make_task("FAILED", **fields),
        "scheduled": make_task("SCHEDULED", **fields),
        "letter": letter,
        "replay": replays[0],
        "paused": replays[1],
        "operation": operations[0],
        "held": operations[1],
        "view": make_view(workspace=workspace, name=f"{word}-view", is_shared=True),
        "report": report,
        "test": make_stress_test(1, workspace=workspace, name=f"{word}-test"),
        "workflow": workflow,
        "run": run,
        "cancelled": cancelled,
        "job": make_job(f"{word}-job", workspace, queue=queue.name),
        "key": key_client(workspace=workspace, name=f"{word}-key").api_key,
        "node": make_node(),
        "event": make_scaling_event(),
    }
    return {
        "queue": queue.name,
        "step": "look",
        "type": "noop",
        "topic": f"task:{task.id}",
        "fingerprint": letter.fingerprint,
        **{name: str(row.id) for name, row in rows.items()},
    }


class Place:
    """Rows in two workspaces, and keys for them."""

    def __init__(self) -> None:
        self.home, self.away = default_workspace(), other_workspace()
        self.mine, self.theirs = make_rows(self.home, "plain"), make_rows(self.away, "secret")
        make_leader()
        self.key = cache(self._make_key)

    def _make_key(self, role: str, scopes: tuple[str, ...] = (), away: bool = False) -> APIClient:
        return key_client(
            role, workspace=self.away if away else self.home, scopes=list(scopes), name="a key"
        )

    def send(
        self, client: APIClient, route: Route, *, theirs: bool = False, slash: str = ""
    ) -> Any:
        rows = self.theirs if theirs else self.mine
        path, mark, query = route.path.partition("?")
        path = f"{path}{slash}{mark}{query}".format(**rows)
        return getattr(client, route.method)(path, self._fill(route.body, client), format="json")

    def clear_way(self, route: Route) -> None:
        """A workspace has one open stress test at a time, and none among tasks of another."""
        if route.is_stress_start:
            StressTest.objects.get(id=self.mine["test"]).delete()
            Task.objects.filter(workspace=self.home, queue__name="stress").delete()

    def _fill(self, body: Any, client: APIClient) -> Any:
        if isinstance(body, dict):
            return {name: self._fill(value, client) for name, value in body.items()}
        if body == "{token}":
            return self._make_token(client)
        if body == "{undo}":
            queue = Queue.objects.get(workspace=self.home, name="plain-queue")
            values = {"queues": [queue_change(queue_values(queue), queue)]}
            return make_undo_token("queues", values, self._actor_of(client))
        return self.mine["workflow"] if body == "{workflow}" else body

    def _make_token(self, client: APIClient) -> str:
        """That of a preview which the client's key has made, if it has one."""
        actor = self._actor_of(client)
        return preview("tasks", "cancel", wanted=BULK["filter"], actor=actor).token

    def _actor_of(self, client: APIClient) -> Actor:
        key = str(client.api_key.id) if hasattr(client, "api_key") else ""
        return Actor("key", key, "a key", Role.OPERATOR)


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside is rolled back, so that the next call finds the rows as they were."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    process_state.reset_all()


def content_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content
