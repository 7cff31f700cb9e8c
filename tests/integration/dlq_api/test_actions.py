"""POST /dlq/actions."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.workspaces.models import Workspace
from dlq import bulk
from dlq.models import DeadLetter, Replay
from tasks_app.models import Task
from tests.factories import make_error, make_letter

pytestmark = pytest.mark.django_db


def act(client: APIClient, **body: Any) -> Any:
    return client.post("/dlq/actions", body)


def open_names() -> list[str]:
    return list(DeadLetter.objects.filter(status="OPEN").values_list("name", flat=True))


def test_reprocess_by_filter(operator: APIClient) -> None:
    for name in ("a", "b"):
        make_letter(make_error(category="NETWORK"), name=name)
    make_letter(name="c")
    answer = act(operator, action="reprocess", filter={"category": ["NETWORK"]})
    assert answer.status_code == 200
    assert answer.json() == {
        "matched": 2,
        "changed": 2,
        "hasMore": False,
        "dryRun": False,
        "refusals": [],
    }
    assert open_names() == ["c"]
    assert Task.objects.filter(reprocess_of__isnull=False).count() == 2


def test_ids_with_a_payload(operator: APIClient) -> None:
    letter, _ = make_letter(), make_letter()
    answer = act(
        operator, action="reprocess", ids=[str(letter.id)], payload={"order": 1}, maxAttempts=4
    )
    assert answer.json()["changed"] == 1
    task = Task.objects.get(reprocess_of=letter.task_id)
    assert (task.payload, task.max_attempts) == ({"order": 1}, 4)


def test_discard_with_a_reason(operator: APIClient) -> None:
    make_letter(name="a")
    answer = act(operator, action="discard", filter={"status": "OPEN"}, all=True, reason="gone")
    assert answer.json()["changed"] == 1
    assert DeadLetter.objects.get().discard_reason == "gone"


@pytest.mark.parametrize(
    "body",
    [
        {"action": "reprocess", "all": True},
        {"action": "discard", "filter": {"all": True}, "reason": "x"},
        {"action": "reprocess", "all": True, "canary": True},
        {"action": "reprocess", "all": True, "ratePerSecond": 5},
    ],
)
def test_a_dry_run_changes_nothing(operator: APIClient, body: dict[str, Any]) -> None:
    make_letter(), make_letter()
    answer = act(operator, dryRun=True, **body)
    assert answer.status_code == 200
    assert answer.json() == {
        "matched": 2,
        "changed": 0,
        "hasMore": False,
        "dryRun": True,
        "refusals": [],
    }
    assert len(open_names()) == 2
    assert not Replay.objects.exists()


def test_what_is_refused_says_why(operator: APIClient) -> None:
    good, bad = make_letter(), make_letter(type="noop-of-yore")
    body = act(operator, action="reprocess", all=True).json()
    assert (body["matched"], body["changed"]) == (2, 1)
    (refusal,) = body["refusals"]
    assert refusal["letterId"] == str(bad.id)
    assert "noop-of-yore" in refusal["reason"]
    assert DeadLetter.objects.get(id=good.id).status == "REPROCESSED"


def test_a_call_has_a_limit(operator: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MAX_PER_CALL", 2)
    for _ in range(3):
        make_letter()
    first = act(operator, action="discard", all=True, reason="x").json()
    assert (first["changed"], first["hasMore"]) == (2, True)
    second = act(operator, action="discard", all=True, reason="x").json()
    assert (second["changed"], second["hasMore"]) == (1, False)


class TestReplays:
    """With a canary or a rate the dispatcher does it."""

    def test_a_canary_of_its_own_stages(self, operator: APIClient) -> None:
        for _ in range(3):
            make_letter()
        answer = act(
            operator,
            action="reprocess",
            all=True,
            canary={"stages": [1, 2], "maxFailureShare": 0.5},
            ratePerSecond=20,
            payload={"order": 2},
            maxAttempts=1,
        )
        assert answer.status_code == 202
        replay = Replay.objects.get()
        assert answer.json() == {"replayId": str(replay.id), "matched": 3}
        assert (replay.stages, replay.max_failure_share) == ([1, 2], 0.5)
        assert (replay.rate_per_second, replay.max_attempts) == (20, 1)
        assert replay.payload == {"order": 2}
        assert replay.created_by.startswith("op (tp_")
        assert len(open_names()) == 3  # nothing was done by the call

    def test_true_is_the_usual_canary(self, operator: APIClient) -> None:
        make_letter()
        assert act(operator, action="reprocess", all=True, canary=True).status_code == 202
        replay = Replay.objects.get()
        assert (replay.stages, replay.max_failure_share) == ([5, 50], 0.2)

    def test_a_rate_alone_has_no_stages(self, operator: APIClient) -> None:
        make_letter()
        body = {"action": "reprocess", "all": True, "ratePerSecond": 0.5, "canary": False}
        assert act(operator, **body).status_code == 202
        assert Replay.objects.get().stages == []

    def test_a_key_gives_the_first_replay_again(self, operator: APIClient) -> None:
        make_letter()
        body = {"action": "reprocess", "all": True, "canary": True, "idempotencyKey": "k"}
        first, again = act(operator, **body), act(operator, **body)
        assert first.json() == again.json()
        assert Replay.objects.count() == 1
        assert act(operator, **{**body, "maxAttempts": 2}).status_code == 409

    def test_nothing_to_replay(self, operator: APIClient) -> None:
        answer = act(operator, action="reprocess", all=True, canary=True)
        assert answer.status_code == 409


NOBODY = "018f6f2e-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "resurrect", "all": True}, "action"),
        ({"action": "reprocess"}, "ids"),
        ({"action": "reprocess", "ids": [NOBODY], "filter": {}}, "ids"),
        ({"action": "reprocess", "ids": [NOBODY], "all": True}, "ids"),
        ({"action": "reprocess", "ids": []}, "ids"),
        ({"action": "reprocess", "filter": {}}, "filter"),
        ({"action": "reprocess", "filter": {"status": "OPEN"}}, "filter"),
        ({"action": "reprocess", "filter": {"flavour": "x"}}, "filter.flavour"),
        ({"action": "reprocess", "filter": {"category": "X"}}, "filter.category"),
        ({"action": "reprocess", "filter": {"category": 5}}, "filter.category"),
        ({"action": "reprocess", "filter": {"search": {}}}, "filter.search"),
        ({"action": "reprocess", "filter": {"since": 5}}, "filter.since"),
        ({"action": "reprocess", "filter": {"taskId": [[]]}}, "filter.taskId"),
        ({"action": "reprocess", "filter": {"all": "yes"}}, "filter.all"),
        ({"action": "reprocess", "filter": ["category"]}, "filter"),
        ({"action": "reprocess", "ids": ["17"]}, "ids[0]"),
        ({"action": ["reprocess"], "all": True}, "action"),
        ({"action": "reprocess", "all": "yes"}, "all"),
        (
            {"action": "reprocess", "all": True, "canary": True, "idempotencyKey": ""},
            "idempotencyKey",
        ),
        ({"action": "reprocess", "all": True, "ratePerSecond": 1e308}, "ratePerSecond"),
        ({"action": "reprocess", "all": True, "maxAttempts": 2.5}, "maxAttempts"),
        ({"action": "reprocess", "all": True, "canary": {"stages": [True]}}, "canary.stages[0]"),
        ({"action": "reprocess", "all": True, "canary": {"stages": [1] * 99}}, "canary.stages"),
        ({"action": "discard", "all": True}, "reason"),
        ({"action": "reprocess", "all": True, "reason": "x" * 5_000}, "reason"),
        ({"action": "discard", "all": True, "reason": "x", "canary": True}, "canary"),
        ({"action": "discard", "all": True, "reason": "x", "payload": {}}, "payload"),
        ({"action": "reprocess", "all": True, "ratePerSecond": 0}, "ratePerSecond"),
        ({"action": "reprocess", "all": True, "ratePerSecond": "5"}, "ratePerSecond"),
        ({"action": "reprocess", "all": True, "canary": 5}, "canary"),
        ({"action": "reprocess", "all": True, "canary": {"stages": []}}, "canary.stages"),
        ({"action": "reprocess", "all": True, "canary": {"stages": [0]}}, "canary.stages[0]"),
        ({"action": "reprocess", "all": True, "canary": {"step": 1}}, "canary.step"),
        (
            {"action": "reprocess", "all": True, "canary": {"maxFailureShare": 1.5}},
            "canary.maxFailureShare",
        ),
        ({"action": "reprocess", "all": True, "speed": 5}, "speed"),
    ],
)
def test_bad_bodies_name_the_field(operator: APIClient, body: dict[str, Any], field: str) -> None:
    make_letter()
    answer = act(operator, **body)
    assert answer.status_code == 422, answer.content
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert len(open_names()) == 1


@pytest.mark.parametrize(
    "body",
    [{"action": "reprocess", "all": True}, {"action": "discard", "all": True, "reason": "x"}],
)
def test_a_key_that_nothing_would_be_kept_for_is_refused(
    operator: APIClient, body: dict[str, Any]
) -> None:
    make_letter()
    by_field = act(operator, **body, idempotencyKey="k")
    by_header = operator.post("/dlq/actions", body, format="json", headers={"Idempotency-Key": "k"})
    for answer in (by_field, by_header):
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["idempotencyKey"]
    assert len(open_names()) == 1
    assert act(operator, **body, idempotencyKey="k", dryRun=True).json()["matched"] == 1


def test_viewers_do_not_act(viewer: APIClient) -> None:
    make_letter()
    assert act(viewer, action="reprocess", all=True, dryRun=True).status_code == 403


def test_letters_of_others_are_not_touched(
    operator: APIClient, stranger: APIClient, other: Workspace
) -> None:
    ours, theirs = make_letter(name="ours"), make_letter(name="theirs", workspace=other)
    body = {"action": "discard", "reason": "x"}
    assert act(stranger, ids=[str(ours.id)], **body).json()["matched"] == 0
    assert act(operator, all=True, **body).json()["changed"] == 1
    theirs.refresh_from_db()
    assert theirs.status == "OPEN"


def test_more_ids_than_a_call_takes(operator: APIClient) -> None:
    answer = act(operator, action="reprocess", ids=[NOBODY] * 1_001)
    assert answer.status_code == 422
    assert "1000" in answer.json()["detail"]


@pytest.mark.parametrize("body", [[], "reprocess", 5, None, [{"action": "reprocess"}]])
@pytest.mark.parametrize("path", ["actions", "tasks/{id}/reprocess", "tasks/{id}/discard"])
def test_a_body_that_is_no_object(operator: APIClient, path: str, body: Any) -> None:
    letter = make_letter()
    answer = operator.post(
        f"/dlq/{path.format(id=letter.id)}", json.dumps(body), content_type="application/json"
    )
    assert answer.status_code == 422, answer.content
    assert len(open_names()) == 1


def test_a_payload_over_the_limit_begins_no_replay(operator: APIClient) -> None:
    make_letter()
    answer = act(operator, action="reprocess", all=True, canary=True, payload={"x": "y" * 300_000})
    assert answer.status_code == 413
    assert not Replay.objects.exists()
