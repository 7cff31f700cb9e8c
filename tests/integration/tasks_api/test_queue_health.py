"""GET /health/queue."""

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from controlplane.workspaces.models import Workspace
from tasks_app.services.rollups import recompute_range
from tests.factories import make_attempt, make_task
from tests.integration.test_rollups import ended, this_minute

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("early_in_the_minute")]

MINUTE = timedelta(minutes=1)


def test_counts_in_all_and_by_queue(viewer: APIClient, other: Workspace) -> None:
    for state in ("PENDING", "PENDING", "RUNNING", "SCHEDULED", "RETRYING", "BLOCKED"):
        make_task(state)
    at = this_minute() - MINUTE + timedelta(seconds=1)
    ended(at, queue="mail")
    task = ended(at, "FAILED", queue="mail", attempt=3)
    for number in (2, 3):
        make_attempt(task, number, outcome="FAILED", started_at=at, finished_at=at)
    ended(at - timedelta(days=2), queue="mail")
    make_task("CANCELLED", queue="mail")
    make_task(workspace=other)
    recompute_range(this_minute() - MINUTE, this_minute())
    body = viewer.get("/health/queue").json()
    first, mail = body.pop("queues")
    held = {"active": 1, "waiting": 2, "delayed": 2, "blocked": 1}
    ends = {"completed": 2, "failed": 1, "cancelled": 1}
    attempts = {"attemptsLast24h": {"succeeded": 1, "failed": 3}}
    assert body == {**held, **ends, **attempts, "isEstimate": False}
    nothing = {**dict.fromkeys(ends, 0), "attemptsLast24h": {"succeeded": 0, "failed": 0}}
    assert first == {"name": "default", **held, **nothing}
    assert mail == {"name": "mail", **dict.fromkeys(held, 0), **ends, **attempts}


def test_internal_tasks_are_counted_only_when_they_are_asked_for(viewer: APIClient) -> None:
    for state in ("PENDING", "BLOCKED", "COMPLETED"):
        make_task(state, type="workflow-join", queue="workflows")
    make_task("PENDING", queue="workflows")
    (found,) = viewer.get("/health/queue").json()["queues"]
    assert (found["waiting"], found["blocked"], found["completed"]) == (1, 0, 0)
    (found,) = viewer.get("/health/queue", {"internal": "true"}).json()["queues"]
    assert (found["waiting"], found["blocked"], found["completed"]) == (2, 1, 1)


def test_who_may_read(stranger: APIClient) -> None:
    make_task()
    assert stranger.get("/health/queue").json()["queues"] == []
    assert APIClient().get("/health/queue").status_code == 401
