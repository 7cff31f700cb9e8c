"""GET /dlq/replays, one, cancel."""

from uuid import UUID

import pytest
from rest_framework.test import APIClient

from controlplane.core.ids import uuid7
from controlplane.workspaces.models import Workspace
from dlq.models import Replay, ReplayTask
from dlq.replay_driver import ReplayDriver
from tests.factories import make_error, make_letter
from tests.manual_worker import run_task

pytestmark = pytest.mark.django_db


def begin(client: APIClient, letters: int = 3) -> str:
    for _ in range(letters):
        make_letter()
    body = {"action": "reprocess", "all": True, "canary": {"stages": [2], "maxFailureShare": 0.4}}
    answer = client.post("/dlq/actions", body)
    assert answer.status_code == 202, answer.content
    return str(answer.json()["replayId"])


def waiting(replay_id: str) -> list[UUID]:
    rows = ReplayTask.objects.filter(replay_id=replay_id, outcome="").order_by("letter_id")
    return list(rows.values_list("task_id", flat=True))


def test_one_that_stops_says_what_still_fails(operator: APIClient) -> None:
    replay_id = begin(operator)
    ReplayDriver().drive()
    run_task(waiting(replay_id)[0])
    run_task(waiting(replay_id)[1], make_error("still broken"))
    ReplayDriver().drive()
    found = operator.get(f"/dlq/replays/{replay_id}").json()
    assert (found["status"], found["stage"]) == ("STOPPED", 0)
    assert (found["submitted"], found["succeeded"], found["failed"]) == (2, 1, 1)
    assert found["stageCounts"] == [
        {"stage": 0, "size": 2, "submitted": 2, "succeeded": 1, "failed": 1}
    ]
    assert found["stopReason"]
    assert found["finishedAt"] is not None
    (group,) = found["stillFailing"]
    assert group["error"] == {"class": "ValueError", "message": "still broken"}
    assert group["count"] == 1
    assert 0 < found["progress"] < 100
    assert found["filter"] == {"all": True}


def test_one_that_completes(operator: APIClient) -> None:
    replay_id = begin(operator)
    for _ in range(4):
        ReplayDriver().drive()
        for task in waiting(replay_id):
            run_task(task)
    ReplayDriver().drive()
    found = operator.get(f"/dlq/replays/{replay_id}/").json()
    assert (found["status"], found["progress"], found["stopReason"]) == ("COMPLETED", 100.0, None)
    assert [(stage["size"], stage["succeeded"]) for stage in found["stageCounts"]] == [
        (2, 2),
        (None, 1),
    ]
    assert (found["stillFailing"], found["skips"]) == ([], [])


def test_what_was_skipped_is_named(operator: APIClient) -> None:
    gone = make_letter(type="noop-of-yore")
    replay_id = begin(operator, letters=1)
    ReplayDriver().drive()
    found = operator.get(f"/dlq/replays/{replay_id}").json()
    assert found["skipped"] == 1
    (skip,) = found["skips"]
    assert skip["letterId"] == str(gone.id)
    assert "noop-of-yore" in skip["reason"]


def test_the_list(operator: APIClient, viewer: APIClient, stranger: APIClient) -> None:
    first, second = begin(operator), begin(operator)
    body = viewer.get("/dlq/replays").json()
    assert [replay["id"] for replay in body["data"]] == [second, first]
    assert body["data"][0]["status"] == "RUNNING"
    assert stranger.get("/dlq/replays").json()["data"] == []
    assert viewer.get("/dlq/replays", {"sort": "speed"}).status_code == 422


def test_cancel(operator: APIClient, viewer: APIClient, stranger: APIClient) -> None:
    path = f"/dlq/replays/{begin(operator)}"
    assert viewer.post(f"{path}/cancel").status_code == 403
    assert stranger.post(f"{path}/cancel").status_code == 404
    assert stranger.get(path).status_code == 404
    assert viewer.get(f"/dlq/replays/{uuid7()}").status_code == 404
    answer = operator.post(f"{path}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "CANCELLED")
    assert operator.post(f"{path}/cancel").status_code == 409
    ReplayDriver().drive()
    assert Replay.objects.get().submitted == 0


def test_pause_and_resume(operator: APIClient, viewer: APIClient, stranger: APIClient) -> None:
    path = f"/dlq/replays/{begin(operator)}"
    assert operator.post(f"{path}/resume").status_code == 409
    for verb in ("pause", "resume"):
        assert viewer.post(f"{path}/{verb}").status_code == 403
        assert stranger.post(f"{path}/{verb}").status_code == 404
    paused = operator.post(f"{path}/pause")
    assert (paused.status_code, paused.json()["status"]) == (200, "RUNNING")
    assert paused.json()["pausedAt"] is not None
    ReplayDriver().drive()
    assert Replay.objects.get().submitted == 0
    assert operator.post(f"{path}/resume").json()["pausedAt"] is None
    ReplayDriver().drive()
    assert Replay.objects.get().submitted > 0


def test_the_tasks_of_others_are_not_in_it(operator: APIClient, other: Workspace) -> None:
    theirs = make_letter(workspace=other)
    begin(operator, letters=1)
    ReplayDriver().drive()
    theirs.refresh_from_db()
    assert theirs.status == "OPEN"
