"""All routes, scopes and roles: a key does what its scopes name, and grants no more than it has."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.urls import URLResolver, get_resolver

from controlplane.core.clock import now
from controlplane.core.errors import Forbidden
from controlplane.ops.schedules import editing
from controlplane.workspaces import services
from controlplane.workspaces.actors import SYSTEM, Actor, covers
from controlplane.workspaces.models import ApiKey, AuditEvent
from controlplane.workspaces.states import Role
from dlq.models import DeadLetter
from tasks_app.models import IdempotencyKey, Task
from tests.clients import default_workspace, key_client, user_client
from tests.deaths import die
from tests.factories import make_task
from tests.workflowrows import make_run, make_workflow
from workflows.models import WorkflowRun

pytestmark = pytest.mark.django_db

NOBODY = UUID("018f6f2e-0000-7000-8000-000000000000")
OPEN = {"health", "health/live", "health/ready"}
BY_SESSION = {"^api/docs/?$"}
# The smallest role and the scopes; `{job}` is the id of a schedule, `{id}` one of nothing.
READS = {
    "^api/schema/?$": ("viewer", "api:read"),
    "workspaces/current": ("viewer", "workspaces:read"),
    "api-keys": ("admin", "api-keys:read"),
    "api-keys/<uuid:id>": ("admin", "api-keys:read"),
    "audit": ("admin", "audit:read"),
    "health/detailed": ("viewer", "health:read"),
    "health/queue": ("viewer", "health:read"),
    "health/scaling-events": ("viewer", "health:read"),
    "health/scaling-events/<uuid:id>": ("viewer", "health:read"),
    "metrics": ("viewer", "metrics:read"),
    "cron/jobs": ("viewer", "cron:read"),
    "cron/jobs/<uuid:id>": ("viewer", "cron:read"),
    "cron/jobs/<uuid:id>/executions": ("viewer", "cron:read"),
    "cron/preview": ("viewer", "cron:read"),
    "system/stress-tests": ("viewer", "system:read"),
    "system/stress-tests/<uuid:id>": ("viewer", "system:read"),
    "system/stress-tests/<uuid:id>/compare": ("viewer", "system:read"),
    "system/nodes": ("viewer", "system:read"),
    "system/nodes/<int:id>": ("viewer", "system:read"),
    "system/nodes/<int:id>/samples": ("viewer", "system:read"),
    "system/performance/summary": ("viewer", "system:read"),
    "dlq/tasks": ("viewer", "dlq:read"),
    "dlq/tasks/<uuid:id>": ("viewer", "dlq:read"),
    "dlq/stats": ("viewer", "dlq:read"),
    "dlq/groups": ("viewer", "dlq:read"),
    "dlq/replays": ("viewer", "dlq:read"),
    "dlq/replays/<uuid:id>": ("viewer", "dlq:read"),
    "auto-scaling/config": ("viewer", "auto-scaling:read"),
    "auto-scaling/metric": ("viewer", "auto-scaling:read"),
    "auto-scaling/status": ("viewer", "auto-scaling:read"),
    "workflows": ("viewer", "workflows:read"),
    "workflows/<uuid:id>": ("viewer", "workflows:read"),
    "workflows/<uuid:id>/versions": ("viewer", "workflows:read"),
    "workflows/<uuid:id>/status": ("viewer", "workflows:read"),
    "workflows/<uuid:id>/runs": ("viewer", "workflows:read"),
    "workflows/runs": ("viewer", "workflows:read"),
    "workflows/runs/<uuid:id>": ("viewer", "workflows:read"),
    "workflows/runs/<uuid:id>/steps/<str:key>": ("viewer", "workflows:read"),
    "tasks": ("viewer", "tasks:read"),
    "tasks/<uuid:id>": ("viewer", "tasks:read"),
    "tasks/<uuid:id>/explain": ("viewer", "tasks:read"),
    "tasks/stats": ("viewer", "tasks:read"),
    "tasks/export": ("viewer", "tasks:read"),
    "task-types": ("viewer", "task-types:read"),
    "queues": ("viewer", "queues:read"),
    "queues/<str:name>": ("viewer", "queues:read"),
}
DEFINITION = {"name": "Order", "tasks": [{"key": "a", "type": "noop"}]}
JOB = {"name": "nightly", "schedule": "@daily", "taskType": "noop"}
WORKFLOW_JOB = {"name": "weekly", "schedule": "@weekly", "workflowId": "{workflow}"}
LETTERS = {"filter": {"all": True}}
REPLAY = {"action": "reprocess", "ratePerSecond": 5, **LETTERS}
Write = tuple[str, str, str, tuple[str, ...], Any]
TASKS, RUNS = ("tasks:write",), ("workflows:write", "tasks:write")
WRITES: list[Write] = [
    ("post", "api-keys", "admin", ("api-keys:write",), {"name": "x", "scopes": ["api-keys:read"]}),
    ("delete", "api-keys/<uuid:id>", "admin", ("api-keys:write",), None),
    ("post", "cron/jobs", "operator", ("cron:write", *TASKS), JOB),
    ("post", "cron/jobs", "operator", ("cron:write", *RUNS), WORKFLOW_JOB),
    ("patch", "cron/jobs/<uuid:job>", "operator", ("cron:write", *TASKS), {"priority": 1}),
    ("patch", "cron/jobs/<uuid:job>", "operator", ("cron:write", *TASKS), {"enabled": True}),
    (
        "patch",
        "cron/jobs/<uuid:job>",
        "operator",
        ("cron:write", *RUNS),
        {"workflowId": "{workflow}"},
    ),
    ("patch", "cron/jobs/<uuid:job>", "operator", ("cron:write",), {"enabled": False}),
    ("post", "cron/jobs/<uuid:job>/trigger", "operator", ("cron:write", *TASKS), None),
    ("delete", "cron/jobs/<uuid:job>", "operator", ("cron:write",), None),
    ("post", "system/stress-tests", "operator", ("system:write", *TASKS), {"tasks": 1}),
    ("delete", "system/stress-tests/<uuid:id>", "operator", ("system:write",), None),
    ("post", "system/nodes/<int:id>/drain", "operator", ("system:write",), None),
    ("post", "dlq/tasks/<uuid:id>/reprocess", "operator", ("dlq:write", *TASKS), {}),
    ("post", "dlq/tasks/<uuid:id>/discard", "operator", ("dlq:write",), {"reason": "x"}),
    (
        "post",
        "dlq/actions",
        "operator",
        ("dlq:write", *TASKS),
        {"action": "reprocess", **LETTERS},
    ),
    (
        "post",
        "dlq/actions",
        "operator",
        ("dlq:write",),
        {"action": "discard", "reason": "x", **LETTERS},
    ),
    ("post", "dlq/actions", "operator", ("dlq:write", *TASKS), REPLAY),
    ("post", "dlq/replays/<uuid:id>/cancel", "operator", ("dlq:write",), None),
    ("post", "dlq/replays/<uuid:id>/pause", "operator", ("dlq:write",), None),
    ("post", "dlq/replays/<uuid:id>/resume", "operator", ("dlq:write", *TASKS), None),
    ("post", "auto-scaling/config", "admin", ("auto-scaling:write",), {"maxWorkers": 3}),
    ("post", "auto-scaling/release", "operator", ("auto-scaling:write",), None),
    (
        "post",
        "auto-scaling/scale",
        "operator",
        ("auto-scaling:write",),
        {"workers": 1, "reason": "x"},
    ),
    ("post", "workflows", "operator", RUNS, DEFINITION),
    ("put", "workflows/<uuid:id>", "operator", RUNS, DEFINITION),
    ("post", "workflows/validate", "operator", ("workflows:write",), DEFINITION),
    ("delete", "workflows/<uuid:id>", "operator", ("workflows:write",), None),
    ("post", "workflows/<uuid:id>/execute", "operator", RUNS, {}),
    ("post", "workflows/runs/<uuid:id>/cancel", "operator", ("workflows:write",), None),
    ("post", "workflows/runs/<uuid:id>/retry", "operator", RUNS, None),
    ("post", "workflows/runs/<uuid:run>/rerun", "operator", RUNS, {}),
    ("post", "workflows/runs/<uuid:id>/steps/<str:key>/approve", "operator", RUNS, {}),
    (
        "post",
        "workflows/runs/<uuid:id>/steps/<str:key>/reject",
        "operator",
        ("workflows:write",),
        {},
    ),
    ("post", "tasks", "operator", TASKS, {"type": "noop"}),
    ("post", "tasks/bulk", "operator", TASKS, {"tasks": [{"type": "noop"}]}),
    (
        "post",
        "tasks/actions",
        "operator",
        TASKS,
        {"action": "cancel", "filter": {"type": "noop"}},
    ),
    ("patch", "tasks/<uuid:id>", "operator", TASKS, {"priority": 1}),
    ("delete", "tasks/<uuid:id>", "operator", TASKS, None),
    ("post", "tasks/<uuid:id>/retry", "operator", TASKS, None),
    ("post", "tasks/<uuid:id>/run-now", "operator", TASKS, None),
    ("patch", "queues/<str:name>", "operator", ("queues:write",), {"paused": True}),
]
ROLES = ("viewer", "operator", "admin")


def routes(patterns: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and route of every view of the API."""
    for each in patterns:
        if isinstance(each, URLResolver):
            if str(each.pattern) != "admin/":
                yield from routes(each.url_patterns, prefix + str(each.pattern))
            continue
        view = getattr(each.callback, "view_class", None) or getattr(each.callback, "cls", None)
        # A view set has a method for each verb, not for each method of HTTP.
        verbs = getattr(each.callback, "actions", None) or dir(view)
        for method in ("get", "post", "put", "patch", "delete"):
            if method in verbs:
                yield method, prefix + str(each.pattern)


def test_every_route_is_in_the_table() -> None:
    known = {("get", route) for route in {*READS, *OPEN, *BY_SESSION}}
    known |= {
        (method, route.replace("<uuid:job>", "<uuid:id>").replace("<uuid:run>", "<uuid:id>"))
        for method, route, *_ in WRITES
    }
    assert set(routes(get_resolver().url_patterns)) == known


class Rows:
    """What the paths and bodies name."""

    def __init__(self) -> None:
        self.workflow = make_workflow("Known")
        self.run = make_run(self.workflow)
        self.job, _ = editing.create_schedule(
            workspace_id=default_workspace().id,
            values={"name": "known", "schedule": "@daily", "task_type": "noop"},
            actor=SYSTEM,
        )

    def path(self, route: str) -> str:
        path = route.strip("^$?").removesuffix("/")
        for name, value in (
            ("<uuid:id>", NOBODY),
            ("<int:id>", 1),
            ("<str:key>", "a"),
            ("<str:name>", "mail"),
            ("<uuid:job>", self.job.id),
            ("<uuid:run>", self.run.id),
        ):
            path = path.replace(name, str(value))
        return f"/{path}"

    def body(self, body: Any) -> Any:
        if isinstance(body, dict):
            return {k: self.body(v) for k, v in body.items()}
        return str(self.workflow.id) if body == "{workflow}" else body


def answer(method: str, path: str, body: Any, role: str, scopes: tuple[str, ...]) -> int:
    client = key_client(role, scopes=list(scopes))
    return int(getattr(client, method)(path, body, format="json").status_code)


@pytest.mark.parametrize("route", READS)
def test_reading(route: str) -> None:
    role, scope = READS[route]
    path = Rows().path(route)
    assert answer("get", path, None, role, (scope,)) not in (401, 403)
    assert answer("get", path, None, role, (scope.replace(":read", ":write"),)) not in (401, 403)
    assert answer("get", path, None, "admin", ("nothing:read",)) == 403
    for smaller in ROLES[: ROLES.index(role)]:
        assert answer("get", path, None, smaller, ()) == 403


@pytest.mark.parametrize("write", WRITES, ids=lambda each: f"{each[0]} {each[1]} {each[4]}")
def test_writing(write: Write) -> None:
    method, route, role, scopes, body = write
    rows = Rows()
    path, sent = rows.path(route), rows.body(body)
    for left_out in scopes:
        others = tuple(each for each in scopes if each != left_out)
        read_only = left_out.replace(":write", ":read")
        assert answer(method, path, sent, "admin", (*others, read_only)) == 403, left_out
    for smaller in ROLES[: ROLES.index(role)]:
        assert answer(method, path, sent, smaller, ()) == 403
    assert answer(method, path, sent, role, scopes) not in (401, 403)


class TestWhatAKeyGrants:
    """A key makes no key that may do more than itself."""

    @pytest.mark.parametrize(
        ("own", "wanted"),
        [
            (["api-keys:write"], []),
            (["api-keys:write"], ["tasks:write"]),
            (["api-keys:write"], ["api-keys:write", "tasks:read"]),
            (["api-keys:write"], ["*:read"]),
            (["api-keys:write", "*:read"], ["*:write"]),
            (["api-keys:write", "tasks:read"], ["tasks:write"]),
        ],
    )
    def test_not_more_scopes(self, own: list[str], wanted: list[str]) -> None:
        client = key_client("admin", scopes=own)
        refused = client.post("/api-keys", {"name": "more", "role": "viewer", "scopes": wanted})
        assert refused.status_code == 403
        assert refused.json()["errors"][0]["field"].startswith("scopes")
        assert ApiKey.objects.count() == 1

    @pytest.mark.parametrize(
        ("own", "wanted"),
        [
            ([], []),
            ([], ["*:write"]),
            (["api-keys:write", "tasks:write"], ["tasks:read", "tasks:write"]),
            (["*:write"], ["*:read", "tasks:write", "*:write"]),
        ],
    )
    def test_as_many_scopes(self, own: list[str], wanted: list[str]) -> None:
        client = key_client("admin", scopes=own)
        made = client.post("/api-keys", {"name": "as many", "scopes": wanted})
        assert made.status_code == 201
        assert made.json()["scopes"] == sorted(wanted)

    def test_not_a_longer_life(self) -> None:
        end = now() + timedelta(days=7)
        client = key_client("admin", expires_at=end)
        for late in (None, (end + timedelta(seconds=1)).isoformat()):
            refused = client.post("/api-keys", {"name": "late", "expiresAt": late})
            assert refused.status_code == 403
            assert refused.json()["errors"][0]["field"] == "expiresAt"
        made = client.post("/api-keys", {"name": "in time", "expiresAt": end.isoformat()})
        assert made.status_code == 201

    def test_not_a_larger_role_and_no_larger_member(self) -> None:
        workspace = default_workspace()
        for role in ("viewer", "operator"):
            client = user_client(role, username=role)
            actor = Actor("user", str(client.user.pk), role, role=Role(role))
            for wanted in ROLES:
                with pytest.raises(Forbidden):
                    services.create_api_key(workspace=workspace, name="x", role=wanted, actor=actor)
                with pytest.raises(Forbidden):
                    services.add_member(
                        workspace=workspace, user=client.user, role=wanted, actor=actor
                    )
        assert not ApiKey.objects.exists()

    def test_a_creation_is_not_replayed_and_its_secret_is_kept_nowhere(self) -> None:
        client = key_client("admin")
        answers = [
            client.post("/api-keys", {"name": "twice"}, headers={"Idempotency-Key": "k"})
            for _ in range(2)
        ]
        assert [each.status_code for each in answers] == [201, 201]
        secrets = [each.json()["key"] for each in answers]
        assert secrets[0] != secrets[1]
        assert not IdempotencyKey.objects.exists()
        kept = str(list(AuditEvent.objects.values())) + client.get("/api-keys").content.decode()
        assert not any(secret in kept for secret in secrets)

    def test_nothing_changes_a_key(self) -> None:
        client = key_client("admin", scopes=["api-keys:write"])
        path = f"/api-keys/{client.api_key.id}"
        for method in ("patch", "put", "post"):
            assert getattr(client, method)(path, {"scopes": []}).status_code == 405


class TestWhatACallCauses:
    """The other scopes are asked for before anything is written or replayed."""

    def test_a_job_for_http_requests_needs_the_right_to_submit(self) -> None:
        job = {"name": "call", "schedule": "@daily", "taskType": "http-request"}
        job["payload"] = {"url": "https://example.com"}  # type: ignore[assignment]
        refused = key_client("operator", scopes=["cron:write"]).post("/cron/jobs", job)
        assert refused.status_code == 403
        assert "tasks:write" in refused.json()["detail"]

    def test_an_idempotent_answer_is_for_those_who_could_have_asked(self) -> None:
        first = key_client("operator", scopes=["workflows:write", "tasks:write"])
        workflow = make_workflow()
        path, key = f"/workflows/{workflow.id}/execute", {"Idempotency-Key": "one"}
        assert first.post(path, {}, headers=key).status_code == 202
        assert first.post(path, {}, headers=key).status_code == 200
        narrow = key_client("operator", scopes=["workflows:write"])
        assert narrow.post(path, {}, headers=key).status_code == 403
        assert WorkflowRun.objects.count() == 1

    def test_letters_of_a_run_need_the_right_to_run_workflows(self) -> None:
        letter = die()
        DeadLetter.objects.filter(id=letter.id).update(workflow_run_id=NOBODY)
        narrow = key_client("operator", scopes=["dlq:write", "tasks:write"])
        assert narrow.post("/dlq/actions", REPLAY).status_code == 403
        wide = key_client("operator", scopes=["dlq:write", "tasks:write", "workflows:write"])
        assert wide.post("/dlq/actions", REPLAY).status_code == 202

    def test_a_refused_batch_submits_nothing(self) -> None:
        make_task()
        narrow = key_client("operator", scopes=["dlq:write"])
        for call, body in (
            ("/dlq/actions", {"action": "reprocess", "filter": {"all": True}}),
            ("/dlq/actions", {"action": "reprocess", "filter": {"all": True}, "dryRun": True}),
        ):
            assert narrow.post(call, body).status_code == 403
        assert Task.objects.count() == 1


@pytest.mark.parametrize(
    ("held", "wanted", "is_covered"),
    [
        ([], "tasks:write", True),
        (["tasks:write"], "tasks:read", True),
        (["tasks:read"], "tasks:write", False),
        (["tasks:write"], "*:read", False),
        (["*:write"], "*:read", True),
        (["*:read"], "tasks:read", True),
        (["*:read"], "tasks:write", False),
    ],
)
def test_covers(held: list[str], wanted: str, is_covered: bool) -> None:
    assert covers(held, wanted) is is_covered
