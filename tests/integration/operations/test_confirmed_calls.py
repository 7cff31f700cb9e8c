"""What is done with the token of a preview is what was previewed, and is done once."""

from typing import Any
from unittest.mock import patch

import pytest

from controlplane.core.errors import Conflict
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.undo import make_undo_token, offer_undo, undo_by_token
from dlq.models import Replay
from tasks_app.models import Task
from tasks_app.queries.lists import iterate_ids
from tasks_app.services import actions
from tests.clients import key_client
from tests.factories import make_job, make_leader, make_letter, make_queue, make_task, make_tasks
from tests.integration.operations.test_calls import CANCEL, call, reasons

pytestmark = pytest.mark.django_db


def test_what_a_call_cannot_do_whole_is_an_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    make_tasks(3)
    client = key_client("operator")
    token = call(client, "/tasks/actions/preview", **CANCEL)["token"]
    monkeypatch.setattr(actions, "MAX_PER_CALL", 2)
    refused = call(client, "/tasks/actions", 413, **CANCEL, token=token, reason="x")
    assert "POST /operations" in refused["detail"]
    assert not Task.objects.exclude(state="PENDING").exists()


def test_a_task_that_is_submitted_during_the_call_is_left_alone() -> None:
    make_tasks(2)
    client = key_client("operator")
    token = call(client, "/tasks/actions/preview", **CANCEL)["token"]

    def submit_first(*args: Any, **kwargs: Any) -> Any:
        make_task()
        return iterate_ids(*args, **kwargs)

    with patch.object(actions, "iterate_ids", submit_first):
        done = call(client, "/tasks/actions", **CANCEL, token=token, reason="x")
    assert done["changed"] == 2
    assert Task.objects.filter(state="PENDING").count() == 1


def test_an_empty_token_is_no_token() -> None:
    client = key_client("operator")
    refused = call(client, "/tasks/actions", 422, **CANCEL, token="")
    assert refused["errors"][0]["field"] == "token"


def test_a_dry_run_asks_for_nothing() -> None:
    make_tasks(2)
    client = key_client("operator")
    token = call(client, "/tasks/actions/preview", **CANCEL)["token"]
    make_task()
    assert call(client, "/tasks/actions", **CANCEL, token=token, dryRun=True)["matched"] == 3


def test_a_completed_task_that_is_named_is_retried() -> None:
    task = make_task(state="COMPLETED")
    client = key_client("operator")
    body = {"action": "retry", "filter": {"id": str(task.id)}}
    found = call(client, "/tasks/actions/preview", **body)
    assert found["matched"] == 1
    sure = {"token": found["token"], "reason": "x"}
    assert call(client, "/tasks/actions", **body, **sure)["changed"] == 1


def test_a_replay_that_is_repeated_with_its_key_is_the_first() -> None:
    make_leader()
    letters = [make_letter(type="noop", payload={}) for _ in range(2)]
    client = key_client("operator")
    body = {"action": "reprocess", "filter": {"all": True}, "ratePerSecond": 5}
    token = call(client, "/dlq/actions/preview", **body)["token"]
    sure = {**body, "token": token, "reason": "x", "idempotencyKey": "one"}
    first = call(client, "/dlq/actions", 202, **sure)
    letters[0].delete()
    assert call(client, "/dlq/actions", 202, **sure) == first
    assert call(client, "/dlq/actions", 409, **{**sure, "idempotencyKey": "two"})
    assert Replay.objects.count() == 1


def test_no_header_is_too_long_or_carries_a_payload() -> None:
    client, job = key_client("admin"), make_job("nightly")
    secret = client.patch(
        f"/cron/jobs/{job.id}", {"taskType": "sleep", "payload": {"ms": 2}}, format="json"
    )
    assert (secret.status_code, "X-Undo" in secret.headers) == (200, False)
    long = {"undo": [str(make_task().id) for _ in range(200)]}
    request = type("Request", (), {"actor": Actor("key", "1", "key", None), "own_headers": None})()
    offer_undo(request, "priorities", long)
    assert request.own_headers is None


def test_the_reason_of_an_undo_is_kept() -> None:
    make_queue("mail")
    client = key_client("admin")
    answer = client.patch("/queues/mail", {"paused": True, "reason": "a fire"}, format="json")
    body = {"token": answer.headers["X-Undo"]}
    client.post("/undo", body, format="json", headers={"X-Reason": "no fire"})
    assert "no fire" in reasons()


def test_a_token_of_another_release_is_a_conflict() -> None:
    actor = Actor("key", "1", "key", None)
    with pytest.raises(Conflict, match="does not know"):
        undo_by_token(make_undo_token("of-another-release", {}, actor), actor=actor)


def test_no_undo_where_nothing_was_changed() -> None:
    make_leader()
    client, job, task = key_client("admin"), make_job("nightly"), make_task(priority=3)
    make_queue("mail")
    letter = make_letter()
    for path, body in (
        ("/queues/mail", {"paused": True, "reason": "a fire"}),
        (f"/cron/jobs/{job.id}", {"enabled": False}),
        (f"/tasks/{task.id}", {"priority": 5}),
        (f"/dlq/groups/{letter.fingerprint}", {"state": "ACKNOWLEDGED"}),
    ):
        first, second = (client.patch(path, body, format="json") for _ in range(2))
        assert [each.status_code for each in (first, second)] == [200, 200], second.content
        assert ("X-Undo" in first.headers, "X-Undo" in second.headers) == (True, False), path
    released = client.post("/auto-scaling/release")
    assert (released.status_code, "X-Undo" in released.headers) == (200, False)


def test_a_token_does_not_undo_an_equal_change_of_somebody_else() -> None:
    client, other, job = key_client("admin"), key_client("admin"), make_job("nightly")
    make_queue("mail")
    for path, body in (
        ("/queues/mail", {"paused": True, "reason": "a fire"}),
        (f"/cron/jobs/{job.id}", {"enabled": False}),
    ):
        token = client.patch(path, body, format="json").headers["X-Undo"]
        call(client, "/undo", token=token)
        other.patch(path, body, format="json")
        assert "changed since" in call(client, "/undo", 409, token=token)["detail"]


def test_the_priorities_of_a_hundred_tasks_are_undone_by_the_header() -> None:
    make_tasks(100)
    before = dict(Task.objects.values_list("id", "priority"))
    client = key_client("operator")
    body = {"action": "reprioritize", "priority": 7, "filter": {"type": "noop"}}
    answer = client.post("/tasks/actions", body, format="json")
    assert set(Task.objects.values_list("priority", flat=True)) == {7}
    assert call(client, "/undo", token=answer.headers["X-Undo"])["text"].startswith("Undone")
    assert dict(Task.objects.values_list("id", "priority")) == before
