"""Scopes: a key does what its scopes name, and grants no more than it has."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.core.clock import now
from controlplane.core.errors import Forbidden
from controlplane.workspaces import services
from controlplane.workspaces.actors import Actor, covers
from controlplane.workspaces.models import ApiKey, AuditEvent
from controlplane.workspaces.states import Role
from dlq.models import DeadLetter
from tasks_app.models import IdempotencyKey, Task
from tests.clients import default_workspace, key_client, user_client
from tests.factories import make_letter, make_schedule, make_task, make_workflow
from workflows.models import WorkflowRun

pytestmark = pytest.mark.django_db

NOBODY = UUID("018f6f2e-0000-7000-8000-000000000000")
LETTERS = {"filter": {"all": True}}
REPLAY = {"action": "reprocess", "ratePerSecond": 5, **LETTERS}
ROLES = ("viewer", "operator", "admin")


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

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/cron/jobs", {"name": "a", "schedule": "@daily", "taskType": "test-echo"}),
            ("/cron/jobs/{job}/trigger", None),
            ("/dlq/tasks/{letter}/reprocess", {}),
            ("/system/stress-tests", {"tasks": 1}),
        ],
    )
    def test_an_idempotent_answer_needs_the_right_to_submit(self, path: str, body: Any) -> None:
        ids = {"job": make_schedule("@daily").id, "letter": make_letter().id}
        sent = {"path": path.format(**ids), "data": body}
        scopes = ["cron:write", "dlq:write", "system:write"]
        wide, narrow = (
            key_client("operator", scopes=[*scopes, *more]) for more in (["tasks:write"], [])
        )
        key = {"Idempotency-Key": "one"}
        assert wide.post(**sent, headers=key).status_code in (201, 202)
        assert wide.post(**sent, headers=key).status_code == 200
        assert narrow.post(**sent, headers=key).status_code == 403

    def test_letters_of_a_run_need_the_right_to_run_workflows(self) -> None:
        letter = make_letter()
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
