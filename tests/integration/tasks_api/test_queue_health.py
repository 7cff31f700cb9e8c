"""GET /health/queue."""

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from controlplane.workspaces.models import Workspace
from tasks_app.services.rollups import recompute_range
from tests.integration.test_rollups import ended, this_minute
from tests.rows import make_task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("early_in_the_minute")]

MINUTE = timedelta(minutes=1)


def test_counts_in_all_and_by_queue(viewer: APIClient, other: Workspace) -> None:
    for state in ("PENDING", "PENDING", "RUNNING", "SCHEDULED", "RETRYING", "BLOCKED"):
        make_task(state)
    at = this_minute() - MINUTE + timedelta(seconds=1)
    ended(at, queue="mail")
    ended(at, "FAILED", queue="mail")
    make_task(workspace=other)
    recompute_range(this_minute() - MINUTE, this_minute())
    body = viewer.get("/health/queue").json()
    first, mail = body.pop("queues")
    held = {"active": 1, "waiting": 2, "delayed": 2, "blocked": 1}
    assert body == {**held, "completed": 1, "failed": 1}
    assert first == {"name": "default", **held, "completed": 0, "failed": 0}
    assert mail == {"name": "mail", **dict.fromkeys(held, 0), "completed": 1, "failed": 1}


def test_who_may_read(stranger: APIClient) -> None:
    make_task()
    assert stranger.get("/health/queue").json()["queues"] == []
    assert APIClient().get("/health/queue").status_code == 401
