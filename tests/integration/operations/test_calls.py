"""POST /tasks/actions and /dlq/actions: a preview, whose token does exactly what it shows."""

from typing import Any

import pytest

from controlplane.workspaces.models import AuditEvent
from dlq.models import DeadLetter
from tasks_app.models import Task
from tests.clients import key_client
from tests.factories import make_job, make_leader, make_letter, make_queue, make_task, make_tasks

pytestmark = pytest.mark.django_db

CANCEL = {"action": "cancel", "filter": {"type": "noop"}}


def call(client: Any, path: str, status: int = 200, **body: Any) -> dict[str, Any]:
    answer = client.post(path, body, format="json")
    assert answer.status_code == status, answer.content
    found: dict[str, Any] = answer.json()
    return found


def reasons() -> set[Any]:
    return {event.detail.get("reason") for event in AuditEvent.objects.filter(actor_kind="key")}


def test_a_preview_and_then_exactly_that() -> None:
    make_tasks(12)
    client = key_client("operator")
    found = call(client, "/tasks/actions/preview", **CANCEL)
    assert (found["matched"], len(found["first"]), found["needsReason"]) == (12, 10, True)
    assert found["consequence"].startswith("12 waiting tasks will end at once")
    assert not Task.objects.exclude(state="PENDING").exists()

    token = found["token"]
    refused = call(client, "/tasks/actions", 422, **CANCEL, token=token)
    assert refused["errors"] == [
        {"field": "reason", "message": "Give a reason: it cannot be undone."}
    ]
    make_task()
    drift = call(client, "/tasks/actions", 409, **CANCEL, token=token, reason="OPS-1")
    assert "12 matched then, 13 now." in drift["detail"]
    assert not Task.objects.exclude(state="PENDING").exists()
    sure = {"token": token, "reason": "OPS-1", "acceptDrift": True}
    assert call(client, "/tasks/actions", **CANCEL, **sure)["changed"] == 13
    assert reasons() == {"OPS-1"}


def test_the_token_is_for_this_call_only() -> None:
    make_tasks(2)
    client = key_client("operator")
    token = call(client, "/tasks/actions/preview", **CANCEL)["token"]
    for other in (
        {**CANCEL, "action": "retry"},
        {"action": "cancel", "filter": {"type": "sleep"}},
        {"action": "cancel", "ids": [str(Task.objects.first().id)]},  # type: ignore[union-attr] # made above
    ):
        found = call(client, "/tasks/actions", 422, **other, token=token, reason="x")
        assert found["errors"][0]["field"] == "token"
    stranger = key_client("operator")
    assert call(stranger, "/tasks/actions", 422, **CANCEL, token=token, reason="x")["errors"]
    # The same mechanism: it starts a bulk operation too.
    assert call(client, "/operations", 202, token=token, reason="x")["matched"] == 2


def test_a_call_of_today_goes_on_working() -> None:
    make_tasks(3)
    client = key_client("operator")
    assert call(client, "/tasks/actions", **CANCEL) == {
        "matched": 3, "changed": 3, "dryRun": False, "hasMore": False,
    }  # fmt: skip
    assert reasons() == {None}


@pytest.mark.parametrize("where", ["header", "body"])
def test_a_reason_without_a_preview(where: str) -> None:
    make_tasks(2)
    client = key_client("operator")
    body = {**CANCEL, "reason": "in the body"} if where == "body" else CANCEL
    answer = client.post(
        "/tasks/actions", body, format="json", headers={"X-Reason": "in the header"}
    )
    assert answer.json()["changed"] == 2
    assert reasons() == {f"in the {where}"}


def test_priorities_need_no_reason_and_name_what_undoes_them() -> None:
    make_tasks(2)
    client = key_client("operator")
    body = {"action": "reprioritize", "priority": 7, "filter": {"type": "noop"}}
    found = call(client, "/tasks/actions/preview", **body)
    assert (found["needsReason"], found["undoneBy"]) == (False, "restore-priority")
    assert call(client, "/tasks/actions", **body, token=found["token"])["changed"] == 2


def test_dead_letters() -> None:
    letters = [make_letter(type="noop", payload={}) for _ in range(2)]
    client = key_client("operator")
    body: dict[str, Any] = {"action": "reprocess", "filter": {"all": True}, "maxAttempts": 3}
    found = call(client, "/dlq/actions/preview", **body)
    assert (
        found["consequence"] == "The work of 2 dead letters will be submitted again as new tasks."
    )
    token = found["token"]
    # With other attempts it would be something else; and a bulk operation takes none.
    other = call(client, "/dlq/actions", 422, **{**body, "maxAttempts": 4}, token=token, reason="x")
    assert other["errors"][0]["field"] == "token"
    assert call(client, "/operations", 422, token=token, reason="x")["errors"]
    assert call(client, "/dlq/actions", **body, token=token, reason="fixed")["changed"] == 2
    assert reasons() == {"fixed"}
    assert set(DeadLetter.objects.values_list("status", flat=True)) == {"REPROCESSED"}
    assert len(letters) == 2


def undo_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    return str(answer.headers["X-Undo"])


def test_what_a_call_changed_is_undone_by_its_header() -> None:
    make_leader()
    client, queue, job = key_client("admin"), make_queue("mail"), make_job("nightly")
    task = make_task(priority=3)
    for path, body, read in (
        ("/queues/mail", {"paused": True, "reason": "a fire"}, "paused"),
        ("/queues/mail", {"maxRunning": 7}, "maxRunning"),
        (f"/cron/jobs/{job.id}", {"enabled": False}, "enabled"),
        (f"/tasks/{task.id}", {"priority": 50}, "priority"),
    ):
        before = client.get(path).json()[read]
        token = undo_of(client.patch(path, body, format="json"))
        assert client.get(path).json()[read] != before
        assert call(client, "/undo", token=token)["text"].startswith("Undone")
        assert client.get(path).json()[read] == before
        assert call(client, "/undo", 409, token=token)["detail"]
    assert AuditEvent.objects.filter(detail__reason="Undo").exists()
    assert queue.name == "mail"
    group = make_letter().fingerprint
    decided = client.patch(f"/dlq/groups/{group}", {"state": "ACKNOWLEDGED"}, format="json")
    assert call(client, "/undo", token=undo_of(decided))["text"].startswith("Undone")
    assert client.get(f"/dlq/groups/{group}").json()["state"] == "OPEN"
    limit = undo_of(client.post("/auto-scaling/config", {"maxWorkers": 9}, format="json"))
    assert call(client, "/undo", token=limit)["text"].startswith("Undone")


def test_undo_is_for_the_same_key_within_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    make_queue("mail")
    client = key_client("operator")
    token = undo_of(client.patch("/queues/mail", {"paused": True}, format="json"))
    refused = call(key_client("admin"), "/undo", 422, token=token)
    assert "Somebody else" in refused["errors"][0]["message"]
    assert call(client, "/undo", 422, token="nonsense")["errors"][0]["field"] == "token"
    monkeypatch.setattr("controlplane.workspaces.undo.UNDO_SECONDS", -1)
    assert "hour" in call(client, "/undo", 422, token=token)["errors"][0]["message"]
