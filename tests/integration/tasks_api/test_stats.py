"""GET /tasks/stats."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from controlplane.core.clock import now
from controlplane.workspaces.models import Workspace
from tasks_app.selectors import stats
from tests.rows import make_attempt, make_task

pytestmark = pytest.mark.django_db


def test_an_empty_workspace(client: APIClient) -> None:
    body = client.get("/tasks/stats").json()
    assert body["total"] == 0
    assert set(body["byStatus"].values()) == {0}
    assert body["throughput"] == {"perSecond1m": 0, "perSecond5m": 0}
    assert body["processingMs"] == {"avg": None, "p50": None, "p95": None, "p99": None}
    assert body["successRate"] is None
    assert body["windowSeconds"] == 300


def test_figures(client: APIClient, other: Workspace) -> None:
    for state in ("PENDING", "PENDING", "SCHEDULED", "RETRYING", "BLOCKED", "RUNNING"):
        make_task(state)
    make_task(queue="mail", type="sleep")
    at = now()
    for n in range(30):
        make_attempt(
            make_task("COMPLETED", type="cpu"),
            wait_ms=n,
            started_at=at - timedelta(milliseconds=100 * (n + 1)),
            finished_at=at,
        )
    failed = make_task("FAILED", queue="mail")
    for number in range(1, 11):
        make_attempt(failed, number, outcome="FAILED", started_at=at, finished_at=at)
    make_task("CANCELLED")
    old = at - timedelta(hours=1)
    make_attempt(make_task("COMPLETED"), started_at=old, finished_at=old)
    make_task("FAILED", finished_at=old)
    make_attempt(make_task("COMPLETED", workspace=other))
    body = client.get("/tasks/stats").json()
    assert body["byStatus"] == {
        "BLOCKED": 1,
        "SCHEDULED": 1,
        "PENDING": 3,
        "RUNNING": 1,
        "RETRYING": 1,
        "COMPLETED": 30,
        "FAILED": 1,
        "CANCELLED": 1,
    }
    assert body["total"] == 39
    assert body["byType"] == {"cpu": 30, "noop": 8, "sleep": 1}
    assert body["byQueue"] == {"default": 37, "mail": 2}
    assert body["throughput"]["perSecond5m"] == round(40 / 300, 3)
    assert body["throughput"]["perSecond1m"] == round(40 / 60, 3)
    assert body["successRate"] == 0.75
    assert body["processingMs"]["p99"] == pytest.approx(2961, abs=5)
    assert body["waitMs"]["p50"] > 0
    assert body["countsAreLowerBounds"] is False


def test_a_busy_workspace_tells_a_shorter_window(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stats, "_MOST_ATTEMPTS", 5)
    task = make_task("COMPLETED")
    at = now()
    for number, age in enumerate([200, 100, 40, 30, 20, 5, 3, 1], start=1):
        ended = at - timedelta(seconds=age)
        make_attempt(task, number, started_at=ended, finished_at=ended)
    body = client.get("/tasks/stats").json()
    assert body["windowSeconds"] == 10
    assert body["byStatus"]["COMPLETED"] == 3


def test_a_window_that_takes_too_long_gives_way_to_a_shorter_one(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = stats._rows

    def slow_for_the_longest(name: str, params: dict[str, Any]) -> list[Any]:
        if params.get("seconds") == 300:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(2)")
        return rows(name, params)

    monkeypatch.setattr(stats, "_WINDOW_SECONDS_TO_READ", 0.2)
    monkeypatch.setattr(stats, "_rows", slow_for_the_longest)
    assert client.get("/tasks/stats").json()["windowSeconds"] == 60
