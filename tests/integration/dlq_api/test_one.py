"""GET /dlq/tasks/{id}, reprocess, discard."""

from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from controlplane.core.ids import uuid7
from controlplane.workspaces.models import AuditEvent, Workspace
from dlq.models import DeadLetter
from tasks_app.models import Task
from tests.factories import make_error, make_letter, make_next_letter
from tests.manual_worker import run_task

pytestmark = pytest.mark.django_db


def reprocess(client: APIClient, letter: DeadLetter, *args: Any, **options: Any) -> Any:
    return client.post(f"/dlq/tasks/{letter.id}/reprocess", *args, **options)


def discard(client: APIClient, letter: DeadLetter, **body: Any) -> Any:
    return client.post(f"/dlq/tasks/{letter.id}/discard", body)


class TestShow:
    """One letter."""

    def test_every_attempt_has_its_traceback(self, viewer: APIClient) -> None:
        letter = make_letter(make_error("first"))
        Task.objects.filter(id=letter.task_id).update(state="PENDING", finished_at=None)
        letter = make_next_letter(letter.task_id, make_error("second"))
        found = viewer.get(f"/dlq/tasks/{letter.id}").json()
        assert [attempt["attempt"] for attempt in found["attempts"]] == [1, 2]
        assert [attempt["outcome"] for attempt in found["attempts"]] == ["FAILED", "FAILED"]
        assert [attempt["error"]["message"] for attempt in found["attempts"]] == [
            "first",
            "second",
        ]
        assert "orders.py" in found["attempts"][0]["error"]["traceback"]
        assert found["attempts"][0]["workerNode"] == "node-a"
        assert found["attempts"][0]["startedAt"].endswith("Z")
        assert found["attemptsTotal"] == 2

    def test_the_chain_leads_from_death_to_death(self, operator: APIClient) -> None:
        first = make_letter()
        new = UUID(reprocess(operator, first).json()["reprocessedTaskId"])
        second = make_next_letter(new)
        found = operator.get(f"/dlq/tasks/{second.id}").json()
        assert [link["id"] for link in found["chain"]["previous"]] == [str(first.id)]
        assert found["chain"]["next"] == []
        assert found["reprocessOf"] == str(first.task_id)
        before = operator.get(f"/dlq/tasks/{first.id}").json()["chain"]
        assert before["previous"] == []
        assert [link["id"] for link in before["next"]] == [str(second.id)]
        assert before["next"][0]["status"] == "OPEN"

    def test_what_is_not_there_or_theirs(self, viewer: APIClient, other: Workspace) -> None:
        theirs = make_letter(workspace=other)
        for letter_id in (uuid7(), theirs.id):
            assert viewer.get(f"/dlq/tasks/{letter_id}").status_code == 404


class TestReprocess:
    """POST /dlq/tasks/{id}/reprocess."""

    def test_as_it_was(self, operator: APIClient) -> None:
        letter = make_letter(queue="mail", priority=3, tags=["a"], max_attempts=9, round_attempts=9)
        answer = reprocess(operator, letter)
        assert answer.status_code == 202
        body = answer.json()
        assert body["status"] == "REPROCESSED"
        assert body["resolvedBy"].startswith("op (tp_")
        assert body["resolvedAt"] is not None
        task = Task.objects.get(id=body["reprocessedTaskId"])
        assert (task.payload, task.priority, task.tags) == ({"order": 17}, 3, ["a"])
        assert (task.queue.name, task.max_attempts, task.state) == ("mail", 9, "PENDING")
        assert task.reprocess_of == letter.task_id
        assert AuditEvent.objects.filter(action="dlq.reprocess").count() == 1

    def test_with_a_corrected_payload(self, operator: APIClient) -> None:
        letter = make_letter()
        answer = reprocess(operator, letter, {"payload": {"order": 18}, "maxAttempts": 2})
        assert answer.status_code == 202
        task = Task.objects.get(id=answer.json()["reprocessedTaskId"])
        assert (task.payload, task.max_attempts) == ({"order": 18}, 2)
        assert answer.json()["payload"] == {"order": 17}  # history

    def test_once_only(self, operator: APIClient) -> None:
        letter = make_letter()
        reprocess(operator, letter)
        answer = reprocess(operator, letter)
        assert answer.status_code == 409
        assert "does its work again" in answer.json()["detail"]
        assert Task.objects.filter(reprocess_of=letter.task_id).count() == 1

    def test_a_key_gives_the_first_answer_again(self, operator: APIClient) -> None:
        letter, another = make_letter(), make_letter()
        key = {"Idempotency-Key": "k-1"}
        first = reprocess(operator, letter, {"maxAttempts": 2}, headers=key)
        again = reprocess(operator, letter, {"maxAttempts": 2}, headers=key)
        assert (first.status_code, again.status_code) == (202, 200)
        assert first.json() == again.json()
        by_field = reprocess(operator, letter, {"maxAttempts": 2, "idempotencyKey": "k-1"})
        assert by_field.status_code == 200
        assert reprocess(operator, letter, {"maxAttempts": 3}, headers=key).status_code == 409
        assert reprocess(operator, another, {"maxAttempts": 2}, headers=key).status_code == 409
        assert DeadLetter.objects.get(id=another.id).status == "OPEN"

    def test_a_refused_call_leaves_its_key_free(self, operator: APIClient) -> None:
        letter = make_letter(type="sleep", payload={"ms": 1})
        key = {"Idempotency-Key": "k-2"}
        assert reprocess(operator, letter, {"payload": {"ms": -5}}, headers=key).status_code == 422
        assert reprocess(operator, letter, {"payload": {"ms": 5}}, headers=key).status_code == 202

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"payload": {"ms": "soon"}}, "payload.ms"),
            ({"payload": [1]}, "payload"),
            ({"payload": "x"}, "payload"),
            ({"maxAttempts": 0}, "maxAttempts"),
            ({"maxAttempts": "3"}, "maxAttempts"),
            ({"retries": 3}, "retries"),
            ({"idempotencyKey": ""}, "idempotencyKey"),
        ],
    )
    def test_bad_bodies_name_the_field(
        self, operator: APIClient, body: dict[str, Any], field: str
    ) -> None:
        letter = make_letter(type="sleep", payload={"ms": 1})
        answer = reprocess(operator, letter, body)
        assert answer.status_code == 422, answer.content
        assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert DeadLetter.objects.get().status == "OPEN"

    def test_a_payload_over_the_limit(self, operator: APIClient) -> None:
        letter = make_letter()
        answer = reprocess(operator, letter, {"payload": {"x": "y" * 300_000}})
        assert answer.status_code == 413
        assert "262144" in answer.json()["detail"]

    def test_a_type_that_is_gone(self, operator: APIClient) -> None:
        letter = make_letter(type="noop-of-yore")
        answer = reprocess(operator, letter)
        assert answer.status_code == 422
        assert "noop-of-yore" in answer.json()["detail"]

    def test_a_key_does_not_open_a_letter_of_others(self, stranger: APIClient) -> None:
        letter = make_letter()
        assert reprocess(stranger, letter, {"idempotencyKey": "k"}).status_code == 404
        assert DeadLetter.objects.get().status == "OPEN"


class TestDiscard:
    """POST /dlq/tasks/{id}/discard."""

    def test_with_its_reason(self, operator: APIClient) -> None:
        letter = make_letter()
        answer = discard(operator, letter, reason="  sent by hand ")
        assert answer.status_code == 200
        body = answer.json()
        assert (body["status"], body["discardReason"]) == ("DISCARDED", "sent by hand")
        assert body["resolvedBy"].startswith("op (tp_")
        event = AuditEvent.objects.get(action="dlq.discard")
        assert event.detail["reason"] == "sent by hand"

    @pytest.mark.parametrize(
        "body", [{}, {"reason": ""}, {"reason": "   "}, {"reason": 5}, {"reason": "x" * 2_001}]
    )
    def test_not_without_one(self, operator: APIClient, body: dict[str, Any]) -> None:
        letter = make_letter()
        answer = discard(operator, letter, **body)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["reason"]
        assert DeadLetter.objects.get().status == "OPEN"

    def test_once_only(self, operator: APIClient) -> None:
        letter = make_letter()
        discard(operator, letter, reason="a")
        answer = discard(operator, letter, reason="b")
        assert answer.status_code == 409
        assert DeadLetter.objects.get().discard_reason == "a"
        assert reprocess(operator, letter).status_code == 409


def test_a_repetition_that_completes_leaves_its_letter_closed(operator: APIClient) -> None:
    letter = make_letter()
    run_task(UUID(reprocess(operator, letter).json()["reprocessedTaskId"]))
    assert operator.get(f"/dlq/tasks/{letter.id}").json()["chain"]["next"] == []
    assert operator.get("/dlq/stats").json()["open"] == 0
