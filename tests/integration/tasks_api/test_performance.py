"""GET /system/performance/summary."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from controlplane.core.clock import now
from controlplane.core.runtime.histograms import LARGEST_ERROR
from controlplane.workspaces.models import Workspace
from tasks_app.services.rollups import recompute_range
from tests.integration.test_rollups import ended, this_minute

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("early_in_the_minute")]

PATH = "/system/performance/summary"


def roll_up(back: timedelta) -> None:
    recompute_range(this_minute() - back, this_minute() + timedelta(minutes=1))


def get(client: APIClient, window: str | None = None) -> dict[str, Any]:
    response = client.get(PATH, {"window": window} if window else {})
    assert response.status_code == 200, response.content
    return dict(response.json())


def test_an_empty_workspace(client: APIClient) -> None:
    body = get(client)
    assert body["window"] == "1h"
    assert set(body["throughput"].values()) == {0}
    assert body["processingMs"] == {"avg": None, "p50": None, "p95": None, "p99": None}
    assert body["errorRate"] is None
    assert (body["byType"], body["byQueue"]) == ([], [])
    assert len(body["series"]) in (60, 61)
    assert body["stepSeconds"] == 60


def test_figures(viewer: APIClient, other: Workspace) -> None:
    at = this_minute() - timedelta(minutes=2)
    ended(at - timedelta(hours=3))
    for number in range(1, 101):
        ended(at + timedelta(seconds=number % 50), ms=number * 10, wait_ms=number)
    ended(at, "FAILED", type="sleep", queue="mail", ms=5_000)
    ended(at, "FAILED", type="sleep", queue="mail", state="RETRYING", ms=5_000)
    ended(at, workspace=other)
    recompute_range(at - timedelta(hours=3), at - timedelta(hours=2))
    roll_up(timedelta(minutes=5))
    body = get(viewer)
    assert body["measuredFrom"] == body["from"]
    assert body["throughput"]["completed"] == pytest.approx(100 / 3_630, rel=0.01)
    assert body["throughput"]["failed"] == pytest.approx(1 / 3_630, rel=0.01)
    assert body["throughput"]["failedAttempts"] == pytest.approx(2 / 3_630, rel=0.01)
    assert body["errorRate"] == round(1 / 101, 4)
    assert body["attemptErrorRate"] == round(2 / 102, 4)
    assert body["retryRate"] == round(1 / 102, 4)
    assert body["processingMs"]["avg"] == pytest.approx((505 * 100 + 10_000) / 102, abs=0.01)
    assert body["processingMs"]["p50"] == pytest.approx(510, rel=LARGEST_ERROR)
    assert body["waitMs"]["p95"] == pytest.approx(95, rel=LARGEST_ERROR)
    assert [each["name"] for each in body["byType"]] == ["noop", "sleep"]
    assert [each["name"] for each in body["byQueue"]] == ["default", "mail"]
    mail = body["byQueue"][1]
    assert (mail["submitted"], mail["completed"], mail["failed"]) == (2, 0, 1)
    assert (mail["failedAttempts"], mail["retriedAttempts"]) == (2, 1)
    assert mail["errorRate"] == mail["attemptErrorRate"] == 1
    assert mail["processingMs"]["p99"] == 5_000
    busy = [point for point in body["series"] if point["completed"]]
    assert [point["completed"] for point in busy] == [100]
    assert busy[0]["at"] == at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert busy[0]["p95Ms"] == pytest.approx(970, rel=LARGEST_ERROR)


def test_throughput_of_a_young_workspace_is_of_the_time_that_there_was(client: APIClient) -> None:
    at = now() - timedelta(seconds=100)
    for _ in range(50):
        ended(at)
    roll_up(timedelta(minutes=5))
    for window in ("5m", "1h", "2d"):
        body = get(client, window)
        assert body["measuredFrom"] == at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        assert body["throughput"]["completed"] == pytest.approx(0.5, rel=0.1)


def test_no_percentile_is_above_the_longest_time(client: APIClient) -> None:
    at = this_minute() - timedelta(minutes=1)
    for _ in range(20):
        ended(at, ms=40_001, wait_ms=40_001)
    roll_up(timedelta(minutes=5))
    body = get(client)
    for times in (body["processingMs"], body["waitMs"], body["byType"][0]["processingMs"]):
        assert times["p95"] == times["p99"] == 40_001
    assert [point["p95Ms"] for point in body["series"] if point["completed"]] == [40_001]


def test_internal_tasks_are_left_out_unless_asked_for(client: APIClient) -> None:
    at = this_minute() - timedelta(minutes=1)
    ended(at)
    ended(at, type="workflow-join")
    roll_up(timedelta(minutes=5))
    assert [each["name"] for each in get(client)["byType"]] == ["noop"]
    body = client.get(PATH, {"internal": "true"}).json()
    assert {each["name"] for each in body["byType"]} == {"noop", "workflow-join"}


@pytest.mark.parametrize(
    ("window", "step"),
    [("5m", 60), ("299m", 60), ("6h", 120), ("24h", 300), ("2d", 3_600), ("30d", 10_800)],
)
def test_a_long_window_has_coarser_steps(client: APIClient, window: str, step: int) -> None:
    ended(now() - timedelta(minutes=1), ms=100)
    roll_up(timedelta(minutes=2))
    body = get(client, window)
    assert body["stepSeconds"] == step
    assert len(body["series"]) <= 300
    assert sum(point["completed"] for point in body["series"]) == 1
    assert body["processingMs"]["p99"] == pytest.approx(100, rel=LARGEST_ERROR)


def test_it_reads_roll_ups_only(client: APIClient) -> None:
    ended(this_minute() - timedelta(minutes=1))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert get(client)["throughput"]["completed"] == 0
    texts = " ".join(query["sql"] for query in queries)
    assert "tasks_app_rollup" in texts
    assert "tasks_app_task" not in texts


@pytest.mark.parametrize(
    "window", ["4m", "31d", "0h", "1w", "", "h", "-1h", "1.5h", "٣h", "1h ", "999999d", "x" * 50]
)
def test_a_bad_window_is_named(client: APIClient, window: str) -> None:
    response = client.get(PATH, {"window": window})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "window"


def test_unknown_parameters_are_named(client: APIClient) -> None:
    response = client.get(PATH, {"windw": "1h"})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "windw"


def test_who_may_read(stranger: APIClient) -> None:
    ended(this_minute() - timedelta(minutes=1))
    roll_up(timedelta(minutes=5))
    assert get(stranger)["byType"] == []
    assert APIClient().get(PATH).status_code == 401
